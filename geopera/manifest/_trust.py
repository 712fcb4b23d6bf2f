"""The checks of a manifest before anything in it is used, wherever it came from.

The head, the ids and the keys are checked when a manifest is loaded, an entry when it is first used. A token is sent to
the path, an id becomes part of a URL, a key a name in generated code: each must match its whole form, by plain
comparisons, so that loading imports nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._keywords import MAPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from typing import Any

    #: Where a fault is, and what it is.
    Fault = tuple[tuple[str, ...], str]
    #: By field: whether a value fits, and what is said of one that does not.
    _Table = dict[str, tuple[Callable[[Any], bool], str]]

FORMAT = 1
#: The largest manifest, and the largest description of an API, in bytes.
MAX_BYTES = 64 << 20
MAX_OPERATIONS = 5_000
MAX_SCHEMAS = 20_000
MAX_NAME = 200
MAX_TEXT = 2_000
#: The most values in an entry, and its deepest nesting as JSON. The API's own have about 200, and 8.
MAX_VALUES = 500_000
ENTRY_DEPTH = 126
#: The largest integer, in bits. Python reads and prints no more than 4,300 digits.
MAX_BITS = 14_000
_MAX_URL = 2_000
_INFINITY = float("inf")
_SECTIONS = ("operations", "schemas", "docs")
_SCHEMAS = ("input", "output")
PLACE = "{operation_id}"

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_LETTERS = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SEGMENT = _LETTERS | _DIGITS | frozenset("-._~!$&'()*+,;=:@")
_TOKEN = _LOWER | _DIGITS | frozenset("!#$&^_.+-")
_ID = _LOWER | _DIGITS | {"_"}
_KEY = _LETTERS | _DIGITS | frozenset("_.-")


def shown(value: object) -> str:
    """`value` for a message: short, and without control characters."""
    try:
        text = value if isinstance(value, str) else repr(value)[:MAX_NAME]
    except (ValueError, RecursionError):  # Python writes no number of more than 4,300 digits
        text = f"a very large {type(value).__name__}"
    text = "".join(c if c.isprintable() else "?" for c in text[: MAX_NAME + 1])
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"


def _is_path(path: object) -> bool:
    if not isinstance(path, str) or len(path) > _MAX_URL or path[:1] != "/" or path.count(PLACE) != 1:
        return False
    segments = path[1:].replace(PLACE, "x").split("/")
    return all(s and s.strip(".") and _SEGMENT.issuperset(s) for s in segments)


def _is_base_url(url: object) -> bool:
    if not isinstance(url, str) or len(url) > _MAX_URL or not url.isprintable():
        return False
    scheme, _, rest = url.partition("://")
    return (
        scheme in ("http", "https")
        and rest[:1] not in ("", "/")
        and not any(c in rest for c in " ?#\\")
        and "//" not in rest
        and not any(part in (".", "..") for part in rest.split("/"))
    )


def is_id(id: object) -> bool:
    """Whether `id` is a dotted id of lower-case words."""
    if not isinstance(id, str) or len(id) > MAX_NAME:
        return False
    parts = id.split(".")
    return len(parts) > 1 and all(p and p[0] in _LOWER and _ID.issuperset(p) for p in parts)


def is_key(key: object) -> bool:
    """Whether `key` can be the key of a schema."""
    return (
        isinstance(key, str)
        and 0 < len(key) <= MAX_NAME
        and (key[0] in _LETTERS or key[0] == "_")
        and _KEY.issuperset(key)
    )


def is_media_type(text: object) -> bool:
    if not isinstance(text, str) or len(text) > 100:
        return False
    main, _, sub = text.partition("/")
    return bool(main and sub) and _TOKEN.issuperset(main) and _TOKEN.issuperset(sub)


def _is_version(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 100 and text.isprintable()


_HEAD: _Table = {
    "format": (
        lambda v: type(v) is int and v == FORMAT,
        f"is not the format that this version reads, {FORMAT}",
    ),
    "api_version": (_is_version, "is not a printable version of at most 100 characters"),
    "base_url": (_is_base_url, "is not an http or https URL without query, fragment and dots"),
    "path": (_is_path, f"is not a path that starts with one slash and holds {PLACE} once"),
}


def faults(
    head: Mapping[str, Any], operations: Any, schemas: Any, docs: Any, *, strict: bool = False
) -> Iterator[Fault]:
    """The faults of a manifest, except for the insides of its entries: (path, fault) of the head, the ids and the keys.

    `strict` adds what a reader ignores, and a writer avoids.
    """
    for name, value in head.items():
        if not isinstance(name, str):
            yield (), "a key of the manifest is not text"
        elif strict and name not in _HEAD and name not in _SECTIONS and not _is_scalar(value):
            yield (name,), f"{shown(value)!r} is not a printable text, an integer, a boolean or null"
    yield from _misfits(head, _HEAD, ("format",), None)
    if strict and str(head.get("base_url", "")).endswith("/"):
        yield ("base_url",), "ends with a slash"
    for section, part in zip(_SECTIONS, (operations, schemas, docs), strict=True):
        if not isinstance(part, Mapping):
            yield (section,), "is not an object"
            return
    for id in operations:
        if not is_id(id):
            yield ("operations", id), "the id is not made of lower-case words with dots between"
    for key in schemas:
        if not is_key(key):
            yield ("schemas", key), "the key is not made of ASCII letters, digits, '_', '.' and '-'"
    for key in docs:
        if not _is_doc_key(key):
            yield ("docs", key), "the key is not that of a schema, or of an operation's input or output"
    for count, most, what in (
        (len(operations), MAX_OPERATIONS, "operations"),
        (len(schemas), MAX_SCHEMAS, "schemas"),
        (len(docs), MAX_SCHEMAS + 2 * MAX_OPERATIONS, "described schemas"),
    ):
        if count > most:
            yield (), f"{count:,} {what} are more than any API has"


def line(fault: Fault, *before: str) -> str:
    """A fault in a line, its location first."""
    way, text = fault
    where = ".".join(map(shown, (*before, *way)))
    return f"{where}: {text}" if where else text


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return value.isprintable()
    return value is None or (isinstance(value, int) and not json_fault(value))


def _is_doc_key(key: object) -> bool:
    if not isinstance(key, str):
        return False
    section, _, name = key.partition("/")
    id, _, part = name.rpartition("/")
    return (
        is_key(name) if section == "schemas" else section == "operations" and part in _SCHEMAS and is_id(id)
    )


def _misfits(
    value: Mapping[str, Any], fields: _Table, required: Iterable[str], known: Container[str] | None
) -> Iterator[Fault]:
    """The faults of a record: missing fields, those that are not `known`, and values that do not fit."""
    for name in required:
        if name not in value:
            yield (name,), "is missing"
    for name, item in value.items():
        if name in fields:
            fits, words = fields[name]
            if not fits(item):
                yield (name,), f"{shown(item)!r} {words}"
        elif known is not None and name not in known:
            yield (name,), "is not a field of a manifest of this format"


def json_fault(value: object, depth: int = ENTRY_DEPTH, values: int = MAX_VALUES) -> str:
    """Why `value` is not JSON, or too deep or too large; empty if it is neither. No recursion.

    `depth` counts nested containers, `values` everything.
    """
    layer: list[object] = [value]
    seen = 0
    for _ in range(depth + 1):
        following: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                if not all(isinstance(key, str) for key in item):
                    return "a key that is not text"
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
            elif item is not None and not isinstance(item, (str, int, float)):
                return f"{type(item).__name__} is not JSON"
            elif isinstance(item, int) and item.bit_length() > MAX_BITS:
                return "a number of more than 4,200 digits"
            elif isinstance(item, float) and (item != item or item in (_INFINITY, -_INFINITY)):
                return f"{item} is not JSON"
            if len(following) > values:
                break
        seen += len(layer)
        if seen + len(following) > values:
            return f"more than {values:,} values"
        if not following:
            return ""
        layer = following
    return f"nested deeper than {depth}"


def _is_text(value: object, longest: int = MAX_NAME) -> bool:
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 100 and all(_is_text(item, 100) for item in value)


def _are_errors(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 200
        and all(is_status(s) and is_key(key) for s, key in value.items())
    )


_WORDS: _Table = {
    "description": (
        lambda v: is_prose(v, MAX_TEXT),
        f"is not a printable text of at most {MAX_TEXT:,} characters",
    ),
    "deprecated": (lambda v: isinstance(v, bool), "is not a boolean"),
    "examples": (lambda v: isinstance(v, list) and len(v) <= 10, "is not a list of at most 10"),
}


def doc_faults(entry: object) -> Iterator[Fault]:
    """The faults of the descriptions of one schema."""
    if not isinstance(entry, dict):
        yield (), "the entry is not an object"
    elif fault := json_fault(entry):
        yield (), fault
    else:
        for way, words in entry.items():
            if not way.isprintable() or not isinstance(words, dict):
                yield (), f"{shown(way)!r} is not a pointer with an object"
            else:
                yield from (((way, *below), text) for below, text in _misfits(words, _WORDS, (), ()))


def is_status(status: object) -> bool:
    """Whether `status` is a status of an error, a range of them (``4XX``) or ``default``."""
    if status == "default":
        return True
    return (
        isinstance(status, str)
        and len(status) == 3
        and status[0] in "45"
        and (status[1:] == "XX" or _DIGITS.issuperset(status[1:]))
    )


def _is_record(value: object, fields: _Table) -> bool:
    first = next(iter(fields))
    return value is None or (isinstance(value, dict) and not any(_misfits(value, fields, (first,), ())))


_PAGING: _Table = {
    "convention": (lambda v: v in ("token", "offset", "page", "search_page"), ""),
    "records": (lambda v: v is None or (_is_text(v) and v != ""), ""),
}
_POLLING: _Table = {
    "state": (lambda v: _is_text(v) and v != "", ""),
    "success": (lambda v: _are_texts(v) and v != [], ""),
    "failure": (_are_texts, ""),
}
_BOOLEAN = (lambda v: isinstance(v, bool), "is not a boolean")
_MEDIA_TYPE = (is_media_type, "is not a media type without parameters")
_SCHEMA = (lambda v: isinstance(v, dict), "is not a schema")
_TEXTS = (_are_texts, "is not a list of at most 100 printable texts of at most 100 characters")
_ENTRY: _Table = {
    "summary": (lambda v: _is_text(v, 90) and v != "", "is not one printable line of at most 90 characters"),
    "scope": (lambda v: v is None or _is_text(v), "is not a printable text or null"),
    "side_effect": (
        lambda v: v in ("read", "compute", "external_spend", "destructive", "share_export", None),
        "is not one of the known side effects or null",
    ),
    "idempotent": _BOOLEAN,
    "success_status": (lambda v: type(v) is int and 200 <= v <= 299, "is not a status from 200 to 299"),
    "media_type": _MEDIA_TYPE,
    "public": _BOOLEAN,
    "body_required": _BOOLEAN,
    "input": _SCHEMA,
    "output": _SCHEMA,
    "description": (
        lambda v: is_prose(v, MAX_TEXT),
        f"is not a printable text of at most {MAX_TEXT:,} characters",
    ),
    "deprecated": _BOOLEAN,
    "tags": _TEXTS,
    "request_media_type": _MEDIA_TYPE,
    "errors": (_are_errors, "is not an object with keys of schemas by status"),
    "estimate": (is_id, "is not an operation's id"),
    "produces": _TEXTS,
    "paging": (lambda v: _is_record(v, _PAGING), "is not a known convention, or null"),
    "polling": (lambda v: _is_record(v, _POLLING), "is not a field and its final statuses, or null"),
}


_REQUIRED = ("input", "output")


def entry_faults(entry: object, schemas: Container[str], *, strict: bool = False) -> Iterator[Fault]:
    """The faults of an operation's entry, except for the contents of its schemas; `schemas` has all keys."""
    if not isinstance(entry, dict):
        yield (), "the entry is not an object"
    elif fault := json_fault(entry):
        yield (), fault
    else:
        yield from _misfits(entry, _ENTRY, _REQUIRED if strict else (), () if strict else None)
        errors = entry.get("errors", {})
        for status, key in errors.items() if _are_errors(errors) else ():
            if key not in schemas:
                yield ("errors", status), f"there is no schema {shown(key)!r}"


