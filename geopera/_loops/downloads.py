"""Downloads to a file: the plan.

The bytes go into a temporary file beside the target, which is flushed to the disk and then renamed: at the
target there is the old file or the whole new one, never a part. A body that is cut is taken up where it
ended, where the server gives a validator for it (RFC 9110: If-Range, section 13.1.5; 206 and Content-Range,
section 15.3.7), and otherwise from its start, if asking again can do no harm.

An operation that answers JSON names a signed URL. It is fetched by a client of its own, without the token,
cookies and headers of the API's.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from .._decoding.inflate import BodyError
from .._http import is_timeout, transport_errors
from ..errors import APIConnectionError, APIError, APITimeoutError, GeoperaError, ResponseError, for_status
from .drive import Call, Emit, Fetch, Read, Work, run
from .progress import needs_tqdm, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from io import FileIO

    from .._call.endpoint import Endpoint, Reply
    from .._transport.bodies import Body
    from .drive import Caller, Plan
    from .progress import Silent

_BLOCK = 1 << 20
_MOST_ATTEMPTS = 100
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_NAMES = (
    "url",
    "href",
    "signed_url",
    "signedUrl",
    "download_url",
    "downloadUrl",
    "presigned_url",
    "location",
)
_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)")


def download(
    caller: Caller, id: str, body: Any, path: str | os.PathLike[str], *, key: str | None, progress: Any
) -> Any:
    """The path that the operation's file was written to; a coroutine of it on an async client."""
    endpoint = caller._any_endpoint(id)
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder; name the file in it")
    if target.exists() and not target.is_file():
        raise FileExistsError(
            f"{os.fspath(path)!r} is a device or a pipe; a download takes the place of a file"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(target.parent)!r} does not exist")
    needs_tqdm(progress)
    direct = endpoint.operation.binary or endpoint.operation.streaming
    if not direct:
        source: _Source = _Signed(caller, endpoint, caller._steps(endpoint, body, {}, key))
    else:
        source = _Posted(caller, endpoint, body, key)
    return run(_download(source, Path(path), target, caller._context().policy.max_retries, progress), caller)


class _Failed(Exception):
    """An attempt that ended early; another one may do better."""

    def __init__(
        self, error: GeoperaError, cause: BaseException | None = None, after: float | None = None
    ) -> None:
        self.error = error
        self.cause = cause
        self.after = after


class _Source:
    """Where the bytes come from: `open` asks for them, from some place on."""

    label: str
    repeatable: bool

    def open(self, headers: dict[str, str]) -> Generator[Any, Any, tuple[Body, Read]]:
        raise NotImplementedError


class _Posted(_Source):
    """The body of the answer of an operation."""

    def __init__(self, caller: Caller, endpoint: Endpoint, body: Any, key: str | None) -> None:
        self.label = endpoint.operation.id
        self.repeatable = endpoint.operation.read_only
        self._caller, self._endpoint, self._key = caller, endpoint, key
        self._content = caller._content(endpoint, body, {})  # refuses a bad body at once
        self._first: Any = self._steps({"Accept-Encoding": "identity"})  # and a bad key
        self._signed: _Signed | None = None

    def _steps(self, headers: dict[str, str]) -> Any:
        how = {"stream": True, "finish": _unread, "headers": tuple(headers.items())}
        return self._caller._steps(self._endpoint, None, {}, self._key, content=self._content, **how)

    def open(self, headers: dict[str, str]) -> Generator[Any, Any, tuple[Body, Read]]:
        if self._signed is not None:
            return (yield from self._signed.open(headers))
        steps, self._first = self._first or self._steps(headers), None
        try:
            response = yield Call(steps)
        except APIError as exc:
            place = exc.response.headers.get("location") if exc.response is not None else None
            if exc.status_code not in _REDIRECTS or not place:
                raise
            # The file lies elsewhere; there the token is nobody's business.
            self._signed = _Signed(self._caller, self._endpoint, None)
            self._signed.go_to(place)
            self.repeatable = True
            return (yield from self._signed.open(headers))
        http = response.parsed.http
        return http, Read(http, file=True)


