"""The figures of docs/scale.md: ``python -m tests.bench.scale``. What one process does against a sandbox of its own."""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geopera import Geopera

_SERVER = """
import sys
from geopera.sandbox import running
with running(speed=200, credits=1_000_000_000) as sandbox:
    print(sandbox.url, sandbox.token, flush=True)
    sys.stdin.read()
"""


@contextmanager
def sandbox() -> Iterator[Geopera]:
    """A client of a sandbox in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    url, token = process.stdout.readline().split()
    try:
        with Geopera(token, url) as client:
            yield client
    finally:
        process.stdin.close()
        process.wait(30)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def calls(client: Geopera, count: int) -> float:
    """Calls a second with `map`."""
    bodies = ({"order_id": "example-order"} for _ in range(count))
    started = time.perf_counter()
    for result in client.orders.get.map(bodies, concurrency=8, rate_limit=None):
        if isinstance(result, Exception):
            raise result
    return count / (time.perf_counter() - started)


def journal(client: Geopera, count: int) -> float:
    """Bytes of a journal for an order."""
    bodies = [{"collection": "sentinel-2-l2a", "item_ids": [f"example-{n}"]} for n in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jsonl")
        for result in client.orders.archive.place.map(bodies, journal=path, rate_limit=None):
            if isinstance(result, Exception):
                raise result
        return path.stat().st_size / count


def feature(client: Geopera, count: int) -> tuple[float, float]:
    """Bytes of memory, and of JSON, for a feature that is kept."""
    body = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": 500}
    list(client.catalog.search.iter(body, max_items=500))
    gc.collect()
    tracemalloc.start()
    kept = list(client.catalog.search.iter(body, max_items=count))
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    size = sum(len(json.dumps(one.to_dict())) for one in kept)
    return used / len(kept), size / len(kept)


def main() -> None:
    with sandbox() as client:
        calls(client, 200)
        print(
            f"map, concurrency=8: {calls(client, 2_000):.0f} calls a second; peak {peak():.0f} MB after 2,000"
        )
        print(
            f"                    {calls(client, 20_000):.0f} calls a second; peak {peak():.0f} MB after 22,000"
        )
        print(f"journal: {journal(client, 500):.0f} bytes an order")
        used, size = feature(client, 2_000)
        print(f"feature: {used:.0f} bytes in memory, {size:.0f} bytes of JSON")


if __name__ == "__main__":
    main()
