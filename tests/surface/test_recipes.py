"""The recipe page, block by block, against the sandbox: what a user of the page's code relies on.

Each test stands for one block of the page, with values of its own, and runs with both clients where the
block makes sense in both. `flavour(...)` awaits what has to be awaited.
"""

from __future__ import annotations

import itertools
import time
import uuid
from typing import Any

import pytest
from helpers.flavour import Flavour

import geopera
from geopera import AsyncGeopera, AuthenticatedClient, Geopera
from geopera.errors import ConflictError, GeoperaError, InvalidInputError
from geopera.sandbox import Sandbox

SCENE = "S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"
SYDNEY = [151.18, -33.92, 151.30, -33.84]
ORDER_ENDS = {"fulfilled", "failed", "cancelled"}
JOB_ENDS = {"succeeded", "failed", "cancelled"}
ROUNDS = 400  # of a polling loop, so that none can run for ever
PAUSE = 0.02


def order_body(*scenes: str) -> dict[str, Any]:
    return {
        "collection": "sentinel-2-l2a",
        "item_ids": list(scenes or [SCENE]),
        "delivery": {"format": "geotiff"},
    }


def poll(flavour: Flavour, get: Any, body: dict[str, Any], ends: set[str]) -> list[dict[str, Any]]:
    """Everything that was seen until a final state, read by key as the page reads it."""
    seen = []
    for _ in range(ROUNDS):
        seen.append(flavour(get(body)))
        if seen[-1]["status"] in ends:
            return seen
        time.sleep(PAUSE)
    raise AssertionError(f"no end after {ROUNDS} looks; the last state was {seen[-1]['status']}")


# One client for everything.


@pytest.mark.parametrize("cls", [Geopera, AsyncGeopera])
def test_setup_with_a_token(cls: Any) -> None:
    client = cls(token="gpra_made_up")
    assert client.client.base_url == "https://api.geopera.com"
    assert type(client.client) is AuthenticatedClient


@pytest.mark.parametrize("cls", [Geopera, AsyncGeopera])
def test_setup_with_a_token_from_the_environment(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("GEOPERA_API_TOKEN", "gpra_of_the_environment")
    given, found = cls(token=os.environ["GEOPERA_API_TOKEN"]), cls()
    assert given.client.token == found.client.token == "gpra_of_the_environment"


# Searching the catalogue.


def test_catalog_search(flavour: Flavour, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = flavour(
        client.catalog.search(
            {
                "host_name": "earthsearch-aws",
                "collections": ["sentinel-2-l2a"],
                "bbox": SYDNEY,
                "datetime_": "2024-02-01T00:00:00Z/2024-05-31T23:59:59Z",
                "query": {"eo:cloud_cover": {"lt": 20}},
                "limit": 25,
            }
        )
    )
    assert type(result).__name__ == "CatalogSearchOutput"
    assert 0 < len(result.features) <= 25
    for item in result.features:
        print(item.id, item.properties)
        assert "2024-02-01" <= item.properties["datetime"][:10] <= "2024-05-31"
        assert item.properties["eo:cloud_cover"] < 20
        assert item.collection == "sentinel-2-l2a"
        assert item.geometry["type"] == "Polygon"
        assert len(item.bbox) == 4
        assert item.assets
        assert isinstance(item.links, list)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(result.features)
    assert lines[0].startswith(result.features[0].id + " {")


def test_the_datetime_field_narrows_under_both_of_its_names(flavour: Flavour, client: Any) -> None:
    ask = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "bbox": SYDNEY, "limit": 500}
    span = "2024-05-01T00:00:00Z/2024-05-31T23:59:59Z"
    ids = [
        {item.id for item in flavour(client.catalog.search({**ask, **narrower})).features}
        for narrower in ({"datetime_": span}, {"datetime": span}, {})
    ]
    assert ids[0] == ids[1]
    assert ids[0] < ids[2]


def test_hosts_and_collections_can_be_discovered(flavour: Flavour, client: Any) -> None:
    assert "earthsearch-aws" in str(flavour(client.catalog.hosts.list({})))
    assert "sentinel-2-l2a" in str(flavour(client.catalog.collections.list({"host_name": "earthsearch-aws"})))


def test_paging_by_hand(flavour: Flavour, client: Any) -> None:
    body: dict[str, Any] = {
        "host_name": "earthsearch-aws",
        "collections": ["sentinel-2-l2a"],
        "bbox": SYDNEY,
        "limit": 100,
    }
    gathered = []
    for _ in range(20):
        page = flavour(client.catalog.search(body))
        gathered.extend(page.features)
        if not page.next_:
            break
        body = {**body, "next_": page.next_}
    else:
        raise AssertionError("the pages do not end")
    assert len(gathered) >= 250
    assert len({item.id for item in gathered}) == len(gathered)
    assert SCENE in {item.id for item in gathered}
    # On the last page the token is absent, which reads as None.
    assert page.next_ is None


# Tasking.


def test_tasking_estimate(flavour: Flavour, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    group = {
        "sensor": "optical-vhr",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[151.2, -33.9], [151.3, -33.9], [151.3, -33.8], [151.2, -33.8], [151.2, -33.9]]],
        },
        "window": {"start": "2024-07-05T00:00:00Z", "end": "2024-07-25T00:00:00Z"},
        "max_cloud_cover": 15,
        "off_nadir_max": 30,
    }
    one = flavour(client.orders.tasking.estimate({"groups": [group]}))
    two = flavour(client.orders.tasking.estimate({"groups": [group, {**group, "max_cloud_cover": 40}]}))
    assert type(one).__name__ == "TaskingEstimateOutput"
    assert two.total_credits == 2 * one.total_credits > 0
    print("estimated price:", one)
    assert "estimated price: TaskingEstimateOutput(" in capsys.readouterr().out


