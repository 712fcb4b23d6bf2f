"""The I/O of a call: httpx pools, and the two loops that drive the steps of `_call.call`.

httpx does the transport. A pool that this package made itself hands the request straight to httpx's
transport while nothing on the client asks for more (hooks, auth, cookies, redirects, proxies, a client
or transport of the caller's): the same bytes go out, at two thirds of the cost. In every other case the
request goes through ``httpx.Client.send``.
"""

from __future__ import annotations

import os
import ssl
import time
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from .._auth.credentials import Renew
from .._call.endpoint import Reply, Request
from .._call.layers import Layered
from .._secrets import Secret, reveal
from .._secrets.urls import unlogged
from .._version import __version__
from .connections import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from ..types import Response

USER_AGENT = f"geopera-python/{__version__}"

# Seconds. A connection or a free place in the pool comes soon or not at all; a search may take its time.
DEFAULT_TIMEOUT = httpx.Timeout(connect=5.0, read=60.0, write=60.0, pool=30.0)
# As many connections as a bulk call wants to use at once; kept for as long as servers usually keep them.
DEFAULT_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0)


class _LazyTLS(ssl.SSLContext):
    """A verifying client context that reads the certificate authorities at the first handshake.

    Reading them takes longer than importing httpx does, and a client of a loopback server never shakes
    hands. Until they are read nothing is trusted.
    """

    _loaded = False

    def _load(self) -> None:
        if not self._loaded:
            file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
            if not file and not folder:
                import certifi

                file = certifi.where()
            self.load_verify_locations(cafile=file or None, capath=folder or None)
            self._loaded = True

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self._load()
        return super().wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self._load()
        return super().wrap_bio(*args, **kwargs)


def _verify(value: Any) -> Any:
    return _LazyTLS(ssl.PROTOCOL_TLS_CLIENT) if value is True else value


class Connection:
    """How to reach the API: the settings of a client that its pools are made from."""

    __slots__ = (
        "base_url",
        "cookies",
        "follow_redirects",
        "headers",
        "httpx_args",
        "on_request",
        "on_response",
        "timeout",
        "verify",
    )

    base_url: str
    cookies: dict[str, str]
    follow_redirects: bool
    headers: dict[str, str]
    httpx_args: dict[str, Any]
    on_request: Callable[[httpx.Request], Any] | None
    on_response: Callable[[httpx.Response], Any] | None
    timeout: httpx.Timeout | float | None
    verify: str | bool | ssl.SSLContext

    def __init__(self, **settings: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, settings[name])

    def arguments(self, *, asynchronous: bool) -> dict[str, Any]:
        """The arguments of the httpx client that stands for this, all but the transport."""
        args = dict(self.httpx_args)
        hooks = {name: list(found) for name, found in (args.pop("event_hooks", None) or {}).items()}
        quiet = unlogged if args.get("params") else None
        for name, hook in (("request", quiet), ("request", self.on_request), ("response", self.on_response)):
            if hook is not None:
                hooks.setdefault(name, []).append(awaitable(hook) if asynchronous else hook)
        return {
            "base_url": self.base_url,
            "cookies": self.cookies,
            "headers": {"User-Agent": USER_AGENT, **self.headers},
            "timeout": timeout_of(self.timeout),
            "follow_redirects": self.follow_redirects,
            "event_hooks": hooks,
            **args,
        }


def awaitable(hook: Any) -> Any:
    """A hook for the async client, which wants a coroutine, made of either kind of function."""

    async def call(message: Any) -> None:
        result = hook(message)
        if hasattr(result, "__await__"):
            await result

    return call


def timeout_of(value: Any) -> httpx.Timeout:
    """Seconds, an ``httpx.Timeout`` or None (the defaults) as an ``httpx.Timeout``."""
    if value is None:
        return DEFAULT_TIMEOUT
    return value if isinstance(value, httpx.Timeout) else httpx.Timeout(value)


