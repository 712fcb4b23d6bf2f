"""Where the bytes of a download come from: the response of an operation, or the signed URL that it names.

A signed URL is fetched without the token, cookies and headers of the API's client. One that has expired is asked
for again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from .._http import is_timeout, library, transport_errors
from .._secrets import Redactor
from .._transport.redirects import STATUSES, BadRedirect, address_fault
from ..errors import APIConnectionError, APIError, APITimeoutError, GeoperaError, ResponseError, for_status
from .checksums import stated_checksums
from .filenames import disposition_name, ids_name, safe_name, url_name
from .todo import Call, Fetch, Read

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._call.endpoint import Endpoint, Reply
    from .._transport.bodies import Body
    from .checksums import Checksum
    from .drive import Caller

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_REFUSALS = (400, 401, 403, 410)  # the status of an expired URL, by store
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
_FRESH = 5.0  # seconds; a URL that is refused at this age was not too old


class Failed(Exception):
    """An attempt that ended early; another one may do better."""

    def __init__(
        self, error: GeoperaError, cause: BaseException | None = None, after: float | None = None
    ) -> None:
        self.error = error
        self.cause = cause
        self.after = after


class Source:
    """Where the bytes come from: `open` asks for them, from some offset on."""

    label: str
    repeatable: bool
    checksums: list[Checksum]
    size: int | None = None

    def prepare(self) -> Generator[Any, Any, None]:
        """Find out what can be known before the file is asked for."""
        yield from ()

    def open(self, headers: dict[str, str]) -> Generator[Any, Any, tuple[Body, Read]]:
        raise NotImplementedError

    def names(self, http: Body | None) -> list[str]:
        """File names, the likeliest first, then one that no other file has. Empty: they need the response."""
        raise NotImplementedError


class Posted(Source):
    """The body of the response of an operation."""

    def __init__(self, caller: Caller, endpoint: Endpoint, content: bytes, key: str | None) -> None:
        self.label = endpoint.operation.id
        self.repeatable = endpoint.operation.read_only
        self.checksums = []
        self._caller, self._endpoint, self._key = caller, endpoint, key
        self._content = content
        self._first: Any = self._steps({"Accept-Encoding": "identity"})  # refuses a bad key at once
        self._signed: Signed | None = None

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
            if exc.status_code not in STATUSES:
                raise
            place = exc.response.headers.get("location") if exc.response is not None else None
            if not place:
                raise ResponseError(
                    f"{self.label}: the response redirects ({exc.status_code}) without an address",
                    operation=self.label,
                    status_code=exc.status_code,
                    response=exc.response,
                ) from None
            # The file lies elsewhere; there the token is nobody's business.
            self._signed = Signed(self._caller, self._endpoint, self._content, None)
            self._signed.go_to(place)
            self.repeatable = True
            return (yield from self._signed.open(headers))
        http = response.parsed.http
        return http, Read(http, file=True)

    def names(self, http: Body | None) -> list[str]:
        if http is None:
            return []
        body = from_bytes(self._content)
        found = disposition_name(http.headers.get("content-disposition"))
        return [*([found] if found else []), ids_name(body, http.headers.get("content-type"))]


class Signed(Source):
    """What a signed URL leads to, which the response of an operation names."""

    repeatable = True

    def __init__(self, caller: Caller, endpoint: Endpoint, content: bytes, key: str | None) -> None:
        self.label = endpoint.operation.id
        self.checksums = []
        self._caller, self._endpoint, self._content, self._key = caller, endpoint, content, key
        self._base = caller._client.base_url
        self._library = library(caller._client._http_library)
        self._renewable = not endpoint.operation.spends and endpoint.operation.side_effect != "destructive"
        self._first: Any = self._steps()  # refuses a bad key at once
        self._url: str | None = None
        self._fixed = False
        self._since = 0.0
        self._ends: float | None = None
        self._served = False
        self._name: str | None = None

    def _steps(self) -> Any:
        return self._caller._steps(self._endpoint, None, {}, self._key, content=self._content)

    def go_to(self, url: str) -> None:
        """Use a URL that is fixed, and not asked for again."""
        self._fixed = True
        self._set(url)

    def _set(self, url: str) -> None:
        self._url = self._checked(url)
        self._since = time.monotonic()
        self._served = False

    def _checked(self, url: str) -> str:
        """The absolute URL. Raises ResponseError: if nothing may be fetched from there."""
        try:
            joined = url if "://" in url else urljoin(self._base.rstrip("/") + "/", url)
            absolute = self._library.URL(joined)
            fault = address_fault(absolute)
            if absolute.scheme == "http" and self._base.startswith("https:"):
                fault = "it is not encrypted, and the API is"
        except (ValueError, self._library.InvalidURL) as exc:
            raise self._bad("it is not a URL") from exc
        if fault is not None:
            raise self._bad(fault)
        return str(absolute)

    def _bad(self, fault: str) -> ResponseError:
        return ResponseError(
            f"{self.label}: the file's address is not to be trusted: {fault}", operation=self.label
        )

    def prepare(self) -> Generator[Any, Any, None]:
        if self._url is not None:
            return
        steps, self._first = self._first or self._steps(), None
        response = yield Call(steps)
        parsed = response.parsed
        url = find_url(parsed)
        if url is None:
            raise ResponseError(
                f"{self.label}: the response names no URL to download from",
                operation=self.label,
                status_code=response.status_code,
                response=response,
            )
        self._set(url)
        plain = parsed.to_dict() if hasattr(parsed, "to_dict") else parsed
        plain = plain if isinstance(plain, Mapping) else {}
        self.checksums = stated_checksums(plain)
        size = next((plain[n] for n in ("size_bytes", "file:size") if isinstance(plain.get(n), int)), None)
        self.size = size
        names = (safe_name(plain.get(n)) for n in ("file_name", "fileName", "filename"))
        self._name = next((name for name in names if name), None)
        self._ends = seconds_left(plain.get("expires_at") or plain.get("expires"))

    def _expired(self) -> bool:
        return self._ends is not None and time.monotonic() - self._since >= self._ends

    def open(self, headers: dict[str, str]) -> Generator[Any, Any, tuple[Body, Read]]:
        renewed = False
        if self._url is not None and self._expired() and self._renewable and not self._fixed:
            self._url, renewed = None, True
        while True:
            yield from self.prepare()
            assert self._url is not None
            try:
                body = yield self._request(self._url, headers)
            except BadRedirect as exc:
                raise ResponseError(f"{self.label}: {exc}", operation=self.label) from None
            except (ValueError, self._library.InvalidURL) as exc:
                raise self._bad("it is not a URL") from exc
            except transport_errors(OSError, ExceptionGroup) as exc:
                raise self._lost(exc) from None
            http: Body = body.http
            if self._is_good(http.status_code):
                self._served = True
                return http, body
            said = b""
            with suppress(*transport_errors(OSError, ValueError)):  # what it says about it is a courtesy
                said = (yield body) or b""
            old = self._served or time.monotonic() - self._since >= _FRESH or self._expired()
            refused = http.status_code in _REFUSALS and (http.status_code != 400 or b"xpired" in said)
            if not (refused and old and self._renewable) or self._fixed or renewed:
                self._refuse(http, said)
            self._url, renewed = None, True

    def _request(self, url: str, headers: dict[str, str]) -> Fetch:
        return Fetch(url, headers)

    def _is_good(self, status: int) -> bool:
        return 200 <= status < 300

    def _lost(self, exc: BaseException) -> Exception:
        return lost(self.label, exc)

    def _refuse(self, http: Body, said: bytes) -> None:
        from .._call.retry import retry_after_seconds

        if http.status_code in STATUSES:
            self._checked(http.headers.get("location", ""))
        after = retry_after_seconds(http.headers, time.time())
        error = for_status(http.status_code)(
            f"{self.label}: the file's server responded {http.status_code} {_reason(said)}".rstrip(),
            status_code=http.status_code,
            operation=self.label,
            retry_after=after,
        )
        if http.status_code in _PASSING:
            raise Failed(error, after=after)
        raise error

    def names(self, http: Body | None) -> list[str]:
        found = self._name
        if found is None:
            if http is None:
                return []
            found = disposition_name(http.headers.get("content-disposition")) or url_name(self._url)
        own = ids_name(from_bytes(self._content), http.headers.get("content-type") if http else "image/tiff")
        return [found, f"{own.rpartition('.')[0] or own}-{found}"] if found else [own]


def _reason(said: bytes) -> str:
    """Why a store refused: of an XML error its code and message; the rest may repeat the signature of the URL."""
    from .._call.failures import start

    if not said.lstrip().startswith(b"<"):
        return start(said)
    found = (re.search(rb"<%s>([^<]*)</" % name, said) for name in (b"Code", b"Message"))
    return ": ".join(start(match[1]) for match in found if match)


def _unread(reply: Reply) -> Reply:
    return reply


def from_bytes(content: bytes) -> Mapping[str, Any]:
    from pydantic_core import from_json

    found = from_json(content)
    return found if isinstance(found, Mapping) else {}


def seconds_left(text: Any) -> float | None:
    try:
        ends = datetime.fromisoformat(text)
        return (ends - datetime.now(ends.tzinfo or UTC)).total_seconds()
    except (TypeError, ValueError):
        return None


def lost(label: str, exc: BaseException) -> Failed:
    """A connection that broke while a file was received. Its request, with the signed URL, is taken out of `exc`."""
    late = is_timeout(exc)
    Redactor(()).exception(exc)
    cls = APITimeoutError if late else APIConnectionError
    return Failed(cls(f"{label}: the download was cut: {type(exc).__name__}: {exc}", operation=label), exc)


def find_url(parsed: Any) -> str | None:
    """The URL in a response: the response itself, a field with a usual name, or the only URL in it.

    A URL is absolute, or a path that begins with a slash; ``location`` is often the name of a town.
    """
    if isinstance(parsed, str):
        return parsed if _is_absolute(parsed) else None
    if hasattr(parsed, "to_dict"):
        parsed = parsed.to_dict()
    if isinstance(parsed, Mapping):
        for name in _NAMES:
            value = parsed.get(name)
            if isinstance(value, str) and (_is_absolute(value) or value.startswith("/")):
                return value
        inner = [url for value in parsed.values() if (url := find_url(value)) is not None]
        if len(set(inner)) == 1:
            return inner[0]
        # An address of another kind is named, so that the caller learns what is wrong with it.
        other = (parsed.get(name) for name in _NAMES)
        return next((v for v in other if isinstance(v, str) and "://" in v), None) if not inner else None
    if isinstance(parsed, list):
        return find_url(parsed[0]) if len(parsed) == 1 else None
    return None


def _is_absolute(text: str) -> bool:
    return text[:8].lower().startswith(("https://", "http://"))
