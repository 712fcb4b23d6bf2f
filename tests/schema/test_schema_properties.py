"""Accepted exactly if the schema does: jsonschema is the judge, over the manifest and over generated schemas.

For every schema of the bundled manifest, valid instances and the same with one mutation; for generated
schemas, instances drawn from the same small vocabulary, so that both verdicts occur. The slow runs draw more
than 10,000 instances in all (`test_enough_instances` counts them), the quick ones a sample.
"""

from __future__ import annotations

import copy
import json
import random
import warnings
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import utils as conjecture
from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    validators,
)
from pydantic import ValidationError

from geopera._keywords import ARRAYS, MAPS, SINGLES
from geopera.manifest import default
from geopera.schema import Registry, SchemaError, type_adapter

KEYS = sorted(default().schemas)
PER_KEY = 14  # examples; each is one valid instance and two mutations of it
GENERATED = 600  # schemas
LONG = pytest.mark.slow
PER_SCHEMA = 12  # instances of each
SETTINGS = settings(
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def test_enough_instances() -> None:
    assert len(KEYS) >= 258
    assert len(KEYS) * PER_KEY * 3 + GENERATED * PER_SCHEMA >= 10_000


@cache
def plain_schemas() -> dict[str, Any]:
    return {key: json.loads(json.dumps(default().schemas[key])) for key in KEYS}


@cache
def registry() -> Registry:
    return Registry(plain_schemas(), module="tests.nowhere")


def judge_of(schema: Any) -> Draft202012Validator:
    return Draft202012Validator({"schemas": plain_schemas()}).evolve(schema=schema)


# -- instances of the manifest's schemas ------------------------------------------------------------------

texts = st.one_of(st.sampled_from(["", "a", "2024-01-01T00:00:00Z", "1.5", "true"]), st.text(max_size=8))
scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 10**6), st.floats(-1e6, 1e6), texts)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def with_definitions(schema: Any) -> Any:
    """The schema and, under $defs, what it refers to, in terms that hypothesis-jsonschema knows."""
    found: dict[str, Any] = {}

    def rewritten(item: Any) -> Any:
        if isinstance(item, list):
            return [rewritten(i) for i in item]
        if not isinstance(item, dict):
            return item
        if isinstance(item.get("$ref"), str):
            key = item["$ref"].rpartition("/")[2]
            if key not in found:
                found[key] = {}
                found[key] = rewritten(plain_schemas()[key])
            return {"$ref": f"#/$defs/{key}"}
        named = {"prefixItems": "items"} if isinstance(item.get("prefixItems"), list) else {}  # as in draft 7
        return {named.get(k, k): rewritten(v) for k, v in item.items()}

    result = rewritten(schema)
    return {**result, "$defs": found} if found else result


