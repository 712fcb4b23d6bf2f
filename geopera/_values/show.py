"""How results look: a short text for a terminal, a table with footprints for a notebook.

Works on what results are made of (mappings, lists, scalars, pydantic models), and reads and writes no
more than it shows: a page of ten thousand records costs as much as one of ten.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

LIMIT = 2_000
_MAX_STRING = 300
_MAX_DEPTH = 12
_ROWS = 20
_COLUMNS = 10
_CELL = 60


_SECRET_NAMES = frozenset({"secret", "client_secret", "password"})
_SECRET_STARTS = ("gpra_", "whsec_")


def veiled(value: Any, name: Any = None) -> Any:
    """`value`, or a veil over it where it is a secret: an API key, a webhook's secret, a payment's.

    What is printed ends up in logs and notebooks; the value itself is read from its field.
    """
    if isinstance(value, str) and value:
        for start in _SECRET_STARTS:
            if value.startswith(start):
                return f"{start}***"
        if name in _SECRET_NAMES:
            return "***"
    return value


class _Writer:
    __slots__ = ("left", "parts")

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.left -= len(text)


def short(value: Any, limit: int = LIMIT) -> str:
    """A repr of `value` of about `limit` characters at most: whole when it is small, cut where it is big."""
    writer = _Writer(limit)
    _write(writer, value, 0)
    return "".join(writer.parts)


def _write(writer: _Writer, value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        writer.add("…")
    elif isinstance(value, str | bytes):
        if isinstance(value, str):
            value = veiled(value)
        text = repr(value[:_MAX_STRING])
        writer.add(text if len(value) <= _MAX_STRING else f"{text[:-1]}…{text[-1]}")
    elif isinstance(value, dict):
        writer.add("{")
        for index, (key, item) in enumerate(value.items()):
            if _stops(writer, index, len(value)):
                break
            writer.add(f"{', ' if index else ''}{short_key(key)}: ")
            _write(writer, veiled(item, key), depth + 1)
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
    elif (pairs := _pairs(value)) is not None:
        _write_fields(writer, type(value).__name__, pairs, len(pairs), depth)
    else:
        text = repr(value)
        writer.add(text if len(text) <= _MAX_STRING else text[:_MAX_STRING] + "…")


def _write_fields(
    writer: _Writer, name: str, pairs: Iterable[tuple[str, Any]], count: int, depth: int
) -> None:
    writer.add(f"{name}(")
    for index, (key, item) in enumerate(pairs):
        if _stops(writer, index, count):
            break
        writer.add(
            f"{', ' if index else ''}{key}=" if key.isidentifier() else f"{', ' if index else ''}{key!r}: "
        )
        _write(writer, veiled(item, key), depth + 1)
    writer.add(")")


def _stops(writer: _Writer, index: int, count: int) -> bool:
    if writer.left > 0:
        return False
    writer.add(f"{', ' if index else ''}… {count - index} more")
    return True


def short_key(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 80 else f"{text[:78]}…'"


def _pairs(value: Any) -> list[tuple[str, Any]] | None:
    """The fields of a model: those that were given, under their Python names, then unknown ones."""
    given = getattr(type(value), "model_fields", None)
    if given is None or not hasattr(value, "__pydantic_fields_set__"):
        return None
    extra = value.__pydantic_extra__ or {}
    here = value.__dict__
    has = getattr(value, "_has", value.__pydantic_fields_set__.__contains__)
    return [(name, here[name]) for name in given if name in here and has(name)] + list(extra.items())


# Notebooks.


def plain(value: Any) -> Any:
    """A model as a mapping of its wire names, anything else as it is; what lies inside stays as it is."""
    pairs = None if isinstance(value, dict | list) else _pairs(value)
    if pairs is None:
        return value
    known = type(value).model_fields
    return {(known[name].alias or name) if name in known else name: item for name, item in pairs}


def html(value: Any) -> str | None:
    """HTML for a page, a list of records, a feature or another object; None where a text serves better."""
    value = plain(value)
    if isinstance(value, list):
        return _records_html(value, "") if _are_records(value) else None
    if not isinstance(value, dict) or not value:
        return None
    name = records_name(value)
    if name is not None:
        rest = {k: v for k, v in value.items() if k != name and _is_scalar(v) and v is not None}
        note = ", ".join(f"{k}: {_cell(veiled(v, k))}" for k, v in list(rest.items())[:8])
        return _records_html(value[name], note)
    sketch = _sketch([value])
    return sketch + _table(
        ["field", "value"], ([key, veiled(item, key)] for key, item in list(value.items())[: 3 * _ROWS])
    )


def records_name(page: dict[str, Any]) -> str | None:
    """The field that holds a page's records: the one field that is a list of objects."""
    lists = {key: item for key, item in page.items() if isinstance(item, list) and key != "links"}
    found = [key for key, item in lists.items() if _are_records(item)]
    return found[0] if len(found) == 1 and "geometry" not in page else None


