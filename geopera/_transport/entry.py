"""One task at a time chooses a connection of the pool.

The async pool of httpx offers an idle connection to every request until one of them has begun to use it, and the others
choose anew. Of many requests that start together, each would examine all connections as often as there are requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

_LONGEST = 1.0
"""Seconds to wait for others. Code of the caller's that stands around `send` may itself wait for a request."""


class Entry:
    """The entry to the pool of one event loop."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        from asyncio import Lock

        self._lock = Lock()

    def of(self, built: httpx.Request) -> Passage:
        """A context in which `built` is sent; it lets the next in with the first event of the trace."""
        return Passage(self._lock, built)


class Passage:
    """One request in the entry. At the first event of its trace it has a connection, or opens one."""

    __slots__ = ("_built", "_held", "_lock", "_note")

    def __init__(self, lock: Any, built: httpx.Request) -> None:
        self._lock = lock
        self._built = built
        self._held = False

    async def __aenter__(self) -> None:
        if self._lock.locked():
            from anyio import move_on_after

            with move_on_after(_LONGEST):
                self._held = await self._lock.acquire()
        else:
            self._held = await self._lock.acquire()
        self._note = self._built.extensions["trace"]
        self._built.extensions["trace"] = self._anote

    async def __aexit__(self, *exc: object) -> None:
        self._leave()

    async def _anote(self, name: str, info: dict[str, Any]) -> None:
        self._leave()
        await self._note(name, info)

    def _leave(self) -> None:
        self._built.extensions["trace"] = self._note
        if self._held:
            self._held = False
            self._lock.release()
