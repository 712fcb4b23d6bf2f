"""Cancelled tasks, closed clients, timeouts: the pool stays usable and nothing is left open."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
import time

import httpx
import pytest
from faults import FaultProxy, LedgerServer, Plan
from faults.flavours import TOKEN, Caller
from helpers.wire import Reply, json_reply

from geopera import AsyncGeopera, RetryPolicy, errors
from geopera._loops import downloads as _downloads
from geopera._transport.settings import DEFAULT_TIMEOUTS

READ = {"order_id": "o"}
ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


@pytest.fixture
def server():
    with LedgerServer() as running:
        yield running


def client_for(url, **options):
    # One connection: a place that is not given back shows at once, as a PoolTimeout.
    options.setdefault("httpx_args", {"limits": ONE})
    options.setdefault("timeout", httpx.Timeout(5, pool=2))
    return AsyncGeopera(TOKEN, url, **options)


@pytest.mark.parametrize("fault", ["slow_before", "slow_after"])
@pytest.mark.parametrize("hooked", [False, True], ids=["short", "through-httpx"])
def test_cancelled_calls_give_their_connection_back(server, fault, hooked):
    async def main(url):
        options = {"on_response": lambda response: None} if hooked else {}
        async with client_for(url, **options) as client:
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await client.orders.get(READ)
            proxy.plan = Plan()
            assert (await client.orders.get(READ))["id"]

    with FaultProxy(server.server_port, Plan(first=(fault,) * 5), delay=1) as proxy:
        asyncio.run(main(proxy.url))


@pytest.mark.slow
@pytest.mark.parametrize("hooked", [False, True], ids=["short", "through-httpx"])
def test_cancelled_at_every_step_of_a_call(server, hooked):
    """A task is cancelled after n turns of the event loop, for each n until the call gets through.

    Several times over: at which turn a response comes in differs from run to run. The moment that matters
    most is the one in which the connection is given back.
    """

    async def main():
        options = {"on_response": lambda response: None} if hooked else {}
        async with client_for(server.url, max_retries=0, **options) as client:
            await client.orders.get(READ)
            cancelled = 0
            for _ in range(20):
                for turns in range(200):
                    task = asyncio.ensure_future(client.orders.get(READ))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                        if task.done():
                            break
                    finished = task.done()
                    task.cancel()
                    try:
                        await task
                    except asyncio.CancelledError:
                        assert not finished
                        cancelled += 1
                    if finished:
                        break
                    await client.orders.get(READ)
                else:
                    pytest.fail("the call never finished")
            assert cancelled > 100

    asyncio.run(main())


def test_a_cancelled_call_names_its_key(server):
    async def main(url):
        async with client_for(url) as client:
            task = asyncio.ensure_future(client.orders.archive.place({"collection": "c"}))
            while not server.effects:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            (key,) = [key for _, key in server.effects]
            assert any(key in note for note in caught.value.__notes__)

    with FaultProxy(server.server_port, Plan(first=("slow_after",)), delay=1) as proxy:
        asyncio.run(main(proxy.url))


def test_cancelled_between_two_attempts(server, monkeypatch):
    monkeypatch.setattr(random, "random", lambda: 0.5)  # a pause of half a minute

    async def main(url):
        async with client_for(url, retry=RetryPolicy(2, base=60, cap=60)) as client:
            task = asyncio.ensure_future(client.orders.archive.place({"collection": "c"}))
            while not server.effects:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            (key,) = [key for _, key in server.effects]
            assert any(key in note for note in caught.value.__notes__)
            proxy.plan = Plan()
            assert (await client.orders.get(READ))["id"]

    with FaultProxy(server.server_port, Plan(first=("500_acted",))) as proxy:
        asyncio.run(main(proxy.url))


def test_a_task_group_that_fails_leaves_a_usable_client(server):
    async def main(url):
        async with client_for(url, httpx_args={"limits": httpx.Limits(max_connections=4)}) as client:

            async def fail():
                await asyncio.sleep(0.05)
                raise RuntimeError("another task failed")

            with pytest.raises(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    for _ in range(16):
                        group.create_task(client.orders.get(READ))
                    group.create_task(fail())
            proxy.plan = Plan()
            results = await asyncio.gather(*(client.orders.get(READ) for _ in range(16)))
            assert len(results) == 16

    with FaultProxy(server.server_port, Plan(first=("slow_before",) * 16), delay=0.5) as proxy:
        asyncio.run(main(proxy.url))


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_closing_twice_and_using_again(flavour, server):
    caller = Caller(flavour, server.url)
    close = caller.client.close if flavour == "sync" else caller.client.aclose
    caller.run(close()) if flavour == "async" else close()  # before any use
    caller("orders.get", READ)
    for _ in range(2):
        caller.run(close()) if flavour == "async" else close()
    caller("orders.get", READ)
    with caller:
        pass
    assert server.connections == 2


def test_one_asynchronous_client_in_two_event_loops(server):
    client = AsyncGeopera(TOKEN, server.url)

    async def once():
        result = await client.orders.get(READ)
        await client.aclose()
        return result

    assert asyncio.run(once())["id"]
    assert asyncio.run(once())["id"]


def test_an_httpx_client_of_the_callers_is_used_in_the_loop_that_comes_later(server):
    seen = []

    async def note(request):
        seen.append(request.url.path)

    client = AsyncGeopera(TOKEN, server.url)
    own = httpx.AsyncClient(base_url=server.url, event_hooks={"request": [note]})
    client.client.set_async_httpx_client(own)  # no event loop runs here yet

    async def main():
        async with client:
            found = await client.orders.get(READ)
        assert not own.is_closed  # it is the caller's
        await own.aclose()
        return found

    assert asyncio.run(main())["id"]
    assert seen == ["/v1/op/orders.get"]


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_timeouts_of_a_client_and_of_a_call(flavour, server):
    with FaultProxy(server.server_port, Plan(first=("slow_before",) * 2), delay=3) as proxy:
        with Caller(flavour, proxy.url, timeout=httpx.Timeout(5, read=0.1), max_retries=0) as caller:
            began = time.monotonic()
            with pytest.raises(errors.APITimeoutError) as caught:
                caller("orders.get", READ)
            assert 0.1 <= caught.value.elapsed <= time.monotonic() - began < 2
        with Caller(flavour, proxy.url, max_retries=0) as caller, pytest.raises(errors.APITimeoutError):
            caller("orders.get", READ, client=caller.client.with_options(timeout=0.1))


def test_defaults():
    assert DEFAULT_TIMEOUTS == {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 30.0}


def test_threads_share_one_client(server):
    with Caller("sync", server.url) as caller:
        problems: list[BaseException] = []

        def work():
            try:
                for _ in range(20):
                    caller("orders.get", READ)
            except BaseException as exc:
                problems.append(exc)
                raise

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not problems
    assert server.connections <= 8
    assert len(server.bodies) == 160


def test_an_interrupt_leaves_the_pool_usable(server):
    """KeyboardInterrupt comes out of the transport; the call ends, its connection is not kept half read."""
    hits = []

    def interrupt(response):
        hits.append(response)
        if len(hits) == 1:
            raise KeyboardInterrupt

    with Caller("sync", server.url, on_response=interrupt, httpx_args={"limits": ONE}) as caller:
        with pytest.raises(KeyboardInterrupt) as caught:
            caller("orders.archive.place", {"collection": "c"}, idempotency_key="mine")
        assert "mine" in caught.value.__notes__[0]
        assert caller("orders.archive.place", {"collection": "c"}, idempotency_key="mine")["id"] == "effect-1"
    assert sum(server.effects.values()) == 1


def test_the_clients_have_the_closing_methods_of_their_kind():
    assert inspect.iscoroutinefunction(AsyncGeopera.aclose)


@pytest.mark.parametrize("step", ["open", "write", "finish"])
def test_a_download_that_is_cancelled_while_the_disk_works_leaves_nothing(serve, tmp_path, monkeypatch, step):
    real = getattr(_downloads._File, step)
    begun, cancelled, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(self):
        begun.set()
        assert cancelled.wait(10)
        real(self)
        ended.set()

    def reply(asked):
        if asked.method == "POST":
            return json_reply({"url": f"{wire.url}/file.tif"})
        return Reply(b"tiff" * 500_000, type="image/tiff")

    monkeypatch.setattr(_downloads._File, step, slow)
    wire = serve(reply)
    body = {"item_id": "i", "asset_id": "a"}

    async def main():
        async with AsyncGeopera(TOKEN, wire.url) as client:
            task = asyncio.create_task(client.items.asset.download.download(body, tmp_path / "a.tif"))
            assert await asyncio.to_thread(begun.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            cancelled.set()
            assert await asyncio.to_thread(ended.wait, 10)

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []
