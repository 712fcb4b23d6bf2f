"""The check of a manifest and the builder of its models agree on every schema and every pattern."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from test_schema_properties import Maker

from geopera.manifest import bundled
from geopera.schema import Registry, SchemaError
from geopera.tracking.check import check_manifest

ODD = [
    -1,
    0,
    2**63,
    1.5,
    "",
    "(",
    "(?=a)",
    None,
    True,
    [],
    {},
    ["a", "a"],
    [1],
    {"a": 5},
    "#/schemas/A",
    [{}],
]


def lets_in(schemas: dict[str, Any]) -> bool:
    manifest = {**bundled().to_dict(), "operations": {}, "schemas": copy.deepcopy(schemas)}
    return not [problem for problem in check_manifest(manifest) if problem.startswith("schemas.")]


def builds(schemas: dict[str, Any]) -> bool:
    registry = Registry(schemas, module="tests.gate")
    try:
        for key in schemas:
            registry.adapter({"$ref": f"#/schemas/{key}"})
    except SchemaError:
        return False
    return True


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        *((text, True) for text in (r"^\p{Lu}\p{Ll}*$", r"(?<year>\d{2})", r"\u{1F600}", r"\cA", "(?<=b+)c")),
        *(
            (text, True)
            for text in (r"(?=(a+))\1", "(?<n>x)|(?<n>y)", r"^\d+\_?$", "^.{0,65535}$", "a" * 600)
        ),
        *((text, False) for text in ("(?>ab)c", "(?P<x>a)(?P=x)", "(?(1)b|c)", "(", "[b-a]", "a" * 10_001)),
    ],
)
def test_patterns(pattern: str, fits: bool) -> None:
    for schema in ({"type": "string", "pattern": pattern}, {"patternProperties": {pattern: {}}}):
        assert builds({"A": schema}) is fits
        assert lets_in({"A": schema}) is fits


def chained(size: int) -> dict[str, Any]:
    links = {f"L{n}": {"type": "array", "items": {"$ref": f"#/schemas/L{n + 1}"}} for n in range(size)}
    return {**links, f"L{size}": {"type": "null"}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schemas", "fits"),
    [
        (chained(50), True),
        (chained(1_500), False),
        ({"A": {"enum": list(range(2_001))}}, True),
        ({"A": {"required": ["a", "a"]}}, True),
        ({"A": {"allOf": [{"$ref": "#/schemas/A"}]}}, False),
        ({"A": {"type": "sting"}}, False),
    ],
)
def test_bounds_and_schemas(schemas: dict[str, Any], fits: bool) -> None:
    assert builds(schemas) is fits
    assert lets_in(schemas) is fits


@pytest.mark.parametrize("count", [25, pytest.param(1_000, marks=pytest.mark.slow)])
def test_generated_schemas_with_a_fault_or_none(count: int) -> None:
    def places(value: Any) -> list[tuple[Any, Any]]:
        keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        return [place for key in keys for place in ((value, key), *places(value[key]))]

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: item.replace("#/$defs", "#/schemas") if key == "$ref" else moved(item)
                for key, item in value.items()
            }
        return [moved(item) for item in value] if isinstance(value, list) else value

    for seed in range(count):
        chosen = random.Random(seed)
        maker = Maker(chosen)
        schemas = copy.deepcopy({name: maker.schema(1) for name in "ABC"})
        if seed % 2 and (found := places(schemas)):
            holder, key = chosen.choice(found)
            holder[key] = copy.deepcopy(chosen.choice(ODD))
        try:
            schemas = moved(schemas)
        except AttributeError:  # the fault is a reference that is no text
            continue
        if all(isinstance(schema, dict) for schema in schemas.values()) and set(schemas) == set("ABC"):
            text = repr(schemas)
            if '"#"' in text or "'#'" in text or "''" in text:
                continue  # what a manifest does not take, whatever it means
            assert lets_in(schemas) is builds(schemas), schemas
