"""Which definitions mean the same in two sets of them, so that one class can serve both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._names import class_names
from .._references import references

__all__ = ["unchanged"]


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
