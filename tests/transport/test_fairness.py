"""First come, first served: nobody starves at a small pool, and a wait for a connection ends at its timeout."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time

import pytest
from helpers.raw import response

from geopera import AsyncGeopera, Geopera, errors

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
SECONDS = 1.5
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")


def small(http_library, connections, **timeouts):
    library = importlib.import_module(http_library)
    limits = library.Limits(max_connections=connections, max_keepalive_connections=connections)
    timeout = library.Timeout(30, **timeouts)
    return {
        "http_library": http_library,
        "httpx_args": {"limits": limits},
        "timeout": timeout,
        "rate_limit": None,
    }


def after_a_moment(connection, seen):
    time.sleep(0.003)
    connection.send(response({"id": "o"}))


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "connections"), [(3, 1), (6, 2)])
def test_no_task_gets_less_than_half_of_the_mean(http_library, serve_raw, workers, connections):
    server = serve_raw(after_a_moment)
    counts = [0] * workers

    async def main():
        async with AsyncGeopera(TOKEN, server.url, **small(http_library, connections)) as client:
            end = time.monotonic() + SECONDS

            async def work(number):
                while time.monotonic() < end:
                    await client.orders.get(READ)
                    counts[number] += 1

            await asyncio.gather(*map(work, range(workers)))

    asyncio.run(main())
    assert min(counts) >= sum(counts) / workers / 2, counts
    assert server.connections <= connections


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "connections"), [(3, 1), (6, 2)])
def test_no_thread_gets_less_than_half_of_the_mean(http_library, serve_raw, workers, connections):
    server = serve_raw(after_a_moment)
    counts = [0] * workers
    with Geopera(TOKEN, server.url, max_retries=0, **small(http_library, connections)) as client:
        end = time.monotonic() + SECONDS

        def work(number):
            while time.monotonic() < end:
                client.orders.get(READ)
                counts[number] += 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert min(counts) >= sum(counts) / workers / 2, counts
    assert server.connections <= connections


def test_a_wait_for_a_connection_ends_at_its_timeout(flavour, http_library, serve_raw):
    """Two calls beside one that holds the only connection: each waits for its own pool timeout, once."""
    server = serve_raw(lambda connection, seen: connection.over.wait(3) and None)
    options = small(http_library, 1, pool=0.3)
    waits: list[float] = []

    async def main():
        async with AsyncGeopera(TOKEN, server.url, max_retries=0, **options) as client:
            holder = asyncio.ensure_future(client.orders.get(READ))
            await asyncio.sleep(0.2)

            async def late():
                started = time.monotonic()
                with pytest.raises(errors.APITimeoutError, match=r"within 0\.3 s \(pool timeout\)"):
                    await client.orders.get(READ)
                waits.append(time.monotonic() - started)

            await asyncio.gather(late(), late())
            holder.cancel()
            await asyncio.gather(holder, return_exceptions=True)

    def blocking():
        with Geopera(TOKEN, server.url, max_retries=0, **options) as client:

            def hold():
                with pytest.raises(errors.GeoperaError):
                    client.orders.get(READ)

            holder = threading.Thread(target=hold)
            holder.start()
            time.sleep(0.2)

            def late():
                started = time.monotonic()
                with pytest.raises(errors.APITimeoutError, match=r"within 0\.3 s \(pool timeout\)"):
                    client.orders.get(READ)
                waits.append(time.monotonic() - started)

            threads = [threading.Thread(target=late) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            client.close()
            holder.join(10)

    asyncio.run(main()) if flavour.asynchronous else blocking()
    assert len(waits) == 2
    assert all(0.2 < seconds < 2 for seconds in waits), waits


async def call(client, folder, number):
    return await client.orders.get(READ)


async def download(client, folder, number):
    return await client.items.asset.download.download(
        {"item_id": "i", "asset_id": "a"}, folder / f"{number}.tif"
    )


async def stream(client, folder, number):
    return [one async for one in client.catalog.search_stream(host_name="h")]


@pytest.mark.slow
@pytest.mark.parametrize("work", [call, download, stream])
def test_cancelled_tasks_lose_no_connection(http_library, serve_raw, work, tmp_path):
    """Two connections, and tasks that are cancelled anywhere: the pools stay as large as they are."""
    lines = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 13\r\n\r\n"

    def script(connection, seen):
        time.sleep(0.003)
        if seen.operation == "catalog.search_stream":
            connection.send(lines + b'{"id": "a"}\n\n')
        else:
            connection.send(response({"id": "o", "url": f"{server.url}/x.tif"}))

    server = serve_raw(script)

    async def main():
        options = small(http_library, 2, pool=5)
        async with AsyncGeopera(TOKEN, server.url, max_retries=0, **options) as client:
            for turn in range(80):
                tasks = [asyncio.ensure_future(work(client, tmp_path, f"{turn}-{n}")) for n in range(6)]
                for number, task in enumerate(tasks):
                    await asyncio.sleep((turn * 7 + number) % 17 / 2500)
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            found = await asyncio.gather(*(work(client, tmp_path, n) for n in range(8)))
            assert len(found) == 8

    asyncio.run(main())


def test_an_order_that_was_cancelled_while_it_waited_is_not_sent(http_library, serve_raw):
    sent: list[str] = []

    def script(connection, seen):
        sent.append(seen.operation)
        connection.over.wait(0.5)
        connection.send(response({"id": "o"}))

    server = serve_raw(script)

    async def main():
        async with AsyncGeopera(TOKEN, server.url, max_retries=0, **small(http_library, 1)) as client:
            first = asyncio.ensure_future(client.orders.archive.place(collection="a"))
            while not sent:
                await asyncio.sleep(0.01)
            waiting = asyncio.ensure_future(client.orders.archive.place(collection="b"))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(first, waiting, return_exceptions=True)
            await asyncio.sleep(0.3)

    asyncio.run(main())
    assert sent == ["orders.archive.place"]
