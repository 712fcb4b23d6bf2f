"""Unions whose members overlap, in schemas that refer to themselves: every value is held against a schema once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from geopera.schema import best_effort, type_adapter


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def operation(names: Any, args: Any) -> dict[str, Any]:
    properties = {"op": names, "args": {"type": "array", "items": args}}
    return {"type": "object", "properties": properties, "required": ["op", "args"]}


def grammar(keyword: str) -> dict[str, Any]:
    """A grammar of filters as the ones in the wild are: unions of unions that name each other over and over."""
    known = ["and", "or", "=", "<", "+", "*", "upper"]
    anything = {keyword: [ref("logical"), ref("text"), ref("number"), ref("call"), ref("property")]}
    return {
        "logical": {keyword: [ref("andOr"), ref("comparison"), {"type": "boolean"}]},
        "andOr": operation({"enum": ["and", "or"]}, {keyword: [ref("logical"), ref("call")]}),
        "comparison": operation({"enum": ["=", "<"]}, ref("scalar")),
        "scalar": {keyword: [ref("text"), ref("number"), ref("call"), ref("property")]},
        "text": {keyword: [operation({"const": "upper"}, ref("scalar")), {"type": "string"}]},
        "number": {keyword: [operation({"enum": ["+", "*"]}, ref("scalar")), {"type": "number"}]},
        "call": operation({"type": "string", "not": {"enum": known}}, anything),
        "property": {
            "type": "object",
            "properties": {"property": {"type": "string"}},
            "required": ["property"],
        },
    }


def nested(depth: int, last: Any) -> Any:
    value = last
    for number in range(depth):
        name = ("f", "+", "g", "upper")[number % 4]
        value = {"op": name, "args": [value, {"property": "p"}] if name != "upper" else [value]}
    return {"op": "and", "args": [{"op": "=", "args": [value, 1]}, True]}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_a_grammar_of_overlapping_unions(keyword: str) -> None:
    adapter = type_adapter(ref("logical"), definitions=grammar(keyword))
    start = time.process_time()
    for depth in (1, 4, 16):
        value = nested(depth, "x")
        assert adapter.dump_python(adapter.validate_python(value)) == value
        assert adapter.dump_python(adapter.validate_json(json.dumps(value))) == value
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(nested(depth, {"op": 5, "args": []}))
        assert len(caught.value.errors()) <= 60
        best_effort(adapter, nested(depth, None))
    assert time.process_time() - start < 5


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize("last", [1, 2])
def test_members_that_recur_with_the_same_field(keyword: str, last: int) -> None:
    properties = {"l": ref("T")}
    members = [
        {"type": "object", "properties": properties, "required": ["l"]},
        {"type": "object", "properties": {**properties, "q": {}}, "required": ["l", "q"]},
        {"const": 1},
    ]
    adapter = type_adapter(ref("T"), definitions={"T": {keyword: members}})
    for depth in (2, 16, 60):
        value: Any = last
        for _ in range(depth):
            value = {"l": value}
        if last == 1:
            assert adapter.dump_python(adapter.validate_python(value)) == value
            continue
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(value)
        assert len(caught.value.errors()) < 50
        assert caught.value.errors()[0]["type"] != "cost"


def test_two_members_that_fit_are_one_too_many() -> None:
    members = [{"type": "object", "properties": {"a": {"$ref": "#"}}}, {"type": "object"}, {"type": "null"}]
    adapter = type_adapter({"oneOf": members})
    assert adapter.validate_python(None) is None
    assert adapter.validate_python({"a": 5}) == {"a": 5}
    with pytest.raises(ValidationError, match=r"fits .* and "):
        adapter.validate_python({"a": None})


def test_a_model_of_somebody_else_is_refused() -> None:
    class Other(BaseModel):
        a: int = 1

    member = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    for union in (
        [member, {**member, "minProperties": 2}],
        [{**member, "properties": {"a": {"const": 1}}}] * 2,
    ):
        with pytest.raises(ValidationError):
            type_adapter({"oneOf": union}).validate_python(Other())


def test_checks_remember_too() -> None:
    """`then` is checked, not typed: what it refers to is held against each part of the value once."""
    again = {"properties": {"l": ref("T")}}
    definition = {
        "type": "object",
        "if": {"required": ["l"]},
        "then": {"anyOf": [{**again, "required": ["q"]}, again]},
    }
    adapter = type_adapter(ref("T"), definitions={"T": definition})
    value: dict[str, Any] = {}
    for _ in range(24):
        value = {"l": value}
    assert adapter.dump_python(adapter.validate_python(value)) == value
    wrong: Any = 3
    for _ in range(24):
        wrong = {"l": wrong}
    with pytest.raises(ValidationError, match="not valid under any"):
        adapter.validate_python(wrong)


def test_the_same_object_in_two_places_is_taken_in_both() -> None:
    schema = {
        "anyOf": [{"type": "object", "properties": {"x": {"$ref": "#"}, "n": {"type": "integer"}}}] * 2
        + [{"type": "array", "items": {"$ref": "#"}}]
    }
    adapter = type_adapter(schema)
    shared = {"n": 1}
    assert adapter.dump_python(adapter.validate_python([shared, {"x": shared}])) == [shared, {"x": shared}]


HOSTILE = "^(?:(a+)+)\\1$"


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("schema", "wrap"),
    [
        ({"type": "array", "items": {"type": "string", "pattern": HOSTILE}}, lambda texts: texts),
        (
            {"type": "array", "items": {"patternProperties": {HOSTILE: False}}},
            lambda texts: [{text: 1} for text in texts],
        ),
    ],
    ids=["texts", "names"],
)
def test_one_budget_for_the_patterns_of_a_validation(schema: Any, wrap: Any, as_json: bool) -> None:
    adapter = type_adapter(schema)
    value = wrap([f"{'a' * 29}b{number}" for number in range(10_000)])
    start = time.process_time()
    with pytest.raises(ValidationError, match="patterns are too costly") as caught:
        adapter.validate_json(json.dumps(value)) if as_json else adapter.validate_python(value)
    assert len(caught.value.errors()) == 1
    assert time.process_time() - start < 20


@pytest.mark.slow
def test_many_texts_that_are_cheap_are_no_attack() -> None:
    adapter = type_adapter({"type": "array", "items": {"type": "string", "pattern": r"^(?!aws:)(?=.*\d).+$"}})
    assert len(adapter.validate_python([f"name {number}" for number in range(20_000)])) == 20_000
