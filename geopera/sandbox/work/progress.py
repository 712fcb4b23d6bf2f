"""Orders and jobs in the store: accept, read, list, cancel. They differ in the names of their states."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..catalogue.scenes import stamp_of
from ..core.records import listing, window
from ..core.registry import Call
from ..core.state import new_id
from ..wire.problems import ProblemError, not_found, unprocessable
from .ledger import PRICES, move
from .states import ENDS, Timeline, cancelled, changed_at, course, state_at

_PREFIX = {"order": "ord", "processing": "job", "clip": "clip"}


def accept(
    call: Call,
    family: str,
    kind: str,
    body: dict[str, Any],
    *,
    units: int = 1,
    fails: bool = False,
    project: str | None = None,
    tags: list[str] | None = None,
) -> sqlite3.Row:
    """Debit the price and stores the work. Raises a 402 problem if the balance is too low."""
    state, now = call.state, call.now
    credits = PRICES[kind] * units
    id_ = new_id(_PREFIX[family])
    move(state.store, call.organisation, -credits, family, id_, now)
    timeline = course(family, now, speed=state.settings.speed, fails=fails)
    state.store.run(
        "INSERT INTO work (id, organisation, family, kind, project, body, credits, created, timeline, tags,"
        " next_event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id_,
        call.organisation,
        family,
        kind,
        project,
        json.dumps(body),
        credits,
        now,
        json.dumps(timeline),
        None if tags is None else json.dumps(tags),
        now,
    )
    state.wake()
    row = state.store.one("SELECT * FROM work WHERE id = ?", id_)
    if row is None:
        raise RuntimeError("the work that was just written is not there")
    return row


def fetch(call: Call, id_: str, families: Iterable[str], what: str) -> sqlite3.Row:
    """The row of an order or job of the caller's organisation. Raises a 404 problem."""
    row = call.state.store.one("SELECT * FROM work WHERE id = ? AND organisation = ?", id_, call.organisation)
    if row is None or row["family"] not in families:
        raise not_found(what, id_)
    return row


def timeline_of(row: sqlite3.Row) -> Timeline:
    """The states of a row and when they begin."""
    return [(state, begins) for state, begins in json.loads(row["timeline"])]


def status_of(row: sqlite3.Row, now: float) -> str:
    """The state of a row at a time."""
    return state_at(timeline_of(row), now)


def stop(call: Call, row: sqlite3.Row) -> str:
    """Cancel, refunds and returns the state. Raises a 409 problem if the work ended in another state."""
    timeline = timeline_of(row)
    status = state_at(timeline, call.now)
    if status == "cancelled":
        return status
    if status in ENDS:
        raise ProblemError(409, f"It cannot be cancelled any more: it is {status}.", current_status=status)
    store = call.state.store
    store.run(
        "UPDATE work SET timeline = ?, next_event = ? WHERE id = ?",
        json.dumps(cancelled(timeline, call.now)),
        call.now,
        row["id"],
    )
    move(store, call.organisation, row["credits"], "refund", row["id"], call.now)
    call.state.wake()
    return "cancelled"


def describe(row: sqlite3.Row, now: float) -> dict[str, Any]:
    """An order or job as the API represents it at a time."""
    timeline = timeline_of(row)
    status = state_at(timeline, now)
    body = json.loads(row["body"])
    seen: dict[str, Any] = {
        "id": row["id"],
        "status": status,
        "type": row["kind"],
        "organization_id": row["organisation"],
        "credits": row["credits"],
        "created_at": stamp_of(row["created"]),
        "updated_at": stamp_of(changed_at(timeline, now)),
        "history": [{"status": word, "at": stamp_of(at)} for word, at in timeline if at <= now],
    }
    if row["family"] == "order":
        return seen | _order(row, body, status)
    return seen | _job(row, body, status)


