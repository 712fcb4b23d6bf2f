"""The connections of a client: what httpx's transports take theirs from, in the place of httpcore's pool.

httpcore's pool looks at every connection whenever a request begins or ends, and may promise one idle
connection to several requests at once. With ten connections nobody notices; with 64 busy ones it costs
ten times as much as everything else in a call. Here a request takes the connection that was used last and
gives it back, whatever their number. The connections themselves are httpcore's, and speak HTTP/1.1.
"""

from __future__ import annotations

import math
from collections import deque
from threading import Condition
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpcore

from .writes import AsyncOneWrite, OneWrite

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator

    import httpx

    Origin = tuple[bytes, bytes, int | None]
    """Scheme, host and port."""


class _Connections:
    """Which connections there are: idle ones by origin, the last used at the end, and busy ones."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._context = context
        most, keep = limits.max_connections, limits.max_keepalive_connections
        self._most = math.inf if most is None else most
        self._keep = math.inf if keep is None else keep
        self._expiry = limits.keepalive_expiry
        self._idle: dict[Origin, list[Any]] = {}
        self._resting = 0
        self._busy: set[Any] = set()

    @property
    def connections(self) -> list[Any]:
        """All connections, idle and busy."""
        return [*(one for stack in self._idle.values() for one in stack), *self._busy]

    def _idle_one(self, origin: Origin) -> Any:
        """The connection to `origin` that was used last, or None; it may have expired."""
        stack = self._idle.get(origin)
        if not stack:
            return None
        self._resting -= 1
        return stack.pop()

    def _room(self) -> tuple[bool, Any]:
        """(whether another connection may be opened, an idle one to another place to close for it)."""
        if self._resting + len(self._busy) < self._most:
            return True, None
        for stack in self._idle.values():
            if stack:
                self._resting -= 1
                return True, stack.pop(0)
        return False, None

    def _rest(self, origin: Origin, connection: Any) -> Any:
        """A busy connection is done with. Returns one to close: this one, the oldest one, or None."""
        self._busy.discard(connection)
        if connection.is_closed() or not connection.is_idle() or self._resting >= self._keep:
            return connection
        stack = self._idle.setdefault(origin, [])
        stack.append(connection)
        self._resting += 1
        if len(stack) > 1 and stack[0].has_expired():
            self._resting -= 1
            return stack.pop(0)
        return None

    def _all(self) -> list[Any]:
        found = self.connections
        self._idle.clear()
        self._busy.clear()
        self._resting = 0
        return found


class Connections(_Connections):
    """Connections that block, for any number of threads."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(context, limits)
        self._changed = Condition()
        self._backend = OneWrite()

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        url = request.url
        origin = (url.scheme, url.host, url.port)
        timeout = request.extensions.get("timeout", {}).get("pool")
        while True:
            connection = self._take(origin, url, timeout)
            try:
                response: httpcore.Response = connection.handle_request(request)
            except httpcore.ConnectionNotAvailable:
                self._give_back(origin, connection)  # the server hung up just now; the next one may do
            except BaseException:
                self._give_back(origin, connection)
                raise
            else:
                response.stream = _Body(response.stream, self, origin, connection)
                return response

    def _take(self, origin: Origin, url: httpcore.URL, timeout: float | None) -> Any:
        give_up = None if timeout is None else monotonic() + timeout
        with self._changed:
            while True:
                while (connection := self._idle_one(origin)) is not None:
                    if not connection.has_expired():
                        self._busy.add(connection)
                        return connection
                    connection.close()
                possible, instead = self._room()
                if instead is not None:
                    instead.close()
                if possible:
                    connection = httpcore.HTTPConnection(
                        url.origin,
                        ssl_context=self._context,
                        keepalive_expiry=self._expiry,
                        network_backend=self._backend,
                    )
                    self._busy.add(connection)
                    return connection
                if not self._changed.wait(None if give_up is None else max(give_up - monotonic(), 0)):
                    raise httpcore.PoolTimeout(f"all {self._most} connections are in use")

    def _give_back(self, origin: Origin, connection: Any) -> None:
        with self._changed:
            unwanted = self._rest(origin, connection) if connection in self._busy else None
            self._changed.notify()
        if unwanted is not None:
            unwanted.close()

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        with self._changed:
            found = self._all()
            self._changed.notify_all()
        for connection in found:
            connection.close()


