"""From a search to a finished product, step by step, against the sandbox: what `make demo` runs.

    python docs/examples/pipeline.py

It starts the sandbox on a free port, a hundred times as fast as time, and a small HTTP server that
receives the webhooks; then it is a program like any other that uses Geopera. Nothing leaves this machine.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from geopera import Geopera, GeoperaError, webhooks
from geopera.errors import InvalidInputError
from geopera.sandbox import running
from geopera.types import JSONObject

AOI = [151.18, -33.92, 151.30, -33.84]  # west, south, east, north: around Sydney


def main() -> int:
    begun = time.perf_counter()
    with running(speed=100) as server, Geopera(server.token, server.url) as client, inbox() as mail:
        print(f"A sandbox is running on {server.url}. Nothing here costs anything. It takes about 5 seconds.")
        run(client, mail)
    print(f"\nDone in {time.perf_counter() - begun:.1f} s.")
    # The interpreter by the path that was typed: of an environment that `make` set up, or of the reader's own.
    python = os.path.relpath(sys.executable) if sys.prefix != sys.base_prefix else sys.executable
    print(
        f"\nNext, a sandbox to play with, and a session in another terminal:\n  {python} -m geopera sandbox --speed 100"
    )
    print(f"  {python}   # after pasting the export lines that the sandbox prints")
    return 0


def run(client: Geopera, mail: Inbox) -> None:
    step("Search the catalogue for clear scenes")
    page = client.catalog.search(
        {
            "host_name": "earthsearch-aws",
            "collections": ["sentinel-2-l2a"],
            "bbox": AOI,
            "datetime_": "2024-02-01T00:00:00Z/2024-05-31T23:59:59Z",
            "query": {"eo:cloud_cover": {"lt": 10}},
            "limit": 5,
        }
    )
    for scene in page.features:
        print(
            f"  {scene.id}  {scene.properties['datetime'][:10]}  {scene.properties['eo:cloud_cover']:4.1f} % cloud"
        )
    scene = page.features[0]

    step("A misspelled field is refused before anything is sent")
    try:
        client.catalog.search(host_name="earthsearch-aws", limti=5)
    except InvalidInputError as error:
        print(f"  {error}")

    step("All scenes of the area, page by page")
    count = sum(1 for _ in client.catalog.search.iter(host_name="earthsearch-aws", bbox=AOI, limit=100))
    print(f"  {count} scenes")

    step("What a satellite of our own would cost")
    estimate = client.orders.tasking.estimate({"groups": [{"sensor": "optical-vhr", "max_cloud_cover": 15}]})
    print(f"  {estimate.total_credits} credits ({estimate.total_aud:.2f} AUD); we take the archive")

    step("Credits")
    before = client.billing.credits.balance()
    topup = client.billing.topup({"amount": 5000, "currency": "aud"}, idempotency_key="demo-top-up")
    again = client.billing.topup({"amount": 5000, "currency": "aud"}, idempotency_key="demo-top-up")
    after = client.billing.credits.balance()
    print(
        f"  {before.credits} + {topup.credits} = {after.credits}; sent twice, charged once: {topup == again}"
    )

    step("Subscribe to the fulfilment of the order")
    subscription = client.event_subscriptions.create(
        event_type="order.fulfilled", endpoint_url=mail.url, description="the demo"
    )
    mail.secret = subscription.secret
    print(f"  {subscription.event_type} -> {subscription.endpoint_url}")

    step("Order the clearest scene")
    scene = min(page.features, key=lambda one: one.properties["eo:cloud_cover"])
    order = client.orders.archive.place(
        {"collection": "sentinel-2-l2a", "item_ids": [scene.id], "delivery": {"format": "geotiff"}},
        idempotency_key="demo-order",
    )
    print(f"  {order.id}: {order.status}, {order.credits} credits")

    step("Wait until it is delivered")
    order = client.orders.get.wait(order_id=order.id, timeout=60, delays=[0.05])
    for change in order.history:
        print(f"  {change.at}  {change.status}")
    event = mail.next()
    print(f"  webhook, signature checked: {event.event_type} {event.entity_id}")

    step("Process it")
    job = client.processing.create(
        {"job_type": "ndvi", "inputs": {"collection": "sentinel-2-l2a", "item_ids": [scene.id]}}
    )
    print(f"  {job.id}: {job.job_type}, {job.status}")
    job = client.processing.job.get.wait(job_id=job.id, timeout=60, delays=[0.05], raise_on_failure=True)
    print(f"  {job.id}: {job.job_type}, {job.status}, {job.outputs[0].asset_id}")

    step("Clip the area and download it")
    clip = client.clip.create_from_item(item_id=scene.id, aoi_geometry=box(AOI))
    client.clip.job.get.wait(job_id=clip.id, timeout=60, delays=[0.05], raise_on_failure=True)
    with tempfile.TemporaryDirectory() as folder:
        path = client.clip.job.download.download(
            {"job_id": clip.id, "mosaic_type": "clip"}, Path(folder) / "clip.tif"
        )
        print(f"  {Path(path).name}: {Path(path).stat().st_size:,} bytes")

    step("What was spent")
    for line in client.billing.credits.transactions(limit=4).transactions:
        print(f"  {line.amount:+6d}  {line.reason:<10}  {line.reference}")

    step("And when something is wrong")
    try:
        client.orders.get(order_id="no-such-order")
    except GeoperaError as error:
        print(f"  {type(error).__name__}: {error}")


_steps = iter(range(1, 100))


def step(title: str) -> None:
    print(f"\n{next(_steps)}. {title}")


def box(bbox: list[float]) -> JSONObject:
    """A bounding box as a GeoJSON polygon."""
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return JSONObject(type="Polygon", coordinates=[ring])


class Inbox:
    """What was delivered to `url`, checked against `secret`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.secret = ""
        self.deliveries: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

    def next(self) -> webhooks.WebhookEvent:
        """The next event. Raises `queue.Empty` when none comes within ten seconds."""
        body, headers = self.deliveries.get(timeout=10)
        return webhooks.parse(body, headers, self.secret)


@contextmanager
def inbox() -> Iterator[Inbox]:
    """A server on this machine that takes deliveries, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.deliveries.put((body, dict(self.headers)))
            self.send_response(204)  # any 2xx acknowledges
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the demo prints what came itself."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Inbox(f"http://127.0.0.1:{server.server_port}/geopera")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
