"""The common base of the sync and the async pool: requests are prepared and responses checked here."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .. import _http
from .._call.endpoint import Reply
from .._call.reasons import Place
from .._call.stops import ClosedBeforeSending, ClosedWhileSending, NotSentInTime
from .._decoding.inflate import ACCEPTED, Whole, too_large
from .._secrets import header_fault, reveal
from ..errors import InvalidInputError, ManifestError
from .gate import Gate
from .guard import Guard
from .redirects import bad_redirect, origin
from .settings import timeout_of
from .streams import Streams

if TYPE_CHECKING:
    import httpx

    from .._call.endpoint import Endpoint, Request
    from .._decoding.inflate import BodyCut
    from .bodies import Body
    from .settings import Connection

# The most bytes read of the body of an error; a description of a problem is shorter.
MAX_ERROR = 1 << 20
_FRAMING = (b"content-length", b"transfer-encoding")


class Get:
    """A GET of a path of the API, as `Request` is a POST to an operation."""

    __slots__ = ("deadline", "headers", "limit", "path", "place")

    alone = stream = False
    timeout = None

    def __init__(self, path: str, headers: dict[str, str], limit: int, deadline: float | None) -> None:
        self.path = path
        self.headers = tuple(headers.items())
        self.limit = limit
        self.deadline = deadline
        self.place: Place | None = None


class _Route:
    """The prepared parts of requests to one operation, valid while the client's own parts are unchanged."""

    __slots__ = ("base", "headers", "raw", "timeout", "timeouts", "url")

    def __init__(self, built: httpx.Request, client: httpx.Client) -> None:
        self.raw, self.base, self.timeout = client.headers.raw, client.base_url, client.timeout
        self.url, self.headers, self.timeouts = built.url, built.headers, built.extensions["timeout"]
        self.headers.pop("content-length", None)


