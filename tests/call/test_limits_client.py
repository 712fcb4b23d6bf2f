"""Rate limits end to end: a server that counts, and clients with and without pacing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import pytest
from faults import LedgerServer
from faults.flavours import Caller

from geopera import RetryPolicy, errors
from geopera._call import limits as _limits
from geopera._call.limits import RateLimiter

pytestmark = pytest.mark.parametrize("flavour", ["sync", "async"])

ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["example-1"]}
CALLS = [("orders.archive.place", ORDER)] * 10 + [("billing.topup", {"amount": 500})] * 5
CALLS += [("billing.credits.balance", {})] * 5
COUNTS = {"organisation": 100, "placement": 4, "spend": 2}


def perform(caller, calls, workers=8):
    """All calls, from as many threads or tasks; the kinds of errors that came out, counted."""
    outcomes = Counter()
    todo = iter(calls)
    if caller.flavour == "async":

        async def task():
            for operation, body in todo:
                try:
                    await caller.client.invoke(operation, body)
                    outcomes["returned"] += 1
                except errors.GeoperaError as error:
                    outcomes[type(error).__name__] += 1

        async def main():
            await asyncio.gather(*(task() for _ in range(workers)))

        caller.run(main())
        return outcomes
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                operation, body = next(todo, (None, None))
            if operation is None:
                return
            try:
                caller.client.invoke(operation, body)
                result = "returned"
            except errors.GeoperaError as error:
                result = type(error).__name__
            with lock:
                outcomes[result] += 1

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


@pytest.fixture
def limited(make_sandbox):
    return make_sandbox(rate_limits=True, rate_window=2.0, rate_limit_counts=COUNTS, token="test-token")


@pytest.mark.slow
def test_a_paced_client_never_meets_the_limit(flavour, limited):
    limiter = RateLimiter({"organisation": 100, "orders": 4, "spends": 2}, window=2.6)
    with Caller(flavour, limited.url, rate_limit=limiter, max_retries=0) as caller:
        outcomes = perform(caller, CALLS)
    assert outcomes == {"returned": len(CALLS)}


def test_an_unpaced_one_does(flavour, limited):
    with Caller(flavour, limited.url, max_retries=0) as caller:
        outcomes = perform(caller, CALLS)
    assert outcomes["RateLimitError"] > 0
    assert outcomes["returned"] + outcomes["RateLimitError"] == len(CALLS)


@pytest.mark.slow
def test_and_gets_through_by_the_servers_retry_after(flavour, limited):
    with Caller(flavour, limited.url, retry=RetryPolicy(20, base=0.2, deadline=60)) as caller:
        assert perform(caller, CALLS) == {"returned": len(CALLS)}


def test_auto_is_one_limiter_for_a_client_and_its_copies(flavour, monkeypatch):
    monkeypatch.setitem(_limits.PER_MINUTE, "orders", 2)
    monkeypatch.setattr(_limits, "WINDOW", 0.4)
    monkeypatch.setattr(_limits, "MARGIN", 0.1)
    with LedgerServer() as server, Caller(flavour, server.url, rate_limit="auto") as caller:
        began = time.monotonic()
        for number in range(5):
            client = caller.client.with_options(timeout=10 + number) if number % 2 else caller.client
            caller("orders.archive.place", ORDER, client=client)
        assert time.monotonic() - began >= 1.0  # two at once, two half a second later, one more


def test_waiting_for_a_place_does_not_use_up_the_deadline(flavour, monkeypatch):
    limiter = RateLimiter({"orders": 1}, window=0.3)
    policy = RetryPolicy(2, base=0.01, deadline=0.2)
    with LedgerServer() as server, Caller(flavour, server.url, rate_limit=limiter, retry=policy) as caller:
        caller("orders.archive.place", ORDER)
        server.fail_next = 503
        assert caller("orders.archive.place", ORDER, detailed=True).attempts == 2


@pytest.mark.slow
def test_off_by_default(flavour):
    with LedgerServer() as server, Caller(flavour, server.url) as caller:
        began = time.monotonic()
        for _ in range(70):
            caller("orders.archive.place", ORDER)
        assert time.monotonic() - began < 20


def test_values_that_cannot_be(flavour):
    with pytest.raises(ValueError, match="'auto' or None"):
        Caller(flavour, "http://127.0.0.1:9", rate_limit="fast")
