"""Certificates: checked by default, also by the quick way to a client, and as the options say otherwise."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from helpers.flavour import Flavour

from geopera.errors import APIConnectionError


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body leave in two writes

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        content = b'{"enabled": true}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Quiet."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A handshake that the client breaks off is what some of these tests are about."""


@contextmanager
def serving(ca: trustme.CA, *names: str) -> Iterator[str]:
    """The base URL of a server whose certificate is for `names`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authority(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(base URL of a server over TLS, the file of the authority that signed its certificate)."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    with serving(ca, "127.0.0.1") as url:
        yield url, file


def call(flavour: Flavour, url: str, **options: object) -> object:
    client = flavour.client(token="test-token", base_url=url, max_retries=0, timeout=10, **options)
    return flavour(client.billing.auto_topup.get())


def test_an_unknown_authority_is_refused(authority: tuple[str, Path], flavour: Flavour) -> None:
    with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        call(flavour, authority[0])
    assert not caught.value.may_have_acted


def test_a_file_of_authorities_is_used(authority: tuple[str, Path], flavour: Flavour) -> None:
    url, file = authority
    context = ssl.create_default_context(cafile=str(file))
    assert call(flavour, url, verify_ssl=context) == {"enabled": True}


def test_the_environments_file_of_authorities_is_used(
    authority: tuple[str, Path], flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, file = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert call(flavour, url) == {"enabled": True}


def test_checking_can_be_turned_off(authority: tuple[str, Path], flavour: Flavour) -> None:
    assert call(flavour, authority[0], verify_ssl=False) == {"enabled": True}


def test_another_name_than_the_certificates_is_refused(
    ca: trustme.CA, authority: tuple[str, Path], flavour: Flavour
) -> None:
    context = ssl.create_default_context(cafile=str(authority[1]))
    with (
        serving(ca, "other.example") as url,
        pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        call(flavour, url, verify_ssl=context)


def test_the_certificates_of_the_system(ca: trustme.CA, flavour: Flavour, http_library: str) -> None:
    """`verify_ssl="system"` trusts what the operating system does, which knows nothing of this authority."""
    pytest.importorskip("truststore")
    with serving(ca, "127.0.0.1") as url:
        client = flavour.client(
            "test-token", url, verify_ssl="system", max_retries=0, http_library=http_library
        )
        with pytest.raises(APIConnectionError, match="is not trusted"):
            flavour(client.billing.auto_topup.get())


def test_a_context_and_a_path_work_with_both_libraries(
    ca: trustme.CA, flavour: Flavour, http_library: str, tmp_path: Path
) -> None:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    file = tmp_path / "authority.pem"
    ca.cert_pem.write_to_path(str(file))
    with serving(ca, "127.0.0.1") as url:
        for verify in (context, file, str(file)):
            client = flavour.client("test-token", url, verify_ssl=verify, http_library=http_library)
            assert flavour(client.billing.auto_topup.get())["enabled"] is True
        args = {"verify": context}
        client = flavour.client("test-token", url, httpx_args=args, http_library=http_library)
        assert flavour(client.billing.auto_topup.get())["enabled"] is True


def test_a_context_that_is_made_here_verifies(http_library: str) -> None:
    import importlib

    from geopera._transport.trust import context_of

    made = context_of(importlib.import_module(http_library), True, None, trust_env=True)
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname


def test_a_surplus_response_over_tls_is_the_result_of_nothing(
    ca: trustme.CA, flavour: Flavour, http_library: str
) -> None:
    """The surplus shares the TLS record of the response before it."""
    import socket

    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(served)
    trusted = ssl.create_default_context()
    ca.configure_trust(trusted)
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def reply(name: bytes) -> bytes:
        content = b'{"id": "%s"}' % name
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return head % len(content) + content

    def serve(raw: socket.socket) -> None:
        try:
            with served.wrap_socket(raw, server_side=True) as connection:
                connection.settimeout(10)
                while data := connection.recv(1 << 16):
                    name = data.split(b" ", 2)[1].removeprefix(b"/v1/op/")
                    while not data.endswith(b"}"):
                        data += connection.recv(1 << 16)
                    seen.append(name)
                    connection.sendall(reply(name) + (reply(b"SURPLUS") if len(seen) == 1 else b""))
        except OSError:
            return

    def accept() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(raw,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        client = flavour.client("test-token", url, verify_ssl=trusted, http_library=http_library)
        found = [flavour(client.invoke(name, {})) for name in ("team.one.get", "orders.archive.place")]
        assert [one["id"] for one in found] == [b.decode() for b in seen][:2]
        assert seen[1] == b"orders.archive.place"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
