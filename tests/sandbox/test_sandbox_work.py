"""Orders and jobs move through their states, and the lists that hold them page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.sandbox_api import ORDER, SCENE, Api

from geopera.sandbox import Sandbox
from geopera.sandbox.work.states import cancelled, course, state_at

ENDS = {"fulfilled", "succeeded", "failed", "cancelled"}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


def wait(api: Api, operation: str, body: dict[str, str]) -> list[str]:
    """The states that were seen, up to an end."""
    seen: list[str] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = api(operation, body)["status"]
        if not seen or seen[-1] != status:
            seen.append(status)
        if status in ENDS:
            return seen
        time.sleep(0.01)
    raise AssertionError(f"no end after {seen}")


def test_courses() -> None:
    timeline = course("order", 1000.0, speed=2)
    assert timeline == [("awaiting_data", 1000.0), ("processing", 1005.0), ("fulfilled", 1015.0)]
    assert state_at(timeline, 999) == state_at(timeline, 1004.9) == "awaiting_data"
    assert state_at(timeline, 1005) == "processing"
    assert state_at(timeline, 9999) == "fulfilled"
    assert course("processing", 0.0, fails=True)[-1] == ("failed", 12.0)
    assert cancelled(timeline, 1006.0) == [*timeline[:2], ("cancelled", 1006.0)]
    assert state_at(cancelled(timeline, 1006.0), 1e9) == "cancelled"


def test_an_order_is_accepted_and_fulfilled(api: Api) -> None:
    reply = api.raw("orders.archive.place", ORDER)
    assert reply.status_code == 202
    order = reply.json()
    assert order["status"] == "awaiting_data"
    assert order["item_ids"] == [SCENE]
    seen = wait(api, "orders.get", {"order_id": order["id"]})
    assert seen[-1] == "fulfilled"
    assert [step for step in ("awaiting_data", "processing", "fulfilled") if step in seen] == seen
    final = api("orders.get", {"order_id": order["id"]})
    assert [step["status"] for step in final["history"]] == ["awaiting_data", "processing", "fulfilled"]
    assert api("orders.list_assets", {"order_id": order["id"]})["assets"] == final["assets"]


@pytest.mark.parametrize(
    ("operation", "body", "reader", "id_name", "end"),
    [
        ("orders.archive.place", {**ORDER, "item_ids": ["will-fail"]}, "orders.get", "order_id", "failed"),
        ("orders.place", {"workspaceId": "w", "dataProduct": "p"}, "orders.get", "order_id", "fulfilled"),
        (
            "orders.tasking.place",
            {"groups": [{"sensor": "optical-vhr"}]},
            "orders.get",
            "order_id",
            "fulfilled",
        ),
        ("processing.create", {"job_type": "ndvi"}, "processing.job.get", "job_id", "succeeded"),
        (
            "processing.create",
            {"job_type": "ndvi", "inputs": {"item_ids": ["will-fail"]}},
            "processing.job.get",
            "job_id",
            "failed",
        ),
        ("processing.create_and_dispatch", {"job_type": "ndvi"}, "processing.job.get", "job_id", "succeeded"),
        (
            "processing.execute",
            {"process_id": "p", "workspaceId": "w"},
            "processing.project_job.get",
            "job_id",
            "succeeded",
        ),
        ("clip.create_from_item", {"item_id": SCENE}, "clip.job.get", "job_id", "succeeded"),
        ("clip.create_from_item", {"item_id": "fail-1"}, "clip.job.get", "job_id", "failed"),
    ],
)
def test_work_ends_as_it_should(
    api: Api, operation: str, body: dict[str, Any], reader: str, id_name: str, end: str
) -> None:
    id_ = api(operation, body)["id"]
    assert wait(api, reader, {id_name: id_})[-1] == end
    final = api(reader, {id_name: id_})
    assert bool(final.get("error")) is (end == "failed")


def test_states_do_not_depend_on_the_speed_after_a_restart(
    make_sandbox: Callable[..., Sandbox], tmp_path: Any
) -> None:
    from geopera.sandbox import running

    db = str(tmp_path / "state.db")
    with running(db=db, speed=1000) as server, Api(server) as api:
        id_ = api("orders.archive.place", ORDER)["id"]
        wait(api, "orders.get", {"order_id": id_})
        balance = api("billing.credits.balance")["credits"]
    with running(db=db, speed=0.001, credits=5) as server, Api(server) as api:
        assert api("orders.get", {"order_id": id_})["status"] == "fulfilled"
        assert api("billing.credits.balance")["credits"] == balance


def test_cancelling_refunds_once(make_sandbox: Callable[..., Sandbox]) -> None:
    with Api(make_sandbox(credits=1000)) as api:
        id_ = api("orders.archive.place", ORDER)["id"]
        assert api("billing.credits.balance")["credits"] == 900
        for _ in range(3):
            assert api("orders.cancel", {"order_id": id_})["status"] == "cancelled"
        assert api("orders.get", {"order_id": id_})["status"] == "cancelled"
        assert api("billing.credits.balance")["credits"] == 1000
        assert api.problem(404, "orders.cancel", {"order_id": "ord_none"})


def test_what_is_fulfilled_cannot_be_cancelled(api: Api) -> None:
    id_ = api("orders.archive.place", ORDER)["id"]
    wait(api, "orders.get", {"order_id": id_})
    assert api.problem(409, "orders.cancel", {"order_id": id_})["current_status"] == "fulfilled"


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("orders.get", {"order_id": "ord_none"}),
        ("orders.update", {"order_id": "ord_none"}),
        ("processing.job.get", {"job_id": "job_none"}),
        ("clip.job.get", {"job_id": "job_none"}),
        ("clip.job.download", {"job_id": "job_none", "mosaic_type": "rgb"}),
        ("processing.dispatch", {"job_id": "job_none"}),
        ("items.get", {"item_id": "item_none"}),
        ("items.list", {"project_id": "project_none"}),
        ("notifications.mark_read", {"notification_id": "note_none"}),
        ("event_subscriptions.get", {"subscription_id": "sub_none"}),
    ],
)
def test_unknown_ids_are_404(api: Api, operation: str, body: dict[str, str]) -> None:
    api.problem(404, operation, body)


def test_an_order_is_not_a_job(api: Api) -> None:
    order = api("orders.archive.place", ORDER)["id"]
    job = api("processing.create", {"job_type": "ndvi"})["id"]
    api.problem(404, "processing.job.get", {"job_id": order})
    api.problem(404, "orders.get", {"order_id": job})
    api.problem(404, "clip.job.get", {"job_id": job})


def test_orders_are_listed_filtered_and_tagged(make_sandbox: Callable[..., Sandbox]) -> None:
    with Api(make_sandbox(speed=0.01)) as api:
        ids = [api("orders.archive.place", ORDER)["id"] for _ in range(25)]
        api("orders.cancel", {"order_id": ids[3]})
        api("orders.update", {"order_id": ids[5], "tags": ["red", "blue"]})
        pages = [api("orders.list", {"page": number, "size": 10}) for number in range(4)]
        assert [len(page["orders"]) for page in pages] == [10, 10, 5, 0]
        assert {page["total"] for page in pages} == {25}
        assert [order["id"] for page in pages for order in page["orders"]] == ids[::-1]
        assert [o["id"] for o in api("orders.list", {"size": 2, "sort": "createdAt,asc"})["orders"]] == ids[
            :2
        ]
        assert [o["id"] for o in api("orders.list", {"status": "cancelled"})["orders"]] == [ids[3]]
        assert [o["id"] for o in api("orders.list", {"tags": "red"})["orders"]] == [ids[5]]
        assert len(api("orders.list", {"orderIds": f"{ids[0]},{ids[1]}"})["orders"]) == 2
        assert api("orders.list", {"type": "tasking"})["orders"] == []


def test_jobs_are_listed(make_sandbox: Callable[..., Sandbox]) -> None:
    with Api(make_sandbox(speed=0.01)) as api:
        body = {"job_type": "ndvi", "project_id": "p1"}
        ids = [api("processing.create", body)["id"] for _ in range(7)]
        clip = api("clip.create_from_item", {"item_id": SCENE})["id"]
        pages = [api("processing.jobs.list", {"limit": 3, "page": number})["jobs"] for number in range(4)]
        assert [job["id"] for page in pages for job in page] == ids[::-1]
        listed = api("processing.project_jobs.list", {"project_id": "p1", "limit": 5, "offset": 5})["jobs"]
        assert [job["id"] for job in listed] == ids[1::-1]
        assert api("processing.project_jobs.list", {"project_id": "p2"})["jobs"] == []
        assert [job["id"] for job in api("clip.jobs.list", {"organization_id": "org-sandbox"})["jobs"]] == [
            clip
        ]
        assert api("processing.job.delete", {"job_id": ids[0]})["deleted"]
        api.problem(404, "processing.job.get", {"job_id": ids[0]})
        assert api("processing.jobs.list", {"status": "queued"})["total"] == 6


def test_items_are_made_changed_and_deleted(api: Api) -> None:
    project = api("projects.create", {"name": "Harbour"})["id"]
    body = {"project_id": project, "name": "one", "type": "user_raster", "datetime": "2024-05-05T00:00:00Z"}
    item = api("items.create", {**body, "bbox": [1, 1, 2, 2]})
    assert api("items.get", {"item_id": item["id"]})["item"] == item
    assert api("items.list", {"project_id": project})["items"] == [item]
    changed = api("items.update", {"item_id": item["id"], "name": "two"})
    assert changed["name"] == "two"
    found = api(
        "items.search",
        {
            "project_id": project,
            "bbox": [0, 0, 3, 3],
            "datetime": "2024-05-01T00:00:00Z/2024-06-01T00:00:00Z",
        },
    )
    assert [feature["id"] for feature in found["features"]] == [item["id"]]
    assert api("items.search", {"project_id": project, "bbox": [5, 5, 6, 6]})["features"] == []
    assert api("items.delete", {"item_id": item["id"]})["ok"]
    api.problem(404, "items.get", {"item_id": item["id"]})
    api.problem(422, "items.create", {**body, "datetime": "soon"})


def test_notifications(make_sandbox: Callable[..., Sandbox]) -> None:
    with Api(make_sandbox()) as api:
        unread = api("notifications.unread_count")["unread_count"]
        page = api("notifications.list", {"unread_only": True, "limit": 5})
        assert page["total"] == unread > 5
        assert api("notifications.mark_read", {"notification_id": page["notifications"][0]["id"]})["read"]
        assert api("notifications.dismiss", {"notification_id": page["notifications"][1]["id"]})["dismissed"]
        assert api("notifications.mark_all_read")["marked_count"] == unread - 2
        assert api("notifications.unread_count")["unread_count"] == 0


PAGED = [
    ("alerts.events.list", {}),
    ("billing.credits.transactions", {}),
    ("catalog.provider.samples", {"provider": "vhr"}),
    ("clip.jobs.list", {"organization_id": "org-sandbox"}),
    ("items.list", {"project_id": "example-project"}),
    ("items.list_by_collection", {"collection_id": "example-collection"}),
    ("items.search", {"project_id": "example-project"}),
    ("items.search_org", {}),
    ("notifications.list", {}),
    ("processing.project_jobs.list", {"project_id": "example-project"}),
    ("eulas.list", {}),
    ("eulas.documents.list", {"eula_id": "example-eula"}),
    ("glossary.collections.list", {}),
    ("glossary.data_products.list", {}),
    ("glossary.providers.list", {}),
    ("orders.list", {}),
    ("orders.tasking.decisions.pending", {}),
    ("orders.tasking.feasibility_studies.list", {}),
    ("orders.tasking.quotations.list", {}),
    ("processing.jobs.list", {}),
    ("stac.search", {"ids": None, "collections": ["vhr-optical"]}),
]


@pytest.fixture(scope="module")
def filled() -> Iterator[Api]:
    from geopera.sandbox import running

    with running(speed=100) as server, Api(server) as api:
        for _ in range(20):
            api("orders.archive.place", ORDER)
            api("processing.create", {"job_type": "ndvi"})
            api("clip.create_from_item", {"item_id": SCENE})
        yield api


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "body"), PAGED, ids=[operation for operation, _ in PAGED])
def test_every_paging_convention_walks_to_its_end(filled: Api, operation: str, body: dict[str, Any]) -> None:
    from geopera.sandbox.core.records import fields_of
    from geopera.sandbox.wire.contract import Contract

    contract = Contract.load()
    fields = fields_of(contract.operations[operation].input, contract.schemas)
    size_name = "size" if "size" in fields else "limit"
    found: list[str] = []
    for number in range(60):
        place = {"offset": 7 * number} if "offset" in fields else {"page": number}
        reply = filled(operation, {**body, size_name: 7, **place})
        if isinstance(reply, dict):
            (reply,) = [value for name, value in reply.items() if isinstance(value, list) and name != "links"]
        found += [json.dumps(record) for record in reply]
        if len(reply) < 7:
            break
    else:
        raise AssertionError("the pages do not end")
    assert len(found) >= 20
    assert len(set(found)) == len(found)


def test_the_table_of_paged_operations_is_whole() -> None:
    from geopera.sandbox.wire.contract import Contract

    paged = {id_ for id_, one in Contract.load().operations.items() if one.convention}
    assert paged == {operation for operation, _ in PAGED} | {"catalog.search"}