class Pool:
    """An HTTP client for the API, with its companions.

    client: the one that callers can get and configure; with `given`, the caller's own, which carries all requests and
    is never closed here. `_alone` has the same settings and keeps no connection, for requests with an effect: no
    earlier response can be mistaken for theirs, and no dead idle connection can leave it open whether they acted.
    """

    __slots__ = ("__weakref__", "_alone", "_connection", "_files", "_gates", "_guard", "_routes", "_streams", "client", "finalizer", "given", "library", "process")  # fmt: skip

    def __init__(self, client: Any, connection: Connection, *, given: bool) -> None:
        self.client = client
        self.given = given
        self.library = _http.library_of(client)
        self.process = os.getpid()
        self.finalizer: Any = None
        self._connection = connection
        self._guard = Guard()
        self._streams = Streams()
        self._routes: WeakKeyDictionary[Any, _Route] = WeakKeyDictionary()
        self._alone: Any = None
        self._files: Any = None
        places = None if given or connection.own_way else connection.limits().max_connections
        self._gates = tuple(Gate(places) if places else None for _ in range(2))  # of `client` and of `_alone`

    @property
    def mine(self) -> bool:
        """Whether this process made it: a forked child must not touch its parent's sockets."""
        return self.process == os.getpid()

    @property
    def closed(self) -> bool:
        return self._streams.over

    @property
    def direct(self) -> bool:
        """Whether the connections are those of the library, with nothing of the caller's around them."""
        return not self.given and not self._connection.own_way

    # Requests.

    def build(self, request: Request | Get) -> httpx.Request:
        """The request for httpx. Raises `InvalidInputError` for a header that cannot be sent."""
        if self.closed:
            raise ClosedBeforeSending("the client was closed")
        for name, value in request.headers:
            fault = header_fault(name, value)
            if fault is not None:
                raise InvalidInputError(f"{fault}; nothing was sent")
        if isinstance(request, Get):
            return self._prepare(request.path, "GET", dict(request.headers))
        route = self._route(request.endpoint)
        timeouts = route.timeouts
        if request.timeout is not None:
            timeouts = timeout_of(request.timeout, self.library).as_dict()
        made: httpx.Request = self.library.Request(
            "POST",
            route.url,
            headers=route.headers,
            content=request.content,
            extensions={"timeout": timeouts},
        )
        for name, value in request.headers:
            made.headers[name] = reveal(value)
        return made

    def _route(self, endpoint: Endpoint) -> _Route:
        client = self.client
        route = self._routes.get(endpoint)
        varies = bool(len(client.cookies.jar) or client.params)
        if (
            varies
            or route is None
            or route.raw != client.headers.raw
            or route.base is not client.base_url
            or route.timeout is not client.timeout
        ):
            fixed = {"Accept": endpoint.accept, "Content-Type": "application/json"}
            route = _Route(self._prepare(endpoint.path, "POST", fixed), client)
            if not varies:
                self._routes[endpoint] = route
        return route

    def _prepare(self, path: str, method: str, headers: dict[str, str]) -> httpx.Request:
        """A request as the HTTP client builds it, its URL checked. Raises `ManifestError` for another origin."""
        client = self.client
        if self.given and client.headers.get("accept-encoding") != "identity":
            headers["Accept-Encoding"] = ACCEPTED  # only codings that can be decoded
        base = client.base_url
        if not base.host:  # a client of the caller's that leaves the base to this one
            base = self.library.URL(self._connection.base_url)
        whole = str(base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode()))
        built: httpx.Request = client.build_request(method, whole, headers=headers)
        same = origin(built.url) == origin(base) and built.url.path == base.path.rstrip("/") + path
        if not same or (built.url.query and not client.params):
            raise ManifestError(f"the path {path!r} leads away from the base URL; nothing was sent")
        faults = (header_fault(n, v) for n, v in built.headers.raw if n.lower() not in _FRAMING)
        fault = next(filter(None, faults), None)
        if fault is not None:
            raise InvalidInputError(f"{fault}; nothing was sent")
        return built

    def _cut(self, built: httpx.Request, deadline: float | None) -> None:
        """Shorten the timeouts of a request to its deadline."""
        if deadline is None:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotSentInTime("the time was over before the request was sent")
        usual = built.extensions["timeout"]
        built.extensions["timeout"] = {
            name: left if usual.get(name) is None else min(usual[name], left)
            for name in ("connect", "read", "write", "pool")
        }

    def _place(self, built: httpx.Request) -> Place:
        """Where a request went, for an error message."""
        connection = self._connection
        proxy = None if self.given else connection.httpx_args.get("proxy")
        trust = not self.given and not connection.own_way and connection.httpx_args.get("trust_env", True)
        return Place(
            str(built.url),
            dict(built.extensions.get("timeout") or {}),
            str(getattr(proxy, "url", proxy)) if proxy else None,
            bool(trust),
            dict(built.headers.raw),
        )

    def _instead(self, exc: BaseException, *, sent: bool) -> Exception | None:
        """The exception to raise instead of one that was caused by closing the client, or by a bad redirect."""
        if not self.closed:
            return bad_redirect(self.library, exc)
        if not isinstance(exc, Exception):
            return None
        before = not sent or type(exc).__name__ in ("ConnectError", "ConnectTimeout", "PoolTimeout")
        cls = ClosedBeforeSending if before or isinstance(exc, RuntimeError) else ClosedWhileSending
        return cls("the client was closed while the call ran")

    def _not_entered(self, request: Request | Get) -> Exception:
        """Why a request got no connection."""
        if self.closed:
            return ClosedBeforeSending("the client was closed while the call ran")
        if request.deadline is not None and time.monotonic() >= request.deadline:
            return NotSentInTime("no connection became free in time")
        error: Exception = self.library.PoolTimeout("all connections are in use")
        return error

    def _end(self) -> None:
        """End the requests that run and those that wait."""
        self._streams.end()
        for gate in self._gates:
            if gate is not None:
                gate.end()

    # What comes back.

    def _whole(self, response: httpx.Response, limit: int) -> Whole:
        error = not response.is_success
        length = response.headers.get("content-length", "")
        if not error and length.isascii() and length.isdigit() and len(length) < 20 and int(length) > limit:
            raise too_large(limit)
        return Whole(response.headers.get("content-encoding"), MAX_ERROR if error else limit, cut=error)

    def _reply(self, response: httpx.Response, content: bytes | None, body: Body | None = None) -> Reply:
        return Reply(response.status_code, response.headers, content, body)

    def _early(self) -> Exception:
        error: Exception = self.library.RemoteProtocolError(
            "the connection held a response before its request was sent; it was closed"
        )
        return error

    def _damaged(self, exc: BodyCut) -> Exception:
        error: Exception = self.library.DecodingError(str(exc))
        return error

    # A second client and a third.

    def _like(self, client_class: Any, *, asynchronous: bool) -> Any:
        arguments = self._connection.arguments(asynchronous=asynchronous)
        return made_of(
            client_class,
            {**arguments, "limits": self._connection.limits(keep=False), "cookies": self.client.cookies.jar},
        )

    def _synced(self, alone: Any) -> Any:
        """`alone`, with the settings that were changed on the first client."""
        if alone.event_hooks != self.client.event_hooks:
            alone.event_hooks = self.client.event_hooks
        return alone


def foreign(pool: Pool, client: Any, url: str, headers: dict[str, str], content: Any = None) -> httpx.Request:
    """A GET, or a PUT of content, without any header, cookie or parameter of the client."""
    made: httpx.Request = pool.library.Request(
        "GET" if content is None else "PUT",
        url,
        headers={"User-Agent": client.headers.get("user-agent", ""), "Accept": "*/*", **headers},
        content=content,
        extensions={"timeout": client.timeout.as_dict()},
    )
    return made


def arguments_of(connection: Connection, *, asynchronous: bool) -> dict[str, Any]:
    from ..errors import APIConnectionError

    library: Any = connection.library
    try:
        library.URL(connection.base_url)
    except library.InvalidURL as exc:
        raise ValueError(f"base_url is not a URL: {exc}") from None
    try:
        return connection.arguments(asynchronous=asynchronous)
    except (OSError, ValueError) as exc:  # a file of certificates that the environment names
        raise APIConnectionError(f"{exc}; nothing was sent", reason=str(exc)) from None


def made_of(cls: Any, arguments: dict[str, Any]) -> Any:
    """An HTTP client. An invalid setting can only come from the environment here; the error names it."""
    from .._call.reasons import unusable_settings
    from ..errors import APIConnectionError

    try:
        return cls(**arguments)
    except _http.transport_errors(ValueError, ImportError, OSError) as exc:
        text = unusable_settings(exc, arguments)
        raise APIConnectionError(f"{text}; nothing was sent", reason=f"{type(exc).__name__}") from None
