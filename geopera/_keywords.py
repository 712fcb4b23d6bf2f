"""The keywords of JSON Schema in one table: the form of each value, the JSON type it speaks of, its vocabulary, its age.

Whoever walks through a schema, checks, converts, compares or shows one reads it here. Nothing is imported for it.
"""

from __future__ import annotations

__all__ = ["ABOUT", "ARRAYS", "CONSTRAINTS", "FORMS", "HOLDERS", "IN_PLACE", "MAPS"]
__all__ += ["SINCE", "SINGLES", "VOCABULARIES", "step"]

#: Keyword: (form of its value, JSON type it speaks of or "", vocabulary of 2020-12, first draft that has it).
#: The forms "schema", "list" and "map" hold schemas: one, a list of them, or some by name.
_TABLE: dict[str, tuple[str, str, str, int]] = {
    "$schema": ("text", "", "core", 4),
    "$id": ("text", "", "core", 6),
    "$ref": ("text", "", "core", 4),
    "$anchor": ("text", "", "core", 2019),
    "$dynamicRef": ("text", "", "core", 2020),
    "$dynamicAnchor": ("text", "", "core", 2020),
    "$defs": ("map", "", "core", 4),
    "definitions": ("map", "", "core", 4),
    "type": ("types", "", "validation", 4),
    "enum": ("values", "", "validation", 4),
    "const": ("value", "", "validation", 6),
    "allOf": ("list", "", "applicator", 4),
    "anyOf": ("list", "", "applicator", 4),
    "oneOf": ("list", "", "applicator", 4),
    "not": ("schema", "", "applicator", 4),
    "if": ("schema", "", "applicator", 7),
    "then": ("schema", "", "applicator", 7),
    "else": ("schema", "", "applicator", 7),
    "minimum": ("number", "number", "validation", 4),
    "maximum": ("number", "number", "validation", 4),
    "exclusiveMinimum": ("number", "number", "validation", 4),
    "exclusiveMaximum": ("number", "number", "validation", 4),
    "multipleOf": ("positive", "number", "validation", 4),
    "minLength": ("count", "string", "validation", 4),
    "maxLength": ("count", "string", "validation", 4),
    "pattern": ("text", "string", "validation", 4),
    "contentSchema": ("schema", "", "content", 2019),
    "items": ("schema", "array", "applicator", 4),
    "prefixItems": ("list", "array", "applicator", 2020),
    "contains": ("schema", "array", "applicator", 6),
    "minContains": ("count", "array", "validation", 2019),
    "maxContains": ("count", "array", "validation", 2019),
    "minItems": ("count", "array", "validation", 4),
    "maxItems": ("count", "array", "validation", 4),
    "uniqueItems": ("boolean", "array", "validation", 4),
    "unevaluatedItems": ("schema", "array", "unevaluated", 2019),
    "properties": ("map", "object", "applicator", 4),
    "patternProperties": ("map", "object", "applicator", 4),
    "additionalProperties": ("schema", "object", "applicator", 4),
    "propertyNames": ("schema", "object", "applicator", 6),
    "required": ("names", "object", "validation", 4),
    "minProperties": ("count", "object", "validation", 4),
    "maxProperties": ("count", "object", "validation", 4),
    "dependentRequired": ("names by name", "object", "validation", 2019),
    "dependentSchemas": ("map", "object", "applicator", 2019),
    "unevaluatedProperties": ("schema", "object", "unevaluated", 2019),
}

FORMS = {word: form for word, (form, _, _, _) in _TABLE.items()}
#: From which draft on a keyword says something.
SINCE = {word: draft for word, (_, _, _, draft) in _TABLE.items()}
#: The vocabulary of each keyword that a dialect may lack.
VOCABULARIES = {word: name for word, (_, _, name, _) in _TABLE.items() if name != "core"}
#: JSON type: the keywords that speak of its values alone.
ABOUT = {
    kind: frozenset(word for word, (_, about, _, _) in _TABLE.items() if about == kind)
    for kind in ("number", "string", "array", "object")
}
#: Keywords whose value is one schema, a list of schemas, or schemas by name.
SINGLES, ARRAYS, MAPS = (
    frozenset(word for word, found in FORMS.items() if found == form) for form in ("schema", "list", "map")
)
#: Keywords whose subschemas see the same value as the schema they stand in.
IN_PLACE = frozenset(["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"])
#: Keywords that constrain instances by themselves (``then`` and ``else`` say nothing without ``if``).
CONSTRAINTS = frozenset(
    word for word, name in VOCABULARIES.items() if name != "content" and word not in ("then", "else")
) | {"$ref", "$dynamicRef"}
#: Keywords that lead to other schemas, inside or elsewhere.
HOLDERS = SINGLES | ARRAYS | MAPS | {"$ref", "$dynamicRef"}


def step(state: str, form: str | None) -> str:
    """What a part of a pointer leads to: "schema", "many" (the schemas of a keyword) or "data".

    Args:
        state: What the pointer led to so far.
        form: The form of the keyword that the part is, if it is one.
    """
    if state == "many":
        return "schema"
    if state == "schema" and form in ("schema", "list", "map"):
        return "schema" if form == "schema" else "many"
    return "data"
