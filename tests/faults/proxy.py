"""The proxy: asyncio in a thread of its own, one request at a time per connection.

It understands as much of HTTP/1.1 as is needed to know where a request and a response end
(Content-Length, chunked, or the end of the connection) and passes bytes on unchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate

from .plan import FAULTS, Fault, Plan

LIMIT = 1 << 20
HEAD = 64 << 10


@dataclass
class Seen:
    """One attempt as it arrived: its target, key, body, and what was done to it."""

    path: str
    key: str
    body: bytes
    fault: str | None
    headers: dict[str, str] = field(repr=False, default_factory=dict)
    at: float = 0.0


class Cut(Exception):
    """The connection to the client is to be torn down; `reset` says how."""

    def __init__(self, reset: bool = False) -> None:
        self.reset = reset


class FaultProxy:
    """`with FaultProxy(target_port, plan) as proxy:` and talk to `proxy.url`.

    `delay` is how long the slow faults hold a response back, `closed` how long a refusing port stays
    closed, `retry_after` the number that responds with the header carry; all in seconds. `seen` lists all
    attempts in the order they arrived, `faults` counts what was done. `plan` and `target` may be
    replaced while it runs.
    """

    def __init__(
        self,
        target: int,
        plan: Plan | None = None,
        *,
        delay: float = 1.0,
        closed: float = 0.05,
        retry_after: int = 0,
    ) -> None:
        self.target = target
        self.plan = plan or Plan()
        self.delay = delay
        self.closed = closed
        self.retry_after = retry_after
        self.seen: list[Seen] = []
        self.faults: Counter[str] = Counter()
        self.connections = 0
        self.busy = 0
        self._attempts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.StreamWriter] = set()
        self._server: socket.socket | None = None
        self._reopen: asyncio.TimerHandle | None = None
        self._ready = threading.Event()
        # Keeps the port ours while nothing listens on it.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fault proxy did not start")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)
        self._holder.close()
        if self._thread.is_alive():
            raise RuntimeError("the fault proxy did not stop")

    def refuse(self, seconds: float | None = None) -> None:
        """Close the port, for a time or until `accept()`; idle connections are closed as well."""
        self._ask(self._close_port, seconds)

    def accept(self) -> None:
        """Open the port again."""
        self._ask(self._open_port)

    def settle(self, timeout: float = 10.0) -> None:
        """Wait until no request is under way any more, also none whose client has given up."""
        end = time.monotonic() + timeout
        while self.busy:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.busy} requests are still under way")
            time.sleep(0.01)

    def attempts(self, key: str) -> list[Seen]:
        return [seen for seen in list(self.seen) if seen.key == key]

    # -- in the thread of the proxy ------------------------------------------------------------------

    def _ask(self, function, *args) -> None:
        async def call() -> None:
            function(*args)

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._main())

    async def _main(self) -> None:
        self._done = asyncio.Event()
        self._open_port()
        self._ready.set()
        await self._done.wait()
        if self._reopen is not None:
            self._reopen.cancel()
        self._stop_listening()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _open_port(self) -> None:
        if self._reopen is not None:
            self._reopen.cancel()
            self._reopen = None
        if self._server is None and not self._done.is_set():
            listener = _bound(self.port)
            listener.listen(512)
            listener.setblocking(False)
            self._server = listener
            self._loop.add_reader(listener, self._accept, listener)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._loop.remove_reader(self._server)
            self._server.close()
            self._server = None

    def _close_port(self, seconds: float | None) -> None:
        self._stop_listening()
        for writer in self._idle:
            writer.close()
        if seconds is not None:
            self._reopen = self._loop.call_later(seconds, self._open_port)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(64):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            self.connections += 1
            task = self._loop.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, writer = await asyncio.open_connection(sock=connection, limit=LIMIT)
        upstream = _Upstream(self)
        reset = False
        try:
            while True:
                self._idle.add(writer)
                head = await reader.readuntil(b"\r\n\r\n")
                self._idle.discard(writer)
                path, headers = _parse(head)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.busy += 1
                try:
                    if await self._exchange(head, path, headers, body, upstream, writer):
                        break
                finally:
                    self.busy -= 1
        except Cut as cut:
            reset = cut.reset
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # the client or the server hung up
        finally:
            self._idle.discard(writer)
            upstream.close()
            if reset:
                linger = struct.pack("ii", 1, 0)
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            writer.close()

    async def _exchange(
        self,
        head: bytes,
        path: str,
        headers: dict[str, str],
        body: bytes,
        upstream: _Upstream,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Serve one request; True when the connection ends with it, Cut when it is torn down."""
        key = headers.get("idempotency-key", "")
        attempt = self._attempts[key]
        self._attempts[key] += 1
        name = self.plan.draw(path, key or f"unkeyed {attempt}", attempt)
        self.seen.append(Seen(path, key, body, name, headers, time.monotonic()))
        if name is None:
            reply = await upstream.ask(head + body)
            writer.write(reply)
            await writer.drain()
            return _closes(reply)
        self.faults[name] += 1
        fault = FAULTS[name]
        reset = (len(self.seen) & 1) == 1
        if fault.kind == "slow_before":
            await asyncio.sleep(self.delay)
        reply = await upstream.ask(head + body) if fault.forwarded else b""
        if fault.kind == "slow_after":
            await asyncio.sleep(self.delay)
        if fault.kind == "cut":
            raise Cut(reset)
        if fault.kind == "refuse":
            self._close_port(self.closed)
        if fault.kind == "status":
            reply = self._status(fault)
        elif fault.kind == "garbage":
            reply = b"\x16\x03\x01 this is not HTTP \x00\xff\r\n\r\n"
        elif fault.kind == "cut_during":
            reply = reply[: max(reply.find(b"\r\n\r\n") // 2, 5)]
        elif fault.kind == "half_body":
            start = reply.find(b"\r\n\r\n") + 4
            reply = reply[: start + (len(reply) - start) // 2]
        writer.write(reply)
        await writer.drain()
        if fault.kind == "status":
            return False
        if fault.kind in ("slow_before", "slow_after"):
            return _closes(reply)
        raise Cut(reset=False)  # a reset could overtake the bytes just written

    def _status(self, fault: Fault) -> bytes:
        body = b'{"type":"about:blank","title":"Made by the fault proxy","status":%d,"detail":"planned"}'
        body %= fault.status
        lines = [
            f"HTTP/1.1 {fault.status} Planned",
            "Content-Type: application/problem+json",
            f"Content-Length: {len(body)}",
            "X-Request-Id: planned-by-the-proxy",
        ]
        if fault.retry_after == "seconds":
            lines.append(f"Retry-After: {self.retry_after}")
        elif fault.retry_after == "date":
            now = time.time()
            lines.append(f"Date: {formatdate(now, usegmt=True)}")
            lines.append(f"Retry-After: {formatdate(now + self.retry_after, usegmt=True)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Upstream:
    """The connection to the server behind one connection of a client; opened again when it was lost."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> bytes:
        """The server's whole response; Cut when there is none."""
        fresh = self._pair is None or self._pair[0].at_eof()
        if fresh:
            self.close()
            try:
                self._pair = await asyncio.open_connection("127.0.0.1", self._proxy.target, limit=LIMIT)
            except OSError:
                raise Cut from None
        assert self._pair is not None
        reader, writer = self._pair
        try:
            writer.write(request)
            await writer.drain()
            reply = await _read_reply(reader)
        except (asyncio.IncompleteReadError, OSError):
            self.close()
            raise Cut from None
        if _closes(reply):
            self.close()
        return reply

    def close(self) -> None:
        if self._pair is not None:
            self._pair[1].close()
            self._pair = None


async def _read_reply(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    _, headers = _parse(head)
    if "content-length" in headers:
        return head + await reader.readexactly(int(headers["content-length"]))
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = [head]
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            parts += [line, await reader.readexactly(size + 2)]
            if size == 0:
                return b"".join(parts)
    if head.split(b" ", 2)[1] in (b"204", b"304"):
        return head
    return head + await reader.read(LIMIT)


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    """The second word of the first line, and the headers with lower-case names."""
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


def _closes(reply: bytes) -> bool:
    head = reply[: reply.find(b"\r\n\r\n")].lower()
    return b"\r\nconnection: close" in head


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock
