"""The file of an upload: a path or a file object, sent from some byte on, as often as it takes."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, Any

from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .progress import Silent

_BLOCK = 1 << 18


class Payload:
    """A file that is read as it is sent.

    Attributes:
        name: The file's name, without folders.
        size: Its bytes, from where the file object stood.
        start: How many of them the store has for certain.
        sent: How many were read so far, in this attempt.
        fault: What made reading fail: no failure of the network, and not worth another attempt.
    """

    def __init__(self, file: Any, name: str, *, owned: bool) -> None:
        self._file, self._owned = file, owned
        self.name = name
        self._origin = 0 if owned else file.tell()
        self.size = file.seek(0, os.SEEK_END) - self._origin
        file.seek(self._origin)
        self.start = self.sent = self._shown = 0
        self.fault: OSError | None = None
        self.closed = False
        self.bar: Silent | None = None

    def chunks(self) -> Iterator[bytes]:
        """What the store lacks."""
        self._rewind()
        while self.sent < self.size:
            yield self._read()

    async def achunks(self) -> AsyncIterator[bytes]:
        """The same, read by a thread."""
        self._rewind()
        while self.sent < self.size:
            yield await to_thread.run_sync(self._read)

    def _rewind(self) -> None:
        self._file.seek(self._origin + self.start)
        if self.bar is not None:
            self.bar.move(self.start - self._shown)
        self.sent = self._shown = self.start

    def _read(self) -> bytes:
        try:
            chunk: bytes = self._file.read(min(_BLOCK, self.size - self.sent))
            if not chunk:
                raise OSError(f"{self.name} became shorter while it was uploaded")
            if self.sent + len(chunk) == self.size and self._file.read(1):
                raise OSError(f"{self.name} became longer while it was uploaded")
        except OSError as exc:
            self.fault = exc
            raise
        self.sent += len(chunk)
        if self.bar is not None:
            self.bar.update(self.sent - self._shown)
        self._shown = self.sent
        return chunk

    def close(self) -> None:
        """Close what was opened here; a file object of the caller's stays open."""
        self.closed = True
        if self._owned:
            self._file.close()


class Empty:
    """A request body of no bytes."""

    fault = None

    def chunks(self) -> Iterator[bytes]:
        return iter(())

    async def achunks(self) -> AsyncIterator[bytes]:
        for chunk in tuple[bytes, ...]():
            yield chunk


def opened(file: Any, name: str | None) -> Payload:
    """The file to upload, checked before anything is sent. Raises OSError, TypeError or ValueError."""
    if hasattr(file, "read"):
        if isinstance(file, io.TextIOBase):
            raise TypeError("an upload needs a binary file object, and this one gives text")
        if not (hasattr(file, "seekable") and file.seekable()):
            raise ValueError(
                "an upload needs its size first, and this file object cannot seek; save it to a file"
            )
        own = getattr(file, "name", None)
        name = name or (os.path.basename(own) if isinstance(own, str) else None)
        if not name:
            raise TypeError("the file object has no name; give file_name=")
        return Payload(file, name, owned=False)
    if not isinstance(file, str | os.PathLike):
        raise TypeError(f"an upload takes a path or a binary file object, not {type(file).__name__}")
    path = os.fspath(file)
    mode = os.stat(path).st_mode  # before it is opened: that of a pipe would wait for a writer
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path!r} is a folder; upload its files one by one")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path!r} is a device or a pipe; save it to a file first")
    return Payload(open(path, "rb"), name or os.path.basename(os.fsdecode(path)), owned=True)
