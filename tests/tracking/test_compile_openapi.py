"""OpenAPI documents: what is read from them, and what is kept that they do not say."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from geopera.errors import ManifestError
from geopera.manifest import bundled_bytes
from geopera.tracking._components import LeftOut
from geopera.tracking.check import check_manifest
from geopera.tracking.compile import compile_manifest, dump

BUNDLED: dict[str, Any] = json.loads(bundled_bytes())
OVERLAY: dict[str, Any] = json.loads(bundled_bytes("overlay.json"))
NO_OVERLAY: dict[str, Any] = {}


def json_content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def nested(depth: int) -> dict[str, Any]:
    return {"not": nested(depth - 1)} if depth else {}


def reference(key: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{key}"}


def document(**operations: dict[str, Any]) -> dict[str, Any]:
    """A document in the manner of common generators; `operations` by id, dots written as two underscores."""
    paths: dict[str, Any] = {"/healthz": {"get": {"responses": {}}}, "/v1/op/{operation_id}": {"post": {}}}
    for name, operation in operations.items():
        paths["/v1/op/" + name.replace("__", ".")] = {"post": operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "An API", "version": "2.2.0"},
        "servers": [{"url": "https://elsewhere.example"}],
        "paths": paths,
        "components": {
            "schemas": {
                "TideInput": {
                    "title": "TideInput",
                    "description": "Where and when.",
                    "type": "object",
                    "properties": {
                        "limit": {"type": "integer", "default": 10, "maximum": 50.0, "title": "Limit"},
                        "station": {"type": "string", "description": "A station.", "examples": ["A"]},
                        "offset": {"type": "integer", "default": 0},
                        "near": reference("Point"),
                    },
                    "required": ["station"],
                },
                "Point": {"type": "object", "properties": {"title": {"type": "string"}, "x": True}},
                "Unused": {"type": "object", "properties": {"ref": {"$ref": "https://elsewhere.example/x"}}},
            }
        },
    }


def tide(**more: Any) -> dict[str, Any]:
    return {
        "summary": "Look up tides.\nWith more words",
        "x-required-scope": "tides:read",
        "requestBody": {"required": True, **json_content(reference("TideInput"))},
        "responses": {"200": {"description": "Fine", **json_content({})}},
        **more,
    }


def compiled(doc: dict[str, Any], **options: Any) -> dict[str, Any]:
    manifest = compile_manifest(doc, overlay=options.pop("overlay", NO_OVERLAY), **options)
    assert check_manifest(manifest) == []
    return manifest


def test_a_new_operation_of_which_little_is_known() -> None:
    manifest = compiled(document(tides__stations__list=tide()))
    assert manifest["api_version"] == "2.2.0"
    assert manifest["base_url"] == "https://api.geopera.com"
    assert manifest["operations"] == {
        "tides.stations.list": {
            "body_required": True,
            "errors": {},
            "idempotent": False,
            "input": {"$ref": "#/schemas/TideInput"},
            "media_type": "application/json",
            "output": {},
            "paging": {"convention": "offset", "records": None},
            "polling": None,
            "produces": [],
            "public": False,
            "scope": "tides:read",
            "side_effect": None,
            "success_status": 200,
            "summary": "Look up tides",
        }
    }
    assert manifest["schemas"] == {
        "Point": {"properties": {"title": {"type": "string"}, "x": {}}, "type": "object"},
        "TideInput": {
            "properties": {
                "station": {"type": "string"},
                "limit": {"default": 10, "maximum": 50, "type": "integer"},
                "offset": {"default": 0, "type": "integer"},
                "near": {"$ref": "#/schemas/Point"},
            },
            "required": ["station"],
            "type": "object",
        },
    }
    assert list(manifest["schemas"]["TideInput"]["properties"]) == ["station", "limit", "offset", "near"]


def test_extensions() -> None:
    operation = compiled(
        document(
            tides__chart=tide(
                **{
                    "x-side-effect": "read",
                    "x-public": True,
                    "x-produces": ["chart"],
                    "x-output-media-type": "image/PNG; charset=binary",
                    "x-raw-response": True,
                }
            )
        )
    )["operations"]["tides.chart"]
    assert operation["side_effect"] == "read"
    assert operation["public"] is True
    assert operation["produces"] == ["chart"]
    assert operation["media_type"] == "image/png"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"x-side-effect": "external_spend"}, True),
        ({"x-side-effect": "compute"}, False),
        ({"parameters": [{"in": "header", "name": "idempotency-key", "schema": {}}]}, True),
        ({"parameters": [{"in": "query", "name": "Idempotency-Key", "schema": {}}]}, False),
        ({"parameters": [{"$ref": "#/components/parameters/Key"}]}, True),
    ],
)
def test_keys(more: dict[str, Any], expected: bool) -> None:
    doc = document(tides__order=tide(**more))
    doc["components"]["parameters"] = {"Key": {"in": "header", "name": "Idempotency-Key"}}
    assert compiled(doc)["operations"]["tides.order"]["idempotent"] is expected


def test_an_unknown_side_effect_is_no_promise() -> None:
    doc = document(catalog__search=tide(**{"x-side-effect": "probably_fine"}))
    assert compiled(doc, base=BUNDLED)["operations"]["catalog.search"]["side_effect"] is None


@pytest.mark.parametrize(("security", "public"), [([], True), ([{"bearer": []}], False), (None, False)])
def test_public_by_empty_security(security: Any, public: bool) -> None:
    more = {} if security is None else {"security": security}
    manifest = compiled(document(tides__free=tide(**more), catalog__search=tide(security=[])), base=BUNDLED)
    assert manifest["operations"]["tides.free"]["public"] is public
    assert manifest["operations"]["catalog.search"]["public"] is False  # the base knows better than a guess


def test_responses_inline_shared_and_of_other_kinds() -> None:
    doc = document(
        tides__place=tide(
            responses={
                "default": {"description": "?"},
                "4XX": {"description": "?"},
                "202": json_content(
                    {"type": "object", "title": "X", "properties": {"id": {"type": "string"}}}
                ),
                "422": {"$ref": "#/components/responses/Bad"},
                "500": {"content": {"application/problem+json": {"schema": reference("Point")}}},
            }
        ),
        tides__chart=tide(responses={"200": {"content": {"image/png": {}}}}),
        tides__open={"responses": {"201": {"description": "Nothing"}}},
    )
    doc["components"]["responses"] = {"Bad": json_content(reference("Point"))}
    operations = compiled(doc)["operations"]
    placed = operations["tides.place"]
    assert placed["success_status"] == 202
    assert placed["output"] == {"properties": {"id": {"type": "string"}}, "type": "object"}
    assert placed["errors"] == {"422": "Point", "500": "Point"}
    assert operations["tides.chart"]["media_type"] == "image/png"
    assert operations["tides.open"]["success_status"] == 201
    assert operations["tides.open"]["input"] == {"anyOf": [{"type": "object"}, {"type": "null"}]}
    assert operations["tides.open"]["body_required"] is False
    assert operations["tides.open"]["summary"] == "Tides open"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Look up tides.  ", "Look up tides"),
        ("\x1b[31mRed\x07 \u202eline\n<script>", "[31mRed line"),
        ("word " * 100, "word " * 17 + "word…"),
        ("\n\n", "Tides get"),
    ],
)
def test_summary_is_one_printable_line(text: str, expected: str) -> None:
    assert compiled(document(tides__get=tide(summary=text)))["operations"]["tides.get"]["summary"] == expected


def published(manifest: dict[str, Any]) -> dict[str, Any]:
    """A document like the published one: ids, schemas, scopes and statuses, without anything else."""

    def outward(value: Any) -> Any:
        text = json.dumps(value, sort_keys=True).replace('"#/schemas/', '"#/components/schemas/')
        return json.loads(text)

    paths = {}
    for id, op in manifest["operations"].items():
        if id in OVERLAY["extra_operations"]:
            continue
        paths[f"/v1/op/{id}"] = {
            "post": {
                "operationId": id,
                "x-required-scope": op["scope"],
                "requestBody": {"required": op["body_required"], **json_content(outward(op["input"]))},
                "responses": {
                    str(op["success_status"]): json_content(outward(op["output"])),
                    **{status: json_content(reference(key)) for status, key in op["errors"].items()},
                },
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"version": manifest["api_version"]},
        "paths": paths,
        "components": {"schemas": outward(manifest["schemas"])},
    }


@pytest.mark.slow
def test_a_bare_document_loses_nothing_that_is_known() -> None:
    assert dump(compile_manifest(published(BUNDLED), overlay=OVERLAY, base=BUNDLED)) == bundled_bytes()


@pytest.mark.slow
def test_what_the_document_drops_is_gone_and_the_rest_stays() -> None:
    doc = published(BUNDLED)
    del doc["paths"]["/v1/op/webhooks.drain"]
    doc["paths"]["/v1/op/tides.get"] = {"post": tide(requestBody=json_content({"type": "object"}))}
    doc["components"]["schemas"]["CatalogSearchInput"]["properties"]["sortby"] = {"type": "string"}
    manifest = compiled(doc, overlay=OVERLAY, base=BUNDLED)
    assert "webhooks.drain" not in manifest["operations"]
    assert "DrainInput" not in manifest["schemas"]
    assert "catalog.hosts.list" in manifest["operations"]
    assert manifest["operations"]["tides.get"]["side_effect"] is None
    assert list(manifest["schemas"]["CatalogSearchInput"]["properties"])[-1] == "sortby"
    assert manifest["operations"]["cog.thumbnail"] == BUNDLED["operations"]["cog.thumbnail"]
    assert manifest["base_url"] == BUNDLED["base_url"]


@pytest.mark.slow
def test_a_changed_side_effect_takes_the_key_along() -> None:
    doc = published(BUNDLED)
    doc["paths"]["/v1/op/orders.cancel"]["post"]["x-side-effect"] = "compute"
    operation = compiled(doc, overlay=OVERLAY, base=BUNDLED)["operations"]["orders.cancel"]
    assert (operation["side_effect"], operation["idempotent"]) == ("compute", False)


def test_the_errors_can_be_read_whatever_the_document_declares() -> None:
    manifest = compiled(document(tides__get=tide()), base=BUNDLED)
    assert {"Problem", "HTTPValidationError", "ValidationError"} < set(manifest["schemas"])
    assert "CatalogSearchInput" not in manifest["schemas"]


def test_arguments_are_not_changed() -> None:
    doc = published(BUNDLED)
    before = copy.deepcopy((doc, OVERLAY, BUNDLED))
    compile_manifest(doc, overlay=OVERLAY, base=BUNDLED)
    assert (doc, OVERLAY, BUNDLED) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"openapi": "2.0"}, "not an OpenAPI 3 document"),
        ({"openapi": None}, "not an OpenAPI 3 document"),
        ({"paths": []}, "paths is not an object"),
        ({"paths": {}}, "no operation under"),
        ({"paths": {"/v1/op/tides.get": 1}}, "leads nowhere"),
        ({"paths": {"/v1/op/tides.get": {"post": "x"}}}, "is not an object"),
        ({"components": "x"}, "components is not an object"),
    ],
)
def test_documents_that_cannot_be_understood(change: dict[str, Any], message: str) -> None:
    doc = {**document(tides__get=tide()), **change}
    with pytest.raises(ManifestError, match=message):
        compile_manifest(doc, overlay=NO_OVERLAY, base=BUNDLED)


def left_out(doc: dict[str, Any], **options: Any) -> tuple[dict[str, Any], LeftOut]:
    odd = LeftOut()
    manifest = compile_manifest(doc, overlay=NO_OVERLAY, left_out=odd, **options)
    assert check_manifest(manifest) == []
    return manifest, odd


@pytest.mark.parametrize(
    "ref",
    [
        "https://elsewhere.example/schema.json",
        "file:///etc/passwd",
        "other.json#/X",
        "#/components/schemas/Nowhere",
        "#/paths/~1healthz",
        "#/components/schemas/Point/properties",
        "#/components/schemas/Point/type",
        "#/info",
        "#name",
        7,
    ],
)
def test_what_refers_to_elsewhere_is_open_and_reported(ref: object) -> None:
    doc = document(tides__get=tide())
    doc["components"]["schemas"]["Point"]["properties"]["deep"] = {"anyOf": [{"$ref": ref}, {"type": "null"}]}
    manifest, odd = left_out(doc)
    assert list(odd) == ["schemas.Point.properties.deep.anyOf.0"]
    assert manifest["schemas"]["Point"]["properties"]["deep"] == {"anyOf": [{}, {"type": "null"}]}
    with pytest.warns(RuntimeWarning, match="left out: schemas.Point"):
        compile_manifest(doc, overlay=NO_OVERLAY)


@pytest.mark.parametrize("kind", ["requestBody", "responses"])
def test_shared_parts_that_lead_nowhere(kind: str) -> None:
    loop = {
        "$ref": "#/components/requestBodies/Loop" if kind == "requestBody" else "#/components/responses/Loop"
    }
    doc = document(
        tides__get=tide(**{kind: loop if kind == "requestBody" else {"200": loop}}), tides__list=tide()
    )
    doc["components"] |= {"requestBodies": {"Loop": loop}, "responses": {"Loop": loop}}
    manifest, odd = left_out(doc)
    assert list(manifest["operations"]) == ["tides.list"]
    assert list(odd) == ["operations.tides.get"]
    assert "leads nowhere" in odd["operations.tides.get"]


@pytest.mark.parametrize(
    "odd_schema",
    [
        {"default": float("nan")},
        {"default": float("inf")},
        {"default": b"bytes"},
        {"default": {1: 2}},
        {"default": object()},
        {"type": "sting"},
        {"pattern": "("},
        {"$ref": "#/components/schemas/Point"},
        {"minimum": 10**5000},
        {"properties": {"a\x1b": {}}},
        {"format": "\x1b[2J"},
        {"properties": 5},
        {"oneOf": 5, "discriminator": {"propertyName": "kind"}},
        {
            "allOf": 5,
            "$ref": "#",
            "$recursiveRef": "#",
            "$schema": "https://json-schema.org/draft/2019-09/schema",
        },
        {"not": nested(110)},
    ],
    ids=lambda schema: next(iter(schema)),
)
def test_one_odd_schema_costs_nothing_else(odd_schema: dict[str, Any]) -> None:
    doc = document(tides__get=tide(), tides__list=tide(requestBody=json_content({"type": "object"})))
    doc["components"]["schemas"]["Point"] = odd_schema
    manifest, odd = left_out(doc)
    assert list(manifest["operations"]) == ["tides.get", "tides.list"]
    assert len(odd) == 1
    assert next(iter(odd)).startswith("schemas.Point")
    assert "station" in manifest["schemas"]["TideInput"]["properties"]


@pytest.mark.parametrize("id", ["Tides.List", "tides", "tides..x", "tides.get.more", "1.2", "t\u0131des.x"])
def test_one_odd_id_costs_nothing_else(id: str) -> None:
    doc = document(tides__get=tide())
    doc["paths"][f"/v1/op/{id}"] = {"post": tide()}
    manifest, odd = left_out(doc)
    assert list(manifest["operations"]) == ["tides.get"]
    assert list(odd) == [f"operations.{id}"]


def test_a_resource_of_an_older_draft_inside_of_a_schema_is_converted() -> None:
    own = {"$id": "https://example.com/a", "$schema": "http://json-schema.org/draft-07/schema#"}
    inside = {**own, "items": [{"type": "string"}]}
    doc = document(tides__get=tide(requestBody=json_content({"type": "object", "properties": {"a": inside}})))
    manifest, odd = left_out(doc)
    assert not odd
    assert manifest["operations"]["tides.get"]["input"]["properties"]["a"] == {
        "prefixItems": [{"type": "string"}]
    }


def test_a_schema_that_nobody_needs_is_not_reported() -> None:
    doc = document(tides__get=tide())
    doc["components"]["schemas"]["Unused"] = {"type": "sting"}
    assert left_out(doc)[1] == {}


def test_a_description_that_is_wrong_in_everything_is_refused() -> None:
    doc = document(tides__get=tide())
    fields = {f"f{number}": {"type": "sting"} for number in range(150)}
    doc["components"]["schemas"]["TideInput"] = {"type": "object", "properties": fields}
    with pytest.raises(ManifestError, match="more than 100"):
        left_out(doc)


def test_a_document_nested_without_end() -> None:
    doc = document(tides__get=tide())
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"not": nested}
    doc["components"]["schemas"]["Point"] = nested
    assert "nested deeper" in left_out(doc)[1]["schemas.Point"]
    while nested:  # or it is taken apart recursively
        nested = nested.pop("not")


@pytest.mark.slow
def test_a_damaged_document_is_refused_or_compiles_to_something_that_can_be_judged() -> None:
    """Each value of a document is replaced by something silly: an error of ours, or a verdict, never a crash."""
    original = document(
        tides__get=tide(
            parameters=[{"in": "header", "name": "x"}], **{"x-side-effect": "read", "security": []}
        )
    )
    base = {"operations": {"tides.get": BUNDLED["operations"]["catalog.search"]}, "schemas": {}}
    places: list[tuple[Any, ...]] = []
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), original)]
    while waiting:
        way, value = waiting.pop()
        places.append(way)
        children = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        waiting.extend(((*way, key), child) for key, child in children)
    for way in places[1:]:
        for silly in (None, 7, "text", [], {}, [7], {"a": 7}, True):
            doc = copy.deepcopy(original)
            holder = doc
            for step in way[:-1]:
                holder = holder[step]
            holder[way[-1]] = silly
            try:
                manifest = compile_manifest(doc, overlay=NO_OVERLAY, base=base, left_out=LeftOut())
            except ManifestError:
                continue
            dump(manifest)
            assert all(isinstance(problem, str) for problem in check_manifest(manifest))
