"""What can be watched: log lines, hooks, request ids; and what must never be seen in them."""

from __future__ import annotations

import logging
import pickle
import traceback

import httpx
import pytest
from faults import FaultProxy, LedgerServer
from faults.flavours import TOKEN, Caller, behind

from geopera import RetryPolicy, errors

pytestmark = pytest.mark.parametrize("flavour", ["sync", "async"])

READ = ("orders.get", {"order_id": "body-of-the-call"})
QUICK = RetryPolicy(2, base=0.01, cap=0.02)


@pytest.fixture
def server():
    with LedgerServer() as running:
        yield running


def test_a_line_for_each_attempt(flavour, server, caplog):
    caplog.set_level(logging.DEBUG, "geopera")
    with behind(flavour, server, "503", "cut_before", retry=QUICK) as (_proxy, caller):
        caller(*READ)
    records = [record for record in caplog.records if record.name == "geopera"]
    retries = [record for record in records if record.levelno == logging.INFO]
    assert ["retrying in" in record.getMessage() for record in retries] == [True] * 2
    records = [record for record in records if record.levelno == logging.DEBUG]
    assert len(records) == 3
    lines = [record.getMessage() for record in records]
    for line in lines:
        assert "orders.get" in line
        assert " ms" in line
    assert "503" in lines[0]
    assert "planned-by-the-proxy" in lines[0]
    assert "Error" in lines[1]
    assert "200" in lines[2]
    assert "request-2" in lines[2]
    assert [f"attempt {n}" in line for n, line in enumerate(lines, 1)] == [True] * 3
    assert [record.geopera_attempt for record in records] == [1, 2, 3]
    assert records[2].geopera_operation == "orders.get"
    assert records[2].geopera_outcome == 200
    assert records[2].geopera_duration > 0
    assert records[2].geopera_request_id == "request-2"


def test_nothing_below_debug(flavour, server, caplog):
    caplog.set_level(logging.INFO, "geopera")
    with Caller(flavour, server.url) as caller:
        caller(*READ)
    assert not [record for record in caplog.records if record.name.startswith("geopera")]


def test_neither_token_nor_body_is_in_any_log_line(flavour, server, caplog):
    caplog.set_level(logging.DEBUG)  # those of httpx and httpcore too
    with behind(flavour, server, "503", "garbage", "429", retry=QUICK) as (_proxy, caller):
        with pytest.raises(errors.RateLimitError):
            caller(*READ)
        with pytest.raises(errors.RateLimitError):
            caller("orders.archive.place", {"collection": "body-of-the-call"})
    assert len(caplog.records) > 4
    for record in caplog.records:
        text = record.getMessage() + repr(record.__dict__)
        assert TOKEN not in text
        assert "body-of-the-call" not in text


def test_the_token_is_in_no_error(flavour, server):
    with behind(flavour, server, "503", "garbage", max_retries=0) as (_proxy, caller):
        for _ in range(2):
            with pytest.raises(errors.GeoperaError) as caught:
                caller(*READ)
            error = caught.value
            shown = [str(error), repr(error), repr(error.__dict__), *traceback.format_exception(error)]
            for text in [*shown, repr(caller.client), repr(caller.client.client)]:
                assert TOKEN not in text
            assert TOKEN.encode() not in pickle.dumps(error)
            restored = pickle.loads(pickle.dumps(error))
            assert type(restored) is type(error)
            assert restored.attempts == 1


@pytest.mark.parametrize("style", ["options", "httpx_args"])
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_hooks_see_every_attempt(flavour, server, style, kind):
    if style == "httpx_args" and (kind == "coroutine") != (flavour == "async"):
        pytest.skip("httpx wants functions for the one client and coroutine functions for the other")
    if kind == "coroutine" and flavour == "sync":
        pytest.skip("a blocking client cannot await")
    seen = []

    def requested(request):
        seen.append(("request", request.url.path, request.headers["idempotency-key"]))

    def replied(response):
        assert isinstance(response, httpx.Response)
        seen.append(("response", response.status_code, response.request.headers["idempotency-key"]))

    async def requested_later(request):
        requested(request)

    async def replied_later(response):
        replied(response)

    before, after = (requested, replied) if kind == "plain" else (requested_later, replied_later)
    if style == "options":
        options = {"on_request": before, "on_response": after}
    else:
        options = {"httpx_args": {"event_hooks": {"request": [before], "response": [after]}}}
    with behind(flavour, server, "503", "cut_before", retry=QUICK, **options) as (_proxy, caller):
        caller("orders.archive.place", {"collection": "c"}, idempotency_key="k")
    path = "/v1/op/orders.archive.place"
    assert seen == [
        ("request", path, "k"),
        ("response", 503, "k"),
        ("request", path, "k"),
        ("request", path, "k"),
        ("response", 200, "k"),
    ]


def test_hooks_may_change_the_request(flavour, server):
    def sign(request):
        request.headers["X-Signature"] = "signed"

    with FaultProxy(server.server_port) as proxy, Caller(flavour, proxy.url, on_request=sign) as caller:
        caller(*READ)
    assert proxy.seen[0].headers["x-signature"] == "signed"


def test_hooks_added_to_the_httpx_client_later_are_honoured(flavour, server):
    seen = []

    async def later(response):
        seen.append(response.status_code)

    with Caller(flavour, server.url) as caller:
        caller(*READ)
        if flavour == "sync":
            caller.client.client.get_httpx_client().event_hooks = {
                "response": [lambda response: seen.append(response.status_code)]
            }
        else:

            async def attach():
                caller.client.client.get_async_httpx_client().event_hooks = {"response": [later]}

            caller.run(attach())
        caller(*READ)
    assert seen == [200]


def test_auth_and_cookies_of_httpx_are_honoured(flavour, server):
    class Auth(httpx.Auth):
        def auth_flow(self, request):
            request.headers["X-Auth"] = "flow"
            yield request

    with FaultProxy(server.server_port) as proxy:
        with pytest.raises(TypeError, match="httpx_args\\['auth'\\] and token"):
            Caller(flavour, proxy.url, httpx_args={"auth": Auth()})
        with Caller(flavour, proxy.url, token=None, httpx_args={"auth": Auth()}) as caller:
            caller(*READ)
        with Caller(flavour, proxy.url, cookies={"colour": "blue"}) as caller:
            caller(*READ)
    assert proxy.seen[0].headers["x-auth"] == "flow"
    assert proxy.seen[1].headers["cookie"] == "colour=blue"


def test_a_hook_that_raises_is_the_callers_own_error(flavour, server):
    def fail(response):
        raise LookupError("the hook")

    with Caller(flavour, server.url, on_response=fail) as caller:
        with pytest.raises(LookupError, match="the hook") as caught:
            caller("orders.archive.place", {"collection": "c"}, idempotency_key="k")
        assert "k" in caught.value.__notes__[0]
    assert sum(server.effects.values()) == 1


def test_request_ids(flavour, server):
    with behind(flavour, server, None, "500", max_retries=0) as (_proxy, caller):
        assert caller(*READ, detailed=True).request_id == "request-1"
        with pytest.raises(errors.ServerError) as caught:
            caller(*READ)
    assert caught.value.request_id == caught.value.response.request_id == "planned-by-the-proxy"
