"""The states of orders and jobs: pure functions from a list of (state, time) to the current state.

The whole timeline is stored when the work is accepted. The current state depends only on the clock: it survives a
restart and never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence

Timeline = list[tuple[str, float]]

# Seconds after acceptance at speed 1.
_COURSES: dict[str, tuple[tuple[str, float], ...]] = {
    "order": (("awaiting_data", 0.0), ("processing", 10.0), ("fulfilled", 30.0)),
    "processing": (("queued", 0.0), ("running", 3.0), ("succeeded", 12.0)),
    "clip": (("queued", 0.0), ("running", 3.0), ("succeeded", 12.0)),
}
ENDS = frozenset({"fulfilled", "succeeded", "failed", "cancelled"})


def course(family: str, start: float, *, speed: float = 1.0, fails: bool = False) -> Timeline:
    """The states of an order or job, and the times (seconds since the epoch) at which they begin."""
    steps = list(_COURSES[family])
    if fails:
        steps[-1] = ("failed", steps[-1][1])
    return [(state, start + after / speed) for state, after in steps]


def state_at(timeline: Sequence[tuple[str, float]], now: float) -> str:
    """The state at a time."""
    current = timeline[0][0]
    for state, begins in timeline:
        if begins <= now:
            current = state
    return current


def changed_at(timeline: Sequence[tuple[str, float]], now: float) -> float:
    """When the state at a time began."""
    return max((begins for _, begins in timeline if begins <= now), default=timeline[0][1])


def cancelled(timeline: Sequence[tuple[str, float]], now: float) -> Timeline:
    """The same timeline, ended by a cancellation at a time."""
    kept = [(state, begins) for state, begins in timeline if begins <= now] or [timeline[0]]
    return [*kept, ("cancelled", now)]
