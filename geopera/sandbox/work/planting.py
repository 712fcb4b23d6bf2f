"""Data of tests: credits, items, orders in a given state."""

from __future__ import annotations

import json
from typing import Any

from ..core.seeds import plant
from ..core.state import State, new_id
from ..wire.problems import unprocessable
from .ledger import move
from .states import course

_FAMILIES = {
    "archive": "order",
    "tasking": "order",
    "order": "order",
    "processing": "processing",
    "clip": "clip",
}


def seed(
    state: State,
    organisation: str,
    credits: int | None,
    items: list[dict[str, Any]],
    orders: list[dict[str, Any]],
    projects: list[str],
    empty: bool,
) -> dict[str, Any]:
    """Put data into an organisation; `empty` removes the existing data. Raises a 422 problem."""
    store, now = state.store, state.clock()
    with store.transaction():
        plant(store, organisation, state.settings.credits, now)
        if empty:
            for table in ("records", "work", "deliveries"):
                store.run(f"DELETE FROM {table} WHERE organisation = ?", organisation)
        if credits is not None:
            if isinstance(credits, bool) or not isinstance(credits, int) or credits < 0:
                raise unprocessable("credits is a whole number, zero or more.")
            have = store.count("SELECT balance FROM accounts WHERE organisation = ?", organisation)
            if credits != have:
                move(store, organisation, credits - have, "seed", None, now)
        for name in projects:
            body = {"id": name, "organization_id": organisation, "name": name}
            _record(state, "project", name, organisation, None, body)
        item_ids = [_item(state, organisation, item) for item in items]
        order_ids = [_order(state, organisation, order) for order in orders]
    state.wake()
    return {"items": item_ids, "orders": order_ids}


def _item(state: State, organisation: str, given: dict[str, Any]) -> str:
    item = {
        "id": new_id("item"),
        "project_id": "example-project",
        "type": "satellite_capture",
        "name": "Seeded",
        "created_at": "2024-01-15T00:02:41Z",
        "updated_at": "2024-01-15T00:02:41Z",
        "properties": {},
        "lifecycle_state": "active",
        **given,
    }
    item.setdefault("stac_id", item["id"])
    _record(state, "item", item["id"], organisation, item["project_id"], item)
    return str(item["id"])


def _order(state: State, organisation: str, given: dict[str, Any]) -> str:
    body = dict(given)
    id_, kind = body.pop("id", None) or new_id("ord"), body.pop("type", "archive")
    status = body.pop("status", None)
    if kind not in _FAMILIES:
        raise unprocessable(f"The type of an order is one of {', '.join(_FAMILIES)}.")
    now = state.clock()
    timeline = course(_FAMILIES[kind], now, speed=state.settings.speed)
    if status is not None:
        timeline = [(str(status), now)]
    state.store.run(
        "INSERT OR REPLACE INTO work (id, organisation, family, kind, project, body, credits, created, timeline,"
        " tags, next_event) VALUES (?, ?, ?, ?, NULL, ?, 0, ?, ?, NULL, ?)",
        id_,
        organisation,
        _FAMILIES[kind],
        kind,
        json.dumps(body),
        now,
        json.dumps(timeline),
        now,
    )
    return str(id_)


def _record(
    state: State, kind: str, id_: str, organisation: str, parent: str | None, body: dict[str, Any]
) -> None:
    state.store.run(
        "INSERT OR REPLACE INTO records (kind, id, organisation, parent, body, created) VALUES (?, ?, ?, ?, ?, ?)",
        kind,
        id_,
        organisation,
        parent,
        json.dumps(body),
        state.clock(),
    )
