"""Following the API by itself: ``manifest="auto"``.

A name that the manifest does not have, and the first call of a process, cause one conditional request for the API's
description. It runs in a thread of its own, so a known call never waits for it, and it never raises.
"""

from __future__ import annotations

import logging
import os
import time
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from ..manifest._cache import public_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..client import Client
    from ..manifest import Manifest

INTERVAL = 600.0
"""Seconds between two requests of a process to one API."""
LIMIT = 5.0
"""Seconds that a request may take, and that a lookup waits for it."""
AGE = 86_400.0
"""Seconds for which a cached description counts as new."""

log = logging.getLogger("geopera")


class _Watch:
    """The state of a process that follows one API."""

    __slots__ = ("asked", "called", "done", "found", "lock", "looked")

    def __init__(self) -> None:
        self.lock = Lock()
        self.asked: float | None = None  # on the monotonic clock, since the system clock may jump
        self.done = Event()
        self.found: Manifest | None = None
        self.called = self.looked = False


# By process: a forked child has no threads, and a lock that a thread of its parent held would never be released.
_watches: dict[tuple[int, str], _Watch] = {}


def _watch(client: Client) -> _Watch:
    key = os.getpid(), public_url(client.base_url)
    found = _watches.get(key)
    return _watches.setdefault(key, _Watch()) if found is None else found


def lookup(client: Client, knows: Callable[[Manifest], bool], *, wait: bool) -> bool:
    """Whether the manifest of `client` has a name, after a refresh if one is due.

    Args:
        client: The client whose manifest is searched, and replaced.
        knows: Whether a manifest has the name.
        wait: Wait for the API, at most 5 seconds.
    """
    watch = _watch(client)
    if _take(client, watch, knows):
        return True
    done = _ask(client, watch)
    if wait:
        done.wait(LIMIT)
    return _take(client, watch, knows)


async def lookup_async(client: Client, knows: Callable[[Manifest], bool]) -> bool:
    """`lookup` for async clients; it waits."""
    from functools import partial

    from anyio.to_thread import run_sync

    if lookup(client, knows, wait=False):
        return True
    return await run_sync(partial(lookup, client, knows, wait=True), abandon_on_cancel=True)


def started(client: Client) -> None:
    """Record the start of a call; the check after the first one of a process is then due."""
    watch = _watch(client)
    if watch.called:
        after_call(client)
    watch.called = True


def after_call(client: Client) -> None:
    """After the first call of a process, refresh in the background if the cached description is older than a day."""
    watch = _watch(client)
    if watch.looked:
        return
    with watch.lock:
        first, watch.looked = not watch.looked, True
    if first:
        _in_background(_look, client, watch)


class Later:
    """An async iterator that is made after a lookup at the API."""

    def __init__(self, client: Client, knows: Callable[[Manifest], bool], make: Callable[[], Any]) -> None:
        self._client = client
        self._knows = knows
        self._make = make
        self._made: Any = None

    def __aiter__(self) -> Later:
        return self

    async def __anext__(self) -> Any:
        if self._made is None:
            await lookup_async(self._client, self._knows)
            self._made = self._make()
        return await self._made.__anext__()

    async def aclose(self) -> None:
        """Close the iterator, if it was made."""
        if self._made is not None:
            await self._made.aclose()

    async def __aenter__(self) -> Later:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()


def _take(client: Client, watch: _Watch, knows: Callable[[Manifest], bool]) -> bool:
    if knows(client.manifest):
        return True
    found = watch.found
    if found is None or not knows(found):
        return False
    client.manifest = found  # another client of this process requested it
    return True


def _ask(client: Client, watch: _Watch) -> Event:
    """Start a request if one is due; the event is set when the last one has ended."""
    with watch.lock:
        now = time.monotonic()
        if watch.asked is not None and now - watch.asked < INTERVAL:
            return watch.done
        watch.asked, watch.done = now, Event()
        done = watch.done
    if not _in_background(_request, client, watch, done):
        done.set()
    return done


def _in_background(work: Callable[..., None], *args: Any) -> bool:
    try:
        # A daemon: a program that ends does not wait for a description.
        Thread(target=work, args=args, name="geopera-manifest", daemon=True).start()
    except RuntimeError:  # no more threads, or the interpreter is ending
        return False
    return True


def _look(client: Client, watch: _Watch) -> None:
    from . import cache

    try:
        entry = cache.read(client.base_url)
        written = entry.facts.get("refreshed", "") if entry is not None else ""
        age = time.time() - int(written[:12]) if written.isdecimal() else AGE
        if not 0 <= age < AGE:  # a time in the future was written by another clock
            _ask(client, watch)
    except Exception as exc:  # noqa: BLE001 - never in the way of anything
        log.debug("the age of the cached manifest is unknown: %s", type(exc).__name__)


def _request(client: Client, watch: _Watch, done: Event) -> None:
    from . import refresh

    try:
        result = refresh.refresh(client, seconds=LIMIT, quiet=True)
        watch.found = result.manifest
        log.info("the manifest was compared with the API: %s", result.diff.summary())
        for line in result.diff.left_out:
            log.info("left out of the API's description: %s", line)
    except Exception as exc:  # noqa: BLE001 - the manifest in use stays, and the next request is due in ten minutes
        log.info("the manifest could not be compared with the API: %s", exc)
    finally:
        done.set()
