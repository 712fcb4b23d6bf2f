"""Small operations with state: notifications, projects, images by their scene, usage."""

from __future__ import annotations

import json
from typing import Any

from ..catalogue.scenes import stamp_of
from ..core.records import listing, window
from ..core.registry import Call, handles, is_example
from ..core.state import new_id
from ..wire.problems import not_found


@handles("notifications.list")
def notifications(call: Call) -> Any:
    found = _notifications(call)
    if call.body.get("unread_only"):
        found = [one for one in found if not one["read"]]
    start, size = window(call)
    return listing(call, "notifications", found[start : start + size], len(found))


@handles("notifications.unread_count")
def unread(call: Call) -> dict[str, int]:
    count = sum(not one["read"] for one in _notifications(call))
    return {"unread_count": count, "count": count}


@handles("notifications.mark_all_read")
def mark_all(call: Call) -> dict[str, int]:
    marked = [one for one in _notifications(call) if not one["read"]]
    for one in marked:
        _write(call, {**one, "read": True})
    return {"marked_count": len(marked)}


@handles("notifications.mark_read")
def mark(call: Call) -> dict[str, Any]:
    one = _notification(call)
    one["read"] = True
    if not is_example(one["id"]):
        _write(call, one)
    return one


@handles("notifications.dismiss")
def dismiss(call: Call) -> dict[str, Any]:
    one = _notification(call)
    if not is_example(one["id"]):
        call.state.store.run("DELETE FROM records WHERE kind = 'notification' AND id = ?", one["id"])
    return {**one, "dismissed": True}


@handles("projects.create")
def create_project(call: Call) -> dict[str, Any]:
    now = stamp_of(call.now)
    project = {
        "id": new_id("project"),
        "organization_id": call.organisation,
        "name": call.body["name"],
        "description": call.body.get("description"),
        "gcs_region": call.body.get("gcs_region") or "australia-southeast1",
        "is_archived": False,
        "created_at": now,
        "updated_at": now,
    }
    call.state.store.run(
        "INSERT INTO records (kind, id, organisation, parent, body, created) VALUES ('project', ?, ?, NULL, ?, ?)",
        project["id"],
        call.organisation,
        json.dumps(project),
        call.now,
    )
    return project


def _notifications(call: Call) -> list[dict[str, Any]]:
    rows = call.state.store.all(
        "SELECT body FROM records WHERE kind = 'notification' AND organisation = ? ORDER BY seq DESC",
        call.organisation,
    )
    return [json.loads(row["body"]) for row in rows]


def _notification(call: Call) -> dict[str, Any]:
    id_ = call.body["notification_id"]
    if is_example(id_):
        return {"id": id_, "title": "Example", "read": False}
    for one in _notifications(call):
        if one["id"] == id_:
            return one
    raise not_found("notification", id_)


def _write(call: Call, one: dict[str, Any]) -> None:
    call.state.store.run(
        "UPDATE records SET body = ? WHERE kind = 'notification' AND id = ?", json.dumps(one), one["id"]
    )
