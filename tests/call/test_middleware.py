"""Middleware around calls: what it sees, what it may change, and what it must return. The page's examples are here too."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera import RetryPolicy, errors, response_of
from geopera.middleware import Call, RetryEvent
from geopera.types import Response

ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["example-1"]}


def echo(asked: Asked) -> Reply:
    headers = {name.lower(): value for name, value in asked.headers.items()}
    return json_reply({"id": "ord_1", "status": "queued", "asked": asked.body, "headers": headers}, 202)


class Seen:
    """Middleware of either kind that notes calls and responses."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.responses: list[Response[Any]] = []

    def plain(self, call: Call, next: Any) -> Any:
        self.calls.append(call)
        response = next(call)
        self.responses.append(response)
        return response

    async def awaited(self, call: Call, next: Any) -> Any:
        self.calls.append(call)
        response = await next(call)
        self.responses.append(response)
        return response

    def of(self, flavour: Flavour) -> Any:
        return self.awaited if flavour.asynchronous else self.plain


def test_it_sees_the_call_and_the_response(flavour: Flavour, serve: Any) -> None:
    seen = Seen()
    client = flavour.client("test-token", serve(echo).url, middleware=[seen.of(flavour)])
    result = flavour(client.orders.archive.place(ORDER))
    (call,), (response,) = seen.calls, seen.responses
    assert call.operation.id == "orders.archive.place"
    assert call.operation.spends
    assert call.body == ORDER
    assert call.idempotency_key == response.idempotency_key == result["headers"]["idempotency-key"]
    assert response.status_code == 202
    assert response.parsed is result
    assert "test-token" not in repr(call) + repr(call.headers)


def test_it_changes_body_headers_and_key(flavour: Flavour, serve: Any) -> None:
    def change(call: Call, next: Any) -> Any:
        call.body = {**call.body, "delivery": {"format": "cog"}}
        call.headers["X-Team"] = "fields"
        call.idempotency_key = "a-key-of-ours"
        return next(call)

    client = flavour.client("test-token", serve(echo).url, middleware=[change])
    result = flavour(client.orders.archive.place(ORDER))
    assert result["asked"] == {**ORDER, "delivery": {"format": "cog"}}
    assert result["headers"]["x-team"] == "fields"
    assert result["headers"]["idempotency-key"] == "a-key-of-ours"


def test_a_body_changed_in_place_is_sent_as_changed_and_checked(flavour: Flavour, serve: Any) -> None:
    def change(call: Call, next: Any) -> Any:
        call.body["limit"] = "many"
        return next(call)

    wire = serve(echo)
    client = flavour.client("test-token", wire.url, middleware=[change])
    with pytest.raises(errors.InvalidInputError, match="limit"):
        flavour(client.catalog.search(host_name="h"))
    assert wire.asked == []


def test_the_first_is_the_outermost(flavour: Flavour, serve: Any) -> None:
    order: list[str] = []

    def layer(name: str) -> Any:
        def m(call: Call, next: Any) -> Any:
            order.append(name)
            return next(call)

        return m

    client = flavour.client("test-token", serve(echo).url, middleware=[layer("a"), layer("b")])
    flavour(client.orders.archive.place(ORDER))
    assert order == ["a", "b"]


def test_it_surrounds_all_attempts(flavour: Flavour, serve: Any) -> None:
    statuses = [503, 503]
    seen = Seen()

    def reply(asked: Asked) -> Reply:
        return json_reply({"title": "Down"}, statuses.pop()) if statuses else echo(asked)

    client = flavour.client(
        "test-token", serve(reply).url, middleware=[seen.of(flavour)], retry=RetryPolicy(2, base=0.01)
    )
    flavour(client.orders.archive.place(ORDER))
    assert len(seen.calls) == 1
    assert seen.responses[0].attempts == 3


def test_calling_next_again_keeps_the_key(flavour: Flavour, serve: Any) -> None:
    def twice(call: Call, next: Any) -> Any:
        if not flavour.asynchronous:
            next(call)
            return next(call)

        async def both() -> Any:
            await next(call)
            return await next(call)

        return both()

    wire: Wire = serve(echo)
    client = flavour.client("test-token", wire.url, middleware=[twice])
    flavour(client.orders.archive.place(ORDER))
    keys = [{k.lower(): v for k, v in asked.headers.items()}["idempotency-key"] for asked in wire.asked]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_what_is_not_a_response_is_named(flavour: Flavour, serve: Any) -> None:
    def forgot(call: Call, next: Any) -> Any:
        return None

    client = flavour.client("test-token", serve(echo).url, middleware=[forgot])
    with pytest.raises(TypeError, match=r"forgot returned NoneType, not a Response: return next\(call\)"):
        flavour(client.orders.archive.place(ORDER))


def test_a_coroutine_function_on_the_sync_client_is_named(serve: Any) -> None:
    from geopera import Geopera

    with (
        Geopera("test-token", serve(echo).url, middleware=[Seen().awaited]) as client,
        pytest.raises(TypeError, match="AsyncGeopera takes coroutine functions"),
    ):
        client.orders.archive.place(ORDER)


@pytest.mark.parametrize("option", [{"middleware": ["no"]}, {"on_retry": 3}])
def test_what_cannot_be_called_is_refused_at_once(flavour: Flavour, option: Any) -> None:
    with pytest.raises(TypeError, match="take functions"):
        flavour.fluent("test-token", **option)


