"""One response for one request (RFC 9112, section 6.3): a surplus response is the result of nothing."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest
from helpers.raw import response

from geopera import errors

TOKEN = "token-for-tests"
ORDER = {"collection": "sentinel-2-l2a"}
SURPLUS = response({"id": "SURPLUS"})
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux reports the bytes that a socket received"
)


def own(seen):
    """The response that belongs to a request."""
    return response({"id": seen.operation, "balance": seen.number})


def chunked(seen):
    content = own(seen).partition(b"\r\n\r\n")[2]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)


def no_content(seen):
    return b"HTTP/1.1 204 No Content\r\n\r\n"


def not_found(seen):
    return response({"detail": "no such order"}, status="404 Not Found")


ENDS = [own, chunked, no_content, not_found]


@pytest.mark.parametrize("first", ENDS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("how", ["one-segment", "split"])
@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_an_order_never_gets_a_surplus_response(flavour, http_library, serve_raw, first, how):
    def script(connection, seen):
        if seen.number == 0:
            cut = len(SURPLUS) // 2
            parts = (
                [first(seen) + SURPLUS]
                if how == "one-segment"
                else [first(seen) + SURPLUS[:cut], SURPLUS[cut:]]
            )
            connection.send(*parts, pause=0.02)
        else:
            connection.send(own(seen))

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library, max_retries=0)
    with suppress(errors.GeoperaError):  # a 404, or a response that is refused itself
        flavour(client.orders.get(order_id="A"))
    placed = flavour(client.orders.archive.place(ORDER))
    assert placed["id"] == "orders.archive.place"
    assert server.operations() == ["orders.get", "orders.archive.place"]  # what the server has seen


@linux
@pytest.mark.parametrize("first", [own, no_content, not_found], ids=lambda one: one.__name__)
@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_reads_without_a_pause_get_their_own_responses(flavour, http_library, serve_raw, first):
    """The surplus shares the segment of the response before it, and no pause lets it be noticed otherwise."""

    def script(connection, seen):
        connection.send(first(seen) + SURPLUS if seen.number == 0 else own(seen))

    server = serve_raw(script)
    client = flavour.client(
        TOKEN, server.url, http_library=http_library
    )  # a read is retried where one is refused
    names = ["orders.get", "billing.credits.balance", "jobs.get", "orders.get", "billing.credits.balance"]
    for number, name in enumerate(names):
        body = {"order_id": "A"} if name == "orders.get" else {"job_id": "J"} if name == "jobs.get" else {}
        try:
            found = flavour(client.invoke(name, body))
        except errors.GeoperaError:
            assert number == 0
            continue
        if number or first is own:
            assert found["id"] == name, (number, server.operations())
    assert set(server.operations()) == set(names)


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_every_order_reaches_the_server_however_many_responses_come(flavour, http_library, serve_raw):
    server = serve_raw(lambda connection, seen: connection.send(own(seen) + SURPLUS + SURPLUS))
    client = flavour.client(TOKEN, server.url, http_library=http_library, max_retries=0)
    for _ in range(5):
        assert flavour(client.orders.archive.place(ORDER))["id"] == "orders.archive.place"
    assert server.operations() == ["orders.archive.place"] * 5
    assert server.connections == 5  # each has a connection of its own


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_an_order_waits_for_no_idle_connection(flavour, http_library, serve_raw):
    """The server closes every connection after its response: an order over a kept one might be lost with it."""

    def script(connection, seen):
        connection.send(own(seen))
        return False

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library, max_retries=0)
    for _ in range(10):
        flavour(client.orders.archive.place(ORDER))
    assert server.operations() == ["orders.archive.place"] * 10


@linux
@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_a_surplus_after_a_stream_is_dropped(flavour, http_library, serve_raw):
    record = b'{"type": "Feature", "id": "a"}\n'

    def script(connection, seen):
        if seen.number == 0:
            head = (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n"
                % len(record)
            )
            connection.send(head + record + SURPLUS)
        else:
            connection.send(own(seen))

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    body = {"collections": ["c"], "bbox": [0, 0, 1, 1]}
    operation = next(o.id for o in client.manifest.operations.values() if o.streaming)
    stream = client.invoke(operation, body) if operation else None
    assert len(flavour.collect(stream)) == 1
    assert flavour(client.billing.credits.balance())["id"] == "billing.credits.balance"


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_plain_keep_alive_is_used_for_reads(flavour, http_library, serve_raw):
    server = serve_raw(lambda connection, seen: connection.send(own(seen)))
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    for _ in range(20):
        flavour(client.orders.get(order_id="A"))
    assert server.connections == 1
