"""An API that has moved on: a new resource, a new field, a changed and a removed operation."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from geopera.manifest import bundled

NEW = "weather.forecast.get"
NEW_SPENDING = "weather.report.order"
REMOVED = "glossary.providers.list"


def changed_manifest(before: dict[str, Any] | None = None) -> dict[str, Any]:
    """A manifest, the bundled one by default, some weeks later."""
    document = bundled().to_dict() if before is None else deepcopy(before)
    operations, schemas = document["operations"], document["schemas"]
    del operations[REMOVED]
    like = {**operations["orders.get"], "polling": None, "output": {"$ref": "#/schemas/ForecastGetOutput"}}
    operations[NEW] = {
        **like,
        "input": {"$ref": "#/schemas/ForecastGetInput"},
        "scope": "catalog:read",
        "summary": "Get the cloud forecast for a place",
    }
    operations[NEW_SPENDING] = {
        **like,
        "input": {"$ref": "#/schemas/ForecastGetInput"},
        "summary": "Order a weather report",
        "side_effect": None,
    }
    schemas["ForecastGetInput"] = {
        "type": "object",
        "properties": {
            "place": {"type": "string", "minLength": 2},
            "days": {"type": "integer", "minimum": 1, "maximum": 14, "default": 3},
        },
        "required": ["place"],
    }
    schemas["ForecastGetOutput"] = {
        "type": "object",
        "properties": {"clouds": {"type": "array", "items": {"type": "number"}}},
        "required": ["clouds"],
    }
    schemas["CatalogSearchInput"]["properties"]["season"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    document["operations"] = dict(sorted(operations.items()))
    document["schemas"] = dict(sorted(schemas.items()))
    return document


def openapi(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest as the OpenAPI document of a server that says little: ids, schemas and scopes."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            result = {key: moved(item) for key, item in value.items()}
            if isinstance(ref := value.get("$ref"), str):
                result["$ref"] = ref.replace("#/schemas/", "#/components/schemas/")
            return result
        return [moved(item) for item in value] if isinstance(value, list) else value

    paths = {}
    for id, entry in document["operations"].items():
        output = {"content": {entry["media_type"]: {"schema": moved(entry["output"])}}}
        paths[f"/v1/op/{id}"] = {
            "post": {
                "operationId": id,
                "x-required-scope": entry["scope"],
                "requestBody": {
                    "required": entry["body_required"],
                    "content": {"application/json": {"schema": moved(entry["input"])}},
                },
                "responses": {str(entry["success_status"]): {"description": "", **output}},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Geopera API", "version": document["api_version"]},
        "paths": paths,
        "components": {"schemas": {key: moved(schema) for key, schema in document["schemas"].items()}},
    }
