"""Which keywords of JSON Schema hold schemas; whoever walks through a schema reads it here."""

from __future__ import annotations

__all__ = ["ARRAYS", "MAPS", "SINGLES"]

#: Keywords whose value is one schema, a list of schemas, or schemas by name.
SINGLES = frozenset(
    [
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
ARRAYS = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
MAPS = frozenset(["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"])
