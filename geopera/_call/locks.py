"""Locks on files, between the processes of one machine. The system releases them when a process ends."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 30  # past the content: there a locked range cannot be read by others

    def lock_file(descriptor: int, *, wait: bool) -> bool:
        """Lock an open file for this process; False if another one holds it and `wait` is false."""
        import os
        import time

        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        try:
            while True:
                try:
                    os.lseek(descriptor, _BYTE, os.SEEK_SET)
                    msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                    return True
                except OSError:
                    if not wait:
                        return False
                    time.sleep(0.01)
        finally:
            os.lseek(descriptor, place, os.SEEK_SET)

else:
    import fcntl

    def lock_file(descriptor: int, *, wait: bool) -> bool:
        """Lock an open file for this process; False if another one holds it and `wait` is false."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
