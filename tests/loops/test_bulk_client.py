"""One operation over many bodies: in order, several at a time, lazy, and with each failure in its place."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.lazily import leave_early, shut, step
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera._call.limits import RateLimiter
from geopera.errors import (
    APIConnectionError,
    GeoperaError,
    InvalidInputError,
    NotFoundError,
    RateLimitError,
)

Serve = Callable[[Callable[[Asked], Reply]], Wire]


def echo(asked: Asked) -> Reply:
    return json_reply({"id": asked.body["order_id"], "status": "fulfilled"})


def bodies(count: int) -> list[dict[str, str]]:
    return [{"order_id": f"o{n}"} for n in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_results_are_in_order(flavour: Flavour, serve: Serve, concurrency: int) -> None:
    def reply(asked: Asked) -> Reply:
        time.sleep(0.02 if asked.body["order_id"][-1] in "02468" else 0)  # later ones overtake
        return echo(asked)

    client = flavour.client("test-token", serve(reply).url)
    found = flavour.collect(client.map("orders.get", bodies(30), concurrency=concurrency))
    assert [one["id"] for one in found] == [f"o{n}" for n in range(30)]


def test_so_many_at_a_time_and_no_more(flavour: Flavour, serve: Serve) -> None:
    gate = threading.Semaphore(0)

    def reply(asked: Asked) -> Reply:
        gate.acquire(timeout=10)
        return echo(asked)

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    for width in (1, 3, 8):
        wire.most = 0
        timer = threading.Timer(0.3, gate.release, args=(20,))
        timer.start()
        assert len(flavour.collect(client.map("orders.get", bodies(20), concurrency=width))) == 20
        timer.join()
        assert wire.most == width


def test_each_failure_is_in_its_place(flavour: Flavour, serve: Serve) -> None:
    def reply(asked: Asked) -> Reply:
        name = asked.body["order_id"]
        if name == "o2":
            return json_reply({"title": "No such order", "status": 404}, 404)
        if name == "o5":
            return Reply(b"", length=10, cut=True)
        return echo(asked)

    client = flavour.client("test-token", serve(reply).url, max_retries=0)
    given: list[Any] = bodies(8)
    given[3] = {"order": "misspelt"}
    given[6] = "no object"
    found = flavour.collect(client.map("orders.get", given, concurrency=3))
    assert [type(one).__name__ if isinstance(one, Exception) else one["id"] for one in found] == [
        "o0",
        "o1",
        "NotFoundError",
        "InvalidInputError",
        "o4",
        "APIConnectionError",
        "InvalidInputError",
        "o7",
    ]
    assert isinstance(found[2], NotFoundError)
    assert found[2].error.title == "No such order"
    assert isinstance(found[3], InvalidInputError)
    assert found[3].response is None
    assert isinstance(found[5], APIConnectionError)
    assert all(isinstance(one, GeoperaError) for one in found if isinstance(one, Exception))


def test_it_is_lazy_over_a_generator(flavour: Flavour, serve: Serve) -> None:
    wire = serve(echo)
    client = flavour.client("test-token", wire.url)
    taken: list[int] = []

    def endless() -> Iterator[dict[str, str]]:
        number = 0
        while True:
            taken.append(number)
            yield {"order_id": f"o{number}"}
            number += 1

    results = client.map("orders.get", endless(), concurrency=4)
    assert "orders.get" in repr(results)
    assert taken == []
    for n in range(10):
        assert step(flavour, results)["id"] == f"o{n}"
        assert len(taken) <= n + 4
    shut(flavour, results)
    assert flavour.collect(results) == []
    assert len(leave_early(flavour, client.map("orders.get", endless(), concurrency=4), 3)) == 3


def test_one_dict_that_is_changed_in_between(flavour: Flavour, serve: Serve) -> None:
    client = flavour.client("test-token", serve(echo).url)

    def one_dict() -> Iterator[dict[str, str]]:
        body = {}
        for number in range(20):
            body["order_id"] = f"o{number}"
            yield body

    found = flavour.collect(client.map("orders.get", one_dict(), concurrency=8))
    assert [one["id"] for one in found] == [f"o{n}" for n in range(20)]


def test_bodies_that_go_wrong_come_after_the_results(flavour: Flavour, serve: Serve) -> None:
    client = flavour.client("test-token", serve(echo).url)

    def broken() -> Iterator[dict[str, str]]:
        yield from bodies(3)
        raise LookupError("no more rows")

    results = client.map("orders.get", broken(), concurrency=8)
    assert [step(flavour, results)["id"] for _ in range(3)] == ["o0", "o1", "o2"]
    with pytest.raises(LookupError, match="no more rows"):
        step(flavour, results)


def test_an_async_generator_of_bodies(serve: Serve) -> None:
    flavour = Flavour("async")
    client = flavour.client("test-token", serve(echo).url)

    async def rows() -> AsyncIterator[dict[str, str]]:
        for body in bodies(10):
            yield body

    found = flavour.collect(client.map("orders.get", rows(), concurrency=3))
    assert [one["id"] for one in found] == [f"o{n}" for n in range(10)]
    flavour.close()


def test_no_bodies(flavour: Flavour, serve: Serve) -> None:
    wire = serve(echo)
    client = flavour.client("test-token", wire.url)
    assert flavour.collect(client.map("orders.get", [])) == []
    assert wire.asked == []


def test_an_operation_that_spends_has_a_key_for_each(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: json_reply({"id": "o", "status": "awaiting_data"}, 202))
    client = flavour.client("test-token", wire.url)
    flavour.collect(client.map("orders.archive.place", [{"collection": "c"}] * 5, idempotency_key="random"))
    assert len({asked.headers["idempotency-key"] for asked in wire.asked}) == 5


def test_arguments(flavour: Flavour, serve: Serve) -> None:
    client = flavour.client("test-token", serve(echo).url)
    with pytest.raises(ValueError, match="concurrency"):
        client.map("orders.get", [], concurrency=0)
    with pytest.raises(ValueError, match="concurrency"):
        client.map("orders.get", [], concurrency=10_000)
    with pytest.raises(TypeError, match="concurrency"):
        client.map("orders.get", [], concurrency="8")
    with pytest.raises(ValueError, match="rate_limit"):
        client.map("orders.get", [], rate_limit="never")
    with pytest.raises(TypeError):
        client.map("orders.get", 5)
    with pytest.raises(TypeError, match="streams"):
        client.map("catalog.search_stream", [])
    with pytest.raises(ValueError, match="operation id"):
        client.map("", [])
    # An operation that no manifest knows is possible, as with invoke().
    assert len(flavour.collect(client.map("orders.new_thing", bodies(2)))) == 2


class Noting(RateLimiter):
    """Hands out every place at once, and notes for what."""

    def __init__(self) -> None:
        super().__init__()
        self.reserved: list[str] = []

    def reserve(self, operation_id: str, now: float, **how: Any) -> float:
        self.reserved.append(operation_id)
        return 0.0


def test_it_stays_under_the_rate_limit(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geopera._loops import bulk as _bulk

    limiter = Noting()
    monkeypatch.setattr(_bulk, "_limiter_of", lambda client: limiter)
    client = flavour.client("test-token", serve(echo).url)
    flavour.collect(client.map("orders.get", bodies(5)))
    assert limiter.reserved == ["orders.get"] * 5
    flavour.collect(client.map("orders.get", bodies(5), rate_limit=None))
    assert len(limiter.reserved) == 5
    own = Noting()
    limited = flavour.client("test-token", serve(echo).url, rate_limit=own)
    flavour.collect(limited.map("orders.get", bodies(5)))
    assert own.reserved == ["orders.get"] * 5
    assert len(limiter.reserved) == 5


def test_the_sandbox_with_its_limits_is_never_asked_too_often(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of 20 in half a second, at both ends."""
    from geopera._loops import bulk as _bulk

    limiter = RateLimiter({"organisation": 20}, window=0.6)
    monkeypatch.setattr(_bulk, "_limiter_of", lambda client: limiter)
    moments: list[float] = []
    lock = threading.Lock()

    def reply(asked: Asked) -> Reply:
        with lock:
            now = time.monotonic()
            moments.append(now)
            if sum(now - 0.5 < moment for moment in moments) > 20:
                return json_reply({"title": "Slow down", "status": 429}, 429)
        return echo(asked)

    client = flavour.client("test-token", serve(reply).url, max_retries=0)
    found = flavour.collect(client.map("orders.get", bodies(50), concurrency=8))
    assert not [one for one in found if isinstance(one, RateLimitError)]
    assert [one["id"] for one in found] == [f"o{n}" for n in range(50)]


