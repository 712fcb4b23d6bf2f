"""The operations of event subscriptions; `deliveries` sends the events."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from ..catalogue.scenes import stamp_of
from ..core.records import listing
from ..core.registry import Call, handles, is_example
from ..core.state import new_id
from ..wire.problems import not_found, unprocessable
from ..work import deliveries

Subscription = dict[str, Any]
# The server's own headers, and those with which a delivery could impersonate another client.
_FORBIDDEN = (
    *("host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"),
    *("authorization", "cookie", "proxy-authorization", "x-api-key", "x-sandbox-secret", "origin", "referer"),
)


@handles("event_subscriptions.create")
def create(call: Call) -> Subscription:
    """The response holds the secret; no later response does."""
    body = call.body
    subscription = {
        "id": new_id("sub"),
        "organization_id": call.organisation,
        "event_type": body["event_type"],
        "endpoint_url": _check_url(body["endpoint_url"]),
        "description": body.get("description"),
        "filter_config": body.get("filter_config"),
        "headers": _check_headers(body.get("headers")),
        "active": True,
        "created_at": stamp_of(call.now),
        "updated_at": stamp_of(call.now),
        "secret": "whsec_" + secrets.token_hex(24),
    }
    call.state.store.run(
        "INSERT INTO records (kind, id, organisation, parent, body, created)"
        " VALUES ('subscription', ?, ?, NULL, ?, ?)",
        subscription["id"],
        call.organisation,
        json.dumps(subscription),
        call.now,
    )
    call.state.wake()
    return subscription


@handles("event_subscriptions.list")
def list_all(call: Call) -> Any:
    rows = call.state.store.all(
        "SELECT body FROM records WHERE kind = 'subscription' AND organisation = ? ORDER BY seq",
        call.organisation,
    )
    found = [_shown(json.loads(row["body"])) for row in rows]
    for name in ("event_type", "active"):
        wanted = call.body.get(name)
        if wanted is not None:
            found = [one for one in found if one[name] == wanted]
    return listing(call, "subscriptions", found, len(found))


@handles("event_subscriptions.get")
def get(call: Call) -> Subscription:
    return _shown(_fetch(call))


@handles("event_subscriptions.update")
def update(call: Call) -> Subscription:
    subscription = _fetch(call)
    body = call.body
    if body.get("endpoint_url") is not None:
        subscription["endpoint_url"] = _check_url(body["endpoint_url"])
    if body.get("headers") is not None:
        subscription["headers"] = _check_headers(body["headers"])
    for name in ("active", "description", "filter_config"):
        if body.get(name) is not None:
            subscription[name] = body[name]
    subscription["updated_at"] = stamp_of(call.now)
    call.state.store.run(
        "UPDATE records SET body = ? WHERE kind = 'subscription' AND id = ?",
        json.dumps(subscription),
        subscription["id"],
    )
    return _shown(subscription)


@handles("event_subscriptions.delete")
def delete(call: Call) -> dict[str, Any]:
    subscription = _fetch(call)
    call.state.store.run("DELETE FROM records WHERE kind = 'subscription' AND id = ?", subscription["id"])
    call.state.store.run(
        "UPDATE deliveries SET state = 'dropped', next_attempt = NULL"
        " WHERE subscription = ? AND state = 'pending'",
        subscription["id"],
    )
    return {"deleted": True, "id": subscription["id"]}


@handles("event_subscriptions.test")
async def test(call: Call) -> dict[str, Any]:
    """Send one sample delivery now and report its status. Nothing is sent to a host beyond loopback."""
    subscription = _fetch(call)
    event = deliveries.sample(subscription, call.now)
    outcome = {"event_id": event["event_id"], "event_type": event["event_type"]}
    if is_example(subscription["id"]) or not deliveries.may_deliver(subscription["endpoint_url"]):
        return {
            **outcome,
            "status": "skipped",
            "delivered": False,
            "http_status": None,
            "error": "The sandbox delivers to loopback addresses only.",
        }
    status, error = await deliveries.send(subscription, event)
    delivered = status is not None and 200 <= status < 300
    return {
        **outcome,
        "status": "delivered" if delivered else "failed",
        "delivered": delivered,
        "http_status": status,
        "error": error,
    }


def _fetch(call: Call) -> Subscription:
    id_ = call.body["subscription_id"]
    if is_example(id_):
        return {
            "id": id_,
            "organization_id": call.organisation,
            "event_type": "order.fulfilled",
            "endpoint_url": "https://example.com/hooks/geopera",
            "headers": {},
            "active": True,
            "created_at": "2024-01-15T00:02:41Z",
        }
    row = call.state.store.one(
        "SELECT body FROM records WHERE kind = 'subscription' AND id = ? AND organisation = ?",
        id_,
        call.organisation,
    )
    if row is None:
        raise not_found("subscription", id_)
    subscription: Subscription = json.loads(row["body"])
    return subscription


def _shown(subscription: Subscription) -> Subscription:
    return {key: value for key, value in subscription.items() if key != "secret"}


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise unprocessable("endpoint_url is not a URL.") from None
    if parts.scheme == "https" and host:
        return url
    if parts.scheme == "http" and deliveries.is_loopback(host):
        return url
    raise unprocessable("endpoint_url is an HTTPS URL (the sandbox also takes HTTP on a loopback address).")


def _check_headers(headers: dict[str, str] | None) -> dict[str, str]:
    for name, value in (headers or {}).items():
        low = name.lower()
        if low in _FORBIDDEN or low.startswith("x-geopera-"):
            raise unprocessable(f"The header {name!r} is set by the server.")
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise unprocessable(f"{name!r} is not the name of a header.")
        if not value.isascii() or not value.isprintable():
            raise unprocessable(f"The value of the header {name!r} is not printable ASCII.")
    return dict(headers or {})
