"""What a test may do to the sandbox: faults, the clock, data, and everything clean again afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from helpers.sandbox_api import AOI, ORDER, SCENE, Api

from geopera.sandbox import Sandbox, in_process, running

BASE = {"host_name": "earthsearch-aws"}
SEARCH = ("catalog.search", {**BASE, "limit": 1})


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running(credits=10_000) as server:
        yield server


@pytest.fixture
def clean(server: Sandbox) -> Sandbox:
    server.reset()
    return server


@pytest.fixture
def api(clean: Sandbox) -> Iterator[Api]:
    with Api(clean) as api:
        yield api


def test_an_error_meets_as_many_calls_as_asked_for(clean: Sandbox, api: Api) -> None:
    clean.fail("catalog.*", status=429, times=2, headers={"Retry-After": "7"})
    first = api.raw(*SEARCH)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert first.headers["content-type"].startswith("application/problem+json")
    assert api.raw("billing.credits.balance").status_code == 200
    assert [api.raw(*SEARCH).status_code for _ in range(2)] == [429, 200]
    clean.fail("catalog.search", status=500, times=None, body={"why": "because"})
    assert [api.raw(*SEARCH).json() for _ in range(3)] == [{"why": "because"}] * 3
    assert clean.faults == [{"operation": "catalog.search", "kind": "status", "times": None}]
    clean.clear_faults()
    assert api.raw(*SEARCH).status_code == 200


@pytest.mark.parametrize("after_commit", [False, True])
def test_a_fault_before_the_work_and_one_after_it_are_two_things(
    clean: Sandbox, api: Api, after_commit: bool
) -> None:
    clean.fail("orders.archive.place", after_commit=after_commit)
    assert api.raw("orders.archive.place", ORDER, Idempotency_Key="k").status_code == 503
    assert len(api("orders.list")["orders"]) == after_commit
    assert api("billing.credits.balance")["credits"] == 10_000 - 100 * after_commit
    again = api.raw("orders.archive.place", ORDER, Idempotency_Key="k")
    assert again.headers.get("idempotent-replayed") == ("true" if after_commit else None)
    assert len(api("orders.list")["orders"]) == 1
    calls = clean.calls_of("orders.archive.place")
    assert [(one.status, one.idempotency_key, one.body, one.replayed) for one in calls] == [
        (503, "k", ORDER, False),
        (again.status_code, "k", ORDER, after_commit),
    ]


@pytest.mark.parametrize("after_commit", [False, True])
def test_a_cut_connection_has_no_response(clean: Sandbox, api: Api, after_commit: bool) -> None:
    clean.cut("orders.archive.place", after_commit=after_commit)
    with pytest.raises(httpx.RemoteProtocolError):
        api.raw("orders.archive.place", ORDER)
    assert len(api("orders.list")["orders"]) == after_commit
    assert [one.status for one in clean.calls_of("orders.archive.place")] == [None]


def test_half_bodies_garbage_and_surplus(clean: Sandbox, api: Api) -> None:
    clean.half("catalog.search")
    with pytest.raises(httpx.RemoteProtocolError):
        api.raw(*SEARCH)
    clean.garbage("catalog.search")
    response = api.raw(*SEARCH)
    assert response.headers["content-type"] == "application/json"
    with pytest.raises(ValueError):
        json.loads(response.content)
    clean.surplus("catalog.search")
    with Api(clean) as other:  # its connection holds a response that nobody asked for
        assert other.raw(*SEARCH).json()["numberReturned"] == 1
    assert api("billing.credits.balance")["credits"] == 10_000


def test_slow_calls(clean: Sandbox, api: Api) -> None:
    clean.slow("catalog.search", 0.3)
    begun = time.monotonic()
    assert api.raw(*SEARCH).status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_the_clock_moves_what_the_api_says(clean: Sandbox, api: Api) -> None:
    assert clean.freeze("2030-01-01T00:00:00Z") == datetime(2030, 1, 1, tzinfo=UTC)
    order = api("orders.archive.place", ORDER)
    assert (order["status"], order["created_at"][:16]) == ("awaiting_data", "2030-01-01T00:00")
    url = api("items.asset.download", {"item_id": SCENE, "asset_id": "red"})["url"]
    assert httpx.get(url, trust_env=False).status_code == 200
    assert clean.advance(hours=2) == datetime(2030, 1, 1, 2, tzinfo=UTC)
    order = api("orders.get", {"order_id": order["id"]})
    assert (order["status"], order["updated_at"]) == ("fulfilled", "2030-01-01T00:00:30.000Z")
    assert httpx.get(url, trust_env=False).status_code == 410
    clean.unfreeze()
    assert api("orders.archive.place", ORDER)["created_at"].startswith("2030-01-01T02:")
    with pytest.raises(ValueError, match="advance"):
        clean.advance(hours=-1)


@pytest.mark.slow
def test_reset_forgets_everything(clean: Sandbox, api: Api) -> None:
    clean.fail("catalog.search", times=None)
    clean.advance(days=9)
    clean.add_scenes([{**_item("own-scene")}])
    clean.add_operation("weather.now", response={"wind": 5})
    clean.expire_token("other")
    clean.rate_limits(organisation=500)
    clean.url_lifetime(5)
    api("orders.archive.place", ORDER)
    api("event_subscriptions.create", {"event_type": "*", "endpoint_url": "http://127.0.0.1:9/"})
    clean.reset()
    assert clean.calls == []
    assert clean.faults == []
    assert api("billing.credits.balance")["credits"] == 10_000
    assert api("orders.list")["orders"] == []
    assert api("event_subscriptions.list")["subscriptions"] == []
    assert api("catalog.search", {**BASE, "ids": ["own-scene"]})["features"] == []
    assert api.raw("weather.now").status_code == 404
    assert abs(datetime.now(UTC) - clean.freeze()).total_seconds() < 60


def test_a_snapshot_can_be_restored_more_than_once(clean: Sandbox, api: Api) -> None:
    api("orders.archive.place", ORDER)
    kept = clean.snapshot()
    for _ in range(2):
        api("orders.archive.place", ORDER)
        assert len(api("orders.list")["orders"]) == 2
        clean.restore(kept)
        assert len(api("orders.list")["orders"]) == 1
        assert api("billing.credits.balance")["credits"] == 9_900
    with pytest.raises(ValueError, match="snapshot"):
        clean.restore("no-such")


def test_data_can_be_put_in(clean: Sandbox, api: Api) -> None:
    made = clean.seed(
        credits=42, empty=True, items=[{"name": "field"}], orders=[{"status": "failed"}, {"id": "ord_mine"}]
    )
    assert api("billing.credits.balance")["credits"] == 42
    assert [one["id"] for one in api("items.search_org")["features"]] == made["items"]
    assert api("orders.get", {"order_id": made["orders"][0]})["status"] == "failed"
    assert api("orders.get", {"order_id": "ord_mine"})["status"] == "awaiting_data"


def test_tokens_expire_and_rates_are_limited(clean: Sandbox, api: Api) -> None:
    clean.expire_token()
    assert api.raw(*SEARCH).status_code == 401
    clean.renew_token()
    clean.expire_token(seconds=3600)
    assert api.raw(*SEARCH).status_code == 200
    clean.advance(hours=1)
    assert api.raw(*SEARCH).status_code == 401
    clean.renew_token()
    clean.rate_limits(window=3600, organisation=2)
    assert [api.raw(*SEARCH).status_code for _ in range(3)] == [200, 200, 429]
    clean.rate_limits(off=True)
    assert api.raw(*SEARCH).status_code == 200


def _item(id_: str) -> dict[str, object]:
    ring = [[150.0, -34.0], [152.0, -34.0], [152.0, -33.0], [150.0, -33.0], [150.0, -34.0]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id_,
        "collection": "my-collection",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [150.0, -34.0, 152.0, -33.0],
        "properties": {"datetime": "2025-05-05T05:05:05Z", "eo:cloud_cover": 7},
        "assets": {"red": {"href": "https://example.com/red.tif", "roles": ["data"]}},
        "links": [],
    }


def test_real_items_are_found_as_they_are(clean: Sandbox, api: Api) -> None:
    assert clean.add_scenes([_item("mine")]) == ["mine"]
    found = api("catalog.search", {**BASE, "collections": ["my-collection"], "bbox": AOI})["features"]
    assert found == [_item("mine")]
    query = {"eo:cloud_cover": {"LT": 7}}
    assert api("catalog.search", {**BASE, "ids": ["mine"], "query": query})["features"] == []
    assert "my-collection" in {one["id"] for one in api("catalog.collections.list")["collections"]}
    order = {"collection": "my-collection", "item_ids": ["mine"]}
    assert api("orders.archive.place", order)["status"] == "awaiting_data"
    with pytest.raises(ValueError, match="geometry"):
        clean.add_scenes([{**_item("bad"), "geometry": None}])


@pytest.mark.slow
def test_an_operation_can_be_added(clean: Sandbox, api: Api) -> None:
    clean.add_operation("weather.now", response={"wind": 5}, input={"type": "object", "required": ["place"]})
    assert api("weather.now", {"place": "here"}) == {"wind": 5}
    assert api.raw("weather.now", {}).status_code == 422
    assert "/v1/op/weather.now" in api.http.get("/openapi.json").json()["paths"]


@pytest.mark.slow
def test_controls_need_the_secret_and_name_what_is_wrong(clean: Sandbox) -> None:
    url = f"{clean.url}/__sandbox__/"
    right = {"X-Sandbox-Secret": clean.secret}

    def post(name: str, body: object, headers: dict[str, str]) -> int:
        return httpx.post(url + name, json=body, headers=headers, trust_env=False).status_code

    assert post("reset", {}, {}) == 401
    assert post("reset", {}, {"X-Sandbox-Secret": clean.token}) == 401
    assert post("reset", {}, {"Authorization": f"Bearer {clean.token}"}) == 401
    assert post("reset", {}, right) == 200
    assert post("no_such", {}, right) == 404
    assert post("reset", [], right) == 400
    for name, body in (
        ("fail", {"operation": "x", "kind": "odd"}),
        ("fail", {"operation": "x", "times": 0}),
        ("fail", {"operation": "x", "status": 99}),
        ("fail", {"operaton": "x"}),
        ("advance", {"weeks": 1}),
        ("seed", {"credits": -1}),
        ("rate_limits", {"organisation": "many"}),
    ):
        assert post(name, body, right) == 422, (name, body)


def test_credentials_are_not_in_the_record_of_calls(clean: Sandbox, api: Api) -> None:
    api.raw(*SEARCH)
    (call,) = clean.calls
    assert call.headers["authorization"] == "***"
    assert clean.token not in repr(call)


def test_without_a_socket(flavour: Any) -> None:
    with in_process(credits=500) as server:
        client = flavour.client(**server.client_options)
        found = flavour(client.catalog.search(host_name="earthsearch-aws", limit=2))
        assert len(found.features) == 2
        assert [one.operation for one in server.calls] == ["catalog.search"]
        server.cut("billing.credits.balance")
        with httpx.Client(transport=server.transport) as http, pytest.raises(httpx.RemoteProtocolError):
            http.post(f"{server.url}/v1/op/billing.credits.balance", json={})
