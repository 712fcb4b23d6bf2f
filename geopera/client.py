"""`Client` and `AuthenticatedClient`: settings, and the httpx pools that are made from them at first use.

They are what the low-level functions of ``geopera.api.operations`` take, and what lies under a fluent
client as ``client.client``. Making one does no I/O and imports nothing.
"""

from __future__ import annotations

import os
from _thread import RLock

from . import manifest as _manifest
from ._auth.holder import Holder
from ._secrets import Redactor, Secret, reveal
from ._secrets.settings import conceal_arguments, concealed, open_headers, revealed
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
    from ._transport.pools import AsyncPool, Connection, SyncPool
    from .manifest import Manifest
    from .middleware import Call, RetryEvent
    from .types import Response

__all__ = ["AuthenticatedClient", "Client"]

DEFAULT_BASE_URL = "https://api.geopera.com"
_AUTO = "auto"


class Client(Holder):
    """Settings of a connection to the API, without a token: public operations can be called.

    base_url: where the API is served.
    cookies, headers: sent with every request.
    timeout: seconds, or an ``httpx.Timeout``; None is 5 s to connect, 60 s to read and to write, 30 s
      for a free connection. ``httpx.Timeout(None)`` waits for ever.
    verify_ssl: whether the server's certificate is checked; a path or an ``ssl.SSLContext`` is taken too.
    follow_redirects: off, since a redirect of a POST is rarely what was meant.
    httpx_args: further arguments for ``httpx.Client`` and ``httpx.AsyncClient``.
    raise_on_unexpected_status: low-level functions raise `errors.UnexpectedStatus` where the
      operation does not declare the status that came back.
    manifest: a `Manifest` or the path of one; the process's own by default. ``"auto"``: that one, and a fluent
      client follows the API by itself; ``GEOPERA_MANIFEST=auto`` makes it the default.
    max_retries: repeats after the first attempt, where a repeat can do no harm; 0 turns them off.
    retry: a whole `RetryPolicy`, for those who want other delays; `max_retries` wins over its own.
    rate_limit: ``"auto"`` keeps this client under the documented limits, by waiting; None does not.
    extra_fields: ``"allow"`` sends fields that the manifest does not know; ``"forbid"`` refuses them.
    strict_responses: raise `errors.ResponseError` for a success that is not as the manifest says,
      where otherwise a warning is given.
    on_retry: called with a `middleware.RetryEvent` before each retry; raising from it ends the call.
    middleware: functions ``(call, next)`` around each call, the first one outermost (see `middleware.Call`).
    user_agent_extra: added to the ``User-Agent`` header, such as ``"field-reports/2.1"``.
    on_request, on_response: called with each ``httpx.Request`` and ``httpx.Response``.

    Raises TypeError for an unknown option and ValueError for a value that cannot be used.
    """

    _OWN_POOLS = ("_pool", "_async_pool", "_context", "_guard")

    def __init__(
        self,
        base_url: str,
        *,
        cookies: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | float | None = None,
        verify_ssl: str | bool | ssl.SSLContext = True,
        follow_redirects: bool = False,
        httpx_args: dict[str, Any] | None = None,
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
        # First of all: a parameter is a local variable, which tracebacks show.
        headers, cookies, httpx_args = (
            open_headers(headers),
            open_cookies(cookies),
            conceal_arguments(httpx_args),
        )
        if not isinstance(base_url, str) or not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url has to start with https:// or http://, not {shown(base_url)!r}")
        if max_retries is not None and (isinstance(max_retries, bool) or not isinstance(max_retries, int)):
            raise TypeError(f"max_retries must be a whole number, not {max_retries!r}")
        if max_retries is not None and max_retries < 0:
            raise ValueError(f"max_retries must not be negative: {max_retries}")
        if extra_fields not in ("allow", "forbid"):
            raise ValueError(f"extra_fields is 'allow' or 'forbid', not {extra_fields!r}")
        if isinstance(rate_limit, str) and rate_limit != "auto":
            raise ValueError(f"rate_limit is 'auto' or None, not {rate_limit!r}")
        check_timeout(timeout)
        if middleware or on_retry is not None or user_agent_extra is not None:
            from ._call.options import check_watching

            check_watching(middleware, on_retry, user_agent_extra)
        if os.environ.get("GEOPERA_LOG"):
            from ._call.logs import turn_on

            turn_on(os.environ["GEOPERA_LOG"])
        self._base_url = base_url
        self._cookies = cookies
        self._headers = headers
        self._timeout = timeout
        self._verify_ssl = verify_ssl
        self._follow_redirects = follow_redirects
        self._httpx_args = httpx_args
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
        self._reset()

    def _reset(self) -> None:
        self._pool: SyncPool | None = None
        self._async_pool: AsyncPool | None = None
        self._context: Context | None = None
        self._guard = RLock()

    def __setattr__(self, name: str, value: Any) -> None:
        # A setting that is changed on a client in use counts from the next call on.
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

    def _live(self) -> list[Any]:
        """The HTTP clients that were made here."""
        pools: Any = (self.__dict__.get("_pool"), self.__dict__.get("_async_pool"))
        return [pool.client for pool in pools if pool is not None and not pool.given]

    def _all(self) -> list[Any]:
        return [pool.client for pool in (self._pool, self._async_pool) if pool is not None]

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A client like this one that also sends `headers`; connections in use send them too."""
        headers = open_headers(headers)
        for client in self._all():
            client.headers.update(revealed(headers))
        missing = tuple(one for one in self._missing if one not in [f"header {name!r}" for name in headers])
        return self._evolve(_headers={**self._headers, **headers}, _missing=missing)

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A client like this one that also sends `cookies`; connections in use send them too."""
        cookies = open_cookies(cookies)
        for client in self._all():
            client.cookies.update(revealed(cookies))
        both = {**self._cookies, **cookies} if isinstance(self._cookies, dict) else cookies
        return self._evolve(_cookies=both, _missing=tuple(one for one in self._missing if one != "cookies"))

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        """A client like this one with another timeout; connections in use take it too."""
        for client in self._all():
            client.timeout = timeout
        return self._evolve(_timeout=timeout)

    # The pools. A child process and another event loop get pools of their own: sockets cannot be shared.

    def _connection(self) -> Connection:
        from ._transport.pools import USER_AGENT, Connection

        agent = {"User-Agent": f"{USER_AGENT} {self._user_agent_extra}"} if self._user_agent_extra else {}
        return Connection(
            base_url=self._base_url,
            cookies=None if isinstance(self._cookies, dict) else reveal(self._cookies),
            headers={**agent}
            | {name: value for name, value in self._headers.items() if not isinstance(value, Secret)},
            timeout=self._timeout,
            verify=self._verify_ssl,
            follow_redirects=self._follow_redirects,
            httpx_args=revealed(self._httpx_args),
            on_request=self.on_request,
            on_response=self.on_response,
        )

    def _sync(self) -> SyncPool:
        pool = self._pool
        if pool is None or pool.process != os.getpid():
            from weakref import finalize

            from ._transport.pools import sync_pool

            with self._guard:
                pool = self._pool
                if pool is None or pool.process != os.getpid():
                    pool = self._made(sync_pool)
                    self._arm(pool.client)
                    self._pool = pool
                    # A client that nobody closes takes its sockets with it, at the latest at exit.
                    finalize(self, _close, pool.client, pool.process)
        return pool

    def _async(self) -> AsyncPool:
        pool = self._async_pool
        if pool is None or not pool.belongs_here():
            from ._transport.pools import async_pool

            with self._guard:
                pool = self._async_pool
                if pool is None or not pool.belongs_here():
                    pool = self._made(async_pool)
                    self._arm(pool.client)
                    self._async_pool = pool
        return pool

    def _made(self, make: Callable[[Connection], Any]) -> Any:
        self._credentials()
        try:
            return make(self._connection())
        except Exception as exc:  # noqa: BLE001 - its frames hold proxies and passwords
            failure = self._redactor().exception(exc)
        raise failure

    def _redactor(self) -> Redactor:
        known = [] if self._credential is None else self._credential.known
        return Redactor((*known, *self._secrets()))

    def _post_form(self, url: str, form: dict[str, Any]) -> tuple[int, bytes]:
        """Send a form beside the API's connections, with the same TLS and proxies: a refresh."""
        import httpx

        connection = self._connection()
        args = {
            name: connection.httpx_args[name]
            for name in ("proxy", "trust_env")
            if name in connection.httpx_args
        }
        with httpx.Client(verify=connection.verify, timeout=30.0, follow_redirects=False, **args) as http:
            response = http.post(url, data=revealed(form), headers={"Accept": "application/json"})
            return response.status_code, response.content

    def get_httpx_client(self) -> httpx.Client:
        """The ``httpx.Client`` underneath, made at first use."""
        client: httpx.Client = self._sync().client
        return client

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use `client`, with its own headers, cookies and timeout, in the place of one made here."""
        from ._transport.pools import SyncPool

        self._pool = SyncPool(client, None, given=True)
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The ``httpx.AsyncClient`` underneath, made at first use; it belongs to the running event loop."""
        client: httpx.AsyncClient = self._async().client
        return client

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use `async_client`, with its own settings, in the place of one made here."""
        from ._transport.pools import AsyncPool

        self._async_pool = AsyncPool(async_client, None, given=True)
        return self

    def close(self) -> None:
        """Close the blocking connections. The client can be used again, and closed again."""
        pool, self._pool = self._pool, None
        if pool is not None and pool.process == os.getpid():
            pool.client.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop. The client can be used again, and closed again."""
        pool, self._async_pool = self._async_pool, None
        if pool is not None and pool.belongs_here():
            await pool.client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    # Calls.

    def _defaults(self) -> Context:
        """What this client says about its calls."""
        context = self._context
        if context is None:
            with self._guard:  # two threads must not make two limiters
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
        )

    def _endpoint(self, id: str) -> Endpoint:
        from ._call.endpoint import endpoint

        return endpoint(self.manifest, id)

    def _run(self, steps: Generator[Any, Any, Response[Any]]) -> Response[Any]:
        return self._sync().run(steps)

    def _arun(self, steps: Generator[Any, Any, Response[Any]]) -> Coroutine[Any, Any, Response[Any]]:
        return self._async().run(steps)


