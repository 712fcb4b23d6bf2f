"""HTML for a notebook: tables with footprints for pages, field tables that unfold for objects.

Everything is escaped, nothing is fetched, no script runs. The styles follow the theme: JupyterLab's and VS Code's
variables where they are defined, `prefers-color-scheme` elsewhere.
"""

from __future__ import annotations

from .footprint import figure
from .plain import Page, counted, is_feature, is_scalar, page_of, plain, redacted
from .safe import one_line
from .table import Columns, cell, more_columns
from .text import FIRST, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["escaped", "framed", "html", "table"]

_ROWS = 20
_COLUMNS = 10
_CELL = 60
_FIELDS = 60
_MAX_DEPTH = 5
_BUDGET = 60_000
_ADDRESS = 300

_STYLE = (
    "<style>"
    ".geopera{--geo-line:var(--jp-border-color2,var(--vscode-panel-border,#d0d7de));"
    "--geo-dim:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#59636e));"
    "--geo-shape:var(--jp-brand-color1,var(--vscode-textLink-foreground,#1f6feb));overflow-x:auto}"
    "@media (prefers-color-scheme:dark){.geopera{"
    "--geo-line:var(--jp-border-color2,var(--vscode-panel-border,#444c56));"
    "--geo-dim:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#9198a1));"
    "--geo-shape:var(--jp-brand-color1,var(--vscode-textLink-foreground,#58a6ff))}}"
    ".geopera table{border-collapse:collapse;margin:.3em 0;font-size:90%}"
    ".geopera th,.geopera td{text-align:left!important;white-space:nowrap;vertical-align:top;"
    "padding:.2em .7em;border-bottom:1px solid var(--geo-line)}"
    ".geopera .geo-dim,.geopera figcaption{color:var(--geo-dim);font-size:90%}"
    ".geopera polygon,.geopera circle{fill:var(--geo-shape)}"
    ".geopera polygon,.geopera polyline{stroke:var(--geo-shape)}"
    ".geopera p{margin:.3em 0}.geopera figure{margin:.3em 0}.geopera summary{cursor:pointer}"
    "</style>"
)


def framed(content: str) -> str:
    """HTML of this package, with its styles."""
    return f'<div class="geopera">{_STYLE}{content}</div>'


def html(value: Any) -> str | None:
    """HTML for a page, a list of records, a feature or another object; None where a text serves better."""
    page = page_of(value)
    if page is not None:
        return framed(_page(page))
    fields = plain(value)
    if not isinstance(fields, dict) or not fields:
        return None
    return framed(_heading(value, fields) + _sketch([fields]) + _Nested().fields(fields, 0, open=True))


def _page(page: Page) -> str:
    note = f"; {page.note}" if page.note else ""
    if not page.records:
        return f"<p>{escaped(f'{page.count} found{note}', 400)}</p>"
    rows = page.records[:_ROWS]
    columns = Columns(rows, _COLUMNS, nested=True)
    nested = _Nested()
    body = [[nested.value(item, 0, _CELL) for item in row] for row in columns.rows]
    more = [f"… {len(page.records) - len(rows):,} more"] if len(page.records) > len(rows) else []
    more += [more_columns(columns.left)] if columns.left else []
    left = f'<p class="geo-dim">{escaped("; ".join(more), 1_000)}</p>' if more else ""
    head = f"<p><b>{escaped(page.count, 100)}</b>{escaped(note, 400)}</p>"
    sketch = _sketch(plain(item) for item in page.records[:100])
    return head + sketch + _rows(map(str, columns.names), body) + left


def _heading(value: Any, fields: dict[str, Any]) -> str:
    """What the object is: its class, or the resource that it is of; its id and status."""
    name = type(value).__name__
    if name in ("JSONObject", "dict"):
        operation = (getattr(value, "_page", None) or (False, None, ""))[2]
        resource = operation.partition(".")[0]
        name = (
            "Feature" if is_feature(fields) else counted(1, resource).removeprefix("1 ") if resource else ""
        )
    words = [fields.get(key) for key in ("id", "status")]
    rest = " ".join(str(redacted(word)) for word in words if isinstance(word, str | int))
    text = escaped(rest, 200)
    return f"<p><b>{escaped(name, 100)}</b> {text}</p>" if name or text else ""


