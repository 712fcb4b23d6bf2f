"""The sandbox's clock: the real time, moved on by hand or standing still."""

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
        """Moves on. Raises ValueError for a step back: states and signatures never go back."""
        if not 0 <= seconds < math.inf:
            raise ValueError("a clock advances by zero or more seconds")
        if self._still is None:
            self._ahead += seconds
        else:
            self._still += seconds

    def freeze(self, at: float | None = None) -> None:
        """Stands still, now or at a datetime, until `advance` or `run`."""
        self._still = self() if at is None else at

    def run(self) -> None:
        """Goes on from where it is."""
        if self._still is not None:
            self._ahead, self._still = self._still - time.time(), None

    def state(self) -> tuple[float, float | None]:
        """What `restore` takes."""
        return self._ahead, self._still

    def restore(self, state: tuple[float, float | None] = (0.0, None)) -> None:
        """Goes back to a state; the real time without one."""
        self._ahead, self._still = state
