"""Bounded texts: `line` is the one-line repr of a result, `short` the repr of any value, cut at a length."""

from __future__ import annotations

from .plain import counted, is_feature, is_scalar, page_of, pairs, plain, redacted
from .safe import fits, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["FIRST", "LIMIT", "LINE", "encodable", "line", "lines", "short", "whole"]

LIMIT = 2_000
LINE = 200
_MAX_STRING = 300
_MAX_DEPTH = 12
_MAX_LINES = 10

#: The fields that people look for first, in this order.
FIRST = (
    *("id", "name", "title", "status", "state", "reference", "datetime", "start_datetime", "end_datetime"),
    *("eo:cloud_cover", "cloud_cover", "gsd", "platform", "collection", "collections", "type", "created_at"),
)


def encodable(text: str) -> str:
    """`text` for the encoding of standard output: ASCII for ASCII."""
    import sys

    if text.isascii() or fits(text, sys.stdout):
        return text
    for fancy, ascii_ in (("…", "..."), ("─", "-")):
        text = text.replace(fancy, ascii_)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


# On one line.


def line(value: Any) -> str:
    """`value` on one line of at most `LINE` characters: whole, or the fields that people look for first."""
    fields = plain(value)
    if isinstance(fields, dict):
        if is_feature(fields) and "id" in fields:
            return encodable(_feature(value, fields))
        page = page_of(value)
        if page is not None:
            note = f"; {page.note}" if page.note else ""
            name = page.name if page.name not in ("JSONObject", "dict") else "page"
            return encodable(one_line(f"<{name} of {page.count}{note}>", LINE))
    text = _bounded(value, fields, LINE)
    return encodable(text if len(text) <= LINE else text[: LINE - 1] + "…")


def whole(value: Any) -> str:
    """`value` in at most about `LIMIT` characters: whole, or with each of its fields shortened."""
    return encodable(_bounded(value, plain(value), LIMIT))


def _bounded(value: Any, fields: Any, limit: int) -> str:
    writer = _Writer(limit)
    _write(writer, value, 0)
    if isinstance(fields, dict) and (writer.cut or writer.left < 0):
        return _gist(value, fields, limit)
    return "".join(writer.parts)


