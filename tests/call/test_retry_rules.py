"""The rules of repeats, without I/O: every row of the table, every bound, every form of Retry-After."""

from __future__ import annotations

import copy
import pickle
import random
import time
from email.utils import formatdate

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geopera._call import retry as _retry
from geopera._call.retry import RetryPolicy, decide, retry_after_seconds

NOW = 1_750_000_000.0

# (outcome, repeated when a repeat is harmless, repeated when it is not, may have acted)
TABLE = [
    ("not_connected", True, True, False),
    ("rate_limited", True, True, False),
    ("server_error", True, False, True),
    ("read_timeout", True, False, True),
    ("connection_lost", True, False, True),
    ("refused", False, False, False),
    ("not_sent", False, False, False),
    ("other", False, False, True),
]


def test_the_table_has_every_outcome():
    assert {row[0] for row in TABLE} == set(_retry.RULES)


@pytest.mark.parametrize(("outcome", "safe", "unsafe", "acted"), TABLE)
def test_each_row(outcome, safe, unsafe, acted):
    def go(is_safe):
        return decide(RetryPolicy(), safe=is_safe, attempt=1, elapsed=0, outcome=outcome, random=0.5)

    assert (go(True) is not None) is safe
    assert (go(False) is not None) is unsafe
    assert _retry.may_have_acted(outcome) is acted


def test_an_outcome_nobody_knows_is_the_worst_case():
    assert not _retry.is_retried("something new", safe=True)
    assert _retry.may_have_acted("something new")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None),
        (202, None),
        (204, None),
        (429, "rate_limited"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (504, "server_error"),
        (400, "refused"),
        (402, "refused"),
        (408, "refused"),
        (409, "refused"),
        (422, "refused"),
        (299, None),
        (300, "other"),
        (303, "other"),
        (307, "other"),
        (501, "other"),
        (529, "other"),
    ],
)
def test_statuses(status, outcome):
    assert _retry.outcome_of_status(status) == outcome


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("ConnectError", "not_connected"),
        ("ConnectTimeout", "not_connected"),
        ("PoolTimeout", "not_connected"),
        ("ProxyError", "not_connected"),
        ("ReadTimeout", "read_timeout"),
        ("WriteTimeout", "connection_lost"),
        ("ReadError", "connection_lost"),
        ("WriteError", "connection_lost"),
        ("RemoteProtocolError", "connection_lost"),
        ("LocalProtocolError", "not_sent"),
        ("UnsupportedProtocol", "not_sent"),
    ],
)
@pytest.mark.parametrize("library", [httpx, httpcore])
def test_transport_errors_of_both_libraries(library, name, outcome):
    assert _retry.outcome_of_exception(getattr(library, name)("text")) == outcome


def test_every_transport_error_of_httpx_has_a_place():
    def leaves(cls):
        below = cls.__subclasses__()
        return {cls} if not below else set().union(*map(leaves, below))

    known = {c.__name__ for c in leaves(httpx.TransportError)}
    assert known <= set(_retry.EXCEPTIONS)


def test_other_exceptions_are_unknown():
    assert _retry.outcome_of_exception(RuntimeError()) == "other"
    assert _retry.outcome_of_exception(ConnectionRefusedError()) == "other"
    assert _retry.outcome_of_exception(httpx.TooManyRedirects("")) == "other"
    assert _retry.outcome_of_exception(httpx.DecodingError("")) == "connection_lost"


def wait(policy=None, *, attempt=1, elapsed=0.0, outcome="rate_limited", retry_after=None, draw=0.5):
    return decide(
        policy or RetryPolicy(),
        safe=True,
        attempt=attempt,
        elapsed=elapsed,
        outcome=outcome,
        retry_after=retry_after,
        random=draw,
    )


def test_count():
    policy = RetryPolicy(3)
    assert [wait(policy, attempt=n) is not None for n in (1, 2, 3, 4, 5)] == [True, True, True, False, False]
    assert wait(RetryPolicy(0)) is None