class _Many:
    """hypothesis' `many` with the `more()` that hypothesis-jsonschema calls, and newer ones lack."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._many = _new_many(*args, **options)
        self._turns: Any = None

    def more(self) -> bool:
        if self._turns is None:
            self._many.__enter__()
            self._turns = iter(self._many)
        for _ in self._turns:
            return True
        self._many.__exit__(None, None, None)
        return False

    def reject(self, why: str | None = None) -> None:
        self._many.reject(why)


_new_many = conjecture.many


@cache
def instances(key: str) -> st.SearchStrategy[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hypothesis_jsonschema._from_schema as generator

    if not hasattr(_new_many, "more"):
        generator.cu = SimpleNamespace(many=_Many)
    return generator.from_schema(with_definitions(plain_schemas()[key]))


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    if isinstance(value, dict):
        for name, item in value.items():
            found += paths(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths(item, (*at, index))
    return found


def mutated(value: Any, draw: Any) -> Any:
    """`value` with one thing changed: replaced, renamed, dropped, added, wrapped, or 1 for 1.0 and true."""
    value = copy.deepcopy(value)
    path = draw(st.sampled_from(paths(value)))
    parent, place = None, value
    for part in path:
        parent, place = place, place[part]
    choice = draw(st.integers(0, 4))
    if choice == 0 and isinstance(place, dict) and place:
        del place[draw(st.sampled_from(sorted(place)))]
        return value
    if choice == 1 and isinstance(place, dict):
        place[draw(texts)] = draw(scalars)
        return value
    if choice == 2 and isinstance(place, int) and not isinstance(place, bool):
        new: Any = draw(st.sampled_from([float(place), place + 0.5, -place - 1, bool(place), str(place)]))
    elif choice == 3:
        new = [place]
    else:
        new = draw(anything)
    if parent is None:
        return new
    parent[path[-1]] = new
    return value


def agrees(adapter: Any, judge: Any, instance: Any) -> bool:
    expected = bool(judge.is_valid(instance))
    for strict in (True, None):
        try:
            result = adapter.validate_python(instance, strict=strict)
            got = True
        except ValidationError:
            got = False
        assert got is expected, (instance, expected)
    if expected:
        back = adapter.dump_python(result, mode="json", by_alias=True, exclude_unset=True)
        assert back == instance
    return expected


@pytest.mark.slow
@pytest.mark.parametrize("examples", [1, pytest.param(PER_KEY, marks=LONG)])
@pytest.mark.parametrize("key", KEYS)
def test_the_schemas_of_the_manifest(key: str, examples: int) -> None:
    reference = {"$ref": f"#/schemas/{key}"}
    adapter, judge = registry().adapter(reference), judge_of(reference)

    @settings(SETTINGS, max_examples=examples)
    @given(st.data())
    def run(data: Any) -> None:
        valid = data.draw(instances(key))
        assert agrees(adapter, judge, valid)
        for _ in range(2):
            agrees(adapter, judge, mutated(valid, data.draw))

    run()


# -- generated schemas -----------------------------------------------------------------------------------

NAMES = ["a", "b", "type", "datetime", "x-y", "", "copy", "totalAud", "total_aud", "type_"]
TYPES = ["object", "object", "array", "array", "string", "integer", "number", "boolean", "null"]


class Maker:
    """Small random schemas and instances over one vocabulary."""

    def __init__(self, chosen: random.Random) -> None:
        self.random = chosen

    def value(self, depth: int = 0) -> Any:
        pick = self.random.choice
        kind = self.random.random()
        if kind < 0.2:
            return pick([None, True, False])
        if kind < 0.45:
            return pick([0, 1, -1, 2, 3, 5, 10, 0.0, 1.0, 1.5, -0.5, 2.0, 1e10, 3.5])
        if kind < 0.6 or depth > 2:
            return pick(["", "a", "ab", "abc", "b", "1", "é", "😀x", "a b"])
        if kind < 0.78:
            return [self.value(depth + 1) for _ in range(pick([0, 1, 1, 2, 2, 3]))]
        return {pick(NAMES): self.value(depth + 1) for _ in range(pick([0, 1, 2, 3, 4]))}

    def schema(self, depth: int = 0) -> Any:
        pick, chance = self.random.choice, self.random.random
        if depth and chance() < 0.1:
            return pick([True, False, {}])
        if depth < 3 and chance() < 0.12:
            return {
                "$ref": pick(["#/$defs/A", "#/$defs/B", "#/$defs/C"]),
                **({"minProperties": 1} if chance() < 0.2 else {}),
            }
        found: dict[str, Any] = {}
        if chance() < 0.6:
            found["type"] = pick([*TYPES, ["object", "null"], ["string", "integer"], ["integer", "number"]])
        for kind in self.random.sample(
            [
                "number",
                "string",
                "array",
                "object",
                "object",
                "fixed",
                "union",
                "union",
                "tags",
                "if",
                "rest",
            ],
            pick([1, 1, 2, 3]),
        ):
            getattr(self, f"_{kind}")(found, depth)
        return found

    def _number(self, found: dict[str, Any], depth: int) -> None:
        pick = self.random.choice
        keyword = pick(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
        found[keyword] = pick([1, 2, 1.5, 0.5]) if keyword == "multipleOf" else pick([0, 1, 1.5, -1, 5, 1.0])

    def _string(self, found: dict[str, Any], depth: int) -> None:
        pick = self.random.choice
        keyword = pick(["minLength", "maxLength", "pattern"])
        patterns = ["^a", "b$", "^[a-c]*$", "[0-9]", "a|1", "^.$", "(?=a)", "[^a]"]
        patterns += ["^(?=.*b).*$", "(?<!a)b", "(?<=a)b", "^(?!a)", "^(a|b)\\1?$"]
        found[keyword] = pick(patterns) if keyword == "pattern" else pick([0, 1, 2])

    def _array(self, found: dict[str, Any], depth: int) -> None:
        pick = self.random.choice
        keyword = pick(["items", "items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"])
        if keyword in ("items", "contains"):
            found[keyword] = self._inner(depth)
        elif keyword == "prefixItems":
            found[keyword] = [self._inner(depth) for _ in range(pick([1, 2]))]
        else:
            found[keyword] = keyword == "uniqueItems" or pick([0, 1, 2])
        if keyword == "contains" and self.random.random() < 0.5:
            found[pick(["minContains", "maxContains"])] = pick([0, 1, 2])

    def _object(self, found: dict[str, Any], depth: int) -> None:
        pick = self.random.choice
        found["properties"] = {pick(NAMES): self._inner(depth) for _ in range(pick([1, 2, 3]))}
        for _ in range(pick([0, 1, 2])):
            keyword = pick(
                [
                    "required",
                    "additionalProperties",
                    "patternProperties",
                    "propertyNames",
                    "minProperties",
                    "maxProperties",
                    "dependentRequired",
                    "dependentSchemas",
                ]
            )
            if keyword == "required":
                found[keyword] = sorted({pick(NAMES), pick(NAMES)})
            elif keyword in ("additionalProperties", "propertyNames"):
                found[keyword] = pick([False, self._inner(depth)])
            elif keyword == "patternProperties":
                found[keyword] = {pick(["^a", "b", "t", "x-", "^$"]): self._inner(depth)}
            elif keyword == "dependentRequired":
                found[keyword] = {pick(NAMES): [pick(NAMES)]}
            elif keyword == "dependentSchemas":
                found[keyword] = {pick(NAMES): self._inner(depth)}
            else:
                found[keyword] = pick([0, 1, 2, 3])

    def _fixed(self, found: dict[str, Any], depth: int) -> None:
        if self.random.random() < 0.5:
            found["const"] = self.value(1)
        else:
            found["enum"] = [self.value(1) for _ in range(self.random.choice([1, 2, 4]))]

    def _union(self, found: dict[str, Any], depth: int) -> None:
        keyword = self.random.choice(["anyOf", "oneOf", "oneOf", "allOf", "not"])
        count = self.random.choice([1, 2, 2, 3])
        found[keyword] = (
            self._inner(depth) if keyword == "not" else [self._inner(depth) for _ in range(count)]
        )

    def _tags(self, found: dict[str, Any], depth: int) -> None:
        """A union of objects that mostly have a property of their own values, some of which lead back."""
        pick, chance = self.random.choice, self.random.random
        tags: list[Any] = self.random.sample(["a", "b", "ab", 1, 2, None, True], 3)
        members: list[Any] = []
        for tag in tags[: pick([2, 3])]:
            inner = {"$ref": pick(["#", "#/$defs/C"])} if chance() < 0.4 else self._inner(depth)
            properties = {
                "type": {"const": tag} if chance() < 0.8 else {"enum": [tag, pick(["abc", 5])]},
                pick(NAMES): inner,
            }
            member: dict[str, Any] = {"type": "object", "properties": properties}
            if chance() < 0.8:
                member["required"] = ["type"]
            if chance() < 0.2:
                member = {"allOf": [{"properties": {"type": {}}}, member]}
            members.append(member)
        if chance() < 0.4:
            members.append({"type": pick(["null", "string", "array"])})
        found[pick(["anyOf", "oneOf"])] = members

    def _if(self, found: dict[str, Any], depth: int) -> None:
        found["if"] = self._inner(depth)
        for keyword in ("then", "else"):
            if self.random.random() < 0.7:
                found[keyword] = self._inner(depth)

    def _rest(self, found: dict[str, Any], depth: int) -> None:
        if self.random.random() < 0.5:
            found[self.random.choice(["unevaluatedProperties", "unevaluatedItems"])] = self._inner(depth)

    def _inner(self, depth: int) -> Any:
        return (
            self.schema(depth + 1)
            if depth < 3
            else self.random.choice([True, {"type": "string"}, {"minimum": 1}])
        )


@pytest.mark.slow
@pytest.mark.parametrize("examples", [60, pytest.param(GENERATED, marks=LONG)])
def test_generated_schemas(examples: int) -> None:
    @settings(SETTINGS, max_examples=examples)
    @given(st.randoms(use_true_random=False))  # whose choices hypothesis shrinks, one by one
    def run(chosen: random.Random) -> None:
        one_generated_schema(Maker(chosen))

    run()


def one_generated_schema(maker: Maker) -> None:
    schema = maker.schema()
    schema["$defs"] = {name: maker.schema(1) for name in "ABC"}
    try:
        adapter = type_adapter(schema)
    except SchemaError as error:
        assert "circle" in str(error)  # they may name each other and nothing else
        return
    judge = Draft202012Validator(schema)
    for _ in range(PER_SCHEMA):
        agrees(adapter, judge, maker.value())


# -- older drafts ------------------------------------------------------------------------------------------

OLDER: dict[str, Any] = {
    "http://json-schema.org/draft-04/schema#": validators.extend(
        # 1.0 is an integer for us in every draft.
        Draft4Validator,
        type_checker=Draft6Validator.TYPE_CHECKER,
    ),
    "http://json-schema.org/draft-06/schema#": Draft6Validator,
    "http://json-schema.org/draft-07/schema": Draft7Validator,
    "https://json-schema.org/draft/2019-09/schema": Draft201909Validator,
}
_LATER = {"minContains", "maxContains"}
#: The judge of 2019-09 takes the keywords of a schema for names of properties there, and `contains` for what evaluates.
_ODD = {"unevaluatedProperties", "unevaluatedItems"}
_NOT_IN_4 = {"const", "contains", "propertyNames"}


def as_written_in(schema: Any, number: int) -> Any:
    """A schema of today in the words of an older draft (4, 6, 7 or 2019)."""
    if isinstance(schema, bool):
        return schema if number > 4 else {} if schema else {"not": {}}
    found: dict[str, Any] = {}
    for key, value in schema.items():
        skipped = (
            key in _ODD or (number < 2019 and key in _LATER) or (number < 7 and key in ("if", "then", "else"))
        )
        if skipped or (number == 4 and key in _NOT_IN_4):
            continue
        if key in SINGLES:
            value = as_written_in(value, number)
        elif key in ARRAYS:
            value = [as_written_in(item, number) for item in value]
        elif key in MAPS:
            value = {name: as_written_in(item, number) for name, item in value.items()}
        if key == "$ref":
            value = value.replace("$defs", "definitions")
        if key == "$defs":
            key = "definitions"
        elif key == "prefixItems":
            key = "items"
        elif key == "items" and "prefixItems" in schema:
            key = "additionalItems"
        elif key in ("dependentRequired", "dependentSchemas") and number < 2019:
            value = {**found.get("dependencies", {}), **value}
            key = "dependencies"
        elif key in ("exclusiveMinimum", "exclusiveMaximum") and number == 4:
            found[key] = True
            key = key.replace("exclusiveM", "m")
        found[key] = value
    return found


@pytest.mark.slow
@pytest.mark.parametrize("examples", [15, pytest.param(300, marks=LONG)])
@pytest.mark.parametrize("uri", OLDER)
def test_generated_schemas_of_older_drafts(uri: str, examples: int) -> None:
    number = {"4": 4, "6": 6, "7": 7}.get(uri.removesuffix("#").removesuffix("/schema")[-1], 2019)

    @settings(SETTINGS, max_examples=examples)
    @given(st.randoms(use_true_random=False))
    def run(chosen: random.Random) -> None:
        maker = Maker(chosen)
        written = {**maker.schema(), "$defs": {name: maker.schema(1) for name in "ABC"}}
        schema = {**as_written_in(written, number), "$schema": uri}
        try:
            adapter = type_adapter(schema)
        except SchemaError as error:
            assert "circle" in str(error)
            return
        judge = OLDER[uri](schema)
        for _ in range(PER_SCHEMA):
            agrees(adapter, judge, maker.value())

    run()
