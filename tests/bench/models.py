"""Building models, and importing with a larger manifest; run as a program by the benchmark."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def build_ours() -> float:
    """Seconds to build every model of the bundled manifest."""
    from geopera.manifest import bundled

    manifest = bundled()
    import geopera.schema  # noqa: F401 - the import is not what is measured

    registry = manifest.registry
    started = time.perf_counter()
    for name in registry.names():
        registry.model(name)
    return time.perf_counter() - started


def build_theirs(path: str) -> float:
    """Seconds that json-schema-to-pydantic needs for the same schemas, each as a document of its own.

    A schema that it cannot build counts with the time it took to find that out.
    """
    from contextlib import suppress

    from json_schema_to_pydantic import create_model

    schemas = json.loads(Path(path).read_text())
    started = time.perf_counter()
    for schema in schemas:
        with suppress(Exception):
            create_model(schema)
    return time.perf_counter() - started


def documents(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The object schemas of a manifest, each with the definitions it needs inside it."""

    def rewritten(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: item.replace("#/schemas/", "#/$defs/") if key == "$ref" else rewritten(item)
                for key, item in value.items()
            }
        return [rewritten(item) for item in value] if isinstance(value, list) else value

    def references(value: Any, found: set[str]) -> set[str]:
        text = json.dumps(value)
        for key in schemas:
            if f'"#/$defs/{key}"' in text and key not in found:
                found.add(key)
                references(schemas[key], found)
        return found

    schemas = {key: rewritten(schema) for key, schema in manifest["schemas"].items()}
    return [
        {"title": key, **schema, "$defs": {name: schemas[name] for name in sorted(references(schema, set()))}}
        for key, schema in sorted(schemas.items())
        if schema.get("type") == "object" and schema.get("properties")
    ]


def enlarged(manifest: dict[str, Any], times: int) -> dict[str, Any]:
    """A manifest of `times` as many operations and schemas."""
    larger = {**manifest, "operations": dict(manifest["operations"]), "schemas": dict(manifest["schemas"])}
    for number in range(1, times):
        for id, operation in manifest["operations"].items():
            larger["operations"][f"copy{number}.{id}"] = operation
        for key, schema in manifest["schemas"].items():
            larger["schemas"][f"Copy{number}{key}"] = schema
    return larger


if __name__ == "__main__":
    print(build_theirs(sys.argv[2]) if sys.argv[1] == "theirs" else build_ours())
