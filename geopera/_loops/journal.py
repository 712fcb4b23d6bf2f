"""The journal of a bulk run: which bodies were sent under which keys, and what became of them.

A file of JSON lines. The first names the operation and the API; then come ``start`` lines, each flushed to
the disk before its request is sent, and ``done`` and ``failed`` lines. A body is known by a digest and by how
many equal ones came before it, so that two equal orders in one list stay two. Bodies, tokens and headers are
not written.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from hashlib import blake2b
from json import dumps, loads
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._call.endpoint import Reply
from .._call.locks import lock_file
from ..errors import GeoperaError

if TYPE_CHECKING:
    from typing import BinaryIO

    from .._call.endpoint import Endpoint
    from .._secrets import Redactor
    from ..types import Response

Place = tuple[str, int]
"""(digest of a body, how many equal bodies came before it in the run)."""

_VERSION = 1
# How long the API keeps an idempotency key (docs/reliability.md); a little less, for clocks that differ.
_KEY_LIFETIME = 24 * 3600.0 - 300.0


class Recorded:
    """A result of an earlier run."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Journal:
    """A journal file, for one run at a time.

    Args:
        path: The file. It is created with mode 0600 if it does not exist.
        endpoint: The operation that is run.
        base_url: The API that it runs on; a journal of another API is refused.

    Raises:
        ValueError: If the file is something else than a journal of this operation on this API.
    """

    def __init__(self, path: str | os.PathLike[str], endpoint: Endpoint, base_url: str) -> None:
        self.path = Path(path)
        self._endpoint = endpoint
        self._head = {
            "geopera_journal": _VERSION,
            "operation": endpoint.operation.id,
            "api": base_url.rstrip("/"),
        }
        self._file: BinaryIO | None = None
        self._keys: dict[Place, tuple[str | None, float]] = {}
        self._done: dict[Place, int] = {}  # where its line begins
        self._counts: dict[str, int] = {}
        if self.path.is_dir():
            raise IsADirectoryError(f"the journal {str(self.path)!r} is a folder; name a file in it")
        if self.path.exists() and not self.path.is_file():
            raise ValueError(f"the journal {str(self.path)!r} is a device or a pipe; name a file")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"the folder {str(self.path.parent)!r} of the journal does not exist")
        if self.path.exists():
            with open(self.path, "rb") as file:
                self._check_head(file.readline())

    def open(self) -> None:
        """Take the file and read what earlier runs wrote.

        Raises:
            RuntimeError: If another run is using it.
            ValueError: If a line of it is damaged. A torn last line, the trace of a crash, is cut off.
        """
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        file = self._file = os.fdopen(descriptor, "r+b")
        try:
            if not lock_file(descriptor, wait=False):
                raise RuntimeError(f"another run is using the journal {str(self.path)!r}")
            self._read(file)
            if file.tell() == 0:
                self._write(self._head)
            if new:
                _flush_folder(self.path.parent)
        except BaseException:
            self.close()
            raise

    def _read(self, file: BinaryIO) -> None:
        end = 0
        for number, line in enumerate(file, 1):
            if number == 1:
                self._check_head(line)
            if not line.endswith(b"\n"):
                break
            if number > 1 and line.strip():
                self._take(line, number, end)
            end += len(line)
        file.seek(end)
        file.truncate()

    def _check_head(self, line: bytes) -> None:
        if not line or (not line.endswith(b"\n") and _line(self._head).startswith(line)):
            return  # the process died while it wrote the first line
        try:
            found = loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or "geopera_journal" not in found:
            raise ValueError(f"{str(self.path)!r} is not a journal; it is left as it is")
        for name, what in (("geopera_journal", "format"), ("operation", "operation"), ("api", "API")):
            if str(found.get(name)).rstrip("/") != str(self._head[name]):
                raise ValueError(
                    f"the journal {str(self.path)!r} belongs to the {what} {found.get(name)!r}, "
                    f"not to {self._head[name]!r}; use another file"
                )

    def _take(self, line: bytes, number: int, offset: int) -> None:
        try:
            record = loads(line)
            event, place = record["event"], (record["body"], record["copy"])
            if event == "start":
                # A body that is sent again keeps the time of its first attempt: the key's age counts from there.
                at = min(float(record["at"]), self._keys.get(place, (None, inf))[1])
                self._keys[place] = record["key"], at
            elif event == "done":
                self._done[place] = offset
            elif event != "failed":
                raise KeyError(event)
            elif not record["acted"] and place in self._keys:
                self._keys[place] = self._keys[place][0], inf  # nothing was carried out under it
        except (ValueError, KeyError, TypeError) as exc:
            raise ValueError(
                f"line {number} of the journal {str(self.path)!r} is damaged; repair it or use another file"
            ) from exc

    def place(self, content: bytes) -> Place:
        """The place of the next body of a run."""
        canonical = dumps(loads(content), sort_keys=True, separators=(",", ":")).encode()
        digest = blake2b(canonical, digest_size=16).hexdigest()
        count = self._counts.get(digest, 0)
        self._counts[digest] = count + 1
        return digest, count

    def key(self, place: Place) -> str | None:
        """The key that an earlier run sent this body with, or None.

        Raises:
            GeoperaError: If the key is too old to protect from a second charge.
        """
        key, at = self._keys.get(place, (None, 0.0))
        if key is not None and self._endpoint.operation.spends and time.time() - at > _KEY_LIFETIME:
            raise GeoperaError(
                f"{self._endpoint.operation.id}: this body was begun more than 24 hours ago, and its idempotency "
                f"key {key!r} has expired; check whether it was carried out before sending it in another run",
                operation=self._endpoint.operation.id,
                idempotency_key=key,
                may_have_acted=True,
            )
        return key

    def recorded(self, place: Place) -> Recorded | None:
        """What an earlier run received for this body, parsed again, or None."""
        offset = self._done.get(place)
        if offset is None:
            return None
        assert self._file is not None
        end = self._file.tell()
        self._file.seek(offset)
        record = loads(self._file.readline())
        self._file.seek(end)
        content = bytes.fromhex(record["hex"]) if "hex" in record else record["content"].encode()
        headers = {"content-type": record["type"]}
        return Recorded(self._endpoint.parse(Reply(record["status"], headers, content))[0])

    def start(self, place: Place, key: str | None) -> None:
        """Note that a body is about to be sent. On return the line is on the disk."""
        digest, copy = place
        self._write({"event": "start", "body": digest, "copy": copy, "key": key, "at": round(time.time(), 3)})

    def done(self, place: Place, response: Response[Any], redactor: Redactor) -> None:
        """Note a success, with its content; secrets of the client that the server echoes are redacted."""
        digest, copy = place
        body: dict[str, Any]
        try:
            body = {"content": redactor.content(response.content).decode()}
        except UnicodeDecodeError:
            body = {"hex": response.content.hex()}
        kind = response.headers.get("content-type", "")
        head = {"event": "done", "body": digest, "copy": copy, "status": response.status_code}
        self._write({**head, "type": kind, **body})

    def failed(self, place: Place, error: BaseException) -> None:
        """Note a failure; the next run sends the body again, under the same key."""
        digest, copy = place
        acted = getattr(error, "may_have_acted", True)
        name = type(error).__name__
        self._write({"event": "failed", "body": digest, "copy": copy, "error": name, "acted": acted})

    def _write(self, record: dict[str, Any]) -> None:
        if self._file is None:
            return
        self._file.write(_line(record))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()


def _line(record: dict[str, Any]) -> bytes:
    return dumps(record, separators=(",", ":")).encode() + b"\n"


def _flush_folder(folder: Path) -> None:
    with suppress(OSError, AttributeError):  # the folder's entry, where a folder can be flushed
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