def test_backoff_doubles_up_to_the_cap_with_full_jitter():
    policy = RetryPolicy(100, base=0.5, cap=8, deadline=1e9)
    tops = [wait(policy, attempt=n, draw=1.0) for n in range(1, 8)]
    assert tops == [0.5, 1, 2, 4, 8, 8, 8]
    assert wait(policy, attempt=3, draw=0.0) == 0
    assert wait(policy, attempt=3, draw=0.25) == 0.5
    assert wait(policy.replace(max_retries=10_000), attempt=9_999, draw=1.0) == 8


def test_deadline_is_for_the_start_of_the_next_attempt():
    policy = RetryPolicy(deadline=10, base=2, cap=2)
    assert wait(policy, elapsed=9.0, draw=0.5) == 1.0
    assert wait(policy, elapsed=9.1, draw=0.5) is None
    assert wait(policy, elapsed=5, retry_after=5, draw=0.0) == 5
    assert wait(policy, elapsed=5, retry_after=5.1, draw=0.0) is None


def test_retry_after_is_a_floor_up_to_the_bound():
    policy = RetryPolicy(base=0.5, retry_after_max=60, deadline=1000)
    assert wait(policy, retry_after=7, draw=0.0) == 7
    assert 7 < wait(policy, retry_after=7, draw=0.9) <= 7.5
    assert wait(policy, retry_after=0, draw=0.0) == 0
    assert wait(policy, retry_after=-5, draw=0.0) == 0
    assert wait(policy, retry_after=60, draw=0.0) == 60
    assert wait(policy, retry_after=60.1, draw=0.0) is None
    assert wait(policy, retry_after=float("inf")) is None


def test_retry_after_does_not_make_a_repeat_safe():
    args = {"attempt": 1, "elapsed": 0, "outcome": "server_error", "retry_after": 1, "random": 0.5}
    assert decide(RetryPolicy(), safe=False, **args) is None
    assert decide(RetryPolicy(), safe=True, **args) is not None


@given(
    retries=st.integers(0, 50),
    attempt=st.integers(1, 60),
    elapsed=st.floats(0, 500),
    outcome=st.sampled_from(sorted(_retry.RULES)),
    safe=st.booleans(),
    after=st.none() | st.floats(-10, 1e6),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_bounds_hold_for_all_numbers(retries, attempt, elapsed, outcome, safe, after, draw):
    policy = RetryPolicy(retries)
    delay = decide(
        policy, safe=safe, attempt=attempt, elapsed=elapsed, outcome=outcome, retry_after=after, random=draw
    )
    if delay is None:
        return
    assert attempt <= retries
    assert _retry.is_retried(outcome, safe=safe)
    assert 0 <= delay <= max(policy.cap, policy.retry_after_max + policy.base)
    assert elapsed + delay <= policy.deadline
    if after is not None:
        assert after <= delay


@given(
    outcomes=st.lists(st.sampled_from(sorted(_retry.RULES)), min_size=1, max_size=20),
    seed=st.integers(0, 1000),
)
def test_an_unsafe_call_never_acts_twice(outcomes, seed):
    """Simulated: a call that goes on after an attempt that may have acted would be a double effect."""
    rng = random.Random(seed)
    acted = 0
    for attempt, outcome in enumerate(outcomes, 1):
        acted += _retry.may_have_acted(outcome)
        policy = RetryPolicy(20)
        if (
            decide(policy, safe=False, attempt=attempt, elapsed=0, outcome=outcome, random=rng.random())
            is None
        ):
            break
    assert acted <= 1


def after(value, date=None, now=NOW):
    headers = httpx.Headers({"retry-after": value} if date is None else {"retry-after": value, "date": date})
    return retry_after_seconds(headers, now)


def test_retry_after_in_seconds():
    assert after("0") == 0
    assert after("120") == 120
    assert after("  3 ") == 3
    assert after("-3") == 0
    assert after("3.5") == 3.5
    assert after("3, 7") == 7  # sent twice, or by a server and by a proxy
    assert after("9" * 400) == float("inf")
    assert retry_after_seconds(httpx.Headers(), NOW) is None


def test_retry_after_as_a_date():
    assert after(formatdate(NOW + 30, usegmt=True)) == 30
    assert after(formatdate(NOW - 30, usegmt=True)) == 0
    assert after("Sunday, 15-Jun-25 15:07:10 GMT") == pytest.approx(30)  # the form of RFC 850
    assert after("Sun Jun 15 15:07:10 2025") == pytest.approx(30)  # the form of asctime


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles", "UTC"])
def test_a_date_without_a_zone_is_utc_wherever_this_machine_is(zone, monkeypatch):
    if not hasattr(time, "tzset"):
        pytest.skip("this system has one time zone a process")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert after("Sun Jun 15 15:07:10 2025") == pytest.approx(30)
        assert after("Sun, 15 Jun 2025 15:07:10 -0000") == pytest.approx(30)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_how_long_a_value_may_be():
    assert after("9" * 9) == 999_999_999
    assert after("1" + "0" * 9) == float("inf")
    date = formatdate(NOW + 30, usegmt=True)
    assert after(f"{date} {'x' * (64 - len(date) - 1)}") == 30
    assert after(f"{date} {'x' * (64 - len(date))}") is None


@pytest.mark.parametrize("skew", [-86_400, 86_400, 10**9])
def test_a_wrong_local_clock_does_not_matter_if_the_response_has_a_date(skew):
    date = formatdate(NOW, usegmt=True)
    assert after(formatdate(NOW + 30, usegmt=True), date=date, now=NOW + skew) == 30


def test_a_date_header_that_is_garbage_is_passed_over():
    assert after(formatdate(NOW + 30, usegmt=True), date="yesterday") == 30


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "soon",
        "1e3",
        "nan",
        "inf",
        "٣",
        "-٣",
        "1.٣",
        "1.x",
        "0x10",
        "Mon, 99 Foo 2025 99:99:99 GMT",
        "\x00",
        "a" * 999,
    ],
)
def test_retry_after_that_cannot_be_read(value):
    class Plain(dict):
        pass

    assert retry_after_seconds(Plain({"retry-after": value}), NOW) is None


