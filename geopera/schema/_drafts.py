"""Schemas of older drafts (4, 6, 7, 2019-09) that declare it in ``$schema``, as schemas of 2020-12.

Each resource is read by its own declaration; what declares nothing is read as its surroundings are, and at the top as
2020-12. Places move (``items/0`` is ``prefixItems/0`` then), so references into them are rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .._keywords import FORMS, SINCE, step
from ._errors import SchemaError

__all__ = ["NOW", "converted"]

NOW = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    NOW: 2020,
}
#: The forms of what older drafts alone have.
_FORMS = {**FORMS, "additionalItems": "schema", "dependencies": "map"}
_WORDS = frozenset([*_FORMS, "id"])
#: Annotations with any value, never a schema.
_DATA = frozenset(["default", "examples", "example"])
_RECURSIVE = "__recursive"
_CONTAINS = "contains (silent)"


def converted(schema: Any) -> Any:
    """`schema` as a schema of 2020-12; the very same object where nothing in it declares an older draft."""
    try:
        if not _declares_older(schema):
            return schema
        unevaluated = any("unevaluatedItems" in value for value in _objects(schema))
        return _Resource(schema, 2020, unevaluated=unevaluated).schema(schema)
    except RecursionError:
        raise SchemaError("the schema is nested too deeply") from None


def _draft_of(schema: Mapping[str, Any], draft: int) -> int:
    uri = schema.get("$schema")
    if not isinstance(uri, str):
        return draft
    plain = uri.removesuffix("#")
    return _DRAFTS.get(plain, _DRAFTS.get(plain.replace("https://", "http://", 1), draft))


def _declares_older(schema: Any) -> bool:
    return any("$schema" in value and _draft_of(value, 2020) < 2020 for value in _objects(schema))


def _objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, (dict, Mapping)):
            yield value
            stack += value.values()
        elif isinstance(value, list):
            stack += value


class _Resource:
    """One schema with an identity of its own, and what its references are resolved against."""

    def __init__(self, root: Any, draft: int, *, unevaluated: bool) -> None:
        self.root = root
        self.draft = _draft_of(root, draft) if isinstance(root, Mapping) else draft
        self.unevaluated = unevaluated  # some schema asks which items were evaluated
        self.recursive = isinstance(root, Mapping) and root.get("$recursiveAnchor") is True

    def schema(self, value: Any) -> Any:
        """A subschema of this resource, converted."""
        if not isinstance(value, Mapping):
            return value
        if value is not self.root and self._begins(value):
            return _Resource(value, self.draft, unevaluated=self.unevaluated).schema(value)
        draft = self.draft
        if draft == 2020:
            return {key: self._below(key, item) for key, item in value.items()}
        result: dict[str, Any] = {}
        for key, item in value.items():
            name = self._name(key, value)
            if name == key or _form(key, item) in ("schema", "list", "map"):
                result[name] = self._below(key, item)
        if "$schema" in result:
            result["$schema"] = NOW
        if draft == 4:
            _bounds(result)
        if draft <= 7:
            if not self._is_reference(value):
                self._identify(value, result)
            _dependencies(result)
        elif draft == 2019:
            self._recursion(result)
            _contained(result)
        _tuples(result)
        if isinstance(result.get("$ref"), str):
            result["$ref"] = self._reference(result["$ref"])
        return result

    def _is_reference(self, value: Mapping[str, Any]) -> bool:
        """Whether a schema is a reference alone: up to draft 7, what stands beside it says nothing."""
        return self.draft <= 7 and isinstance(value.get("$ref"), str)

    def _name(self, keyword: str, schema: Mapping[str, Any]) -> str:
        """What a keyword is called when converted: another name if it says nothing here, but may be referred to."""
        if SINCE.get(keyword, 0) > self.draft:
            return f"{keyword} (silent)"
        if keyword == "contains" and self.draft == 2019 and self.unevaluated:
            return _CONTAINS
        silent = self._is_reference(schema) and keyword not in ("$ref", "$schema", "$defs", "definitions")
        return f"{keyword} (silent)" if silent and keyword in _WORDS else keyword

    def _begins(self, value: Mapping[str, Any]) -> bool:
        """Whether a subschema is a resource of its own."""
        if self._is_reference(value):
            return False
        identifier = value.get("id" if self.draft == 4 else "$id")
        return isinstance(identifier, str) and not identifier.startswith("#")

    def _below(self, key: str, item: Any) -> Any:
        form = _form(key, item)
        if form == "schema":
            return self.schema(item)
        if form == "list" and isinstance(item, list):
            return [self.schema(part) for part in item]
        if form == "map" and isinstance(item, Mapping):
            return {name: self.schema(part) for name, part in item.items()}
        if form == "unknown":  # references may lead to what stands there
            return [self.schema(part) for part in item] if isinstance(item, list) else self.schema(item)
        return item

    def _identify(self, given: Mapping[str, Any], result: dict[str, Any]) -> None:
        """``id`` and ``$id``, which up to draft 7 also name places (``#name``)."""
        keyword = "id" if self.draft == 4 else "$id"
        identifier = given.get(keyword)
        if keyword == "id":
            result.pop("id", None)
        if not isinstance(identifier, str):
            return
        uri, found, name = identifier.partition("#")
        result.pop("$id", None)
        if uri:
            result["$id"] = uri
        if found and name and not name.startswith("/"):
            result["$anchor"] = name

    def _recursion(self, result: dict[str, Any]) -> None:
        """``$recursiveRef`` and ``$recursiveAnchor`` of 2019-09 as the dynamic references that followed."""
        if result.pop("$recursiveAnchor", None) is True:
            result["$dynamicAnchor"] = _RECURSIVE
        if result.pop("$recursiveRef", None) == "#":
            if self.recursive:
                result["$dynamicRef"] = f"#{_RECURSIVE}"
            elif "$ref" in result:
                _and(result, {"$ref": "#"})
            else:
                result["$ref"] = "#"

    def _reference(self, reference: str) -> str:
        """A reference to a place in this resource, where that place is now."""
        if not reference.startswith("#/"):
            return reference
        value, parts, moved, state = self.root, reference[2:].split("/"), [], "schema"
        for part in parts:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if state == "schema" and isinstance(value, Mapping):
                is_tuple = isinstance(value.get("items"), list)
                if (called := self._name(name, value)) != name:
                    part = called.replace(" ", "%20")
                elif name == "dependencies":
                    part = "dependentSchemas"
                elif is_tuple:
                    part = {"items": "prefixItems", "additionalItems": "items"}.get(name, part)
            moved.append(part)
            if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, Mapping) and name in value:
                value = value[name]
            else:
                return reference
            form = _form(name, value)
            state = state if state == "schema" and form == "unknown" else step(state, form)
        return "#/" + "/".join(moved)


