"""The quick yes of `jsonschema-rs` changes no verdict: checks with it and without it say the same."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError
from test_schema_cases import CASES
from test_schema_properties import Maker

from geopera.schema import SchemaError, type_adapter
from geopera.schema._document import Document
from geopera.schema._quick import quick_check
from geopera.schema._spec import Rest


@contextmanager
def without_it() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jsonschema_rs", None)
        yield


def verdicts(schema: Any, values: list[Any]) -> list[Any]:
    """What an adapter made now says of each value."""
    adapter = type_adapter(schema)
    found = []
    for value in values:
        try:
            found.append(adapter.dump_python(adapter.validate_python(value)))
        except ValidationError as error:
            found.append([(line["loc"], line["msg"]) for line in error.errors()])
    return found


@pytest.mark.parametrize(("group", "case"), CASES)
def test_the_table_of_keywords(group: str, case: dict[str, Any]) -> None:
    values = [*case["valid"], *case["invalid"]]
    with_it = verdicts(case["schema"], values)
    with without_it():
        assert verdicts(case["schema"], values) == with_it


@pytest.mark.parametrize("count", [60, pytest.param(3_000, marks=pytest.mark.slow)])
def test_generated_schemas(count: int) -> None:
    for seed in range(count):
        maker = Maker(random.Random(seed))
        schema = {**maker.schema(), "$defs": {"A": maker.schema(1), "B": maker.schema(1)}}
        values = [maker.value() for _ in range(10)]
        try:
            with_it = verdicts(schema, values)
        except SchemaError:
            continue
        with without_it():
            assert verdicts(schema, values) == with_it, schema


def quick(schema: Any) -> Any:
    return quick_check(Rest(Document(schema).top, None))


def test_what_is_asked_and_what_is_not() -> None:
    fits = quick({"contains": {"$ref": "#/$defs/x"}, "$defs": {"x": {"const": 3}}})
    assert fits([1, 2, 3])
    assert not fits([1, 2])
    assert not fits([float("nan")])  # which it cannot read: not a yes
    assert not fits(["\ud800"])
    for schema in (
        {"not": {"pattern": "a"}},
        {"patternProperties": {"a": False}},
        {"contains": {"multipleOf": 0.1}},
        {"not": {"uniqueItems": True}},
        {"contains": {"$ref": "#"}},  # a circle
        {"anyOf": [{"const": number} for number in range(600)]},
    ):
        assert quick(schema) is None, schema
    with without_it():
        assert quick({"contains": {"const": 3}}) is None
