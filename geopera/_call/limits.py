"""Staying under the documented rate limits: pure arithmetic behind a lock.

The server counts in fixed windows of 60 seconds, and a client cannot know where they begin. A client with windows of
its own could put two full allowances into one window of the server's. So no interval of that length, wherever it
begins, holds more than the allowance; one second is added for requests that travel slowly.

Limits a minute: an organisation 600; in them, placing orders 60 and other spending operations 30;
without a token 60 for all calls together (the server counts them by address).
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from bisect import insort

WINDOW = 60.0
MARGIN = 1.0

ORGANISATION, ORDERS, SPENDS, ADDRESS = "organisation", "orders", "spends", "address"
PER_MINUTE: dict[str, int] = {ORGANISATION: 600, ORDERS: 60, SPENDS: 30, ADDRESS: 60}

ORDER_PLACEMENT = frozenset({"orders.place", "orders.archive.place", "orders.tasking.place"})


def classes(operation_id: str, *, spends: bool, token: bool) -> tuple[str, ...]:
    """The limits that one request of an operation counts against."""
    if not token:
        return (ADDRESS,)
    if operation_id in ORDER_PLACEMENT:
        return (ORGANISATION, ORDERS)
    if spends:
        return (ORGANISATION, SPENDS)
    return (ORGANISATION,)


class RateLimiter:
    """Schedules requests under rate limits. One per client, shared by its threads and tasks.

    It neither sleeps nor reads a clock: `reserve` takes the time and returns a delay, both in seconds of one monotonic
    clock. A reserved slot is used up even if the caller is cancelled while it waits. A forked child continues the
    count of its parent on its own; a pickled limiter starts at zero.

    Args:
        limits: Requests in a window, by class.
        window: Seconds.
    """

    __slots__ = ("_limits", "_lock", "_process", "_taken", "_window")

    def __init__(self, limits: dict[str, int] | None = None, *, window: float | None = None) -> None:
        self._limits = dict(PER_MINUTE if limits is None else limits)
        self._window = WINDOW + MARGIN if window is None else window
        self._taken: dict[str, list[float]] = {name: [] for name in self._limits}
        self._lock = allocate_lock()
        self._process = os.getpid()

    def reserve(self, operation_id: str, now: float, *, spends: bool = False, token: bool = True) -> float:
        """Reserve the next free slot for one request.

        Every attempt counts, retries too, as on the server. Requests of one class leave in the order in which they
        asked.

        Args:
            operation_id: The operation that is called.
            now: Seconds of the monotonic clock.
            spends: Whether the operation may spend.
            token: Whether the request carries a token.

        Returns:
            Seconds to wait before sending.
        """
        names = [n for n in classes(operation_id, spends=spends, token=token) if n in self._limits]
        if self._process != os.getpid():  # the parent's lock may be held by a thread that is not here
            self._lock, self._process = allocate_lock(), os.getpid()
        with self._lock:
            start = now
            for name in names:
                taken, limit = self._taken[name], self._limits[name]
                # Sorted times, the newest `limit` of them. Sending a window after the oldest leaves
                # at most limit - 1 others in any window that holds the new one.
                if len(taken) >= limit:
                    start = max(start, taken[-limit] + self._window)
            for name in names:
                taken, limit = self._taken[name], self._limits[name]
                insort(taken, start)
                if len(taken) > limit:
                    del taken[: len(taken) - limit]
        return start - now

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self._limits, self._window)

    def __repr__(self) -> str:
        limits = ", ".join(f"{name} {count}" for name, count in self._limits.items())
        return f"<RateLimiter a minute: {limits}>"


def _rebuild(limits: dict[str, int], window: float) -> RateLimiter:
    return RateLimiter(limits, window=window)
