"""The documented rate limits: fixed windows, per organisation and per class of operation."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .auth import Caller
from .contract import Operation
from .problems import ProblemError

WINDOW = 60.0
LIMITS = {"organisation": 600, "placement": 60, "spend": 30, "public": 60}
PLACEMENT = frozenset({"orders.archive.place", "orders.place", "orders.tasking.place"})


class RateLimits:
    """Counts calls in fixed windows.

    Args:
        window: The length of a window, in seconds.
        limits: Calls per window by class, instead of those of `LIMITS`.
    """

    def __init__(self, window: float = WINDOW, limits: Mapping[str, int] | None = None) -> None:
        self.window = window
        self.limits = {**LIMITS, **(limits or {})}
        self._index = -1
        self._counts: dict[tuple[str, str], int] = {}

    def take(self, operation: Operation, caller: Caller, now: float) -> None:
        """Count one call. Raises a 429 problem with Retry-After (whole seconds) above the limit."""
        index = int(now // self.window)
        if index != self._index:
            self._index = index
            self._counts.clear()
        classes = ["public"] if caller.anonymous else ["organisation"]
        if operation.id in PLACEMENT:
            classes.append("placement")
        elif operation.side_effect == "external_spend":
            classes.append("spend")
        holder = caller.principal if caller.anonymous else caller.organisation
        for kind in classes:
            if self._counts.get((kind, holder), 0) >= self.limits[kind]:
                wait = max(1, math.ceil((index + 1) * self.window - now))
                raise ProblemError(
                    429,
                    f"More than {self.limits[kind]} calls in {self.window:g} seconds ({kind}).",
                    headers={"Retry-After": str(wait)},
                )
        for kind in classes:
            self._counts[kind, holder] = self._counts.get((kind, holder), 0) + 1
