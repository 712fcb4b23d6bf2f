"""A server on loopback whose every response a test writes, down to the chunks and to where they are cut."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Asked:
    """One request, as it came: its method, path, headers and the bytes of its body."""

    def __init__(self, method: str, path: str, headers: dict[str, str], content: bytes) -> None:
        self.method = method
        self.path = path
        self.operation = path.removeprefix("/v1/op/")
        self.headers = headers
        self.content = content

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Reply:
    """What is sent back. `chunks` are sent one by one, as they come; `cut` closes without the end.

    length: the Content-Length to claim, instead of sending in chunks.
    """

    def __init__(
        self,
        chunks: Iterable[bytes] | bytes = b"",
        *,
        status: int = 200,
        type: str = "application/json",
        headers: dict[str, str] | None = None,
        length: int | None = None,
        cut: bool = False,
    ) -> None:
        self.chunks = [chunks] if isinstance(chunks, bytes) else chunks
        self.status = status
        self.headers = {"Content-Type": type, **(headers or {})}
        self.length = length
        self.cut = cut


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON response."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(json.dumps(value).encode(), status=status, headers=names)


class Wire:
    """A running server. `asked` is what came so far; `reply` is called for each request, in its thread."""

    def __init__(self, reply: Callable[[Asked], Reply]) -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        self.faults: list[BaseException | None] = []  # of `reply`: such a request has no response
        self.hung_up = threading.Event()  # a client left before the end of a response
        self._lock = threading.Lock()
        self.now = self.most = 0  # requests under way, and the most at one time
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body leave in two writes
            timeout = 30

            def handle_it(self) -> None:
                wire._handle(self)

            do_GET = do_POST = do_PUT = do_HEAD = handle_it

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                fault = sys.exc_info()[1]
                if not isinstance(fault, OSError):  # not a client that left
                    wire.faults.append(fault)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.other_url = f"http://localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        content = handler.rfile.read(length)
        if len(content) < length:  # the client left before the end of its request
            handler.close_connection = True
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, handler.path, headers, content)
        with self._lock:
            self.asked.append(asked)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            self._send(handler, self.reply(asked))
        except (BrokenPipeError, ConnectionError):
            self.hung_up.set()
            handler.close_connection = True
        finally:
            with self._lock:
                self.now -= 1

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.length is not None:
            handler.send_header("Content-Length", str(reply.length))
        else:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in reply.chunks:
            if chunk and reply.length is None:
                chunk = b"%x\r\n%s\r\n" % (len(chunk), chunk)
            handler.wfile.write(chunk)
            handler.wfile.flush()
        if reply.cut:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif reply.length is None:
            handler.wfile.write(b"0\r\n\r\n")

    def operations(self) -> list[str]:
        """The operations asked for so far."""
        return [asked.operation for asked in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        assert not self.faults, self.faults


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """`data`, cut every `size` bytes."""
    return (data[i : i + size] for i in range(0, len(data), size))


def feature(number: int, **changes: Any) -> dict[str, Any]:
    """A scene."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"scene-{number}",
        "collection": "sentinel-2-l2a",
        "geometry": {"type": "Point", "coordinates": [151.2, -33.9]},
        "bbox": [151.2, -33.9, 151.2, -33.9],
        "properties": {"datetime": "2024-01-15T00:02:41Z", "eo:cloud_cover": number % 100},
        "assets": {},
        "links": [],
        **changes,
    }
