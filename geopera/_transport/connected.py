"""`Connected`: the HTTP clients of a client: made at first use, replaced, and closed."""

from __future__ import annotations

import os

from .._auth.holder import Holder
from .._forks import first_time
from .._secrets import Redactor, Secret, reveal
from .._secrets.settings import revealed
from .prepare import prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    import httpx

    from .pools import AsyncPool, SyncPool
    from .settings import Connection


class Connected(Holder):
    """The part of a client that holds its pools. Importing this module imports no HTTP library."""

    _user_agent_extra: str | None
    _http_library: str | None

    def _reset_pools(self) -> None:
        self._pool: SyncPool | None = None
        self._async_pools: Any = None  # by event loop
        self._async_pool: AsyncPool | None = None  # one of the caller's, or one outside of asyncio

    def _transport_settings(self) -> dict[str, Any]:
        raise NotImplementedError

    def _live(self) -> list[Any]:
        """The HTTP clients that were made here."""
        return [pool.client for pool in self._pools() if not pool.given]

    def _all(self) -> list[Any]:
        return [pool.client for pool in self._pools()]

    def _pools(self) -> list[Any]:
        values = self.__dict__
        pools = [values.get("_pool"), values.get("_async_pool"), *(values.get("_async_pools") or {}).values()]
        return [pool for pool in pools if pool is not None]

    # The pools. A child process and another event loop get pools of their own: sockets cannot be shared.

    def _connection(self) -> Connection:
        from .settings import USER_AGENT, Connection

        settings = self._transport_settings()
        agent = {"User-Agent": f"{USER_AGENT} {self._user_agent_extra}"} if self._user_agent_extra else {}
        plain = {name: value for name, value in self._headers.items() if not isinstance(value, Secret)}
        settings["cookies"] = None if isinstance(self._cookies, dict) else reveal(self._cookies)
        settings["headers"] = agent | plain
        settings["httpx_args"] = revealed(self._httpx_args)
        return Connection(**settings)

    def _sync(self) -> SyncPool:
        pool = self._pool
        if pool is None or pool.process != os.getpid():
            from weakref import finalize

            prepare(self._http_library)
            from .pools import sync_pool

            with first_time():
                pool = self._pool
                if pool is None or pool.process != os.getpid():
                    pool = self._made(sync_pool, pool)
                    # A client that is never closed closes its sockets when it is collected, at the latest at exit.
                    pool.finalizer = finalize(self, pool.close)
                    self._pool = pool
        return pool

    def _async(self) -> AsyncPool:
        pool = self._async_pool
        if pool is not None and pool.given and pool.process == os.getpid():
            return pool
        prepare(self._http_library, asynchronous=True)
        from .pools import async_pool
        from .streams import running_loop

        loop = running_loop()
        if loop is None:
            if pool is None or pool.process != os.getpid():
                pool = self._async_pool = self._made(async_pool, pool)
            return pool
        pools = self._async_pools
        found: AsyncPool | None = None if pools is None else pools.get(loop)
        if found is None or found.process != os.getpid():
            with first_time():
                pools = self._async_pools
                if pools is None:
                    from weakref import WeakKeyDictionary

                    pools = self._async_pools = WeakKeyDictionary()
                for other in [one for one in list(pools) if one.is_closed()]:
                    pools.pop(other, None)
                found = pools[loop] = self._made(async_pool, pool)
        return found

    def _made(self, make: Callable[[Connection, Any], Any], old: Any) -> Any:
        """A pool, over the caller's own HTTP client if `old` is."""
        self._credentials()
        try:
            pool = make(self._connection(), old.client if old is not None and old.given else None)
            if not pool.given:
                self._arm(pool.client)
            return pool
        except Exception as exc:  # noqa: BLE001 - its frames hold proxies and passwords
            failure = self._redactor().exception(exc)
        raise failure

    def _redactor(self) -> Redactor:
        known = [] if self._credential is None else self._credential.known
        return Redactor((*known, *self._secrets()))

    def _post_form(self, url: str, form: dict[str, Any]) -> tuple[int, bytes]:
        """Send a form to another server than the API's, with the same TLS and proxies: a refresh."""
        connection = self._connection()
        args = {**connection.files(asynchronous=False), "timeout": 30.0}
        with connection.library.Client(**args) as http:
            response = http.post(url, data=revealed(form), headers={"Accept": "application/json"})
            return response.status_code, response.content

    def get_httpx_client(self) -> httpx.Client:
        """The ``httpx.Client`` that sends the requests, made at first use."""
        client: httpx.Client = self._sync().client
        return client

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use `client`, with its own headers, cookies and timeout, instead of one made here.

        It sends every request, those to signed URLs included, and is never closed here.

        Args:
            client: An ``httpx.Client`` or ``httpx2.Client``.
        """
        from .pools import sync_pool

        self._pool = sync_pool(self._connection(), client)
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The ``httpx.AsyncClient`` that sends the requests, made at first use; it belongs to the running event loop."""
        client: httpx.AsyncClient = self._async().client
        return client

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use `async_client`, with its own settings, as `set_httpx_client` does."""
        from .pools import async_pool

        self._async_pool = async_pool(self._connection(), async_client)
        return self

    def close(self) -> None:
        """Close the connections of sync calls; calls in progress end with `errors.APIConnectionError`.

        The client can be used again afterwards. An HTTP client or a transport of the caller's stays open.
        """
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop, as `close` does those of sync calls."""
        pool, self._async_pool = self._async_pool, None
        if self._async_pools is not None:
            from .streams import running_loop

            loop = running_loop()
            own = self._async_pools.pop(loop, None) if loop is not None else None
            if own is not None:
                await own.aclose()
        if pool is not None:
            await pool.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()