def test_context_variables_reach_the_calls(flavour: Flavour, serve: Serve) -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    seen: list[str] = []
    client = flavour.client("test-token", serve(echo).url, on_request=lambda request: seen.append(who.get()))
    token = who.set("me")
    try:
        if flavour.asynchronous:

            async def run() -> None:
                who.set("me")
                async for _ in client.map("orders.get", bodies(4)):
                    pass

            flavour(run())
        else:
            list(client.map("orders.get", bodies(4)))
    finally:
        who.reset(token)
    assert seen == ["me"] * 4


def test_cancelling_the_loop_cancels_the_calls(serve: Serve) -> None:
    import asyncio

    flavour = Flavour("async")
    hold = threading.Event()

    def reply(asked: Asked) -> Reply:
        hold.wait(5)
        return echo(asked)

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)

    async def run() -> None:
        async def loop() -> None:
            async for _ in client.map("orders.get", bodies(20), concurrency=4):
                pass

        task = asyncio.create_task(loop())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []

    flavour(run())
    hold.set()
    assert len(wire.asked) == 4
    flavour.close()


def test_a_bar(flavour: Flavour, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    client = flavour.client("test-token", serve(echo).url)
    flavour.collect(client.map("orders.get", bodies(5), progress=True))
    shown = capsys.readouterr().err
    assert "orders.get" in shown
    assert "5/5" in shown


def test_the_sandbox(flavour: Flavour, client: Any) -> None:
    months = [f"2024-{month:02}-01T00:00:00Z/2024-{month:02}-28T00:00:00Z" for month in range(1, 13)]
    search = [{"host_name": "earthsearch-aws", "datetime_": month, "limit": 5} for month in months]
    found = flavour.collect(client.map("catalog.search", search, concurrency=4))
    assert len(found) == 12
    for month, page in zip(range(1, 13), found, strict=True):
        assert all(one.properties["datetime"].startswith(f"2024-{month:02}") for one in page.features)