def _are_records(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(plain(item), dict) for item in value[:_ROWS])


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _records_html(records: list[Any], note: str) -> str:
    rows = [row for item in records[:_ROWS] if isinstance(row := plain(item), dict)]
    names, cells = table(rows)
    head = f"<p>{_escape(f'{len(records)} records' + (f'; {note}' if note else ''))}</p>"
    more = f"<p>… {len(records) - len(rows)} more</p>" if len(records) > len(rows) else ""
    return head + _sketch(plain(item) for item in records[:100]) + _table(names, cells) + more


def table(rows: list[dict[str, Any]], columns: int = _COLUMNS) -> tuple[list[str], list[list[Any]]]:
    """(column names, rows of values) of records: the columns that say most, ``id`` first.

    The properties of a feature count as columns of the record; columns without any scalar are left out.
    """
    flat = [_flat(row) for row in rows]
    counts: dict[str, int] = {}
    for row in flat:
        for name, value in row.items():
            counts[name] = counts.get(name, 0) + (2 if _is_scalar(value) and value is not None else 0)
    names = [name for name, count in counts.items() if count] or list(counts)
    order = {name: index for index, name in enumerate(names)}
    names.sort(key=lambda name: (name not in ("id", "name"), -counts[name], order[name]))
    names = names[:columns]
    return names, [[veiled(row.get(name), name) for name in names] for row in flat]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    properties = plain(row.get("properties"))
    if row.get("type") != "Feature" and "geometry" not in row:
        return row
    skipped = ("type", "geometry", "properties", "assets", "links", "stac_version", "stac_extensions", "bbox")
    kept = {key: value for key, value in row.items() if key not in skipped}
    return {**kept, **properties} if isinstance(properties, dict) else kept


def _sketch(values: Iterable[Any]) -> str:
    from .footprint import svg

    return svg(_geometries(values))


def _geometries(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            geometry = plain(value.get("geometry"))
            yield geometry if isinstance(geometry, dict) else value


def _cell(value: Any, limit: int = _CELL) -> str:
    """A value as one line of a table."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else short(value, limit)
    text = " ".join(text[: 4 * limit].split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _escape(text: str) -> str:
    from html import escape

    return escape(text)


def _table(names: list[str], rows: Iterable[list[Any]]) -> str:
    head = "".join(f"<th>{_escape(_cell(name))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_escape(_cell(value))}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def text_table(names: list[str], rows: list[list[Any]], width: int = 100) -> str:
    """A table for a terminal of `width` columns."""
    # An id is what one copies: it is not cut.
    limits = [72 if name == "id" else 40 for name in names]
    shown = [[_cell(value, limit) for value, limit in zip(row, limits, strict=True)] for row in rows]
    cells = [[_cell(name, 24) for name in names], *shown]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    while len(widths) > 1 and sum(widths) + 2 * (len(widths) - 1) > width:
        widths.pop()
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)).rstrip() for row in cells]
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join(lines)
