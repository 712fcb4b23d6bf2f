"""Lanes: few connections for few requests, many for many, and every place given back."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from faults import LedgerServer
from faults.flavours import TOKEN, Caller

from geopera import AsyncGeopera
from geopera._lanes import WIDTH, AsyncLanes, Lanes

READ = {"order_id": "o"}


@pytest.fixture
def server():
    with LedgerServer() as running:
        yield running


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers at once; counts what is open."""

    made: list[Transport]

    def __init__(self):
        self.closed = False

    def handle_request(self, request):
        if request.url.path == "/fail":
            raise httpx.ConnectError("no")
        return httpx.Response(200, stream=Body())

    async def handle_async_request(self, request):
        return self.handle_request(request)

    def close(self):
        self.closed = True

    async def aclose(self):
        self.closed = True


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self):
        yield b"x"

    async def __aiter__(self):
        yield b"x"


class Rig:
    """Lanes of one kind, driven in the same way as those of the other."""

    def __init__(self, flavour, most=3, keep=1000.0):
        self.made: list[Transport] = []
        self.flavour = flavour
        self.lanes = (Lanes if flavour == "sync" else AsyncLanes)(self.make, most, keep)

    def make(self):
        self.made.append(Transport())
        return self.made[-1]

    def open(self, path="/"):
        request = httpx.Request("GET", f"http://host{path}")
        if self.flavour == "sync":
            return self.lanes.handle_request(request)
        return asyncio.run(self.lanes.handle_async_request(request))

    def close(self, thing):
        if self.flavour == "sync":
            thing.close()
        else:
            asyncio.run(thing.aclose())

    @property
    def busy(self):
        return [lane.busy for lane in self.lanes._lanes]


@pytest.mark.parametrize("flavour", ["sync", "async"])
class TestLanes:
    def test_one_after_the_other_share_a_lane(self, flavour):
        rig = Rig(flavour)
        for _ in range(10):
            rig.close(rig.open().stream)
        assert len(rig.made) == 1
        assert rig.busy == [0]

    def test_lanes_fill_up_in_order_and_then_evenly(self, flavour):
        rig = Rig(flavour, most=2)
        answers = [rig.open() for _ in range(WIDTH + 1)]
        assert rig.busy == [WIDTH, 1]
        answers += [rig.open() for _ in range(WIDTH + 3)]
        assert len(rig.made) == 2
        assert rig.busy == [WIDTH + 2, WIDTH + 2]
        for answer in answers:
            rig.close(answer.stream)
            rig.close(answer.stream)  # closing twice frees one place
        assert rig.busy == [0, 0]
        rig.close(rig.lanes)
        assert [transport.closed for transport in rig.made] == [True, True]

    def test_a_failure_gives_its_place_back(self, flavour):
        rig = Rig(flavour)
        for _ in range(5):
            with pytest.raises(httpx.ConnectError):
                rig.open("/fail")
        assert rig.busy == [0]

    def test_lanes_nobody_needs_any_more_are_closed(self, flavour):
        rig = Rig(flavour, keep=0.0)
        for answer in [rig.open() for _ in range(WIDTH * 3)]:
            rig.close(answer.stream)
        assert rig.busy == [0, 0, 0]
        for left in (2, 1, 1):
            rig.close(rig.open().stream)
            assert len(rig.busy) == left
        assert [transport.closed for transport in rig.made] == [False, True, True]

    def test_few_connections_for_few_calls(self, flavour, server):
        with Caller(flavour, server.url) as caller:
            for _ in range(10):
                caller("orders.get", READ)
        assert server.connections == 1

    def test_limits_of_the_callers_hold_exactly(self, flavour, server):
        limits = httpx.Limits(max_connections=2)
        with Caller(flavour, server.url, httpx_args={"limits": limits}) as caller:
            if flavour == "sync":
                threads = [threading.Thread(target=caller, args=("orders.get", READ)) for _ in range(16)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(10)
            else:

                async def all_at_once():
                    return await asyncio.gather(*(caller.client.orders.get(READ) for _ in range(16)))

                caller.run(all_at_once())
        assert len(server.bodies) == 16
        assert server.connections <= 2


def test_more_tasks_than_connections(server):
    async def main():
        async with AsyncGeopera(TOKEN, server.url) as client:
            return await asyncio.gather(*(client.orders.get(READ) for _ in range(250)))

    assert len(asyncio.run(main())) == 250
    assert server.connections <= 100


def test_a_few_connections_for_many_calls_of_a_few_tasks(server):
    async def main():
        async with AsyncGeopera(TOKEN, server.url) as client:

            async def work():
                for _ in range(10):
                    await client.orders.get(READ)

            await asyncio.gather(*(work() for _ in range(16)))

    asyncio.run(main())
    # A connection may be promised twice within a lane, and then another one is opened there.
    assert server.connections <= 32
