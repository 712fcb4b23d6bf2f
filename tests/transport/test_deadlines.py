"""A deadline for a whole call: a server that drips a byte now and then cannot outlast it."""

from __future__ import annotations

import threading
import time

import pytest
from helpers.raw import response

from geopera import errors

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def dripping_head(connection, seen):
    connection.send(HEAD + b"x-a: a")
    connection.drip(b"a", every=0.02)


def dripping_body(connection, seen):
    connection.send(HEAD + b"content-length: 100000\r\n\r\n")
    connection.drip(b" ", every=0.02)


def dripping_error(connection, seen):
    connection.send(b"HTTP/1.1 500 No\r\ncontent-type: text/plain\r\ncontent-length: 100000\r\n\r\n")
    connection.drip(b"x", every=0.02)


def endless_interim(connection, seen):
    connection.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n", every=0.02, most=2000)


def silent(connection, seen):
    connection.over.wait(20)


SERVERS = [dripping_head, dripping_body, dripping_error, endless_interim, silent]


@pytest.fixture(params=SERVERS, ids=lambda one: one.__name__)
def server(request, serve_raw):
    return serve_raw(request.param)


def test_a_call_ends_at_its_total_timeout(flavour, http_library, server):
    client = flavour.client(TOKEN, server.url, http_library=http_library, total_timeout=0.2)
    started = time.monotonic()
    with pytest.raises(errors.APITimeoutError) as caught:
        flavour(client.orders.get(READ))
    assert 0.15 < time.monotonic() - started < 5
    assert f"127.0.0.1:{server.port}" in str(caught.value)


def test_an_order_that_was_sent_says_so_at_its_total_timeout(flavour, http_library, server):
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    with pytest.raises(errors.APITimeoutError) as caught:
        flavour(client.with_options(total_timeout=0.2).orders.archive.place(collection="c"))
    assert caught.value.may_have_acted
    assert caught.value.idempotency_key in str(caught.value)
    assert server.operations() == ["orders.archive.place"]


def test_a_wait_ends_at_its_timeout(flavour, http_library, server):
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    started = time.monotonic()
    with pytest.raises(errors.WaitTimeoutError):
        flavour(client.orders.get.wait(order_id="o", timeout=0.25))
    assert time.monotonic() - started < 6


def test_a_stream_ends_at_its_total_timeout(flavour, http_library, serve_raw):
    def script(connection, seen):
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n")
        connection.drip(b" ", every=0.02)

    client = flavour.client(TOKEN, serve_raw(script).url, http_library=http_library, total_timeout=0.2)
    started = time.monotonic()
    with pytest.raises(errors.GeoperaError):
        flavour.collect(client.catalog.search_stream(host_name="h"))
    assert time.monotonic() - started < 5


def test_a_refresh_ends(flavour, http_library, server, monkeypatch):
    from geopera.tracking import refresh

    monkeypatch.setattr(refresh, "MAX_SECONDS", 0.2)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    started = time.monotonic()
    with pytest.raises(errors.GeoperaError, match="nothing was changed"):
        flavour(client.refresh_manifest())
    assert time.monotonic() - started < 5


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_a_call_that_is_in_time_leaves_no_thread(flavour, http_library, serve_raw):
    server = serve_raw(lambda connection, seen: connection.send(response({"id": "o"})))
    client = flavour.client(TOKEN, server.url, http_library=http_library, total_timeout=10)
    before = threading.active_count()
    for _ in range(20):
        assert flavour(client.orders.get(READ))["id"] == "o"
    time.sleep(0.1)
    assert threading.active_count() <= before + 2
