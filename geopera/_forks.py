"""What a fork waits for: the imports, and the other work of a first time.

A child that is forked while another thread imports inherits an import lock that nobody gives back. So what happens
once in a process, or once for an operation, happens under one lock, which a fork takes first.
"""

from __future__ import annotations

import os
from _thread import RLock
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_lock = RLock()
_complete = False


def _hook() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_lock.acquire, after_in_parent=_release, after_in_child=_release)


def _release() -> None:
    with suppress(
        RuntimeError
    ):  # a hook that was registered while the process waited to fork has taken nothing
        _lock.release()


def first_time() -> Any:
    """The lock, as a context manager. Threads that hold it finish before a process forks."""
    return _lock


def first_call() -> Any:
    """`first_time`, for what may log: libraries that a call imports do.

    `logging` has a lock and a hook too, and hooks run in the reverse order of their registration. Ours has to come
    first, or a thread that holds it could wait for the lock of `logging`, and the fork for that thread.
    """
    global _complete
    if not _complete:
        with _lock:
            import logging  # noqa: F401

            if not _complete:
                _hook()
            _complete = True
    return _lock


_hook()