# Orders.


def test_place_an_archive_order_with_a_key(
    flavour: Flavour, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(uuid.uuid4())
    order = flavour(client.orders.archive.place(order_body(), idempotency_key=key))
    print("order accepted:", order)
    assert order["id"] in capsys.readouterr().out
    assert order["status"] == "awaiting_data"

    again = flavour(client.orders.archive.place(order_body(), idempotency_key=key))
    assert again == order  # the stored response, byte for byte

    with pytest.raises(ConflictError) as caught:
        other = {**order_body(), "delivery": {"format": "cog"}}
        flavour(client.orders.archive.place(other, idempotency_key=key))
    assert (caught.value.status_code, caught.value.idempotency_key) == (409, key)

    new = flavour(client.orders.archive.place(order_body(), idempotency_key=str(uuid.uuid4())))
    assert new["id"] != order["id"]


def test_placing_responds_with_202(flavour: Flavour, client: Any) -> None:
    key = str(uuid.uuid4())
    response = flavour(client.orders.archive.place(order_body(), idempotency_key=key, detailed=True))
    assert response.status_code == 202
    assert response.parsed["id"]


def test_a_placed_order_is_in_the_list(flavour: Flavour, client: Any) -> None:
    placed = flavour(client.orders.archive.place(order_body()))
    assert placed["id"] in str(flavour(client.orders.list({"size": 50})))


def test_place_and_poll_to_fulfilment(flavour: Flavour, client: Any) -> None:
    placed = flavour(client.orders.archive.place(order_body(), idempotency_key=str(uuid.uuid4())))
    seen = poll(flavour, client.orders.get, {"order_id": placed["id"]}, ORDER_ENDS)
    assert seen[-1]["status"] == "fulfilled"
    assert seen[-1]["id"] == seen[-1].id == placed.id


# Processing.


def test_run_a_job_and_poll(flavour: Flavour, client: Any) -> None:
    created = flavour(
        client.processing.create(
            {"job_type": "ndvi", "inputs": {"collection": "sentinel-2-l2a", "item_ids": [SCENE]}}
        )
    )
    job = poll(flavour, client.processing.job.get, {"job_id": created["id"]}, JOB_ENDS)[-1]
    assert job["status"] == "succeeded"
    assert job.get("error") is None
    assert job.get("no_such_field", "a default") == "a default"


def test_a_job_that_fails_says_why(flavour: Flavour, client: Any) -> None:
    created = flavour(client.processing.create({"job_type": "fail", "inputs": {}}))
    job = poll(flavour, client.processing.job.get, {"job_id": created["id"]}, JOB_ENDS)[-1]
    assert job["status"] == "failed"
    assert job.get("error")


def test_job_types_and_pipelines_can_be_discovered(flavour: Flavour, client: Any) -> None:
    assert "ndvi" in str(flavour(client.processing.job_types.list({})))
    assert flavour(client.processing.catalog.list({})) is not None


def test_poll_with_growing_pauses(flavour: Flavour, client: Any) -> None:
    deadline = time.monotonic() + 30
    body = {"job_type": "ndvi", "inputs": {"item_ids": [SCENE]}}
    job_id = flavour(client.processing.create(body))["id"]
    for delay in itertools.chain([0.002, 0.004, 0.008, 0.016], itertools.repeat(0.03)):
        job = flavour(client.processing.job.get({"job_id": job_id}))
        if job["status"] in JOB_ENDS:
            break
        assert time.monotonic() < deadline, f"the job is still {job['status']}"
        time.sleep(delay)
    assert job["status"] == "succeeded"


def test_an_ellipsis_in_the_place_of_inputs_is_named(flavour: Flavour, client: Any) -> None:
    with pytest.raises(InvalidInputError, match="inputs") as caught:
        flavour(client.processing.create({"job_type": "ndvi", "inputs": {...}}))
    assert caught.value.response is None


# Money.


def test_top_up_once_per_key(flavour: Flavour, client: Any) -> None:
    key = str(uuid.uuid4())
    body = {"amount": 5000, "currency": "usd"}
    first = flavour(client.billing.topup(body, idempotency_key=key))
    assert (first["amount"], first["currency"], first["status"]) == (5000, "usd", "succeeded")
    assert flavour(client.billing.topup(body, idempotency_key=key)) == first
    listed = flavour(client.billing.credits.transactions({"reason": "topup", "limit": 100}))
    assert str(listed).count(first["id"]) == 1


@pytest.mark.parametrize(
    "amounts",
    [
        {"threshold": 1000, "amount": 5000, "currency": "usd"},
        {"threshold_credits": 1000, "topup_amount_credits": 5000},
    ],
    ids=["money", "credits"],
)
def test_automatic_top_up_and_balance(flavour: Flavour, client: Any, amounts: dict[str, Any]) -> None:
    setting = flavour(client.billing.set_auto_topup({"enabled": True, **amounts}))
    assert setting["enabled"] is True
    assert setting.threshold_credits == 1000
    balance = flavour(client.billing.credits.balance({}))
    assert balance["credits"] > 0
    assert balance.credits == balance["credits"]


# Events.


def test_subscribe_to_an_event(flavour: Flavour, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sub = flavour(
        client.event_subscriptions.create(
            {
                "event_type": "order.fulfilled",
                "endpoint_url": "https://hooks.example.com/geopera",
                "description": "tells the pipeline",
                "filter_config": {"collection": "sentinel-2-l2a"},
                "headers": {"X-Pipeline-Token": "not-a-secret"},
            }
        )
    )
    print("subscribed:", sub)
    assert "subscribed: SubscriptionOutput(" in capsys.readouterr().out
    assert sub.event_type == "order.fulfilled"
    assert sub.secret.startswith("whsec_")


def test_sample_delivery_and_list_of_subscriptions(flavour: Flavour, client: Any) -> None:
    endpoint = f"https://hooks.example.com/{uuid.uuid4()}"
    sub = flavour(
        client.event_subscriptions.create({"event_type": "order.fulfilled", "endpoint_url": endpoint})
    )
    assert flavour(client.event_subscriptions.test({"subscription_id": sub.id})) is not None
    rows = [
        (s.id, s.event_type, s.endpoint_url)
        for s in flavour(client.event_subscriptions.list({})).subscriptions
    ]
    assert (sub.id, "order.fulfilled", endpoint) in rows


# Everything together.


def test_pipeline_from_search_to_job(flavour: Flavour, client: Any) -> None:
    search = flavour(
        client.catalog.search(
            {
                "host_name": "earthsearch-aws",
                "collections": ["sentinel-2-l2a"],
                "bbox": SYDNEY,
                "query": {"eo:cloud_cover": {"lt": 10}},
                "limit": 1,
            }
        )
    )
    assert len(search.features) == 1
    item_id = search.features[0].id
    flavour(client.billing.topup({"amount": 5000, "currency": "usd"}, idempotency_key=str(uuid.uuid4())))
    order = flavour(client.orders.archive.place(order_body(item_id), idempotency_key=str(uuid.uuid4())))
    last = poll(flavour, client.orders.get, {"order_id": order["id"]}, ORDER_ENDS)[-1]
    assert last["status"] == "fulfilled"
    job = flavour(
        client.processing.create(
            {"job_type": "ndvi", "inputs": {"collection": "sentinel-2-l2a", "item_ids": [item_id]}}
        )
    )
    assert job["id"]


def test_a_search_that_finds_nothing_has_no_features(flavour: Flavour, client: Any) -> None:
    nowhere = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "bbox": [0, 0, 0.1, 0.1]}
    assert not flavour(client.catalog.search(nowhere)).features


# The low-level functions.


def test_low_level_parsed(flavour: Flavour, sandbox: Sandbox) -> None:
    from geopera.api.operations import catalog_search
    from geopera.models import CatalogSearchInput, CatalogSearchOutput

    client = flavour.low_level(base_url=sandbox.url, token=sandbox.token)
    body = CatalogSearchInput(host_name="earthsearch-aws", collections=["sentinel-2-l2a"], limit=10)
    result = flavour.parsed(catalog_search, client=client, body=body)
    assert isinstance(result, CatalogSearchOutput)
    assert len(result.features) == 10


def test_low_level_detailed_with_a_context_manager(flavour: Flavour, sandbox: Sandbox) -> None:
    from geopera.api.operations import catalog_search
    from geopera.models import CatalogSearchInput, CatalogSearchOutput

    body = CatalogSearchInput(host_name="earthsearch-aws", limit=5)

    def blocking() -> Any:
        with AuthenticatedClient(base_url=sandbox.url, token=sandbox.token) as client:
            return catalog_search.sync_detailed(client=client, body=body)

    async def awaited() -> Any:
        async with AuthenticatedClient(base_url=sandbox.url, token=sandbox.token) as client:
            return await catalog_search.asyncio_detailed(client=client, body=body)

    response = flavour(awaited() if flavour.asynchronous else blocking())
    assert response.status_code == 200
    assert isinstance(response.parsed, CatalogSearchOutput)
    assert response.headers["content-type"].startswith("application/json")
    assert response.content.startswith(b"{")


def test_both_forms_in_one_program(flavour: Flavour, client: Any) -> None:
    from geopera.api.operations import catalog_search

    body = {"host_name": "earthsearch-aws", "limit": 1}
    response = flavour.detailed(catalog_search, client=client.client, body=body)
    assert response.parsed == flavour(client.catalog.search(body))


# When it fails.


def tell(failure: GeoperaError) -> str:
    """The page's way of telling the two kinds of error apart."""
    from geopera.models import HTTPValidationError, Problem

    if isinstance(failure.error, Problem):
        return f"problem: {failure.error.title}: {failure.error.detail}"
    if isinstance(failure.error, HTTPValidationError):
        return f"invalid input: {failure.error.detail}"
    return "neither"


def test_a_problem_is_raised(flavour: Flavour, sandbox: Sandbox) -> None:
    client = flavour.client("gpra_wrong", sandbox.url)
    with pytest.raises(GeoperaError) as caught:
        flavour(client.catalog.search({"host_name": "earthsearch-aws", "limit": 5}))
    assert caught.value.status_code == 401
    assert tell(caught.value).startswith("problem: Unauthorized: The token")


def test_invalid_input_is_raised(flavour: Flavour, client: Any) -> None:
    with pytest.raises(GeoperaError) as caught:
        flavour(client.catalog.search({"limit": 5}))
    assert tell(caught.value).startswith("invalid input: [")
    assert "host_name" in tell(caught.value)


def test_a_missing_scope_is_raised(flavour: Flavour, make_sandbox: Any) -> None:
    server = make_sandbox(tokens={"gpra_reader": {"scopes": ["catalog:read"]}})
    client = flavour.client("gpra_reader", server.url)
    assert flavour(client.catalog.search({"host_name": "earthsearch-aws", "limit": 5})).features
    with pytest.raises(geopera.errors.PermissionDeniedError) as caught:
        flavour(client.orders.archive.place(order_body()))
    assert caught.value.status_code == 403
    assert tell(caught.value).startswith("problem: Forbidden")


@pytest.mark.parametrize("token", ["right", "gpra_wrong"])
def test_detailed_functions_never_raise_for_a_status(flavour: Flavour, sandbox: Sandbox, token: str) -> None:
    from geopera.api.operations import catalog_search
    from geopera.models import CatalogSearchInput, CatalogSearchOutput, Problem

    token = sandbox.token if token == "right" else token
    client = flavour.low_level(base_url=sandbox.url, token=token)
    body = CatalogSearchInput(host_name="earthsearch-aws", limit=5)
    response = flavour.detailed(catalog_search, client=client, body=body)
    if token == sandbox.token:
        assert response.status_code == 200
        assert isinstance(response.parsed, CatalogSearchOutput)
    else:
        assert response.status_code == 401
        assert isinstance(response.parsed, Problem)
        assert (response.parsed.title, response.parsed.status) == ("Unauthorized", 401)
