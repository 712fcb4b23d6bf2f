"""Code that is right: both checkers accept every line. It is checked, not run."""

import asyncio
import datetime as dt
import itertools
import os
import time
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_type

from geopera.models.catalog_search_input import CatalogSearchInput as Deep

from geopera import AsyncGeopera, AuthenticatedClient, Geopera
from geopera.api.operations import catalog_search
from geopera.bodies import CatalogSearchInputDict
from geopera.errors import ConflictError, GeoperaError
from geopera.models import (
    CatalogSearchInput,
    CatalogSearchOutput,
    HTTPValidationError,
    Problem,
    StacFeature,
    TaskingEstimateOutput,
)
from geopera.types import UNSET, Content, JSONObject, Response

AOI = [151.2, -33.9, 151.3, -33.8]
ENDS = {"fulfilled", "failed", "cancelled"}

client = Geopera(token=os.environ["GEOPERA_API_TOKEN"], timeout=30.0, max_retries=2)

# Searching, page by page.
found = client.catalog.search(
    {
        "host_name": "earthsearch-aws",
        "collections": ["sentinel-2-l2a"],
        "bbox": [151.2, -33.9, 151.3, -33.8],
        "datetime_": "2024-02-01T00:00:00Z/2024-02-29T23:59:59Z",
        "query": {"eo:cloud_cover": {"lt": 15}},
        "limit": 50,
    }
)
assert_type(found, CatalogSearchOutput)
for scene in found.features:
    assert_type(scene, StacFeature)
    print(scene.id, scene.properties, scene["id"], scene.get("eo:cloud_cover"))

question = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "bbox": AOI, "limit": 100}
scenes = []
while True:
    page = client.catalog.search(question)
    scenes.extend(page.features)
    if not page.next_:
        break
    question = {**question, "next_": page.next_}

