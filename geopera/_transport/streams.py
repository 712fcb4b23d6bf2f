"""The network streams of requests, as the documented ``trace`` extension reports them, and how to end them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .._call.stops import ClosedBeforeSending

if TYPE_CHECKING:
    from collections.abc import Callable

_OPENED = frozenset({"connection.connect_tcp.complete", "connection.connect_unix_socket.complete", "connection.start_tls.complete", "proxy.start_tls.complete"})  # fmt: skip
_SENDING = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
_READING = frozenset({"http11.receive_response_headers.started", "http2.receive_response_headers.started", "http11.receive_response_body.started", "http2.receive_response_body.started"})  # fmt: skip


def running_loop() -> Any:
    """The running event loop of asyncio, or None (also under trio, whose clients live as long as their run)."""
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError:
        return None


def shut(stream: Any) -> None:
    """End all reads and writes of a stream, in any thread."""
    try:
        found = stream.get_extra_info("socket")
        if isinstance(found, socket.socket):
            # Not the method of a TLS socket, which would take its TLS away from under a reader.
            socket.socket.shutdown(found, socket.SHUT_RDWR)
        else:
            found.shutdown(socket.SHUT_RDWR)
    except (OSError, AttributeError, ValueError):
        pass  # it is over already


class Streams:
    """The open streams of a pool; after `end`, new ones are ended at once."""

    __slots__ = ("_all", "over")

    def __init__(self) -> None:
        self._all: WeakSet[Any] = WeakSet()
        self.over = False

    def opened(self, stream: Any) -> None:
        self._all.add(stream)
        if self.over:
            shut(stream)

    def end(self) -> None:
        self.over = True
        for stream in list(self._all):
            shut(stream)

    # The trace of requests.

    def note(self, name: str, info: dict[str, Any]) -> None:
        if name in _OPENED:
            self.opened(info["return_value"])

    async def anote(self, name: str, info: dict[str, Any]) -> None:
        if name in _OPENED:
            self.opened(info["return_value"])


class Watch:
    """One request that may be given up: it is then not sent, or its read ends.

    In an event loop the request runs in a task of its own. Cancelling a task is safe for a pool while the task reads,
    and not while it acquires or releases a connection.
    """

    __slots__ = ("_mine", "_reading", "_sent", "_streams", "_task", "_traced", "given_up")

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._mine: list[Any] = []
        self._reading = False
        self._task: Any = None
        self._traced = self._sent = False
        self.given_up = False

    @property
    def unsent(self) -> bool:
        """Whether the request has certainly not been sent; False if the transport does not report it."""
        return self._traced and not self._sent

    def note(self, name: str, info: dict[str, Any]) -> None:
        self._traced = True
        if name in _OPENED:
            stream = info["return_value"]
            self._streams.opened(stream)
            self._mine.append(stream)
            if self.given_up:
                shut(stream)
        elif name in _SENDING:
            if self.given_up:
                raise ClosedBeforeSending("the request was given up before it was sent")
            self._sent = True

    async def anote(self, name: str, info: dict[str, Any]) -> None:
        if name in _READING:
            self._reading = True
            if self.given_up:
                self._cancel()
        elif self._reading and name.endswith((".complete", ".failed")):
            self._reading = False
        else:
            self.note(name, info)

    def give_up(self, task: Any = None, late: Callable[[Any], None] | None = None) -> None:
        """Stop waiting for the request. `late` gets its task, or its result, if it still ends."""
        self.given_up = True
        for stream in self._mine:
            shut(stream)
        if task is not None:
            self._task = task
            if late is not None:
                task.add_done_callback(late)
            if self._reading:
                task.cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.get_loop().call_soon(self._task.cancel)
