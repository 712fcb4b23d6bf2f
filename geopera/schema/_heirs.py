"""Which definitions mean the same in two sets of them, so that one class can serve both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._names import class_names

__all__ = ["references", "unchanged"]


def references(schema: Any, prefix: str) -> set[str]:
    """The keys of the definitions that a schema refers to itself, not through others."""
    found: set[str] = set()
    stack = [schema]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            ref = item.get("$ref")
            if isinstance(ref, str) and ref.startswith(prefix):
                found.add(ref[len(prefix) :])
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found


def unchanged(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> frozenset[str]:
    """The keys whose definition, with all that it refers to, and whose class name are the same in both.

    The order of properties counts: it is that of a class's fields.
    """
    old_names = {key: name for name, key in class_names(old).items()}
    new_names = {key: name for name, key in class_names(new).items()}
    changed = {key for key in new if key not in old or new_names[key] != old_names[key]}
    users: dict[str, set[str]] = {}
    for key in new:
        if key not in changed and not _same(old[key], new[key]):
            changed.add(key)
        for target in references(new[key], prefix):
            users.setdefault(target, set()).add(key)
    waiting = [*changed, *(target for target in users if target not in new)]
    while waiting:
        for user in users.get(waiting.pop(), set()) - changed:
            changed.add(user)
            waiting.append(user)
    return frozenset(key for key in new if key not in changed)


def _same(a: Any, b: Any) -> bool:
    return a == b and repr(a) == repr(b)