class AuthenticatedClient(Client):
    """Settings of a connection to the API with a token, sent as ``<auth_header_name>: <prefix> <token>``.

    token: an API key or a session token, sent as it is: text, a secret type (anything with ``get_secret_value()``), or a
    function that returns a token, a pair of token and end, or a `types.Token`. The function is called before the first
    request, near the end that it named, and once after a 401; an async one is for async calls.
    With an empty `prefix` the token stands alone, as an API key in ``X-API-Key`` does. Everything else is as in `Client`.
    The token is in no repr, pickle or traceback; `token` is a `Secret`.
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
        super().__init__(base_url, **options)
        self.prefix = prefix
        self.auth_header_name = auth_header_name
        self._adopt(token_credential(token))

    def _connection(self) -> Connection:
        connection = super()._connection()
        follows = connection.httpx_args.get("follow_redirects", connection.follow_redirects)
        # httpx takes `Authorization` away where a redirect leads to another host, and no other header.
        if follows and self.auth_header_name.lower() != "authorization":
            from ._transport.redirects import without_elsewhere

            hook = without_elsewhere(self.auth_header_name, self._base_url, connection.on_request)
            connection.on_request = hook
        return connection


def token_credential(token: Secret) -> Credential:
    """The credential for the value of ``token=``, which may be one already."""
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


def check_timeout(value: Any) -> None:
    """Refuse what is no timeout: TypeError or ValueError. Seconds, ``httpx.Timeout``, its tuple, or None are."""
    if value is None or isinstance(value, tuple) or hasattr(value, "as_dict"):
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout is a number of seconds or an httpx.Timeout, not {value!r}")
    if not value > 0:
        raise ValueError(f"timeout is more than 0 seconds, not {value!r}")


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
    """A manifest, from one, from the path of one, or from None: the process's own for that base URL."""
    if value is None or value == _AUTO:
        return _manifest.for_url(base_url)
    if isinstance(value, _manifest.Manifest):
        return value
    return _manifest.load(value)


def _close(client: httpx.Client, process: int) -> None:
    if process == os.getpid():
        client.close()
