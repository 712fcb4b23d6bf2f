"""The bound on matching: steps, counted for one text or for everything that one validation matches.

A bound for each text alone is none for an array of texts, so whoever validates a whole value opens one budget
for all of it with `metered`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

__all__ = ["BUDGET", "TooCostly", "is_metered", "metered", "spend"]

#: Steps of about a microsecond each, and how many more each text of a validation brings along: an array of many
#: texts that are each cheap is not an attack.
BUDGET = 1_000_000
PER_TEXT, PER_CHARACTER = 16, 4


class TooCostly(Exception):
    """The search took more steps than allowed. No ValueError, which pydantic would take for a verdict."""


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


def is_metered() -> bool:
    """Whether a budget for more than one text is open."""
    return _meter.left is not None


@contextmanager
def metered(size: int = 0) -> Iterator[None]:
    """One budget for all that is matched inside. Inside of another one, that one goes on, and a text adds to it.

    Args:
        size: The length of the text that is to be matched.
    """
    if _meter.left is not None:
        _meter.left += PER_TEXT + PER_CHARACTER * size
        yield
        return
    try:
        _meter.left = BUDGET
        yield
    finally:
        _meter.left = None
