"""Why no response came: in one sentence, with host, proxy, phase and seconds, and a short traceback."""

from __future__ import annotations

import io
import pickle
import traceback

import pytest
from helpers.raw import response

from geopera import errors

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def failure(flavour, http_library, url, body=None, operation="orders.get", **options):
    client = flavour.client(TOKEN, url, http_library=http_library, max_retries=0, **options)
    with pytest.raises(errors.APIConnectionError) as caught:
        flavour(client.invoke(operation, body or READ))
    return caught.value


def test_a_server_that_is_down(flavour, http_library):
    error = failure(flavour, http_library, "http://127.0.0.1:9")
    assert str(error) == "orders.get: cannot connect to 127.0.0.1:9: connection refused"
    assert error.reason.startswith("ConnectError")


def test_the_traceback_is_short_and_holds_none_of_the_transport(flavour, http_library):
    error = failure(flavour, http_library, "http://127.0.0.1:9")
    text = "".join(traceback.format_exception(error))
    assert len(text.splitlines()) < 40
    for name in ("httpcore", "site-packages", "anyio"):
        assert name not in text
    assert error.__suppress_context__
    assert type(error.__context__).__name__ == "ConnectError"  # in reach
    plain = pickle.Pickler(file := io.BytesIO())
    plain.dispatch_table = {}  # other libraries register picklers of exceptions for the whole process
    plain.dump(error)
    assert pickle.loads(file.getvalue()).__context__ is None


def test_a_proxy_is_named_with_its_variable(flavour, http_library, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:marker@127.0.0.1:9")
    error = failure(flavour, http_library, "http://10.0.0.1", allow_http=True)
    assert "through the proxy 127.0.0.1:9 (HTTP_PROXY)" in str(error)
    assert "marker" not in str(error) + repr(error.reason)


def test_a_proxy_of_the_settings_is_named(flavour, http_library):
    args = {"proxy": "http://user:marker@127.0.0.1:9"}
    error = failure(flavour, http_library, "http://10.0.0.1", allow_http=True, httpx_args=args)
    assert "through the proxy 127.0.0.1:9 (httpx_args['proxy'])" in str(error)
    assert "marker" not in str(error)


def test_a_timeout_says_which_phase_and_after_how_long(flavour, http_library, serve_raw):
    server = serve_raw(lambda connection, seen: connection.over.wait(5))
    error = failure(flavour, http_library, server.url, timeout=0.3)
    assert isinstance(error, errors.APITimeoutError)
    assert f"no response from 127.0.0.1:{server.port} within 0.3 s (read timeout)" in str(error)


def test_https_to_a_port_without_it(flavour, http_library, serve_raw):
    server = serve_raw(lambda connection, seen: connection.send(response({})))
    error = failure(flavour, http_library, server.url.replace("http:", "https:"), timeout=0.5)
    assert "is it http:// rather than https://?" in str(error) or "cannot connect" in str(error)


def test_a_lost_connection_of_an_order_says_what_to_do(flavour, http_library, serve_raw):
    server = serve_raw(lambda connection, seen: False)
    error = failure(flavour, http_library, server.url, {"collection": "c"}, "orders.archive.place")
    assert f"the connection to 127.0.0.1:{server.port} was lost" in str(error)
    assert f"retry with idempotency_key={error.idempotency_key!r}" in str(error)
    assert error.may_have_acted


@pytest.mark.parametrize("proxy", ["socks://127.0.0.1:1", "nonsense://x", "ftp://127.0.0.1:1"])
def test_a_proxy_with_an_unknown_scheme(flavour, http_library, monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = failure(
        flavour, http_library, "http://10.0.0.1", {"collection": "c"}, "orders.archive.place", allow_http=True
    )
    assert "ALL_PROXY" in str(error)
    assert not error.may_have_acted


def test_no_proxy_with_an_address_is_not_called_a_bad_base_url(flavour, http_library, monkeypatch, serve_raw):
    server = serve_raw(lambda connection, seen: connection.send(response({"id": "o"})))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,[::1]")
    client = flavour.client(TOKEN, server.url, http_library=http_library, max_retries=0)
    try:
        flavour(client.orders.get(READ))
    except errors.APIConnectionError as error:
        assert "base_url" not in str(error)
        assert "PROXY" in str(error)


def test_a_missing_file_of_authorities_is_named_and_nothing_was_sent(flavour, http_library, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authorities.pem")
    error = failure(flavour, http_library, "https://127.0.0.1:9", {"collection": "c"}, "orders.archive.place")
    assert "SSL_CERT_FILE" in str(error)
    assert "/nowhere/authorities.pem" in str(error)
    assert "nothing was sent" in str(error)
    assert not error.may_have_acted


def test_a_header_of_an_http_client_of_the_callers_that_cannot_be_sent(flavour, http_library):
    import importlib

    library = importlib.import_module(http_library)
    cls = library.AsyncClient if flavour.asynchronous else library.Client
    own = cls(headers={"X-Key": "marker\nline"}, base_url="http://127.0.0.1:9")
    client = flavour.client(TOKEN, "http://127.0.0.1:9")
    (client.client.set_async_httpx_client if flavour.asynchronous else client.client.set_httpx_client)(own)
    with pytest.raises(errors.GeoperaError, match=r"X-Key.*nothing was sent") as caught:
        flavour(client.orders.archive.place(collection="c"))
    assert "marker" not in str(caught.value)
    assert not caught.value.may_have_acted
    flavour(own.aclose() if flavour.asynchronous else own.close())


def test_deep_nesting_of_a_success_keeps_the_key_of_an_order(flavour, http_library, serve_raw):
    for depth in (500, 990, 100_000):
        body = b"[" * depth + b"]" * depth
        server = serve_raw(lambda connection, seen, body=body: connection.send(response(body=body)))
        client = flavour.client(
            TOKEN, server.url, http_library=http_library, max_retries=0, strict_responses=True
        )
        try:
            flavour(client.orders.archive.place(collection="c"))
        except errors.ResponseError as error:
            assert error.idempotency_key
        else:
            assert depth < 1000  # a depth that this Python has the stack for