def test_loops_pass_through_it(flavour: Flavour, client: Any, sandbox: Any) -> None:
    seen = Seen()
    watched = flavour.client(sandbox.token, sandbox.url, middleware=[seen.of(flavour)])
    walk = watched.catalog.search.iter(host_name="earthsearch-aws", limit=5, max_items=12)
    assert len(flavour.collect(walk)) == 12
    assert len(seen.calls) == 3
    records = flavour.collect(watched.catalog.search_stream(host_name="earthsearch-aws", limit=5))
    assert records
    assert seen.calls[-1].operation.id == "catalog.search_stream"
    found = flavour.collect(watched.map("billing.credits.balance", [{}, {}]))
    assert [seen_call.operation.id for seen_call in seen.calls[-2:]] == ["billing.credits.balance"] * 2
    assert len(found) == 2


def test_low_level_functions_pass_through_it(flavour: Flavour, sandbox: Any) -> None:
    from geopera.api.operations import billing_credits_balance

    seen = Seen()
    low = flavour.low_level(base_url=sandbox.url, token=sandbox.token, middleware=[seen.of(flavour)])
    assert flavour.detailed(billing_credits_balance, client=low).status_code == 200
    assert len(seen.calls) == 1


# The hook for retries.


def test_on_retry_reports_each_retry(flavour: Flavour, serve: Any) -> None:
    statuses = [429, 503]
    events: list[RetryEvent] = []

    def reply(asked: Asked) -> Reply:
        return json_reply({"title": "Later"}, statuses.pop()) if statuses else echo(asked)

    client = flavour.client(
        "test-token", serve(reply).url, on_retry=events.append, retry=RetryPolicy(3, base=0.01, cap=0.02)
    )
    flavour(client.orders.archive.place(ORDER, idempotency_key="k-1"))
    assert [(event.outcome, event.attempt) for event in events] == [("503", 1), ("429", 2)]
    assert {event.idempotency_key for event in events} == {"k-1"}
    assert all(event.delay >= 0 for event in events)
    assert "orders.archive.place: 503, attempt 1" in repr(events[0])


def test_raising_from_on_retry_ends_the_call(flavour: Flavour, serve: Any) -> None:
    def stop(event: RetryEvent) -> None:
        raise KeyError("enough")

    wire: Wire = serve(lambda asked: json_reply({"title": "Down"}, 503))
    client = flavour.client("test-token", wire.url, on_retry=stop)
    with pytest.raises(KeyError, match="enough"):
        flavour(client.orders.get(order_id="o"))
    assert len(wire.asked) == 1


# Beside a result.


def test_response_of_a_result(flavour: Flavour, client: Any) -> None:
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=1))
    response = response_of(page)
    assert response.parsed is page
    assert response.status_code == 200
    assert response.request_id
    assert response.attempts == 1
    with pytest.raises(LookupError, match="detailed=True"):
        response_of({"id": 1})
    with pytest.raises(LookupError):
        response_of(page.features)


@pytest.mark.slow
def test_responses_are_kept_no_longer_than_results(flavour: Flavour, client: Any) -> None:
    from geopera._call import responses

    gc.collect()
    before = len(responses._kept)
    results = [flavour(client.billing.credits.balance()) for _ in range(3)]
    assert len(responses._kept) == before + 3
    del results
    gc.collect()
    assert len(responses._kept) <= before


# What is sent about the program, and logging from the environment.


def test_user_agent_extra(flavour: Flavour, serve: Any) -> None:
    client = flavour.client("test-token", serve(echo).url, user_agent_extra="field-reports/2.1")
    agent = flavour(client.orders.archive.place(ORDER))["headers"]["user-agent"]
    assert agent.startswith("geopera-python/")
    assert agent.endswith(" field-reports/2.1")
    for bad, kind in (("a\r\nX: 1", ValueError), ("é", ValueError), (" ", ValueError), (3, TypeError)):
        with pytest.raises(kind, match="user_agent_extra"):
            flavour.fluent("test-token", user_agent_extra=bad)


@pytest.mark.slow
def test_logging_from_the_environment(serve: Any) -> None:
    import os
    import subprocess
    import sys

    code = "from geopera import Geopera\nwith Geopera('test-token') as c: c.orders.get(order_id='o')"
    statuses = [503]
    wire = serve(
        lambda asked: (
            json_reply({"title": "Down"}, statuses.pop())
            if statuses
            else json_reply({"id": "o", "status": "queued"})
        )
    )
    for level, expected in (("info", ["503"]), ("debug", ["200"])):
        environment = {**os.environ, "GEOPERA_LOG": level, "GEOPERA_API_URL": wire.url}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stderr.splitlines() if " geopera " in line]
        assert len(lines) == 1, done.stderr
        assert all(word in lines[0] for word in ["orders.get", level.upper(), *expected])
        assert "test-token" not in done.stderr


def test_an_unknown_log_level_is_refused(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOPERA_LOG", "loud")
    with pytest.raises(ValueError, match="GEOPERA_LOG must be 'debug' or 'info', not 'loud'"):
        flavour.fluent("test-token")


def test_json_of_a_call_is_readable(flavour: Flavour, serve: Any) -> None:
    recorded: list[str] = []

    def record(call: Call, next: Any) -> Any:
        recorded.append(json.dumps({"operation": call.operation.id, "body": call.body}))
        return next(call)

    client = flavour.client("test-token", serve(echo).url, middleware=[record])
    flavour(client.orders.archive.place(ORDER))
    assert json.loads(recorded[0]) == {"operation": "orders.archive.place", "body": ORDER}
