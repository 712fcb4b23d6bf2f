"""Subscriptions, and the signed deliveries that the sandbox makes to loopback endpoints."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers.sandbox_api import ORDER, Api

from geopera.sandbox import Sandbox, running


class Endpoint:
    """A web hook that keeps what arrives, and responds with the statuses of `plan`, then 204."""

    def __init__(self) -> None:
        self.plan: list[int] = []
        self.calls: list[tuple[dict[str, str], bytes]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.calls.append((headers, body))
                self.send_response(endpoint.plan.pop(0) if endpoint.plan else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def wait(self, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 10
        while len(self.calls) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.calls) >= count
        return [json.loads(body) for _, body in self.calls]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def api(make_sandbox: Callable[..., Sandbox]) -> Iterator[Api]:
    with Api(make_sandbox(speed=200)) as api:
        yield api


def test_subscriptions_are_kept_and_their_secret_is_returned_once(api: Api) -> None:
    body = {
        "event_type": "order.fulfilled",
        "endpoint_url": "https://example.com/hook",
        "description": "mine",
    }
    made = api("event_subscriptions.create", body)
    assert made["secret"].startswith("whsec_")
    ref = {"subscription_id": made["id"]}
    shown = {key: value for key, value in made.items() if key != "secret"}
    assert api("event_subscriptions.get", ref) == shown
    assert api("event_subscriptions.list")["subscriptions"] == [shown]
    assert api("event_subscriptions.list", {"event_type": "other"})["subscriptions"] == []
    changed = api(
        "event_subscriptions.update", {**ref, "active": False, "endpoint_url": "https://example.org/"}
    )
    assert (changed["active"], changed["endpoint_url"]) == (False, "https://example.org/")
    assert api("event_subscriptions.list", {"active": True})["subscriptions"] == []
    assert api("event_subscriptions.delete", ref)["deleted"]
    api.problem(404, "event_subscriptions.get", ref)


def test_deliveries_are_signed(api: Api, endpoint: Endpoint) -> None:
    sub = api(
        "event_subscriptions.create",
        {"event_type": "order.*", "endpoint_url": endpoint.url, "headers": {"X-Pipeline": "example"}},
    )
    order = api("orders.archive.place", ORDER)
    events = endpoint.wait(3)
    assert [event["event_type"] for event in events] == [
        "order.awaiting_data",
        "order.processing",
        "order.fulfilled",
    ]
    for (headers, body), event in zip(endpoint.calls, events, strict=True):
        signature = hmac.new(sub["secret"].encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-geopera-signature"] == f"sha256={signature}"
        assert headers["x-geopera-event"] == event["event_type"]
        assert headers["x-geopera-event-id"] == event["event_id"]
        assert headers["x-geopera-delivery-id"]
        assert headers["x-pipeline"] == "example"
        assert headers["content-type"] == "application/json"
        assert set(event) == {
            "event_id",
            "event_type",
            "timestamp",
            "organization_id",
            "entity_type",
            "entity_id",
            "data",
        }
        assert (event["entity_type"], event["entity_id"]) == ("order", order["id"])
    assert events[-1]["data"]["status"] == "fulfilled"
    assert len({event["event_id"] for event in events}) == 3


def test_jobs_have_events_too(api: Api, endpoint: Endpoint) -> None:
    for kind in ("processing.job.succeeded", "processing.job.failed", "clip.job.succeeded"):
        api("event_subscriptions.create", {"event_type": kind, "endpoint_url": endpoint.url})
    good = api("processing.create", {"job_type": "ndvi"})["id"]
    bad = api("processing.create", {"job_type": "ndvi", "inputs": {"item_ids": ["will-fail"]}})["id"]
    clip = api("clip.create_from_item", {"item_id": ORDER["item_ids"][0]})["id"]
    seen = {(event["event_type"], event["entity_id"]) for event in endpoint.wait(3)}
    assert seen == {
        ("processing.job.succeeded", good),
        ("processing.job.failed", bad),
        ("clip.job.succeeded", clip),
    }


def test_only_what_is_wanted_is_delivered(make_sandbox: Callable[..., Sandbox], endpoint: Endpoint) -> None:
    server = make_sandbox(speed=200, tokens={"other-token": {"organization": "org-other"}})
    with Api(server) as api, Api(server, "other-token") as other:
        before = api("orders.archive.place", ORDER)["id"]
        time.sleep(0.3)  # it is fulfilled before anybody asks
        fulfilled = {"event_type": "order.fulfilled", "endpoint_url": endpoint.url}
        api("event_subscriptions.create", {**fulfilled, "filter_config": {"collection": "no-such"}})
        off = api("event_subscriptions.create", fulfilled)
        api("event_subscriptions.update", {"subscription_id": off["id"], "active": False})
        api("event_subscriptions.create", {**fulfilled, "filter_config": {"collection": "sentinel-2-l2a"}})
        other("orders.archive.place", ORDER)
        mine = api("orders.archive.place", ORDER)["id"]
        assert [event["entity_id"] for event in endpoint.wait(1)] == [mine] != [before]
        time.sleep(0.2)
        assert len(endpoint.calls) == 1


def test_cancelling_is_an_event(make_sandbox: Callable[..., Sandbox], endpoint: Endpoint) -> None:
    with Api(make_sandbox()) as api:
        api("event_subscriptions.create", {"event_type": "order.cancelled", "endpoint_url": endpoint.url})
        id_ = api("orders.archive.place", ORDER)["id"]
        api("orders.cancel", {"order_id": id_})
        assert [event["entity_id"] for event in endpoint.wait(1)] == [id_]


def test_a_failed_delivery_is_tried_again_with_the_same_event_id(api: Api, endpoint: Endpoint) -> None:
    endpoint.plan = [500, 503]
    api("event_subscriptions.create", {"event_type": "order.fulfilled", "endpoint_url": endpoint.url})
    api("orders.archive.place", ORDER)
    events = endpoint.wait(3)
    assert len({event["event_id"] for event in events}) == 1
    assert len({headers["x-geopera-delivery-id"] for headers, _ in endpoint.calls}) == 3
    assert len({body for _, body in endpoint.calls}) == 1


def test_an_endpoint_that_never_succeeds_is_given_up(api: Api, endpoint: Endpoint) -> None:
    endpoint.plan = [500] * 50
    api("event_subscriptions.create", {"event_type": "order.fulfilled", "endpoint_url": endpoint.url})
    api("orders.archive.place", ORDER)
    endpoint.wait(5)
    time.sleep(0.4)
    assert len(endpoint.calls) == 5


@pytest.mark.slow
def test_pending_deliveries_survive_a_restart(endpoint: Endpoint, tmp_path: Path) -> None:
    db = str(tmp_path / "state.db")
    with running(db=db, speed=10) as server, Api(server) as api:
        api("event_subscriptions.create", {"event_type": "order.fulfilled", "endpoint_url": endpoint.url})
        id_ = api("orders.archive.place", ORDER)["id"]
    assert endpoint.calls == []
    with running(db=db):
        assert [event["entity_id"] for event in endpoint.wait(1)] == [id_]


def test_a_test_delivery_tells_how_it_went(api: Api, endpoint: Endpoint) -> None:
    sub = api("event_subscriptions.create", {"event_type": "order.fulfilled", "endpoint_url": endpoint.url})
    ref = {"subscription_id": sub["id"]}
    good = api("event_subscriptions.test", ref)
    assert (good["status"], good["delivered"], good["http_status"]) == ("delivered", True, 204)
    assert endpoint.wait(1)[0]["event_id"] == good["event_id"]
    endpoint.plan = [418]
    bad = api("event_subscriptions.test", ref)
    assert (bad["status"], bad["delivered"], bad["http_status"]) == ("failed", False, 418)
    endpoint.server.shutdown()
    endpoint.server.server_close()
    gone = api("event_subscriptions.test", ref)
    assert (gone["status"], gone["http_status"]) == ("failed", None)
    assert gone["error"]


@pytest.mark.slow
def test_nothing_is_sent_to_another_machine(api: Api) -> None:
    far = {"event_type": "order.fulfilled", "endpoint_url": "https://example.com/hook"}
    sub = api("event_subscriptions.create", far)
    reply = api("event_subscriptions.test", {"subscription_id": sub["id"]})
    assert (reply["status"], reply["delivered"]) == ("skipped", False)


@pytest.mark.parametrize(
    "headers", [{"Host": "elsewhere"}, {"X-Geopera-Event": "x"}, {"a b": "c"}, {"X-A": "line\nbreak"}]
)
def test_headers_that_would_confuse_are_refused(api: Api, headers: dict[str, str]) -> None:
    body = {"event_type": "x", "endpoint_url": "https://example.com/", "headers": headers}
    api.problem(422, "event_subscriptions.create", body)
