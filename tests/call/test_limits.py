"""The rate limiter, on a clock of the test's own: no window of the server's may ever be overfull."""

from __future__ import annotations

import math
import pickle
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geopera._call.limits import MARGIN, PER_MINUTE, WINDOW, RateLimiter, classes


@pytest.mark.parametrize(
    ("operation", "spends", "token", "expected"),
    [
        ("catalog.search", False, True, ("organisation",)),
        ("orders.place", True, True, ("organisation", "orders")),
        ("orders.archive.place", True, True, ("organisation", "orders")),
        ("orders.tasking.place", True, True, ("organisation", "orders")),
        ("orders.cancel", True, True, ("organisation", "spends")),
        ("billing.topup", True, True, ("organisation", "spends")),
        ("catalog.search", False, False, ("address",)),
        ("orders.place", True, False, ("address",)),
    ],
)
def test_classes(operation, spends, token, expected):
    assert classes(operation, spends=spends, token=token) == expected


@pytest.mark.parametrize(
    ("operation", "spends", "token", "allowance"),
    [
        ("catalog.search", False, True, 600),
        ("orders.archive.place", True, True, 60),
        ("billing.topup", True, True, 30),
        ("catalog.search", False, False, 60),
    ],
)
def test_the_allowance_is_free_and_the_next_one_waits(operation, spends, token, allowance):
    limiter = RateLimiter()
    delays = [limiter.reserve(operation, 100.0, spends=spends, token=token) for _ in range(allowance + 1)]
    assert delays[:-1] == [0.0] * allowance
    assert delays[-1] == pytest.approx(WINDOW + MARGIN)


def test_orders_waiting_do_not_hold_up_reads():
    limiter = RateLimiter()
    for _ in range(70):
        limiter.reserve("orders.place", 0.0, spends=True)
    assert limiter.reserve("catalog.search", 0.0) == 0
    assert limiter.reserve("billing.topup", 0.0, spends=True) == 0


def test_reads_and_orders_share_the_organisation():
    limiter = RateLimiter()
    for _ in range(600):
        assert limiter.reserve("catalog.search", 0.0) == 0
    assert limiter.reserve("orders.place", 1.0, spends=True) == pytest.approx(60.0)


def test_places_come_free_again():
    limiter = RateLimiter({"organisation": 2}, window=10)
    assert limiter.reserve("a.b", 0) == 0
    assert limiter.reserve("a.b", 4) == 0
    assert limiter.reserve("a.b", 5) == 5  # at 10
    assert limiter.reserve("a.b", 6) == 8  # at 14
    assert limiter.reserve("a.b", 30) == 0


KINDS = [("catalog.search", False), ("orders.archive.place", True), ("billing.topup", True)]


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 5), st.sampled_from(KINDS)),
        min_size=1,
        max_size=120,
    ),
    phase=st.floats(0, 10),
)
def test_no_fixed_window_of_any_phase_is_overfull(steps, phase):
    limits = {"organisation": 7, "orders": 3, "spends": 2}
    limiter = RateLimiter(limits, window=10)
    now, counts = 0.0, Counter()
    for pause, (operation, spends) in steps:
        now += pause
        delay = limiter.reserve(operation, now, spends=spends)
        assert delay >= 0
        for name in classes(operation, spends=spends, token=True):
            counts[name, math.floor((now + delay - phase) / 9.999)] += 1
    for (name, _), count in counts.items():
        assert count <= limits[name]


def test_one_limiter_for_many_threads():
    limiter = RateLimiter({"organisation": 10}, window=10)
    delays: list[float] = []

    def work():
        for _ in range(50):
            delays.append(limiter.reserve("a.b", 0.0))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert Counter(delays) == {10.0 * n: 10 for n in range(40)}


def test_memory_is_bounded():
    limiter = RateLimiter({"organisation": 5}, window=1)
    for n in range(1000):
        limiter.reserve("a.b", n * 0.01)
    assert len(limiter._taken["organisation"]) == 5


def test_copies_count_anew():
    limiter = RateLimiter({"organisation": 1}, window=10)
    limiter.reserve("a.b", 0.0)
    again = pickle.loads(pickle.dumps(limiter))
    assert again.reserve("a.b", 0.0) == 0
    assert again.reserve("a.b", 0.0) == 10


def test_a_forked_child_does_not_wait_for_a_lock_that_nobody_holds(monkeypatch):
    limiter = RateLimiter({"organisation": 1}, window=10)
    limiter.reserve("a.b", 0.0)
    limiter._lock.acquire()
    monkeypatch.setattr("geopera._call.limits.os.getpid", lambda: 1)
    assert limiter.reserve("a.b", 0.0) == 10


def test_documented_numbers():
    assert PER_MINUTE == {"organisation": 600, "orders": 60, "spends": 30, "address": 60}
    assert "orders 60" in repr(RateLimiter())
