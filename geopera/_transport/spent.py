"""Responses that were read to their end: each is closed by the next request, which gets its connection.

Whenever a request enters or leaves, the pools of httpx and httpx2 ask every idle connection, in a system call each,
whether its server has disconnected. Requests run in tasks of their own, so without this, of many responses that arrive
together all would be closed before the first of the next requests starts, and the cost would grow with the square of
their number. Here a connection is idle only between the end of one response and the start of the next request.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .bodies import in_background

if TYPE_CHECKING:
    import httpx

    from .gate import Slot

_SECONDS = 0.02
_LATE = 10  # as often may a timer be late until it counts


class Spent:
    """The responses of one event loop, with the slots that they hold. What no request takes is closed soon."""

    __slots__ = ("_kept", "_timer")

    def __init__(self) -> None:
        self._kept: dict[httpx.Response, Slot] = {}
        self._timer: Any = None

    def keep(self, response: httpx.Response, slot: Slot) -> None:
        self._kept[response] = slot
        if self._timer is None:
            from asyncio import get_running_loop

            self._set(get_running_loop(), 0)

    def take(self) -> tuple[httpx.Response, Slot] | None:
        """A response to close before a request is sent, and the slot of that request."""
        if not self._kept:
            return None
        response = next(iter(self._kept))
        return response, self._kept.pop(response)

    async def close(self) -> None:
        """Close all, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._close(tuple(self._kept))

    # A timer and not a task: a loop that ends first, without `close`, has no task left that it would complain about.
    # A late timer does not count: the loop works at its limit, or it is just being ended after some work.

    def _set(self, loop: Any, late: int) -> None:
        self._timer = loop.call_later(
            _SECONDS, self._look, loop, loop.time() + _SECONDS, late, tuple(self._kept)
        )

    def _look(self, loop: Any, due: float, late: int, old: tuple[httpx.Response, ...]) -> None:
        self._timer = None
        late = late + 1 if loop.time() - due > _SECONDS / 4 and late < _LATE else 0
        old = () if late else tuple(response for response in old if response in self._kept)
        if old:
            in_background(self._close(old))
        if len(self._kept) > len(old):
            self._set(loop, late)

    async def _close(self, responses: tuple[httpx.Response, ...]) -> None:
        for response in responses:
            slot = self._kept.pop(response, None)
            if slot is not None:
                try:
                    await closed(response)
                finally:
                    slot.leave()


async def closed(response: httpx.Response) -> None:
    """Close a response that nobody needs any more; that it fails concerns nobody."""
    with suppress(Exception):
        await response.aclose()
