"""Unions: by a property that tells the members apart, by the first that fits, or by the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import CoreSchema, core_schema

from ._document import Loc
from ._node import Node

__all__ = ["disjoint", "tag_values", "tags_of", "union_of"]

Tags = tuple[str, str | None, list[tuple[str, ...]]]


def disjoint(nodes: Sequence[Node]) -> bool:
    """Whether no value can pass two of the nodes, by JSON type alone."""
    seen: set[str] = set()
    for node in nodes:
        if seen & node.kinds:
            return False
        seen |= node.kinds
    return True


def tag_values(places: Sequence[Loc]) -> tuple[str, ...]:
    """The texts that a property must be one of, if that is what its schema says."""
    schema = places[0].schema
    if (
        len(places) == 1
        and isinstance(schema, Mapping)
        and not {"$ref", "allOf", "anyOf", "oneOf"} & schema.keys()
    ):
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
            return tuple(values)
    return ()


def _is_null(node: Node) -> bool:
    return bool(node.core["type"] == "none")


def tags_of(nodes: Sequence[Node]) -> Tags | None:
    """(wire name, Python name, values per node) of a required property that every member has to itself."""
    objects = [node for node in nodes if not _is_null(node)]
    units: list[Any] = [getattr(node.hint, "__origin_unit__", None) for node in objects]
    if len(units) < 2 or not all(units) or any(node.kinds != {"object"} for node in objects):
        return None
    for wire in units[0].tags:
        values = [unit.tags.get(wire, ()) for unit in units]
        everything = [value for group in values for value in group]
        pythons = {unit.cls._layout().names[wire] for unit in units if wire in unit.tags}
        if all(values) and len(set(everything)) == len(everything) and len(pythons) == 1:
            return wire, pythons.pop(), values
    return None


def union_of(
    nodes: Sequence[Node], labels: Sequence[str], tags: Tags | None = None, *, smart: bool = True
) -> Node:
    """One node for several: told apart by `tags`, or the best fit where several take objects, or the first."""
    kinds = frozenset[str]().union(*(node.kinds for node in nodes))
    rest = [(node, label) for node, label in zip(nodes, labels, strict=True) if not _is_null(node)]
    if not rest:
        return nodes[0]
    hint: Any = rest[0][0].hint
    for node, _ in rest[1:]:
        hint = _either(hint, node.hint)
    is_open = any(node.open for node in nodes)
    size = 1 + sum(node.size for node in nodes)
    core: CoreSchema
    if len(rest) == 1:
        core = rest[0][0].core
    elif tags is not None:
        wire, python, values = tags
        members = {value: node.core for (node, _), group in zip(rest, values, strict=True) for value in group}
        paths: list[list[str | int]] = [[wire], [python or wire]]
        core = core_schema.tagged_union_schema(members, wire if python == wire else paths)
    else:
        objects = sum(1 for node, _ in rest if "object" in node.kinds)
        choices: list[Any] = [(node.core, label) for node, label in rest]
        core = core_schema.union_schema(choices, mode="smart" if smart and objects > 1 else "left_to_right")
    if len(rest) < len(nodes):
        return Node(core_schema.nullable_schema(core), _either(hint, None), kinds, open=is_open, size=size)
    return Node(core, hint, kinds, open=is_open, size=size)


def _either(one: Any, other: Any) -> Any:
    try:
        return one | other
    except TypeError:
        from typing import Union

        return Union[one, other]  # noqa: UP007
