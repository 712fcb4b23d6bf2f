"""The bound on matching: steps, counted for one text or for everything that one validation matches.

A bound for each text alone is none for an array of texts, so whoever validates a whole value opens one budget
for all of it with `metered`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

__all__ = ["BUDGET", "TooCostly", "metered", "spend"]

#: Steps of about a microsecond each.
BUDGET = 1_000_000


class TooCostly(ValueError):
    """The search took more steps than allowed."""


class _Meter(local):
    #: What is left of the budget of the validation, or of the text, that is going on in this thread.
    left: int | None = None


_meter = _Meter()


def spend(steps: int) -> None:
    """Count steps. Raises TooCostly at the bound."""
    left = _meter.left
    if left is None:
        return
    _meter.left = left - steps
    if left < steps:
        raise TooCostly("the pattern is too costly for this text")


@contextmanager
def metered() -> Iterator[None]:
    """One budget for all that is matched inside; inside of another one, that one goes on."""
    if _meter.left is not None:
        yield
        return
    try:
        _meter.left = BUDGET
        yield
    finally:
        _meter.left = None
