"""`Client` and `AuthenticatedClient`: settings, and the httpx pools that are made from them at first use.

The low-level functions of ``geopera.api.operations`` take one, and a fluent client holds one as ``client.client``.
Making one does no I/O and imports nothing.
"""

from __future__ import annotations

import os

from . import manifest as _manifest
from ._forks import first_call, first_time
from ._secrets import Secret, reveal
from ._secrets.settings import conceal_arguments, concealed, open_headers, revealed
from ._transport.checks import (
    check_base_url,
    check_limits,
    check_policy,
    check_timeout,
    check_transport,
)
from ._transport.connected import Connected
from .manifest import _cache as _cache_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Generator, Sequence
    from typing import Any, Self

    import httpx

    from ._auth.credentials import Credential
    from ._call.context import Context
    from ._call.endpoint import Endpoint
    from ._call.limits import RateLimiter
    from ._call.retry import RetryPolicy
    from .manifest import Manifest
    from .middleware import Call, RetryEvent
    from .types import Response

__all__ = ["AuthenticatedClient", "Client"]

DEFAULT_BASE_URL = "https://api.geopera.com"
_AUTO = "auto"


class Client(Connected):
    """Settings of a connection to the API, without a token: public operations can be called.

    Args:
        base_url: Where the API is served.
        cookies: Sent with every request. Cookies that the server sets are kept only in a cookie jar that is given here.
        headers: Sent with every request.
        timeout: Seconds, or an ``httpx.Timeout``; None is 5 s to connect, 60 s to read and to write, 30 s
            for a free connection. ``httpx.Timeout(None)`` waits forever.
        total_timeout: Seconds for a whole call, retries included; None sets no limit.
        verify_ssl: Whether the server's certificate is checked; a path, an ``ssl.SSLContext``, or ``"system"`` for
            the certificates of the operating system (needs ``geopera[truststore]``).
        allow_http: Send credentials to an ``http://`` base URL on another machine.
        follow_redirects: Follow 307 and 308; credentials are sent to the same origin only. Off by default, since a
            redirect of a POST is rarely intended.
        httpx_args: Further arguments for ``httpx.Client`` and ``httpx.AsyncClient``.
        http_library: ``"httpx"`` or ``"httpx2"``; by default ``GEOPERA_HTTP``, then httpx.
        http2: Use HTTP/2 if the server supports it (needs ``geopera[http2]``).
        max_response_size: The largest response held in memory, in bytes; 256 MiB by default.
        raise_on_unexpected_status: Low-level functions raise `errors.UnexpectedStatus` for a status that the
            operation does not declare.
        manifest: A `Manifest` or the path of one; the process's own by default. With ``"auto"`` a fluent client also
            follows the API by itself; ``GEOPERA_MANIFEST=auto`` makes it the default.
        max_retries: Retries after the first attempt, if the call is safe to retry; 0 turns them off.
        retry: A `RetryPolicy` with other delays; `max_retries` wins over its own.
        rate_limit: ``"auto"`` keeps this client under the documented limits by waiting; a `RateLimiter` to share; or None.
        extra_fields: ``"allow"`` sends fields that the manifest does not know; ``"forbid"`` refuses them.
        strict_responses: Raise `errors.ResponseError` for a success that does not match the manifest, instead of
            warning.
        on_request: Called with each ``httpx.Request``.
        on_response: Called with each ``httpx.Response``.
        on_retry: Called with a `middleware.RetryEvent` before each retry; raising from it ends the call.
        middleware: Functions ``(call, next)`` around each call, the first one outermost (see `middleware.Call`).
        user_agent_extra: Added to the ``User-Agent`` header, such as ``"field-reports/2.1"``.

    Raises:
        TypeError: If an option is unknown or of the wrong type, or two options contradict each other.
        ValueError: If a value is invalid.
    """

    _OWN_POOLS = ("_pool", "_async_pool", "_async_pools", "_context")

    def __init__(
        self,
        base_url: str,
        *,
        cookies: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | float | None = None,
        total_timeout: float | None = None,
        verify_ssl: str | os.PathLike[str] | bool | ssl.SSLContext = True,
        allow_http: bool = False,
        follow_redirects: bool = False,
        httpx_args: dict[str, Any] | None = None,
        http_library: str | None = None,
        http2: bool = False,
        max_response_size: int = 256 << 20,
        raise_on_unexpected_status: bool = False,
        manifest: Manifest | str | os.PathLike[str] | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        rate_limit: str | RateLimiter | None = None,
        extra_fields: str = "forbid",
        strict_responses: bool = False,
        on_request: Callable[[httpx.Request], Any] | None = None,
        on_response: Callable[[httpx.Response], Any] | None = None,
        on_retry: Callable[[RetryEvent], Any] | None = None,
        middleware: Sequence[Callable[[Call, Any], Any]] = (),
        user_agent_extra: str | None = None,
    ) -> None:
        # Before anything can raise: a parameter is a local variable, which tracebacks show.
        headers, cookies, httpx_args = (
            open_headers(headers),
            open_cookies(cookies),
            conceal_arguments(httpx_args),
        )
        check_base_url(base_url)
        if max_retries is not None and (isinstance(max_retries, bool) or not isinstance(max_retries, int)):
            raise TypeError(f"max_retries must be a whole number, not {max_retries!r}")
        if max_retries is not None and max_retries < 0:
            raise ValueError(f"max_retries must not be negative: {max_retries}")
        if extra_fields not in ("allow", "forbid"):
            raise ValueError(f"extra_fields must be 'allow' or 'forbid', not {extra_fields!r}")
        check_policy(retry, rate_limit)
        check_timeout(timeout)
        check_limits(total_timeout, max_response_size)
        if middleware or on_retry is not None or user_agent_extra is not None:
            from ._call.options import check_watching

            check_watching(middleware, on_retry, user_agent_extra)
        if os.environ.get("GEOPERA_LOG"):
            from ._call.logs import turn_on

            turn_on(os.environ["GEOPERA_LOG"])
        self._base_url = base_url
        self._allow_http = allow_http
        self._cookies = cookies
        self._headers = headers
        self._timeout = timeout
        self._verify_ssl = verify_ssl
        self._follow_redirects = follow_redirects
        self._httpx_args = httpx_args
        self._http_library = http_library
        self._http2 = http2
        self.total_timeout = total_timeout
        self.max_response_size = max_response_size
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self.manifest = resolve_manifest(manifest, base_url)
        self._auto = manifest == _AUTO or (manifest is None and os.environ.get("GEOPERA_MANIFEST") == _AUTO)
        self.max_retries = max_retries
        self.retry = retry
        self.rate_limit = rate_limit
        self.extra_fields = extra_fields
        self.strict_responses = strict_responses
        self.on_request = on_request
        self.on_response = on_response
        self.on_retry = on_retry
        self.middleware = tuple(middleware)
        self._user_agent_extra = user_agent_extra
        check_transport(self._transport_settings(), token_header=self.__dict__.get("auth_header_name"))
        self._reset()

    def _reset(self) -> None:
        self._reset_pools()
        self._context: Context | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        # A setting that is changed on a client in use applies from the next call on.
        if name in ("prefix", "auth_header_name") and self._credential is not None:
            for http in self._live():
                http.headers.pop(self.auth_header_name, None)
        super().__setattr__(name, value)
        if name in ("prefix", "auth_header_name") and self._credential is not None:
            self._rearm()
        context = self.__dict__.get("_context")
        if context is not None and not name.startswith("_"):
            if self.rate_limit == "auto":
                self.__dict__["rate_limit"] = context.limiter  # the same limits go on counting
            self._context = None

    def _adopt(self, credential: Credential) -> None:
        check_base_url(self._base_url, token=True, allow_http=self._allow_http)
        super()._adopt(credential)

    @property
    def base_url(self) -> str:
        """Where the API is served."""
        return self._base_url

    def __repr__(self) -> str:
        url = self.__dict__.get("_base_url")  # a traceback may show a client whose constructor failed
        source = "" if self._credential is None else f", credentials={self._credential.source!r}"
        return f"{type(self).__name__}({'' if url is None else f'base_url={shown(url)!r}'}{source})"

    # A client holds a token and sockets: a copy has sockets of its own, and a pickle has neither.

    def __copy__(self) -> Self:
        return self._evolve()

    def __deepcopy__(self, memo: object) -> Self:
        return self._evolve()

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), self._state(self._OWN_POOLS))

    # Copies with other settings. As in the generated SDK, a client in use takes the change too.

    def _evolve(self, **changes: Any) -> Self:
        new = object.__new__(type(self))
        new.__dict__.update({k: v for k, v in self.__dict__.items() if k not in self._OWN_POOLS})
        new.__dict__.update(changes)
        new._reset()
        if new._credential is not None:
            new._credential.followers.add(new)
        if self.rate_limit == "auto":
            new.rate_limit = self._defaults().limiter  # the same limits go on counting
        return new

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A client like this one that also sends `headers`; connections in use send them too.

        Args:
            headers: Names and values.

        Returns:
            The new client.
        """
        headers = open_headers(headers)
        for client in self._all():
            client.headers.update(revealed(headers))
        missing = tuple(one for one in self._missing if one not in [f"header {name!r}" for name in headers])
        return self._evolve(_headers={**self._headers, **headers}, _missing=missing)

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A client like this one that also sends `cookies`; connections in use send them too.

        Args:
            cookies: Names and values.

        Returns:
            The new client.
        """
        cookies = open_cookies(cookies)
        for client in self._all():
            client.cookies.update(revealed(cookies))
        both = {**self._cookies, **cookies} if isinstance(self._cookies, dict) else cookies
        return self._evolve(_cookies=both, _missing=tuple(one for one in self._missing if one != "cookies"))

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        """A client like this one with another timeout; connections in use take it too.

        Args:
            timeout: Seconds, or an ``httpx.Timeout``.

        Returns:
            The new client.
        """
        for client in self._all():
            client.timeout = timeout
        return self._evolve(_timeout=timeout)

    def _transport_settings(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            "httpx_args": self._httpx_args,
            "http_library": self._http_library,
            "http2": self._http2,
            "on_request": self.on_request,
            "on_response": self.on_response,
        }

    # Calls.

    def _defaults(self) -> Context:
        """The settings of this client's calls."""
        context = self._context
        if context is None:
            with first_time():  # two threads must not make two limiters
                context = self._context = self._context or self._make_context()
        return context

    def _make_context(self) -> Context:
        from ._call.context import Context
        from ._call.retry import RetryPolicy

        policy = self.retry or RetryPolicy()
        if self.max_retries is not None:
            policy = policy.replace(max_retries=self.max_retries)
        limiter: Any = self.rate_limit
        if limiter == "auto":
            from ._call.limits import RateLimiter

            limiter = RateLimiter()
        return Context(
            policy=policy,
            limiter=limiter,
            secrets=tuple(self._secrets()),
            credential=self._credentials(),
            note=self._note,
            strict_responses=self.strict_responses,
            raise_on_unexpected_status=self.raise_on_unexpected_status,
            extra_fields=self.extra_fields,
            middleware=self.middleware,
            on_retry=self.on_retry,
            total_timeout=self.total_timeout,
            max_response_size=self.max_response_size,
        )

    def _endpoint(self, id: str) -> Endpoint:
        with first_call():
            from ._call.endpoint import endpoint

            return endpoint(self.manifest, id)

    def _run(self, steps: Generator[Any, Any, Response[Any]]) -> Response[Any]:
        response: Response[Any] = self._sync().run(steps)
        return response

    def _arun(self, steps: Generator[Any, Any, Response[Any]]) -> Coroutine[Any, Any, Response[Any]]:
        return self._async().run(steps)


