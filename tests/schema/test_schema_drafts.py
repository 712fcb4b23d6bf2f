"""Schemas that declare an older draft mean what they mean there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from geopera.schema import SchemaError, type_adapter

D4 = "http://json-schema.org/draft-04/schema#"
D6 = "http://json-schema.org/draft-06/schema#"
D7 = "http://json-schema.org/draft-07/schema"
D2019 = "https://json-schema.org/draft/2019-09/schema"
D2020 = "https://json-schema.org/draft/2020-12/schema"
TUPLE = {"items": [{"type": "integer"}], "additionalItems": {"type": "string"}}
TREE = {"type": "object", "properties": {"c": {"$recursiveRef": "#"}}}


@pytest.mark.parametrize(
    ("draft", "schema", "value", "valid"),
    [
        (D7, {"dependencies": {"a": ["b"]}}, {"a": 1}, False),
        (D7, {"dependencies": {"a": ["b"]}}, {"a": 1, "b": 1}, True),
        (D7, {"dependencies": {"a": {"required": ["c"]}, "b": ["a"]}}, {"a": 1}, False),
        (D7, {"dependencies": {"a": False}}, {"a": 1}, False),
        (D2020, {"dependencies": {"a": ["b"]}}, {"a": 1}, True),
        (D7, {"items": [{"type": "integer"}]}, ["x"], False),
        (D7, {"items": [{"type": "integer"}]}, [1, "x"], True),
        (D2019, TUPLE, [1, "x"], True),
        (D2019, TUPLE, [1, 2], False),
        (D4, {"items": [], "additionalItems": False}, [1], False),
        (D7, {"items": {"type": "integer"}, "additionalItems": False}, [1, 2], True),
        (D7, {"items": TUPLE["items"], "properties": {"a": {"$ref": "#/items/0"}}}, {"a": "x"}, False),
        (D7, {**TUPLE, "properties": {"a": {"$ref": "#/additionalItems"}}}, {"a": 1}, False),
        (D7, {"$ref": "#/definitions/i", "maximum": 3, "definitions": {"i": {"type": "integer"}}}, 5, True),
        (
            D7,
            {"$ref": "#/definitions/i", "maximum": 3, "definitions": {"i": {"type": "integer"}}},
            "x",
            False,
        ),
        (D2019, {"$ref": "#/$defs/i", "maximum": 3, "$defs": {"i": {"type": "integer"}}}, 5, False),
        (D4, {"minimum": 3, "exclusiveMinimum": True}, 3, False),
        (D4, {"minimum": 3, "exclusiveMinimum": False}, 3, True),
        (D4, {"maximum": 3, "exclusiveMaximum": True}, 2, True),
        (D4, {"exclusiveMaximum": True}, 9, True),
        (D4, {"const": 1, "contains": {"type": "null"}, "propertyNames": False}, [2], True),
        (D6, {"if": True, "then": False}, 1, True),
        (D6, {"const": 1}, 2, False),
        (D7, {"dependentRequired": {"a": ["b"]}, "prefixItems": [False], "minContains": 2}, {"a": 1}, True),
        (
            D4,
            {"id": "http://x.example/r", "definitions": {"a": {"id": "#n", "type": "null"}}, "$ref": "#n"},
            1,
            False,
        ),
        (D7, {"definitions": {"a": {"$id": "#n", "type": "null"}}, "allOf": [{"$ref": "#n"}]}, 1, False),
        (D2019, {"$recursiveAnchor": True, **TREE}, {"c": 5}, False),
        (D2019, TREE, {"c": {"c": 5}}, False),
        (D2019, TREE, {"c": {"c": {}}}, True),
        # Only since 2020-12 an item is evaluated by `contains`.
        (D2019, {"contains": {"const": 1}, "unevaluatedItems": False}, [1], False),
        (D2020, {"contains": {"const": 1}, "unevaluatedItems": False}, [1], True),
        (D2019, {"contains": {"const": 1}, "minContains": 2, "unevaluatedItems": {"const": 1}}, [1], False),
        (D2019, {"contains": {"const": 1}, "minContains": 2, "unevaluatedItems": {"const": 1}}, [1, 1], True),
        (D2019, {"contains": {"const": 1}, "minContains": 0, "unevaluatedItems": True}, [2], True),
        (D2019, {"contains": True, "unevaluatedItems": True, "allOf": [{"$ref": "#/contains"}]}, [2], True),
        (
            D2019,
            {"contains": {"const": 1}, "allOf": [{"$ref": "#/contains"}], "not": {"unevaluatedItems": False}},
            [1],
            False,
        ),
        (D4, {"$ref": D4}, {"minimum": "x"}, False),
        (D4, {"$ref": D4}, {"minimum": 1, "exclusiveMinimum": True}, True),
        ("https://json-schema.org/draft-07/schema", {"dependencies": {"a": ["b"]}}, {"a": 1}, False),
        # What is no keyword of the draft says nothing, and references may lead into it.
        (D6, {"x": {"if": {"type": "null"}}, "if": False, "$ref": "#/x/if"}, 1, False),
        (D6, {"then": {"type": "null"}, "allOf": [{"$ref": "#/then"}]}, 1, False),
        (D6, {"if": True, "then": {"items": [{"type": "null"}]}, "allOf": [{"$ref": "#/then"}]}, [1], False),
        (D7, {"x": {"y": [{"items": [False]}]}, "allOf": [{"$ref": "#/x/y/0"}]}, [1], False),
        (D7, {"x": {"items": [{"type": "null"}]}, "allOf": [{"$ref": "#/x/items/0"}]}, 1, False),
        (D4, {"x": {"minimum": 1, "exclusiveMinimum": True}, "allOf": [{"$ref": "#/x"}]}, 1, False),
        (D7, {"$ref": "#/properties/a", "properties": {"a": {"items": [False]}}}, [1], False),
        (D7, {"$ref": "#/items/0", "items": [{"type": "null"}], "dependencies": {"a": False}}, None, True),
        (D7, {"$ref": "#/dependencies/a", "dependencies": {"a": {"type": "null"}}}, 1, False),
        (D4, {"default": {"minimum": 1, "exclusiveMinimum": True}}, 1, True),
        # What is no schema is not read as one.
        (
            D4,
            {"enum": [{"items": [1], "exclusiveMinimum": True}]},
            {"items": [1], "exclusiveMinimum": True},
            True,
        ),
        (D4, {"properties": {"exclusiveMinimum": {"type": "null"}}}, {"exclusiveMinimum": 1}, False),
    ],
)
def test_older_drafts(draft: str, schema: dict[str, Any], value: Any, valid: bool) -> None:
    adapter = type_adapter({"$schema": draft, **schema})
    if valid:
        adapter.validate_python(value)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_each_resource_is_read_by_its_own_declaration() -> None:
    old = {"$schema": D7, "$id": "https://x.example/old", "items": [{"type": "integer"}]}
    adapter = type_adapter({"$defs": {"old": old}, "prefixItems": [{"$ref": "https://x.example/old"}]})
    adapter.validate_python([[1]])
    with pytest.raises(ValidationError):
        adapter.validate_python([["x"]])
    other = type_adapter({"$ref": "https://x.example/other"}, definitions={"https://x.example/other": old})
    with pytest.raises(ValidationError):
        other.validate_python(["x"])


@pytest.mark.parametrize("keyword", ["$id", "$anchor", "$dynamicAnchor"])
def test_definitions_hold_schemas(keyword: str) -> None:
    name = "https://x.example/n" if keyword == "$id" else "n"
    inner = {keyword: name, "type": "integer"}
    reference = name if keyword == "$id" else "#n"
    for schema in (
        {"definitions": {"x": inner}, "properties": {"a": {"$ref": reference}}},
        {"definitions": {"y": {"definitions": {"x": inner}}}, "properties": {"a": {"$ref": reference}}},
    ):
        adapter = type_adapter(schema)
        adapter.validate_python({"a": 1})
        with pytest.raises(ValidationError):
            adapter.validate_python({"a": "x"})


def test_what_declares_nothing_older_is_the_same_object() -> None:
    from geopera.schema._drafts import converted

    schema = {"$schema": D2020, "properties": {"a": {"items": True}}}
    assert converted(schema) is schema


META = "https://example.com/without-validation"
CORE = {f"https://json-schema.org/draft/2020-12/vocab/{name}": True for name in ("core", "applicator")}


@pytest.mark.parametrize("vocabulary", [True, False], ids=["with", "without"])
def test_a_dialect_without_the_validation_vocabulary_does_not_validate(vocabulary):
    """A keyword of a vocabulary that ``$vocabulary`` does not list says nothing; those of the listed ones hold."""
    from pydantic import ValidationError

    from geopera.schema import type_adapter

    known = {**CORE, "https://json-schema.org/draft/2020-12/vocab/validation": True} if vocabulary else CORE
    schema = {"$schema": META, "properties": {"a": {"minimum": 10}, "never": False}}
    adapter = type_adapter(schema, definitions={META: {"$id": META, "$vocabulary": known}})
    with pytest.raises(ValidationError):
        adapter.validate_python({"never": 1})
    if vocabulary:
        with pytest.raises(ValidationError):
            adapter.validate_python({"a": 5})
    else:
        adapter.validate_python({"a": 5})


@pytest.mark.parametrize("keyword", ["not", "x", "properties"])
def test_deep_schemas_of_older_drafts(keyword: str) -> None:
    schema: Any = {}
    for _ in range(3_000):
        schema = {keyword: schema}
    with pytest.raises(SchemaError, match="too deeply"):
        type_adapter({"$schema": D7, "x": schema})


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": 5, "not": {"required": ["a"]}},
        {"properties": {"a": {"$schema": {}}}, "not": {"required": ["a"]}},
        {"$schema": D2019, "allOf": 5, "$ref": "#/$defs/a", "$recursiveRef": "#", "$defs": {"a": {}}},
        {"$schema": D2019, "allOf": 5, "contains": {}, "unevaluatedItems": False},
    ],
)
def test_a_faulty_schema_of_any_draft_is_refused(schema: Any) -> None:
    with pytest.raises(SchemaError):
        type_adapter(schema)
