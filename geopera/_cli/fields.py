"""``key=value`` arguments as a body, by the schemas of the operation's fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import UsageError

if TYPE_CHECKING:
    from ..manifest import Manifest, Operation


def body_of(
    pairs: Iterable[str], given: dict[str, Any] | None, operation: Operation | None, manifest: Manifest
) -> dict[str, Any] | None:
    """The body of `--json` with the fields of the arguments. Raises `UsageError` for an argument that is not a pair."""
    from .._repl import operations

    schemas: dict[str, Any] = {}
    for field in operations.fields(manifest, operation) if operation is not None else ():
        schemas[field.name] = schemas[field.wire] = field.schema
    body = dict(given) if given is not None else None
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{pair[:100]!r} is not key=value")
        body = {} if body is None else body
        if name in body:
            raise UsageError(f"{name!r} is given twice")
        body[name] = value_of(name, text, schemas.get(name), manifest)
    return body


def value_of(name: str, text: str, schema: Any, manifest: Manifest) -> Any:
    """The value of a text: itself if the field may be text, else JSON."""
    kinds = _kinds(schema, manifest.schemas, 0) if schema is not None else set()
    if "string" in kinds and not kinds & {"object", "array"}:
        return text
    if not kinds and (name == "id" or name.endswith(("_id", "Id", "_key"))):
        return text  # an id that looks like a number is text
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        if kinds & {"object", "array"} and "string" not in kinds:
            raise UsageError(f"{name}: write a list or an object as JSON: {problem}") from None
        return text
    if "string" in kinds and not isinstance(value, list | dict):
        return text
    return value


def _kinds(schema: Any, schemas: Mapping[str, Any], depth: int) -> set[str]:
    """The JSON types that a schema allows, as far as it declares them."""
    if not isinstance(schema, Mapping) or depth > 20:
        return set()
    found: set[str] = set()
    if "$ref" in schema:
        found |= _kinds(schemas.get(str(schema["$ref"]).rsplit("/", 1)[-1]), schemas, depth + 1)
    kind = schema.get("type")
    found |= {kind} if isinstance(kind, str) else set(kind or ())
    if "enum" in schema or "const" in schema:
        words = {str: "string", bool: "boolean", int: "integer", float: "number"}
        found |= {words[type(one)] for one in schema.get("enum", [schema.get("const")]) if type(one) in words}
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(word) or ():
            found |= _kinds(branch, schemas, depth + 1)
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
