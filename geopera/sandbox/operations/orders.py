"""Orders: estimates, placement, tracking, cancellation."""

from __future__ import annotations

import json
from sqlite3 import Row
from typing import Any

from ..catalogue.geometry import parse_geometry
from ..core.registry import Call, handles, is_example
from ..wire.problems import unprocessable
from ..work.ledger import PRICES
from ..work.progress import accept, check_items, describe, fetch, page, status_of, stop, texts, words

_FAMILY = ("order",)


@handles("orders.archive.place")
def place_archive(call: Call) -> dict[str, Any]:
    body = call.body
    collection = body.get("collection")
    if not isinstance(collection, str) or not collection:
        raise unprocessable("collection is needed: the id of the collection of the items.")
    if call.state.catalogue.find_collection(collection) is None:
        raise unprocessable(f"Unknown collection {collection!r}.")
    item_ids = texts(body.get("item_ids"), "item_ids")
    delivery = body.get("delivery")
    if delivery is not None and not isinstance(delivery, dict):
        raise unprocessable("delivery is an object.")
    fails = check_items(call, item_ids, collection)
    _check_geometries(body, "order")
    return describe(accept(call, "order", "archive", body, units=len(item_ids), fails=fails), call.now)


@handles("orders.tasking.place")
def place_tasking(call: Call) -> dict[str, Any]:
    groups = _groups(call.body)
    if not groups:
        raise unprocessable("groups is needed: at least one.")
    for number, group in enumerate(groups):
        _check_geometries(group, f"groups[{number}]")
    fails = "fail" in json.dumps(groups)
    return describe(accept(call, "order", "tasking", call.body, units=len(groups), fails=fails), call.now)


@handles("orders.place")
def place(call: Call) -> dict[str, Any]:
    body = call.body
    _check_features(body.get("featureCollection"))
    fails = "fail" in body["dataProduct"]
    row = accept(
        call, "order", "order", body, fails=fails, project=body["workspaceId"], tags=body.get("tags")
    )
    seen = describe(row, call.now)
    return {**seen, "orderId": seen["id"], "results": [seen], "errors": []}


@handles("orders.tasking.estimate")
def estimate_tasking(call: Call) -> dict[str, Any]:
    price = PRICES["tasking"]
    groups = _groups(call.body)
    return {
        "groups": [{"index": i, "credits": price, "aud": price / 100} for i in range(len(groups))],
        "totalCredits": price * len(groups),
        "totalAud": price * len(groups) / 100,
        "errors": [],
    }


@handles("orders.archive.estimate")
def estimate_archive(call: Call) -> dict[str, Any]:
    price = PRICES["archive"]
    captures = call.body.get("captures") or []
    return {
        "groups": [{"index": i, "credits": price, "aud": price / 100} for i in range(len(captures))],
        "total_credits": price * len(captures),
        "total_aud": price * len(captures) / 100,
        "errors": [],
    }


@handles("orders.estimate")
def estimate(call: Call) -> dict[str, Any]:
    price = PRICES["order"]
    return {
        "results": [{"index": 0, "credits": price}],
        "totalCredits": price,
        "totalAud": price / 100,
        "errors": [],
    }


@handles("orders.get")
def get(call: Call) -> dict[str, Any]:
    id_ = call.body["order_id"]
    if is_example(id_):
        return {"id": id_, "status": "fulfilled", "type": "archive", "organization_id": call.organisation}
    return describe(fetch(call, id_, _FAMILY, "order"), call.now)


@handles("orders.list")
def list_orders(call: Call) -> Any:
    body = call.body
    statuses, tags = set(words(body.get("status"))), set(words(body.get("tags")))
    only = {
        "id": words(body.get("orderIds")),
        "kind": [word.lower() for word in words(body.get("type"))],
        "project": words(body.get("workspaceId")),
    }

    def keep(row: Row) -> bool:
        return (not statuses or status_of(row, call.now) in statuses) and (
            not tags or bool(tags & set(json.loads(row["tags"] or "[]")))
        )

    return page(call, "order", "orders", only, keep if statuses or tags else None)


@handles("orders.cancel")
def cancel(call: Call) -> dict[str, Any]:
    id_ = call.body["order_id"]
    if is_example(id_):
        return {"orderId": id_, "id": id_, "status": "cancelled"}
    row = fetch(call, id_, _FAMILY, "order")
    return {"orderId": id_, "id": id_, "status": stop(call, row), "refunded_credits": row["credits"]}


@handles("orders.update")
def update(call: Call) -> dict[str, Any]:
    id_ = call.body["order_id"]
    if is_example(id_):
        return {"id": id_, "status": "fulfilled", "tags": call.body.get("tags") or []}
    row = fetch(call, id_, _FAMILY, "order")
    tags = call.body.get("tags")
    if tags is not None:
        call.state.store.run("UPDATE work SET tags = ? WHERE id = ?", json.dumps(tags), row["id"])
    return describe(fetch(call, id_, _FAMILY, "order"), call.now)


@handles("orders.list_assets")
def list_assets(call: Call) -> Any:
    id_ = call.body["order_id"]
    if is_example(id_):
        assets = [{"item_id": "example-item", "asset_id": "example-asset", "type": "image/tiff"}]
    else:
        assets = describe(fetch(call, id_, _FAMILY, "order"), call.now).get("assets", [])
    return {call.operation.records or "assets": assets}


def _check_geometries(body: dict[str, Any], where: str) -> None:
    """Raises a 422 problem for an area that is not a geometry in degrees, before anything is paid."""
    for name in ("geometry", "aoi_geometry", "aoi"):
        if name in body:
            parse_geometry(body[name], f"{where}.{name}")


def _check_features(collection: Any) -> None:
    if not collection:
        return
    features = collection.get("features")
    if collection.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise unprocessable("featureCollection is a GeoJSON FeatureCollection.")
    for number, feature in enumerate(features):
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        parse_geometry(geometry, f"featureCollection.features[{number}].geometry")


def _groups(body: dict[str, Any]) -> list[Any]:
    groups = body.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise unprocessable("groups is a list of objects.")
    return groups
