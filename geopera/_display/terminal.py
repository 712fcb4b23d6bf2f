"""Display in IPython's terminal: the whole text of a result, one line for a member of a list."""

from __future__ import annotations

from .plain import page_of
from .text import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["pretty"]


def pretty(value: Any, printer: Any, cycle: bool) -> None:
    """IPython's `_repr_pretty_`: `str` at the top, `repr` inside of lists and dicts."""
    if cycle:
        printer.text("…")
        return
    if len(printer.stack) <= 1:
        shown = str(value)
    else:
        shown = line(value) if page_of(value) is not None else repr(value)
    for number, part in enumerate(shown.split("\n")):
        if number:
            printer.break_()
        printer.text(part)