class AuthenticatedClient(Client):
    """Settings of a connection to the API with a token, sent as ``<auth_header_name>: <prefix> <token>``.

    The token is in no repr, pickle or traceback; the attribute `token` is a `Secret`.

    Args:
        base_url: Where the API is served.
        token: An API key or a session token: text, a secret type (anything with ``get_secret_value()``), or a function
            that returns a token, a pair of token and expiry, or a `types.Token`. The function is called before the
            first request, before the token expires, and once after a 401. An async function is for async calls.
        prefix: The scheme before the token; empty for the token alone, as an API key in ``X-API-Key``.
        auth_header_name: The header that carries the token.
        **options: The options of `Client`.

    Raises:
        TypeError: If the token or an option is of the wrong type.
        ValueError: If the token cannot be sent in a header, or an option is invalid.
    """

    def __init__(
        self,
        base_url: str,
        token: Any,
        prefix: str = "Bearer",
        auth_header_name: str = "Authorization",
        **options: Any,
    ) -> None:
        token, options = Secret(token), concealed(options, OPTIONS)
        self.prefix = prefix
        self.auth_header_name = auth_header_name
        super().__init__(base_url, **options)
        self._adopt(token_credential(token))


def token_credential(token: Secret) -> Credential:
    """The credential for a value of ``token=``; a credential is returned as it is."""
    from ._auth.credentials import Credential, credential_of

    made = token.get_secret_value()
    return made if isinstance(made, Credential) else credential_of(token)