class _Signed(_Source):
    """What a signed URL leads to, which the answer of an operation names."""

    repeatable = True

    def __init__(self, caller: Caller, endpoint: Endpoint, steps: Any) -> None:
        self.label = endpoint.operation.id
        self._base = caller._client.base_url
        self._steps = steps
        self._url: str | None = None

    def go_to(self, url: str) -> None:
        self._url = urljoin(self._base.rstrip("/") + "/", url)
        scheme = urlsplit(self._url).scheme
        if scheme not in ("http", "https") or (scheme == "http" and self._base.startswith("https:")):
            raise ResponseError(
                f"{self.label}: the file's address is not to be trusted: its scheme is {scheme!r}",
                operation=self.label,
            )

    def open(self, headers: dict[str, str]) -> Generator[Any, Any, tuple[Body, Read]]:
        if self._url is None:
            response = yield Call(self._steps)
            url = find_url(response.parsed)
            if url is None:
                raise ResponseError(
                    f"{self.label}: the answer names no URL to download from",
                    operation=self.label,
                    status_code=response.status_code,
                    response=response,
                )
            self.go_to(url)
        assert self._url is not None
        try:
            body = yield Fetch(self._url, headers)
        except transport_errors(OSError, ValueError, ExceptionGroup) as exc:
            raise _lost(self.label, exc) from exc
        http: Body = body.http
        if not http.is_success:
            yield from self._refuse(http, body)
        return http, body

    def _refuse(self, http: Body, body: Read) -> Generator[Any, Any, None]:
        said = b""
        with suppress(*transport_errors(OSError, ValueError)):  # what it says about it is a courtesy
            said = (yield body) or b""
        from .._call.failures import start
        from .._call.retry import retry_after_seconds

        after = retry_after_seconds(http.headers, time.time())
        error = for_status(http.status_code)(
            f"{self.label}: the file's server answered {http.status_code} {start(said)}".rstrip(),
            status_code=http.status_code,
            operation=self.label,
            retry_after=after,
        )
        if http.status_code in _PASSING:
            raise _Failed(error, after=after)
        raise error


def _unread(reply: Reply) -> Reply:
    return reply


def _lost(label: str, exc: BaseException) -> _Failed:
    late = is_timeout(exc)
    cls = APITimeoutError if late else APIConnectionError
    return _Failed(cls(f"{label}: the download was cut: {type(exc).__name__}: {exc}", operation=label), exc)


def find_url(answer: Any) -> str | None:
    """The URL that an answer names: the answer itself, a field with a usual name, or the only URL in it."""
    if isinstance(answer, str):
        return answer if _is_url(answer) else None
    if hasattr(answer, "to_dict"):
        answer = answer.to_dict()
    if isinstance(answer, Mapping):
        for name in _NAMES:
            value = answer.get(name)
            if isinstance(value, str) and value:
                return value
        inner = [url for value in answer.values() if (url := find_url(value)) is not None]
        return inner[0] if len(set(inner)) == 1 else None
    if isinstance(answer, list):
        return find_url(answer[0]) if len(answer) == 1 else None
    return None


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))