def _own_transport(verify: Any, settings: dict[str, Any], cls: Any) -> Any:
    """The transport to hand requests to, or None where httpx has to choose one itself."""
    if settings.keys() & {"transport", "mounts", "proxy", "proxies", "app"}:
        return None
    if settings.get("trust_env", True):
        from urllib.request import getproxies

        if getproxies().keys() - {"no"}:
            return None
    limits = settings.pop("limits", DEFAULT_LIMITS)
    options = {name: settings.pop(name) for name in ("cert", "http1", "http2") if name in settings}
    trust = settings.get("trust_env", True)
    context = httpx.create_ssl_context(_verify(verify), options.pop("cert", None), trust)
    transport = cls(verify=context, limits=limits, trust_env=trust, **options)
    # Over HTTP/2 requests share a connection: that is httpcore's own pool's business.
    return transport if options.get("http2") else connected(transport, context, limits)


class _Route:
    """The prepared parts of requests to one operation, valid while the client's own parts are as they were."""

    __slots__ = ("base", "extensions", "headers", "raw", "timeout", "url")

    def __init__(self, built: httpx.Request, raw: Any, base: httpx.URL, timeout: httpx.Timeout) -> None:
        self.raw, self.base, self.timeout = raw, base, timeout
        self.url, self.headers, self.extensions = built.url, built.headers, built.extensions
        self.headers.pop("content-length", None)


class _Pool:
    """An httpx client and, where it may be short-cut, its transport."""

    __slots__ = ("_routes", "client", "given", "process", "transport")

    def __init__(self, client: Any, transport: Any, *, given: bool = False) -> None:
        self.client = client
        self.given = given
        self.transport = transport
        self.process = os.getpid()
        self._routes: dict[Any, _Route] = {}

    def build(self, request: Request) -> tuple[httpx.Request, bool]:
        """The request for httpx, and whether it may go to the transport directly."""
        client = self.client
        if self.transport is not None and client.auth is None and not client.follow_redirects:
            hooks = client.event_hooks
            if not (hooks["request"] or hooks["response"] or client.cookies or client.params):
                return self._short(request), True
        headers = {
            **_fixed_headers(request),
            **{n: v for n, v in request.headers if not isinstance(v, Secret)},
        }
        extra = {} if request.timeout is None else {"timeout": timeout_of(request.timeout)}
        built = client.build_request(
            "POST", request.endpoint.path, content=request.content, headers=headers, **extra
        )
        for name, value in request.headers:
            if isinstance(value, Secret):
                built.headers[name] = value.get_secret_value()
        return built, False

    def _short(self, request: Request) -> httpx.Request:
        client = self.client
        raw, base, timeout = client.headers.raw, client.base_url, client.timeout
        route = self._routes.get(request.endpoint)
        if route is None or route.raw != raw or route.base is not base or route.timeout is not timeout:
            route = self._routes[request.endpoint] = self._prepare(request, raw, base, timeout)
        headers, content = httpx.Headers(route.headers), request.content
        headers["Content-Length"] = str(len(content))
        for name, value in request.headers:
            headers[name] = reveal(value)
        extensions = dict(route.extensions)
        if request.timeout is not None:
            extensions["timeout"] = timeout_of(request.timeout).as_dict()
        # Given a stream, httpx takes the headers as they are: there is nothing left to work out.
        return httpx.Request(
            "POST", route.url, headers=headers, stream=httpx.ByteStream(content), extensions=extensions
        )

    def _prepare(self, request: Request, raw: Any, base: httpx.URL, timeout: httpx.Timeout) -> _Route:
        # What httpx itself would build, once.
        built = self.client.build_request("POST", request.endpoint.path, headers=_fixed_headers(request))
        return _Route(built, raw, base, timeout)

    def reply(self, http: httpx.Response, content: bytes | None) -> Reply:
        return Reply(http.status_code, http.headers, content, http)

    def note(self, request: httpx.Request, response: httpx.Response) -> None:
        """What ``httpx.Client.send`` would remember of a response: its cookies."""
        if "set-cookie" in response.headers:
            response.request = request
            self.client.cookies.extract_cookies(response)


def _fixed_headers(request: Request) -> dict[str, str]:
    return {"Accept": request.endpoint.accept, "Content-Type": "application/json"}