def schema_faults(schema: object) -> Iterator[Fault]:
    """What is forbidden in a schema, whatever it means; the fault of the whole has an empty path."""
    if not isinstance(schema, dict):
        yield (), f"{shown(schema)!r} is not a schema, which is an object"
    elif fault := json_fault(schema):
        yield (), fault
    else:
        yield from _text_faults(schema)


PREFIX = "#/schemas/"
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
#: Keywords that move the root of references, or name a location.
_IDENTITIES = frozenset({"$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"})
#: Keywords of a schema that hold data or a pattern, which are displayed as literals.
_DATA = frozenset({"default", "const", "enum", "examples", "example", "pattern"})


def is_prose(text: object, longest: int = MAX_BYTES) -> bool:
    """Whether `text` is printable apart from line breaks and tabs, and no longer than that."""
    return (
        isinstance(text, str) and len(text) <= longest and text.translate({10: None, 9: None}).isprintable()
    )


def _text_faults(schema: object) -> Iterator[Fault]:
    """References out of the manifest, and texts with control characters.

    Patterns and data may hold anything, since they are escaped for display. No recursion.
    """
    waiting: list[tuple[tuple[str, ...], object, bool]] = [((), schema, False)]
    while waiting:
        way, value, is_map = waiting.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                below = (*way, str(key))
                if not isinstance(key, str) or (way[-1:] != ("patternProperties",) and not _is_text(key)):
                    yield way, f"{shown(key)!r} is not a printable name of at most {MAX_NAME} characters"
                elif is_map:
                    waiting.append((below, item, False))
                elif key in _REFERENCES:
                    if key != "$ref" or not _is_reference(item):
                        yield way, f"the reference {shown(item)!r} does not lead to a schema of the manifest"
                elif key in _IDENTITIES:
                    yield way, f"{key} is not used in a manifest; references have the form {PREFIX}<key>"
                elif key not in _DATA:
                    waiting.append((below, item, key in MAPS))
        elif isinstance(value, list):
            waiting.extend(((*way, str(number)), item, False) for number, item in enumerate(value))
        elif isinstance(value, str) and not is_prose(value):
            yield way[:-1], f"{shown(value)!r} is not printable"


def _is_reference(text: object) -> bool:
    return isinstance(text, str) and text.startswith(PREFIX) and is_key(text[len(PREFIX) :])
