"""Many connections without the price of one big pool.

httpcore's pool looks at every connection, for every connection, whenever a request begins or ends, and
may promise one idle connection to several requests at once. With ten connections nobody notices; with
64 busy ones this takes ten times as long as everything else in a call together. So requests are spread
over lanes, each a small pool of its own: a request takes the first lane that is not full, which keeps the
number of connections as low as one pool would. After a rush, the lanes that nobody needs any more are
closed, one with each request.
"""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

WIDTH = 4
"""Connections in a lane."""


class _Lane:
    """A small pool, how many of its connections are in use, and since when none is."""

    __slots__ = ("busy", "idle_since", "transport")

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.busy = 0
        self.idle_since = 0.0


class _Lanes:
    """What both kinds share.

    `make` makes the transport of one lane; at most `most` lanes are made. One that was not used for
    `keep` seconds is closed.
    """

    def __init__(self, make: Callable[[], Any], most: int, keep: float) -> None:
        self._make = make
        self._most = most
        self._keep = keep
        self._lock = Lock()
        self._lanes: list[_Lane] = []

    def _enter(self) -> _Lane:
        with self._lock:
            for lane in self._lanes:
                if lane.busy < WIDTH:
                    break
            else:
                if len(self._lanes) < self._most:
                    lane = _Lane(self._make())
                    self._lanes.append(lane)
                else:  # all are full: it waits there, and the lane's own pool keeps the time
                    lane = min(self._lanes, key=_busy)
            lane.busy += 1
            return lane

    def _leave(self, lane: _Lane) -> None:
        with self._lock:
            lane.busy -= 1
            if not lane.busy:
                lane.idle_since = monotonic()

    def _spare(self) -> _Lane | None:
        """The last lane, taken out, when it has not been used for long. The first one always stays."""
        with self._lock:
            last = self._lanes[-1]
            if last.busy or len(self._lanes) == 1 or monotonic() - last.idle_since < self._keep:
                return None
            return self._lanes.pop()


def _busy(lane: _Lane) -> int:
    return lane.busy


class Lanes(_Lanes, httpx.BaseTransport):
    """A transport that blocks, over lanes of ``httpx.HTTPTransport``."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        lane = self._enter()
        try:
            response: httpx.Response = lane.transport.handle_request(request)
        except BaseException:
            self._leave(lane)
            raise
        response.stream = _Body(response.stream, self, lane)
        if len(self._lanes) > 1 and (spare := self._spare()) is not None:
            spare.transport.close()
        return response

    def close(self) -> None:
        for lane in self._lanes:
            lane.transport.close()


class AsyncLanes(_Lanes, httpx.AsyncBaseTransport):
    """A transport for an event loop, over lanes of ``httpx.AsyncHTTPTransport``."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        lane = self._enter()
        try:
            response: httpx.Response = await lane.transport.handle_async_request(request)
        except BaseException:
            self._leave(lane)
            raise
        response.stream = _AsyncBody(response.stream, self, lane)
        if len(self._lanes) > 1 and (spare := self._spare()) is not None:
            await spare.transport.aclose()
        return response

    async def aclose(self) -> None:
        for lane in self._lanes:
            await lane.transport.aclose()


class _Body(httpx.SyncByteStream):
    """The body of an answer; closing it frees its place in the lane, once."""

    def __init__(self, stream: Any, lanes: Lanes, lane: _Lane) -> None:
        self._stream = stream
        self._lanes = lanes
        self._lane: _Lane | None = lane

    def __iter__(self) -> Iterator[bytes]:
        chunks: Iterator[bytes] = self._stream.__iter__()
        return chunks

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            lane, self._lane = self._lane, None
            if lane is not None:
                self._lanes._leave(lane)


class _AsyncBody(httpx.AsyncByteStream):
    """The same for the event loop."""

    def __init__(self, stream: Any, lanes: AsyncLanes, lane: _Lane) -> None:
        self._stream = stream
        self._lanes = lanes
        self._lane: _Lane | None = lane

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = self._stream.__aiter__()
        return chunks

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            lane, self._lane = self._lane, None
            if lane is not None:
                self._lanes._leave(lane)
