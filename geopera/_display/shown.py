"""The display methods that models and open objects share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Shown"]


class Shown:
    """An object with a one-line repr, a table for `print`, and HTML for notebooks."""

    __slots__ = ()

    def __repr__(self) -> str:
        from .table import repr_of

        return repr_of(self)

    def __str__(self) -> str:
        from .table import text

        return text(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from .terminal import pretty

        pretty(self, printer, cycle)

    def _repr_html_(self) -> str | None:
        from .notebook import html

        return html(self)
