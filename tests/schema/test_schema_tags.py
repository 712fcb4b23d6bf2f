"""Unions whose members a property tells apart: the tag says which class a value is, also if it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from geopera.schema import best_effort, type_adapter


def an_object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


PETS = {
    "Cat": an_object("t", "m", "w", t={"const": "cat"}, m={"type": "integer"}, w={"type": "number"}),
    "Dog": an_object("t", t={"enum": ["dog", "hound"]}, m={"type": "string"}),
}
PET = {"oneOf": [ref("Cat"), ref("Dog")]}
BASE = an_object("t", t={"type": "string"})
COMPOSED = {
    "Base": BASE,
    "Cat": {
        "allOf": [
            ref("Base"),
            an_object("m", t={"const": "cat"}, m={"type": "integer"}, w={"type": "number"}),
        ]
    },
    "Dog": {
        **ref("Base"),
        "properties": {"t": {"enum": ["dog"]}, "m": {"type": "string"}},
    },
}
FAULTY = {"t": "cat", "m": "?", "w": "?"}

AROUND: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], tuple[Any, ...]]] = {
    "alone": (lambda union: union, lambda value: value, ()),
    "nullable": (lambda union: {"anyOf": [union, {"type": "null"}]}, lambda value: value, ()),
    "array": (lambda union: {"type": "array", "items": union}, lambda value: [value], (0,)),
    "field": (lambda union: an_object(f=union), lambda value: {"f": value}, ("f",)),
    "map": (
        lambda union: {"type": "object", "additionalProperties": union},
        lambda value: {"k": value},
        ("k",),
    ),
}


def inside(value: Any, where: tuple[Any, ...]) -> Any:
    for part in where:
        value = value[part]
    return value


@pytest.mark.parametrize("definitions", [PETS, COMPOSED], ids=["plain", "composed"])
@pytest.mark.parametrize("around", AROUND)
def test_the_tag_names_the_class_and_the_problems(around: str, definitions: dict[str, Any]) -> None:
    of_schema, of_value, where = AROUND[around]
    adapter = type_adapter(of_schema(PET), definitions=definitions)
    result, problems = best_effort(adapter, of_value(FAULTY))
    assert type(inside(result, where)).__name__ == "Cat"
    assert [place for place, _ in problems] == [(*where, "m"), (*where, "w")]


def test_a_tag_that_is_missing_or_unknown() -> None:
    adapter = type_adapter(PET, definitions=PETS)
    for value, message in (
        ({"m": 5, "w": 1}, "Field required"),
        ({"t": "bird"}, 'Input should be "cat", "dog" or "hound"'),
        ({"t": ["cat"]}, 'Input should be "cat", "dog" or "hound"'),
    ):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(value)
        assert [(error["loc"], error["msg"]) for error in caught.value.errors()] == [(("t",), message)]
        assert (("t",), message) in best_effort(adapter, value)[1]
    with pytest.raises(ValidationError, match="should be an object"):
        adapter.validate_python("cat")
    assert best_effort(adapter, {"t": "bird", "m": 1})[0] == {"t": "bird", "m": 1}


def test_a_tag_may_be_a_number_and_may_be_left_out() -> None:
    adapter = type_adapter(
        {"oneOf": [an_object(v={"const": 1}, n={"type": "integer"}), an_object(v={"const": 2})]}
    )
    assert adapter.validate_python({"v": 2.0, "n": "x"}).v == 2
    assert adapter.validate_json(b'{"v": 1, "n": 3}').n == 3
    for value in ({"v": True}, {"v": 1, "n": "x"}, {"n": 3}, {}):  # the last two fit both
        with pytest.raises(ValidationError):
            adapter.validate_python(value)
    assert adapter.validate_python({"n": "x"}).n == "x"


def test_an_additional_property_called_as_the_tag_is_in_python_is_no_tag() -> None:
    members = [an_object(type={"const": "a"}, n={"type": "integer"}), an_object("type", type={"const": "b"})]
    adapter = type_adapter({"oneOf": members})
    assert adapter.validate_python({"type_": 5, "n": 1}).to_dict() == {"type_": 5, "n": 1}
    assert type(adapter.validate_python({"type": "b"}))(type_="b").to_dict() == {"type": "b"}


def test_recursive_members_are_distinguished_too() -> None:
    expression = {
        "anyOf": [
            an_object("op", "arg", op={"const": "not"}, arg=ref("E")),
            an_object("op", "args", op={"enum": ["and", "or"]}, args={"type": "array", "items": ref("E")}),
            {"type": "boolean"},
        ]
    }
    adapter = type_adapter(ref("E"), definitions={"E": expression})
    value: Any = True
    for _ in range(40):
        value = {"op": "or", "args": [{"op": "not", "arg": value}, False]}
    assert adapter.dump_python(adapter.validate_python(value)) == value
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"op": "and", "args": [{"op": "not", "arg": True}, {"op": "nand"}]})
    assert [error["loc"][-1] for error in caught.value.errors()] == ["op"]


LETTERS = {
    "A": an_object("t", t={"type": "string"}, x={"type": "integer"}),
    "B": an_object("t", t={"type": "string"}, y={"type": "integer"}),
}


@pytest.mark.parametrize(
    ("mapping", "tags"),
    [
        ({"a": "#/components/schemas/A", "b": "#/components/schemas/B"}, {"a": "A", "b": "B"}),
        ({"a": "A", "b": "B", "beta": "B"}, {"a": "A", "b": "B", "beta": "B"}),
        ({"b": "#/$defs/B"}, {"A": "A", "b": "B"}),
        (None, {"A": "A", "B": "B"}),
    ],
)
@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_the_discriminator_of_openapi(
    keyword: str, mapping: dict[str, str] | None, tags: dict[str, str]
) -> None:
    discriminator = {"propertyName": "t", **({} if mapping is None else {"mapping": mapping})}
    schema = {keyword: [ref("A"), ref("B")], "discriminator": discriminator}
    adapter = type_adapter(schema, definitions=LETTERS)
    for tag, name in tags.items():
        value, problems = best_effort(adapter, {"t": tag, "y": 1})
        assert (type(value).__name__, problems) == (name, [])
    _, problems = best_effort(adapter, {"t": next(reversed(tags)), "y": "?"})
    assert [place for place, _ in problems] == [("y",)]
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"t": "other"})
    assert [error["loc"] for error in caught.value.errors()] == [("t",)]


def test_a_discriminator_that_names_too_little_is_none() -> None:
    schema = {"anyOf": [ref("A"), an_object("z", z={})], "discriminator": {"propertyName": "t", "mapping": 5}}
    adapter = type_adapter(schema, definitions=LETTERS)
    assert adapter.validate_python({"z": 1}).z == 1


TAGGED = {
    name: an_object("t", t={"type": "string"}, **{name.lower(): {"type": "integer"}})
    for name in ("A", "B", "C")
}
FAMILY = {"oneOf": [ref("A"), ref("C")], "discriminator": {"propertyName": "t"}}


@pytest.mark.parametrize(
    ("union", "tag"),
    [
        ({"oneOf": [ref("Family"), ref("B")], "discriminator": {"propertyName": "t"}}, "C"),
        ({"anyOf": [ref("B"), {"allOf": [ref("Family")]}], "discriminator": {"propertyName": "t"}}, "C"),
        (
            {
                "oneOf": [ref("Family"), ref("B")],
                "discriminator": {"propertyName": "t", "mapping": {"C": "C", "b": "B", "none": "None"}},
            },
            "C",
        ),
        (
            {"oneOf": [{"allOf": [ref("A")]}, {"allOf": [ref("C")]}], "discriminator": {"propertyName": "t"}},
            "C",
        ),
    ],
)
def test_a_discriminator_reaches_members_of_members(union: dict[str, Any], tag: str) -> None:
    adapter = type_adapter(union, definitions={**TAGGED, "Family": FAMILY})
    value, problems = best_effort(adapter, {"t": tag, "c": "?"})
    assert type(value).__name__ == "C"
    assert problems == [(("c",), "Input should be an integer")]
    assert adapter.validate_python({"t": tag, "c": 1}).c == 1


def test_a_member_that_is_there_twice_has_no_tag_of_its_own() -> None:
    union = {"anyOf": [ref("A"), ref("A")], "discriminator": {"propertyName": "t"}}
    assert type_adapter(union, definitions=TAGGED).validate_python({"t": "A", "a": 1}).a == 1


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_a_tag_that_may_be_left_out_decides_where_it_is_given(keyword: str) -> None:
    members = {
        name: an_object(t={"type": "string"}, **{name.lower(): {"type": "integer"}}) for name in ("A", "B")
    }
    union = {keyword: [ref("A"), ref("B")], "discriminator": {"propertyName": "t"}}
    adapter = type_adapter(union, definitions=members)
    assert best_effort(adapter, {"t": "B", "b": 1}) == (adapter.validate_python({"t": "B", "b": 1}), [])
    assert type(adapter.validate_json('{"t": "B", "b": 1}')).__name__ == "B"
    if keyword == "anyOf":
        assert type(adapter.validate_python({"b": "?", "a": 1})).__name__ == "A"
    else:  # without the tag it fits both
        with pytest.raises(ValidationError):
            adapter.validate_python({"b": 1})
    with pytest.raises(ValidationError):
        adapter.validate_python({"t": "C"})


@pytest.mark.parametrize(
    "beside",
    [
        {"required": ["z"]},
        {"type": "array"},
        {"minProperties": 2},
        {"not": {"required": ["t"]}},
        {"const": 5},
    ],
)
def test_a_fault_of_the_schema_around_a_union_is_a_problem(beside: dict[str, Any]) -> None:
    adapter = type_adapter({**PET, **beside}, definitions=PETS)
    value, problems = best_effort(adapter, {"t": "dog"})
    assert problems
    assert adapter.dump_python(value, mode="json") == {"t": "dog"}
