"""The connections of the server: they can be cut on request, and a head has a time to arrive."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request, or the connection, to the end of its head


class Connection:
    """One connection, as the ASGI layers see it: `scope["state"]["connection"]`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.lost = asyncio.Event()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None

    def wait_for_head(self) -> None:
        """Start the time limit of a head, unless it runs or a call is in progress."""
        if self._timer is None and not self._busy:
            self._timer = asyncio.get_running_loop().call_later(HEAD_TIMEOUT, self.transport.abort)

    def busy(self, busy: bool) -> None:
        """Record that a call begins (its head has arrived) or ends."""
        self._busy = busy
        self._stop()

    async def cut(self) -> None:
        """Close the connection after the bytes that were sent."""
        self.transport.close()
        try:
            await asyncio.wait_for(self.lost.wait(), 5.0)
        except TimeoutError:
            self.transport.abort()
            await self.lost.wait()

    def gone(self) -> None:
        """The connection is closed."""
        self._stop()
        self.lost.set()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Protocol(H11Protocol):
    """uvicorn's protocol, with its connection in the scope of its requests."""

    connection: Connection

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.connection = Connection(transport)
        self.app_state = {**self.app_state, "connection": self.connection}
        self.connection.wait_for_head()

    def data_received(self, data: bytes) -> None:
        self.connection.wait_for_head()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connection.gone()
        super().connection_lost(exc)
