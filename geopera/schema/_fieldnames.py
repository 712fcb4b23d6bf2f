"""What the fields of a class are called in Python."""

from __future__ import annotations

from .._names import as_parsed, python_name
from ._model import DEPRECATED, Model, ModelMeta

__all__ = ["field_names"]

#: Attributes that a field must not hide.
_TAKEN = frozenset((*dir(Model), *dir(ModelMeta))) - DEPRECATED


def field_names(wires: list[str]) -> dict[str, str]:
    """Wire name -> Python name: each once, none that is another field's wire name or that pydantic needs."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    known = set(wires)
    for wire in wires:
        name = python_name(wire)
        candidates = [name, f"{name}_"]
        if wire.isidentifier() and not wire.startswith("_") and wire == as_parsed(wire):
            candidates.insert(1, wire)
        number = 2
        while True:
            choice = candidates.pop(0) if candidates else f"{name}_{number}"
            is_free = choice not in taken and choice not in _TAKEN and not choice.startswith("_")
            if is_free and (choice == wire or choice not in known):
                break
            number += not candidates
        names[wire] = choice
        taken.add(choice)
    return names
