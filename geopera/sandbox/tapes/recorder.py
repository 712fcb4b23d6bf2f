"""The proxy of `--record`: forwards requests to a real API, and writes its responses into a cassette."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..control.gate import Gate
from ..core.state import Settings
from ..wire.arrival import SECONDS, read_body
from ..wire.problems import ProblemError, dump
from . import cassette
from .redaction import Redaction, each_text, in_urls, is_signed

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
MOST = 256 << 20  # bytes of a body
_OWN = frozenset({"host", "content-length", "accept-encoding", "connection", "transfer-encoding", "te"})
_OWN |= {"keep-alive", "upgrade", "proxy-authorization", "proxy-connection", "trailer", "via"}
_CREDENTIALS = frozenset({"authorization", "x-api-key", "cookie"})
_VIA = "1.1 geopera-sandbox"


class Recorder:
    """The state of a recording proxy: the API, the signed URLs that it gave, and the cassette.

    Args:
        upstream: The base URL of the API.
        writer: The cassette.
    """

    def __init__(self, upstream: str, writer: cassette.Writer) -> None:
        parts = urlsplit(upstream)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the API's URL must start with http:// or https://, not {upstream[:100]!r}")
        self.upstream = upstream.rstrip("/")
        self.url = ""  # of this proxy; set when it listens
        self.writer = writer
        self.redaction = Redaction()
        self._signed: list[tuple[str, str]] = []  # scheme and host, query

    @property
    def client_options(self) -> dict[str, Any]:
        """The arguments with which `Geopera` and `AsyncGeopera` use it, beside their token."""
        return {"base_url": self.url}

    def inward(self, url: str) -> str:
        """A URL of a response for the program: one of this proxy, if its requests are to be recorded."""
        if is_signed(url):
            parts = urlsplit(url)
            known = (f"{parts.scheme}://{parts.netloc}", parts.query)
            if known not in self._signed:
                self._signed.append(known)
            return f"{self.url}{cassette.SIGNED}{self._signed.index(known)}{parts.path}"
        return self._moved(url, self.upstream, self.url)

    def outward(self, url: str) -> str:
        """A URL of a request as the API knows it."""
        rest = url.removeprefix(self.url)
        if rest != url and rest.startswith(cassette.SIGNED):
            number, _, path = rest.removeprefix(cassette.SIGNED).partition("/")
            if not number.isdigit() or not number.isascii() or int(number) >= len(self._signed):
                raise ProblemError(404, "This recording has given no such URL.")
            origin, query = self._signed[int(number)]
            return f"{origin}/{path.partition('?')[0]}?{query}"
        return self._moved(url, self.url, self.upstream)

    def stored(self, url: str) -> str:
        """A URL of this proxy as a cassette has it."""
        return self._moved(url, self.url, cassette.BASE)

    @staticmethod
    def _moved(url: str, old: str, new: str) -> str:
        rest = url.removeprefix(old)
        return new + rest if rest != url and rest[:1] in ("", "/", "?", "#") else url


def create_recorder(
    upstream: str,
    file: Any,
    *,
    host: str = "127.0.0.1",
    allowed_hosts: tuple[str, ...] = (),
    timeout: float = 300.0,
) -> Starlette:
    """An ASGI application that forwards requests and records them.

    The recorder is at `app.state.recorder`. Bodies are read whole, also those of streams.

    Args:
        upstream: The base URL of the API.
        file: The cassette to write; it must not exist.
        host: The address that it listens on.
        allowed_hosts: Further names in the Host header.
        timeout: Seconds for the API to respond.

    Raises:
        CassetteError: If the file exists.
        ValueError: If `upstream` is not a URL.
    """
    recorder = Recorder(upstream, cassette.Writer(file))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=timeout) as client:
            app.state.client = client
            yield
        recorder.writer.close()

    app = Starlette(
        routes=[Route("/{path:path}", _pass_on, methods=METHODS)],
        exception_handlers={ProblemError: _respond},
        lifespan=lifespan,
    )
    app.add_middleware(Gate, settings=Settings(host=host, allowed_hosts=allowed_hosts))
    app.state.recorder = recorder
    return app


async def _pass_on(request: Request) -> Response:
    recorder: Recorder = request.app.state.recorder
    if _VIA in request.headers.get("via", ""):
        raise ProblemError(508, "The API's URL is that of this proxy.")
    body = await read_body(request, MOST, 10 * SECONDS)
    target, sent = path_of(request), _sent(request)
    signed = target.startswith(cassette.SIGNED)
    url = recorder.outward(recorder.url + target)
    for name in _CREDENTIALS & sent.keys():
        if name != "cookie":
            recorder.redaction.know(sent[name].rpartition(" ")[2])
        if signed:  # the store of a signed URL is not the API
            del sent[name]
    kind = request.headers.get("content-type", "")
    content = rewritten(body, kind, recorder.outward)
    client: httpx.AsyncClient = request.app.state.client
    try:
        reply = await client.request(request.method, url, content=content or None, headers=sent)
    except httpx.HTTPError as problem:
        raise ProblemError(502, f"The API cannot be reached: {type(problem).__name__}.") from problem
    kind = reply.headers.get("content-type", "")
    received = rewritten(reply.content, kind, recorder.inward)
    headers = {
        name: value for name, value in reply.headers.items() if name not in _OWN | {"content-encoding"}
    }
    if "location" in headers:
        headers["location"] = recorder.inward(headers["location"])
    _record(recorder, request, target, body, reply.status_code, headers, received)
    return Response(received, reply.status_code, headers)


def _record(
    recorder: Recorder,
    request: Request,
    target: str,
    body: bytes,
    status: int,
    headers: dict[str, str],
    content: bytes,
) -> None:
    redaction, stored = recorder.redaction, recorder.stored
    path, _, query = target.partition("?")
    asked = rewritten(body, request.headers.get("content-type", ""), stored)
    given = rewritten(content, headers.get("content-type", ""), stored)
    made = cassette.request_of(request.method, path, query, request.headers, asked, redaction)
    kept = {name.lower(): redaction.text(in_urls(value, stored)) for name, value in headers.items()}
    recorder.writer.add(
        made, status, kept, cassette.encoded(given, headers.get("content-type", ""), path, redaction)
    )


def path_of(request: Request) -> str:
    """The path and query of a request as they were sent."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return raw.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")


def rewritten(body: bytes, content_type: str, change: Callable[[str], str]) -> bytes:
    """A body with its URLs changed; bytes that are not text are unchanged."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json") and kind != "application/x-ndjson":
        try:
            return dump(each_text(json.loads(body), lambda text: in_urls(text, change)))
        except (ValueError, RecursionError):
            return body
    if kind.startswith(("text/", "application/xml", "application/x-ndjson")):
        return in_urls(body.decode("utf-8", "surrogateescape"), change).encode("utf-8", "surrogateescape")
    return body


def _sent(request: Request) -> dict[str, str]:
    kept = {name: value for name, value in request.headers.items() if name not in _OWN}
    return {**kept, "via": _VIA}


async def _respond(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, ProblemError)
    return problem.response()