class AsyncConnections(_Connections):
    """Connections of one event loop, for any number of tasks."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(context, limits)
        self._waiting: deque[Any] = deque()
        self._backend = AsyncOneWrite()

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        url = request.url
        origin = (url.scheme, url.host, url.port)
        timeout = request.extensions.get("timeout", {}).get("pool")
        while True:
            connection = await self._take(origin, url, timeout)
            try:
                response: httpcore.Response = await connection.handle_async_request(request)
            except httpcore.ConnectionNotAvailable:
                await self._give_back(origin, connection)
            except BaseException:
                await self._give_back(origin, connection)
                raise
            else:
                response.stream = _AsyncBody(response.stream, self, origin, connection)
                return response

    async def _take(self, origin: Origin, url: httpcore.URL, timeout: float | None) -> Any:
        while True:
            while (connection := self._idle_one(origin)) is not None:
                if not connection.has_expired():
                    self._busy.add(connection)
                    return connection
                await connection.aclose()
            possible, instead = self._room()
            if possible:
                connection = httpcore.AsyncHTTPConnection(
                    url.origin,
                    ssl_context=self._context,
                    keepalive_expiry=self._expiry,
                    network_backend=self._backend,
                )
                self._busy.add(connection)
                try:
                    if instead is not None:
                        await instead.aclose()
                except BaseException:
                    self._busy.discard(connection)
                    self._wake()
                    raise
                return connection
            await self._wait(timeout)

    async def _wait(self, timeout: float | None) -> None:
        from anyio import Event, fail_after

        turn = Event()
        self._waiting.append(turn)
        try:
            with fail_after(timeout):
                await turn.wait()
        except BaseException as exc:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:  # it was this one's turn: another one may have it
                self._wake()
            if isinstance(exc, TimeoutError):
                raise httpcore.PoolTimeout(f"all {self._most} connections are in use") from None
            raise

    def _wake(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()

    async def _give_back(self, origin: Origin, connection: Any) -> None:
        unwanted = self._rest(origin, connection) if connection in self._busy else None
        self._wake()
        if unwanted is not None:
            await unwanted.aclose()

    async def __aenter__(self) -> AsyncConnections:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        found = self._all()
        while self._waiting:
            self._wake()
        for connection in found:
            await connection.aclose()


class _Body:
    """The body of an answer. Closing it gives the connection back, once."""

    def __init__(self, stream: Any, owner: Connections, origin: Origin, connection: Any) -> None:
        self._stream = stream
        self._owner = owner
        self._origin = origin
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        chunks: Iterator[bytes] = self._stream.__iter__()
        return chunks

    def close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            self._stream.close()
        finally:
            if connection is not None:
                self._owner._give_back(self._origin, connection)


class _AsyncBody:
    """The same for the event loop. A task that is cancelled while it closes gives the place back as well."""

    def __init__(self, stream: Any, owner: AsyncConnections, origin: Origin, connection: Any) -> None:
        self._stream = stream
        self._owner = owner
        self._origin = origin
        self._connection = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = self._stream.__aiter__()
        return chunks

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        try:
            await self._stream.aclose()
        finally:
            if connection is not None:
                await self._owner._give_back(self._origin, connection)


def connected(transport: Any, context: ssl.SSLContext, limits: httpx.Limits) -> Any:
    """The same ``httpx.HTTPTransport`` or ``AsyncHTTPTransport``, taking its connections from here.

    httpx has no argument for it, so its pool is replaced; an httpx that keeps it elsewhere goes on with
    its own. What is above the pool stays httpx's: errors, streams, and what test tools put in its place.
    """
    pool = getattr(transport, "_pool", None)
    if isinstance(pool, httpcore.AsyncConnectionPool):
        transport._pool = AsyncConnections(context, limits)
    elif isinstance(pool, httpcore.ConnectionPool):
        transport._pool = Connections(context, limits)
    return transport
