"""Checking a manifest: its format, its names, and every schema in it.

A manifest may come from a server that is not ours, so nothing here trusts it: sizes and depths are bounded
and looked at without recursion, before anything that recurses is let near it.
"""

from __future__ import annotations

from ..errors import ManifestError
from ..manifest import _trust
from ..manifest._trust import MAX_NAME, MAX_OPERATIONS, MAX_SCHEMAS
from ..manifest._trust import shown as _cut
from ._schemas import MAX_DEPTH, REF_PREFIX, measure, subschemas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


MAX_PROBLEMS = 100
#: How many properties an object, or alternatives a choice, may have.
MAX_WIDTH = 2_000
MAX_PATTERN = 500
#: Keywords that move the root of references, or that refer in another way than `$ref`.
_MOVING = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor")
#: Keywords whose schemas apply to the same value as the schema that they are in.
_SAME_VALUE = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else", "dependentSchemas")


def check_manifest(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with `manifest`: one line for each problem, beginning with its place; empty if nothing is.

    Checked are the format (``format.schema.json``), the names, that no operation's id is the beginning of
    another's, that each schema is valid JSON Schema (draft 2020-12), that references are local and resolve
    and do not go round in a circle, and bounds: 5,000 operations, 20,000 schemas, schemas 64 deep, names of
    200 characters, patterns of 500. At most 100 problems are listed. Raises nothing.
    """
    # A dict, for its order: the metaschema's parts each report the same mistake.
    problems: dict[str, None] = {}
    for problem in _problems(manifest):
        problems[problem[:500]] = None
        if len(problems) == MAX_PROBLEMS:
            break
    return list(problems)


def _problems(manifest: object) -> Iterator[str]:
    if not isinstance(manifest, dict):
        yield "the manifest is not an object"
        return
    try:
        measure(manifest, "the manifest")
    except ManifestError as exc:
        yield str(exc)
        return
    operations, schemas = manifest.get("operations"), manifest.get("schemas")
    if not isinstance(operations, dict) or not isinstance(schemas, dict):
        yield "the manifest has no operations or no schemas"
        return
    if len(operations) > MAX_OPERATIONS or len(schemas) > MAX_SCHEMAS:
        yield f"{len(operations):,} operations and {len(schemas):,} schemas are more than any API has"
        return
    sound = True
    for problem in _places(_all_schemas(operations, schemas), schemas):
        sound = False
        yield problem
    if sound:
        yield from _circles(schemas)
        yield from _metaschema(_all_schemas(operations, schemas))
    formed = True
    for problem in _format(manifest):
        formed = False
        yield problem
    if formed:  # what loading refuses beyond that: a line break at an end, a path that leads elsewhere
        yield from _trust.problems(manifest, operations, schemas)
        for id, entry in operations.items():
            yield from _trust.entry_problems(id, entry)
    yield from _tree(operations)
    for id, entry in operations.items():
        errors = entry.get("errors") if isinstance(entry, dict) else None
        for status, key in errors.items() if isinstance(errors, dict) else ():
            if not isinstance(key, str) or key not in schemas:
                yield f"operations.{_cut(id)}.errors.{_cut(status)}: there is no schema {_cut(key)!r}"


def _all_schemas(operations: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for id, entry in operations.items():
        for field in ("input", "output"):
            if isinstance(entry, dict) and field in entry:
                yield f"operations.{_cut(id)}.{field}", entry[field]
    for key, schema in schemas.items():
        yield f"schemas.{_cut(key)}", schema


def _places(roots: Iterable[tuple[str, object]], schemas: dict[str, Any]) -> Iterator[str]:
    """Depth, width, names, patterns and references of every schema; a level at a time, no recursion."""
    for name, root in roots:
        level: list[tuple[tuple[str, ...], object]] = [((), root)]
        for _ in range(MAX_DEPTH):
            following: list[tuple[tuple[str, ...], object]] = []
            for way, schema in level:
                for problem in _place(schema, schemas):
                    yield f"{'.'.join((name, *map(_cut, way)))}: {problem}"
                following.extend(((*way, *step), inner) for step, inner in subschemas(schema))
            level = following
            if not level:
                break
        else:
            yield f"{name}: schemas nested deeper than {MAX_DEPTH}"


def _place(schema: object, schemas: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one schema, apart from the schemas inside it."""
    if not isinstance(schema, dict):
        return
    for keyword in _MOVING:
        if keyword in schema:
            yield f"{keyword} is not used in a manifest; references have the form {REF_PREFIX}<key>"
    if "$ref" in schema:
        ref = schema["$ref"]
        if not isinstance(ref, str) or not ref.startswith(REF_PREFIX):
            yield f"the reference {_cut(ref)!r} leads out of the manifest"
        elif ref.removeprefix(REF_PREFIX) not in schemas:
            yield f"the reference {_cut(ref)!r} leads nowhere"
    for keyword in ("properties", "anyOf", "oneOf", "allOf", "prefixItems", "enum", "required"):
        if isinstance(schema.get(keyword), (dict, list)) and len(schema[keyword]) > MAX_WIDTH:
            yield f"{keyword} has {len(schema[keyword]):,} entries, more than {MAX_WIDTH:,}"
    if isinstance(schema.get("properties"), dict):
        for name in schema["properties"]:
            if not 0 < len(name) <= MAX_NAME or not name.isprintable():
                yield f"a property is called {_cut(name)!r}"
    patterns = [schema["pattern"]] if "pattern" in schema else []
    patterns.extend(schema["patternProperties"] if isinstance(schema.get("patternProperties"), dict) else ())
    for pattern in patterns:
        yield from _pattern(pattern)


def _pattern(pattern: object) -> Iterator[str]:
    if isinstance(pattern, str):
        import re

        if len(pattern) > MAX_PATTERN:
            yield f"a pattern of {len(pattern):,} characters"
            return
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as exc:
            yield f"the pattern {_cut(pattern)!r} cannot be read: {exc}"


def _circles(schemas: dict[str, Any]) -> Iterator[str]:
    """Schemas that are defined as themselves: a reference that leads back without entering a field."""
    leads: dict[str, list[str]] = {}
    for key, schema in schemas.items():
        leads[key] = []
        waiting: list[object] = [schema]
        while waiting:
            inner = waiting.pop()
            if isinstance(inner, dict) and isinstance(inner.get("$ref"), str):
                leads[key].append(inner["$ref"].removeprefix(REF_PREFIX))
            waiting.extend(each for step, each in subschemas(inner) if step[0] in _SAME_VALUE)
    # Take away what leads nowhere any more, again and again; what stays goes round.
    sources: dict[str, list[str]] = {key: [] for key in leads}
    for key, targets in leads.items():
        for target in targets:
            sources[target].append(key)
    open_ends = {key: len(targets) for key, targets in leads.items()}
    ends = [key for key, count in open_ends.items() if not count]
    while ends:
        end = ends.pop()
        for source in sources[end]:
            open_ends[source] -= 1
            if not open_ends[source]:
                ends.append(source)
    for key, count in sorted(open_ends.items()):
        if count:
            yield f"schemas.{_cut(key)}: is defined through itself, and so not at all"


def _metaschema(roots: Iterable[tuple[str, object]]) -> Iterator[str]:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    # A schema is valid if it is so with its subschemas left out, and they are. Taken apart like this, most
    # of an API's schemas are the same few, and are looked at once.
    valid: set[str] = set()
    for name, root in roots:
        waiting: list[tuple[tuple[str, ...], object]] = [((), root)]
        while waiting:
            way, schema = waiting.pop()
            inner = list(subschemas(schema))
            alone = _without(schema, [step for step, _ in inner])
            text = repr(alone)
            if text not in valid:
                fine = True
                for error in validator.iter_errors(alone):
                    fine = False
                    yield f"{_way(name, (*way, *error.absolute_path))}: {error.message}"
                if fine:
                    valid.add(text)
            waiting.extend(((*way, *step), below) for step, below in reversed(inner))


def _without(schema: object, steps: list[tuple[str, ...]]) -> object:
    """A copy of `schema` without its subschemas; ``true`` stands where there has to be one."""
    if not isinstance(schema, dict):
        return schema
    if schema.keys() == {"$ref"} and isinstance(schema["$ref"], str):
        return True
    copy: dict[str, Any] = dict(schema)
    for keyword, *rest in steps:
        if keyword == "properties":
            copy[keyword] = {}  # whatever their names are
            continue
        if not rest:
            copy[keyword] = True
            continue
        if copy[keyword] is schema[keyword]:
            copy[keyword] = copy[keyword].copy()
        holder = copy[keyword]
        holder[int(rest[0]) if isinstance(holder, list) else rest[0]] = True
    return copy


def _format(manifest: dict[str, Any]) -> Iterator[str]:
    from json import loads

    from jsonschema import Draft202012Validator

    from ..manifest import bundled_bytes

    validator = Draft202012Validator(loads(bundled_bytes("format.schema.json")))
    for error in validator.iter_errors(manifest):
        yield f"{_way('', error.absolute_path)}: {error.message}"


def _tree(operations: dict[str, Any]) -> Iterator[str]:
    """Ids that are the beginning of another one: an attribute cannot be a resource and an operation."""
    for id in operations:
        start = id.find(".")
        while start > 0:
            if id[:start] in operations:
                yield f"operations.{_cut(id)}: lies below another operation, {_cut(id[:start])!r}"
            start = id.find(".", start + 1)


def _way(name: str, path: Iterable[object]) -> str:
    return ".".join([*([name] if name else []), *(_cut(step) for step in path)]) or "the manifest"
