"""A few operations of the bundled manifest: a test of one rule does not check 229 operations."""

from __future__ import annotations

import copy
import re
from functools import cache
from json import dumps
from typing import Any

from geopera.manifest import bundled

IDS = (
    "catalog.hosts.list",
    "catalog.search",
    "glossary.providers.list",
    "orders.archive.place",
    "orders.get",
)
_REFERENCE = re.compile(r'"\$ref": "#/schemas/([^"/]+)')


def small_manifest(*ids: str) -> dict[str, Any]:
    """The operations `ids`, by default five of different kinds, and the schemas that they need; a fresh copy."""
    return copy.deepcopy(_cut(ids or IDS))


@cache
def _cut(ids: tuple[str, ...]) -> dict[str, Any]:
    whole = bundled().to_dict()
    operations = {id: whole["operations"][id] for id in sorted(ids)}
    waiting = {"Problem", "HTTPValidationError", *_REFERENCE.findall(dumps(operations))}
    waiting |= {key for entry in operations.values() for key in entry["errors"].values()}
    kept: dict[str, Any] = {}
    while waiting:
        key = waiting.pop()
        kept[key] = whole["schemas"][key]
        waiting |= set(_REFERENCE.findall(dumps(kept[key]))) - kept.keys()
    return {**whole, "operations": operations, "schemas": dict(sorted(kept.items())), "docs": {}}
