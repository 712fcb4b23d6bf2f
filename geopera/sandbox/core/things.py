"""Objects that operations make and name by an id: rules, formulas, uploads, links, …

Every made object is stored; reading, changing or deleting one by an unknown id is 404. The records of synthetic lists
and the reserved ids of examples count as made.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..wire.problems import not_found
from .registry import Call, is_example
from .state import new_id

# The kind of object that an operation makes.
_MAKERS = {
    "alerts.create_rule": "rule",
    "api_keys.create": "key",
    "band_formulas.create": "formula",
    "billing.approvals.request": "approval",
    "collections.create": "collection",
    "organizations.create": "organization",
    "orders.tasking.templates.save": "template",
    "payment_methods.attach": "payment_method_row",
    "processing.job.register": "registration",
    "share.link.create": "link",
    "uploads.initiate": "upload",
    "visualization.profile.create": "profile",
    "items.duplicate": "item",
}
_IDS = {"orderId": "order", "target_project_id": "project"}
_IDS |= {"target_item_id": "item", "target_collection_id": "collection", "image_id": "scene"}
_IDS |= {"dataProductId": "data_product", "acceptedOptionId": "option"}
# Chosen by the caller rather than made by the API, or checked elsewhere.
_FREE = frozenset(
    {
        "organization_id",
        "entity_id",
        "target_id",
        "payment_method_id",
        "admin_user_id",
        "billing_admin_id",
        "user_id",
    }
)
_NAMED = {"collection_name", "data_product_name", "provider_name"}
_MADE_UP = re.compile(r"(?a:(\w+)-(\d{3}))")
_SEEDED = frozenset({"example-collection", "project-harbour"})
SYNTHETIC = 57  # records of a synthetic list


def check_ids(call: Call) -> None:
    """Raises a 404 problem for the first unknown id of the body."""
    makes = _MAKERS.get(call.operation.id)
    for name, value in call.body.items():
        kind = _kind(name)
        if kind is None or not isinstance(value, str) or kind == makes == "registration":
            continue
        if not _exists(call, kind, value):
            raise not_found(kind.replace("_", " "), value)
    entity, id_ = call.body.get("entity_type"), call.body.get("entity_id")
    if isinstance(entity, str) and isinstance(id_, str) and not _exists(call, entity, id_):
        raise not_found(entity[:60], id_)


def remember(call: Call, value: Any) -> Any:
    """Store the object that an operation made, changed or deleted. Returns its response."""
    if not isinstance(value, dict):
        return value
    makes = _MAKERS.get(call.operation.id)
    if makes is not None:
        inner = next((one for one in value.values() if isinstance(one, dict) and "id" in one), value)
        thing = value if "id" in value else inner
        thing["id"] = new_id(makes)
        _write(call, makes, thing["id"], {**call.body, **thing})
        return value
    if call.operation.side_effect == "destructive":
        for kind, id_ in _given(call)[-1:]:
            call.state.store.run(
                "DELETE FROM records WHERE kind = ? AND id = ? AND organisation = ?",
                kind,
                id_,
                call.organisation,
            )
        return value
    for kind, id_ in _given(call)[:1] if call.operation.side_effect == "read" else _given(call)[-1:]:
        known = _read(call, kind, id_)
        if known is not None and call.operation.side_effect != "read":
            known |= {key: one for key, one in call.body.items() if one is not None}
            _write(call, kind, id_, known)
        if known is not None and kind not in ("item", "project"):
            merged = {
                **value,
                **{key: one for key, one in known.items() if key in value or not call.operation.output},
            }
            return value if call.operation.output_error(merged) else merged
    return value


def made(call: Call, kind: str) -> list[dict[str, Any]]:
    """The objects of a kind that the organisation made, newest first."""
    rows = call.state.store.all(
        "SELECT body FROM records WHERE kind = ? AND organisation = ? ORDER BY seq DESC",
        kind,
        call.organisation,
    )
    return [json.loads(row["body"]) for row in rows]


def _kind(name: str) -> str | None:
    if name in _FREE:
        return None
    if name in _IDS:
        return _IDS[name]
    if name in _NAMED:
        return name.removesuffix("_name")
    return name.removesuffix("_id") if name.endswith("_id") else None


def _given(call: Call) -> list[tuple[str, str]]:
    """The kinds and ids of a body; the subject of the operation comes last."""
    pairs = [(_kind(name), value) for name, value in call.body.items() if isinstance(value, str)]
    found = [(kind, value) for kind, value in pairs if kind is not None]
    family = call.operation.id.split(".")[0]
    order = {"project": 0, "item": 1, family.removesuffix("s"): 3}
    return sorted(found, key=lambda pair: order.get(pair[0], 2))


def _exists(call: Call, kind: str, id_: str) -> bool:
    if is_example(id_) or id_ in _SEEDED or not id_:
        return bool(id_)
    if kind in ("scene", "item") and id_ in call.state.catalogue.by_id:
        return True
    if kind in ("order", "job", "clip") and call.state.store.one(
        "SELECT 1 FROM work WHERE id = ? AND organisation = ?", id_, call.organisation
    ):
        return True
    found = _MADE_UP.fullmatch(id_)
    if found and f"_{found[1]}".endswith(f"_{kind}") and int(found[2]) < SYNTHETIC:
        return True
    if kind in ("asset", "process"):
        return True  # named by their item, or a word rather than an id
    return _read(call, kind, id_) is not None or (
        kind == "project" and _read(call, kind, f"{id_}@{call.organisation}") is not None
    )


def _read(call: Call, kind: str, id_: str) -> dict[str, Any] | None:
    row = call.state.store.one(
        "SELECT body FROM records WHERE kind = ? AND id = ? AND organisation = ?",
        kind,
        id_,
        call.organisation,
    )
    if row is None:
        return None
    body: dict[str, Any] = json.loads(row["body"])
    return body


def _write(call: Call, kind: str, id_: str, body: dict[str, Any]) -> None:
    call.state.store.run(
        "INSERT INTO records (kind, id, organisation, parent, body, created) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
        kind,
        id_,
        call.organisation,
        body.get("project_id") if kind == "item" else None,
        json.dumps(body),
        call.now,
    )