def open_cookies(cookies: Any) -> Any:
    """Cookies with their values in a `Secret`; a jar is in one itself."""
    found = reveal(cookies)
    if found is None or hasattr(found, "extract_cookies"):
        return Secret(found) if found is not None else {}
    return {name: Secret(reveal(value)) for name, value in dict(found).items()}


def _unpickle(cls: type[Client], state: dict[str, Any]) -> Client:
    """A client in another process. It looks for credentials there, at first use: a pickle holds none."""
    client = object.__new__(cls)
    client.__dict__.update(state)
    client._reset()
    return client


def shown(base_url: Any) -> Any:
    """A URL as it is shown: without a user name and a password."""
    return _cache_path.public_url(base_url) if isinstance(base_url, str) and "@" in base_url else base_url


def known_options(cls: type[Client]) -> list[str]:
    """The options of a client class, without the base URL and the token."""
    names: list[str] = []
    for base in cls.__mro__:
        code = getattr(base.__dict__.get("__init__"), "__code__", None)
        if code is not None:
            names += code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return [name for name in names if name not in ("token", "base_url")]


OPTIONS = known_options(AuthenticatedClient)


def resolve_manifest(value: Manifest | str | os.PathLike[str] | None, base_url: str) -> Manifest:
    """The manifest for a value of ``manifest=``: itself, the file at a path, or the process's own for that base URL."""
    if value is None or value == _AUTO:
        return _manifest.for_url(base_url)
    if isinstance(value, _manifest.Manifest):
        return value
    return _manifest.load(value)
