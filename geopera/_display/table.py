"""Tables of records: their columns and rows, and their text in a terminal."""

from __future__ import annotations

from .plain import Page, counted, is_feature, is_scalar, page_of, plain, redacted
from .safe import one_line, safe, width
from .text import FIRST, encodable, line, short, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Columns", "cell", "repr_of", "text", "text_table"]

_ROWS = 60
_PROMPT_ROWS = 10
_MAX_COLUMNS = 24
_UNSEEN = frozenset(
    ("type", "geometry", "properties", "assets", "links", "stac_version", "stac_extensions", "bbox")
)


class Columns:
    """The columns of some records, the most useful ones first.

    Attributes:
        names: The shown columns.
        left: The other columns.
        rows: For each record, its value in each shown column.
    """

    __slots__ = ("left", "names", "rows")

    def __init__(self, records: list[Any], most: int, *, nested: bool) -> None:
        flat = [_flat(record) for record in records]
        scalars: dict[str, int] = {}
        hidden: dict[str, None] = {}
        for row, unseen in flat:
            hidden |= dict.fromkeys(unseen)
            for name, value in row.items():
                scalars[name] = scalars.get(name, 0) + (_is_short(value) and value not in (None, "", []))
        order = {name: index for index, name in enumerate(scalars)}
        rank = {name: index for index, name in enumerate(FIRST)}
        useful = [name for name, count in scalars.items() if count]
        if nested or not useful:
            useful += [n for n in scalars if not scalars[n] and any(row.get(n) for row, _ in flat)]
        useful.sort(key=lambda n: (rank.get(n, len(rank)), -scalars[n], order[n]))
        self.names = useful[:most] or list(scalars)[:most]
        self.left = [name for name in (*scalars, *hidden) if name not in self.names]
        self.rows = [[redacted(row.get(name), name) for name in self.names] for row, _ in flat]

    def drop(self, number: int) -> None:
        """Leave the last `number` columns out."""
        if number:
            self.left = [*self.names[-number:], *self.left]
            self.names = self.names[:-number]


def _flat(record: Any) -> tuple[dict[str, Any], list[str]]:
    """(a record as columns, its other members): properties of a feature are columns of their own."""
    row = plain(record)
    if not isinstance(row, dict):
        return {"value": row}, []
    if not is_feature(row):
        return row, []
    properties = plain(row.get("properties"))
    kept = {key: value for key, value in row.items() if key not in _UNSEEN}
    unseen = [key for key in row if key in _UNSEEN and key not in ("type", "properties")]
    return {**kept, **(properties if isinstance(properties, dict) else {})}, unseen


def _is_short(value: Any) -> bool:
    return is_scalar(value) or (isinstance(value, list) and all(map(is_scalar, value)))


def cell(value: Any, limit: int) -> str:
    """A value as one line of a table: lists of scalars joined, nested objects by their size."""
    if value is None or value == []:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float | list):
        inside = plain(value)
        return counted(len(inside), "fields") if isinstance(inside, dict) else one_line(str(value), limit)
    if isinstance(value, list):
        if not all(map(is_scalar, value[:100])):
            return counted(len(value), "items")
        return one_line(", ".join(cell(item, limit) for item in value[:limit]), limit)
    if isinstance(value, float):
        text = repr(value)
        return text if len(text) <= 10 else f"{value:.6g}"
    return one_line(value if isinstance(value, str) else short(value, limit), limit)


# In a terminal.


def repr_of(value: Any) -> str:
    """The `repr` of a result: one line, except for a page at an interactive prompt."""
    import sys

    if hasattr(sys, "ps1") and page_of(value) is not None:
        return text(value, _PROMPT_ROWS)
    return line(value)


def text(value: Any, rows: int = _ROWS) -> str:
    """The text for `print`: a page or a list of objects as a table, a feature with one field per line, or `short`."""
    page = page_of(value)
    if page is not None:
        return encodable(_page(page, rows))
    fields = plain(value)
    if isinstance(fields, dict) and is_feature(fields) and "id" in fields:
        return encodable(_fields(value, fields))
    return whole(value)


def _page(page: Page, rows: int) -> str:
    footer = [page.count]
    columns: Columns | None = None
    if page.records:
        columns = Columns(page.records[:rows], _MAX_COLUMNS, nested=True)
        if len(page.records) > rows:
            footer[0] += f", the first {rows} shown"
    table = "" if columns is None else text_table(columns) + "\n"
    if columns is not None and columns.left:
        footer.append(one_line(more_columns(columns.left), terminal()))
    note = one_line(page.note, terminal())
    return table + "\n".join([*footer, *([note] if note else [])])


def more_columns(left: list[str]) -> str:
    """The number and the names of the columns that are left out."""
    shown = ", ".join(one_line(str(name), 40) for name in left[:20])
    return f"{counted(len(left), 'more columns')}: {shown}{', …' if len(left) > 20 else ''}"


def _fields(value: Any, fields: dict[str, Any]) -> str:
    columns, _ = _flat(fields)
    rank = {name: index for index, name in enumerate(FIRST)}
    names = sorted(columns, key=lambda name: rank.get(name, len(rank)))
    size = min(30, max(map(len, map(str, names)), default=0))
    wide = terminal()
    shown = [
        f"  {one_line(str(name), 30):<{size}}  {cell(redacted(columns[name], name), wide)}".rstrip()
        for name in names[:30]
    ]
    if len(names) > 30:
        shown.append(f"  … {len(names) - 30} more")
    assets = plain(fields.get("assets"))
    if isinstance(assets, dict) and assets:
        shown.append(f"  {'assets':<{size}}  {one_line(', '.join(map(str, list(assets)[:50])), wide)}")
    return "\n".join([line(value), *shown])


def terminal() -> int:
    """The width of the terminal in columns; 100 without one."""
    from shutil import get_terminal_size

    return min(200, max(40, get_terminal_size((100, 24)).columns))


def text_table(columns: Columns, wide: int | None = None) -> str:
    """The columns as a table for a terminal; those that do not fit are dropped from `columns`."""
    wide = terminal() if wide is None else wide
    # An id is not cut, since people copy it.
    limits = [72 if name == "id" else 40 for name in columns.names]
    head = [one_line(safe(str(name)), 24) for name in columns.names]
    body = [[cell(value, most) for value, most in zip(row, limits, strict=True)] for row in columns.rows]
    widths = [max(width(row[i]) for row in (head, *body)) for i in range(len(head))]
    fits = len(widths)
    while fits > 1 and sum(widths[:fits]) + 2 * (fits - 1) > wide:
        fits -= 1
    columns.drop(len(widths) - fits)
    rule = "  ".join("─" * size for size in widths[:fits])

    def joined(row: list[str]) -> str:
        padded = (text + " " * (size - width(text)) for text, size in zip(row[:fits], widths, strict=False))
        return "  ".join(padded).rstrip()

    return "\n".join([joined(head), rule, *map(joined, body)])
