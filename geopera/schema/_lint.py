"""Is this a schema at all? Types of keywords, depth, references, loops: checked once, without recursion.

A reference loop is one that never consumes a part of the instance (``{"$ref": "#"}``, or two schemas
that name each other in `allOf`): no validator can answer it. Recursion through `properties`, `items`
and the like is fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

from ._document import ARRAYS, MAPS, SINGLES, Loc, children
from ._errors import MAX_DEPTH, MAX_REPEATS, SchemaError
from .regex.pattern import compile_pattern

__all__ = ["TYPES", "leaves_first", "lint"]

TYPES = frozenset(["array", "boolean", "integer", "null", "number", "object", "string"])
#: Keywords whose subschemas see the same value as the schema they stand in.
_IN_PLACE = frozenset(["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"])

Key = tuple[int, tuple[str, ...]]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite_safe(value)


def isfinite_safe(value: float) -> bool:
    return isinstance(value, int) or isfinite(value)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_type(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list) and bool(names) and all(isinstance(n, str) and n in TYPES for n in names)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_schema(value: Any) -> bool:
    return isinstance(value, bool | Mapping)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, "one or several of the seven type names"),
    "enum": (lambda v: isinstance(v, list), "an array"),
    "multipleOf": (lambda v: _is_number(v) and v > 0, "a number greater than 0"),
    "uniqueItems": (lambda v: isinstance(v, bool), "a boolean"),
    "required": (_is_names, "an array of names"),
    "dependentRequired": (
        lambda v: isinstance(v, Mapping) and all(map(_is_names, v.values())),
        "an object of arrays of names",
    ),
    "pattern": (lambda v: isinstance(v, str), "a string"),
    **dict.fromkeys(["maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"], (_is_number, "a number")),
    **dict.fromkeys(
        [
            "maxLength",
            "minLength",
            "maxItems",
            "minItems",
            "maxContains",
            "minContains",
            "maxProperties",
            "minProperties",
        ],
        (_is_count, "a whole number, 0 or greater"),
    ),
    **dict.fromkeys(
        ["$ref", "$dynamicRef", "$anchor", "$dynamicAnchor", "$id"],
        (lambda v: isinstance(v, str), "a string"),
    ),
    **dict.fromkeys(SINGLES, (_is_schema, "a schema (an object or a boolean)")),
    **dict.fromkeys(
        ARRAYS,
        (
            lambda v: isinstance(v, list) and bool(v) and all(map(_is_schema, v)),
            "a non-empty array of schemas",
        ),
    ),
    **dict.fromkeys(
        MAPS, (lambda v: isinstance(v, Mapping) and all(map(_is_schema, v.values())), "an object of schemas")
    ),
}


def _check_keywords(loc: Loc) -> None:
    schema = loc.schema
    if not _is_schema(schema):
        raise loc.error(f"a schema is an object or a boolean, not {type(schema).__name__}")
    if isinstance(schema, bool):
        return
    for keyword, value in schema.items():
        rule = _RULES.get(keyword)
        if rule is not None and not rule[0](value):
            raise loc.error(f"{keyword!r} must be {rule[1]}, not {repr(value)[:80]}")
    if "pattern" in schema:
        compile_pattern(schema["pattern"], loc.error)
    for pattern in schema.get("patternProperties", ()):
        compile_pattern(pattern, loc.error)


def _targets(loc: Loc) -> Iterator[Loc]:
    schema = loc.schema
    if "$ref" in schema:
        yield loc.doc.resolve(schema["$ref"], loc)
    if "$dynamicRef" in schema:
        yield loc.doc.resolve(schema["$dynamicRef"], loc)


def lint(start: Loc, seen: dict[Key, int]) -> bool:
    """Check everything that `start` reaches and `seen` does not hold yet; raises SchemaError.

    Returns whether a ``$dynamicRef`` was met.
    """
    dynamic = False
    pending: list[tuple[Loc, int]] = [(start, 0)]
    before = len(seen)
    try:
        while pending:
            loc, depth = pending.pop()
            if loc.key not in seen:
                dynamic |= _walk(loc, depth, seen, pending)
    except SchemaError:
        for key in list(seen)[before:]:  # of which some were left with parts that were not looked at
            del seen[key]
        raise
    return dynamic


def _walk(start: Loc, depth: int, seen: dict[Key, int], pending: list[tuple[Loc, int]]) -> bool:
    """Depth-first along what applies in place, so that a loop shows; the rest is left in `pending`."""
    stack: list[tuple[Loc, int, Iterator[tuple[Loc, int]], list[int]]] = []
    open_keys: set[Key] = set()
    dynamic = False

    def enter(loc: Loc, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise loc.error(f"subschemas nest more than {MAX_DEPTH} deep")
        _check_keywords(loc)
        in_place: list[tuple[Loc, int]] = []
        if isinstance(loc.schema, Mapping):
            nonlocal dynamic
            dynamic = dynamic or "$dynamicRef" in loc.schema
            in_place += [(target, 0) for target in _targets(loc)]
            for parts, _ in children(loc.schema):
                child = loc.sub(*parts)
                (in_place if parts[0] in _IN_PLACE else pending).append((child, depth + 1))
        open_keys.add(loc.key)
        stack.append((loc, depth, iter(in_place), [1]))

    enter(start, depth)
    while stack:
        loc, _, rest, weight = stack[-1]
        for child, child_depth in rest:
            if child.key in open_keys:
                raise loc.error("the references run in a circle: the schema says nothing but itself")
            known = seen.get(child.key)
            if known is None:
                enter(child, child_depth)
                break
            weight[0] += known
        else:
            stack.pop()
            open_keys.discard(loc.key)
            if weight[0] > MAX_REPEATS:
                raise loc.error(f"more than {MAX_REPEATS} subschemas would apply to one value")
            seen[loc.key] = weight[0]
            if stack:
                stack[-1][3][0] += weight[0]
    return dynamic


def leaves_first(start: Loc, seen: set[Key]) -> list[Loc]:
    """The targets of references that `start` reaches, each after those that it refers to itself.

    Compiled in this order, a long chain of references needs no deep recursion.
    """
    order: list[Loc] = []
    stack: list[tuple[Loc, bool, bool]] = [(start, False, False)]
    while stack:
        loc, is_target, finished = stack.pop()
        if finished:
            order.append(loc)
            continue
        if loc.key in seen or not isinstance(loc.schema, Mapping):
            continue
        seen.add(loc.key)
        if is_target:
            stack.append((loc, True, True))
        stack.extend((loc.sub(*parts), False, False) for parts, _ in children(loc.schema))
        stack.extend((target, True, False) for target in _targets(loc))
    return order
