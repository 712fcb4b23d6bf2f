"""Where nesting, unions and odd text end: in a verdict or a clear error, with the process alive."""

from __future__ import annotations

import inspect
import pydoc
import threading
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from geopera.schema import Registry, SchemaError, _budget, best_effort, type_adapter, unknown_fields

ALONE = "\ud800"


def nested(depth: int, wrap: Any, value: Any = "x") -> Any:
    for _ in range(depth):
        value = wrap(value)
    return value


def chain(length: int, link: Any) -> dict[str, Any]:
    definitions = {f"d{i}": link({"$ref": f"#/$defs/d{i + 1}"}) for i in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{length}": {"type": "string"}}}


SHAPES: dict[str, tuple[Any, Any]] = {
    "list": (lambda inner: {"type": "array", "items": inner}, lambda value: [value]),
    "any list": (lambda inner: {"items": inner}, lambda value: [value]),
    "dict": (
        lambda inner: {"type": "object", "additionalProperties": inner},
        lambda value: {"a": value},
    ),
    "object": (
        lambda inner: {"type": "object", "properties": {"a": inner}},
        lambda value: {"a": value},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_deep_values_of_schemas_that_are_deep_themselves(shape: str) -> None:
    """97 levels of schema to each turn of a recursion: the value must not use up the stack."""
    of_schema, of_value = SHAPES[shape]
    adapter = type_adapter(nested(97, of_schema, {"$ref": "#"}))
    value = nested(30_000, of_value)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            caught.append(error)

    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 2
    fitting = nested(97 * 2, of_value, [] if "list" in shape else {})
    assert adapter.dump_python(adapter.validate_python(fitting)) == fitting


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_long_chains_of_schemas(shape: str) -> None:
    of_schema, of_value = SHAPES[shape]
    adapter = type_adapter(chain(200, of_schema))
    value = nested(200, of_value)
    assert adapter.dump_python(adapter.validate_python(value)) == value
    with pytest.raises(SchemaError, match="levels deep"):
        type_adapter(chain(5_000, of_schema))


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize("size", [40, pytest.param(150, marks=pytest.mark.slow)])
def test_unions_that_multiply_without_recursion(keyword: str, size: int) -> None:
    adapter = type_adapter(chain(size, lambda ref: {"items": {keyword: [ref, ref]}}))
    start = time.perf_counter()
    with pytest.raises(ValidationError, match=r"should be a string|depth|too deep") as caught:
        adapter.validate_python(nested(size, lambda value: [value], 1))
    assert time.perf_counter() - start < 60
    assert len(caught.value.errors()) < 2 * size + 40


def test_an_interrupted_validation_leaves_no_count_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"items": {"$ref": "#"}, "type": "array"}]}
    adapter = type_adapter({"anyOf": [*schema["anyOf"], {"type": "null"}]})

    def interrupted(weight: int = 1) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_budget, "visit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            adapter.validate_python([[None]])
    assert _budget._state.visits is None
    assert adapter.validate_python([[None]]) == [[None]]


def test_best_effort_is_bounded() -> None:
    adapter = type_adapter(
        {
            "anyOf": [
                {"type": "object", "properties": {"a": {"$ref": "#"}}},
                {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {}}},
            ]
        }
    )
    start = time.perf_counter()
    for depth in (60, 5_000):
        _, problems = best_effort(adapter, nested(depth, lambda value: {"a": value}))
        assert problems
    assert time.perf_counter() - start < 60


@pytest.mark.slow
def test_unknown_fields_of_a_deep_value() -> None:
    start = time.perf_counter()
    assert unknown_fields(nested(50_000, lambda value: [value])) == []
    assert time.perf_counter() - start < 5


# -- text that is no text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {ALONE: {"type": "integer"}}, "required": [ALONE]},
        {"required": [ALONE]},
        {"const": {ALONE: 1}},
        {"type": "string", "enum": [ALONE]},
        {"patternProperties": {".": {"type": "integer"}}},
        {"title": ALONE, "description": ALONE, "type": "string"},
    ],
)
def test_lone_surrogates(schema: Any) -> None:
    adapter, judge = type_adapter(schema), Draft202012Validator(schema)
    for value in ({ALONE: 1}, {ALONE: "x"}, {"a": 1}, ALONE):
        if judge.is_valid(value):
            assert adapter.dump_python(adapter.validate_python(value, strict=True)) == value
        else:
            with pytest.raises(ValidationError) as caught:
                adapter.validate_python(value, strict=True)
            assert "error rendering" not in str(caught.value)


