"""The imports of a first call, done once, under a lock that a fork waits for.

See `_forks`: these imports happen before the first call, and not while a process forks.
"""

from __future__ import annotations

from .._forks import first_call

_ready: set[str | None] = set()


def prepare(library_name: str | None) -> None:
    """Import what a call over a library needs, once in a process."""
    if library_name in _ready:
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
        _ready.add(library_name)
