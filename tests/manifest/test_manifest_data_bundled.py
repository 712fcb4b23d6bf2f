"""The bundled manifest: what is in it, and that it can be made again from itself."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from geopera.manifest import bundled_bytes
from geopera.tracking.check import check_manifest
from geopera.tracking.compile import compile_manifest, dump

DATA = bundled_bytes()
MANIFEST: dict[str, Any] = json.loads(DATA)
OVERLAY: dict[str, Any] = json.loads(bundled_bytes("overlay.json"))
OPERATIONS = MANIFEST["operations"]
SCHEMAS = MANIFEST["schemas"]
RECIPE_ONLY = ("catalog.collections.list", "catalog.hosts.list")
OPEN_BODIES = {
    "billing.topup",
    "catalog.search_stream",
    "clip.create_from_item",
    "orders.archive.place",
    "orders.tasking.place",
    "processing.create",
    "processing.create_and_dispatch",
    "reports.generate",
    "uploads.complete",
}
PAGING = {
    "token": "catalog.search",
    "offset": "alerts.events.list billing.credits.transactions catalog.provider.samples clip.jobs.list "
    "items.list items.list_by_collection items.search items.search_org notifications.list "
    "processing.project_jobs.list",
    "page": "eulas.list eulas.documents.list glossary.collections.list glossary.data_products.list "
    "glossary.providers.list orders.list orders.tasking.decisions.pending "
    "orders.tasking.feasibility_studies.list orders.tasking.quotations.list",
    "search_page": "processing.jobs.list stac.search",
}


def properties(key: str) -> list[str]:
    return list(SCHEMAS[key]["properties"])


def test_head() -> None:
    head = {name: value for name, value in MANIFEST.items() if name not in ("operations", "schemas")}
    assert head == {
        "format": 1,
        "api_version": "2.1.0",
        "base_url": "https://api.geopera.com",
        "path": "/v1/op/{operation_id}",
    }


def test_valid() -> None:
    assert check_manifest(MANIFEST) == []


def test_how_many_operations_of_each_kind() -> None:
    assert len(OPERATIONS) == 229
    assert len({id.split(".")[0] for id in OPERATIONS}) == 28
    assert Counter(op["side_effect"] for op in OPERATIONS.values()) == {
        "read": 133 + 2,
        "compute": 59,
        "external_spend": 17,
        "destructive": 15,
        "share_export": 3,
    }
    assert Counter(op["public"] for op in OPERATIONS.values()) == {False: 202, True: 27}


def test_what_spends_and_nothing_else_takes_a_key() -> None:
    spending = {id for id, op in OPERATIONS.items() if op["side_effect"] == "external_spend"}
    assert {id for id, op in OPERATIONS.items() if op["idempotent"]} == spending
    assert {"billing.topup", "orders.archive.place", "orders.cancel", "processing.create"} <= spending


def test_success_statuses() -> None:
    other = {id: op["success_status"] for id, op in OPERATIONS.items() if op["success_status"] != 200}
    assert other == {
        "billing.topup": 201,
        "processing.create": 201,
        "orders.archive.place": 202,
        "orders.tasking.place": 202,
    }


def test_media_types() -> None:
    other = {id: op["media_type"] for id, op in OPERATIONS.items() if op["media_type"] != "application/json"}
    assert other == {
        "catalog.search_stream": "text/event-stream",
        "catalog.tile.render": "image/webp",
        "clip.job.download": "image/tiff",
        "cog.thumbnail": "image/jpeg",
        "cog.tile.render": "image/webp",
        "cog.tile.terrain": "image/webp",
        "items.tile.render": "image/webp",
        "items.tile.wmts_capabilities": "application/xml",
        "items.tile.wmts_get_tile": "image/webp",
        "reports.generate": "application/octet-stream",
        "share.tile.render": "image/png",
    }


def test_paging_conventions() -> None:
    found: dict[str, set[str]] = {name: set() for name in PAGING}
    for id, op in OPERATIONS.items():
        if op["paging"]:
            found[op["paging"]["convention"]].add(id)
    assert found == {name: set(ids.split()) for name, ids in PAGING.items()}


def test_paging_records() -> None:
    records = {id: op["paging"]["records"] for id, op in OPERATIONS.items() if op["paging"]}
    known = {id: field for id, field in records.items() if field}
    assert known == dict.fromkeys(
        ("catalog.search", "stac.search", "items.search", "items.search_org"), "features"
    )


def test_polling() -> None:
    job = {"state": "status", "success": ["succeeded"], "failure": ["failed", "cancelled"]}
    assert {id: op["polling"] for id, op in OPERATIONS.items() if op["polling"]} == {
        "orders.get": {"state": "status", "success": ["fulfilled"], "failure": ["failed", "cancelled"]},
        "processing.job.get": job,
        "processing.project_job.get": job,
        "clip.job.get": job,
    }


def test_summaries_are_ours_short_and_different() -> None:
    summaries = [op["summary"] for op in OPERATIONS.values()]
    assert summaries == [OVERLAY["operations"][id]["summary"] for id in OPERATIONS]
    assert len(set(summaries)) == len(summaries)
    for summary in summaries:
        assert 8 <= len(summary) <= 90
        assert summary.isprintable()
        assert summary[0].isupper()
        assert not summary.endswith(".")


def test_open_bodies() -> None:
    body = {"anyOf": [{"type": "object"}, {"type": "null"}]}
    opened = {id: op["input"]["anyOf"][0] for id, op in OPERATIONS.items() if "anyOf" in op["input"]}
    assert set(opened) == OPEN_BODIES
    assert OPERATIONS["reports.generate"]["input"] == body
    # The others know fields, and stay open.
    known = {id: list(schema["properties"]) for id, schema in opened.items() if "properties" in schema}
    assert set(known) == OPEN_BODIES - {"reports.generate"}
    assert all(opened[id]["additionalProperties"] is True for id in known)
    assert known["orders.archive.place"] == ["collection", "item_ids", "delivery"]
    search = SCHEMAS["CatalogSearchInput"]["properties"]
    assert opened["catalog.search_stream"]["properties"] == search
    optional = {id for id, op in OPERATIONS.items() if not op["body_required"]}
    assert optional == OPEN_BODIES | set(RECIPE_ONLY)


@pytest.mark.parametrize("id", RECIPE_ONLY)
def test_operations_that_only_the_recipes_name(id: str) -> None:
    operation = OPERATIONS[id]
    assert operation["input"] == {"additionalProperties": True, "type": "object"}
    assert operation["output"] == {}
    assert (operation["side_effect"], operation["scope"]) == ("read", "catalog:read")
    assert operation["errors"] == OPERATIONS["catalog.search"]["errors"]


def test_search_has_typed_features() -> None:
    assert OPERATIONS["catalog.search"]["output"] == {"$ref": "#/schemas/CatalogSearchOutput"}
    output = SCHEMAS["CatalogSearchOutput"]
    assert output["properties"]["features"]["items"] == {"$ref": "#/schemas/StacFeature"}
    assert "required" not in output  # users of the generated SDK construct it without arguments
    assert {"features", "next", "type"} == set(output["properties"])
    feature = SCHEMAS["StacFeature"]
    assert {"id", "geometry", "bbox", "properties", "assets", "links", "collection"} <= set(
        feature["properties"]
    )
    assert output["additionalProperties"] is feature["additionalProperties"] is True
    assert OPERATIONS["catalog.search_stream"]["output"] == {"$ref": "#/schemas/StacFeature"}


def test_both_spellings_of_automatic_top_up() -> None:
    given = SCHEMAS["SetAutoTopupInput"]
    assert given["required"] == ["enabled"]
    assert {"threshold_credits", "topup_amount_credits", "daily_charge_cap_aud"} < set(given["properties"])
    assert {"threshold", "amount", "currency"} < set(given["properties"])
    assert SCHEMAS["SetAutoTopupOutput"]["required"] == ["enabled"]


def test_cloud_query_keeps_its_wire_names() -> None:
    from geopera._names import python_name

    assert sorted(SCHEMAS["CloudQuery"]["properties"]) == ["GT", "GTE", "LT", "LTE"]
    assert python_name("LT") == "lt"


def test_list_of_subscriptions() -> None:
    assert OPERATIONS["event_subscriptions.list"]["output"] == {"$ref": "#/schemas/ListSubscriptionsOutput"}
    output = SCHEMAS["ListSubscriptionsOutput"]
    assert output["properties"]["subscriptions"]["type"] == "array"
    assert output["required"] == ["subscriptions"]


def test_names_that_look_alike_stay_apart() -> None:
    lists = [key for key in SCHEMAS if key.endswith("__CollectionsListInput")]
    assert len(lists) == 3
    refs = {
        OPERATIONS[id]["input"]["$ref"]
        for id in ("collections.list", "glossary.collections.list", "stac.collections.list")
    }
    assert refs == {f"#/schemas/{key}" for key in lists}
    assert {"BaseModel", "ValidationError", "_Empty", "_Area"} <= set(SCHEMAS)
    assert "totalAud" in properties("TaskingEstimateOutput")
    assert "total_aud" in properties("ArchiveEstimateOutput")


def test_errors() -> None:
    assert SCHEMAS["Problem"]["additionalProperties"] is True
    for operation in OPERATIONS.values():
        assert operation["errors"]["422"] == "HTTPValidationError"
        assert {operation["errors"][status] for status in ("401", "403", "404", "500")} == {"Problem"}


def test_properties_come_required_first_and_then_in_the_known_order() -> None:
    for key, schema in SCHEMAS.items():
        required = schema.get("required", [])
        assert set(properties(key) if required else []) >= set(required), key
        if required:
            assert set(properties(key)[: len(required)]) == set(required), key
    assert properties("CatalogSearchInput")[:4] == ["host_name", "collections", "ids", "datetime"]
    assert properties("CreateSubscriptionInput")[:2] == ["event_type", "endpoint_url"]


def test_layout_is_one_entry_a_line() -> None:
    lines = DATA.decode("ascii").split("\n")
    assert len(lines) == len(OPERATIONS) + len(SCHEMAS) + 11
    start = lines.index('"operations": {') + 1
    ids = [json.loads("{" + line.rstrip(",") + "}") for line in lines[start : start + len(OPERATIONS)]]
    assert [next(iter(entry)) for entry in ids] == sorted(OPERATIONS)
    assert list(SCHEMAS) == sorted(SCHEMAS)


@pytest.mark.slow
@pytest.mark.parametrize("with_base", [False, True])
def test_made_again_from_itself(with_base: bool) -> None:
    again = compile_manifest(MANIFEST, overlay=OVERLAY, base=MANIFEST if with_base else None)
    assert dump(again) == DATA


def test_overlay_says_nothing_about_what_is_not_there() -> None:
    assert set(OVERLAY["operations"]) == set(OPERATIONS)
    assert set(OVERLAY["extra_operations"]) == set(RECIPE_ONLY)
    assert set(OVERLAY["schema_patches"]) | set(OVERLAY["extra_schemas"]) <= set(SCHEMAS)
    for key, names in OVERLAY["field_order"].items():
        assert set(names) == set(properties(key)), key
