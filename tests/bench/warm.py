"""Calls in a warm process, ours and raw httpx's in turns over the same server."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable

import httpx

from geopera import AsyncGeopera, Geopera

SMALL_BODY = {"enabled": True, "threshold_credits": 1000, "topup_amount_credits": 5000}
PAGE_BODY = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": 100}
SMALL, PAGE, STREAM = (
    "/v1/op/" + name for name in ("billing.set_auto_topup", "catalog.search", "catalog.search_stream")
)
TOKEN = {"Authorization": "Bearer x"}

Times = dict[str, list[float]]


def _timed(function: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - started) / calls


def _in_turns(functions: dict[str, Callable[[], object]], calls: int, rounds: int) -> Times:
    found: Times = {name: [] for name in functions}
    for function in functions.values():
        _timed(function, max(calls // 4, 1))
    for _ in range(rounds):
        for name, function in functions.items():
            gc.collect()
            found[name].append(_timed(function, calls))
    return found


def calls(url: str, *, small: int, page: int, rounds: int) -> dict[str, Times]:
    """A small call and a page of 100 features: seconds a call, by contestant."""
    with httpx.Client(base_url=url, headers=TOKEN) as raw, Geopera(token="x", base_url=url) as client:
        return {
            "small": _in_turns(
                {
                    "httpx": lambda: raw.post(SMALL, json=SMALL_BODY).json(),
                    "geopera": lambda: client.billing.set_auto_topup(SMALL_BODY),
                },
                small,
                rounds,
            ),
            "page": _in_turns(
                {
                    "httpx": lambda: raw.post(PAGE, json=PAGE_BODY).json(),
                    "geopera": lambda: client.catalog.search(PAGE_BODY),
                },
                page,
                rounds,
            ),
        }


async def _async_in_turns(
    functions: dict[str, Callable[[], Awaitable[object]]], calls: int, rounds: int
) -> Times:
    found: Times = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            gc.collect()
            started = time.perf_counter()
            for _ in range(calls):
                await function()
            if number:
                found[name].append((time.perf_counter() - started) / calls)
    return found


def async_calls(url: str, *, small: int, page: int, rounds: int) -> dict[str, Times]:
    """The same two in the event loop, one call after the other."""

    async def measure() -> dict[str, Times]:
        async with (
            httpx.AsyncClient(base_url=url, headers=TOKEN) as raw,
            AsyncGeopera(token="x", base_url=url) as client,
        ):

            async def raw_call(path: str, body: object) -> object:
                return (await raw.post(path, json=body)).json()

            return {
                "async small": await _async_in_turns(
                    {
                        "httpx": lambda: raw_call(SMALL, SMALL_BODY),
                        "geopera": lambda: client.billing.set_auto_topup(SMALL_BODY),
                    },
                    small,
                    rounds,
                ),
                "async page": await _async_in_turns(
                    {
                        "httpx": lambda: raw_call(PAGE, PAGE_BODY),
                        "geopera": lambda: client.catalog.search(PAGE_BODY),
                    },
                    page,
                    rounds,
                ),
            }

    return asyncio.run(measure())


def tasks(url: str, *, tasks: int, calls: int, rounds: int) -> Times:
    """Many tasks at once on one client: seconds for all of their calls."""

    async def measure() -> Times:
        async with (
            httpx.AsyncClient(base_url=url, headers=TOKEN) as raw,
            AsyncGeopera(token="x", base_url=url, http_library="httpx") as first,
            AsyncGeopera(token="x", base_url=url, http_library="httpx2") as second,
        ):

            async def raw_work() -> None:
                for _ in range(calls):
                    (await raw.post(SMALL, json=SMALL_BODY)).json()

            async def our_work(client: AsyncGeopera) -> None:
                for _ in range(calls):
                    await client.billing.set_auto_topup(SMALL_BODY)

            return await _async_in_turns(
                {
                    "httpx": lambda: asyncio.gather(*(raw_work() for _ in range(tasks))),
                    "geopera": lambda: asyncio.gather(*(our_work(first) for _ in range(tasks))),
                    "geopera over httpx2": lambda: asyncio.gather(*(our_work(second) for _ in range(tasks))),
                },
                1,
                rounds,
            )

    return asyncio.run(measure())


def stream(url: str, *, rounds: int) -> Times:
    """100,000 features: seconds for the whole stream."""
    with (
        httpx.Client(base_url=url, headers=TOKEN, timeout=60) as raw,
        Geopera(token="x", base_url=url) as client,
    ):

        def raw_stream() -> int:
            count = 0
            with raw.stream("POST", STREAM, json=PAGE_BODY) as response:
                for line in response.iter_lines():
                    json.loads(line)
                    count += 1
            return count

        def our_stream() -> int:
            return sum(1 for _ in client.catalog.search_stream(PAGE_BODY))

        return _in_turns({"httpx": raw_stream, "geopera": our_stream}, 1, rounds)


def stream_memory(url: str) -> tuple[int, int]:
    """(peak of traced bytes over the first tenth of a stream, the same over all of it)."""
    with Geopera(token="x", base_url=url) as client:
        for _ in client.catalog.search_stream(PAGE_BODY):
            break
        tracemalloc.start()
        early = 0
        for count, _ in enumerate(client.catalog.search_stream(PAGE_BODY), 1):
            if count == 10_000:
                early = tracemalloc.get_traced_memory()[1]
                tracemalloc.reset_peak()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return early, peak
