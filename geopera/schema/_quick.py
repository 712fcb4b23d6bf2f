"""The quick yes: checks by `jsonschema-rs`, where that is installed and decides as `jsonschema` does.

What it takes is taken; what it refuses goes to `jsonschema`, which decides and names the problem. It is asked only
about schemas without patterns, `multipleOf` and `uniqueItems`, which are read more exactly here, and without circles: it
has no bound for values that multiply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._keywords import ARRAYS, MAPS, SINGLES
from ._document import Loc
from ._spec import Rest, constraints

__all__ = ["quick_check"]

_MOST = 500  # schemas, those behind references each time they are referred to
_NOT_TAKEN = frozenset(["pattern", "patternProperties", "multipleOf", "uniqueItems", "$dynamicRef"])


class _NotTaken(Exception):
    pass


def quick_check(rest: Rest) -> Callable[[Any], bool] | None:
    """A function that is true for values that certainly fit; None if there is no such function for these keywords."""
    try:
        import jsonschema_rs
    except ImportError:
        return None
    try:
        schema = _Flat().schema(rest.loc, rest.keywords, 0)
        validator = jsonschema_rs.Draft202012Validator(schema)
    except (_NotTaken, ValueError, OverflowError):  # the latter two: numbers beyond what it reads
        return None

    def fits(value: Any) -> bool:
        try:
            return bool(validator.is_valid(value))
        except (ValueError, TypeError, OverflowError):  # no JSON, as NaN or a lone surrogate
            return False

    return fits


class _Flat:
    """Copies a schema with all that it refers to in place, so that no reference has to be resolved elsewhere."""

    def __init__(self) -> None:
        self.left = _MOST

    def schema(self, loc: Loc, keywords: frozenset[str] | None, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > 50:
            raise _NotTaken
        if not isinstance(loc.schema, Mapping):
            return loc.schema
        keys = constraints(loc.schema) if keywords is None else keywords
        if "if" in keys:
            keys |= loc.schema.keys() & {"then", "else"}
        if keys & _NOT_TAKEN:
            raise _NotTaken
        result = {key: self._below(loc, key, depth) for key in keys if key != "$ref"}
        if "$ref" in keys:
            target = self.schema(loc.doc.resolve(loc.schema["$ref"], loc), None, depth + 1)
            result["allOf"] = [target, *result.get("allOf", ())]
        return result

    def _below(self, loc: Loc, key: str, depth: int) -> Any:
        value = loc.schema[key]
        if key in SINGLES:
            return self.schema(loc.sub(key), None, depth + 1)
        if key in ARRAYS:
            return [self.schema(loc.sub(key, str(i)), None, depth + 1) for i in range(len(value))]
        if key in MAPS:
            return {name: self.schema(loc.sub(key, name), None, depth + 1) for name in value}
        return value