class _Nested:
    """Values as HTML, nested objects as `<details>`, up to a size and a depth."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _BUDGET

    def value(self, value: Any, depth: int, limit: int = 4 * _CELL) -> str:
        if isinstance(value, str):
            if limit > _CELL and value.startswith(("http://", "https://", "s3://", "gs://")):
                limit = _ADDRESS
            return self._spent(escaped(value, limit))
        inside = plain(value)
        if isinstance(inside, dict) and inside and depth < _MAX_DEPTH and self.left > 0:
            names = ", ".join(map(str, list(inside)[:8])) + (", …" if len(inside) > 8 else "")
            return self._details(f"{len(inside)}: {names}", self.fields(inside, depth + 1))
        if isinstance(inside, list) and not all(map(is_scalar, inside[:100])):
            if depth < _MAX_DEPTH and self.left > 0 and all(isinstance(plain(one), dict) for one in inside):
                columns = Columns(inside[:_ROWS], _COLUMNS, nested=True)
                body = [[self.value(one, depth + 1) for one in row] for row in columns.rows]
                more = f"<p>… {len(inside) - _ROWS:,} more</p>" if len(inside) > _ROWS else ""
                table = _rows(map(str, columns.names), body) + more
                return self._details(counted(len(inside), "items"), table)
            return self._spent(escaped(short(inside, _CELL), 4 * _CELL))
        if (
            isinstance(inside, list)
            and limit > _CELL
            and sum(len(str(one)) for one in inside[:100]) > 2 * _CELL
        ):
            body = [[self._spent(escaped(cell(one, _ADDRESS), _ADDRESS))] for one in inside[:_ROWS]]
            more = f"<p>… {len(inside) - _ROWS:,} more</p>" if len(inside) > _ROWS else ""
            return self._details(counted(len(inside), "items"), _rows([], body) + more)
        return self._spent(escaped(cell(value, limit), limit))

    def fields(self, fields: dict[str, Any], depth: int, *, open: bool = False) -> str:
        rank = {name: index for index, name in enumerate(FIRST)}
        names = sorted(fields, key=lambda name: rank.get(name, len(rank))) if open else list(fields)
        body = []
        for name in names[:_FIELDS]:
            if self.left <= 0:
                break
            shown = self.value(redacted(fields[name], name), depth)
            if open and name == "properties":
                shown = shown.replace("<details>", '<details open="open">', 1)
            body.append([self._spent(escaped(str(name), _CELL)), shown])
        left = len(names) - len(body)
        more = f"<p>{counted(left, 'more fields')}</p>" if left else ""
        return _rows(["field", "value"] if open else [], body) + more

    def _details(self, summary: str, content: str) -> str:
        return f"<details><summary>{escaped(summary, 2 * _CELL)}</summary>{content}</details>"

    def _spent(self, text: str) -> str:
        self.left -= len(text) + 20
        return text


def table(names: list[str], rows: Iterable[list[Any]]) -> str:
    """A table of plain values."""
    return _rows(names, [[escaped(cell(value, 4 * _CELL), 4 * _CELL) for value in row] for row in rows])


def _rows(names: Iterable[str], rows: Iterable[list[str]]) -> str:
    head = "".join(f"<th>{escaped(name, _CELL)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def escaped(text: str, limit: int = 2_000) -> str:
    """A text as one line of HTML."""
    from html import escape

    return escape(one_line(text, limit))


def _sketch(values: Iterable[Any]) -> str:
    return figure(_geometries(values))


def _geometries(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            geometry = plain(value.get("geometry"))
            yield geometry if isinstance(geometry, dict) else value
