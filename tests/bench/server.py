"""A loopback server that responds at once: fixed bytes, no framework, in a process of its own.

It is kept as quick as possible, so that what is measured is the client.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FEATURES = 100
STREAM_FEATURES = 100_000


def feature(number: int) -> dict[str, object]:
    """A STAC item of about 760 bytes, as a catalogue returns it."""
    west, south = 151.18 + number % 10 / 100, -33.92 + number % 7 / 100
    ring = [[west, south], [west + 0.1, south], [west + 0.1, south + 0.1], [west, south + 0.1], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S2A_MSIL2A_2024011{number % 10}T000241_R030_T56HKH_{number:06d}",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, west + 0.1, south + 0.1],
        "properties": {
            "datetime": "2024-01-15T00:02:41Z",
            "eo:cloud_cover": number % 100 / 4,
            "platform": "sentinel-2a",
            "gsd": 10,
        },
        "assets": {
            band: {"href": f"https://assets.example.com/{number:06d}/{band}.tif", "type": "image/tiff"}
            for band in ("visual", "B04", "B08")
        },
        "links": [{"rel": "self", "href": f"https://api.example.com/items/{number:06d}"}],
        "collection": "sentinel-2-l2a",
    }


SMALL = json.dumps({"enabled": True, "threshold_credits": 1000, "topup_amount_credits": 5000}).encode()
PAGE = json.dumps(
    {"type": "FeatureCollection", "features": [feature(n) for n in range(FEATURES)], "next": None}
).encode()
STREAM = b"".join(json.dumps(feature(n)).encode() + b"\n" for n in range(1000))


def _reply(content: bytes, media_type: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\nx-request-id: bench\r\n\r\n"
    return head % (media_type, len(content)) + content


class _Protocol(asyncio.Protocol):
    replies = (
        (b"catalog.search_stream", b""),
        (b"catalog.search", _reply(PAGE)),
        (b"", _reply(SMALL)),
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()  # a stream that nobody reads any more ends

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            line = head.split(b"\r\n", 1)[0]
            reply = next(reply for name, reply in self.replies if name in line)
            if reply:
                self.transport.write(reply)
            else:
                self.task = asyncio.ensure_future(self.stream())

    async def stream(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n"
        times = STREAM_FEATURES // 1000
        self.transport.write(head % (len(STREAM) * times))
        for _ in range(times):
            await self.writable.wait()
            if self.transport.is_closing():
                return
            self.transport.write(STREAM)


async def _serve(certificate: str | None) -> None:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(_Protocol, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends when the process that started it lets go of its standard input.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def running_tls() -> Iterator[tuple[str, dict[str, str]]]:
    """(base URL, environment) of a server with TLS; programs trust its authority beside all those of certifi."""
    import certifi
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        chain, trusted = Path(folder, "server.pem"), Path(folder, "trusted.pem")
        issued.private_key_and_cert_chain_pem.write_to_path(str(chain))
        trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        with running(str(chain)) as url:
            yield url, {"SSL_CERT_FILE": str(trusted)}


@contextmanager
def running(certificate: str | None = None) -> Iterator[str]:
    """The base URL of a server in a process of its own, which ends with the block.

    certificate: a file with a key and a certificate; the server then speaks TLS.
    """
    arguments = [sys.executable, __file__, *([] if certificate is None else [certificate])]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        scheme = "http" if certificate is None else "https"
        yield f"{scheme}://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=10)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1] if len(sys.argv) > 1 else None))
