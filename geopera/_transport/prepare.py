"""The imports of a first call, done once, under a lock that a fork waits for.

See `_forks`: these imports happen before the first call, and not while a process forks.
"""

from __future__ import annotations

from .._forks import first_call

_ready: set[tuple[str | None, bool]] = set()


def prepare(library_name: str | None, *, asynchronous: bool = False) -> None:
    """Import what a call over a library needs, once in a process; `asynchronous`: in the running event loop."""
    if (library_name, asynchronous) in _ready:
        return
    with first_call():
        import encodings.idna  # noqa: F401
        import random  # noqa: F401
        import uuid  # noqa: F401
        import warnings  # noqa: F401

        from .. import _http
        from .._call import layers, limits, steps  # noqa: F401
        from . import pools  # noqa: F401

        # Making a transport imports the dependencies of the library.
        _http.library(library_name).HTTPTransport(verify=False).close()
        if asynchronous:
            import anyio.abc

            try:
                anyio.current_time()  # imports the backend
            except RuntimeError:  # no event loop runs yet
                return
        _ready.add((library_name, asynchronous))