# Tasking, ordering, processing.
wish = {
    "sensor": "optical-vhr",
    "geometry": {"type": "Polygon", "coordinates": [[[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]]},
    "max_cloud_cover": 20,
}
assert_type(client.orders.tasking.estimate({"groups": [wish]}), TaskingEstimateOutput)
order = client.orders.archive.place(
    {"collection": "sentinel-2-l2a", "item_ids": [scenes[0].id], "delivery": {"format": "geotiff"}},
    idempotency_key=str(uuid.uuid4()),
)
order_id = order["id"]
while client.orders.get({"order_id": order_id})["status"] not in ENDS:
    time.sleep(5)
job = client.processing.create({"job_type": "ndvi", "inputs": {...}})
for pause in itertools.chain([2, 4, 8], itertools.repeat(15)):
    state = client.processing.job.get({"job_id": job["id"]})
    if state["status"] in {"succeeded", "failed"}:
        print(state.get("error"))
        break
    time.sleep(pause)

# Money and events.
client.billing.topup({"amount": 5000, "currency": "usd"}, idempotency_key=str(uuid.uuid4()))
client.billing.set_auto_topup({"enabled": True, "threshold": 500, "amount": 2500, "currency": "usd"})
client.billing.set_auto_topup({"enabled": True, "threshold_credits": 500, "topup_amount_credits": 2500})
client.billing.credits.balance({})
client.billing.credits.balance()
subscription = client.event_subscriptions.create(
    {
        "event_type": "order.fulfilled",
        "endpoint_url": "https://example.com/hook",
        "description": "ours",
        "filter_config": {"collection": "sentinel-2-l2a"},
        "headers": {"X-Team": "maps"},
    }
)
client.event_subscriptions.test({"subscription_id": subscription.id})
for each in client.event_subscriptions.list({}).subscriptions:
    print(each.id, each.event_type, each.endpoint_url)

# Other ways to give a body.
client.catalog.search(CatalogSearchInput(host_name="earthsearch-aws", limit=5))
client.catalog.search(Deep(host_name="earthsearch-aws", next_=UNSET))
client.catalog.search({"host_name": "earthsearch-aws", "next_": UNSET})
client.catalog.search(host_name="earthsearch-aws", limit=UNSET)
client.catalog.search(host_name="earthsearch-aws", limit=5, bbox=(1, 2.5, Decimal(3), 4), ids={"a"})
client.catalog.search(host_name="earthsearch-aws", datetime_=(dt.date(2024, 1, 1), dt.datetime(2024, 2, 1)))
client.catalog.search({"host_name": "earthsearch-aws", "datetime": "2024-01-01T00:00:00Z", "next": "abc"})
annotated: CatalogSearchInputDict = {"host_name": "earthsearch-aws", "limit": 3}
client.catalog.search(annotated)
client.with_options(timeout=5, max_retries=0).orders.get(order_id=uuid.uuid4())


def with_named_dicts(loose: dict[str, Any], any_mapping: Mapping[str, Any], text: dict[str, str]) -> None:
    client.catalog.search(loose)
    client.catalog.search({**loose, "limit": 5})
    assert_type(client.catalog.search(any_mapping), CatalogSearchOutput)
    assert_type(client.catalog.search(text), CatalogSearchOutput)


# Whole responses, pages, waits, many at once, an operation that no manifest knows.
whole = client.catalog.search(host_name="earthsearch-aws", detailed=True)
assert_type(whole, Response[CatalogSearchOutput])
for one_page in client.catalog.search.pages(host_name="earthsearch-aws", max_items=500):
    assert_type(one_page, CatalogSearchOutput)
for one_scene in client.catalog.search.iter({"host_name": "earthsearch-aws"}, progress=True):
    assert_type(one_scene, StacFeature)
client.orders.get.wait(order_id=order_id, timeout=600, raise_on_failure=True)
client.orders.get.wait({"order_id": order_id}, until=lambda answer: answer["status"] == "tasked")
assert_type(client.billing.credits.balance.wait(until=lambda balance: balance["credits"] > 0), JSONObject)
for streamed in client.catalog.search_stream({"host_name": "earthsearch-aws"}):
    assert_type(streamed, StacFeature)
assert_type(client.catalog.search_stream(host_name="a", detailed=True), Response[list[StacFeature]])
client.items.asset.download.download({"item_id": "a", "asset_id": "b"}, "folder/", existing="skip")
client.items.asset.download.download(item_id="a", asset_id="b", to="folder/")
client.items.asset.download.download_many([{"item_id": "a", "asset_id": "b"}], "folder/", concurrency=2)
client.uploads.initiate.upload("image.tif", {"project_id": "p"}, progress=True)
print(client.orders.archive.place.preview({"collection": "c"}, estimate=True).estimate)
for result in client.map("catalog.search", [{"host_name": "a"}, {"host_name": "b"}], concurrency=2):
    assert_type(result, Any)
client.invoke("some.new.op", {"a": 1})
assert_type(client.reports.generate({"kind": "usage"}), Content)
client.refresh_manifest(dry_run=True).diff.text()

# Errors.
try:
    client.catalog.search({"host_name": "earthsearch-aws", "limit": 5})
except ConflictError as conflict:
    print(conflict.idempotency_key, conflict.retry_after)
except GeoperaError as exc:
    if isinstance(exc.error, Problem):
        print(exc.error.title, exc.error.detail, exc.error["client_secret"])
    elif isinstance(exc.error, HTTPValidationError):
        print(exc.error.detail)
    else:
        raise

# The low-level functions.
low = AuthenticatedClient(base_url="https://api.example.com", token="gpra_...")
body = CatalogSearchInput(host_name="earthsearch-aws", collections=["sentinel-2-l2a"], limit=10)
parsed = catalog_search.sync(client=low, body=body)
assert_type(parsed, CatalogSearchOutput | Problem | HTTPValidationError | None)
detailed = catalog_search.sync_detailed(client=client.client, body=body)
if detailed.status_code == 200:
    print(detailed.parsed)
elif isinstance(detailed.parsed, Problem):
    print(detailed.parsed.title, detailed.parsed.detail)


async def main() -> None:
    async with AuthenticatedClient(base_url="https://api.example.com", token="gpra_...") as connection:
        response = await catalog_search.asyncio_detailed(client=connection, body=body)
        print(response.status_code, response.parsed)
    async with AsyncGeopera() as geopera:
        assert_type(await geopera.catalog.search({"host_name": "earthsearch-aws"}), CatalogSearchOutput)
        assert_type(await geopera.catalog.search(host_name="earthsearch-aws"), CatalogSearchOutput)
        print((await geopera.orders.get({"order_id": "x"}))["status"])
        async for scene in geopera.catalog.search.iter(host_name="earthsearch-aws"):
            assert_type(scene, StacFeature)
        async for answer in geopera.map("catalog.search", [{"host_name": "a"}]):
            assert_type(answer, Any)
        await geopera.orders.get.wait(order_id="x")
        await geopera.orders.get.wait({"order_id": "x"}, until=lambda order: order["status"] == "tasked")
        assert_type(await geopera.catalog.search(host_name="a", detailed=True), Response[CatalogSearchOutput])
        await geopera.items.asset.download.download(item_id="a", asset_id="b", to="folder/")
        await geopera.orders.archive.place.preview({"collection": "c"}).send()
        print((await geopera.orders.archive.place.preview({"collection": "c"}, estimate=True)).estimate)


asyncio.run(main())
