"""The lock that a fork waits for: it is held during imports and other one-time work.

A child that is forked while another thread imports inherits an import lock that is never released. So work that is
done once in a process, or once for an operation, holds this lock, and a fork takes it first.
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
    ):  # a hook that was registered while the process waited to fork has not taken the lock
        _lock.release()


def first_time() -> Any:
    """The lock, as a context manager. Threads that hold it finish before a process forks."""
    return _lock


def first_call() -> Any:
    """`first_time` for work that may log, as libraries do that a call imports.

    `logging` has a lock and a hook too, and hooks run in the reverse order of their registration. This one has to run
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
