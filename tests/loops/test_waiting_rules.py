"""The rules of waiting, with a clock made of a number."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from geopera._loops.waiting import Wait, state_of
from geopera.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OperationFailedError,
    RateLimitError,
    ServerError,
    WaitTimeoutError,
)
from geopera.manifest import Operation

ORDERS = Operation.from_entry(
    "orders.get",
    {"polling": {"state": "status", "success": ["fulfilled"], "failure": ["failed", "cancelled"]}},
)
OTHER = Operation.from_entry("things.get", {})


def run(
    replies: Any, operation: Operation = ORDERS, cost: float = 0.0, **options: Any
) -> tuple[Any, list[float]]:
    """The final response and the sleeps; an exception among the responses is what the call raised."""
    now = 1000.0
    wait = Wait(operation, started=now, **options)
    sleeps: list[float] = []
    for reply in replies:
        now += cost
        delay = wait.fail(reply, now) if isinstance(reply, BaseException) else wait.poll(reply, now)
        if delay is None:
            return wait.last, sleeps
        sleeps.append(delay)
        now += delay
    raise AssertionError("the wait does not end")


def states(*names: str) -> list[dict[str, str]]:
    return [{"status": name} for name in names]


def test_the_delays() -> None:
    last, sleeps = run([*states(*["awaiting_data"] * 8), {"status": "fulfilled"}])
    assert last == {"status": "fulfilled"}
    assert sleeps == [2, 4, 8, 16, 30, 30, 30, 30]


def test_other_delays() -> None:
    assert run(states(*"abcd", "fulfilled"), delays=[1, 5])[1] == [1, 5, 5, 5]
    assert run(states(*"abc", "fulfilled"), delays=(0.5,))[1] == [0.5, 0.5, 0.5]
    assert run(states(*"ab", "fulfilled"), delays=[])[1] == [30, 30]
    assert run(states(*"abc", "fulfilled"), delays=[0])[1] == [0, 0.01, 0.01]


@pytest.mark.parametrize("bad", [[-1], ["2"], [float("nan")], [True]])
def test_delays_that_make_no_sense(bad: list[Any]) -> None:
    with pytest.raises(ValueError, match="delay"):
        run(states("a", "fulfilled"), delays=bad)


@pytest.mark.parametrize("state", ["fulfilled", "failed", "cancelled"])
def test_an_end_state_ends_at_once(state: str) -> None:
    assert run(states(state)) == ({"status": state}, [])


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_failure_raises_where_wanted(state: str) -> None:
    reply = {"status": state, "error": "clouds"}
    with pytest.raises(
        OperationFailedError, match=f"orders.get ended with status '{state}': clouds"
    ) as caught:
        run([*states("processing"), reply], raise_on_failure=True)
    assert caught.value.last is reply
    assert caught.value.operation == "orders.get"
    assert run(states("fulfilled"), raise_on_failure=True)[0] == {"status": "fulfilled"}


def test_the_last_look_is_at_the_deadline() -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        run(iter([{"status": f"s{n}"} for n in range(99)]), timeout=10)
    assert caught.value.last == {"status": "s3"}  # polls at 0, 2, 6 and 10 seconds
    assert caught.value.elapsed == 10
    assert caught.value.attempts == 4
    assert isinstance(caught.value, TimeoutError)
    assert "'s3'" in str(caught.value)
    assert run([*states("a", "b"), {"status": "fulfilled"}], timeout=6)[1] == [2, 4]


def test_a_timeout_of_nothing_looks_once() -> None:
    assert run(states("fulfilled"), timeout=0) == ({"status": "fulfilled"}, [])
    with pytest.raises(WaitTimeoutError):
        run(states("a", "fulfilled"), timeout=0)


def test_no_timeout_waits_on() -> None:
    assert len(run([*states(*["a"] * 1000), {"status": "fulfilled"}], timeout=None)[1]) == 1000


def test_slow_responses_count() -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        run(iter(states(*["a"] * 99)), timeout=10, cost=3)
    assert caught.value.elapsed <= 13


@pytest.mark.parametrize("bad", [-1, "5", float("nan")])
def test_a_timeout_that_makes_no_sense(bad: Any) -> None:
    with pytest.raises(ValueError, match="timeout"):
        run([], timeout=bad)


PASSING = [
    APIConnectionError("cut"),
    APITimeoutError("late"),
    RateLimitError("slow", status_code=429),
    ServerError("oops", status_code=500),
    ServerError("oops", status_code=503),
    APIError("too early", status_code=425),
    APIError("too slow", status_code=408),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda e: type(e).__name__)
def test_what_passes_is_survived(error: Exception) -> None:
    last, sleeps = run([error, *states("a"), error, error, *states("fulfilled")])
    assert last == {"status": "fulfilled"}
    assert sleeps == [2, 4, 8, 16]


@pytest.mark.parametrize("error", PASSING, ids=lambda e: type(e).__name__)
def test_what_does_not_pass_in_time_is_the_cause(error: Exception) -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        run([*states("a"), *[error] * 50], timeout=60)
    assert caught.value.__cause__ is error
    assert caught.value.last == {"status": "a"}
    assert caught.value.status_code == error.status_code  # type: ignore[attr-defined]
    with pytest.raises(WaitTimeoutError, match="no response") as caught:
        run([error] * 50, timeout=60)
    assert caught.value.last is None


@pytest.mark.parametrize(
    "error",
    [NotFoundError("x"), AuthenticationError("x"), InvalidInputError("x"), ConflictError("x"), KeyError("x")],
    ids=lambda e: type(e).__name__,
)
def test_what_will_not_pass_is_raised_at_once(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run([*states("a"), error])
    assert caught.value is error


def test_retry_after_takes_the_place_of_a_shorter_delay() -> None:
    def limited(seconds: float) -> RateLimitError:
        return RateLimitError("slow", status_code=429, retry_after=seconds)

    assert run([limited(20), limited(1), *states("fulfilled")])[1] == [20, 4]
    # Longer than there is time: nothing better can come of waiting.
    with pytest.raises(WaitTimeoutError) as caught:
        run([*states("a"), limited(61), *states("fulfilled")], timeout=60)
    assert caught.value.retry_after == 61
    assert caught.value.elapsed == 2


def test_a_predicate() -> None:
    replies = [{"n": 1}, {"n": 2}, {"n": 3}]
    assert run(replies, OTHER, until=lambda a: a["n"] == 2) == ({"n": 2}, [2])
    assert run([[1], [1, 2]], OTHER, until=lambda a: len(a) == 2)[0] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        run(replies, OTHER, until=lambda a: 1 / 0)
    with pytest.raises(WaitTimeoutError, match="never met"):
        run([{"n": 1}] * 9, OTHER, until=lambda a: False, timeout=5)


def test_a_predicate_takes_the_place_of_success_and_not_of_failure() -> None:
    def wanted(reply: Any) -> bool:
        return bool(reply.get("ready"))

    ready = {"status": "fulfilled", "ready": True}
    assert run([*states("fulfilled"), ready], until=wanted) == (ready, [2])
    assert run(states("a", "failed", "b"), until=wanted) == ({"status": "failed"}, [2])
    with pytest.raises(OperationFailedError):
        run(states("a", "failed"), until=wanted, raise_on_failure=True)
    assert run(states("failed"), until=lambda a: True, raise_on_failure=True)[0] == {"status": "failed"}


def test_no_end_states_and_no_predicate() -> None:
    with pytest.raises(TypeError, match=r"things\.get has no final status.*until"):
        run([], OTHER)
    with pytest.raises(TypeError, match="until"):
        run([], OTHER, until="fulfilled")


def test_responses_without_a_status_are_reported() -> None:
    with pytest.raises(WaitTimeoutError, match="have no 'status'"):
        run([{"state": "x"}] * 9, timeout=5)


class Status(enum.Enum):
    DONE = "fulfilled"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"status": "a"}, "a"),
        ({"status": Status.DONE}, "fulfilled"),
        ({"status": None}, None),
        ({"status": 5}, None),
        ({}, None),
        ([], None),
        (None, None),
        ("status", None),
    ],
)
def test_the_status_in_a_response(reply: Any, expected: str | None) -> None:
    assert state_of(reply, "status") == expected


def test_the_time_that_is_left() -> None:
    wait = Wait(ORDERS, started=100.0, timeout=60)
    assert [wait.left(now) for now in (100.0, 110.5, 160.0, 200.0)] == [60.0, 49.5, 0.0, 0.0]
    assert Wait(ORDERS, started=100.0, timeout=None).left(1e9) == float("inf")


def test_less_than_a_second_is_waited_for_too() -> None:
    assert run(states("a", "b", "fulfilled"), timeout=2.5)[1] == [2.0, 0.5]


def test_a_retry_after_to_the_very_deadline_is_waited_for() -> None:
    wait = Wait(ORDERS, started=0.0, timeout=60)
    assert wait.poll({"status": "a"}, 10.0, asked=50.0) == 50.0
    with pytest.raises(WaitTimeoutError):
        wait.poll({"status": "a"}, 20.0, asked=40.1)


def test_the_message_names_the_last_error_if_there_was_one() -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        run([*states("a"), *[ServerError("the database is away", status_code=503)] * 50], timeout=60)
    assert str(caught.value).endswith("the last call failed: the database is away")
    with pytest.raises(WaitTimeoutError) as caught:
        run(states(*"a" * 50), timeout=60)
    assert "failed" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"error": "", "reason": "clouds"}, ": clouds"),
        ({"detail": {"code": 5}}, ": {'code': 5}"),
        ({"message": "x" * 300}, ": " + "x" * 200),
        ({}, ""),
    ],
)
def test_a_failure_says_why(reply: dict[str, Any], reason: str) -> None:
    with pytest.raises(OperationFailedError) as caught:
        run([{"status": "failed", **reply}], raise_on_failure=True)
    assert str(caught.value) == f"orders.get ended with status 'failed'{reason}"


@pytest.mark.parametrize("asked", [3600.5, 2e8, 1e9, float("inf")])
def test_a_pause_has_a_bound_whatever_a_server_asks_for(asked: float) -> None:
    wait = Wait(ORDERS, timeout=None)
    assert wait.poll({"status": "processing"}, 1.0, asked=asked) == 3600.0
