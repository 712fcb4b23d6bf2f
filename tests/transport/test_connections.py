"""Connections: the last one used is used again, never two requests on one, and every place is given back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpcore
import httpx
import pytest
from faults import LedgerServer
from faults.flavours import TOKEN, Caller

from geopera import AsyncGeopera
from geopera._transport.connections import AsyncConnections, Connections, connected

READ = {"order_id": "o"}
FLAVOURS = pytest.mark.parametrize("flavour", ["sync", "async"])


@pytest.fixture
def server():
    with LedgerServer() as running:
        yield running


class One:
    """A connection that answers at once; `state` is idle, busy, expired or closed."""

    def __init__(self, rig: Rig, origin: httpcore.Origin) -> None:
        self.rig, self.origin, self.state = rig, origin, "idle"

    def is_idle(self) -> bool:
        return self.state in ("idle", "expired")

    def is_closed(self) -> bool:
        return self.state == "closed"

    def has_expired(self) -> bool:
        return self.state == "expired"

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        assert self.state == "idle", "two requests on one connection"
        if request.url.target == b"/fail":
            self.state = "closed"
            raise httpcore.ConnectError("no")
        if request.url.target == b"/gone" and not self.rig.gone:
            self.rig.gone, self.state = True, "closed"
            raise httpcore.ConnectionNotAvailable
        self.state = "busy"
        return httpcore.Response(200, content=Body(self))

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        await asyncio.sleep(0)
        return self.handle_request(request)

    def close(self) -> None:
        self.state = "closed"

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.state = "closed"


class Body:
    def __init__(self, connection: One) -> None:
        self.connection = connection

    def __iter__(self) -> Any:
        yield b"x"

    async def __aiter__(self) -> Any:
        yield b"x"

    def close(self) -> None:
        if self.connection.state == "busy":
            self.connection.state = "idle"

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.close()


class Rig:
    """Connections of one kind, driven in the same way as those of the other."""

    def __init__(
        self, flavour: str, monkeypatch: pytest.MonkeyPatch, most: int | None = 3, keep: int = 100
    ) -> None:
        self.made: list[One] = []
        self.gone = False
        self.loop = asyncio.Runner() if flavour == "async" else None
        name = "AsyncHTTPConnection" if self.loop else "HTTPConnection"
        monkeypatch.setattr(httpcore, name, self.make)
        limits = httpx.Limits(max_connections=most, max_keepalive_connections=keep)
        self.pool: Any = (AsyncConnections if self.loop else Connections)(None, limits)  # type: ignore[arg-type]

    def make(self, origin: httpcore.Origin, **settings: Any) -> One:
        self.made.append(One(self, origin))
        return self.made[-1]

    def do(self, made: Any) -> Any:
        async def wait() -> Any:
            return await made

        return self.loop.run(wait()) if self.loop else made

    def open(self, url: str = "http://one.example/", pool: float | None = 0.05) -> Any:
        request = httpcore.Request("GET", url, extensions={"timeout": {"pool": pool}})
        handle = self.pool.handle_async_request if self.loop else self.pool.handle_request
        return self.do(handle(request)).stream

    def close(self, thing: Any) -> None:
        self.do(thing.aclose() if self.loop else thing.close())

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.made]


@pytest.fixture
def rig(flavour: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    made: list[Rig] = []

    def make(**options: Any) -> Rig:
        made.append(Rig(flavour, monkeypatch, **options))
        return made[-1]

    yield make
    for one in made:
        if one.loop:
            one.loop.close()


Make = Callable[..., Rig]


@FLAVOURS
class TestBookkeeping:
    def test_one_after_the_other_share_a_connection(self, rig: Make) -> None:
        it = rig()
        for _ in range(10):
            it.close(it.open())
        assert it.states == ["idle"]

    def test_the_last_one_used_is_used_again(self, rig: Make) -> None:
        it = rig()
        first, second = it.open(), it.open()
        it.close(first)
        it.close(second)
        it.open()
        assert it.states == ["idle", "busy"]

    def test_more_than_there_may_be_is_a_timeout_of_the_pool(self, rig: Make) -> None:
        it = rig(most=2)
        bodies = [it.open(), it.open()]
        with pytest.raises(httpcore.PoolTimeout):
            it.open()
        it.close(bodies[0])
        it.close(bodies[0])  # closing twice gives one place back
        it.open()
        with pytest.raises(httpcore.PoolTimeout):
            it.open()
        assert len(it.made) == 2

    def test_a_failure_gives_its_place_back(self, rig: Make) -> None:
        it = rig(most=1)
        for _ in range(3):
            with pytest.raises(httpcore.ConnectError):
                it.open("http://one.example/fail")
        assert it.states == ["closed"] * 3
        assert it.pool.connections == []

    def test_a_server_that_hung_up_meanwhile_gets_another_connection(self, rig: Make) -> None:
        it = rig(most=1)
        it.close(it.open())
        it.close(it.open("http://one.example/gone"))
        assert it.states == ["closed", "idle"]

    def test_an_expired_connection_is_closed_and_not_used(self, rig: Make) -> None:
        it = rig()
        it.close(it.open())
        it.made[0].state = "expired"
        it.open()
        assert it.states == ["closed", "busy"]

    def test_old_connections_go_when_newer_ones_come_back(self, rig: Make) -> None:
        it = rig()
        for body in [it.open() for _ in range(3)]:
            it.close(body)
        it.made[0].state = it.made[1].state = "expired"
        it.close(it.open())
        it.close(it.open())
        assert it.states == ["closed", "closed", "idle"]

    def test_no_more_are_kept_than_wanted(self, rig: Make) -> None:
        it = rig(keep=1)
        for body in [it.open() for _ in range(3)]:
            it.close(body)
        assert sorted(it.states) == ["closed", "closed", "idle"]

    def test_one_place_makes_room_for_another(self, rig: Make) -> None:
        it = rig(most=1)
        it.close(it.open("http://one.example/"))
        it.close(it.open("http://two.example/"))
        assert it.states == ["closed", "idle"]

    def test_closing_closes_all_and_what_was_open_comes_back_quietly(self, rig: Make) -> None:
        it = rig()
        body = it.open()
        it.close(it.open())
        it.close(it.pool)
        assert it.states == ["closed", "closed"]
        it.close(body)
        assert it.pool.connections == []

    def test_a_httpx_transport_takes_its_connections_from_here(self, flavour: str) -> None:
        """httpx has no argument for it; should it keep its pool elsewhere one day, this tells."""
        asynchronous = flavour == "async"
        transport = httpx.AsyncHTTPTransport() if asynchronous else httpx.HTTPTransport()
        context = httpx.create_ssl_context(verify=False)
        found = connected(transport, context, httpx.Limits())
        assert found is transport
        assert isinstance(found._pool, AsyncConnections if asynchronous else Connections)


def test_a_task_cancelled_at_any_step_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(it: Rig) -> None:
        request = httpcore.Request("GET", "http://one.example/", extensions={"timeout": {"pool": 5}})
        response = await it.pool.handle_async_request(request)
        try:
            await asyncio.sleep(0)
        finally:
            await response.stream.aclose()

    async def main(it: Rig, steps: int) -> None:
        tasks = [asyncio.ensure_future(use(it)) for _ in range(4)]
        for _ in range(steps):
            await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not it.pool._busy
        assert not it.pool._waiting
        await use(it)

    for steps in range(12):
        it = Rig("async", monkeypatch, most=1)
        assert it.loop is not None
        it.loop.run(main(it, steps))
        it.loop.close()


@FLAVOURS
def test_few_connections_for_few_calls(flavour, server):
    with Caller(flavour, server.url) as caller:
        for _ in range(10):
            caller("orders.get", READ)
    assert server.connections == 1


@FLAVOURS
def test_limits_of_the_callers_hold_exactly(flavour, server):
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


def test_as_many_connections_as_tasks_and_no_more(server):
    async def main():
        async with AsyncGeopera(TOKEN, server.url) as client:

            async def work():
                for _ in range(10):
                    await client.orders.get(READ)

            await asyncio.gather(*(work() for _ in range(16)))

    asyncio.run(main())
    assert server.connections <= 16
