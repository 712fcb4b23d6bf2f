"""The life of a client: closed twice, closed while calls run, used again; nothing stays open and nothing grows."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest
from helpers.raw import response

from geopera import AsyncGeopera, Geopera, errors

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")


def silent(connection, seen):
    connection.over.wait(20)


def reply(connection, seen):
    connection.send(response({"id": "o"}))


@pytest.mark.slow
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_connection_that_opens_while_the_client_is_closed(http_library, serve_raw, cancelled, monkeypatch):
    """Cancelled while it connects, anyio would leave its socket open until it is collected."""
    import warnings

    import anyio

    server, connect = serve_raw(reply), anyio.connect_tcp

    async def slowly(*args, **options):
        stream = await connect(*args, **options)
        await anyio.sleep(0.1)
        return stream

    monkeypatch.setattr(anyio, "connect_tcp", slowly)

    async def main():
        client = AsyncGeopera(TOKEN, server.url, http_library=http_library)
        tasks = [asyncio.ensure_future(client.orders.get(READ)) for _ in range(3)]
        while server.connections < 3:
            await asyncio.sleep(0.01)
        if cancelled:
            for task in tasks:
                task.cancel()
        await client.aclose()
        return [type(exc) for exc in await asyncio.gather(*tasks, return_exceptions=True)]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        ended = asyncio.run(main())
        gc.collect()
    assert ended == [asyncio.CancelledError if cancelled else errors.APIConnectionError] * 3
    assert [str(one.message) for one in caught] == []
    assert server.seen == []  # and nothing was sent


@pytest.mark.parametrize("operation", ["orders.get", "orders.archive.place"])
def test_calls_that_run_end_within_a_second_of_close(http_library, serve_raw, operation):
    server = serve_raw(silent)
    client = Geopera(TOKEN, server.url, http_library=http_library)
    ended: list[tuple[BaseException, float]] = []

    def work():
        try:
            client.invoke(operation, {"order_id": "o"} if operation == "orders.get" else {"collection": "c"})
        except Exception as exc:  # noqa: BLE001 - looked at below
            ended.append((exc, time.monotonic()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(server.seen) < 8:
        time.sleep(0.01)
    closed = time.monotonic()
    client.close()
    for thread in threads:
        thread.join(10)
    assert [type(exc) for exc, _ in ended] == [errors.APIConnectionError] * 8
    assert all(when - closed < 2 for _, when in ended)
    assert len(server.seen) == 8  # nothing was retried
    assert all(exc.may_have_acted is (operation != "orders.get") for exc, _ in ended)


def test_tasks_that_run_end_within_a_second_of_aclose(http_library, serve_raw):
    server = serve_raw(silent)

    async def main():
        client = AsyncGeopera(TOKEN, server.url, http_library=http_library)
        tasks = [asyncio.ensure_future(client.orders.get(READ)) for _ in range(8)]
        while len(server.seen) < 8:
            await asyncio.sleep(0.01)
        closed = time.monotonic()
        await client.aclose()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(exc) for exc in found], time.monotonic() - closed

    kinds, seconds = asyncio.run(main())
    assert kinds == [errors.APIConnectionError] * 8
    assert seconds < 2
    assert len(server.seen) == 8


def test_a_client_is_used_again_after_close(flavour, http_library, serve_raw):
    server = serve_raw(reply)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    for _ in range(3):
        assert flavour(client.orders.get(READ))["id"] == "o"
        for _ in range(2):
            flavour(client.aclose() if flavour.asynchronous else client.close())
    assert server.connections == 3


@pytest.mark.slow
def test_many_with_blocks_leave_nothing(serve_raw):
    server = serve_raw(reply)

    def once():
        with Geopera(TOKEN, server.url) as client:
            client.orders.get(READ)
            client.orders.archive.place(collection="c")

    once()
    gc.collect()
    kinds = ("Client", "ConnectionPool", "SSLContext", "HTTPTransport", "SyncPool", "SyncStream")

    def alive():
        return sum(type(one).__name__ in kinds for one in gc.get_objects())

    before = alive()
    for _ in range(30):
        once()
    gc.collect()
    assert alive() <= before + 2


@pytest.mark.slow
def test_unknown_operations_do_not_grow(serve_raw):
    server = serve_raw(reply)
    with Geopera(TOKEN, server.url) as client:
        for number in range(50):
            client.invoke(f"some.new.operation_{number}", {})
        gc.collect()
        pool = client.client._sync()
        assert len(pool._routes) <= 10


def test_map_in_a_thread_after_the_main_thread_ended(serve_raw, tmp_path):
    import subprocess
    import sys

    server = serve_raw(reply)
    source = f"""
import threading, time, warnings
warnings.simplefilter("ignore")
from geopera import Geopera
client = Geopera({TOKEN!r}, {server.url!r})
def work():
    threading.main_thread().join()
    time.sleep(0.2)
    found = list(client.map("orders.get", [{{"order_id": "o"}}] * 4, concurrency=2))
    print(len(found), [type(one).__name__ for one in found][:1])
threading.Thread(target=work).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("4 "), done.stderr


def test_two_loops_by_turns_have_a_pool_each(serve_raw):
    server = serve_raw(reply)
    client = AsyncGeopera(TOKEN, server.url)
    first, second = asyncio.Runner(), asyncio.Runner()

    async def once():
        return await client.orders.get(READ)

    for _ in range(10):
        assert first.run(once())["id"] == second.run(once())["id"] == "o"
    assert server.connections == 2
    for runner in (first, second):
        runner.run(client.aclose())
        runner.close()


@pytest.mark.parametrize("flavour", ["sync", "async"])
@pytest.mark.parametrize("kind", ["map", "wait", "iter"])
def test_a_loop_ends_when_its_client_is_closed(serve_raw, flavour, kind):
    """It does not go on over connections that nobody would close: further orders, polls or pages."""

    def reply(connection, seen):
        scenes = {"features": [], "next": f"cursor {seen.number}"}
        connection.send(response(scenes if kind == "iter" else {"id": "o", "status": "processing"}))

    server = serve_raw(reply)
    client = (Geopera if flavour == "sync" else AsyncGeopera)(TOKEN, server.url)

    def started():
        if kind == "map":
            return client.map("orders.get", [READ] * 500, concurrency=2)
        if kind == "iter":
            return client.catalog.search.iter({"host_name": "h"})
        return client.orders.get.wait(READ, delays=[0.01], timeout=20)

    def close_later():
        begun = time.monotonic()
        while len(server.seen) < 4 and time.monotonic() - begun < 10:
            time.sleep(0.005)
        client.close()
        after.append(len(server.seen))

    async def main():
        async def work():
            made = started()
            return [one async for one in made] if kind != "wait" else await made

        task, begun = asyncio.ensure_future(work()), time.monotonic()
        while len(server.seen) < 4 and time.monotonic() - begun < 10:
            await asyncio.sleep(0.005)
        await client.aclose()
        after.append(len(server.seen))
        return await task

    after: list[int] = []
    failed: list[Exception] = []
    try:
        if flavour == "sync":
            closer = threading.Thread(target=close_later)
            closer.start()
            made = started()
            failed += [one for one in made if isinstance(one, Exception)]
        else:
            failed += [one for one in asyncio.run(main()) if isinstance(one, Exception)]
    except errors.APIConnectionError as exc:
        failed.append(exc)
    if flavour == "sync":
        closer.join(20)
    assert {type(exc) for exc in failed} == {errors.APIConnectionError}
    assert client._client._pools() == []
    assert 4 <= len(server.seen) <= after[0] + 2  # with what was in progress
