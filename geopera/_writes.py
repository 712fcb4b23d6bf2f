"""One write per request: a network backend for httpcore that keeps what is written until something is read.

httpcore writes the head and the body of a request one after the other, which costs a system call, a
packet and, at the other end, a second waking up. Over HTTP/1.1 an answer is always read after a request
was written, so both can leave together. A large body is not kept: it goes on as it comes.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
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


Options = Iterable[httpcore.SOCKET_OPTION] | None


class OneWrite(httpcore.NetworkBackend):
    """A backend whose streams send a request in one write."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> httpcore.NetworkStream:
        return OneWriteStream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Options = None
    ) -> httpcore.NetworkStream:
        return OneWriteStream(self._backend.connect_unix_socket(path, timeout, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class AsyncOneWrite(httpcore.AsyncNetworkBackend):
    """The same for the event loop."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return AsyncOneWriteStream(stream)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Options = None
    ) -> httpcore.AsyncNetworkStream:
        return AsyncOneWriteStream(await self._backend.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def one_write(transport: Any) -> Any:
    """The same httpx transport, its connections sending a request in one write.

    httpx has no argument for httpcore's backend, so it is set on the pool; an httpx or httpcore that
    keeps it elsewhere goes on as before. Over HTTP/2, where streams share a connection, it is left alone.
    """
    pool = getattr(transport, "_pool", None)
    backend = getattr(pool, "_network_backend", None)
    if pool is None or getattr(pool, "_http2", True):
        return transport
    if isinstance(backend, httpcore.AsyncNetworkBackend):
        pool._network_backend = AsyncOneWrite(backend)
    elif isinstance(backend, httpcore.NetworkBackend):
        pool._network_backend = OneWrite(backend)
    return transport
