"""Lists: the bounds of a page, the shape of the response, and synthetic records for lists without state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..wire.contract import Operation
from ..wire.examples import example
from ..wire.problems import unprocessable
from .registry import Call
from .state import new_id
from .things import SYNTHETIC, made

_LARGEST = 10_000
# Lists that respond with a bare array, so that clients meet both shapes.
_BARE = frozenset(
    {
        "alerts.events.list",
        "catalog.provider.samples",
        "eulas.documents.list",
        "glossary.providers.list",
        "orders.tasking.quotations.list",
    }
)


def window(call: Call) -> tuple[int, int]:
    """The offset of the requested page, and its size.

    Follows the fields of the operation's input: `limit`/`offset`, `page`/`size`, or `limit`/`page`
    (pages count from 0). Raises a 422 problem for a negative number.
    """
    fields = input_fields(call)
    size_name = "size" if "size" in fields and "limit" not in fields else "limit"
    # A page size without a limit in the schema is reduced, not refused, as the STAC API specification requires.
    size = min(_number(call, size_name, fields, 100), _LARGEST)
    if "offset" in fields:
        start = _number(call, "offset", fields, 0)
    elif "page" in fields:
        start = _number(call, "page", fields, 0) * size
    else:
        start = 0
    if size < 1 or not 0 <= start < 1 << 62:
        raise unprocessable(f"{size_name} is 1 or more, and a page or an offset is 0 or more.")
    return start, size


def listing(call: Call, name: str, records: Sequence[Any], total: int) -> Any:
    """The response of a list: an object with the records under the manifest's name for them, or `name`."""
    operation = call.operation
    if operation.id in _BARE and not operation.records:
        return list(records)
    start, size = window(call)
    result: dict[str, Any] = {operation.records or name: list(records), "total": total}
    fields = input_fields(call)
    if "offset" in fields:
        result |= {"limit": size, "offset": start}
    elif "size" in fields:
        result |= {"page": start // size, "size": size}
    elif "page" in fields:
        result |= {"page": start // size, "limit": size}
    return result


def synthetic(call: Call) -> Any:
    """A page of synthetic records, for a list operation without state."""
    name = plural(call.operation)
    start, size = window(call)
    total = SYNTHETIC if call.operation.convention or "page" in input_fields(call) else 3
    stem = name[:-1] if name.endswith("s") else name
    own = made(call, stem.rsplit("_", 1)[-1])
    rows = [
        *own,
        *(
            {"id": f"{stem}-{index:03d}", "name": f"{stem.replace('_', ' ')} {index}", "index": index}
            for index in range(total)
        ),
    ]
    return listing(call, name, rows[start : start + size], len(rows))


def is_list(operation: Operation) -> bool:
    """Whether an operation reads like a list."""
    last = operation.id.rsplit(".", 1)[-1]
    words = ("list", "pending", "sensors", "samples", "groups")
    return operation.side_effect == "read" and (
        operation.convention is not None or last.startswith("list") or last.endswith("_list") or last in words
    )


def generic(call: Call) -> Any:
    """A response for any operation: made from the output schema, or a small object without one."""
    operation = call.operation
    schema, schemas = operation.output, call.state.contract.schemas
    if not _typed(schema, schemas):
        if is_list(operation):
            return synthetic(call)
        result: dict[str, Any] = {
            "id": _given_id(call.body) or "example",
            "ok": True,
            "operation": operation.id,
        }
        if operation.side_effect != "read":
            result["reference"] = new_id("ref")
        return result
    value = example(schema, schemas, full=True)
    if isinstance(value, dict):
        if "organization_id" in value:
            value["organization_id"] = call.organisation
        for key, given in call.body.items():
            # The fields of the request are echoed where the schema allows it.
            if (
                key in value
                and isinstance(given, type(value[key]))
                and not operation.output_error({**value, key: given})
            ):
                value[key] = given
    return value


def input_fields(call: Call) -> dict[str, Any]:
    """The fields of the operation's input schema."""
    return fields_of(call.operation.input, call.state.contract.schemas)


def fields_of(schema: dict[str, Any], schemas: Any) -> dict[str, Any]:
    """The properties of an object schema, behind one reference."""
    if "$ref" in schema:
        schema = schemas.get(schema["$ref"].rsplit("/", 1)[-1], {})
    found: dict[str, Any] = schema.get("properties") or {}
    return found


def plural(operation: Operation) -> str:
    """A name for the records of a list, from its id: `billing.plans.list` holds `plans`."""
    parts = operation.id.split(".")
    if parts[-1] in ("list", "pending", "list_pending") and len(parts) > 1:
        return parts[-2]
    word = parts[-1]
    for prefix in ("list_", "search_"):
        word = word.removeprefix(prefix)
    return word.removesuffix("_list")


def _typed(schema: dict[str, Any], schemas: Any) -> bool:
    if "$ref" in schema:
        schema = schemas.get(schema["$ref"].rsplit("/", 1)[-1], {})
    return bool(schema.get("properties") or schema.get("items") or schema.get("enum")) or schema.get(
        "type"
    ) not in (
        None,
        "object",
    )


def _given_id(body: dict[str, Any]) -> str | None:
    for name, value in body.items():
        if name.endswith("_id") and isinstance(value, str) and name not in ("organization_id", "project_id"):
            return value
    return None


def _number(call: Call, name: str, fields: dict[str, Any], default: int) -> int:
    value = call.body.get(name)
    if value is None:
        value = fields.get(name, {}).get("default", default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 5.0 is an integer in JSON Schema
    if not isinstance(value, int) or isinstance(value, bool):
        raise unprocessable(f"{name} is a whole number.")
    return value
