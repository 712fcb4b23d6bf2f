"""What a first call imports, imported once, under a lock that a fork waits for.

A child that is forked while another thread imports inherits an import lock that nobody gives back. So these imports
happen before the first call, and not while a fork does.
"""

from __future__ import annotations

import os
from _thread import RLock

_lock = RLock()
_ready: set[str | None] = set()
_hooked = False


def prepare(library_name: str | None) -> None:
    """Import what a call over a library needs, once in a process."""
    global _hooked
    if library_name in _ready:
        return
    # The hooks of a fork run in reverse order of their registration, and `logging` has one: ours has to be the later.
    import logging  # noqa: F401

    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked = True
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
    with _lock:
        import encodings.idna  # noqa: F401
        import random  # noqa: F401
        import uuid  # noqa: F401
        import warnings  # noqa: F401

        from .. import _http
        from .._call import limits, steps  # noqa: F401
        from . import pools  # noqa: F401

        # A transport brings in what the library stands on.
        _http.library(library_name).HTTPTransport(verify=False).close()
        _ready.add(library_name)