def page(
    call: Call,
    family: str,
    name: str,
    only: Mapping[str, Sequence[str]],
    keep: Callable[[sqlite3.Row], bool] | None = None,
) -> Any:
    """A page of orders or jobs, newest first unless the body's `sort` ends in `,asc`.

    Args:
        call: The call of a list operation.
        family: What kind of work.
        name: The member of the response that holds the records.
        only: Columns and their accepted values; no value means any.
        keep: A test that the store cannot make, such as one of the status.
    """
    where, values = "organisation = ? AND family = ?", [call.organisation, family]
    for column, wanted in only.items():
        if wanted:
            where += f" AND {column} IN ({', '.join('?' * len(wanted))})"
            values += wanted
    down = "ASC" if str(call.body.get("sort", "")).lower().endswith(",asc") else "DESC"
    rows = f"FROM work WHERE {where}"
    start, size = window(call)
    store = call.state.store
    if keep is not None:
        kept = [row for row in store.all(f"SELECT * {rows} ORDER BY seq {down}", *values) if keep(row)]
        total, found = len(kept), kept[start : start + size]
    else:
        total = store.count(f"SELECT COUNT(*) {rows}", *values)
        found = store.all(f"SELECT * {rows} ORDER BY seq {down} LIMIT ? OFFSET ?", *values, size, start)
    return listing(call, name, [describe(row, call.now) for row in found], total)


def words(value: object) -> list[str]:
    """The words of a comma-separated field; empty if the field is missing."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else []


def texts(value: object, name: str, *, at_least: int = 1) -> list[str]:
    """A list of strings of an open body. Raises a 422 problem."""
    if not isinstance(value, list) or len(value) < at_least or not all(isinstance(one, str) for one in value):
        raise unprocessable(f"{name} is a list of strings, with at least {at_least}.")
    return value


def check_items(call: Call, ids: Iterable[str], collection: str | None = None) -> bool:
    """Check item ids against the catalogue and the organisation's items; returns whether the work fails.

    An id with "fail" in it always exists, and makes the work end in `failed`. Raises a 422 problem for
    an unknown id, or one of another collection.
    """
    fails = False
    for id_ in ids:
        if "fail" in id_.lower():
            fails = True
            continue
        scene = call.state.catalogue.by_id.get(id_)
        if scene is not None:
            if collection is not None and scene.collection.id != collection:
                raise unprocessable(f"Item {id_!r} is not in the collection {collection!r}.")
            continue
        if id_.startswith("example") or call.state.store.one(
            "SELECT 1 FROM records WHERE kind = 'item' AND id = ? AND organisation = ?",
            id_,
            call.organisation,
        ):
            continue
        raise unprocessable(f"Unknown item {id_!r}.")
    return fails


def _order(row: sqlite3.Row, body: dict[str, Any], status: str) -> dict[str, Any]:
    given = body.get("item_ids")  # open bodies may hold anything under this name
    item_ids = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    seen: dict[str, Any] = {
        "collection": body.get("collection"),
        "item_ids": item_ids,
        "delivery": body.get("delivery"),
        "display_name": body.get("displayName") or row["id"],
        "tags": json.loads(row["tags"]) if row["tags"] else [],
        "total_credits": row["credits"],
    }
    if status == "failed":
        seen["error"] = "The data could not be delivered."
    if status == "fulfilled":
        seen["assets"] = [
            {"item_id": id_, "asset_id": f"{row['id']}-{index}", "type": "image/tiff"}
            for index, id_ in enumerate(item_ids or ["capture"])
        ]
    return seen


def _job(row: sqlite3.Row, body: dict[str, Any], status: str) -> dict[str, Any]:
    seen: dict[str, Any] = {
        "job_type": body.get("job_type") or body.get("process_id") or row["kind"],
        "project_id": row["project"],
        "inputs": body["inputs"] if isinstance(body.get("inputs"), dict) else {},
        "progress": {"queued": 0, "running": 50}.get(status, 100),
        "error": "The process ended with an error." if status == "failed" else None,
    }
    if status == "succeeded":
        seen["outputs"] = [{"asset_id": f"{row['id']}-output", "type": "image/tiff"}]
    return seen
