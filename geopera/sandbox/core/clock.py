"""The sandbox's clock: the real time, moved forward by hand or stopped."""

from __future__ import annotations

import math
import time


class Clock:
    """Seconds since the epoch, in every timestamp of the API."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._still: float | None = None

    def __call__(self) -> float:
        return time.time() + self._ahead if self._still is None else self._still

    def advance(self, seconds: float) -> None:
        """Move forward. Raises ValueError for a step back, since states and signatures never go back."""
        if not 0 <= seconds < math.inf:
            raise ValueError("a clock advances by zero or more seconds")
        if self._still is None:
            self._ahead += seconds
        else:
            self._still += seconds

    def freeze(self, at: float | None = None) -> None:
        """Stop, now or at a datetime, until `advance` or `run`."""
        self._still = self() if at is None else at

    def run(self) -> None:
        """Run again."""
        if self._still is not None:
            self._ahead, self._still = self._still - time.time(), None

    def state(self) -> tuple[float, float | None]:
        """The state for `restore`."""
        return self._ahead, self._still

    def restore(self, state: tuple[float, float | None] = (0.0, None)) -> None:
        """Go back to a state; by default to the real time."""
        self._ahead, self._still = state
