"""Compiling: from a description of the API to a manifest.

A description is an OpenAPI 3.1 document, the facts file (`operations` and `schemas`, without prose), or a
manifest. It seldom says everything: a published OpenAPI document may hold ids, schemas and scopes alone. So
three sources are laid over each other, for each operation and each field of it:

1. the overlay: what people found out and keep by hand. It wins for summaries, records and states; for
   input and output it only fills what the description leaves empty;
2. the description;
3. the base: an existing manifest, for all that the description is silent about.

The result depends on these three alone, to the last byte.
"""

from __future__ import annotations

from ..errors import ManifestError
from ._openapi import OPEN_BODY, is_openapi, manifest_reference, read_openapi
from ._schemas import MAX_DEPTH, REF_PREFIX, measure, references, sorted_data, tidy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

FORMAT = 1
#: Two fields of an input that, together, are a paging convention. The first that fits is taken.
CONVENTIONS = (
    ("token", ("limit", "next")),
    ("offset", ("limit", "offset")),
    ("page", ("page", "size")),
    ("search_page", ("limit", "page")),
)
SUMMARY_LENGTH = 90
#: Schemas that a client needs to read errors with, whether an operation declares them or not.
_ERROR_SCHEMAS = ("Problem", "HTTPValidationError")
_HEAD = {"base_url": "https://api.geopera.com", "path": "/v1/op/{operation_id}"}
_FIELDS: dict[str, Any] = {
    "body_required": True,
    "errors": {},
    "idempotent": False,
    "input": OPEN_BODY,
    "media_type": "application/json",
    "output": {},
    "paging": None,
    "polling": None,
    "produces": [],
    "public": False,
    "scope": None,
    "side_effect": None,
    "success_status": 200,
    "summary": "",
}


