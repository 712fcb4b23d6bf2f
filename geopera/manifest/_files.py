"""Reading a file that another user may have created: regular, of bounded size, and without waiting."""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG

from ._trust import MAX_BYTES

_NONBLOCK = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


class UnsafeFileError(Exception):
    """A file must not be read: it is not a regular file, too large, or writable by others."""


def _foreign(status: os.stat_result) -> str:
    """Why a file with this `status` is not this user's alone; empty if it is."""
    if not hasattr(os, "geteuid"):
        return ""
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    return "can be written by other users" if status.st_mode & 0o022 else ""


def check_folder(path: str) -> None:
    """Raise `UnsafeFileError` unless `path` is a folder that only this user (or root) can write."""
    status = os.lstat(path)
    fault = "is not a folder" if not S_ISDIR(status.st_mode) else _foreign(status)
    if fault:
        raise UnsafeFileError(f"{path} {fault}")


def read_file(path: str, *, private: bool = False, limit: int = MAX_BYTES) -> bytes:
    """The bytes of the regular file `path`. Opening does not wait, as it would for a pipe.

    Args:
        path: The file.
        private: Refuse a link, and a file that another user (except root) owns or may write.
        limit: The most bytes.

    Raises:
        OSError: If it cannot be read.
        UnsafeFileError: If it must not be read.
    """
    handle = os.open(path, os.O_RDONLY | _NONBLOCK | (_NOFOLLOW if private else 0))
    try:
        status = os.fstat(handle)
        fault = "is not a regular file" if not S_ISREG(status.st_mode) else ""
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
