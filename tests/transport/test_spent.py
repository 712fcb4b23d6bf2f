"""Responses that are closed by the next request: few system calls, and no connection is held for long."""

from __future__ import annotations

import asyncio
import gc
import importlib
import time
import warnings

import pytest
from helpers.raw import response

from geopera import AsyncGeopera, errors
from geopera._transport import entry
from geopera._transport.gate import Gate, Slot
from geopera._transport.spent import Spent

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")


def reply(connection, seen):
    connection.send(response({"id": "o"}))


def options(http_library, connections=100, pool=20):
    library = importlib.import_module(http_library)
    limits = library.Limits(max_connections=connections, max_keepalive_connections=connections)
    return {
        "http_library": http_library,
        "httpx_args": {"limits": limits},
        "timeout": library.Timeout(20, pool=pool),
        "rate_limit": None,
        "max_retries": 0,
    }


@pytest.mark.slow
def test_many_tasks_do_not_ask_every_connection_whether_it_is_alive(http_library, serve_raw, monkeypatch):
    """The pool asks each idle one at every request, and again if another request took the one that was chosen."""
    server = serve_raw(reply)
    asked, classes = [0], set()

    def hook(response):
        cls = type(response.extensions["network_stream"])
        if cls not in classes:
            classes.add(cls)
            real = cls.get_extra_info

            def counted(self, info):
                asked[0] += info == "is_readable"
                return real(self, info)

            monkeypatch.setattr(cls, "get_extra_info", counted)

    async def main():
        async with AsyncGeopera(TOKEN, server.url, on_response=hook, **options(http_library)) as client:

            async def work(calls):
                for _ in range(calls):
                    await client.orders.get(READ)

            await asyncio.gather(*(work(1) for _ in range(24)))
            assert classes
            asked[0] = 0
            await asyncio.gather(*(work(8) for _ in range(24)))

    asyncio.run(main())
    assert asked[0] / (24 * 8) < 12, asked


def test_a_connection_is_free_again_soon_after_a_call(http_library, serve_raw):
    """Also for requests that the caller sends with the same HTTP client."""
    server = serve_raw(reply)

    async def main():
        async with AsyncGeopera(TOKEN, server.url, **options(http_library, 1, pool=2)) as client:
            http = client.client.get_async_httpx_client()
            for _ in range(3):
                await client.orders.get(READ)
                assert (await http.get("/")).status_code == 200

    asyncio.run(main())
    assert len(server.seen) == 6


def test_a_send_that_waits_for_another_request_is_not_waited_for(http_library, serve_raw, monkeypatch):
    """As by an instrumentation of the caller's: the second request does not wait for the first one for ever."""
    library = importlib.import_module(http_library)
    monkeypatch.setattr(entry, "_LONGEST", 0.1)
    server, send, nested = serve_raw(reply), library.AsyncClient.send, []

    async def main():
        async with AsyncGeopera(TOKEN, server.url, **options(http_library)) as client:

            async def patched(self, *args, **kwargs):
                if not nested:
                    nested.append(1)
                    await client.orders.get(READ)
                return await send(self, *args, **kwargs)

            monkeypatch.setattr(library.AsyncClient, "send", patched)
            for _ in range(3):
                await asyncio.wait_for(client.orders.get(READ), 10)

    asyncio.run(main())
    assert len(server.seen) == 4


def test_slow_hooks_run_side_by_side(http_library, serve_raw):
    server, inside, most = serve_raw(reply), [0], [0]

    async def hook(request):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        await asyncio.sleep(0.05)
        inside[0] -= 1

    async def main():
        async with AsyncGeopera(TOKEN, server.url, on_request=hook, **options(http_library)) as client:
            await asyncio.gather(*(client.orders.get(READ) for _ in range(6)))

    asyncio.run(main())
    assert most[0] > 3


@pytest.mark.parametrize("failing", ["status", "cut"])
def test_a_call_that_fails_leaves_its_connection_to_the_next(http_library, serve_raw, failing):
    def script(connection, seen):
        if seen.number % 2:
            return reply(connection, seen)
        if failing == "status":
            return connection.send(response({"detail": "no"}, status="404 Not Found"))
        connection.send(response({"id": "o"})[:-3])
        return False

    server = serve_raw(script)

    async def main():
        async with AsyncGeopera(TOKEN, server.url, **options(http_library, 1, pool=2)) as client:
            for _ in range(3):
                with pytest.raises((errors.NotFoundError, errors.APIConnectionError)):
                    await client.orders.get(READ)
                assert (await client.orders.get(READ))["id"] == "o"

    asyncio.run(main())
    assert len(server.seen) == 6


@pytest.mark.slow
@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("blocked", [0, 0.05])
def test_a_loop_that_ends_without_closing_the_client_has_no_task_left(http_library, serve_raw, bare, blocked):
    """Also if the last thing that ran in it took so long that every timer is due."""
    server = serve_raw(reply)

    async def main():
        client = AsyncGeopera(TOKEN, server.url, **options(http_library))
        found = await client.orders.get(READ)
        time.sleep(blocked)
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # its socket is open, as that of any client
        loop = asyncio.new_event_loop()
        if bare:
            found = loop.run_until_complete(main())
        else:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                found = runner.run(main())
        assert found["id"] == "o"
        assert asyncio.all_tasks(loop) == set()
        loop.close()
        gc.collect()


def test_what_no_request_takes_is_closed_though_the_loop_is_always_late():
    closings: list[int] = []

    class Response:
        async def aclose(self):
            closings.append(1)

    async def main():
        spent, gate = Spent(), Gate(3)
        for _ in range(3):
            slot = Slot(gate)
            assert await slot.aenter(0)
            spent.keep(Response(), slot)
        taken = spent.take()
        assert taken is not None
        taken[1].leave()
        for _ in range(40):
            time.sleep(0.03)  # longer than the timer
            await asyncio.sleep(0)
        assert len(closings) == 2
        assert spent.take() is None
        assert [await Slot(gate).aenter(0) for _ in range(4)] == [True, True, True, False]

    asyncio.run(main())