def compile_manifest(
    source: dict[str, Any], *, overlay: dict[str, Any], base: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The manifest that `source` describes, as plain Python objects in canonical order.

    source: an OpenAPI 3.1 document, the facts file, or a manifest. overlay: what is kept by hand; see
    ``docs/manifest.md`` for its parts. base: a manifest whose knowledge fills what `source` does not say; an
    operation or a schema that only the base has is gone from the result. An operation about which nobody
    says a side effect gets None: it may do harm when it is repeated.

    Nothing is read from disk or network, the arguments are not changed, and the same arguments give the same
    result. Raises :class:`ManifestError` where a source cannot be understood; whether the result is right in
    every detail is for :func:`check_manifest` to say.
    """
    for value, what in ((source, "the source"), (overlay, "the overlay"), (base or {}, "the base")):
        if not isinstance(value, dict):
            raise ManifestError(f"{what} is not a JSON object")
        measure(value, what)
    openapi = is_openapi(source)
    facts = read_openapi(source) if openapi else source
    base = base or {}
    operations = _part(facts, "operations", "the source")
    for id, entry in _part(overlay, "extra_operations", "the overlay").items():
        operations.setdefault(id, entry)
    schemas = _schemas(facts, overlay, base)

    known, by_hand = _part(base, "operations", "the base"), _part(overlay, "operations", "the overlay")
    entries = {}
    for id in sorted(operations):
        about = [part.get(id, {}) for part in (by_hand, operations, known)]
        for entry in about:
            if not isinstance(entry, dict):
                raise ManifestError(f"operations.{id[:200]} is not an object")
        entries[id] = _entry(id, *about, schemas)
    head = {"format": FORMAT, "api_version": facts.get("api_version") or base.get("api_version") or "0"}
    for name, default in _HEAD.items():
        head[name] = facts.get(name) or base.get(name) or overlay.get(name) or default
    return {**head, "operations": entries, "schemas": _reachable(schemas, entries)}


def _part(document: dict[str, Any], name: str, what: str) -> dict[str, Any]:
    part = document.get(name) or {}
    if not isinstance(part, dict):
        raise ManifestError(f"{what}: {name} is not an object")
    return dict(part)


def _schemas(facts: dict[str, Any], overlay: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """All schemas, clean, in canonical order, the overlay's parts laid over them."""
    schemas = _part(facts, "schemas", "the source")
    for extra in (_part(overlay, "extra_schemas", "the overlay"), _part(base, "schemas", "the base")):
        # What the base knows is gone with the document that had it, except for the shape of errors: the
        # rest of it is not referred to, and so is not kept.
        for key, schema in extra.items():
            schemas.setdefault(key, schema)
    order = _part(overlay, "field_order", "the overlay")
    for key, patch in _part(overlay, "schema_patches", "the overlay").items():
        if isinstance(schemas.get(key), dict):
            schemas[key] = _patched(schemas[key], patch)
    return {key: tidy(schemas[key], manifest_reference, order.get(key, ())) for key in sorted(schemas)}


def _patched(schema: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`schema` with the properties of `patch` that it lacks, and its demands made as `patch` has them."""
    optional, demanded = patch.get("optional", ()), patch.get("required", ())
    result = {**schema, "properties": {**patch.get("properties", {}), **schema.get("properties", {})}}
    required = [name for name in schema.get("required", ()) if name not in optional]
    required += [name for name in demanded if name not in required]
    result.pop("required", None)
    if required:
        result["required"] = required
    if "additionalProperties" in patch:
        result["additionalProperties"] = patch["additionalProperties"]
    return result


def _entry(
    id: str, by_hand: dict[str, Any], said: dict[str, Any], known: dict[str, Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    """One operation: what is kept by hand, what the source says, what the base knows."""
    entry: dict[str, Any] = {}
    for field, default in _FIELDS.items():
        for about in (by_hand, said, known):
            if field in about:
                entry[field] = about[field]
                break
        else:
            entry[field] = default
    for field in ("input", "output"):
        entry[field] = tidy(said.get(field) or by_hand.get(field) or entry[field], manifest_reference)
    if not any("public" in about for about in (by_hand, said, known)):
        entry["public"] = said.get("likely_public", False)
    entry["idempotent"] = _idempotent(entry["side_effect"], by_hand, said, known)
    entry["paging"] = _paging(entry, by_hand, said, known, schemas)
    if not entry["summary"]:
        entry["summary"] = _summary(said.get("document_summary", "")) or _summary(_title(id))
    return {field: entry[field] if field in ("input", "output") else sorted_data(entry[field]) for field in _FIELDS}


def _idempotent(
    side_effect: object, by_hand: dict[str, Any], said: dict[str, Any], known: dict[str, Any]
) -> bool:
    """Whether a key makes repeats harmless: all that spends, and what somebody states."""
    if side_effect == "external_spend":
        return True
    for about in (by_hand, said):
        if "idempotent" in about:
            return bool(about["idempotent"])
    # What the base knows holds as long as the operation still is of the kind that it knew.
    return bool(known.get("idempotent")) and known.get("side_effect") == side_effect


def _paging(
    entry: dict[str, Any],
    by_hand: dict[str, Any],
    said: dict[str, Any],
    known: dict[str, Any],
    schemas: dict[str, Any],
) -> dict[str, Any] | None:
    """The paging convention, from the fields of the input, and the field that holds the records."""
    if "paging" in by_hand and by_hand["paging"] is None:
        return None
    told = [about["paging"] for about in (by_hand, said, known) if isinstance(about.get("paging"), dict)]
    conventions = [paging["convention"] for paging in told[: 2 if known else None] if paging.get("convention")]
    if conventions and (by_hand.get("paging") or said.get("paging")):
        convention = conventions[0]
    elif entry["side_effect"] in ("read", None):
        convention = _convention(entry["input"], schemas)
    else:
        convention = None
    if convention is None:
        return None
    records = [paging["records"] for paging in told if paging.get("records")]
    return {"convention": convention, "records": records[0] if records else _records(entry["output"], schemas)}


def _convention(schema: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    fields = _properties(schema, schemas)
    return next((name for name, pair in CONVENTIONS if all(field in fields for field in pair)), None)


def _records(schema: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    """The one array among the properties of an answer, or None."""
    properties = _properties(schema, schemas).items()
    arrays = [name for name, field in properties if isinstance(field, dict) and field.get("type") == "array"]
    return arrays[0] if len(arrays) == 1 else None


def _properties(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    for _ in range(MAX_DEPTH):
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            break
        schema = schemas.get(ref.removeprefix(REF_PREFIX), {})
        if not isinstance(schema, dict):
            return {}
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _title(id: str) -> str:
    return id.replace(".", " ").replace("_", " ").strip().capitalize()


def _summary(text: object) -> str:
    """The first line of `text`, printable, at most 90 characters long."""
    if not isinstance(text, str):
        return ""
    lines = text[:2000].strip().splitlines() or [""]
    line = " ".join("".join(c if c.isprintable() else " " for c in lines[0]).split()).rstrip(".")
    return line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 1].rstrip() + "…"


def _reachable(schemas: dict[str, Any], entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schemas that operations and errors need, themselves or through others."""
    waiting = [key for key in _ERROR_SCHEMAS if key in schemas]
    for entry in entries.values():
        if isinstance(entry["errors"], dict):
            waiting.extend(key for key in entry["errors"].values() if isinstance(key, str))
        waiting.extend(_keys(entry["input"]))
        waiting.extend(_keys(entry["output"]))
    kept: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key in schemas and key not in kept:
            kept.add(key)
            waiting.extend(_keys(schemas[key]))
    return {key: schemas[key] for key in sorted(kept)}


def _keys(schema: object) -> list[str]:
    refs = (ref for _, ref in references(schema))
    return [ref.removeprefix(REF_PREFIX) for ref in refs if isinstance(ref, str) and ref.startswith(REF_PREFIX)]


def dump(manifest: dict[str, Any]) -> bytes:
    """The bytes of `manifest`: ASCII JSON, one operation or schema a line, so that it can be indexed by line.

    The order of keys is that of `manifest`; :func:`compile_manifest` returns the canonical one. Ends with a
    line break. Raises :class:`ManifestError` for what JSON cannot say.
    """
    from json import dumps

    try:
        lines = ["{"]
        sections = ("operations", "schemas")
        lines += [f"{dumps(name)}: {dumps(value, allow_nan=False)}," for name, value in manifest.items() if name not in sections]
        for section in sections:
            lines.append(f"{dumps(section)}: {{")
            entries = [f"{dumps(key)}: {dumps(entry, allow_nan=False)}" for key, entry in manifest[section].items()]
            lines += [entry + "," for entry in entries[:-1]] + entries[-1:]
            lines.append("}" if section == sections[-1] else "},")
        lines.append("}")
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        raise ManifestError(f"the manifest cannot be written as JSON: {exc!r}") from exc
    return ("\n".join(lines) + "\n").encode("ascii")
