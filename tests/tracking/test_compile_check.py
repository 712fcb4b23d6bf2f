"""The check of a manifest: each thing that can be wrong with one is named, with its place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from geopera.errors import GeoperaError
from geopera.manifest import Manifest
from geopera.tracking.check import MAX_PROBLEMS, check_manifest

SMALL: dict[str, Any] = {
    "format": 1,
    "api_version": "1",
    "base_url": "https://api.example",
    "path": "/v1/op/{operation_id}",
    "operations": {
        "tides.get": {
            "summary": "Get tides",
            "scope": None,
            "side_effect": None,
            "idempotent": False,
            "success_status": 200,
            "media_type": "application/json",
            "public": False,
            "body_required": True,
            "input": {"$ref": "#/schemas/Tide"},
            "output": {},
        }
    },
    "schemas": {"Tide": {"type": "object", "properties": {"next": {"$ref": "#/schemas/Tide"}}}},
}


def changed(*way: str, to: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(SMALL)
    holder: Any = manifest
    for step in way[:-1]:
        holder = holder[step]
    holder[way[-1]] = to
    return manifest


def nested(depth: int, keyword: str) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"properties": {"a": schema}} if keyword == "properties" else {keyword: schema}
    return schema


def test_nothing_wrong() -> None:
    assert check_manifest(SMALL) == []


@pytest.mark.parametrize("keyword", ["properties", "items", "not"])
def test_schemas_may_nest_but_not_for_ever(keyword: str) -> None:
    assert check_manifest(changed("schemas", "Deep", to=nested(55, keyword))) == []
    deep = check_manifest(changed("schemas", "Deep", to=nested(102, keyword)))
    assert len(deep) == 1
    assert "deep" in deep[0]


OPERATION = ("operations", "tides.get")
TIDE = ("schemas", "Tide")


@pytest.mark.parametrize(
    ("way", "value", "expected"),
    [
        (("format",), 2, "format: '2' is not the format"),
        (("base_url",), "javascript:alert(1)", "base_url: "),
        (("base_url",), "https://api.example/", "base_url: "),
        (("path",), "/v1/op/", "path: "),
        (("path",), "//elsewhere.example", "path: "),
        (("operations",), [], "operations: is not an object"),
        (("schemas",), None, "schemas: is not an object"),
        (OPERATION, 7, "operations.tides.get: the entry is not an object"),
        ((*OPERATION, "summary"), "two\nlines", "operations.tides.get.summary: "),
        ((*OPERATION, "summary"), "x" * 91, "operations.tides.get.summary: "),
        ((*OPERATION, "side_effect"), "harmless", "operations.tides.get.side_effect: "),
        ((*OPERATION, "success_status"), 404, "operations.tides.get.success_status: "),
        ((*OPERATION, "media_type"), "image", "operations.tides.get.media_type: "),
        ((*OPERATION, "paging"), {"convention": "scroll", "records": None}, "operations.tides.get.paging: "),
        ((*OPERATION, "polling"), {"state": "s", "success": []}, "operations.tides.get.polling: "),
        ((*OPERATION, "sumary"), "x", "operations.tides.get.sumary: is not a field"),
        (
            (*OPERATION, "errors"),
            {"422": "Nope"},
            "operations.tides.get.errors.422: there is no schema 'Nope'",
        ),
        ((*OPERATION, "errors"), {"200": "Tide"}, "operations.tides.get.errors: "),
        ((*OPERATION, "input"), "text", "operations.tides.get.input: 'text' is not a schema"),
        ((*OPERATION, "output"), {"$ref": "#/schemas/Nope"}, "operations.tides.get.output: the reference"),
        (
            ("operations", "tides.get.more"),
            SMALL["operations"]["tides.get"],
            "lies below another operation, 'tides.get'",
        ),
        (
            ("operations", "tides"),
            SMALL["operations"]["tides.get"],
            "operations.tides: the id is not made of",
        ),
        (
            ("operations", "tides._get"),
            SMALL["operations"]["tides.get"],
            "operations.tides._get: the id is not made of",
        ),
        (
            ("operations", "__class__.x"),
            SMALL["operations"]["tides.get"],
            "operations.__class__.x: the id",
        ),
        (
            ("operations", "../admin"),
            SMALL["operations"]["tides.get"],
            "operations.../admin: the id",
        ),
        (("operations", "a." + "b" * 200), SMALL["operations"]["tides.get"], "the id is not made of"),
        (("schemas", "a b"), {}, "schemas.a b: the key is not made of"),
        (("schemas", "X"), {"type": "objekt"}, "schemas.X: 'type' must be"),
        (("schemas", "X"), {"required": "id"}, "schemas.X: 'required' must be"),
        (
            ("schemas", "X"),
            {"properties": {"a": {"minimum": "1"}}},
            "schemas.X.properties.a: 'minimum' must be",
        ),
        (("schemas", "X"), {"items": [{}]}, "schemas.X: 'items' must be"),
        (("schemas", "X"), {"$ref": "https://elsewhere.example/"}, "schemas.X: the reference 'https:"),
        (
            ("schemas", "X"),
            {"not": {"$ref": "#/$defs/x"}},
            "schemas.X.not: the reference '#/$defs/x' does not lead",
        ),
        (("schemas", "X"), {"$id": "https://elsewhere.example/"}, "schemas.X: $id is not used"),
        (
            ("schemas", "X"),
            {"items": {"$dynamicRef": "#x"}},
            "schemas.X.items: the reference '#x' does not lead",
        ),
        (("schemas", "X"), {"pattern": "("}, "schemas.X: the pattern '(' cannot be used"),
        (("schemas", "X"), {"patternProperties": {"[": {}}}, "schemas.X: the pattern '[' cannot be used"),
        (("schemas", "X"), {"pattern": "a" * 10_001}, "schemas.X: the pattern"),
        (
            ("schemas", "X"),
            {"properties": {"a\nb": {}}},
            "schemas.X.properties: 'a?b' is not a printable name",
        ),
        (("schemas", "X"), {"$ref": "#/schemas/X"}, "schemas.X: the references run in a circle"),
        (
            ("schemas", "X"),
            {"anyOf": [{}, {"allOf": [{"$ref": "#/schemas/X"}]}]},
            "schemas.X.anyOf.1.allOf.0: the references run in a circle",
        ),
    ],
)
def test_each_problem_is_named_with_its_place(way: tuple[str, ...], value: Any, expected: str) -> None:
    problems = check_manifest(changed(*way, to=value))
    assert any(expected in problem for problem in problems), problems
    assert len(problems) <= 4
    assert all(problem.isprintable() for problem in problems)


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": r"^\p{Lu}\p{Ll}*$"},
        {"pattern": r"(?<year>\d{2})"},
        {"pattern": r"\u{1F600}"},
        {"pattern": r"(?<=b+)c"},
        {"pattern": r"(?>ab)c"},
        {"pattern": r"(?(1)b|c)"},
        {"pattern": "a" * 501},
        {"pattern": "(" * 50},
        {"patternProperties": {r"^\p{Lu}": {}}},
        {"required": ["a", "a"]},
        {"enum": list(range(2001))},
        {"enum": []},
        {"multipleOf": 0},
        {"minLength": -1},
        {"minLength": 1.0},
        {"properties": {"": {}}},
        {"type": ["string", "sting"]},
        {"$ref": "#/schemas/X"},
        {"$ref": "#/schemas/Tide/properties/next"},
        {"$id": "https://x.example/"},
        {"items": {"$dynamicRef": "#x"}},
        {"anyOf": []},
        {"if": 5},
    ],
    ids=repr,
)
def test_what_passes_can_be_used_and_what_does_not_cannot(schema: dict[str, Any]) -> None:
    document = changed("schemas", "X", to={"type": "object", "properties": {"a": schema}})
    passes = check_manifest(document) == []
    manifest = Manifest.from_dict(document)
    try:
        manifest.registry.adapter(manifest.schemas["X"], "X")
        manifest.models.X  # noqa: B018
        usable = True
    except GeoperaError:
        usable = False
    assert passes is usable


def test_a_circle_of_two() -> None:
    manifest = changed("schemas", "A", to={"$ref": "#/schemas/B"})
    manifest["schemas"]["B"] = {"oneOf": [{"$ref": "#/schemas/A"}]}
    assert [problem.partition(":")[0] for problem in check_manifest(manifest)] == ["schemas.B.oneOf.0"]


def test_a_property_may_be_called_anything_that_a_keyword_is() -> None:
    schema = {"properties": {"properties": {"type": "object"}, "$ref": {"type": "string"}, "pattern": {}}}
    assert check_manifest(changed("schemas", "X", to=schema)) == []
    data = {"default": {"$ref": "somewhere", "type": 7}, "enum": [{"$id": 1}], "const": {"pattern": "("}}
    assert check_manifest(changed("schemas", "X", to=data)) == []


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_what_is_no_object(value: Any) -> None:
    assert check_manifest(value) == ["the manifest is not an object"]


def test_too_many_operations() -> None:
    entry = SMALL["operations"]["tides.get"]
    manifest = changed("operations", to={f"a.b{number}": entry for number in range(5001)})
    assert check_manifest(manifest) == ["5,001 operations and 1 schemas are more than any API has"]


def test_the_list_of_problems_ends() -> None:
    manifest = changed("schemas", to={f"S{number}": {"$ref": "#/schemas/Nope"} for number in range(500)})
    assert len(check_manifest(manifest)) == MAX_PROBLEMS


def test_what_is_wrong_is_not_repeated_at_length() -> None:
    manifest = changed("operations", "x" * 100_000, to={"summary": "y" * 100_000})
    assert max(map(len, check_manifest(manifest))) <= 500


def test_the_format_describes_itself() -> None:
    from jsonschema import Draft202012Validator

    from geopera.manifest import bundled_bytes

    schema = json.loads(bundled_bytes("format.schema.json"))
    Draft202012Validator.check_schema(schema)
    fields = schema["$defs"]["operation"]["properties"]
    named = {name for entry in json.loads(bundled_bytes())["operations"].values() for name in entry}
    assert set(fields) - named == {"description", "deprecated", "tags", "request_media_type"}
    assert named <= set(fields)
    assert all(field.get("description") for field in fields.values())


def test_a_fault_below_a_fault_is_named_too() -> None:
    schema = {"items": {"$id": "x", "anyOf": [{"$ref": "bad"}, {"type": "sting"}]}, "anyOf": []}
    problems = check_manifest(changed("schemas", "X", to=schema))
    assert [problem.partition(": ")[0] for problem in problems] == [
        "schemas.X.items",
        "schemas.X.items.anyOf.0",
        "schemas.X",
    ]
