"""The output of commands: readable in a terminal, JSON in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any

from .errors import UsageError
from .text import can_encode, safe

FORMATS = ("json", "ndjson", "csv", "geojson", "table")


def to_person() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def width() -> int:
    """The columns of the terminal."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def write(text: str) -> None:
    """A text on standard output; control characters, and characters outside its encoding, are escaped."""
    sys.stdout.write(safe(text) + "\n")


def shortened(text: str, columns: int) -> str:
    """One line of at most `columns`; an ellipsis marks a cut."""
    end = "…" if can_encode("…") else "..."
    return text if len(text) <= columns else text[: max(0, columns - len(end))].rstrip() + end


def write_json(value: Any) -> None:
    """A value as JSON: indented in a terminal, compact in a pipe. ASCII, so that any encoding takes it."""
    from json import dumps

    sys.stdout.write(dumps(to_plain(value), indent=2 if to_person() else None) + "\n")


def write_json_line(value: Any) -> None:
    """A value as one line of JSON."""
    from json import dumps

    sys.stdout.write(dumps(to_plain(value)) + "\n")


def write_json_lines(values: list[Any]) -> None:
    """A JSON array with an element a line, so that it can also be searched by line."""
    from json import dumps

    sys.stdout.write("[" + ",\n ".join(dumps(to_plain(value)) for value in values) + "]\n")


def to_plain(value: Any) -> Any:
    """A result as plain JSON data."""
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if type(value) is dict:
        return {key: to_plain(item) for key, item in value.items()}
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) else value


def write_bytes(value: bytes) -> None:
    """Bytes as they are; in a terminal, their number."""
    if to_person():
        write(f"{len(value)} bytes; write them to a file with --output FILE or > FILE")
    else:
        sys.stdout.flush()
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as raw:
            raw.write(value)


def write_result(value: Any, format: str = "auto", query: str | None = None) -> None:
    """Write the result of a call in a format; `auto` is a table in a terminal and JSON in a pipe."""
    if isinstance(value, bytes):
        if query is not None or format not in ("auto", "json"):
            raise UsageError("the response is a file; use --output FILE")
        write_bytes(value)
        return
    data = to_plain(value)
    if query is not None:
        data = searched(data, query)
    if format == "auto":
        format = "table" if to_person() else "json"
    if format == "json":
        write_json(data)
    elif format == "ndjson":
        for record in records_of(data)[1]:
            write_json_line(record)
    elif format == "csv":
        _write_csv(records_of(data)[1])
    elif format == "geojson":
        write_json(_collection(data))
    else:
        _write_table(data)


def write_stream(records: Iterable[Any], format: str) -> None:
    """Write records as they arrive, one per line; `write_result` writes a format that needs all of them."""
    if format in ("ndjson", "auto"):
        for record in records:
            write_json_line(record)
            sys.stdout.flush()
    else:
        write_result(list(records), format)


def searched(data: Any, query: str) -> Any:
    """The result of a JMESPath expression."""
    try:
        import jmespath  # type: ignore[import-untyped]
        from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise UsageError('--query needs an extra: pip install "geopera[query]>=3"') from None
    try:
        return jmespath.search(query, data)
    except JMESPathError as problem:
        raise UsageError(f"--query: {problem}") from problem


def records_of(data: Any) -> tuple[str | None, list[Any]]:
    """The records of a result and the field that holds them. A list is its own records, a plain object is one record."""
    if isinstance(data, list):
        return None, data
    if isinstance(data, dict) and not {"id", "geometry"} & data.keys():
        lists = [name for name, value in data.items() if isinstance(value, list) and name != "links"]
        if len(lists) == 1 and all(isinstance(one, dict) for one in data[lists[0]]):
            return lists[0], data[lists[0]]
    return None, [data]


