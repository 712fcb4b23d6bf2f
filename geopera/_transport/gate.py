"""A fair queue for a bounded number of connections, in threads and in an event loop.

The pools of httpx are not fair to waiting requests. The sync one offers a connection that became idle to all of them,
and while they start, each may take another's first bytes for those of a server that disconnects, and close it. The async
one starves them, and loses a wait, as that of httpx2 does, when a task is cancelled. So no more requests enter a pool
than there are connections, and they wait here instead.
"""

from __future__ import annotations

import os
from _thread import RLock
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """A number of slots, served in the order of arrival.

    An interrupt between any two steps loses no slot, nor does the garbage collector, which may close an abandoned
    response of this thread at any of them: `_admit` completes what was begun.
    """

    __slots__ = ("_inside", "_lock", "_over", "_places", "_process", "_waiting")

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside: set[Slot] = set()
        self._waiting: deque[Slot] = deque()
        self._lock = RLock()
        self._process = os.getpid()
        self._over = False

    def take(self, slot: Slot) -> bool:
        """Enter at once if nobody waits and a slot is free."""
        with self._lock:
            if self._waiting or len(self._inside) >= self._places:
                return False
            self._inside.add(slot)
            return True

    def wait(self, slot: Slot) -> None:
        """Join the queue; `slot.wake` is called when its turn comes."""
        with self._lock:
            self._waiting.append(slot)
            self._admit()
            if self._over:
                slot.wake()

    def holds(self, slot: Slot) -> bool:
        return slot in self._inside

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def leave(self, slot: Slot) -> None:
        """Release what `slot` holds, or end its wait; the first waiter is next."""
        if self._process != os.getpid():
            return  # in a forked child, another thread of its parent may have held the lock
        with self._lock:
            if slot in self._waiting:
                self._waiting.remove(slot)
            self._inside.discard(slot)
            self._admit()

    def end(self) -> None:
        """Wake all that wait, now and later; they find that they hold nothing."""
        with self._lock:
            self._over = True
            for slot in tuple(self._waiting):
                slot.wake()

    def _admit(self) -> None:
        while self._waiting and len(self._inside) < self._places:
            first = self._waiting[0]
            self._inside.add(first)
            first.wake()
            if self._waiting and self._waiting[0] is first:
                self._waiting.popleft()


class Slot:
    """What one request holds of a gate, or of none. `leave` may be called in any state, and more than once."""

    __slots__ = ("_gate", "wake")

    wake: Callable[[], Any]

    def __init__(self, gate: Gate | None) -> None:
        self._gate = gate

    def enter(self, timeout: float | None) -> bool:
        """Wait for the slot, for at most `timeout` seconds. Returns False if none became free."""
        gate = self._gate
        if gate is None or gate.take(self):
            return True
        from functools import partial
        from queue import Empty, SimpleQueue
        from threading import TIMEOUT_MAX

        turn: SimpleQueue[None] = SimpleQueue()  # unlike an `Event`, it may be set while it is being set
        self.wake = partial(turn.put, None)
        gate.wait(self)
        with suppress(Empty):
            turn.get(timeout=None if timeout is None else min(timeout, TIMEOUT_MAX))
        return gate.holds(self)

    async def aenter(self, timeout: float | None) -> bool:
        """`enter`, in an event loop."""
        gate = self._gate
        if gate is None or gate.take(self):
            return True
        from anyio import Event, move_on_after

        turn = Event()
        self.wake = turn.set
        gate.wait(self)
        with move_on_after(timeout):
            await turn.wait()
        return gate.holds(self)

    @property
    def wanted(self) -> bool:
        """Whether another request waits for it."""
        return self._gate is not None and self._gate.wanted

    def leave(self) -> None:
        if self._gate is not None:
            self._gate.leave(self)
