"""What commands write: readable in a terminal, JSON in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any


def to_person() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def width() -> int:
    """The columns of the terminal."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def write(text: str) -> None:
    """A text on standard output; what its encoding cannot say is escaped. Control characters are not sent."""
    safe = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(safe.encode(encoding, "backslashreplace").decode(encoding) + "\n")


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


def write_result(value: Any, as_json: bool) -> None:
    """The result of a call."""
    from .._values.show import plain, records_name, table, text_table

    if isinstance(value, bytes):
        if to_person():
            write(f"{len(value)} bytes; write them to a file with --output FILE or > FILE")
        else:
            sys.stdout.flush()
            with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as raw:
                raw.write(value)
        return
    if as_json or not to_person():
        write_json(value)
        return
    data = plain(value)
    name = records_name(data) if isinstance(data, dict) else None
    records = data[name] if name else data
    if isinstance(records, list) and records and all(isinstance(plain(r), dict) for r in records[:50]):
        names, rows = table([row for r in records[:200] if isinstance(row := plain(r), dict)])
        write(text_table(names, rows, width()))
        more = f", the first {len(rows)} shown" if len(records) > len(rows) else ""
        write(f"{len(records)} records{more}")
        for key, item in data.items() if isinstance(data, dict) else ():
            if key != name and item is not None and isinstance(item, str | int | float):
                write(f"{key}: {item}")
    elif (
        isinstance(data, dict) and data and all(not isinstance(plain(v), dict | list) for v in data.values())
    ):
        names_width = min(30, max(len(str(key)) for key in data))
        write("\n".join(f"{key:<{names_width}}  {item}" for key, item in data.items()))
    else:
        write_json(value)
