"""A server on loopback that a test writes byte by byte: it need not hold to HTTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Script = Callable[["Connection", "Seen"], Any]


class Seen:
    """One request: the number it has on its connection and over all connections, its target and its body."""

    def __init__(self, number: int, on_connection: int, head: bytes, content: bytes) -> None:
        self.number = number
        self.on_connection = on_connection
        self.head = head
        self.content = content
        self.method, self.target = head.split(b" ", 2)[0].decode(), head.split(b" ", 2)[1].decode()
        self.operation = self.target.removeprefix("/v1/op/")

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Connection:
    """What a script writes to."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over

    def send(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send the parts, each in a segment of its own if there is a pause between them."""
        for number, part in enumerate(parts):
            if number and pause:
                self.over.wait(pause)
            self.sock.sendall(part)

    def drip(self, piece: bytes, every: float, most: int = 400) -> None:
        """Send a piece again and again, until the client leaves or the test ends."""
        for _ in range(most):
            if self.over.wait(every):
                return
            self.sock.sendall(piece)

    def close(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def response(
    value: Any = None, *, status: str = "200 OK", body: bytes | None = None, **headers: str
) -> bytes:
    """A whole response with a Content-Length; header names take ``_`` for ``-``."""
    content = json.dumps(value).encode() if body is None else body
    fields = {"content_type": "application/json", "content_length": str(len(content)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + content


class RawServer:
    """A running server; `seen` is what came so far. `script` is called for each request, in its connection's thread."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(30)
            connection = Connection(sock, self._over)
            with self._lock:
                self.connections += 1
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        buffer, count = b"", 0
        with suppress(OSError):
            while not self._over.is_set():
                while b"\r\n\r\n" not in buffer:
                    data = connection.sock.recv(1 << 16)
                    if not data:
                        return connection.close()
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                seen = Seen(len(self.seen), count, head, b"")
                length = int(seen.headers.get("content-length", 0))
                while len(buffer) < length:
                    data = connection.sock.recv(1 << 16)
                    if not data:  # the client left before the end of its request
                        return connection.close()
                    buffer += data
                seen.content, buffer, count = buffer[:length], buffer[length:], count + 1
                with self._lock:
                    self.seen.append(seen)
                if self.script(connection, seen) is False:
                    return connection.close()
        return connection.close()

    def operations(self) -> list[str]:
        """The operations that requests came for, in order."""
        return [seen.operation for seen in self.seen]

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._thread.join(10)
