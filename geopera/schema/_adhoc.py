"""Schemas that belong to no manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from .._names import class_name
from ._drafts import converted
from ._errors import SchemaError
from ._registry import Registry
from ._vocabulary import in_dialect

__all__ = ["type_adapter"]

_PREFIXES = (("$defs",), ("schemas",), ("definitions",), ("components", "schemas"))


def type_adapter(schema: Any, *, definitions: Mapping[str, Any] | None = None) -> TypeAdapter[Any]:
    """Build a pydantic TypeAdapter that accepts exactly what a JSON Schema accepts.

    Validated objects with properties are instances of `Model`; other objects stay dicts.

    Args:
        schema: A dict or a bool, in draft 2020-12 or the draft that it declares.
        definitions: Further schemas by name. A reference that `schema` itself does not hold finds them as
            ``#/$defs/<name>``, ``#/schemas/<name>``, ``#/definitions/<name>`` or ``#/components/schemas/<name>``; a
            name that is a URI is reached by that URI.

    Returns:
        The adapter. It pickles as its schema.

    Raises:
        SchemaError: If the schema is malformed, refers to itself without end, or refers to nothing.
    """
    if definitions is not None and not isinstance(definitions, Mapping):
        raise SchemaError(f"the definitions are an object of schemas, not {type(definitions).__name__}")
    title = schema.get("title") if isinstance(schema, Mapping) else None
    name = class_name(title) if isinstance(title, str) and len(title) < 60 else "Model"
    schema = in_dialect(converted(schema), definitions or {})
    if definitions:
        definitions = {key: converted(definition) for key, definition in definitions.items()}
    registry = Registry(definitions or {}, module="geopera.schema.adhoc", _prefixes=_PREFIXES)
    return registry.adapter(schema, name)
