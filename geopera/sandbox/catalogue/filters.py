"""Filters on the members of items: the query extension's operators, `sortby`, and CQL2 JSON.

An unreadable filter, or one with a property that no item has, is a 422 problem: a filter without effect would let a
test pass that fails in production.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ..wire.problems import unprocessable

Item = Mapping[str, Any]
Test = Callable[[Item], bool]
T = TypeVar("T")

_CQL2 = frozenset(
    [
        "and",
        "or",
        "not",
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "like",
        "between",
        "in",
        "isNull",
        "casei",
        "accenti",
        "+",
        "-",
        "*",
        "/",
        "%",
        "div",
        "^",
        "upper",
        "lower",
        "s_intersects",
        "s_equals",
        "s_disjoint",
        "s_touches",
        "s_within",
        "s_overlaps",
        "s_crosses",
        "s_contains",
        "t_after",
        "t_before",
        "t_contains",
        "t_disjoint",
        "t_during",
        "t_equals",
        "t_finishedBy",
        "t_finishes",
        "t_intersects",
        "t_meets",
        "t_metBy",
        "t_overlappedBy",
        "t_overlaps",
        "t_startedBy",
        "t_starts",
        "a_equals",
        "a_contains",
        "a_containedBy",
        "a_overlaps",
    ]
)


def member(item: Item, name: str) -> Any:
    """A member of an item by its name: a property (also as `properties.x`), or `id`, `collection`, …"""
    properties = item.get("properties") or {}
    name = name.removeprefix("properties.")
    return properties[name] if name in properties else item.get(name)


def query_tests(query: Any) -> list[Test]:
    """The tests of the query extension. Raises a 422 problem."""
    if query is None:
        return []
    if not isinstance(query, Mapping):
        raise unprocessable("query is an object: property -> {operator: value}.")
    tests: list[Test] = []
    for name, conditions in query.items():
        if not isinstance(conditions, Mapping):
            raise unprocessable(f"The query of {name!r} is an object: operator -> value.")
        for word, want in conditions.items():
            if want is not None:
                tests.append(_query_test(name, word, want))
    return tests


def sort(items: Iterable[T], sortby: Any, view: Callable[[T], Item]) -> list[T]:
    """Items in the order of `sortby`; ties keep their order, items without the field come last.

    Raises a 422 problem for a clause that cannot be read or a field that no item has.
    """
    found = list(items)
    if sortby is None:
        return found
    if not isinstance(sortby, list):
        raise unprocessable("sortby is a list of {field, direction}.")
    for clause in reversed(sortby):
        if not isinstance(clause, Mapping) or not isinstance(clause.get("field"), str):
            raise unprocessable("Each clause of sortby has a field and a direction.")
        direction = str(clause.get("direction") or "asc").lower()
        if direction not in ("asc", "desc"):
            raise unprocessable("The direction of sortby is asc or desc.")
        keyed = [(member(view(one), clause["field"]), one) for one in found]
        have = [(_key(value), one) for value, one in keyed if value is not None]
        if keyed and not have:
            raise unprocessable(f"sortby: no item has the field {clause['field']!r}.")
        have.sort(key=lambda pair: pair[0], reverse=direction == "desc")
        found = [one for _, one in have] + [one for value, one in keyed if value is None]
    return found


def cql2(expression: Any, language: Any = None) -> Callable[[Sequence[T], Callable[[T], Item]], list[T]]:
    """A filter by a CQL2 JSON expression. Raises a 422 problem for an unknown construct."""
    if language not in (None, "cql2-json"):
        raise unprocessable("filter-lang: the filter is CQL2 JSON (cql2-json).")
    names: set[str] = set()
    _walk(expression, names, 0)
    from cql2 import Expr

    try:
        parsed = Expr(json.loads(json.dumps(expression)))
    except Exception as problem:  # noqa: BLE001 - the library raises its own and plain exceptions
        raise unprocessable(f"filter: {problem}"[:300]) from None

    def keep(items: Sequence[T], view: Callable[[T], Item]) -> list[T]:
        views = [view(one) for one in items]
        for name in names:
            if views and all(member(one, name) is None for one in views):
                raise unprocessable(f"filter: no item has the property {name!r}.")
        return [one for one, seen in zip(items, views, strict=True) if _matches(parsed, names, seen)]

    return keep


def _matches(expression: Any, names: set[str], item: Item) -> bool:
    missing = {name.removeprefix("properties."): None for name in names if member(item, name) is None}
    try:
        return bool(expression.matches({**item, "properties": {**missing, **(item.get("properties") or {})}}))
    except Exception as problem:  # noqa: BLE001 - see above
        if missing:
            return False  # a comparison with a missing value is not true
        raise unprocessable(f"filter: {problem}"[:300]) from None


def _walk(node: Any, names: set[str], depth: int) -> None:
    if depth > 50:
        raise unprocessable("filter: it is nested too deeply.")
    if isinstance(node, list):
        for one in node:
            _walk(one, names, depth + 1)
    elif isinstance(node, Mapping) and "op" in node:
        if node["op"] not in _CQL2 or not isinstance(node.get("args"), list):
            raise unprocessable(f"filter: unknown operator {str(node['op'])[:60]!r}, or no list of args.")
        _walk(node["args"], names, depth + 1)
    elif isinstance(node, Mapping) and "property" in node:
        if not isinstance(node["property"], str):
            raise unprocessable("filter: a property has a name.")
        names.add(node["property"])
    elif depth == 0:
        raise unprocessable("filter: an expression has an op and args.")


def _query_test(name: str, word: str, want: Any) -> Test:
    low = word.lower()
    if low not in _OPERATORS:
        raise unprocessable(f"Unknown operator {word[:60]!r} in the query of {name[:60]!r}.")
    kind, compare = _OPERATORS[low]
    if not _readable(kind, want):
        raise unprocessable(f"The operator {word!r} in the query of {name[:60]!r} takes {kind}.")

    def test(item: Item) -> bool:
        have = member(item, name)
        try:
            return have is not None and compare(have, want)
        except TypeError:
            return False

    return test


def _readable(kind: str, want: Any) -> bool:
    if kind == "a list":
        return isinstance(want, list)
    if kind == "a string":
        return isinstance(want, str)
    if kind == "a number or a string":
        return isinstance(want, int | float | str) and not isinstance(want, bool)
    return not isinstance(want, list | dict)


def _same(have: Any, want: Any) -> bool:
    return bool(have == want) and isinstance(have, bool) == isinstance(want, bool)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda have, want: isinstance(have, str) and compare(have, want)


_OPERATORS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "eq": ("one value", _same),
    "neq": ("one value", lambda have, want: not _same(have, want)),
    "gt": ("a number or a string", lambda have, want: bool(have > want)),
    "gte": ("a number or a string", lambda have, want: bool(have >= want)),
    "lt": ("a number or a string", lambda have, want: bool(have < want)),
    "lte": ("a number or a string", lambda have, want: bool(have <= want)),
    "startswith": ("a string", _text(str.startswith)),
    "endswith": ("a string", _text(str.endswith)),
    "contains": ("a string", _text(lambda have, want: want in have)),
    "in": ("a list", lambda have, want: any(_same(have, one) for one in want)),
}


def _key(value: Any) -> tuple[int, Any]:
    """Numbers before texts before the rest, so that any two values compare."""
    if isinstance(value, int | float):
        return 0, value
    return (1, value) if isinstance(value, str) else (2, json.dumps(value, sort_keys=True, default=str))