def test_lone_surrogates_in_what_describes_a_class() -> None:
    adapter = type_adapter(
        {"title": ALONE, "description": f"a{ALONE}b", "type": "object", "properties": {"a": {}}}
    )
    assert type(adapter.validate_python({"a": 1})).__doc__ == "a\\ud800b"


@pytest.mark.parametrize("uri", ["http://[", "//[::"])
def test_references_that_are_no_uris(uri: str) -> None:
    with pytest.raises(SchemaError, match="leads nowhere"):
        type_adapter({"$ref": uri})
    with pytest.raises(SchemaError, match="not a URI reference"):
        type_adapter({"$id": "http://a/b", "properties": {"a": {"$id": uri}}})


@pytest.mark.parametrize("definitions", [1, "x", [{}]])
def test_definitions_are_an_object(definitions: Any) -> None:
    with pytest.raises(SchemaError, match="definitions"):
        type_adapter({}, definitions=definitions)


# -- numbers from JSON text --------------------------------------------------------------------------------------

BIG = 2**53 + 1  # the first whole number that no double is


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": "number", "minimum": 0}, b"5", 5),
        ({"type": "number", "minimum": 0}, b"5.5", 5.5),
        ({"minimum": 0}, str(BIG).encode(), BIG),
        ({"type": "number", "multipleOf": 2}, str(BIG).encode(), None),
        ({"type": "number", "maximum": BIG - 1}, str(BIG).encode(), None),
        ({"type": "integer", "minimum": 0}, b"5.0", 5),
        ({"type": "number", "minimum": 0}, b"true", None),
    ],
)
def test_numbers_in_json_text(schema: Any, text: bytes, expected: Any) -> None:
    adapter = type_adapter(schema)
    if expected is None:
        with pytest.raises(ValidationError):
            adapter.validate_json(text, strict=True)
    else:
        value = adapter.validate_json(text, strict=True)
        assert (value, type(value)) == (expected, type(expected))


def test_large_steps() -> None:
    assert type_adapter({"multipleOf": 1e308}).validate_python(1e308, strict=True) == 1e308
    assert type_adapter({"type": "integer", "multipleOf": 1e20}).validate_python(10**20) == 10**20
    with pytest.raises(ValidationError):
        type_adapter({"multipleOf": 1e308}).validate_python(1.5e308, strict=True)


def test_what_is_dumped_is_what_was_taken() -> None:
    schema = {
        "type": "object",
        "properties": {"fooBar": {"type": "integer"}, "list": {}, "more": {"$ref": "#"}},
        "required": ["fooBar"],
    }
    adapter = type_adapter(schema)
    value = {"fooBar": 1, "more": {"fooBar": 2, "else": [{}]}}
    taken = adapter.validate_python(value)
    assert adapter.dump_python(taken) == value
    assert adapter.validate_json(adapter.dump_json(taken)) == taken
    assert adapter.dump_python(taken, by_alias=False, exclude_unset=False)["foo_bar"] == 1


def test_texts_made_of_schemas_that_double_stay_short() -> None:
    """24 schemas of one line, each of which names the next one twice: written out, they are 2**24 names."""
    size = 24

    def line(number: int) -> dict[str, Any]:
        following = {"$ref": f"#/schemas/L{number + 1}"}
        return {"type": "array", "items": {"anyOf": [following, {"type": "array", "items": following}]}}

    schemas: dict[str, Any] = {f"L{number}": line(number) for number in range(size)}
    schemas[f"L{size}"] = {"type": "string"}
    first = {"$ref": "#/schemas/L0"}
    branches = [first, {"type": "array", "prefixItems": [first]}]
    properties = {"a": first, "b": {"type": "object", "additionalProperties": {"oneOf": branches}}}
    schemas["Top"] = {"type": "object", "properties": properties}
    cls = Registry(schemas, module="tests.doubling").model("Top")
    value: Any = 5
    for _ in range(size):
        value = [value]
    with pytest.raises(ValidationError) as caught:
        cls(a=value)
    texts = [
        str(inspect.signature(cls)),
        pydoc.render_doc(cls),
        repr(cls.model_fields),
        repr(cls(a=[])),
        str(cls.model_json_schema()),
        str(caught.value),
    ]
    assert max(map(len, texts)) < 200_000
