"""Reading a file that somebody else may have put there: regular, of bounded size, and without waiting."""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG

from ._trust import MAX_BYTES

_NONBLOCK = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


class UnsafeFileError(Exception):
    """There is something that must not be read: no regular file, too large, or writable by others."""


def _foreign(status: os.stat_result) -> str:
    """Why what has this `status` is not this user's alone; empty if it is."""
    if not hasattr(os, "geteuid"):
        return ""
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    return "can be written by other users" if status.st_mode & 0o022 else ""


def check_folder(path: str) -> None:
    """Raise `UnsafeFileError` unless the folder `path` is one and this user's (or root's) alone."""
    status = os.lstat(path)
    fault = "is no folder" if not S_ISDIR(status.st_mode) else _foreign(status)
    if fault:
        raise UnsafeFileError(f"{path} {fault}")


def read_file(path: str, *, private: bool = False, limit: int = MAX_BYTES) -> bytes:
    """The bytes of the regular file `path`.

    Opening does not wait, as it would for a pipe. private: no link, and no file that another user (but root)
    owns or may write. Raises OSError, and `UnsafeFileError` for what must not be read.
    """
    handle = os.open(path, os.O_RDONLY | _NONBLOCK | (_NOFOLLOW if private else 0))
    try:
        status = os.fstat(handle)
        fault = "is no regular file" if not S_ISREG(status.st_mode) else ""
        if not fault and private:
            fault = _foreign(status)
        if not fault and status.st_size > limit:
            fault = f"is larger than {limit:,} bytes"
        if fault:
            raise UnsafeFileError(f"{path} {fault}")
        parts: list[bytes] = []
        left = limit + 1
        while left > 0 and (part := os.read(handle, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(handle)
    if left <= 0:
        raise UnsafeFileError(f"{path} is larger than {limit:,} bytes")
    return b"".join(parts)