class SyncPool(_Pool):
    """A pool that blocks."""

    __slots__ = ()

    def send(self, request: Request) -> Reply:
        built, short = self.build(request)
        if short:
            response = self.transport.handle_request(built)
            self.note(built, response)
        else:
            response = self.client.send(built, stream=True)
        if request.stream and response.is_success:
            return self.reply(response, None)
        try:
            plain = short and "content-encoding" not in response.headers
            content = b"".join(response.stream) if plain else response.read()
        finally:
            response.close()
        return self.reply(response, content)

    def run(self, steps: Generator[Any, Any, Response[Any]] | Layered) -> Response[Any]:
        """Perform the steps of a call, blocking."""
        if isinstance(steps, Layered):
            return steps.run(self)
        try:
            step = next(steps)
            while True:
                result: Any = None
                try:
                    if type(step) is Request:
                        result = self.send(step)
                    elif type(step) is Renew:
                        step.credential.renew(step.failed)
                    else:
                        time.sleep(step)
                except BaseException as exc:  # noqa: BLE001 - handed on, into the call
                    step = steps.throw(exc)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            value: Response[Any] = stop.value
            return value


class AsyncPool(_Pool):
    """A pool for the event loop it was made in; one that the caller gave goes wherever it is used."""

    __slots__ = ("loop",)

    def __init__(self, client: Any, transport: Any, *, given: bool = False) -> None:
        super().__init__(client, transport, given=given)
        self.loop = running_loop()

    def belongs_here(self) -> bool:
        """Whether this process and event loop may use it."""
        return self.process == os.getpid() and (self.given or self.loop is running_loop())

    async def send(self, request: Request) -> Reply:
        built, short = self.build(request)
        if short:
            response = await self.transport.handle_async_request(built)
            self.note(built, response)
        else:
            response = await self.client.send(built, stream=True)
            if running_loop() is not None:
                response.stream = _ClosedForSure(response.stream)
        if request.stream and response.is_success:
            return self.reply(response, None)
        try:
            plain = short and "content-encoding" not in response.headers
            content = (
                b"".join([chunk async for chunk in response.stream]) if plain else await response.aread()
            )
        finally:
            await response.aclose()
        return self.reply(response, content)

    async def run(self, steps: Generator[Any, Any, Response[Any]] | Layered) -> Response[Any]:
        """Perform the steps of a call in the event loop."""
        if isinstance(steps, Layered):
            return await steps.arun(self)
        try:
            step = next(steps)
            while True:
                result: Any = None
                try:
                    if type(step) is Request:
                        result = await self.send(step)
                    elif type(step) is Renew:
                        await step.credential.arenew(step.failed)
                    else:
                        await _sleep(step)
                except BaseException as exc:  # noqa: BLE001 - handed on, into the call
                    step = steps.throw(exc)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            value: Response[Any] = stop.value
            return value


class _ClosedForSure(httpx.AsyncByteStream):
    """The body of an answer whose connection goes back to the pool even when the task is cancelled then.

    Giving a connection back takes a turn of the event loop. A task that is cancelled in just that turn
    leaves the connection marked as in use, in httpx, and the pool has one place less for ever. So the
    closing has a task of its own.
    """

    _closing: ClassVar[set[Any]] = set()  # the event loop itself holds its tasks weakly

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = self._stream.__aiter__()
        return chunks

    async def aclose(self) -> None:
        from asyncio import ensure_future, shield

        task = ensure_future(self._stream.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        await shield(task)


async def _sleep(seconds: float) -> None:
    from anyio import sleep

    await sleep(seconds)


def running_loop() -> Any:
    """The event loop that runs here, or None (also under trio, whose clients live as long as their run)."""
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError:
        return None


def sync_pool(connection: Connection) -> SyncPool:
    settings = connection.arguments(asynchronous=False)
    transport = _own_transport(connection.verify, settings, httpx.HTTPTransport)
    return SyncPool(_make(httpx.Client, connection.verify, settings, transport), transport)


def async_pool(connection: Connection) -> AsyncPool:
    settings = connection.arguments(asynchronous=True)
    transport = _own_transport(connection.verify, settings, httpx.AsyncHTTPTransport)
    return AsyncPool(_make(httpx.AsyncClient, connection.verify, settings, transport), transport)


def _make(cls: Any, verify: Any, settings: dict[str, Any], transport: Any) -> Any:
    try:
        if transport is not None:
            return cls(transport=transport, **settings)
        return cls(verify=_verify(verify), **settings)
    except httpx.InvalidURL as exc:
        raise ValueError(f"the base_url is no URL: {exc}") from exc
