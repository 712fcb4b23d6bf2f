"""Webhook deliveries: the events, the subscriptions that match them, and the worker that sends them.

A delivery is a signed POST to a loopback address; any 2xx acknowledges it. The worker makes up to `ATTEMPTS` attempts
with the same event id. Pending deliveries are stored, so that a restart continues them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import logging
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..catalogue.scenes import stamp_of
from ..core.state import State
from ..wire.problems import dump
from .progress import describe, timeline_of

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger("geopera.sandbox")
_EVENTS = {"order": "order", "processing": "processing.job", "clip": "clip.job"}
_SPACE = uuid.UUID("8d9f3a52-6b1e-4f0c-9c77-3f1f5d0b2a11")
ATTEMPTS = 5
_PAUSE = 1.0  # seconds before the second attempt at speed 1; doubles each time
_TIMEOUT = 5.0
_BATCH = 100


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means this machine."""
    if not host:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_deliver(url: str) -> bool:
    """Whether an endpoint is on this machine. The sandbox sends nothing to other machines."""
    try:
        return is_loopback(urlsplit(url).hostname)
    except ValueError:
        return False


def sample(subscription: dict[str, Any], now: float) -> dict[str, Any]:
    """The event of a test delivery."""
    kind = subscription["event_type"]
    return {
        "event_id": f"evt_{uuid.uuid4().hex}",
        "event_type": kind if "*" not in kind else "order.fulfilled",
        "timestamp": stamp_of(now),
        "organization_id": subscription["organization_id"],
        "entity_type": "order" if kind.startswith("order") else "processing_job",
        "entity_id": "example",
        "data": {"id": "example", "test": True},
    }


def headers_of(
    subscription: dict[str, Any], event_id: str, event_type: str, payload: bytes
) -> dict[str, str]:
    """The headers of one attempt, signed."""
    signature = hmac.new(subscription["secret"].encode(), payload, hashlib.sha256).hexdigest()
    return {
        **(subscription.get("headers") or {}),
        "Content-Type": "application/json",
        "User-Agent": "geopera-sandbox",
        "X-Geopera-Signature": f"sha256={signature}",
        "X-Geopera-Event": event_type,
        "X-Geopera-Event-ID": event_id,
        "X-Geopera-Delivery-ID": f"dlv_{uuid.uuid4().hex}",
    }


async def send(subscription: dict[str, Any], event: dict[str, Any]) -> tuple[int | None, str | None]:
    """Make one attempt with a client of its own; returns the status, or the error."""
    async with _client() as client:
        return await _post(client, subscription, event["event_id"], event["event_type"], dump(event))


