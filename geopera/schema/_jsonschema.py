"""The JSON Schema of a class as it was written, with references that pydantic accounts for.

A model may stand in a user's own model or in the OpenAPI document of a FastAPI application. What it refers to has to
be defined there, under names that pydantic chooses, so each reference is handed to pydantic as a definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from copy import deepcopy
from functools import partial
from typing import Any

from pydantic_core import core_schema

from .._keywords import HOLDERS
from ._document import Loc, children
from ._tags import meant

__all__ = ["json_schema", "reference_name"]

_under_way: ContextVar[frozenset[str]] = ContextVar("under_way", default=frozenset())
#: Where a schema stands and what it is called matters no more once its references are resolved.
_PLACES = frozenset(["$id", "$schema", "$anchor", "$dynamicAnchor", "$defs", "definitions", "schemas"])


def reference_name(registry: Any, loc: Loc) -> str:
    """The name that pydantic knows a place by: its last part is what the definition is called."""
    return (
        f"{registry.module or 'geopera.schema'}.{registry._name(loc)}:{id(loc.doc)}/{'/'.join(loc.pointer)}"
    )


def json_schema(registry: Any, loc: Loc, core: Any, handler: Any) -> dict[str, Any]:
    """The schema at `loc`, for pydantic's generator (`handler`)."""
    if core["type"] == "list":  # from `_refer`, where two of these functions stand around one schema
        found: dict[str, Any] = handler(core)
        return found
    # What has no name of its own, as the top of a document, cannot be referred to from within.
    named = core.get("ref") == (name := reference_name(registry, loc))
    under_way = _under_way.set(_under_way.get() | ({name} if named else set()))
    try:
        written = _rewritten(registry, loc, handler)
    finally:
        _under_way.reset(under_way)
    return written if isinstance(written, dict) else {} if written else {"not": {}}


def _refer(registry: Any, loc: Loc, handler: Any) -> str:
    name = reference_name(registry, loc)
    core: Any
    if name in _under_way.get():
        core = core_schema.definition_reference_schema(name)
    else:
        functions = [partial(json_schema, registry, loc)]
        core = core_schema.any_schema(ref=name, metadata={"pydantic_js_functions": functions})
    # In a list, since the handler itself looks no further than at the type of what it is given.
    found: str = handler(core_schema.list_schema(core))["items"]["$ref"]
    return found


def _looks_like_reference(data: Any) -> bool:
    """Whether something in data has a member ``$ref``, which pydantic would follow: such data is left out."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if "$ref" in value:
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _rewritten(registry: Any, loc: Loc, handler: Any) -> Any:
    schema = loc.schema
    if not isinstance(schema, Mapping):
        return schema
    result: dict[str, Any] = {
        key: deepcopy(value)
        for key, value in schema.items()
        if key not in _PLACES and (key in HOLDERS or not _looks_like_reference(value))
    }
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in result:
            result["$ref"] = _refer(registry, loc.doc.resolve(result.pop(keyword), loc), handler)
    discriminator = schema.get("discriminator")
    mapping = discriminator.get("mapping") if isinstance(discriminator, Mapping) else None
    if isinstance(mapping, Mapping):
        targets = {value: next(meant(loc, place), None) for value, place in mapping.items()}
        result["discriminator"]["mapping"] = {
            value: _refer(registry, target, handler) for value, target in targets.items() if target
        }
    for parts, _ in children(schema):
        if parts[0] in result:
            inner = _rewritten(registry, loc.sub(*parts), handler)
            if len(parts) == 1:
                result[parts[0]] = inner
            elif isinstance(result[parts[0]], list):
                result[parts[0]][int(parts[1])] = inner
            else:
                result[parts[0]][parts[1]] = inner
    return result
