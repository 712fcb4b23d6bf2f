"""Downloads: the plan.

The bytes go into a temporary file, which becomes the target once it is whole. A body that is cut is taken up where
it ended, if the server gives a validator for it (RFC 9110: If-Range, section 13.1.5; 206 and Content-Range,
section 15.3.7), and otherwise from its start, if asking again can do no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._call.stops import TotalTimeout
from .._decoding.inflate import BodyError
from .._http import transport_errors
from ..errors import APIError, GeoperaError, ResponseError
from .checksums import header_checksums
from .drive import run
from .progress import needs_tqdm, progress_bar
from .resume import begins_at, validator, whole_length
from .sources import Failed, Posted, Signed, find_url, lost
from .targets import EXISTING, Folder, Target, resolve
from .targets import Part as _File
from .todo import Emit, Work

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._call.endpoint import Endpoint
    from .drive import Caller, Plan
    from .progress import Silent
    from .sources import Source

__all__ = ["download", "find_url", "save", "source_of"]

_MOST_ATTEMPTS = 100


def download(
    caller: Caller,
    id: str,
    body: Any,
    fields: dict[str, Any],
    to: Any,
    *,
    existing: str,
    key: str | None,
    progress: Any,
) -> Any:
    """The target that the operation's file was written to; a coroutine of it on an async client."""
    endpoint = caller._any_endpoint(id)
    check_existing(existing)
    target = resolve(to)
    needs_tqdm(progress)
    source = source_of(caller, endpoint, caller._content(endpoint, body, fields), key)
    bar = progress_bar(progress, id, "B")
    return run(_alone(source, target, existing, caller._context().policy.max_retries, bar), caller)


def check_existing(value: Any) -> None:
    """Raises ValueError: if it is no way to treat files that are there."""
    if value not in EXISTING:
        raise ValueError(f"existing is 'replace', 'skip' or 'error', not {value!r}")


def source_of(caller: Caller, endpoint: Endpoint, content: bytes, key: str | None) -> Source:
    """Where the file of an operation comes from."""
    direct = endpoint.operation.binary or endpoint.operation.streaming
    return (Posted if direct else Signed)(caller, endpoint, content, key)


def _alone(source: Source, target: Target | Folder, existing: str, retries: int, bar: Silent) -> Plan:
    try:
        result = yield from save(source, target, existing, retries, bar)
    finally:
        bar.close()
    yield Emit((result,))


def save(
    source: Source, target: Target | Folder, existing: str, retries: int, bar: Silent
) -> Generator[Any, Any, Any]:
    """Bring the file of `source` to its target; returns what the caller gets for it."""
    if isinstance(target, Target) and (yield from _is_there(source, target, existing)):
        return target.result
    if isinstance(target, Folder):
        yield from source.prepare()
        names = source.names(None)
        if names:
            target = yield from _named(target, names)
            if (yield from _is_there(source, target, existing)):
                return target.result
    transfer = _Transfer(source, target, existing, bar)
    failures = attempts = 0
    last: GeoperaError | None = None
    try:
        while True:
            before, attempts = transfer.size, attempts + 1
            try:
                yield from transfer.attempt()
                break
            except Failed as failed:
                failures = 1 if transfer.size > before else failures + 1
                if not source.repeatable or failures > retries or attempts >= _MOST_ATTEMPTS:
                    failed.error.attempts = attempts
                    failed.error.__context__ = failed.cause  # without its request, whose URL is signed
                    last = failed.error
                    break
                yield min(failed.after if failed.after is not None else 0.5 * 2 ** (failures - 1), 60.0)
        if last is not None:
            raise last
        return (yield from transfer.finish())
    finally:
        transfer.discard()


def _named(folder: Folder, names: list[str]) -> Generator[Any, Any, Target]:
    yield Work(folder.make)
    return folder.file(names)


