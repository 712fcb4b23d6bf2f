"""`Connection`: how to reach the API, and the arguments of the HTTP clients that are made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _http
from .._decoding.inflate import ACCEPTED
from .._secrets.urls import unlogged
from .._version import __version__
from .trust import context_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpx

USER_AGENT = f"geopera-python/{__version__}"

# Seconds. A connection, or a free one in the pool, comes soon or not at all; a search may take long.
DEFAULT_TIMEOUTS = {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 30.0}
# As many connections as a bulk call uses at once; kept for as long as servers usually keep them.
MOST_CONNECTIONS = 100
KEPT_FOR = 30.0


class Connection:
    """How to reach the API: the settings of a client that its HTTP clients are made from."""

    __slots__ = (
        "base_url",
        "cookies",
        "follow_redirects",
        "headers",
        "http2",
        "http_library",
        "httpx_args",
        "on_request",
        "on_response",
        "timeout",
        "verify",
    )

    base_url: str
    cookies: Any
    follow_redirects: bool
    headers: dict[str, str]
    http2: bool
    http_library: str | None
    httpx_args: dict[str, Any]
    on_request: Callable[[httpx.Request], Any] | None
    on_response: Callable[[httpx.Response], Any] | None
    timeout: httpx.Timeout | float | None
    verify: str | bool | ssl.SSLContext

    def __init__(self, **settings: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, settings[name])

    @property
    def library(self) -> Any:
        return _http.library(self.http_library)

    @property
    def own_way(self) -> bool:
        """Whether the connections are the caller's; all requests use those then."""
        return any(self.httpx_args.get(name) for name in ("transport", "mounts"))

    @property
    def timeouts(self) -> Any:
        """The timeouts, from either setting."""
        return self.timeout if self.timeout is not None else self.httpx_args.get("timeout")

    def limits(self, *, keep: bool = True) -> Any:
        """The most connections, and the most that are kept open."""
        limits = self.httpx_args.get("limits")
        if limits is None:
            most, kept, expiry = MOST_CONNECTIONS, MOST_CONNECTIONS, KEPT_FOR
        else:
            most, kept, expiry = (
                limits.max_connections,
                limits.max_keepalive_connections,
                limits.keepalive_expiry,
            )
        return self.library.Limits(
            max_connections=most, max_keepalive_connections=kept if keep else 0, keepalive_expiry=expiry
        )

    def arguments(self, *, asynchronous: bool) -> dict[str, Any]:
        """The arguments of the HTTP client for the API."""
        args = self._connecting(asynchronous=asynchronous)
        library = self.library
        given = self.httpx_args
        hooks = {name: list(found) for name, found in (given.get("event_hooks") or {}).items()}
        quiet = unlogged if given.get("params") else None
        for name, hook in (("request", quiet), ("request", self.on_request), ("response", self.on_response)):
            if hook is not None:
                hooks.setdefault(name, []).append(awaitable(hook) if asynchronous else hook)
        headers = library.Headers({"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED})
        headers.update(given.get("headers") or {})
        headers.update(self.headers)
        return {
            **{
                k: v for k, v in given.items() if k in ("auth", "params", "max_redirects", "default_encoding")
            },
            **args,
            "base_url": self.base_url,
            "cookies": cookies_of(library, self.cookies, given.get("cookies")),
            "headers": headers,
            "follow_redirects": bool(self.follow_redirects or given.get("follow_redirects")),
            "event_hooks": hooks,
        }

    def files(self, *, asynchronous: bool) -> dict[str, Any]:
        """The arguments of a client for other hosts: how to connect, and nothing that identifies the caller."""
        return {
            **self._connecting(asynchronous=asynchronous),
            "headers": {"User-Agent": USER_AGENT},
            "cookies": cookies_of(self.library, None, None),
        }

    def _connecting(self, *, asynchronous: bool) -> dict[str, Any]:
        given, library = self.httpx_args, self.library
        args: dict[str, Any] = {
            name: given[name] for name in ("http1", "proxy", "trust_env") if name in given
        }
        if given.get("transport") is not None:
            args["transport"] = borrowed(library, given["transport"], "transport", asynchronous=asynchronous)
        else:
            verify = given.get("verify", True) if self.verify is True else self.verify
            trust_env = bool(given.get("trust_env", True))
            args["verify"] = context_of(library, verify, given.get("cert"), trust_env=trust_env)
            args["limits"] = self.limits()
            if self.http2 or given.get("http2"):
                args["http2"] = True
        if given.get("mounts"):
            args["mounts"] = {
                place: borrowed(library, one, f"mounts[{place!r}]", asynchronous=asynchronous)
                for place, one in given["mounts"].items()
            }
        args["timeout"] = timeout_of(self.timeouts, library)
        return args


def timeout_of(value: Any, library: Any) -> httpx.Timeout:
    """Seconds, a ``Timeout`` of either library, its tuple or None (the defaults) as a ``Timeout`` of `library`."""
    if value is None:
        made: httpx.Timeout = library.Timeout(**DEFAULT_TIMEOUTS)
        return made
    if not isinstance(value, library.Timeout):
        value = library.Timeout(**value.as_dict()) if hasattr(value, "as_dict") else library.Timeout(value)
    same: httpx.Timeout = value
    return same


def awaitable(hook: Any) -> Any:
    """A hook for the async client, which needs a coroutine function, made from either kind of function."""

    async def call(message: Any) -> None:
        result = hook(message)
        if hasattr(result, "__await__"):
            await result

    return call


def cookies_of(library: Any, fixed: Any, given: Any) -> Any:
    """The cookies of a client. Cookies that the server sets are kept only in a jar of the caller's."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    class KeepNothing(DefaultCookiePolicy):
        def set_ok(self, cookie: Any, request: Any) -> bool:
            return False

    jar = next((one for one in (given, fixed) if hasattr(one, "extract_cookies")), None)
    jar = getattr(jar, "jar", jar) if jar is not None else CookieJar(policy=KeepNothing())
    cookies = library.Cookies(jar)
    for one in (given, fixed):
        if one and not hasattr(one, "extract_cookies"):
            for name, value in dict(one).items():
                cookies.set(name, value)
    return jar  # the jar itself: a client copies `Cookies`, into a jar that keeps everything


def borrowed(library: Any, transport: Any, name: str, *, asynchronous: bool) -> Any:
    """A transport of the caller's, which is never closed here; None stays None, as in ``mounts``."""
    if transport is None:
        return None
    method = "handle_async_request" if asynchronous else "handle_request"
    if not hasattr(transport, method):
        kind = "an async" if asynchronous else "a sync"
        raise TypeError(f"httpx_args: {name} has no {method}(); it cannot serve {kind} client")

    if asynchronous:

        class AsyncBorrowed(library.AsyncBaseTransport):  # type: ignore[misc]
            async def handle_async_request(self, request: Any) -> Any:
                return await transport.handle_async_request(request)

        return AsyncBorrowed()

    class Borrowed(library.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            return transport.handle_request(request)

    return Borrowed()