class _File:
    """The temporary file beside the target, and what is in it so far.

    On an event loop the disk's work is done by a thread, which goes on when the task that waits for it is
    cancelled. So `discard` waits for it, and what comes later does nothing.
    """

    def __init__(self, target: Path) -> None:
        from secrets import token_hex

        self._target = target
        self._name = target.with_name(f".{target.name[:40]}.{token_hex(6)}.part")
        self._file: FileIO | None = None
        self._lock = RLock()
        self._over = False
        self._waiting: list[bytes] = []
        self._pending = 0
        self.size = 0
        self.validator: str | None = None

    def open(self) -> None:
        with self._lock:
            if not self._over:
                self._file = open(self._name, "xb", buffering=0)  # noqa: SIM115 - `finish` and `discard` close it

    def add(self, chunk: bytes) -> Callable[[], None] | None:
        """Take these bytes; returns the work to do now, or None while there is too little to write."""
        self._waiting.append(chunk)
        self._pending += len(chunk)
        self.size += len(chunk)
        return self.write if self._pending >= _BLOCK else None

    def write(self) -> None:
        with self._lock:
            data = memoryview(b"".join(self._waiting))
            self._waiting.clear()
            self._pending = 0
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
        """Put the whole file in its place."""
        with self._lock:
            self.write()
            if self._file is not None:
                self._replace(self._file)

    def _replace(self, file: FileIO) -> None:
        os.fsync(file.fileno())
        file.close()
        with suppress(OSError):  # a file that is replaced hands its permissions on
            os.chmod(self._name, self._target.stat().st_mode & 0o7777)
        os.replace(self._name, self._target)
        with suppress(OSError, AttributeError):  # the folder's entry, where a folder can be flushed
            folder = os.open(self._target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Leave nothing behind, unless it was put in its place."""
        with self._lock:
            file, self._file, self._over = self._file, None, True
            if file is not None:
                with suppress(OSError):
                    file.close()
                with suppress(OSError):
                    os.unlink(self._name)


def _download(source: _Source, path: Path, target: Path, retries: int, progress: Any) -> Plan:
    bar = progress_bar(progress, source.label, "B")
    file = _File(target)
    failures = attempts = 0
    try:
        yield Work(file.open)
        while True:
            before, attempts = file.size, attempts + 1
            try:
                yield from _attempt(source, file, bar)
                break
            except _Failed as failed:
                failures = 1 if file.size > before else failures + 1
                if not source.repeatable or failures > retries or attempts >= _MOST_ATTEMPTS:
                    failed.error.attempts = attempts
                    raise failed.error from failed.cause
                yield min(failed.after if failed.after is not None else 0.5 * 2 ** (failures - 1), 60.0)
        yield Work(file.finish)
    finally:
        bar.close()
        file.discard()
    yield Emit((path,))


def _attempt(source: _Source, file: _File, bar: Silent) -> Generator[Any, Any, None]:
    """Receive what is still missing. Raises `_Failed` where another attempt may do better."""
    headers = {"Accept-Encoding": "identity"}
    if file.size and file.validator is not None:
        headers |= {"Range": f"bytes={file.size}-", "If-Range": file.validator}
    try:
        http, body = yield from source.open(headers)
    except APIError as exc:
        if exc.status_code != 416 or "Range" not in headers:
            raise
        # The file has become shorter than what is here: it is another one.
        yield Work(file.start_over)
        raise _Failed(exc) from exc
    if http.status_code == 206:
        # A server that does not know If-Range tells by the tag that the file is another one by now.
        wanted, tag = file.validator or "", http.headers.get("etag", "").strip()
        another = wanted.startswith('"') and tag not in ("", wanted)
        if _begins_at(http) != file.size or "Range" not in headers or another:
            yield Work(file.start_over)
            raise _Failed(_wrong(source, "the server sent another part of the file than was asked for"))
    elif file.size:
        yield Work(file.start_over)
    length = _whole_length(http, file.size)
    bar.at(file.size)
    bar.total(length)
    file.validator = _validator(http)
    try:
        while (chunk := (yield body)) is not None:
            bar.update(len(chunk))
            work = file.add(chunk)
            if work is not None:
                yield Work(work)
    except BodyError as exc:
        raise _wrong(source, str(exc)) from None
    except transport_errors(OSError) as exc:
        raise _lost(source.label, exc) from exc
    if length is not None and file.size != length:
        size = file.size
        if size > length:
            yield Work(file.start_over)
        raise _Failed(_wrong(source, f"{size} bytes came of a file of {length}"))


def _wrong(source: _Source, text: str) -> ResponseError:
    return ResponseError(f"{source.label}: {text}", operation=source.label)


def _begins_at(http: Body) -> int | None:
    found = _RANGE.fullmatch(http.headers.get("content-range", "").strip())
    return int(found[1]) if found else None


def _whole_length(http: Body, already: int) -> int | None:
    """The length of the whole file, where the answer tells it: not of one that is compressed on the way."""
    if "content-encoding" in http.headers:
        return None
    found = _RANGE.fullmatch(http.headers.get("content-range", "").strip())
    if http.status_code == 206 and found:
        return int(found[3]) if found[3] != "*" else int(found[2]) + 1
    length = http.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _validator(http: Body) -> str | None:
    """What `If-Range` may say to get the rest of this very file; None where it has to come anew."""
    if "content-encoding" in http.headers or http.headers.get("accept-ranges", "").strip().lower() == "none":
        return None
    etag = http.headers.get("etag", "").strip()
    if etag.startswith('"') and etag.endswith('"') and len(etag) > 2:
        return str(etag)
    # A date is a strong validator only if the file was at rest for a second when it was sent.
    from email.utils import parsedate_to_datetime

    try:
        changed = parsedate_to_datetime(http.headers["last-modified"])
        sent = parsedate_to_datetime(http.headers["date"])
        if (sent - changed).total_seconds() >= 1:
            return str(http.headers["last-modified"])
    except (KeyError, ValueError, TypeError):
        pass
    return None
