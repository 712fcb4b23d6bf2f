"""The live description: an OpenAPI 3.1 document made from the manifest, with an entity tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..wire.contract import Contract, Operation
from ..wire.problems import PROBLEM, dump
from .state import State

# In the API's own description, results without a schema are raw; these are the exceptions.
_RAW = frozenset({"catalog.search_stream", "event_subscriptions.list"})
_NOT_RAW = frozenset(
    {
        *("billing.topup", "catalog.collections.list", "catalog.hosts.list", "clip.create_from_item"),
        *("orders.archive.place", "orders.tasking.place", "processing.create"),
        *("processing.create_and_dispatch", "uploads.complete"),
    }
)


def document(contract: Contract) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a manifest, with one path that is not an operation."""
    paths: dict[str, Any] = {
        "/healthz": {
            "get": {"operationId": "healthz", "security": [], "responses": {"200": {"description": "Alive"}}}
        }
    }
    for id_ in sorted(contract.operations):
        paths[f"/v1/op/{id_}"] = {"post": _operation(contract.operations[id_], contract)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Geopera API", "version": contract.api_version},
        "paths": paths,
        "components": {
            "schemas": {name: _moved(schema) for name, schema in contract.schemas.items()},
            "securitySchemes": {
                "HTTPBearer": {"type": "http", "scheme": "bearer"},
                "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
        "security": [{"bearerAuth": []}],
    }


def rendered(state: State) -> tuple[bytes, str]:
    """The bytes to serve and their entity tag. A test may replace the document."""
    source = state.openapi
    cached = state.openapi_cache
    if cached is not None and cached[0] is source:
        data = cached[1]
    else:
        made: Any = source
        if callable(source):
            made = source(document(state.contract))
        elif source is None:
            made = document(state.contract)
        data = made if isinstance(made, bytes) else dump(made)
        if not callable(source):
            state.openapi_cache = (source, data)
    return data, '"' + hashlib.sha256(data).hexdigest()[:32] + '"'


def _operation(operation: Operation, contract: Contract) -> dict[str, Any]:
    entry = operation.entry
    parameters: list[dict[str, Any]] = [
        {
            "name": "x-api-key",
            "in": "header",
            "required": False,
            "schema": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        }
    ]
    if operation.id == "billing.topup":
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}}
        )
    output: Mapping[str, Any] = {} if operation.streaming else operation.output
    responses: dict[str, Any] = {
        str(operation.status): {
            "description": "Success",
            "content": {operation.media_type: {"schema": _moved(output)}},
        }
    }
    for status, name in (entry.get("errors") or {}).items():
        kind = "application/json" if name == "HTTPValidationError" else PROBLEM
        responses[status] = {
            "description": "Error",
            "content": {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if "Problem" in contract.schemas:
        # The official description omits these: violated domain rules, and all other errors.
        if "422" in responses:
            responses["422"]["content"].setdefault(PROBLEM, problem)
        responses["default"] = {"description": "Error", "content": {PROBLEM: problem}}
    made: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.id.split(".")[0]],
        "parameters": parameters,
        "requestBody": {
            "required": operation.body_required,
            "content": {"application/json": {"schema": _moved(operation.input)}},
        },
        "responses": responses,
        "security": [{"HTTPBearer": []}, *([{}] if operation.public else [])],
        "x-required-scope": operation.scope,
        "x-side-effect": operation.side_effect,
        "x-raw-response": bool(entry.get("raw_response", _is_raw(operation))),
        "x-output-media-type": operation.media_type,
        "x-produces": list(entry.get("produces") or ()),
        "x-public": operation.public,
    }
    if entry.get("summary"):
        made["summary"] = entry["summary"]
    return made


def _is_raw(operation: Operation) -> bool:
    return operation.id in _RAW or (not operation.output and operation.id not in _NOT_RAW)


def _moved(schema: Any) -> Any:
    """The same schema with references to the components."""
    if isinstance(schema, Mapping):
        return {
            key: "#/components/schemas/" + value.rsplit("/", 1)[-1]
            if key == "$ref" and isinstance(value, str)
            else _moved(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_moved(one) for one in schema]
    return schema