def _form(keyword: str, value: Any) -> str | None:
    """The form of a keyword's value, in any draft; "unknown" for other names."""
    if keyword in _DATA:
        return None
    return "list" if keyword == "items" and isinstance(value, list) else _FORMS.get(keyword, "unknown")


def _bounds(schema: dict[str, Any]) -> None:
    """In draft 4 the exclusive bounds are words about the others."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)


def _contained(schema: dict[str, Any]) -> None:
    """Since 2020-12 ``contains`` evaluates the items that it finds, though not inside of ``not``."""
    if _CONTAINS in schema:
        counts = {key: schema[key] for key in ("minContains", "maxContains") if key in schema}
        alone: dict[str, Any] = {"not": {"not": {"contains": schema[_CONTAINS], **counts}}}
        _and(schema, alone)


def _and(schema: dict[str, Any], another: Any) -> None:
    """Demand `another` schema, too. An ``allOf`` that is not a list stays, and is refused later."""
    found = schema.get("allOf", [])
    if isinstance(found, list):
        schema["allOf"] = [*found, another]


def _dependencies(schema: dict[str, Any]) -> None:
    found = schema.pop("dependencies", None)
    if isinstance(found, Mapping):
        required = {name: item for name, item in found.items() if isinstance(item, list)}
        schemas = {name: item for name, item in found.items() if not isinstance(item, list)}
        if required:
            schema["dependentRequired"] = required
        if schemas:
            schema["dependentSchemas"] = schemas


def _tuples(schema: dict[str, Any]) -> None:
    """A list of ``items`` is for the first items, and ``additionalItems`` for those behind them."""
    behind = schema.pop("additionalItems", None)
    if isinstance(schema.get("items"), list):
        first = schema.pop("items")
        if first:
            schema["prefixItems"] = first
        if behind is not None:
            schema["items"] = behind