def _is_there(source: Source, target: Target, existing: str) -> Generator[Any, Any, bool]:
    """Whether there is nothing to do. Raises FileExistsError: if that is what was asked for."""
    if existing == "replace":
        return (yield from _is_same(source, target))
    size = yield Work(target.size)
    if size is None:
        return False
    if existing == "error":
        raise FileExistsError(f"{target.result!s} exists already; existing='replace' or 'skip' goes on")
    return source.size is None or size == source.size


def _is_same(source: Source, target: Target) -> Generator[Any, Any, bool]:
    """Whether the very file is there, by a checksum that the server gave."""
    checksums = source.checksums
    return bool(checksums) and (yield Work(lambda: target.has(checksums)))


class _Transfer:
    """One file on its way, over one or more attempts."""

    def __init__(self, source: Source, target: Target | Folder, existing: str, bar: Silent) -> None:
        self._source, self._target, self._existing, self._bar = source, target, existing, bar
        self._file: _File | None = None
        self._skipped = False
        self._shown = 0

    @property
    def size(self) -> int:
        return self._file.size if self._file is not None else 0

    def attempt(self) -> Generator[Any, Any, None]:
        """Receive what is still missing. Raises `Failed` where another attempt may do better."""
        if isinstance(self._target, Target) and self._file is None:
            yield from self._open(self._target)
        file, source = self._file, self._source
        headers = {"Accept-Encoding": "identity"}
        if file is not None and file.size and file.validator is not None:
            headers |= {"Range": f"bytes={file.size}-", "If-Range": file.validator}
        try:
            http, body = yield from source.open(headers)
        except APIError as exc:
            if exc.status_code != 416 or "Range" not in headers or file is None:
                raise
            # The file has become shorter than what is here: it is another one.
            yield Work(file.start_over)
            raise Failed(exc) from exc
        if file is None:
            assert isinstance(self._target, Folder)
            names = source.names(http)
            self._target = yield from _named(self._target, names[-1:] if self._target.shared else names)
            if (yield from _is_there(source, self._target, self._existing)):
                self._skipped = True
                return
            file = yield from self._open(self._target)
        if http.status_code == 206:
            # A server that does not know If-Range shows by the tag that the file is another one by now.
            wanted, tag = file.validator or "", http.headers.get("etag", "").strip()
            another = wanted.startswith('"') and tag not in ("", wanted)
            if begins_at(http) != file.size or "Range" not in headers or another:
                yield Work(file.start_over)
                raise Failed(self._wrong("the server sent another part of the file than was asked for"))
        elif file.size:
            yield Work(file.start_over)
        length = whole_length(http, file.size)
        self._show(file.size, length)
        file.validator = validator(http)
        file.checksums = [*source.checksums, *header_checksums(http)]
        try:
            while (chunk := (yield body)) is not None:
                self._shown += len(chunk)
                self._bar.update(len(chunk))
                work = file.add(chunk)
                if work is not None:
                    yield Work(work)
        except BodyError as exc:
            raise self._wrong(str(exc)) from exc
        except TotalTimeout as exc:
            raise lost(source.label, exc).error from None
        except transport_errors() as exc:
            raise lost(source.label, exc) from None
        if length is not None and file.size != length:
            size = file.size
            if size > length:
                yield Work(file.start_over)
            raise Failed(self._wrong(f"{size} bytes came of a file of {length}"))

    def _open(self, target: Target) -> Generator[Any, Any, _File]:
        file = self._file = _File(target)
        yield Work(file.open)
        return file

    def _show(self, size: int, length: int | None) -> None:
        if size != self._shown:
            self._bar.move(size - self._shown)
            self._shown = size
        self._bar.total(length)

    def _wrong(self, text: str) -> ResponseError:
        return ResponseError(f"{self._source.label}: {text}", operation=self._source.label)

    def finish(self) -> Generator[Any, Any, Any]:
        assert isinstance(self._target, Target)
        if not self._skipped:
            assert self._file is not None
            try:
                yield Work(self._file.finish)
            except ResponseError as exc:
                raise self._wrong(str(exc)) from None
        return self._target.result

    def discard(self) -> None:
        if self._file is not None:
            self._file.discard()
