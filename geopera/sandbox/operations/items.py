"""The organisation's own items: reading, searching, making, deleting, and signed downloads."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..catalogue import filters
from ..catalogue.geometry import Box, any_touch, parse_box, parse_geometry
from ..catalogue.scenes import stamp_of
from ..core.records import generic, listing, window
from ..core.registry import Call, handles, is_example
from ..core.state import new_id
from ..wire.problems import ProblemError, not_found
from ..wire.times import parse_datetime, parse_interval
from .files import signed_url

Item = dict[str, Any]
_SHOWN = ("name", "description", "cloud_cover", "gsd", "type", "created_at", "updated_at")


@handles("items.list", "items.list_by_collection")
def list_items(call: Call) -> Any:
    body = call.body
    items = _all(call, project=body.get("project_id"))
    collection = body.get("collection_id")
    if collection is not None:
        items = [item for item in items if item.get("collection_id") == collection]
    elif body.get("uncollected"):
        items = [item for item in items if item.get("collection_id") is None]
    start, size = window(call)
    return listing(call, "items", items[start : start + size], len(items))


@handles("items.search", "items.search_org")
def search(call: Call) -> dict[str, Any]:
    body = call.body
    tests: list[Callable[[Item], bool]] = []
    if body.get("bbox") is not None:
        boxes = parse_box(body["bbox"])
        tests.append(lambda item: any_touch(boxes, _boxes(item)))
    if body.get("collections") is not None:
        wanted = set(body["collections"])
        tests.append(lambda item: item.get("collection_id") in wanted)
    if body.get("type") is not None:
        tests.append(lambda item: item["type"] == body["type"])
    begin, end = parse_interval(body.get("datetime"))
    if begin or end:

        def in_time(item: Item) -> bool:
            if not item.get("datetime"):
                return False
            when = datetime.fromisoformat(item["datetime"])
            return (begin is None or when >= begin) and (end is None or when <= end)

        tests.append(in_time)
    queries = filters.query_tests(body.get("query"))
    items = [item for item in _all(call, project=body.get("project_id")) if all(test(item) for test in tests)]
    features = [_feature(item) for item in items]
    features = [one for one in features if all(test(one) for test in queries)]
    features = filters.sort(features, body.get("sortby"), lambda one: one)
    start, size = window(call)
    return {
        "type": "FeatureCollection",
        "features": features[start : start + size],
        "numberMatched": len(features),
    }


@handles("items.get")
def get(call: Call) -> Any:
    return {"item": _one(call)}


@handles("items.get_stac")
def get_stac(call: Call) -> Any:
    return _feature(_one(call))


@handles("items.create")
def create(call: Call) -> Any:
    body = call.body
    _check_project(call, body["project_id"])
    id_ = new_id("item")
    now = stamp_of(call.now)
    if body.get("bbox") is not None:
        parse_box(body["bbox"])
    if body.get("geometry") is not None:
        parse_geometry(body["geometry"], "geometry")
    kept = {key: value for key, value in body.items() if value is not None}
    item = {
        "stac_id": id_,
        "properties": {},
        "lifecycle_state": "active",
        **kept,
        "id": id_,
        "created_at": now,
        "updated_at": now,
    }
    _check_datetimes(item)
    call.state.store.run(
        "INSERT INTO records (kind, id, organisation, parent, body, created) VALUES ('item', ?, ?, ?, ?, ?)",
        id_,
        call.organisation,
        body["project_id"],
        json.dumps(item),
        call.now,
    )
    return item


@handles("items.update")
def update(call: Call) -> Any:
    if is_example(call.body["item_id"]):
        return generic(call)
    item = _one(call)
    changes = {key: value for key, value in call.body.items() if key != "item_id" and value is not None}
    item = {**item, **changes, "updated_at": stamp_of(call.now)}
    _check_datetimes(item)
    call.state.store.run(
        "UPDATE records SET body = ? WHERE kind = 'item' AND id = ?", json.dumps(item), item["id"]
    )
    return item


@handles("items.delete")
def delete(call: Call) -> Any:
    id_ = call.body["item_id"]
    if not is_example(id_):
        _one(call)
        call.state.store.run("DELETE FROM records WHERE kind = 'item' AND id = ?", id_)
    return {"id": id_, "ok": True}


@handles("items.list_assets")
def list_assets(call: Call) -> Any:
    item = _one(call)
    assets = [{"id": "data", "key": "data", "item_id": item["id"], "type": "image/tiff"}]
    return {call.operation.records or "assets": assets}


@handles("items.asset.download")
def download(call: Call) -> dict[str, Any]:
    """A signed URL on the other name of this host; valid for an hour, without a token."""
    item, asset = call.body["item_id"], call.body["asset_id"]
    if item not in call.state.catalogue.by_id:
        _one(call)
    return signed_url(call, f"{item}/{asset}.tif")


def _one(call: Call) -> Item:
    id_ = call.body["item_id"]
    if is_example(id_):
        when = "2024-01-15T00:02:41Z"
        return {
            "id": id_,
            "project_id": "example-project",
            "stac_id": id_,
            "type": "satellite_capture",
            "name": "Example",
            "created_at": when,
            "updated_at": when,
            "datetime": when,
        }
    row = call.state.store.one(
        "SELECT body FROM records WHERE kind = 'item' AND id = ? AND organisation = ?", id_, call.organisation
    )
    if row is None:
        raise not_found("item", id_)
    item: Item = json.loads(row["body"])
    return item


def _boxes(item: Item) -> list[Box]:
    """The boxes of an item: two where it crosses the antimeridian, none without a usable geometry."""
    try:
        if item.get("bbox"):
            return parse_box(item["bbox"])
        return [parse_geometry(item["geometry"]).box] if item.get("geometry") else []
    except ProblemError:
        return []


def _all(call: Call, *, project: str | None = None) -> list[Item]:
    sql, values = "SELECT body FROM records WHERE kind = 'item' AND organisation = ?", [call.organisation]
    if project is not None:
        _check_project(call, project)
        sql += " AND parent = ?"
        values.append(project)
    return [json.loads(row["body"]) for row in call.state.store.all(sql + " ORDER BY seq", *values)]


def _check_project(call: Call, id_: str) -> None:
    if is_example(id_):
        return
    names = (id_, f"{id_}@{call.organisation}")
    if not call.state.store.one(
        "SELECT 1 FROM records WHERE kind = 'project' AND organisation = ? AND id IN (?, ?)",
        call.organisation,
        *names,
    ):
        raise not_found("project", id_)


def _check_datetimes(item: Item) -> None:
    for name in ("datetime", "start_datetime", "end_datetime"):
        if item.get(name) is not None:
            item[name] = parse_datetime(item[name], name).isoformat().replace("+00:00", "Z")


def _feature(item: Item) -> Item:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item["id"],
        "collection": item.get("collection_id"),
        "geometry": item.get("geometry"),
        "bbox": item.get("bbox"),
        "properties": {
            "datetime": item.get("datetime"),
            **{name: item[name] for name in _SHOWN if item.get(name) is not None},
            **item.get("properties", {}),
        },
        "assets": {},
        "links": [],
    }
