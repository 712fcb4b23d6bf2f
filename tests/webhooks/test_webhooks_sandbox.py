"""The whole round trip: an order changes its state, the sandbox signs and delivers, the receiver checks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire

from geopera import webhooks
from geopera.errors import WebhookSignatureError

Serve = Callable[[Callable[[Asked], Reply]], Wire]

INPUTS = {
    "collection": "sentinel-2-l2a",
    "item_ids": ["S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"],
}


class Receiver:
    """An endpoint that checks every delivery, and drops repeats by their event id."""

    def __init__(self, serve: Serve) -> None:
        self.secrets: list[str] = []
        self.events: dict[str, webhooks.WebhookEvent] = {}
        self.refused: list[WebhookSignatureError] = []
        self.came = threading.Condition()
        self.wire = serve(self.receive)
        self.url = self.wire.url + "/hooks"

    def receive(self, asked: Asked) -> Reply:
        with self.came:
            try:
                event = webhooks.parse(asked.content, asked.headers, self.secrets)
            except WebhookSignatureError as exc:
                self.refused.append(exc)
                self.came.notify_all()
                return Reply(status=401)
            self.events[event.event_id] = event
            self.came.notify_all()
            return Reply(b"{}")

    def wait(self, done: Callable[[], Any]) -> None:
        with self.came:
            assert self.came.wait_for(done, timeout=20)


@pytest.fixture
def receiver(serve: Serve) -> Receiver:
    return Receiver(serve)


def test_an_order_is_followed_by_its_deliveries(flavour: Flavour, client: Any, receiver: Receiver) -> None:
    subscription = flavour(
        client.event_subscriptions.create({"event_type": "order.fulfilled", "endpoint_url": receiver.url})
    )
    receiver.secrets.append(subscription.secret)
    order = flavour(client.orders.archive.place({**INPUTS, "delivery": {"format": "geotiff"}}))

    def delivered() -> list[webhooks.WebhookEvent]:
        return [event for event in receiver.events.values() if event.entity_id == order["id"]]

    receiver.wait(delivered)
    flavour(client.event_subscriptions.delete({"subscription_id": subscription.id}))
    [event] = delivered()
    assert event.event_type == "order.fulfilled"
    assert event.entity_type == "order"
    assert event.data.status == "fulfilled"
    assert event.organization_id
    assert event.delivery_id
    assert event.timestamp.utcoffset() is not None
    assert flavour(client.orders.get({"order_id": event.entity_id}))["status"] == "fulfilled"


def test_a_job_is_followed_by_its_deliveries(flavour: Flavour, client: Any, receiver: Receiver) -> None:
    subscription = flavour(
        client.event_subscriptions.create(
            {"event_type": "processing.job.succeeded", "endpoint_url": receiver.url}
        )
    )
    receiver.secrets.append(subscription.secret)
    job = flavour(client.processing.create({"job_type": "ndvi", "inputs": INPUTS}))
    receiver.wait(lambda: any(event.entity_id == job["id"] for event in receiver.events.values()))
    flavour(client.event_subscriptions.delete({"subscription_id": subscription.id}))


def test_another_secret_is_refused_until_it_is_known(
    flavour: Flavour, client: Any, receiver: Receiver
) -> None:
    receiver.secrets.append("whsec_of_another_subscription")
    subscription = flavour(
        client.event_subscriptions.create({"event_type": "order.fulfilled", "endpoint_url": receiver.url})
    )
    flavour(client.event_subscriptions.test({"subscription_id": subscription.id}))
    receiver.wait(lambda: receiver.refused)
    assert receiver.events == {}
    receiver.secrets.append(subscription.secret)  # both are valid while one takes the place of the other
    reply = flavour(client.event_subscriptions.test({"subscription_id": subscription.id}))
    receiver.wait(lambda: receiver.events)
    assert reply.delivered
    assert [*receiver.events] == [reply.event_id]
    flavour(client.event_subscriptions.delete({"subscription_id": subscription.id}))