def lines(values: list[Any]) -> str:
    """A list, one line per member if they are objects; omitted members are counted."""
    if not values or not any(isinstance(plain(item), dict) for item in values[:_MAX_LINES]):
        return encodable(short(values, LIMIT // 2))
    shown = [line(item) for item in values[:_MAX_LINES]]
    if sum(map(len, shown)) + 2 * len(shown) <= LINE and len(shown) == len(values):
        return f"[{', '.join(shown)}]"
    more = len(values) - len(shown)
    return "[" + ",\n ".join(shown) + encodable(f",\n … {more:,} more]" if more else "]")


def _feature(value: Any, fields: Mapping[str, Any]) -> str:
    properties = plain(fields.get("properties"))
    properties = properties if isinstance(properties, dict) else {}
    name = type(value).__name__
    words = [name if name not in ("JSONObject", "dict") else "Feature", one_line(str(fields["id"]), 72)]
    when = _when(properties)
    collection = fields.get("collection")
    words += [when] if when else []
    words += [one_line(collection, 40)] if isinstance(collection, str) else []
    cloud = properties.get("eo:cloud_cover", properties.get("cloud_cover"))
    if isinstance(cloud, int | float) and not isinstance(cloud, bool) and 0 <= cloud <= 100:
        words.append(f"cloud {cloud:.0f} %" if cloud >= 1 or not cloud else f"cloud {cloud:.1g} %")
    if len(words) == 2:
        geometry = plain(fields.get("geometry"))
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        words += [one_line(kind, 20)] if isinstance(kind, str) else []
    return f"<{' '.join(words)}>"


def _when(properties: Mapping[str, Any]) -> str:
    """The day of a scene, or its first and its last one."""
    day = properties.get("datetime")
    if day:
        return one_line(str(day)[:10], 10)
    ends = [properties.get(name) for name in ("start_datetime", "end_datetime")]
    return "/".join(one_line(str(end)[:10], 10) if end else ".." for end in ends) if any(ends) else ""


def _gist(value: Any, fields: dict[str, Any], limit: int) -> str:
    """The fields of a large object that fit; nested ones as their sizes."""
    shown = pairs(value)
    names = [name for name, _ in shown] if shown is not None else list(fields)
    items = dict(shown) if shown is not None else fields
    rank = {name: index for index, name in enumerate(FIRST)}
    ordered = sorted(names, key=lambda name: (rank.get(name, len(rank)), not is_scalar(items[name])))
    head, end = (f"{type(value).__name__}(", ")") if shown is not None else ("{", "}")
    parts: list[str] = []
    left = limit - len(head) - 14
    for name in ordered:
        key = f"{name}=" if shown is not None and str(name).isidentifier() else f"{short_key(name)}: "
        item = redacted(items[name], name)
        part = key + (_hint(item) if limit == LINE else short(item, LINE))
        if len(part) + 2 > left:
            break
        left -= len(part) + 2
        parts.append(part)
    if len(parts) < len(ordered):
        parts.append(f"… {len(ordered) - len(parts):,} more")
    return f"{head[:limit]}{', '.join(parts)}{end}"


def _hint(value: Any) -> str:
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= 40 else f"{value[:38]!r}"[:-1] + "…'"
    if isinstance(value, list | tuple):
        return "[]" if not value else f"[{counted(len(value), 'items')}]"
    inside = plain(value)
    if isinstance(inside, dict):
        return "{}" if not inside else f"{{{counted(len(inside), 'fields')}}}"
    return repr(value)[:40]


# Whole, up to a length.


class _Writer:
    __slots__ = ("cut", "left", "parts")

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.parts: list[str] = []
        self.cut = False

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.left -= len(text)


def short(value: Any, limit: int = LIMIT) -> str:
    """A repr of `value` of at most about `limit` characters: whole if it is small, else cut."""
    writer = _Writer(limit)
    _write(writer, value, 0)
    return "".join(writer.parts)


def _write(writer: _Writer, value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        writer.add("…")
        writer.cut = True
    elif isinstance(value, str | bytes):
        if isinstance(value, str):
            value = redacted(value)
        text = repr(value[:_MAX_STRING])
        writer.add(text if len(value) <= _MAX_STRING else f"{text[:-1]}…{text[-1]}")
    elif isinstance(value, dict):
        writer.add("{")
        for index, (key, item) in enumerate(value.items()):
            if _stops(writer, index, len(value)):
                break
            writer.add(f"{', ' if index else ''}{short_key(key)}: ")
            _write(writer, redacted(item, key), depth + 1)
        writer.add("}")
    elif isinstance(value, list | tuple):
        brackets = "[]" if isinstance(value, list) else "()"
        writer.add(brackets[0])
        for index, item in enumerate(value):
            if _stops(writer, index, len(value)):
                break
            writer.add(", " if index else "")
            _write(writer, item, depth + 1)
        writer.add(brackets[1])
    elif (found := pairs(value)) is not None:
        _write_fields(writer, type(value).__name__, found, len(found), depth)
    else:
        text = repr(value)
        writer.add(text if len(text) <= _MAX_STRING else text[:_MAX_STRING] + "…")


def _write_fields(
    writer: _Writer, name: str, found: Iterable[tuple[str, Any]], count: int, depth: int
) -> None:
    writer.add(f"{name}(")
    for index, (key, item) in enumerate(found):
        if _stops(writer, index, count):
            break
        shown = f"{key}=" if key.isidentifier() else f"{short_key(key)}: "
        writer.add(f"{', ' if index else ''}{shown}")
        _write(writer, redacted(item, key), depth + 1)
    writer.add(")")


def _stops(writer: _Writer, index: int, count: int) -> bool:
    if writer.left > 0:
        return False
    writer.add(f"{', ' if index else ''}… {count - index} more")
    writer.cut = True
    return True


def short_key(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 80 else f"{text[:78]}…'"
