"""Schemas of a dialect that lacks a vocabulary: keywords of that vocabulary say nothing there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._keywords import ARRAYS, MAPS, SINGLES, VOCABULARIES

__all__ = ["in_dialect"]

_BASE = "https://json-schema.org/draft/2020-12/vocab/"


def in_dialect(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """`schema`, without the keywords that its own ``$schema`` (one of `definitions`) does not have."""
    uri = schema.get("$schema") if isinstance(schema, Mapping) else None
    meta = definitions.get(uri) if isinstance(uri, str) else None
    vocabularies = meta.get("$vocabulary") if isinstance(meta, Mapping) else None
    if not isinstance(vocabularies, Mapping):
        return schema
    missing = {keyword for keyword, name in VOCABULARIES.items() if _BASE + name not in vocabularies}
    return _without(schema, missing) if missing else schema


def _without(schema: Any, missing: set[str]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in missing:
            continue
        if key in SINGLES:
            value = _without(value, missing)
        elif key in ARRAYS and isinstance(value, list):
            value = [_without(item, missing) for item in value]
        elif key in MAPS and isinstance(value, Mapping):
            value = {name: _without(item, missing) for name, item in value.items()}
        result[key] = value
    return result
