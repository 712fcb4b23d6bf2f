"""Repeats as the caller sees them, over real connections: each fault, each kind of operation, both clients."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest
from faults import FAULTS, FaultProxy, LedgerServer, Plan
from faults.flavours import Caller
from helpers.sample import sampled

from geopera import RetryPolicy, errors

QUICK = RetryPolicy(2, base=0.01, cap=0.02)
TIMEOUT = httpx.Timeout(5, read=0.25)
ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["a", "b"]}

READ = ("orders.get", {"order_id": "o"})
SPEND = ("orders.archive.place", ORDER)
UNSAFE = ("clip.job.delete", {"job_id": "j"})

pytestmark = pytest.mark.parametrize("flavour", ["sync", "async"])


@pytest.fixture
def server():
    with LedgerServer() as running:
        yield running


@pytest.fixture
def make(flavour, server):
    """make(plan) -> (proxy, caller), both closed at the end."""
    opened = []

    def open_(*first, policy=QUICK, proxy_options=None, **options):
        proxy = FaultProxy(
            server.server_port, Plan(first=first), delay=0.5, **(proxy_options or {})
        ).__enter__()
        opened.append(proxy)
        options = {"retry": policy, "timeout": TIMEOUT, **options}
        caller = Caller(flavour, proxy.url, **options).__enter__()
        opened.append(caller)
        return proxy, caller

    yield open_
    for thing in reversed(opened):
        thing.__exit__(None, None, None)


LOST = [name for name, fault in FAULTS.items() if fault.kind not in ("status", "refuse", "cut_after")]
FAILED = [name for name, fault in FAULTS.items() if fault.status >= 500]
LIMITED = [name for name, fault in FAULTS.items() if fault.status == 429]


@pytest.mark.parametrize("fault", sampled(LOST + FAILED + LIMITED, 4))
@pytest.mark.parametrize("what", [READ, SPEND], ids=["read", "spend"])
def test_a_safe_call_gets_through(make, server, what, fault):
    proxy, caller = make(fault)
    response = caller(*what, detailed=True)
    assert response.status_code == 200
    assert response.attempts == 2
    assert response.request_id.startswith("request-")
    assert len(proxy.seen) == 2
    if what is SPEND:
        assert list(server.effects.values()) == [1]
        assert proxy.seen[0].key == proxy.seen[1].key == response.idempotency_key
        assert proxy.seen[0].body == proxy.seen[1].body


@pytest.mark.parametrize("fault", LOST + FAILED)
def test_an_unsafe_call_is_not_repeated_once_it_was_sent(make, server, fault):
    proxy, caller = make(fault)
    with pytest.raises(errors.GeoperaError) as caught:
        caller(*UNSAFE)
    assert len(proxy.seen) == 1
    assert caught.value.attempts == 1
    assert caught.value.may_have_acted is True
    assert caught.value.operation == "clip.job.delete"
    if FAULTS[fault].status:
        assert isinstance(caught.value, errors.ServerError)
        assert caught.value.status_code == FAULTS[fault].status
        assert caught.value.request_id == "planned-by-the-proxy"
    elif fault.startswith("slow"):
        assert isinstance(caught.value, errors.APITimeoutError)
        assert isinstance(caught.value, TimeoutError)
    else:
        assert isinstance(caught.value, errors.APIConnectionError)
    assert "may have processed it" in str(caught.value)


@pytest.mark.parametrize("fault", LIMITED)
def test_a_rate_limited_call_is_repeated_even_when_unsafe(make, server, fault):
    _proxy, caller = make(fault)
    assert caller(*UNSAFE, detailed=True).attempts == 2
    assert sum(server.effects.values()) == 1


@pytest.mark.parametrize("what", [READ, SPEND, UNSAFE], ids=["read", "spend", "unsafe"])
def test_a_connection_that_never_opened_is_tried_again(make, server, what):
    proxy, caller = make(policy=RetryPolicy(6, base=0.1, cap=0.2))
    proxy.refuse(0.15)
    response = caller(*what, detailed=True)
    assert 2 <= response.attempts <= 7
    assert sum(server.effects.values()) == 1


@pytest.mark.parametrize("what", [READ, SPEND, UNSAFE], ids=["read", "spend", "unsafe"])
def test_nobody_there(make, server, what):
    proxy, caller = make()
    proxy.refuse()
    with pytest.raises(errors.APIConnectionError) as caught:
        caller(*what)
    assert caught.value.attempts == 3
    assert caught.value.may_have_acted is False
    assert caught.value.status_code is None
    assert caught.value.response is None
    assert "may have processed it" not in str(caught.value)
    assert not proxy.seen


def test_an_unknown_operation_is_never_repeated_after_sending(make, server):
    proxy, caller = make("503_seconds")
    with pytest.raises(errors.ServerError) as caught:
        caller.invoke("some.new.op", {})
    assert len(proxy.seen) == 1
    assert caught.value.may_have_acted is True
    assert caught.value.retry_after == 0


def test_attempts_used_up(make, server):
    proxy, caller = make("500_acted", "cut_before", "503")
    began = time.monotonic()
    with pytest.raises(errors.ServerError) as caught:
        caller(*SPEND)
    error = caught.value
    assert error.attempts == 3
    assert 0 < error.elapsed <= time.monotonic() - began
    assert error.may_have_acted is True
    assert error.idempotency_key == proxy.seen[0].key
    for part in ("3 attempts", "may have processed it", error.idempotency_key):
        assert part in str(error)
    assert server.effects == {("orders.archive.place", error.idempotency_key): 1}
    again = caller(*SPEND, idempotency_key=error.idempotency_key, detailed=True)
    assert again.parsed["id"] == "effect-1"
    assert sum(server.effects.values()) == 1


def test_what_an_earlier_attempt_may_have_done_is_not_forgotten(make, server):
    _proxy, caller = make("cut_before", "429", "429")
    with pytest.raises(errors.RateLimitError) as caught:
        caller(*SPEND)
    assert caught.value.may_have_acted is True
    assert sum(server.effects.values()) == 1


def test_a_read_never_acts(make, server):
    _proxy, caller = make("500", "500", "cut_before")
    with pytest.raises(errors.APIConnectionError) as caught:
        caller(*READ)
    assert caught.value.may_have_acted is False
    assert caught.value.attempts == 3
    assert caught.value.idempotency_key is None


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_max_retries(make, server, retries):
    proxy, caller = make(*["503"] * 9, max_retries=retries)
    with pytest.raises(errors.ServerError) as caught:
        caller(*READ)
    assert caught.value.attempts == len(proxy.seen) == retries + 1


def test_two_repeats_are_the_default(make, server):
    proxy, caller = make(*["429_seconds"] * 9, policy=None)
    with pytest.raises(errors.RateLimitError):
        caller(*READ)
    assert len(proxy.seen) == 3


def test_max_retries_for_one_call(make, server):
    proxy, caller = make("503", "503")
    with pytest.raises(errors.ServerError):
        caller(*READ, client=caller.client.with_options(max_retries=0))
    assert len(proxy.seen) == 1
    assert caller(*READ, detailed=True).attempts == 2


@pytest.mark.parametrize("fault", sampled(["429_seconds", "429_date", "503_seconds", "503_date"], 3))
def test_retry_after_is_waited_for(make, server, fault):
    proxy, caller = make(fault, proxy_options={"retry_after": 1})
    assert caller(*READ, detailed=True).attempts == 2
    # A date has whole seconds, and both dates of a response lose the same fraction.
    assert 0.95 <= proxy.seen[1].at - proxy.seen[0].at < 4


@pytest.mark.parametrize("fault", ["429_seconds", "429_date"])
def test_a_server_that_asks_for_too_long_a_wait_gets_the_error_out_at_once(make, server, fault):
    _proxy, caller = make(fault, proxy_options={"retry_after": 3600})
    began = time.monotonic()
    with pytest.raises(errors.RateLimitError) as caught:
        caller(*READ)
    assert time.monotonic() - began < 5
    assert caught.value.retry_after == 3600
    assert caught.value.attempts == 1
    assert caught.value.may_have_acted is False


def test_the_deadline_ends_it(make, server):
    policy = RetryPolicy(50, base=0.05, cap=0.05, deadline=0.5)
    proxy, caller = make(*["503"] * 60, policy=policy)
    with pytest.raises(errors.ServerError) as caught:
        caller(*READ)
    assert 1 < caught.value.attempts < 51
    assert proxy.seen[-1].at - proxy.seen[0].at < 1.5


def test_the_body_of_a_repeat_is_the_first_one_byte_for_byte(flavour, make, server):
    body = {"collection": "sentinel-2-l2a", "item_ids": ["a"], "nested": {"n": [1, 2.5, "é"]}}
    seen = []

    def spoil(request):
        seen.append(request)
        body["item_ids"].append("c")
        body["nested"]["n"] = None
        body["extra"] = len(seen)

    async def spoil_async(request):
        spoil(request)

    hooks = {"request": [spoil if flavour == "sync" else spoil_async]}
    proxy, caller = make("cut_before", "500_acted", httpx_args={"event_hooks": hooks})
    caller("orders.archive.place", body)
    assert len(seen) == 3
    assert len({attempt.body for attempt in proxy.seen}) == 1
    assert json.loads(proxy.seen[0].body)["item_ids"] == ["a"]
    assert sum(server.effects.values()) == 1


def test_another_body_under_the_same_key_is_a_conflict_and_not_repeated(make, server):
    _proxy, caller = make()
    caller(*SPEND, idempotency_key="one")
    with pytest.raises(errors.ConflictError) as caught:
        caller("orders.archive.place", {"collection": "other"}, idempotency_key="one")
    assert caught.value.attempts == 1
    assert caught.value.idempotency_key == "one"
    assert caught.value.may_have_acted is False


def test_every_call_that_spends_has_a_key_of_its_own(make, server):
    proxy, caller = make()
    keys = [caller(*SPEND, detailed=True).idempotency_key for _ in range(3)]
    assert len(set(keys)) == 3
    assert [seen.key for seen in proxy.seen] == keys


def test_a_cut_response_with_a_wrong_length_is_reported_with_the_key(flavour):
    """A success that is no JSON: not repeated (a portal would say it again), and the key is there."""
    listener = socket.create_server(("127.0.0.1", 0))
    import threading

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{"id": "o')

    thread = threading.Thread(target=serve)
    thread.start()
    with listener, Caller(flavour, f"http://127.0.0.1:{listener.getsockname()[1]}") as caller:
        with pytest.raises(errors.ResponseError) as caught:
            caller(*SPEND)
        thread.join(5)
    assert caught.value.attempts == 1
    assert caught.value.may_have_acted is True
    assert caught.value.idempotency_key
    assert caught.value.response.content == b'{"id": "o'


def test_the_low_level_functions_repeat_too(flavour, server):
    import asyncio

    from geopera import AuthenticatedClient
    from geopera.api.operations import orders_archive_place

    proxy = FaultProxy(server.server_port, Plan(first=("cut_before", "503")))
    with proxy:
        client = AuthenticatedClient(proxy.url, "test-token", retry=QUICK)
        if flavour == "sync":
            with client:
                response = orders_archive_place.sync_detailed(client=client, body=ORDER)
        else:

            async def main():
                async with client:
                    return await orders_archive_place.asyncio_detailed(client=client, body=ORDER)

            response = asyncio.run(main())
    assert response.status_code == 200
    assert response.attempts == 3
    assert {seen.key for seen in proxy.seen} == {response.idempotency_key}
    assert sum(server.effects.values()) == 1
