"""The checks of a manifest before anything in it is used, wherever it came from.

The head, the ids and the keys are checked when a manifest is loaded, an entry when it is first used. A token is sent to
the path, an id becomes part of a URL, a key a name in generated code: each must match its whole form, by plain
comparisons, so that loading imports nothing for it.
"""

from __future__ import annotations

from .._keywords import MAPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

#: The largest manifest, and the largest description of an API, in bytes.
MAX_BYTES = 64 << 20
MAX_OPERATIONS = 5_000
MAX_SCHEMAS = 20_000
MAX_NAME = 200
MAX_TEXT = 2_000
_MAX_URL = 2_000
PLACE = "{operation_id}"

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_LETTERS = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SEGMENT = _LETTERS | _DIGITS | frozenset("-._~!$&'()*+,;=:@")
_TOKEN = _LOWER | _DIGITS | frozenset("!#$&^_.+-")
_ID = _LOWER | _DIGITS | {"_"}
_KEY = _LETTERS | _DIGITS | frozenset("_.-")

_EFFECTS = ("read", "compute", "external_spend", "destructive", "share_export", None)
_CONVENTIONS = ("token", "offset", "page", "search_page")


def shown(value: object) -> str:
    """`value` for a message: short, and without control characters."""
    try:
        text = value if isinstance(value, str) else repr(value)[:MAX_NAME]
    except ValueError:  # Python writes no number of more than 4,300 digits
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


_HEAD = {
    "api_version": (_is_version, "is not a printable version of at most 100 characters"),
    "base_url": (_is_base_url, "is not an http or https URL without query, fragment and dots"),
    "path": (_is_path, f"is not a path that starts with one slash and holds {PLACE} once"),
}


def problems(head: Mapping[str, Any], operations: Iterable[Any], schemas: Iterable[Any]) -> Iterator[str]:
    """The faults of the head, the ids and the keys of a manifest: one line each, its location first."""
    for name, (fits, words) in _HEAD.items():
        if name in head and not fits(head[name]):
            yield f"{name}: {shown(head[name])!r} {words}"
    count = 0
    for id in operations:
        count += 1
        if not is_id(id):
            yield f"operations.{shown(id)}: the id is not made of lower-case words with dots between"
    if count > MAX_OPERATIONS:
        yield f"{count:,} operations are more than any API has"
    count = 0
    for key in schemas:
        count += 1
        if not is_key(key):
            yield f"schemas.{shown(key)}: the key is not made of ASCII letters, digits, '_', '.' and '-'"
    if count > MAX_SCHEMAS:
        yield f"{count:,} schemas are more than any API has"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME and value.isprintable()


def _are_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) <= 100 and all(map(_is_text, value))


def _is_schema(value: object) -> bool:
    return isinstance(value, dict)


def _are_errors(value: object) -> bool:
    return isinstance(value, dict) and all(is_status(s) and is_key(key) for s, key in value.items())


def doc_faults(entry: object) -> Iterator[str]:
    """The faults of the descriptions of one schema."""
    if not isinstance(entry, dict):
        yield "the entry is not an object"
        return
    for way, words in entry.items():
        if not isinstance(way, str) or not way.isprintable() or not isinstance(words, dict):
            yield f"{shown(way)!r} is not a pointer with an object"
        elif not is_prose(words.get("description", ""), MAX_TEXT):
            yield f"{shown(way)}: the description is not a printable text of at most {MAX_TEXT:,} characters"
        elif not isinstance(words.get("examples", []), list):
            yield f"{shown(way)}: the examples are not a list"


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


def _is_paging(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and value.get("convention") in _CONVENTIONS
        and (value.get("records") is None or _is_text(value["records"]))
    )


def _is_polling(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and _is_text(value.get("state"))
        and _are_texts(value.get("success", ()))
        and _are_texts(value.get("failure", ()))
    )


_ENTRY = {
    "summary": (_is_text, "one printable line"),
    "description": (lambda v: is_prose(v, MAX_TEXT), "a printable text"),
    "deprecated": (lambda v: isinstance(v, bool), "a boolean"),
    "tags": (_are_texts, "a list of printable texts"),
    "request_media_type": (is_media_type, "a media type without parameters"),
    "scope": (lambda v: v is None or _is_text(v), "a printable text or null"),
    "side_effect": (lambda v: v is None or v in _EFFECTS, "one of the known side effects or null"),
    "idempotent": (lambda v: isinstance(v, bool), "a boolean"),
    "success_status": (lambda v: type(v) is int and 200 <= v <= 299, "a status from 200 to 299"),
    "media_type": (is_media_type, "a media type without parameters"),
    "public": (lambda v: isinstance(v, bool), "a boolean"),
    "body_required": (lambda v: isinstance(v, bool), "a boolean"),
    "input": (_is_schema, "a schema"),
    "output": (_is_schema, "a schema"),
    "errors": (_are_errors, "keys of schemas by status"),
    "estimate": (lambda v: v is None or is_id(v), "an operation's id or null"),
    "produces": (lambda v: v is None or _are_texts(v), "a list of printable texts"),
    "paging": (_is_paging, "a known convention, or null"),
    "polling": (_is_polling, "fields and statuses, or null"),
}


def entry_faults(entry: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """(name, fault) of the fields of an operation's entry, except for the contents of its schemas."""
    if not isinstance(entry, dict):
        yield (), "the entry is not an object"
        return
    for name, (fits, words) in _ENTRY.items():
        if name in entry and not fits(entry[name]):
            yield (name,), f"{shown(entry[name])!r} is not {words}"


def entry_problems(id: str, entry: object) -> Iterator[str]:
    """The faults of an operation's entry: one line each, its location first."""
    where = f"operations.{shown(id)}"
    for way, text in entry_faults(entry):
        yield f"{'.'.join((where, *way))}: {text}"
    for name in ("input", "output"):
        if isinstance(entry, dict):
            yield from schema_problems(f"{where}.{name}", entry.get(name))


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


def schema_problems(where: str, schema: object) -> Iterator[str]:
    """The forbidden contents of a schema: one line each, its location first."""
    for way, text in text_faults(schema):
        yield f"{where}{'.' if way else ''}{'.'.join(map(shown, way))}: {text}"


def text_faults(schema: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, fault) of references out of the manifest, and of texts with control characters.

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
