"""Schemas and values that mean harm, or only seem to: a clear error or a bounded slow path, nothing else."""

from __future__ import annotations

import builtins
import re
import time
from typing import Any

import pytest
from pydantic import ValidationError

from geopera.schema import Registry, SchemaError, type_adapter


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def chain(length: int, link: Any) -> dict[str, Any]:
    definitions = {f"d{i}": link(f"#/$defs/d{i + 1}") for i in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{length}": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#"}, "circle"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "circle"),
        ({"anyOf": [{"type": "string"}, {"not": {"$ref": "#"}}]}, "circle"),
        ({"$ref": "#/$defs/missing"}, "leads nowhere"),
        ({"properties": {"a": {"$ref": "http://example.com/elsewhere"}}}, "leads nowhere"),
        ({"not": {"items": {"$ref": "#nowhere"}}}, "leads nowhere"),
        ({"type": "strin"}, "'type'"),
        ({"properties": []}, "'properties'"),
        ({"properties": {"a": 1}}, "'properties'"),
        ({"items": [{}]}, "'items'"),
        ({"minimum": "1"}, "'minimum'"),
        ({"minimum": float("nan")}, "'minimum'"),
        ({"exclusiveMinimum": True}, "'exclusiveMinimum'"),
        ({"multipleOf": 0}, "'multipleOf'"),
        ({"minLength": -1}, "'minLength'"),
        ({"minLength": 1.5}, "'minLength'"),
        ({"required": "a"}, "'required'"),
        ({"enum": {"a": 1}}, "'enum'"),
        ({"allOf": []}, "'allOf'"),
        ({"$ref": 1}, "'$ref'"),
        ({"pattern": "["}, "pattern"),
        ({"pattern": "(?=" * 200 + ")" * 200}, "nest too deeply"),
        ({"pattern": "^((a{1000}b){1000}c){1000}$"}, "too large"),
        ({"patternProperties": {"*": {}}}, "pattern"),
        ({"dependentRequired": {"a": "b"}}, "'dependentRequired'"),
        (None, "not NoneType"),
        ("true", "not str"),
        ({"enum": [object()]}, "not JSON"),
    ],
)
def test_an_invalid_schema_is_reported(schema: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=re.escape(words)) as caught:
        type_adapter(schema)
    assert len(str(caught.value)) < 600


@pytest.mark.slow
def test_deep_schemas() -> None:
    for wrap in (
        lambda inner: {"properties": {"a": inner}, "type": "object"},
        lambda inner: {"items": inner},
        lambda inner: {"anyOf": [inner, {"type": "integer"}]},
        lambda inner: {"not": inner},
    ):
        schema: Any = {"type": "string"}
        for _ in range(30):
            schema = wrap(schema)
        type_adapter(schema)
        for _ in range(20_000):
            schema = wrap(schema)
        with pytest.raises(SchemaError, match="deep"):
            type_adapter(schema)


def test_long_chains_of_references() -> None:
    plain = type_adapter(chain(1000, lambda ref: {"$ref": ref}))
    assert plain.validate_python("x") == "x"
    objects = type_adapter(chain(400, lambda ref: {"type": "object", "properties": {"n": {"$ref": ref}}}))
    assert objects.validate_python({"n": {"n": {}}}).to_dict() == {"n": {"n": {}}}


def test_large_circles_of_references() -> None:
    size = 150
    definitions = {
        f"d{i}": {
            "type": "object",
            "properties": {"n": {"$ref": f"#/$defs/d{(i + 1) % size}"}, "v": {"type": "integer"}},
        }
        for i in range(size)
    }
    adapter = type_adapter({"$ref": "#/$defs/d0", "$defs": definitions})
    value: Any = {"v": 1}
    for _ in range(200):
        value = {"n": value}
    assert adapter.validate_python(value).to_dict() == value
    with pytest.raises(ValidationError, match="integer"):
        adapter.validate_python({"n": {"v": "x"}})


def test_schemas_that_double_at_every_step() -> None:
    doubled = chain(60, lambda ref: {"allOf": [{"$ref": ref}, {"$ref": ref}]})
    with pytest.raises(SchemaError, match="subschemas would apply"):
        type_adapter(doubled)
    start = time.perf_counter()
    wide = chain(60, lambda ref: {"type": "object", "properties": {"a": {"$ref": ref}, "b": {"$ref": ref}}})
    assert type_adapter(wide).validate_python({"a": {"b": {}}}).to_dict() == {"a": {"b": {}}}
    unions = chain(
        60,
        lambda ref: {"type": "array", "items": {"anyOf": [{"$ref": ref}, {"type": "null"}, {"$ref": ref}]}},
    )
    assert type_adapter(unions).validate_python([[None]]) == [[None]]
    assert time.perf_counter() - start < 20


def test_giant_enums() -> None:
    texts = type_adapter({"enum": [f"v{i}" for i in range(20_000)]})
    assert texts.validate_python("v19999") == "v19999"
    numbers = type_adapter({"enum": list(range(20_000))})
    assert numbers.validate_python(19_999.0) == 19_999
    for adapter in (texts, numbers):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python("nothing")
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "array", "items": {"$ref": "#"}, "contains": True},
        {"not": {"const": 3}},
        {"const": 3},
        {"type": "array", "uniqueItems": True, "minItems": 2},
        {"unevaluatedItems": {"$ref": "#"}},
    ],
)
@pytest.mark.parametrize("depth", [3000, 20_000])
def test_deep_values(schema: Any, depth: int) -> None:
    with pytest.raises(ValidationError):
        type_adapter(schema).validate_python(nested(depth))


