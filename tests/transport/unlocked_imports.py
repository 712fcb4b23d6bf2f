"""A program: makes one first call, and prints each module that it imports without the lock that a fork waits for.

Arguments: the flavour, the kind of call, the URL and the token of a sandbox.
"""

from __future__ import annotations

import _thread
import asyncio
import sys
import warnings
from typing import Any

import geopera
from geopera._forks import first_time

flavour, kind, url, token = sys.argv[1:]
BODY = {"host_name": "earthsearch-aws", "limit": 2}


class Finder:
    """Asks in another thread whether this one holds the lock, at each import; finds nothing itself."""

    def __init__(self) -> None:
        self.unlocked: list[str] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        asked = _thread.allocate_lock()
        asked.acquire()
        free: list[bool] = []

        def ask() -> None:
            if first_time().acquire(blocking=False):
                first_time().release()
                free.append(True)
            asked.release()

        _thread.start_new_thread(ask, ())
        asked.acquire()
        if free:
            self.unlocked.append(name)


def started(client: Any) -> Any:
    search = client.catalog.search
    if kind == "call":
        return search(BODY)
    if kind == "typo":
        return search(host_nam="h")
    if kind == "unknown":
        return client.invoke("orders.invented", {})
    if kind == "wait":
        return client.orders.get.wait(order_id="o")
    if kind == "map":
        return client.map("catalog.search", [BODY])
    if kind == "download":
        return client.orders.list_assets.download(order_id="o", to="nowhere")
    return getattr(search, kind)(BODY)


def sync() -> None:
    with geopera.Geopera(token, url) as client:
        made = started(client)
        if hasattr(made, "__next__"):
            next(made)


async def main() -> None:
    async with geopera.AsyncGeopera(token, url) as client:
        made = started(client)
        if hasattr(made, "__anext__"):
            await anext(made)
        elif hasattr(made, "__await__"):
            await made


asyncio.run(asyncio.sleep(0))
geopera.Geopera, geopera.AsyncGeopera, geopera.errors  # noqa: B018 - imported by the time threads start
warnings.simplefilter("ignore")
finder = Finder()
sys.meta_path.insert(0, finder)
try:
    sync() if flavour == "sync" else asyncio.run(main())
except geopera.errors.GeoperaError as exc:
    str(exc)
sys.meta_path.remove(finder)
print(*finder.unlocked)
