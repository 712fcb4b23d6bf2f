"""A fair queue for a bounded number of connections in an event loop.

The async pool of httpx is not fair, and a wait in it, or in that of httpx2, can be lost when a task is cancelled.
So no more requests enter it than there are connections, and they wait here instead.
"""

from __future__ import annotations

from collections import deque
from typing import Any


class Gate:
    """A number of slots, served in the order of arrival."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[Any] = deque()

    async def enter(self, timeout: float | None) -> bool:
        """Wait for a slot, for at most `timeout` seconds. Returns False if none became free."""
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
        """Remove a waiter; a slot that it was just given goes to the next one."""
        if turn.is_set():
            self.leave()
        else:
            self._waiting.remove(turn)

    def leave(self) -> None:
        """Release a slot; the first waiter gets it."""
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._free += 1
