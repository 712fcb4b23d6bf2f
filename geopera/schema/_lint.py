"""Is this a schema at all? Types of keywords, depth, references, loops: checked once, without recursion.

A reference loop is one that never consumes a part of the instance (``{"$ref": "#"}``, or two schemas
that name each other in `allOf`): no validator can decide it. Recursion through `properties`, `items`
and the like is fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import isfinite
from typing import Any

from .._keywords import FORMS, HOLDERS, IN_PLACE
from ._document import MAPPING, Loc, children
from ._errors import MAX_DEPTH, MAX_REPEATS, SchemaError
from .regex.pattern import compile_pattern

__all__ = ["TYPES", "leaves_first", "lint"]

_SCHEMA = (bool, *MAPPING)
TYPES = frozenset(["array", "boolean", "integer", "null", "number", "object", "string"])

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
    return isinstance(value, _SCHEMA)


#: By the form of a keyword's value: whether a value has it, and how it is called.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "types": (_is_type, "one or several of the seven type names"),
    "values": (lambda v: isinstance(v, list), "an array"),
    "boolean": (lambda v: isinstance(v, bool), "a boolean"),
    "text": (lambda v: isinstance(v, str), "a string"),
    "number": (_is_number, "a number"),
    "positive": (lambda v: _is_number(v) and v > 0, "a number greater than 0"),
    "count": (_is_count, "a whole number, 0 or greater"),
    "names": (_is_names, "an array of names"),
    "names by name": (
        lambda v: isinstance(v, MAPPING) and all(map(_is_names, v.values())),
        "an object of arrays of names",
    ),
    "schema": (_is_schema, "a schema (an object or a boolean)"),
    "list": (
        lambda v: isinstance(v, list) and bool(v) and all(map(_is_schema, v)),
        "a non-empty array of schemas",
    ),
    "map": (lambda v: isinstance(v, MAPPING) and all(map(_is_schema, v.values())), "an object of schemas"),
}
_RULE_OF = {keyword: _RULES[form] for keyword, form in FORMS.items() if form in _RULES}


def _check_keywords(schema: Any, error: Callable[[str], SchemaError]) -> None:
    """Check the schema itself, without those inside it. Raises `error` with the fault."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, MAPPING):
        raise error(f"a schema is an object or a boolean, not {type(schema).__name__}")
    for keyword, value in schema.items():
        rule = _RULE_OF.get(keyword)
        if rule is not None and not rule[0](value):
            raise error(f"{keyword!r} must be {rule[1]}, not {repr(value)[:80]}")
    if "pattern" in schema:
        compile_pattern(schema["pattern"], error)
    for pattern in schema.get("patternProperties", ()):
        compile_pattern(pattern, error)


def _is_leaf(schema: Any) -> bool:
    """Whether a schema leads to no other."""
    return isinstance(schema, MAPPING) and HOLDERS.isdisjoint(schema)


def _error_below(loc: Loc, parts: tuple[str, ...], message: str) -> SchemaError:
    return loc.sub(*parts).error(message)


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
        for key in list(seen)[before:]:  # some of them have parts that were not checked
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
        _check_keywords(loc.schema, loc.error)
        in_place: list[tuple[Loc, int]] = []
        weight = 1
        if isinstance(loc.schema, MAPPING):
            nonlocal dynamic
            dynamic = dynamic or "$dynamicRef" in loc.schema
            in_place += [(target, 0) for target in _targets(loc)]
            for parts, inner in children(loc.schema):
                if depth < MAX_DEPTH and _is_leaf(inner):  # most are: checked here, and known no more
                    _check_keywords(inner, partial(_error_below, loc, parts))
                    weight += parts[0] in IN_PLACE
                else:
                    (in_place if parts[0] in IN_PLACE else pending).append((loc.sub(*parts), depth + 1))
        open_keys.add(loc.key)
        stack.append((loc, depth, iter(in_place), [weight]))

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
        if loc.key in seen or not isinstance(loc.schema, MAPPING):
            continue
        seen.add(loc.key)
        if is_target:
            stack.append((loc, True, True))
        stack.extend(
            (loc.sub(*parts), False, False) for parts, inner in children(loc.schema) if not _is_leaf(inner)
        )
        stack.extend((target, True, False) for target in _targets(loc))
    return order
