"""Descriptions, examples and deprecations of schemas, which are kept apart from them.

A change of words alone makes the same schemas, and so the same classes.
"""

from __future__ import annotations

from ..manifest._trust import is_prose
from ._schemas import subschemas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_TEXT = 2_000
_MAX_EXAMPLES = 3
_MAX_EXAMPLE = 1_000


def text_of(value: object) -> str:
    """A text of several lines, without control characters, of at most 2,000 characters."""
    if not isinstance(value, str):
        return ""
    text = "".join(c if c in "\n\t" or c.isprintable() else " " for c in value[: 2 * _MAX_TEXT])
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1].rstrip() + "…"


def words(schema: Any) -> dict[str, dict[str, Any]]:
    """The descriptions of a schema and those inside it, by JSON pointer; the schema's own is at ``""``."""
    found: dict[str, dict[str, Any]] = {}
    waiting: list[tuple[str, Any]] = [("", schema)]
    while waiting:
        way, inner = waiting.pop(0)
        annotations = _annotations(inner) if isinstance(inner, dict) else {}
        if annotations:
            found[way] = annotations
        for step, below in subschemas(inner):
            parts = (part.replace("~", "~0").replace("/", "~1") for part in step)
            waiting.append(("/".join((way, *parts)), below))
    return found


def _annotations(schema: dict[str, Any]) -> dict[str, Any]:
    annotations: dict[str, Any] = {}
    if text := text_of(schema.get("description")):
        annotations["description"] = text
    if schema.get("deprecated") is True:
        annotations["deprecated"] = True
    given = schema.get("examples")
    examples = list(given) if isinstance(given, list) else []
    examples += [schema["example"]] if "example" in schema else []
    if kept := [one for one in examples[:_MAX_EXAMPLES] if _is_short(one)]:
        annotations["examples"] = kept
    return annotations


def _is_short(value: Any) -> bool:
    from json import dumps

    try:
        text = dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return len(text) <= _MAX_EXAMPLE and is_prose(text)
