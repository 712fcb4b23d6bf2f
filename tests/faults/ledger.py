"""The smallest server that has effects: it counts them, and keeps its word about idempotency keys."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IDEMPOTENT = frozenset({"orders.archive.place", "orders.place", "orders.tasking.place", "billing.topup"})


class LedgerServer(ThreadingHTTPServer):
    """`with LedgerServer() as server:` and talk to `server.url`.

    `effects` counts what happened by operation and key; `tokens` holds the credentials that came.
    The same key and body get the stored response again, the same key and another body get 409.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.effects: Counter[tuple[str, str]] = Counter()
        self.stored: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self.bodies: list[bytes] = []
        self.connections = 0
        self.fail_next = 0  # a status for the response to the next request, once
        self.peers: list[int] = []
        self.lock = threading.Lock()

    def __enter__(self) -> LedgerServer:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self._thread.join(5)
        self.server_close()

    def act(self, operation: str, key: str, body: bytes) -> tuple[int, bytes]:
        with self.lock:
            if self.fail_next:
                status, self.fail_next = self.fail_next, 0
                return status, b'{"title":"Asked for"}'
            self.bodies.append(body)
            claim = self.stored.get((operation, key)) if key and operation in IDEMPOTENT else None
            if claim is not None:
                if claim[0] != body:
                    return (
                        409,
                        b'{"type":"about:blank","title":"Conflict","status":409,"detail":"other body"}',
                    )
                return 200, claim[1]
            self.effects[operation, key] += 1
            reply = json.dumps({"id": f"effect-{sum(self.effects.values())}", "job_id": "j"}).encode()
            self.stored[operation, key] = (body, reply)
            return 200, reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body leave in two writes
    server: LedgerServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client hung up
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        operation = self.path.rpartition("/")[2]
        self.server.peers.append(self.client_address[1])
        status, reply = self.server.act(operation, self.headers.get("idempotency-key", ""), body)
        head = (
            f"HTTP/1.1 {status} Done\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(reply)}\r\nX-Request-Id: request-{len(self.server.bodies)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + reply)

    def log_message(self, *args: object) -> None:
        pass