class Worker:
    """Creates deliveries from changes of state, and sends the ones that are due."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None  # made for the first delivery

    def start(self) -> None:
        """Start the worker in the running event loop."""
        self._state.wake = self._wake.set
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop the worker. Pending deliveries stay in the store."""
        self._state.wake = lambda: None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _run(self) -> None:
        while True:
            try:
                pause = await self._round()
            except Exception:  # noqa: BLE001 (one bad row must not end the worker)
                _log.exception("a delivery of webhooks failed")
                pause = 1.0
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
                # A burst of orders wakes the worker once per order; this batches them.
                await asyncio.sleep(0.01)
            except TimeoutError:
                pass

    async def _round(self) -> float:
        store, now = self._state.store, self._state.clock()
        if not store.one("SELECT 1 FROM records WHERE kind = 'subscription'") and not store.one(
            "SELECT 1 FROM deliveries WHERE next_attempt IS NOT NULL"
        ):
            return 60.0  # a new subscription wakes the worker
        due = store.all("SELECT * FROM work WHERE next_event <= ? ORDER BY next_event LIMIT ?", now, _BATCH)
        if due:
            with store.transaction():
                subscriptions = _subscriptions(
                    store.all("SELECT body FROM records WHERE kind = 'subscription'")
                )
                for row in due:
                    self._note(row, now, subscriptions)
        attempts = store.all(
            "SELECT * FROM deliveries WHERE next_attempt <= ? ORDER BY next_attempt, seq LIMIT ?", now, _BATCH
        )
        if attempts:
            if self._client is None:
                self._client = _client()
            queues: dict[str, list[sqlite3.Row]] = {}
            for row in attempts:
                queues.setdefault(row["subscription"], []).append(row)
            await asyncio.gather(*(self._in_order(self._client, rows) for rows in queues.values()))
        if due or attempts:
            return 0.0
        soonest = store.one(
            "SELECT MIN(at) AS at FROM (SELECT MIN(next_event) AS at FROM work"
            " UNION ALL SELECT MIN(next_attempt) FROM deliveries)"
        )
        if soonest is None or soonest["at"] is None:
            return 60.0
        return min(60.0, max(0.005, float(soonest["at"]) - self._state.clock()))

    def _note(self, row: sqlite3.Row, now: float, subscriptions: list[dict[str, Any]]) -> None:
        store, timeline = self._state.store, timeline_of(row)
        reported = row["reported"]
        while reported < len(timeline) and timeline[reported][1] <= now:
            status, at = timeline[reported]
            event_type = f"{_EVENTS[row['family']]}.{status}"
            wanted = [one for one in subscriptions if _wants(one, row, event_type, at)]
            if wanted:
                event = self._event(row, event_type, status, at)
                wanted = [one for one in wanted if _passes(one, event["data"])]
            for subscription in wanted:
                sendable = may_deliver(subscription["endpoint_url"])
                store.run(
                    "INSERT OR IGNORE INTO deliveries (subscription, organisation, event_id, event_type,"
                    " payload, state, next_attempt, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    subscription["id"],
                    row["organisation"],
                    event["event_id"],
                    event_type,
                    dump(event),
                    "pending" if sendable else "skipped",
                    now if sendable else None,
                    None if sendable else "not a loopback address",
                )
            reported += 1
        following = timeline[reported][1] if reported < len(timeline) else None
        store.run("UPDATE work SET reported = ?, next_event = ? WHERE id = ?", reported, following, row["id"])

    def _event(self, row: sqlite3.Row, event_type: str, status: str, at: float) -> dict[str, Any]:
        return {
            "event_id": f"evt_{uuid.uuid5(_SPACE, row['id'] + ':' + status).hex}",
            "event_type": event_type,
            "timestamp": stamp_of(at),
            "organization_id": row["organisation"],
            "entity_type": "order" if row["family"] == "order" else "processing_job",
            "entity_id": row["id"],
            "data": describe(row, at),
        }

    async def _in_order(self, client: httpx.AsyncClient, rows: list[sqlite3.Row]) -> None:
        for row in rows:
            await self._attempt(client, row)

    async def _attempt(self, client: httpx.AsyncClient, row: sqlite3.Row) -> None:
        store = self._state.store
        found = store.one(
            "SELECT body FROM records WHERE kind = 'subscription' AND id = ?", row["subscription"]
        )
        status: int | None = None
        error: str | None = "the subscription was deleted"
        attempts = row["attempts"] + 1
        if found is not None:
            subscription = json.loads(found["body"])
            payload = bytes(row["payload"])
            if may_deliver(subscription["endpoint_url"]):
                status, error = await _post(client, subscription, row["event_id"], row["event_type"], payload)
            else:
                attempts, error = ATTEMPTS, "not a loopback address"
        else:
            attempts = ATTEMPTS
        good = status is not None and 200 <= status < 300
        again = None
        if not good and attempts < ATTEMPTS:
            pause = _PAUSE * 2 ** (attempts - 1) / self._state.settings.speed
            again = self._state.clock() + max(0.05, pause)
        store.run(
            "UPDATE deliveries SET state = ?, attempts = ?, next_attempt = ?, http_status = ?, error = ?"
            " WHERE seq = ? AND state = 'pending'",
            "delivered" if good else "pending" if again else "failed",
            attempts,
            again,
            status,
            error,
            row["seq"],
        )


def _client() -> httpx.AsyncClient:
    import httpx

    return httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)


async def _post(
    client: httpx.AsyncClient, subscription: dict[str, Any], event_id: str, event_type: str, payload: bytes
) -> tuple[int | None, str | None]:
    import httpx

    try:
        headers = headers_of(subscription, event_id, event_type, payload)
        response = await client.post(subscription["endpoint_url"], content=payload, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        return None, f"{type(problem).__name__}: {problem}"[:300]
    if response.is_success:
        return response.status_code, None
    return response.status_code, f"the endpoint responded with {response.status_code}"


def _subscriptions(rows: list[sqlite3.Row]) -> list[dict[str, Any]]:
    return [json.loads(row["body"]) for row in rows]


def _wants(subscription: dict[str, Any], row: sqlite3.Row, event_type: str, at: float) -> bool:
    if not subscription["active"] or subscription["organization_id"] != row["organisation"]:
        return False
    kind: str = subscription["event_type"]
    if kind not in (event_type, "*") and not (kind.endswith(".*") and event_type.startswith(kind[:-1])):
        return False
    return stamp_of(at) >= str(subscription["created_at"])


def _passes(subscription: dict[str, Any], data: dict[str, Any]) -> bool:
    for name, wanted in (subscription.get("filter_config") or {}).items():
        have = data.get(name, (data.get("inputs") or {}).get(name))
        if have != wanted and not (isinstance(wanted, list) and have in wanted):
            return False
    return True
