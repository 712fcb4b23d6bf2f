"""First come, first served: who may use one of a bounded number of connections in an event loop.

The asynchronous pool of httpx serves whoever asks at the right moment, and a wait in it, or in that of httpx2, can
be lost when a task is cancelled. So no more requests are let in than there are connections, and nobody waits inside.
"""

from __future__ import annotations

from collections import deque
from typing import Any


class Gate:
    """A number of places, handed on in the order of arrival."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[Any] = deque()

    async def enter(self, timeout: float | None) -> bool:
        """Wait for a place, for `timeout` seconds in all. Returns False if none came free in time."""
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return True
        from anyio import Event, move_on_after

        turn = Event()
        self._waiting.append(turn)
        try:
            with move_on_after(timeout):
                await turn.wait()
        except BaseException:
            self._forget(turn)
            raise
        if turn.is_set():
            return True
        self._forget(turn)
        return False

    def _forget(self, turn: Any) -> None:
        """A waiter gives up. The place that was handed to it just then is handed on."""
        if turn.is_set():
            self.leave()
        else:
            self._waiting.remove(turn)

    def leave(self) -> None:
        """Give a place back, to the first who waits."""
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._free += 1