def test_values_of_some_depth_are_fine() -> None:
    adapter = type_adapter({"type": "array", "items": {"$ref": "#"}})
    assert adapter.validate_python(nested(200)) == nested(200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a+)+$", "a" * 30_000 + "!"),
        ("(a|aa)+$", "a" * 30_000 + "!"),
        ("^(?=(a+)+$)(a|aa)+$", "a" * 2_000 + "!"),
        (r"^(a+)+\1$", "a" * 2_000 + "!"),
        (r"(x+x+)+y(?!z)", "x" * 2_000),
        (r"(?<=(a+)+b)c", "a" * 300 + "c"),
    ],
)
def test_costly_patterns(pattern: str, text: str) -> None:
    start = time.perf_counter()
    for schema, value in (
        ({"pattern": pattern}, text),
        ({"patternProperties": {pattern: False}, "propertyNames": {"maxLength": 1}}, {text: 1}),
    ):
        with pytest.raises(ValidationError):
            type_adapter(schema).validate_python(value)
    assert time.perf_counter() - start < 20


def turn(**more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"], **more}


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [turn(), turn(title="again"), {"type": "null"}]},
        pytest.param(
            {"oneOf": [turn(), turn(required=["x", "y"]), {"type": "null"}]}, marks=pytest.mark.slow
        ),
        {"not": {"not": {"anyOf": [turn(), turn(title="again"), {"type": "null"}]}}},
        pytest.param(
            {"anyOf": [{"type": "object", "additionalProperties": {"$ref": "#"}}] * 3 + [{"type": "null"}]},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_unions_that_multiply_with_the_depth_of_the_value(schema: Any) -> None:
    adapter = type_adapter(schema)
    for depth, expected in (
        (3, "json_schema|type|null|object|integer|missing"),
        (60, "model|json_schema|depth|dict|none|object"),
    ):
        value: Any = 5
        for _ in range(depth):
            value = {"x": value}
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(value)
        assert re.search(expected, " ".join(error["type"] for error in caught.value.errors()))
        assert len(caught.value.errors()) < 50
    fine: Any = None
    for _ in range(60):
        fine = {"x": fine}
    adapter.validate_python(fine)


HOSTILE = [
    "__import__('os').system('true')",
    "x: int = 1",
    "a\nb",
    "'; drop",
    "{0.__class__}",
    "{{x}}",
    "\x00",
    "é" * 300,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_schema_says_is_evaluated(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.eval

    def guarded(source: Any, *args: Any) -> Any:
        assert not isinstance(source, str) or text not in source
        return real(source, *args)

    monkeypatch.setattr(builtins, "eval", guarded)
    schema = {
        "type": "object",
        "title": text,
        "description": text,
        "properties": {
            text: {"type": "object", "properties": {text: {"enum": [text, text + "x"], "type": "string"}}},
            "n": {"type": "string", "default": text, "format": text},
            "r": {"$ref": f"#/$defs/{text.replace('~', '~0').replace('/', '~1')}"},
        },
        "required": [text],
        "$defs": {text: {"type": "integer", "title": text}},
    }
    adapter = type_adapter(schema)
    value = {text: {text: text}, "r": 1, text + "?": 2}
    result = adapter.validate_python(value)
    assert result.to_dict() == value
    assert type(result).__name__.isidentifier()
    assert all(name.isidentifier() for name in type(result).model_fields)
    # Names are cut to what a line holds.
    assert text[:40] in repr(result) or repr(text)[1:40] in repr(result)
    repr(type(result).__signature__)
    for bad in ({text: {text: 1}}, {}):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(bad)
        str(caught.value)


def test_names_of_definitions_are_sanitised() -> None:
    registry = Registry({text: {"type": "object", "properties": {"a": {}}} for text in HOSTILE})
    for name in registry.names():
        assert name.isidentifier()
        assert registry.model(name).__name__ == name


def test_messages_with_braces() -> None:
    for schema in (
        {"pattern": "^{a}{b}$"},
        {"enum": ["{a}", "{"]},
        {"const": "{x}"},
        {"not": {"const": "{x}"}},
    ):
        with pytest.raises(ValidationError):
            type_adapter(schema).validate_python("{x}" if "not" in schema else "nothing")


@pytest.mark.parametrize(
    "definition",
    [
        {"properties": {"a": {"type": "object", "properties": {"b": {"minimum": "x"}}}}},
        {"items": {"items": {"uniqueItems": "yes"}}},
        {"items": {"items": {"minItems": -5}}},
        {"items": {"$ref": "#/schemas/Missing"}},
        {"properties": {"a": {"allOf": [{"$ref": "#/schemas/X/properties/a"}]}}},
        {"items": {"pattern": "("}},
    ],
)
def test_a_schema_that_cannot_be_used_cannot_be_used_the_second_time_either(definition: Any) -> None:
    registry = Registry({"X": definition, "Y": {"items": {"$ref": "#/schemas/X"}}})
    for name in ("X", "X", "Y", "Y"):
        with pytest.raises(SchemaError):
            registry.model(name)
        with pytest.raises(SchemaError):
            registry.adapter({"$ref": f"#/schemas/{name}"})
