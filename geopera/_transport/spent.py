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

_SECONDS = 0.01
_TURNS = 4  # of the event loop, however long they take: within three a task gets its response and sends again


class Spent:
    """The responses of one event loop, with the slots that they hold. What no request takes is closed soon."""

    __slots__ = ("_kept", "_timer")

    def __init__(self) -> None:
        self._kept: dict[httpx.Response, Slot] = {}
        self._timer: Any = None

    def keep(self, response: httpx.Response, slot: Slot) -> None:
        self._kept[response] = slot
        if self._timer is None:
            self._set()

    def take(self) -> tuple[httpx.Response, Slot] | None:
        """A response to close before a request is sent, and the slot of that request."""
        return self._kept.popitem() if self._kept else None

    async def close(self) -> None:
        """Close all, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._close(tuple(self._kept))

    # A timer and not a task: a loop that ends first, without `close`, has no task left that it would complain about.

    def _set(self) -> None:
        from asyncio import get_running_loop

        loop = get_running_loop()
        self._timer = loop.call_later(_SECONDS, self._turn, loop, None, _TURNS)

    def _turn(self, loop: Any, old: tuple[httpx.Response, ...] | None, left: int) -> None:
        old = tuple(self._kept) if old is None else old
        if left:
            self._timer = loop.call_soon(self._turn, loop, old, left - 1)
            return
        self._timer = None
        old = tuple(response for response in old if response in self._kept)
        if old:
            in_background(self._close(old))
        if len(self._kept) > len(old):
            self._set()

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
