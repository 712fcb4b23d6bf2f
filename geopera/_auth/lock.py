"""A lock across the threads and the processes that renew the same sign-in."""

from __future__ import annotations

import os
import time
from _thread import RLock
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_THREADS: dict[str, RLock] = {}
PATIENCE = 90.0  # seconds to wait for another process; a refresh takes 30 at most


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of the file at `path`. The lock is a second file beside it, since the file itself is replaced.

    If the file system has no locks or cannot be written, only the threads of this process exclude each other.
    """
    with _THREADS.setdefault(path, RLock()):
        try:
            number = os.open(path + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield
            return
        try:
            until = time.monotonic() + PATIENCE
            while not _try(number) and time.monotonic() < until:
                time.sleep(0.02)
            yield
        finally:
            os.close(number)  # which unlocks


def _try(number: int) -> bool:
    """Take the lock without waiting. True also if the system has no locks."""
    import errno

    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        return exc.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True
