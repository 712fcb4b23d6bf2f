"""One write per request: a network backend for httpcore that keeps what is written until something is read.

httpcore writes the head and the body of a request one after the other, which costs a system call, a
packet and, at the other end, a second waking up. Over HTTP/1.1 an answer is always read after a request
was written, so both can leave together. A large body is not kept: it goes on as it comes.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

import httpcore

KEPT = 65_536  # bytes; what goes into one segment of the loopback, and into few packets elsewhere


class _Kept:
    """What was written and has not gone out yet."""

    __slots__ = ("data", "timeout")

    def __init__(self) -> None:
        self.data = b""
        self.timeout: float | None = None

    def add(self, data: bytes, timeout: float | None) -> bytes:
        """Keep `data`; returns what has to go out now."""
        self.data += data
        self.timeout = timeout
        return self.take() if len(self.data) > KEPT else b""

    def take(self) -> bytes:
        data, self.data = self.data, b""
        return data


class OneWriteStream(httpcore.NetworkStream):
    """A blocking stream that writes when it is read from."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._kept = _Kept()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        data = self._kept.add(buffer, timeout)
        if data:
            self._stream.write(data, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._kept.take()
        if data:
            with suppress(httpcore.WriteError):  # a server that hung up may have said why before it did
                self._stream.write(data, self._kept.timeout)
        return self._stream.read(max_bytes, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return OneWriteStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncOneWriteStream(httpcore.AsyncNetworkStream):
    """The same for the event loop."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._kept = _Kept()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        data = self._kept.add(buffer, timeout)
        if data:
            await self._stream.write(data, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._kept.take()
        if data:
            with suppress(httpcore.WriteError):
                await self._stream.write(data, self._kept.timeout)
        return await self._stream.read(max_bytes, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return AsyncOneWriteStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class OneWrite(httpcore.SyncBackend):
    """httpcore's backend, whose streams send a request in one write."""

    def connect_tcp(self, *args: Any, **options: Any) -> httpcore.NetworkStream:
        return OneWriteStream(super().connect_tcp(*args, **options))


class AsyncOneWrite(httpcore.AnyIOBackend):
    """The same for the event loop."""

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return AsyncOneWriteStream(await super().connect_tcp(*args, **options))
