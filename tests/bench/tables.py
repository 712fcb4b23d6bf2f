"""Tables and files: searches to tables against pystac-client and geopandas, a large download against curl."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    from .server import feature
except ImportError:  # as a program: the server
    from server import feature  # type: ignore[import-not-found,no-redef]

PAGES, SIZE = 40, 500
FILE = 512 << 20  # bytes
SEARCH = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": SIZE}

Times = dict[str, list[float]]


class _Protocol(asyncio.Protocol):
    """Responses `catalog.search` and a STAC API's `/search` with the same features, and anything else with a file."""

    pages: dict[str, list[bytes]]
    block = bytes(1 << 20)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            line = head.split(b"\r\n", 1)[0]
            if b"search" in line:
                asked = json.loads(body)
                kind = "stac" if b" /search" in line else "geopera"
                self.transport.write(self.pages[kind][int(asked.get("next") or asked.get("token") or 0)])
            else:
                self.task = asyncio.ensure_future(self.file())

    async def file(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: image/tiff\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % FILE)
        for _ in range(FILE // len(self.block)):
            await self.writable.wait()
            if self.transport.is_closing():
                return
            self.transport.write(self.block)


def _pages(url: str) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {"geopera": [], "stac": []}
    for number in range(PAGES):
        features = [feature(number * SIZE + n) for n in range(SIZE)]
        later = number + 1 < PAGES
        link = {
            "rel": "next",
            "method": "POST",
            "href": f"{url}/search",
            "body": {"token": str(number + 1)},
            "merge": True,
        }
        whole = {"type": "FeatureCollection", "features": features}
        for kind, page in (
            ("geopera", {**whole, "next": str(number + 1) if later else None}),
            ("stac", {**whole, "links": [link] if later else []}),
        ):
            content = json.dumps(page).encode()
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            found[kind].append(head % len(content) + content)
    return found


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _Protocol.pages = _pages(f"http://127.0.0.1:{port}")
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def running() -> Iterator[str]:
    """The base URL of the server, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def _in_turns(functions: dict[str, Callable[[], object]], rounds: int) -> Times:
    found: Times = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            if number:
                found[name].append(time.perf_counter() - started)
    return found


def frames(rounds: int) -> Times:
    """5,000 features to a table: models of ours, parsed dicts for geopandas, which loses their ids."""
    import geopandas

    from geopera import geo
    from geopera.models import StacFeature

    plain = [feature(number) for number in range(5_000)]
    models = [StacFeature.from_dict(one) for one in plain]
    return _in_turns(
        {
            "geopera": lambda: geo.to_geodataframe(models),
            "geopandas": lambda: geopandas.GeoDataFrame.from_features(plain, crs=4326),
        },
        rounds,
    )


def searches(url: str, rounds: int) -> Times:
    """A search of 20,000 items to a table, over the same server."""
    import geopandas
    from pystac_client.item_search import ItemSearch

    from geopera import Geopera

    with Geopera(token="x", base_url=url) as client:

        def ours() -> None:
            assert len(client.catalog.search.iter(SEARCH).to_geodataframe()) == PAGES * SIZE

        def theirs() -> None:
            found = ItemSearch(f"{url}/search", collections=["sentinel-2-l2a"], limit=SIZE, max_items=None)
            items = found.item_collection()
            table = geopandas.GeoDataFrame.from_features(items.to_dict()["features"], crs=4326)
            assert len(table) == PAGES * SIZE

        return _in_turns({"geopera": ours, "pystac-client": theirs}, rounds)


def downloads(url: str, rounds: int) -> Times:
    """One file of half a gigabyte, by both clients, by httpx alone, and by curl. Empty without curl."""
    import httpx

    from geopera import AsyncGeopera, Geopera

    body = {"job_id": "j", "mosaic_type": "rgb"}

    curl = shutil.which("curl")
    if curl is None:
        return {}
    with Geopera(token="x", base_url=url) as client, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.tif")

        def ours() -> None:
            client.clip.job.download.download(body, path)
            assert path.stat().st_size == FILE

        async def ours_async() -> None:
            async with AsyncGeopera(token="x", base_url=url) as other:
                await other.clip.job.download.download(body, path)
            assert path.stat().st_size == FILE

        def alone() -> None:
            request = httpx.stream("POST", f"{url}/v1/op/clip.job.download")
            with request as response, open(path, "wb", buffering=0) as file:
                for chunk in response.iter_raw():
                    file.write(chunk)
                os.fsync(file.fileno())
            assert path.stat().st_size == FILE

        def theirs() -> None:
            command = [curl, "-s", "-X", "POST", "-o", str(path), f"{url}/v1/op/clip.job.download"]
            subprocess.run(command, check=True)
            assert path.stat().st_size == FILE
            with open(path, "rb") as file:
                os.fsync(file.fileno())  # as ours does, before the file is moved to its place

        contestants = {
            "geopera": ours,
            "async": lambda: asyncio.run(ours_async()),
            "httpx": alone,
            "curl": theirs,
        }
        return _in_turns(contestants, rounds)


def parquet(count: int) -> tuple[float, float, float]:
    """(seconds, peak in MB after the first tenth, peak at the end) of a stream to GeoParquet, in a process of its own."""
    program = """
import resource, sys, time
sys.path.insert(0, sys.argv[3])
from bench.server import feature
from geopera import geo
count, early = int(sys.argv[1]), []
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
def features():
    for n in range(count):
        if n == count // 10:
            early.append(peak())
        yield feature(n)
started = time.perf_counter()
geo.to_parquet(features(), sys.argv[2])
print(time.perf_counter() - started, early[0], peak())
"""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "scenes.parquet"))
        command = [sys.executable, "-c", program, str(count), path, str(Path(__file__).parent.parent)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, early, late = map(float, done.stdout.split())
    return seconds, early, late


if __name__ == "__main__":
    asyncio.run(_serve())
