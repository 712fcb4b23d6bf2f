"""Waiting for something to end: pure rules, without clocks or I/O.

The state is asked for after 2, 4, 8 and 16 seconds, then every 30. A wait never runs past its deadline,
and the last look is at the deadline itself. What passes (no connection, a timeout, 429, 5xx) does not
end a wait; a `Retry-After` that is longer than the delay takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..errors import (
    APIConnectionError,
    GeoperaError,
    OperationFailedError,
    RateLimitError,
    ServerError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..manifest import Operation

__all__ = ["DELAYS", "Wait"]

DELAYS = (2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between the looks; the last one stays."""

_PASSING_STATUSES = frozenset({408, 425})


def passes(error: BaseException) -> bool:
    """Whether a later try may do better, with nothing changed by the caller."""
    if isinstance(error, APIConnectionError | RateLimitError | ServerError):
        return True
    return isinstance(error, GeoperaError) and error.status_code in _PASSING_STATUSES


class Wait:
    """One wait: tell it what every look brought, and it says how long to sleep before the next.

    `look(answer, now, asked)` and `fail(error, now)` return the seconds to sleep, or None when the wait is
    over and `last` is the final answer. `now` is any monotonic clock's seconds, the same one that `started`
    was read from; `asked` are the seconds of the answer's `Retry-After`, if it has one.

    timeout: seconds for the whole wait; None waits for ever.
    until: a predicate on the answer. It takes the place of the manifest's states of success; the states
      of failure still end the wait. Without it the operation has to have end states.
    raise_on_failure: raise `OperationFailedError` for a failed or cancelled end.
    delays: seconds between the looks, the last one repeated; an iterable of another length will do.

    Raises `WaitTimeoutError` (with the last answer as `last`, and the error that stood in the way as its
    cause), `OperationFailedError`, or the error of the call where waiting longer cannot help.
    """

    __slots__ = ("_deadline", "_delays", "_failure", "_field", "_raise", "_redact", "_success", "_until", "last", "looks", "operation", "started", "state", "timeout")  # fmt: skip

    def __init__(
        self,
        operation: Operation,
        *,
        started: float = 0.0,
        timeout: float | None = 1800.0,
        until: Callable[[Any], Any] | None = None,
        raise_on_failure: bool = False,
        delays: Iterable[float] = DELAYS,
        redact: Callable[[str], str] = str,
    ) -> None:
        polling = operation.polling
        if until is None and polling is None:
            raise TypeError(
                f"{operation.id} tells of no end state; give wait() a predicate: until=lambda answer: …"
            )
        if until is not None and not callable(until):
            raise TypeError(f"until must be a function of the answer, not {until!r}")
        if timeout is not None and not (isinstance(timeout, (int, float)) and timeout >= 0):
            raise ValueError(
                f"timeout must be a number of seconds that is not negative, or None, not {timeout!r}"
            )
        self.operation = operation.id
        self.timeout = timeout
        self.start(started)
        self._delays = _endless(delays)
        self._until = until
        self._raise = raise_on_failure
        self._redact = redact
        self._field = polling.state if polling is not None else "status"
        self._success = frozenset(polling.success) if polling is not None and until is None else frozenset()
        self._failure = frozenset(polling.failure) if polling is not None else frozenset()
        self.last: Any = None
        self.state: str | None = None
        self.looks = 0

    def start(self, now: float) -> None:
        """Begin to count the time at `now`."""
        self.started = now
        self._deadline = float("inf") if self.timeout is None else now + self.timeout

    def left(self, now: float) -> float:
        """The seconds to the deadline, not below 0; infinite without one."""
        return max(self._deadline - now, 0.0)

    def look(self, answer: Any, now: float, asked: float | None = None) -> float | None:
        """What to do after an answer, which asked for `asked` seconds: seconds to sleep, or None at the end."""
        self.looks += 1
        self.last = answer
        self.state = state_of(answer, self._field)
        if self.state is not None and self.state in self._failure and not self._satisfied(answer):
            if self._raise:
                raise OperationFailedError(
                    f"{self.operation}: ended in {self.state!r}{self._reason(answer)}",
                    last=answer,
                    operation=self.operation,
                    attempts=self.looks,
                    elapsed=now - self.started,
                )
            return None
        if self._satisfied(answer) or (self.state is not None and self.state in self._success):
            return None
        return self._pause(now, None, asked)

    def fail(self, error: BaseException, now: float) -> float:
        """What to do after a call that failed: seconds to sleep. Raises `error` where it will not pass."""
        if not passes(error):
            raise error
        assert isinstance(error, GeoperaError)
        return self._pause(now, error, error.retry_after)

    def _reason(self, answer: Any) -> str:
        """What the response says about why it failed, redacted and then shortened."""
        for name in ("error", "failure_reason", "reason", "message", "detail"):
            text = None
            try:
                text = answer[name]
            except (KeyError, TypeError):
                continue
            if text:
                return f": {self._redact(str(text))[:200]}"
        return ""

    def _satisfied(self, answer: Any) -> bool:
        return self._until is not None and bool(self._until(answer))

    def _pause(self, now: float, error: GeoperaError | None, asked: float | None) -> float:
        delay = next(self._delays)
        if asked is not None:
            delay = max(delay, asked)
        left = self._deadline - now
        if left <= 0 or (asked is not None and asked > left):
            raise self._out_of_time(now, error, asked) from error
        return min(delay, left)

    def _out_of_time(self, now: float, error: GeoperaError | None, asked: float | None) -> WaitTimeoutError:
        seen = "no answer came" if self.looks == 0 else f"it was {self.state!r} at last" if self.state is not None else "the condition was never met" if self._until is not None else f"its answers have no {self._field!r}"  # fmt: skip
        because = "" if error is None else f"; the last call failed: {error}"
        return WaitTimeoutError(
            f"{self.operation}: not over after {now - self.started:.0f} s ({self.looks} answers): {seen}{because}",
            last=self.last,
            operation=self.operation,
            attempts=self.looks,
            elapsed=now - self.started,
            error=error.error if error is not None else None,
            status_code=error.status_code if error is not None else None,
            retry_after=asked,
        )


def _endless(delays: Iterable[float]) -> Iterator[float]:
    last = DELAYS[-1]
    for delay in delays:
        if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not delay >= 0:
            raise ValueError(f"a delay is a number of seconds that is not negative, not {delay!r}")
        last = float(delay)
        yield last
    # A delay of nothing, for ever, would be a busy loop.
    while True:
        yield last or 0.01


def state_of(answer: Any, field: str) -> str | None:
    """The text in the state field of an answer; None where it has no such field."""
    if not isinstance(answer, Mapping) and not hasattr(answer, "to_dict"):
        return None
    try:
        value = answer[field]
    except KeyError:
        return None
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, str) else None