@given(st.text(max_size=80))
def test_no_header_value_can_break_it(value):
    seconds = retry_after_seconds({"retry-after": value, "date": value}, NOW)
    assert seconds is None or seconds >= 0


def test_policy_is_a_value():
    policy = RetryPolicy(5, base=0.1)
    assert policy == RetryPolicy(5, base=0.1)
    assert policy != RetryPolicy(5)
    assert hash(policy) == hash(RetryPolicy(5, base=0.1))
    assert len({policy, RetryPolicy(5, base=0.1), RetryPolicy()}) == 2
    assert (policy == 5) is False
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert copy.deepcopy(policy) == policy
    assert policy.replace(max_retries=0) == RetryPolicy(0, base=0.1)
    assert repr(RetryPolicy()) == (
        "RetryPolicy(base=0.5, cap=8, deadline=120, max_retries=2, retry_after_max=60)"
    )


def test_policy_cannot_be_changed():
    policy = RetryPolicy()
    with pytest.raises(AttributeError, match="immutable"):
        policy.cap = 3
    with pytest.raises(AttributeError, match="immutable"):
        del policy.cap
    with pytest.raises(AttributeError):
        policy.extra = 3


@pytest.mark.parametrize("value", [True, 1.5, "2", None])
def test_policy_refuses_counts_that_are_none(value):
    with pytest.raises(TypeError, match="max_retries"):
        RetryPolicy(value)


def test_no_time_at_all_is_a_time():
    policy = RetryPolicy(0, base=0, cap=0, deadline=0, retry_after_max=0)
    assert (policy.base, policy.cap, policy.deadline, policy.retry_after_max) == (0, 0, 0, 0)


def test_policy_refuses_senseless_numbers():
    with pytest.raises(ValueError, match="max_retries"):
        RetryPolicy(-1)
    with pytest.raises(ValueError, match="cap"):
        RetryPolicy(cap=-1)
    with pytest.raises(ValueError, match="deadline"):
        RetryPolicy(deadline=float("nan"))
    with pytest.raises(TypeError, match="base"):
        RetryPolicy(base="1")
    with pytest.raises(TypeError, match="no field 'tries'"):
        RetryPolicy().replace(tries=3)
