"""The initial data of an organisation: an account, items in two projects, notifications."""

from __future__ import annotations

import json
import random
import zlib
from typing import Any

from ..catalogue.scenes import stamp_of
from ..wire.examples import AOI
from ..wire.store import Store

PROJECTS = ("example-project", "project-harbour")
COLLECTION = "example-collection"
ITEMS = 130
NOTIFICATIONS = 60
_DAY = 86_400.0
_FIRST = 1_704_067_200.0  # 2024-01-01T00:00:00Z


def plant(store: Store, organisation: str, credits: int, now: float) -> None:
    """Fill an organisation, once."""
    if store.one("SELECT 1 FROM accounts WHERE organisation = ?", organisation):
        return
    store.run("INSERT INTO accounts VALUES (?, ?, NULL, ?)", organisation, credits, now)
    store.run(
        "INSERT INTO ledger (id, organisation, amount, balance, reason, reference, created)"
        " VALUES (?, ?, ?, ?, 'grant', NULL, ?)",
        f"txn_grant_{organisation}",
        organisation,
        credits,
        credits,
        now,
    )
    rows = [_item(organisation, index) for index in range(ITEMS)]
    rows += [_notification(organisation, index, now) for index in range(NOTIFICATIONS)]
    rows += [_project(organisation, name, now) for name in PROJECTS]
    store.run_many(
        "INSERT INTO records (kind, id, organisation, parent, body, created) VALUES (?, ?, ?, ?, ?, ?)", rows
    )


def _row(
    kind: str, organisation: str, parent: str | None, body: dict[str, Any], created: float
) -> tuple[Any, ...]:
    # Ids are unique per kind over all organisations, so a record that every organisation has under the same name
    # has the organisation in its key.
    return kind, body["id"], organisation, parent, json.dumps(body), created


def _item(organisation: str, index: int) -> tuple[Any, ...]:
    dice = random.Random(f"{organisation}/{index}")
    west = round(AOI[0] + dice.uniform(-0.1, 0.1), 5)
    south = round(AOI[1] + dice.uniform(-0.1, 0.1), 5)
    east, north = round(west + 0.02, 5), round(south + 0.02, 5)
    when = _FIRST + index * 2.5 * _DAY
    body = {
        "id": f"item-{_tag(organisation)}-{index:04d}",
        "project_id": PROJECTS[0] if index % 4 else PROJECTS[1],
        "collection_id": COLLECTION if index % 3 else None,
        "stac_id": f"capture-{index:04d}",
        "type": "satellite_capture" if index % 5 else "clip",
        "name": f"Capture {index}",
        "created_at": stamp_of(when + 3600),
        "updated_at": stamp_of(when + 7200),
        "datetime": stamp_of(when),
        "cloud_cover": round(dice.uniform(0, 100), 1),
        "gsd": 10.0,
        "bbox": [west, south, east, north],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "properties": {"eo:cloud_cover": round(dice.uniform(0, 100), 1)},
        "lifecycle_state": "active",
    }
    return _row("item", organisation, str(body["project_id"]), body, when)


def _notification(organisation: str, index: int, now: float) -> tuple[Any, ...]:
    when = now - (NOTIFICATIONS - index) * 600.0
    body = {
        "id": f"note-{_tag(organisation)}-{index:04d}",
        "title": f"Notification {index}",
        "body": "Something happened in the sandbox.",
        "read": index % 2 == 0,
        "created_at": stamp_of(when),
    }
    return _row("notification", organisation, None, body, when)


def _project(organisation: str, name: str, now: float) -> tuple[Any, ...]:
    body = {
        "id": f"{name}@{organisation}",
        "project_id": name,
        "organization_id": organisation,
        "name": name,
        "created_at": stamp_of(now),
        "updated_at": stamp_of(now),
    }
    return _row("project", organisation, None, body, now)


def _tag(organisation: str) -> str:
    return f"{zlib.crc32(organisation.encode()):08x}"