def _write_csv(records: list[Any]) -> None:
    import csv
    from json import dumps

    rows = [_flat(one) if isinstance(one, dict) else {"value": one} for one in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(sys.stdout, lineterminator="\n")

    def cell(value: Any) -> Any:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        text = value if isinstance(value, str) else dumps(value)
        return safe(text, keep="\n\t\r" if not to_person() else "\n\t")

    if names:
        writer.writerow([cell(name) for name in names])
    writer.writerows([cell(row.get(name)) for name in names] for row in rows)


def _collection(data: Any) -> dict[str, Any]:
    if isinstance(data, dict) and data.get("type") == "Feature":
        return data
    records = records_of(data)[1]
    for record in records:
        if not isinstance(record, dict) or record.get("type") != "Feature":
            raise UsageError("--format geojson: the result holds no GeoJSON features")
    return {"type": "FeatureCollection", "features": records}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A record as columns: the properties of a feature beside its id, without its assets and links."""
    if row.get("type") != "Feature":
        return row
    skipped = ("type", "properties", "assets", "links", "stac_version", "stac_extensions")
    kept = {name: value for name, value in row.items() if name not in skipped}
    return {**kept, **(row.get("properties") or {})}


# The columns that people look for first, in this order; then those that have a value most often.
_FIRST = (
    "id",
    "name",
    "title",
    "status",
    "datetime",
    "eo:cloud_cover",
    "cloud_cover",
    "created_at",
    "collection",
)


def _write_table(data: Any) -> None:
    name, records = records_of(data)
    several = isinstance(data, list) or name is not None
    if not several or not all(isinstance(one, dict) for one in records):
        _write_object(data)
        return
    rows = [_flat(one) for one in records[:200]]
    if rows:
        write(_table(rows))
    more = f", the first {len(rows)} shown" if len(records) > len(rows) else ""
    write(f"{len(records)} records{more}")
    for key, item in data.items() if isinstance(data, dict) else ():
        if key != name and isinstance(item, str | int | float):
            write(f"{key}: {item}")


def _write_object(data: Any) -> None:
    from json import dumps

    if not isinstance(data, dict) or not data:
        write_json(data)
        return
    size = min(30, max(len(str(key)) for key in data))
    for key, item in data.items():
        text = item if isinstance(item, str) else dumps(item, ensure_ascii=False)
        write(shortened(f"{key:<{size}}  {' '.join(text.split())}", max(width(), 100)))


def _table(rows: list[dict[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            counts[name] = counts.get(name, 0) + (_text(value) != "")
    names = [name for name, count in counts.items() if count and name not in ("geometry", "bbox")]
    order = {name: index for index, name in enumerate(names)}
    rank = {name: index for index, name in enumerate(_FIRST)}
    names.sort(key=lambda name: (rank.get(name, len(rank)), -counts[name], order[name]))
    cells = [[shortened(safe(name), 24) for name in names]]
    for row in rows:
        cells.append([shortened(_text(row.get(name)), 72 if name == "id" else 30) for name in names])
    widths = [max(len(line[index]) for line in cells) for index in range(len(names))]
    shown = len(names)
    while shown > 1 and sum(widths[:shown]) + 2 * (shown - 1) > width():
        shown -= 1
    lines = [
        "  ".join(cell.ljust(size) for cell, size in zip(line[:shown], widths, strict=False))
        for line in cells
    ]
    rule = "─" if can_encode("─") else "-"
    lines.insert(1, "  ".join(rule * size for size in widths[:shown]))
    left = names[shown:]
    if left:
        columns = f"{len(left)} more column{'s' if len(left) > 1 else ''}: {', '.join(left)}"
        lines.append(shortened(columns, width()))
    return "\n".join(line.rstrip() for line in lines)


def _text(value: Any) -> str:
    """A value as one line of a table; nested objects are left to JSON."""
    from json import dumps

    if value is None or value == []:
        return ""
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        value = ", ".join(str(one) for one in value)
    if isinstance(value, bool | list | dict):
        value = dumps(value)
    return safe(" ".join(str(value).split()), keep="")
