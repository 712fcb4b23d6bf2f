"""Compiling: from a description of the API to a manifest.

A description is an OpenAPI document, the facts file (`operations` and `schemas`, without prose), or a manifest. It is
rarely complete: a published OpenAPI document may hold only ids, schemas and scopes. So three sources are merged, for
each operation and each field of it:

1. the overlay, kept by hand. It wins for summaries, records and statuses; for input and output it only fills what the
   description leaves empty;
2. the description;
3. the base: an existing manifest, for what the description does not state.

The result depends on these three alone, to the last byte.
"""

from __future__ import annotations

from ..errors import ManifestError
from ._components import LeftOut
from ._openapi import OPEN_BODY, is_openapi, manifest_reference, read_openapi
from ._prose import words
from ._schemas import MAX_DEPTH, REF_PREFIX, count, measure, references, sorted_data, tidy

__all__ = ["LeftOut", "compile_file", "compile_manifest", "dump"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

FORMAT = 1
#: Pairs of fields of an input that are a paging convention. The first that fits is taken.
CONVENTIONS = (
    ("token", ("limit", "next")),
    ("offset", ("limit", "offset")),
    ("page", ("page", "size")),
    ("search_page", ("limit", "page")),
)
SUMMARY_LENGTH = 90
#: The largest description, in bytes.
MAX_BYTES = 64 << 20
#: Schemas that a client needs for errors, whether an operation declares them or not.
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
#: Optional fields of an entry, and how many of the three sources they are taken from. An operation that the description
#: does not deprecate is not deprecated, even if it is in the base.
_OPTIONAL = {"estimate": 3, "description": 3, "deprecated": 2, "tags": 3, "request_media_type": 2}


def compile_manifest(
    source: dict[str, Any],
    *,
    overlay: dict[str, Any],
    base: dict[str, Any] | None = None,
    left_out: LeftOut | None = None,
) -> dict[str, Any]:
    """Compile the manifest that `source` describes.

    Nothing is read from disk or network, the arguments are not changed, and the same arguments give the same result.
    The result has no operation or schema that only the base has. An operation without a stated side effect gets None,
    and is never retried after it was sent.

    Args:
        source: An OpenAPI document, the facts file, or a manifest.
        overlay: The facts that are maintained by hand; see ``docs/manifest.md`` for its parts.
        base: A manifest that supplies facts which `source` does not state.
        left_out: Receives the unusable parts of an OpenAPI document: location -> reason. Without it they are a warning.

    Returns:
        The manifest as plain Python objects in canonical order.

    Raises:
        ManifestError: If a source cannot be read. `check_manifest` checks the details of the result.
    """
    for value, what in ((source, "the source"), (overlay, "the overlay"), (base or {}, "the base")):
        if not isinstance(value, dict):
            raise ManifestError(f"{what} is not a JSON object")
        if value is not source or not is_openapi(source):
            measure(value, what)
    from .check import check_manifest, leave_out

    if not is_openapi(source):
        # With a format it is a manifest, which is checked; without one it is a facts file, whose gaps are filled.
        for problem in check_manifest(source) if "format" in source else ():
            raise ManifestError(f"the source is not a valid manifest: {problem}")
        return _compiled(source, overlay, base or {})
    count(source, "the source")
    odd = LeftOut()
    made = leave_out(_compiled(read_openapi(source, odd), overlay, base or {}), odd)
    made = {**made, "schemas": _reachable(made["schemas"], made["operations"])}
    odd = odd.within(made["schemas"])
    if left_out is not None:
        left_out.update(odd)
    elif odd:
        warn_left_out(odd.lines(), "the description", 3)
    return made


def warn_left_out(lines: list[str], what: str, level: int) -> None:
    """Warn of the parts of a description that were left out."""
    from warnings import warn

    more = f"; and {len(lines) - 3} more" if len(lines) > 3 else ""
    warn(f"parts of {what} were left out: {'; '.join(lines[:3])}{more}", RuntimeWarning, stacklevel=level)


def _compiled(facts: dict[str, Any], overlay: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    operations = _part(facts, "operations", "the source")
    _refuse_loose_ends(operations, _part(facts, "schemas", "the source"))
    for id, entry in _part(overlay, "extra_operations", "the overlay").items():
        operations.setdefault(id, entry)
    schemas, docs = _schemas(facts, overlay, base)

    known, by_hand = _part(base, "operations", "the base"), _part(overlay, "operations", "the overlay")
    entries = {}
    for id in sorted(operations):
        for part in (by_hand, operations, known):
            if not isinstance(part.get(id, {}), dict):
                raise ManifestError(f"operations.{id[:200]} is not an object")
        entries[id] = _entry(id, by_hand.get(id, {}), operations[id], known.get(id, {}), schemas)
        for field in ("input", "output"):
            if prose := words(operations[id].get(field)):
                docs[f"operations/{id}/{field}"] = prose
    head = {"format": FORMAT, "api_version": facts.get("api_version") or base.get("api_version") or "0"}
    for name, default in _HEAD.items():
        head[name] = facts.get(name) or base.get(name) or overlay.get(name) or default
    reachable = _reachable(schemas, entries)
    made = {**head, "operations": entries, "schemas": reachable}
    docs = {**_part(base, "docs", "the base"), **_part(facts, "docs", "the source"), **docs}
    kept = {key: docs[key] for key in sorted(docs) if _is_about(key, entries, reachable)}
    return {**made, "docs": kept} if kept else made


def _is_about(key: str, entries: dict[str, Any], schemas: dict[str, Any]) -> bool:
    section, _, name = key.partition("/")
    return name in schemas if section == "schemas" else name.rpartition("/")[0] in entries


def _part(document: dict[str, Any], name: str, what: str) -> dict[str, Any]:
    part = document.get(name) or {}
    if not isinstance(part, dict):
        raise ManifestError(f"{what}: {name} is not an object")
    return dict(part)


def _schemas(
    facts: dict[str, Any], overlay: dict[str, Any], base: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All schemas, clean, in canonical order and with the overlay's patches; and their descriptions."""
    schemas = _part(facts, "schemas", "the source")
    for extra in (_part(overlay, "extra_schemas", "the overlay"), _part(base, "schemas", "the base")):
        # For the schemas that they supply. The source's own references resolve within it, and unreferenced
        # schemas are dropped at the end.
        for key, schema in extra.items():
            schemas.setdefault(key, schema)
    order = _part(overlay, "field_order", "the overlay")
    for key, patch in _part(overlay, "schema_patches", "the overlay").items():
        if isinstance(schemas.get(key), dict):
            schemas[key] = _patched(schemas[key], patch)
    docs = {f"schemas/{key}": prose for key, schema in schemas.items() if (prose := words(schema))}
    return {key: tidy(schemas[key], manifest_reference, order.get(key, ())) for key in sorted(schemas)}, docs


def _patched(schema: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`schema` with the properties of `patch` that it lacks, and with its optional and required names."""
    optional, demanded = patch.get("optional", ()), patch.get("required", ())
    stated = schema.get("properties", {})
    if not isinstance(stated, dict):
        return schema
    laid = patch.get("properties", {})
    named = {name: laid[name] if name in laid and _is_open(sub) else sub for name, sub in stated.items()}
    result = {**schema, "properties": {**laid, **named}}
    listed = schema.get("required", ())
    required = [name for name in listed if name not in optional] if isinstance(listed, (list, tuple)) else []
    required += [name for name in demanded if name not in required]
    result.pop("required", None)
    if required:
        result["required"] = required
    if "additionalProperties" in patch:
        result["additionalProperties"] = patch["additionalProperties"]
    return result


def _is_open(schema: object) -> bool:
    """Whether a schema takes any object, or a list of any: no field is described, or others are allowed."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return False
    branches = schema.get("anyOf")
    if isinstance(branches, list):
        return any(_is_open(branch) for branch in branches)
    if schema.get("type") == "array":
        return _is_open(schema.get("items"))
    described = bool(schema.get("properties")) and schema.get("additionalProperties") is not True
    return (
        schema.get("type") == "object"
        and not described
        and not isinstance(schema.get("additionalProperties"), dict)
    )


def _entry(
    id: str,
    by_hand: dict[str, Any],
    described: dict[str, Any],
    known: dict[str, Any],
    schemas: dict[str, Any],
) -> dict[str, Any]:
    """The entry of one operation, from the overlay, the source and the base."""
    entry: dict[str, Any] = {}
    for field, default in _FIELDS.items():
        for about in (by_hand, described, known):
            if field in about:
                entry[field] = about[field]
                break
        else:
            entry[field] = default
    for field in ("input", "output"):
        stated = described.get(field)
        if field == "input" and by_hand.get(field) and _is_open(stated):
            stated = None
        entry[field] = tidy(stated or by_hand.get(field) or entry[field], manifest_reference)
    if not any("public" in about for about in (by_hand, described, known)):
        entry["public"] = described.get("likely_public", False)
    entry["idempotent"] = _idempotent(entry["side_effect"], by_hand, described, known)
    entry["paging"] = _paging(entry, by_hand, described, known, schemas)
    if not entry["summary"]:
        entry["summary"] = _summary(described.get("document_summary", "")) or _summary(_title(id))
    made = {
        field: entry[field] if field in ("input", "output") else sorted_data(entry[field])
        for field in _FIELDS
    }
    for field, sources in _OPTIONAL.items():
        abouts = (by_hand, described, known)[:sources]
        value = next((about[field] for about in abouts if about.get(field)), None)
        if value is not None:
            made[field] = value
    return made


def _idempotent(
    side_effect: object, by_hand: dict[str, Any], described: dict[str, Any], known: dict[str, Any]
) -> bool:
    """Whether a key makes retries safe: for every operation that spends, and for those declared so."""
    if side_effect == "external_spend":
        return True
    for about in (by_hand, described):
        if "idempotent" in about:
            return bool(about["idempotent"])
    # The base's value is valid only for the side effect that it had.
    return bool(known.get("idempotent")) and known.get("side_effect") == side_effect


def _paging(
    entry: dict[str, Any],
    by_hand: dict[str, Any],
    described: dict[str, Any],
    known: dict[str, Any],
    schemas: dict[str, Any],
) -> dict[str, Any] | None:
    """The paging convention, from the fields of the input, and the field that holds the records."""
    stated: list[dict[str, Any]] = []
    for about in (by_hand, described):
        if "paging" in about:
            if not isinstance(about["paging"], dict):
                return None
            stated.append(about["paging"])
    convention = next((paging["convention"] for paging in stated if paging.get("convention")), None)
    if convention is None and entry["side_effect"] in ("read", None):
        convention = _convention(entry["input"], schemas)
    if convention is None:
        return None
    if isinstance(known.get("paging"), dict):
        stated.append(known["paging"])
    records = next((paging["records"] for paging in stated if paging.get("records")), None)
    return {"convention": convention, "records": records or _records(entry["output"], schemas)}


def _convention(schema: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    fields = _properties(schema, schemas)
    return next((name for name, pair in CONVENTIONS if all(field in fields for field in pair)), None)


def _records(schema: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    """The one array among the properties of a response, or None."""
    properties = _properties(schema, schemas).items()
    arrays = [name for name, field in properties if isinstance(field, dict) and field.get("type") == "array"]
    return arrays[0] if len(arrays) == 1 else None


def _properties(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    for _ in range(MAX_DEPTH):
        ref = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(ref, str):
            break
        schema = schemas.get(ref.removeprefix(REF_PREFIX), {})
    properties = schema.get("properties") if isinstance(schema, dict) else None
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


def _refuse_loose_ends(operations: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Raise if an operation of the source needs a schema that the source does not have."""
    waiting: list[tuple[str, object]] = []
    for id, entry in operations.items():
        if isinstance(entry, dict):
            waiting += [(f"operations.{id[:200]}", entry.get(field)) for field in ("input", "output")]
    seen: set[str] = set()
    while waiting:
        where, schema = waiting.pop()
        for _, ref in references(schema):
            key = manifest_reference(ref).removeprefix(REF_PREFIX) if isinstance(ref, str) else ""
            if key not in schemas:
                raise ManifestError(f"{where} refers to {str(ref)[:200]!r}, which the source does not hold")
            if key not in seen:
                seen.add(key)
                waiting.append((f"schemas.{key[:200]}", schemas[key]))


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
    return [
        ref.removeprefix(REF_PREFIX) for ref in refs if isinstance(ref, str) and ref.startswith(REF_PREFIX)
    ]


def dump(manifest: dict[str, Any]) -> bytes:
    """The bytes of `manifest`: ASCII JSON, one operation or schema a line, so that it can be indexed by line.

    The order of keys is that of `manifest`; `compile_manifest` returns the canonical one. The last byte is a line break.

    Raises:
        ManifestError: If something in it has no JSON form.
    """
    from json import dumps

    try:
        lines = ["{"]
        sections = [name for name in ("operations", "schemas", "docs") if name != "docs" or name in manifest]
        lines += [
            f"{dumps(name)}: {dumps(value, allow_nan=False)},"
            for name, value in manifest.items()
            if name not in sections
        ]
        for section in sections:
            lines.append(f"{dumps(section)}: {{")
            entries = [
                f"{dumps(key)}: {dumps(entry, allow_nan=False)}" for key, entry in manifest[section].items()
            ]
            lines += [entry + "," for entry in entries[:-1]] + entries[-1:]
            lines.append("}" if section == sections[-1] else "},")
        lines.append("}")
    except (KeyError, AttributeError, TypeError, ValueError, RecursionError) as exc:
        raise ManifestError(f"the manifest cannot be written as JSON: {exc!r}") from exc
    return ("\n".join(lines) + "\n").encode("ascii")


def compile_file(
    path: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    overlay: str | PathLike[str] | None = None,
    base: dict[str, Any] | None = None,
    left_out: LeftOut | None = None,
) -> dict[str, Any]:
    """Compile the description at `path` and, if `output` is given, write the manifest there.

    The result is checked before anything is written, and replaces the file at `output` in one step.

    Args:
        path: An OpenAPI document, a facts file or a manifest.
        output: Where the manifest goes.
        overlay: A file instead of the package's own overlay.
        base: A manifest that supplies facts which the description does not state. By default the bundled one for an
            OpenAPI document, and none for a facts file or a manifest, which are complete.
        left_out: Receives the unusable parts of an OpenAPI document. Without it they are a warning.

    Returns:
        The manifest.

    Raises:
        ManifestError: If a file cannot be read or written, or the result is not a valid manifest.
    """
    from ..manifest import bundled_bytes
    from .check import check_manifest

    source = _read(path)
    rules = (
        _parse(bundled_bytes("overlay.json"), "the package's overlay") if overlay is None else _read(overlay)
    )
    if base is None and is_openapi(source):
        base = _parse(bundled_bytes(), "the bundled manifest")
    manifest = compile_manifest(source, overlay=rules, base=base, left_out=left_out)
    problems = check_manifest(manifest)
    if problems:
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ManifestError(f"{path} does not make a valid manifest:\n  " + "\n  ".join(problems[:10]) + more)
    if output is not None:
        _replace(output, dump(manifest))
    return manifest


def _read(path: str | PathLike[str]) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise ManifestError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    return _parse(data, str(path))


def _parse(data: bytes, what: str) -> dict[str, Any]:
    from json import loads

    if len(data) > MAX_BYTES:
        raise ManifestError(f"{what} is larger than {MAX_BYTES >> 20} MiB")
    try:
        document = loads(data)
    except (ValueError, RecursionError) as exc:
        raise ManifestError(f"{what} is not JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise ManifestError(f"{what} is not a JSON object")
    return document


def _replace(path: str | PathLike[str], data: bytes) -> None:
    """Replace the file at `path` in one step, so that a reader sees the old file or the new one.

    A pipe or a device is written to; a link stays a link.
    """
    import os
    from tempfile import NamedTemporaryFile

    path = os.path.realpath(path)
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as special:
                special.write(data)
            return
        with NamedTemporaryFile(dir=os.path.dirname(path), prefix=".manifest-", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.chmod(file.name, 0o644)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as exc:
        raise ManifestError(f"{path} cannot be written: {exc.strerror or exc}") from exc
