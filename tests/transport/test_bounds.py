"""Bodies have bounds: what a few bytes inflate to, what never ends, and what ends early."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import pytest
from helpers.raw import response

from geopera import errors

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
CHUNKED = "content-type: application/json\r\ntransfer-encoding: chunked\r\n"


def head(status="200 OK", **fields):
    lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


def gzipped(data, level=9):
    made = zlib.compressobj(level, zlib.DEFLATED, 31)
    return made.compress(data) + made.flush()


def bomb(size):
    """`size` bytes of JSON in a few kilobytes."""
    made = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [made.compress(b'{"id": "')]
    parts += [made.compress(b"a" * (1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, made.compress(b'"}'), made.flush()])


@pytest.fixture
def client_of(flavour, http_library):
    return lambda server, **options: flavour.client(
        TOKEN, server.url, http_library=http_library, **{"max_retries": 0, **options}
    )


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_two_codings_are_refused(flavour, client_of, serve_raw, status):
    body = gzipped(gzipped(b"\0" * (1 << 24)))
    server = serve_raw(
        lambda c, seen: c.send(response(body=body, status=status, content_encoding="gzip, gzip"))
    )
    tracemalloc.start()
    try:
        with pytest.raises(errors.GeoperaError) as caught:
            flavour(client_of(server).orders.get(READ))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert type(caught.value) is (errors.ResponseError if status.startswith("200") else errors.ServerError)


@pytest.mark.slow
def test_a_response_is_inflated_up_to_its_bound(flavour, client_of, serve_raw):
    body = bomb(64 << 20)
    assert len(body) < 100_000
    server = serve_raw(lambda c, seen: c.send(response(body=body, content_encoding="gzip")))
    tracemalloc.start()
    try:
        with pytest.raises(errors.ResponseError, match="larger than 1048576 bytes"):
            flavour(client_of(server, max_response_size=1 << 20).orders.get(READ))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_error_is_read_up_to_one_mebibyte(flavour, client_of, serve_raw):
    def script(connection, seen):
        connection.send(head("404 Not Found", content_type="text/plain", transfer_encoding="chunked"))
        connection.drip(b"10000\r\n" + b"x" * 65536 + b"\r\n", every=0)

    server = serve_raw(script)
    with pytest.raises(errors.NotFoundError) as caught:
        flavour(client_of(server).orders.get(READ))
    assert len(caught.value.response.content) == 1 << 20


def test_a_body_without_an_end_is_an_error_at_the_bound(flavour, client_of, serve_raw):
    def script(connection, seen):
        connection.send(head(content_type="application/json", transfer_encoding="chunked"))
        connection.drip(b"10000\r\n" + b" " * 65536 + b"\r\n", every=0)

    with pytest.raises(errors.ResponseError, match="larger than"):
        flavour(client_of(serve_raw(script), max_response_size=1 << 20).orders.get(READ))


def test_a_length_beyond_the_bound_is_refused_before_the_body(flavour, client_of, serve_raw):
    server = serve_raw(
        lambda c, seen: c.send(head(content_type="application/json", content_length=str(1 << 40)))
    )
    with pytest.raises(errors.ResponseError, match="larger than"):
        flavour(client_of(server).orders.get(READ))


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
@pytest.mark.parametrize("cut", [0, 1, 7])
def test_members_of_gzip_are_read_whole(flavour, client_of, serve_raw, cut):
    """RFC 1952, section 2.2: members follow each other. They end in the middle of a piece, and may be empty."""
    data = gzip.compress(b'{"id": ') + gzip.compress(b"") + gzip.compress(b'"whole"}')

    def script(connection, seen):
        connection.send(
            head(content_type="application/json", content_encoding="gzip", content_length=str(len(data)))
        )
        size = cut or len(data)
        connection.send(*(data[i : i + size] for i in range(0, len(data), size)), pause=0.002)

    assert flavour(client_of(serve_raw(script)).orders.get(READ))["id"] == "whole"


@pytest.mark.parametrize("missing", [1, 4, 8, 12])
def test_gzip_that_ends_early_is_an_error(flavour, client_of, serve_raw, missing):
    data = gzip.compress(b'{"id": "whole"}')[:-missing]
    server = serve_raw(lambda c, seen: c.send(response(body=data, content_encoding="gzip")))
    with pytest.raises(errors.APIConnectionError, match="ended before its end"):
        flavour(client_of(server).orders.get(READ))


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip, gzip", "x-unknown"])
def test_a_coding_that_nobody_asked_for_is_refused(flavour, client_of, serve_raw, coding):
    server = serve_raw(lambda c, seen: c.send(response(body=b"\x1b\x03", content_encoding=coding)))
    with pytest.raises(errors.ResponseError, match="was not requested"):
        flavour(client_of(server).orders.get(READ))


RECORDS = [{"type": "Feature", "id": "a"}, {"type": "Feature", "id": "b"}]


def ndjson(*records):
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def streamed(data):
    return response(body=data, content_type="application/x-ndjson", content_encoding="gzip")


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_a_stream_of_several_members_loses_no_record(flavour, client_of, serve_raw):
    data = gzip.compress(ndjson(RECORDS[0])) + gzip.compress(ndjson(RECORDS[1]))
    client = client_of(serve_raw(lambda c, seen: c.send(streamed(data))))
    found = flavour.collect(client.catalog.search_stream(host_name="h"))
    assert [one["id"] for one in found] == ["a", "b"]


@pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
def test_a_stream_whose_gzip_ends_early_is_an_error(flavour, client_of, serve_raw):
    made = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = made.compress(ndjson(RECORDS[0])) + made.flush(zlib.Z_SYNC_FLUSH)
    client = client_of(serve_raw(lambda c, seen: c.send(streamed(data))))
    with pytest.raises(errors.StreamError, match="ended before its end"):
        flavour.collect(client.catalog.search_stream(host_name="h"))


def test_a_file_is_whole_or_not_there(flavour, client_of, serve_raw, tmp_path):
    whole, asset = gzip.compress(b"a" * 5000) + gzip.compress(b"b" * 5000), {"item_id": "i", "asset_id": "a"}
    sent = [whole]

    def script(connection, seen):
        if seen.method == "POST":
            connection.send(response({"href": f"http://127.0.0.1:{server.port}/file"}))
        else:
            connection.send(response(body=sent[0], content_type="image/tiff", content_encoding="gzip"))

    server = serve_raw(script)
    client = client_of(server)
    path = flavour(client.items.asset.download.download(asset, tmp_path / "a.tif"))
    assert path.read_bytes() == b"a" * 5000 + b"b" * 5000
    sent[0] = whole[: len(whole) * 6 // 10]
    with pytest.raises(errors.GeoperaError):
        flavour(client.items.asset.download.download(asset, tmp_path / "b.tif"))
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]
