"""Streams of features: every form, cut everywhere, left early, and in bounded memory."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from helpers.lazily import leave_early, settle, shut, step, until_error
from helpers.sample import sampled
from helpers.wire import Asked, Reply, Wire, feature, in_pieces, json_reply

from geopera.errors import (
    InvalidInputError,
    NotFoundError,
    ResponseError,
    ResponseMismatchWarning,
    StreamError,
)
from geopera.models import StacFeature

Serve = Callable[[Callable[[Asked], Reply]], Wire]

BODY = {"host_name": "earthsearch-aws"}
NASTY = feature(1, properties={"datetime": None, "note": 'a\u2028b\u2029c\x85 "{[,]}" \\'})
ROWS = [feature(0), NASTY, feature(2)]


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def events(rows: list[Any]) -> bytes:
    return b": hello\n\n" + b"".join(b"event: feature\ndata: " + dump(row) + b"\n\n" for row in rows)


def split_events(rows: list[Any]) -> bytes:
    """Each record over several data lines, with all kinds of line ends."""
    parts = []
    for row, end in zip(rows, (b"\n", b"\r\n", b"\r"), strict=True):
        text = json.dumps(row, ensure_ascii=False, indent=1).encode()
        parts += [b"data: " + line + end for line in text.split(b"\n")] + [end]
    return b"".join(parts)


def lines(rows: list[Any]) -> bytes:
    return b"".join(dump(row) + b"\n" for row in rows)


def collection(rows: list[Any]) -> bytes:
    return dump({"type": "FeatureCollection", "features": rows, "links": []})


FORMS: dict[str, tuple[str, Callable[[list[Any]], bytes]]] = {
    "events": ("text/event-stream", events),
    "split events": ("text/event-stream; charset=utf-8", split_events),
    "lines": ("application/x-ndjson", lines),
    "array": ("application/json", dump),
    "collection": ("application/geo+json", collection),
    "lines called events": ("text/event-stream", lines),
}


@pytest.mark.parametrize("size", sampled([7, 1, 100, 100_000], 4))
@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_pieces_of_every_size(flavour: Flavour, serve: Serve, form: str, size: int) -> None:
    type_, write = FORMS[form]
    wire = serve(lambda asked: Reply(in_pieces(write(ROWS), size), type=type_))
    client = flavour.client("test-token", wire.url)
    found = flavour.collect(client.catalog.search_stream(BODY))
    assert [one.to_dict() for one in found] == ROWS
    assert all(isinstance(one, StacFeature) for one in found)
    assert found[1].properties["note"] == NASTY["properties"]["note"]
    assert wire.operations() == ["catalog.search_stream"]
    assert wire.asked[0].body == BODY
    assert "event-stream" in wire.asked[0].headers["accept"]
    assert "ndjson" in wire.asked[0].headers["accept"]


def test_all_ways_to_ask(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply(lines(ROWS), type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url)
    for made in (
        client.catalog.search_stream(BODY),
        client.catalog.search_stream(host_name="earthsearch-aws"),
        client.invoke("catalog.search_stream", BODY),
        client.with_options(timeout=5).catalog.search_stream(BODY),
        client.catalog.search_stream.iter(BODY),
    ):
        assert [one.id for one in flavour.collect(made)] == ["scene-0", "scene-1", "scene-2"]
    assert {json.dumps(asked.body) for asked in wire.asked} == {json.dumps(BODY)}
    response = flavour(client.catalog.search_stream(BODY, detailed=True))
    assert [one.id for one in response.parsed] == ["scene-0", "scene-1", "scene-2"]
    assert response.content == lines(ROWS)


def test_nothing_is_sent_before_the_first_step(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply(lines(ROWS), type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url)
    stream = client.catalog.search_stream(BODY)
    assert "catalog.search_stream" in repr(stream)
    assert wire.asked == []
    with pytest.raises(InvalidInputError):
        client.catalog.search_stream({"host_name": object()})
    assert wire.asked == []


def test_the_first_feature_comes_as_soon_as_it_arrives(flavour: Flavour, serve: Serve) -> None:
    for type_, head, row, tail in (
        ("text/event-stream", b"", b"data: %s\n\n", b""),
        ("application/x-ndjson", b"", b"%s\n", b""),
        ("application/json", b'{"features": [', b"%s,", b'{"id": "last"}]}'),
    ):
        go_on = threading.Event()

        def chunks(head: bytes = head, row: bytes = row, tail: bytes = tail) -> Iterator[bytes]:
            yield head + row % dump(ROWS[0])
            assert go_on.wait(10)  # noqa: B023
            yield row % dump(ROWS[1]) + tail.replace(b'{"id": "last"}', dump(ROWS[2]))

        wire = serve(lambda asked, chunks=chunks, type_=type_: Reply(chunks(), type=type_))
        stream = flavour.client("test-token", wire.url).catalog.search_stream(BODY)
        assert step(flavour, stream).id == "scene-0"  # the server is still waiting
        go_on.set()
        assert step(flavour, stream).id == "scene-1"
        flavour.collect(stream)


def single(flavour: Flavour, serve: Serve, reply: Callable[[Asked], Reply]) -> tuple[Any, Wire]:
    """A client with one connection, and its server: it responds to a ping, and with `reply` to the rest."""
    wire = serve(lambda asked: json_reply({"id": "o"}) if asked.operation == "orders.get" else reply(asked))
    limits = httpx.Limits(max_connections=1)
    timeout = httpx.Timeout(10, pool=3)
    client = flavour.client(
        "test-token", wire.url, timeout=timeout, httpx_args={"limits": limits}, max_retries=0
    )
    return client, wire


def idle(flavour: Flavour, client: Any) -> bool:
    """Whether the one connection of a client is free: its pool has room for another call."""
    settle(flavour)
    return bool(flavour(client.orders.get(order_id="o"))["id"])


def endless(asked: Asked) -> Reply:
    def chunks() -> Iterator[bytes]:
        for n in range(100_000):
            yield lines([feature(n)])

    return Reply(chunks(), type="application/x-ndjson")


def test_leaving_the_loop_releases_the_connection(flavour: Flavour, serve: Serve) -> None:
    client, wire = single(flavour, serve, endless)
    stream = client.catalog.search_stream(BODY)  # a name goes on referring to it
    assert [one.id for one in leave_early(flavour, stream, 2)] == ["scene-0", "scene-1"]
    assert idle(flavour, client)
    assert wire.hung_up.wait(10)
    with pytest.raises(StreamError, match="with block"):
        step(flavour, stream)
    assert len(leave_early(flavour, client.catalog.search_stream(BODY), 1)) == 1
    assert idle(flavour, client)


def test_an_exception_in_the_loop_releases_the_connection(flavour: Flavour, serve: Serve) -> None:
    client, wire = single(flavour, serve, endless)

    def blocking() -> None:
        for _ in client.catalog.search_stream(BODY):
            raise KeyError("oops")

    async def awaiting() -> None:
        async for _ in client.catalog.search_stream(BODY):
            raise KeyError("oops")

    with pytest.raises(KeyError, match="oops"):
        flavour(awaiting()) if flavour.asynchronous else blocking()
    assert idle(flavour, client)
    assert wire.hung_up.wait(10)


def test_in_a_with_block_it_is_taken_in_parts(flavour: Flavour, serve: Serve) -> None:
    client, wire = single(flavour, serve, endless)

    def blocking() -> list[Any]:
        found = []
        with client.catalog.search_stream(BODY) as stream:
            for _ in range(2):
                for one in stream:
                    found.append(one.id)
                    if len(found) % 2 == 0:
                        break
            found.append(next(stream).id)
        assert list(stream) == []
        return found

    async def awaiting() -> list[Any]:
        found = []
        async with client.catalog.search_stream(BODY) as stream:
            for _ in range(2):
                async for one in stream:
                    found.append(one.id)
                    if len(found) % 2 == 0:
                        break
            found.append((await anext(stream)).id)
        assert [one async for one in stream] == []
        return found

    found = flavour(awaiting()) if flavour.asynchronous else blocking()
    assert found == [f"scene-{n}" for n in range(5)]
    assert idle(flavour, client)
    assert wire.hung_up.wait(10)


def test_closing_it_ends_it(flavour: Flavour, serve: Serve) -> None:
    client, _ = single(flavour, serve, endless)
    stream = client.catalog.search_stream(BODY)
    assert step(flavour, stream).id == "scene-0"
    shut(flavour, stream)
    shut(flavour, stream)
    assert flavour.collect(stream) == []
    assert idle(flavour, client)
    unused = client.catalog.search_stream(BODY)
    shut(flavour, unused)
    assert flavour.collect(unused) == []


def test_a_cancelled_task_releases_the_connection(serve: Serve) -> None:
    import asyncio

    flavour = Flavour("async")
    silence = threading.Event()

    def reply(asked: Asked) -> Reply:
        def chunks() -> Iterator[bytes]:
            yield lines(ROWS)
            silence.wait(10)

        return Reply(chunks(), type="application/x-ndjson")

    client, _ = single(flavour, serve, reply)
    found: list[Any] = []

    async def loop() -> None:
        async with asyncio.timeout(0.3):
            async for one in client.catalog.search_stream(BODY):
                found.append(one)

    with pytest.raises(TimeoutError):
        flavour(loop())
    assert len(found) == 3
    assert idle(flavour, client)
    silence.set()
    flavour.close()


def test_several_at_once_on_one_client(flavour: Flavour, serve: Serve) -> None:
    wire = serve(
        lambda asked: Reply(
            lines([feature(n) for n in range(asked.body["first"], asked.body["first"] + 50)]),
            type="application/x-ndjson",
        )
    )
    client = flavour.client("test-token", wire.url)

    def expected(first: int) -> list[str]:
        return [f"scene-{n}" for n in range(first, first + 50)]

    if flavour.asynchronous:
        import asyncio

        async def one(first: int) -> list[str]:
            return [f.id async for f in client.catalog.search_stream(host_name="h", first=first)]

        async def all_of_them() -> list[list[str]]:
            return await asyncio.gather(*map(one, range(0, 400, 50)))

        found = flavour(all_of_them())
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(8) as threads:
            found = list(
                threads.map(
                    lambda first: [f.id for f in client.catalog.search_stream(host_name="h", first=first)],
                    range(0, 400, 50),
                )
            )
    assert found == [expected(first) for first in range(0, 400, 50)]


def test_after_its_end_there_is_nothing_more(flavour: Flavour, serve: Serve) -> None:
    client, wire = single(flavour, serve, lambda asked: Reply(lines(ROWS), type="application/x-ndjson"))
    stream = client.catalog.search_stream(BODY)
    assert len(flavour.collect(stream)) == 3
    assert flavour.collect(stream) == []
    with pytest.raises((StopIteration, StopAsyncIteration)):
        step(flavour, stream)
    assert len(wire.asked) == 1
    assert idle(flavour, client)


@pytest.mark.parametrize("form", ["events", "lines", "array", "collection"])
@pytest.mark.parametrize("how", ["ended", "connection cut"])
def test_a_stream_that_is_cut_raises_after_what_was_whole(
    flavour: Flavour, serve: Serve, form: str, how: str
) -> None:
    type_, write = FORMS[form]
    data = write(ROWS)
    at = data.index(b"scene-2")
    client, wire = single(
        flavour, serve, lambda asked: Reply([data[:at]], type=type_, cut=how == "connection cut")
    )
    found, error = until_error(flavour, client.catalog.search_stream(BODY))
    assert [one.id for one in found] == ["scene-0", "scene-1"]
    assert isinstance(error, StreamError)
    assert "catalog.search_stream" in str(error)
    assert "cut" in str(error)
    assert "after 2 records" in str(error)
    assert error.operation == "catalog.search_stream"
    assert error.status_code == 200
    # What the transport said is in the message, and redacted there.
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert len(wire.asked) == 1  # records were handed out: it cannot begin again
    assert idle(flavour, client)


def test_a_connection_cut_between_records_is_noticed(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply([lines(ROWS)], type="application/x-ndjson", cut=True))
    found, error = until_error(flavour, flavour.client("test-token", wire.url).catalog.search_stream(BODY))
    assert len(found) == 3
    assert isinstance(error, StreamError)


@pytest.mark.parametrize("form", ["events", "lines"])
def test_a_line_that_is_not_json_raises_after_what_came_before(
    flavour: Flavour, serve: Serve, form: str
) -> None:
    type_, write = FORMS[form]
    data = write(ROWS).replace(dump(ROWS[2]), b"<html>oops</html>")
    wire = serve(lambda asked: Reply(data, type=type_))
    found, error = until_error(flavour, flavour.client("test-token", wire.url).catalog.search_stream(BODY))
    assert [one.id for one in found] == ["scene-0", "scene-1"]
    assert isinstance(error, StreamError)
    assert "<html>oops" in str(error)


@pytest.mark.parametrize(
    "tail",
    [
        b'event: error\ndata: {"title": "Host failed", "status": 502, "detail": "no catalogue"}\n\n',
        b'data: {"title": "Host failed", "status": 502, "detail": "no catalogue"}\n\n',
    ],
)
def test_an_error_event_of_the_stream_is_raised(flavour: Flavour, serve: Serve, tail: bytes) -> None:
    wire = serve(lambda asked: Reply(events(ROWS) + tail, type="text/event-stream"))
    found, error = until_error(flavour, flavour.client("test-token", wire.url).catalog.search_stream(BODY))
    assert len(found) == 3
    assert isinstance(error, StreamError)
    assert "no catalogue" in str(error)
    assert error.error.title == "Host failed"


def test_a_response_that_is_not_a_stream(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply(b"<html>proxy</html>", type="text/html"))
    found, error = until_error(flavour, flavour.client("test-token", wire.url).catalog.search_stream(BODY))
    assert found == []
    assert isinstance(error, StreamError)
    assert "<html>proxy" in str(error)


def test_a_server_that_falls_silent(flavour: Flavour, serve: Serve) -> None:
    silence = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield lines(ROWS)
        silence.wait(10)

    wire = serve(lambda asked: Reply(chunks(), type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url, timeout=0.3)
    found, error = until_error(flavour, client.catalog.search_stream(BODY))
    silence.set()
    assert len(found) == 3
    assert isinstance(error, StreamError)
    assert "Timeout" in str(error)


def test_an_error_status_is_the_error_of_its_kind(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: json_reply({"title": "Unknown host", "status": 404}, 404))
    found, error = until_error(flavour, flavour.client("test-token", wire.url).catalog.search_stream(BODY))
    assert found == []
    assert isinstance(error, NotFoundError)
    assert error.error.title == "Unknown host"


def test_a_server_error_before_the_first_byte_is_repeated(flavour: Flavour, serve: Serve) -> None:
    def reply(asked: Asked) -> Reply:
        if len(wire.asked) < 3:
            return json_reply({"title": "Busy", "status": 503}, 503, Retry_After="0")
        return Reply(lines(ROWS), type="application/x-ndjson")

    wire = serve(reply)
    found = flavour.collect(flavour.client("test-token", wire.url).catalog.search_stream(BODY))
    assert len(found) == 3
    assert len(wire.asked) == 3


STRANGE = feature(9, id=None, extra={"a": 1})


def test_a_hook_that_reads_the_stream_takes_nothing_away(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply(lines(ROWS), type="application/x-ndjson"))
    client = flavour.client(
        "test-token",
        wire.url,
        on_response=lambda reply: reply.aread() if flavour.asynchronous else reply.read(),
    )
    assert len(flavour.collect(client.catalog.search_stream(BODY))) == 3


def test_a_compressed_stream(flavour: Flavour, serve: Serve) -> None:
    def reply(asked: Asked) -> Reply:
        assert "gzip" in asked.headers["accept-encoding"]
        packed = gzip.compress(lines(ROWS))
        return Reply(in_pieces(packed, 50), type="application/x-ndjson", headers={"Content-Encoding": "gzip"})

    client = flavour.client("test-token", serve(reply).url)
    assert [one.to_dict() for one in flavour.collect(client.catalog.search_stream(BODY))] == ROWS


def test_a_record_of_another_shape_is_handed_out_with_one_warning(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply(lines([ROWS[0], *[STRANGE] * 50]), type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url)
    with pytest.warns(ResponseMismatchWarning, match=r"catalog\.search_stream: record 1 .*id") as caught:
        found = flavour.collect(client.catalog.search_stream(BODY))
    assert len(caught) == 1
    assert len(found) == 51
    assert found[1]["extra"]["a"] == 1


def test_a_record_of_another_shape_is_an_error_where_wanted(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: Reply(lines([ROWS[0], STRANGE]), type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url, strict_responses=True)
    found, error = until_error(flavour, client.catalog.search_stream(BODY))
    assert len(found) == 1
    assert isinstance(error, ResponseError)
    assert not isinstance(error, StreamError)


def test_max_items_ends_it_early(flavour: Flavour, serve: Serve) -> None:
    client, wire = single(flavour, serve, endless)
    for count in (1, 2, 150):
        found = flavour.collect(client.catalog.search_stream.iter(BODY, max_items=count))
        assert [one.id for one in found] == [f"scene-{n}" for n in range(count)]
        assert idle(flavour, client)
    asked = len(wire.asked)
    assert flavour.collect(client.catalog.search_stream.iter(BODY, max_items=0)) == []
    assert len(wire.asked) == asked
    with pytest.raises(ValueError, match="max_items"):
        client.catalog.search_stream.iter(BODY, max_items=-1)
    with pytest.raises(TypeError, match="max_items"):
        client.catalog.search_stream.iter(BODY, max_items="5")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["events", "lines", "array"])
def test_memory_stays_flat(flavour: Flavour, serve: Serve, form: str) -> None:
    type_, _ = FORMS[form]
    row = {"events": b"data: %s\n\n", "lines": b"%s\n", "array": b",%s"}[form] % dump(feature(1))
    head, tail = (b"[" + dump(feature(0)), b"]") if form == "array" else (b"", b"")

    def reply(asked: Asked) -> Reply:
        return Reply((part for part in (head, *[row * 20] * (asked.body["count"] // 20), tail)), type=type_)

    client = flavour.client("test-token", serve(reply).url)

    def peak(count: int) -> int:
        seen = 0

        def blocking() -> int:
            return sum(1 for _ in client.catalog.search_stream(host_name="h", count=count))

        async def awaiting() -> int:
            return sum([1 async for _ in client.catalog.search_stream(host_name="h", count=count)])

        tracemalloc.start()
        try:
            seen = flavour(awaiting()) if flavour.asynchronous else blocking()
            assert seen in (count, count + 1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(200)
    assert peak(4000) < peak(1000) + 300_000  # the records alone would be ten times that


def test_a_bar(flavour: Flavour, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    wire = serve(lambda asked: Reply(lines(ROWS), type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url)
    flavour.collect(client.catalog.search_stream.iter(BODY, progress=True))
    shown = capsys.readouterr().err
    assert "catalog.search_stream" in shown
    assert "3 records" in shown


@pytest.mark.slow
def test_the_stream_and_the_pages_of_the_sandbox_agree(flavour: Flavour, client: Any) -> None:
    body = {**BODY, "collections": ["sentinel-2-l2a"], "bbox": [151.18, -33.92, 151.30, -33.84]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        streamed = [one.id for one in flavour.collect(client.catalog.search_stream(body))]
        paged = [one.id for one in flavour.collect(client.catalog.search.iter({**body, "limit": 100}))]
    assert len(streamed) >= 250
    assert streamed == paged
