"""The rest of a large file, read from its connection: the same bytes, the same errors, and a file that is whole."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from pathlib import Path

import httpx
import pytest
from helpers.raw import response

from geopera import errors
from geopera._transport import direct

TOKEN = "token-for-tests"
JOB = {"job_id": "j", "mosaic_type": "rgb"}
DATA = os.urandom(1 << 20) * 3 + b"the end"

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a megabyte are large ones."""
    monkeypatch.setattr(direct, "LARGE", 1 << 20)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes that were left each time a body was read from its connection."""
    found: list[int] = []
    made = direct.Rest.__init__

    def noted(self, http, library, arrived):
        made(self, http, library, arrived)
        found.append(int(http.headers["content-length"]) - arrived)

    monkeypatch.setattr(direct.Rest, "__init__", noted)
    return found


SIZE = len(DATA)


def head(length=SIZE, status="200 OK", **headers):
    fields = {"content_type": "image/tiff", "content_length": str(length), **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("together", [0, 1, 70_000])
def test_every_byte_arrives(flavour, http_library, serve_raw, taken, tmp_path, together):
    def script(connection, seen):
        connection.send(head() + DATA[:together], DATA[together:90_000], DATA[90_000:], pause=0.05)

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    path = flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA
    assert len(taken) == 1
    flavour(client.clip.job.download.download(JOB, path))
    assert path.read_bytes() == DATA
    assert [one.on_connection for one in server.seen] == [0, 0], "the connection is not used again"


@pytest.mark.parametrize("headers", [{"content_encoding": "identity"}, {"content_encoding": "aws-chunked"}])
def test_codings_that_are_none(flavour, serve_raw, taken, tmp_path, headers):
    server = serve_raw(lambda connection, seen: connection.send(head(**headers), DATA))
    client = flavour.client(TOKEN, server.url)
    path = flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA
    assert taken


def test_a_small_file_keeps_its_connection(flavour, serve_raw, taken, tmp_path):
    server = serve_raw(lambda connection, seen: connection.send(head(1000), DATA[:1000]))
    client = flavour.client(TOKEN, server.url)
    for _ in range(2):
        path = flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
        assert path.read_bytes() == DATA[:1000]
    assert not taken
    assert [one.on_connection for one in server.seen] == [0, 1]


def test_a_body_in_chunks_is_left_to_the_library(flavour, serve_raw, taken, tmp_path):
    def script(connection, seen):
        lines = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.send(lines + b"%x\r\n" % len(DATA) + DATA + b"\r\n0\r\n\r\n")

    client = flavour.client(TOKEN, serve_raw(script).url)
    path = flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA
    assert not taken


def test_a_cut_file_goes_on_where_it_ended(flavour, http_library, serve_raw, taken, tmp_path):
    cut = 1_800_001

    def script(connection, seen):
        if "range" not in seen.headers:
            connection.send(head(etag='"v1"'), DATA[:cut])
            connection.close()
            return
        start = int(seen.headers["range"].removeprefix("bytes=").removesuffix("-"))
        part = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
        connection.send(head(len(DATA) - start, "206 Partial Content", content_range=part), DATA[start:])

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    path = flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA
    assert server.seen[1].headers["range"] == f"bytes={cut}-"
    assert len(taken) == 2


@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_file_is_an_error_in_the_end(flavour, http_library, serve_raw, taken, tmp_path, reset):
    def script(connection, seen):
        connection.send(head(), DATA[:2_000_000])
        if reset:
            connection.over.wait(0.1)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sock.close()
        else:
            connection.close()

    client = flavour.client(TOKEN, serve_raw(script).url, http_library=http_library, max_retries=0)
    old = tmp_path / "x.tif"
    old.write_bytes(b"old")
    with pytest.raises(errors.APIConnectionError, match="the download was cut"):
        flavour(client.clip.job.download.download(JOB, old))
    assert taken
    assert old.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.tif"]


def test_a_store_that_stalls_is_a_timeout(flavour, http_library, serve_raw, taken, tmp_path):
    def script(connection, seen):
        connection.send(head(), DATA[:2_000_000])
        connection.over.wait(5)

    client = flavour.client(
        TOKEN, serve_raw(script).url, http_library=http_library, timeout=0.3, max_retries=0
    )
    with pytest.raises(errors.APITimeoutError):
        flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    assert taken
    assert os.listdir(tmp_path) == []


def test_the_total_timeout_holds(flavour, serve_raw, taken, tmp_path):
    def script(connection, seen):
        connection.send(head(), DATA[:2_000_000])
        connection.drip(b"x", 0.05)

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, total_timeout=0.5)
    with pytest.raises(errors.APITimeoutError):
        flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    assert taken
    assert len(server.seen) == 1
    assert os.listdir(tmp_path) == []


def test_a_signed_url(flavour, http_library, serve_raw, taken, tmp_path):
    store = serve_raw(lambda connection, seen: connection.send(head(), DATA))
    server = serve_raw(
        lambda connection, seen: connection.send(response({"url": f"{store.url}/x.tif?sig=1"}))
    )
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    body = {"item_id": "i", "asset_id": "a"}
    path = flavour(client.items.asset.download.download(body, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA
    assert taken


def test_a_transport_of_the_callers_sees_every_byte(serve_raw, taken, tmp_path):
    from geopera import Geopera

    seen = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request):
            response = super().handle_request(request)
            inner = response.stream

            class Stream(httpx.SyncByteStream):
                def __iter__(self):
                    for chunk in inner:
                        seen.append(len(chunk))
                        yield chunk

                def close(self):
                    inner.close()

            response.stream = Stream()
            return response

    server = serve_raw(lambda connection, seen: connection.send(head(), DATA))
    with Counting() as transport, Geopera(TOKEN, server.url, httpx_args={"transport": transport}) as client:
        path = client.clip.job.download.download(JOB, tmp_path / "x.tif")
    assert path.read_bytes() == DATA
    assert sum(seen) == len(DATA)
    assert not taken


def test_closing_the_client_ends_it(serve_raw, taken, tmp_path):
    from geopera import Geopera

    def script(connection, seen):
        connection.send(head(), DATA[:2_000_000])
        connection.over.wait(20)

    client = Geopera(TOKEN, serve_raw(script).url, max_retries=0)
    caught = []

    def work():
        try:
            client.clip.job.download.download(JOB, tmp_path / "x.tif")
        except errors.GeoperaError as exc:
            caught.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(200):
        if taken:
            break
        threading.Event().wait(0.02)
    client.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(caught) == 1
    assert os.listdir(tmp_path) == []


def test_over_tls(flavour, http_library, taken, tmp_path: Path):
    import trustme

    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening, context.wrap_socket(listening.accept()[0], server_side=True) as sock:
            while b"\r\n\r\n" not in sock.recv(65536):
                pass
            sock.sendall(head())
            sock.sendall(DATA)
            sock.recv(65536)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listening.getsockname()[1]}"
    client = flavour.client(TOKEN, url, http_library=http_library, verify_ssl=trust)
    path = flavour(client.clip.job.download.download(JOB, tmp_path / "x.tif"))
    thread.join(10)
    assert path.read_bytes() == DATA
    assert taken
