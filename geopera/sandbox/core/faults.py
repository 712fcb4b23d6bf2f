"""Faults on request: the calls that fail, the kind of failure, and how many times."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..wire.problems import unprocessable

KINDS = ("status", "slow", "cut", "half", "garbage", "surplus")


@dataclass(slots=True)
class Fault:
    """One fault.

    Attributes:
        operation: An operation's id or a pattern such as `orders.*`, or a path that begins with `/`.
        kind: `status` responds with an error; `slow` responds late; `cut` closes the connection without a
            response; `half` ends it in the middle of the body; `garbage` replaces the body; `surplus` sends
            another, unrequested response.
        status: The status of the error.
        times: The number of calls; None for all of them.
        after_commit: Whether the work is done before the fault.
        seconds: The delay of `slow`.
        headers: Further headers of the error, such as Retry-After.
        body: A body instead of the usual problem document; the body of `garbage` as text.
    """

    operation: str
    kind: str = "status"
    status: int = 503
    times: int | None = 1
    after_commit: bool = False
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.operation, str) or not self.operation:
            raise unprocessable("operation is an id, a pattern such as 'orders.*', or a path.")
        if self.kind not in KINDS:
            raise unprocessable(f"kind is one of {', '.join(KINDS)}.")
        if not _whole(self.status) or not 200 <= self.status <= 599:
            raise unprocessable("status is 200 to 599.")
        if self.times is not None and (not _whole(self.times) or self.times < 1):
            raise unprocessable("times is 1 or more, or null for every call.")
        if not isinstance(self.seconds, int | float) or not 0 <= self.seconds < math.inf:
            raise unprocessable("seconds is zero or more.")
        if not isinstance(self.headers, dict) or not all(
            isinstance(text, str) and text.isascii() and text.isprintable()
            for pair in self.headers.items()
            for text in pair
        ):
            raise unprocessable("headers is an object of printable ASCII strings.")


class Faults:
    """The pending faults, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault after the others."""
        self.waiting.append(fault)

    def take(self, operation: str) -> Fault | None:
        """The fault for this call, if there is one; it is removed after its last time."""
        for fault in self.waiting:
            if fnmatchcase(operation, fault.operation):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self.waiting.remove(fault)
                return fault
        return None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
