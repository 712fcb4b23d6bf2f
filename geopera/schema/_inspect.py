"""The fields of validated values that no schema knows."""

from __future__ import annotations

from typing import Any

from .._names import nearest
from ._model import Model

__all__ = ["unknown_fields"]

Loc = tuple[str | int, ...]
_Way = Any  # None, or (the way to the parent, the name below it)


def _path(way: _Way) -> Loc:
    parts: list[str | int] = []
    while way is not None:
        way, part = way
        parts.append(part)
    return tuple(reversed(parts))


def _is_coordinates(item: list[Any]) -> bool:
    """Whether a list begins with numbers, at whatever depth: a geometry may have 100,000 of them."""
    first: Any = item
    for _ in range(5):  # as deep as coordinates are
        if not isinstance(first, list) or not first:
            break
        first = first[0]
    return isinstance(first, float | int)


def unknown_fields(value: Any) -> list[tuple[Loc, str, list[str]]]:
    """Find the members of closed models, at any depth, that their schemas do not have.

    A schema is closed if it has `properties` and does not mention additional ones. A field given under both of its names
    is found in open models too.

    Args:
        value: What an adapter returned.

    Returns:
        For each: the path of the model, the name, and the nearest names of fields.
    """
    found: list[tuple[Loc, str, list[str]]] = []
    # Places are linked (parent, name) until they are needed: a value may be very deep.
    stack: list[tuple[_Way, Any]] = [(None, value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, Model):
            layout = type(item)._layout()
            wires = layout.wires
            for name in item.__pydantic_extra__ or ():
                if name in wires:
                    found.append((_path(at), name, [wires[name]]))
                elif not layout.is_open:
                    found.append((_path(at), name, nearest(name, (*layout.names, *wires))))
            fields = item.__dict__
            stack.extend(
                ((at, wires[n]), fields[n])
                for n in item.__pydantic_fields_set__
                if item._has(n) and n in wires
            )
            stack.extend(((at, n), v) for n, v in (item.__pydantic_extra__ or {}).items())
        elif isinstance(item, dict):
            stack.extend(((at, str(key)), inner) for key, inner in item.items())
        elif isinstance(item, list) and not _is_coordinates(item):
            stack.extend(((at, index), inner) for index, inner in enumerate(item))
    found.sort(key=lambda entry: [str(part) for part in entry[0]])
    return found
