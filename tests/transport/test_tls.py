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
