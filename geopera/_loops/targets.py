"""Where the bytes of a download go: a file, a folder, a file object, a URL of another file system.

All of them are whole or not there: the bytes are collected in a temporary file, which is moved or copied to the
target once it is complete and checked.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..errors import ResponseError
from .checksums import mismatch
from .filenames import with_suffix

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO

    from .checksums import Checksum

_BLOCK = 1 << 20
_MOST_PIECES = 64
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
# File systems whose uploads appear at once and whole; elsewhere a temporary name is used.
_WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"}
EXISTING = ("replace", "skip", "error")


class Part:
    """The temporary file of a download, and what is in it so far.

    On an event loop the disk's work is done by a thread, which goes on when the task that waits for it is
    cancelled. So `discard` waits for it, and what comes later does nothing.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._name = ""
        self._file: FileIO | None = None
        self._lock = RLock()
        self._over = False
        self._waiting: list[bytes] = []
        self._pending = 0
        self.size = 0
        self.validator: str | None = None
        self.checksums: list[Checksum] = []

    def open(self) -> None:
        with self._lock:
            if not self._over:
                self._name = str(self._target.part_name())
                # From the start nobody else can read it, whatever the umask is.
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
                self._file = io.FileIO(os.open(self._name, flags, 0o600), "r+b")

    def add(self, chunk: bytes) -> Callable[[], None] | None:
        """Take these bytes; returns the work to do now, or None while there is too little to write."""
        self._waiting.append(chunk)
        self._pending += len(chunk)
        self.size += len(chunk)
        return self.write if self._pending >= _BLOCK else None

    def write(self) -> None:
        with self._lock:
            waiting, self._waiting, self._pending = self._waiting, [], 0
            # A block that is joined is new memory each time, which costs more than the system calls that it saves.
            for chunk in waiting if len(waiting) <= _MOST_PIECES else [b"".join(waiting)]:
                data = memoryview(chunk)
                while data and self._file is not None:
                    data = data[self._file.write(data) :]

    def start_over(self) -> None:
        with self._lock:
            self._waiting.clear()
            self._pending = self.size = 0
            self.validator = None
            if self._file is not None:
                self._file.seek(0)
                self._file.truncate()

    def finish(self) -> None:
        """Check the whole file, and move it to the target."""
        with self._lock:
            self.write()
            if self._file is None:
                return
            fault = mismatch(self._file, self.checksums) if self.checksums else None
            if fault is not None:
                raise ResponseError(f"checksum mismatch: {fault}")
            self._target.put(self._file, self._name)

    def discard(self) -> None:
        """Remove the temporary file, unless it became the target."""
        with self._lock:
            file, self._file, self._over = self._file, None, True
            if file is not None:
                with suppress(OSError):
                    file.close()
                with suppress(OSError):
                    os.unlink(self._name)


class Target:
    """One place for one file. `result` is what the caller gets."""

    result: Any = None

    def size(self) -> int | None:
        """The bytes of what is there already, None where nothing is."""
        return None

    def has(self, checksums: list[Checksum]) -> bool:
        """Whether what is there already is known to be the file, byte for byte."""
        return False

    def part_name(self) -> Path:
        """The path of the temporary file."""
        import tempfile
        from secrets import token_hex

        return Path(tempfile.gettempdir(), f"geopera-{token_hex(12)}.part")

    def put(self, file: FileIO, name: str) -> None:
        raise NotImplementedError


class FileTarget(Target):
    """A file on this machine."""

    def __init__(self, path: Path) -> None:
        self.result = path
        self._path = Path(os.path.realpath(path))

    def check(self) -> None:
        """Refuse a path that cannot be replaced by a file."""
        shown = repr(os.fspath(self.result))
        if self._path.is_dir():
            raise IsADirectoryError(f"{shown} is a folder; name a file in it, or let the server name it")
        if self._path.exists() and not self._path.is_file():
            raise FileExistsError(f"{shown} is a device or a pipe; a download takes the place of a file")
        if not self._path.parent.is_dir():
            raise FileNotFoundError(
                f"the folder {str(self._path.parent)!r} does not exist; a folder that ends in '/' is made"
            )

    def size(self) -> int | None:
        try:
            return self._path.stat().st_size
        except OSError:
            return None

    def has(self, checksums: list[Checksum]) -> bool:
        if not checksums or not self._path.is_file():
            return False
        with open(self._path, "rb") as file:
            return mismatch(file, checksums) is None

    def part_name(self) -> Path:
        from secrets import token_hex

        return self._path.with_name(f".{self._path.name[:40]}.{token_hex(6)}.part")

    def put(self, file: FileIO, name: str) -> None:
        os.fsync(file.fileno())
        file.close()
        os.chmod(name, self._mode(name))
        os.replace(name, self._path)
        with suppress(OSError, AttributeError):  # the folder's entry, where a folder can be flushed
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _mode(self, name: str) -> int:
        """The permissions of the file that is replaced, without setuid and setgid, or those of any new file."""
        try:
            return self._path.stat().st_mode & 0o777
        except OSError:
            # The umask can only be read by setting it, for all threads. A new file shows it as well.
            probe = f"{name}.mode"
            descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                return os.fstat(descriptor).st_mode & 0o777
            finally:
                os.close(descriptor)
                os.unlink(probe)


