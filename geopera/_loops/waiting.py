"""Polling an operation until its status is final: pure rules, without clocks or I/O.

Polls after 2, 4, 8 and 16 seconds, then every 30. A wait never runs past its deadline, and the last poll is at the
deadline itself. A lost connection, a timeout, 429 and 5xx do not end a wait, and closing the client does; a
`Retry-After` that is longer than the delay replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from .._call.stops import ClosedBeforeSending, ClosedWhileSending
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

LONGEST = 3600.0
"""The longest pause between two polls, in seconds, whatever the server's `Retry-After`."""
DELAYS = (2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between the polls; the last one is used again and again."""

_PASSING_STATUSES = frozenset({408, 425})


def passes(error: BaseException) -> bool:
    """Whether a later poll may succeed, with nothing changed by the caller."""
    if isinstance(error.__context__, ClosedBeforeSending | ClosedWhileSending):
        return False
    if isinstance(error, APIConnectionError | RateLimitError | ServerError):
        return True
    return isinstance(error, GeoperaError) and error.status_code in _PASSING_STATUSES


class Wait:
    """One wait. It is given the outcome of every poll, and returns how long to sleep before the next.

    `poll(response, now, asked)` and `fail(error, now)` return the seconds to sleep, or None if the wait is over and
    `last` is the final response. `now` is the time of a monotonic clock, the same one that `started` was read from;
    `asked` are the seconds of the response's `Retry-After`, or None.

    Args:
        operation: The operation that is polled.
        call: The call as it is written, for messages.
        started: When the wait began.
        timeout: Seconds for the whole wait; None waits forever.
        until: A predicate on the response. It replaces the manifest's statuses of success; a failed status still ends
            the wait. An operation without final statuses needs it.
        raise_on_failure: Raise `OperationFailedError` if the final status is a failure.
        delays: Seconds between the polls; the last one is used again and again.
        redact: Takes secrets out of the reason of a failure.

    Raises:
        WaitTimeoutError: If the timeout expires. `last` is the last response, and the cause the last error.
        OperationFailedError: If it failed and `raise_on_failure` is true.
        GeoperaError: The error of a poll that a later one cannot cure.
    """

    __slots__ = ("_call", "_deadline", "_delays", "_failure", "_field", "_raise", "_redact", "_success", "_until", "last", "operation", "polls", "started", "state", "timeout")  # fmt: skip

    def __init__(
        self,
        operation: Operation,
        *,
        call: str | None = None,
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
                f"{operation.id} has no final status; give wait() a predicate: until=lambda response: …"
            )
        if until is not None and not callable(until):
            raise TypeError(f"until must be a function of the response, not {until!r}")
        if timeout is not None and not (isinstance(timeout, (int, float)) and timeout >= 0):
            raise ValueError(
                f"timeout must be a number of seconds that is not negative, or None, not {timeout!r}"
            )
        self.operation = operation.id
        self._call = call or operation.id
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
        self.polls = 0

    def start(self, now: float) -> None:
        """Start the clock of the wait."""
        self.started = now
        self._deadline = float("inf") if self.timeout is None else now + self.timeout

    def left(self, now: float) -> float:
        """The seconds to the deadline, not below 0; infinite without one."""
        return max(self._deadline - now, 0.0)

    def poll(self, response: Any, now: float, asked: float | None = None) -> float | None:
        """The seconds to sleep after a response, or None if the wait is over."""
        self.polls += 1
        self.last = response
        self.state = state_of(response, self._field)
        if self.state is not None and self.state in self._failure and not self._satisfied(response):
            if self._raise:
                raise OperationFailedError(
                    f"{self._call} ended with status {self.state!r}{self._reason(response)}",
                    last=response,
                    operation=self.operation,
                    attempts=self.polls,
                    elapsed=now - self.started,
                )
            return None
        if self._satisfied(response) or (self.state is not None and self.state in self._success):
            return None
        return self._pause(now, None, asked)

    def fail(self, error: BaseException, now: float) -> float:
        """The seconds to sleep after a failed poll. Raises `error` if a later poll cannot cure it."""
        if not passes(error):
            raise error
        assert isinstance(error, GeoperaError)
        return self._pause(now, error, error.retry_after)

    def _reason(self, response: Any) -> str:
        """The reason of the failure, from the response: redacted, and then shortened."""
        for name in ("error", "failure_reason", "reason", "message", "detail"):
            try:
                text = response[name]
            except (KeyError, TypeError):
                continue
            if text:
                return f": {self._redact(str(text))[:200]}"
        return ""

    def _satisfied(self, response: Any) -> bool:
        return self._until is not None and bool(self._until(response))

    def _pause(self, now: float, error: GeoperaError | None, asked: float | None) -> float:
        delay = next(self._delays)
        if asked is not None:
            delay = max(delay, min(asked, LONGEST))
        left = self._deadline - now
        if left <= 0 or (asked is not None and asked > left):
            raise self._out_of_time(now, error, asked) from error
        return min(delay, left)

    def _out_of_time(self, now: float, error: GeoperaError | None, asked: float | None) -> WaitTimeoutError:
        polls = f"{self.polls} poll{'' if self.polls == 1 else 's'}"
        if self.polls == 0:
            seen = "no response"
        elif self.state is not None:
            seen = f"last status {self.state!r} ({polls})"
        elif self._until is not None:
            seen = f"the condition was never met ({polls})"
        else:
            seen = f"the responses have no {self._field!r} ({polls})"
        because = "" if error is None else f"; the last call failed: {error}"
        return WaitTimeoutError(
            f"{self._call} timed out after {now - self.started:.0f} s; {seen}{because}",
            last=self.last,
            operation=self.operation,
            attempts=self.polls,
            elapsed=now - self.started,
            error=error.error if error is not None else None,
            status_code=error.status_code if error is not None else None,
            retry_after=asked,
        )


def _endless(delays: Iterable[float]) -> Iterator[float]:
    last = DELAYS[-1]
    for delay in delays:
        if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not delay >= 0:
            raise ValueError(f"a delay is a number of seconds, not negative, not {delay!r}")
        last = float(delay)
        yield last
    # A delay of 0, endlessly, would be a busy loop.
    while True:
        yield last or 0.01


def state_of(response: Any, field: str) -> str | None:
    """The text in the status field of a response; None if it has no such field."""
    if not isinstance(response, Mapping) and not hasattr(response, "to_dict"):
        return None
    try:
        value = response[field]
    except KeyError:
        return None
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, str) else None