class ObjectTarget(Target):
    """A binary file object, which gets the bytes at the end, from a temporary file."""

    def __init__(self, stream: Any) -> None:
        self.result = stream

    def put(self, file: FileIO, name: str) -> None:
        file.seek(0)
        while chunk := file.read(_BLOCK):
            view = memoryview(chunk)
            while view:
                written = self.result.write(view)
                if written == 0:
                    raise OSError("the file object took no bytes; the download is incomplete in it")
                view = view[written if isinstance(written, int) else len(view) :]


class RemoteTarget(Target):
    """A file of an fsspec file system."""

    def __init__(self, url: str, fs: Any, path: str) -> None:
        self.result = url
        self._fs = fs
        self._path = path

    def size(self) -> int | None:
        try:
            found = self._fs.info(self._path)
        except FileNotFoundError:
            return None
        return found.get("size") or 0

    def put(self, file: FileIO, name: str) -> None:
        file.flush()
        protocols = self._fs.protocol
        if _WHOLE & {protocols} if isinstance(protocols, str) else _WHOLE & set(protocols):
            self._fs.put_file(name, self._path)
            return
        folder, _, last = self._path.rpartition("/")
        part = f"{folder}/.{last[:40]}.{os.path.basename(name)}" if folder else f".{last[:40]}.part"
        try:
            self._fs.put_file(name, part)
            self._fs.mv(part, self._path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(part)
            raise


class Folder:
    """A folder whose files are named by the server. Two files of one name are both kept."""

    def __init__(self, where: str, fs: Any = None, path: str = "") -> None:
        self._where = where
        self._fs = fs
        self._path = path
        self._taken: set[str] = set()
        self._lock = RLock()
        #: Whether several files go there at once. A name that is only known when a file arrives would then depend
        #: on which one is first, so the one made of ids is taken.
        self.shared = False

    def make(self) -> None:
        """Create the folder, and those above it."""
        if self._fs is None:
            os.makedirs(self._where, exist_ok=True)
        else:
            with suppress(Exception):  # object stores have no folders
                self._fs.makedirs(self._path, exist_ok=True)

    def file(self, names: list[str]) -> Target:
        """The target for the first of `names` that no other file of this run has."""
        numbered = (with_suffix(names[-1], str(number)) for number in count(2))
        with self._lock:
            name = next(one for one in chain(names, numbered) if one.casefold() not in self._taken)
            self._taken.add(name.casefold())
        if self._fs is None:
            target = FileTarget(Path(self._where, name))
            target.check()
            return target
        url = f"{self._where.rstrip('/')}/{name}"
        return RemoteTarget(url, self._fs, f"{self._path.rstrip('/')}/{name}")


def resolve(to: Any) -> Target | Folder:
    """The caller's target. Raises TypeError, OSError or ImportError: if it cannot be used."""
    if hasattr(to, "write"):
        if isinstance(to, io.TextIOBase):
            raise TypeError("a download needs a binary file object, and this one takes text")
        if hasattr(to, "writable") and not to.writable():
            raise TypeError(
                "a download needs a file object that can be written to, and this one is read-only"
            )
        return ObjectTarget(to)
    text = os.fspath(to)
    if not isinstance(text, str):
        text = os.fsdecode(text)
    if isinstance(to, str) and _URL.match(to):
        return _remote(to)
    if text.endswith(("/", os.sep)) or os.path.isdir(text):
        if os.path.lexists(text.rstrip("/" + os.sep) or text) and not os.path.isdir(text):
            raise NotADirectoryError(f"{text!r} is a file, and no folder")
        return Folder(text)
    target = FileTarget(Path(text))
    target.check()
    return target


def resolve_folder(to: Any) -> Folder:
    """The folder for many files, whether its name ends in a slash or not."""
    if not isinstance(to, str | os.PathLike):
        raise TypeError(f"to= is a folder for the files, not {type(to).__name__}")
    text = os.fspath(to)
    found = resolve(text if str(text).endswith("/") else f"{text}/")
    assert isinstance(found, Folder)
    return found


def _remote(url: str) -> Target | Folder:
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        fs, path = url_to_fs(url)
    except ImportError as exc:
        raise ImportError(
            f"{url.partition(':')[0]}:// needs fsspec and a package for it ({exc}): pip install 'geopera[cloud]>=3'"
        ) from exc
    if url.startswith(("file://", "local://")):
        return resolve(path + ("/" if url.endswith("/") and not path.endswith("/") else ""))
    return Folder(url, fs, path) if url.endswith("/") else RemoteTarget(url, fs, path)
