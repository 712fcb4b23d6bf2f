"""What schemas that refer to each other cost; run as a program by the benchmark, since memory is a process's.

``python -m tests.bench.schemas circle 400`` prints the seconds of CPU time and the megabytes that it takes to build an
adapter and validate one value.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


def circle(size: int) -> tuple[Any, Any]:
    """`size` objects of twelve fields and two references each, all in one circle."""
    fields = {f"f{number}": {"type": "string"} for number in range(12)}
    definitions = {
        f"N{number}": {
            "type": "object",
            "properties": {
                **fields,
                "next": {"$ref": f"#/$defs/N{(number + 1) % size}"},
                "other": {"$ref": f"#/$defs/N{(number * 7 + 3) % size}"},
            },
        }
        for number in range(size)
    }
    return {"$ref": "#/$defs/N0", "$defs": definitions}, {"f1": "a", "next": {"other": {"f2": "b"}}}


def settings(size: int) -> tuple[Any, Any]:
    """A file of settings in which `size` sections may hold all settings again, as Renovate's may."""
    again = {"type": "object", "$ref": "#", "description": "Settings of a part. " * 20, "default": {}}
    properties: dict[str, Any] = {f"section{number}": again for number in range(size)}
    for number in range(size):
        properties[f"setting{number}"] = {"type": ["string", "null"], "description": "A setting. " * 10}
    return {"type": "object", "properties": properties}, {"section1": {"section2": {"setting3": None}}}


def grammar(size: int) -> tuple[Any, Any]:
    """Unions of unions whose members overlap, and a value of depth `size` that each member could begin."""
    properties = {"l": {"$ref": "#/$defs/T"}}
    members = [
        {"type": "object", "properties": {**properties, "q": {}}, "required": ["l", "q"]},
        {"type": "object", "properties": {**properties, "l2": properties["l"]}, "required": ["l"]},
        {"type": "object", "properties": {**properties, "q": {"type": "null"}}, "required": ["l"]},
        {"const": 1},
    ]
    value: Any = 1
    for _ in range(size):
        value = {"l": value}
    return {"$ref": "#/$defs/T", "$defs": {"T": {"anyOf": members}}}, value


def health(size: int) -> tuple[Any, Any]:
    """`size` data types and records that all have extensions, which hold a value of any of the types, as FHIR's do."""
    element = {"$ref": "#/definitions/Element"}
    texts = {
        f"text{n}": {"type": "string", "pattern": r"^[ \r\n\t\S]+$", "description": "."} for n in range(9)
    }
    fields = {**texts, **{f"_{name}": element for name in texts}, "kind": {"enum": ["a", "b", "c"]}}
    extension = {"type": "array", "items": {"$ref": "#/definitions/Extension"}}
    definitions: dict[str, Any] = {
        f"Type{n}": {
            "type": "object",
            "properties": {
                "id": {"$ref": "#/definitions/text"},
                "extension": extension,
                **fields,
                "other": {"$ref": f"#/definitions/Type{(n * 7 + 3) % size}"},
            },
            "additionalProperties": False,
        }
        for n in range(size)
    }
    values = {f"value{name}": {"$ref": f"#/definitions/{name}"} for name in definitions}
    definitions["text"] = {"type": "string"}
    for name, own in (("Element", {}), ("Extension", values)):
        properties = {"id": {"$ref": "#/definitions/text"}, "extension": extension, **own}
        definitions[name] = {"type": "object", "properties": properties, "additionalProperties": False}
    schema = {
        "$schema": "http://json-schema.org/draft-06/schema#",
        "definitions": definitions,
        "$ref": "#/definitions/Type0",
    }
    return schema, {"text1": "a", "extension": [{"valueType3": {"_text2": {"id": "b"}}}]}


def manifest(size: int) -> tuple[Any, Any]:
    """A manifest of one operation, whose body and response belong to a circle of `size` schemas."""
    schemas = {
        name: {**schema, "properties": {**schema["properties"], "next": _moved(schema, "next")}}
        for name, schema in circle(size)[0]["$defs"].items()
    }
    for schema in schemas.values():
        schema["properties"]["other"] = _moved(schema, "other")
    operation = {"input": {"$ref": "#/schemas/N0"}, "output": {"$ref": "#/schemas/N1"}, "side_effect": "read"}
    described = {
        "format": 1,
        "api_version": "1.0.0",
        "base_url": "https://api.example.com",
        "path": "/v1/{operation_id}",
        "operations": {"circle.get": operation},
        "schemas": schemas,
    }
    return described, {"f1": "a", "next": {"other": {"f2": "b"}}}


def _moved(schema: Any, name: str) -> Any:
    return {"$ref": schema["properties"][name]["$ref"].replace("#/$defs/", "#/schemas/")}


def filters(size: int) -> tuple[Any, Any]:
    """OGC's grammar of filters and `size` of them, where the cql2 package is there to say what they are."""
    import cql2

    from .wild import FILTERS, cql2_schema

    short = [
        "height_{} > 5 AND storeys_{} <> 2",
        "name_{} LIKE 'mur%'",
        "depth_{} BETWEEN 100.0 AND 150",
        "cityName_{} IN ('Toronto', 'Tokyo', 'New York')",
        "NOT (geophys_{} IS NULL)",
        "S_WITHIN(geom_{}, POLYGON((7.8 43.2, 7.9 43.3, 7.8 43.4, 7.8 43.2)))",
        "T_AFTER(built_{}, TIMESTAMP('2010-02-10T05:29:20.073225Z'))",
        "CASEI(street_{}) = CASEI('main')",
    ]
    texts = [*FILTERS, *(short[n % len(short)].replace("{}", str(n)) for n in range(size))][:size]
    schema = {"$id": "https://example.com/cql2.json", **cql2_schema()}
    return {"type": "array", "items": schema}, [cql2.parse_text(text).to_json() for text in texts]


CASES: dict[str, Callable[[int], tuple[Any, Any]]] = {
    "circle": circle,
    "settings": settings,
    "grammar": grammar,
    "health": health,
    "manifest": manifest,
    "filters": filters,
}
#: Case: (its size, the target in seconds, in megabytes, and what it is called).
TARGETS: dict[str, tuple[int, float, float, str]] = {
    "circle": (400, 0.5, 40.0, "circle of {} schemas"),
    "settings": (132, 3.0, 200.0, "settings in settings, {} sections"),
    "health": (600, 3.0, 200.0, "{} types with extensions, as FHIR's"),
    "manifest": (262, 3.0, 200.0, "manifest with a circle of {} schemas"),
    "grammar": (60, 0.5, 40.0, "overlapping unions, a value of depth {}"),
    "filters": (109, 0.5, 40.0, "OGC's cql2.json with {} filters"),
}


def cost(case: str, size: int) -> tuple[float, float]:
    """Seconds and megabytes of a case, in a process of its own."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, case, str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def main(case: str, size: int) -> None:
    import resource

    from geopera.manifest import Manifest
    from geopera.schema import type_adapter

    schema, value = CASES[case](size)
    # What is imported once in a process is no part of it.
    type_adapter({"type": "object", "properties": {"a": {}}, "not": {"required": ["b"]}}).validate_python(
        {"a": 1}
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    if case == "manifest":
        Manifest.from_dict(schema).models.N0(**value)
    else:
        type_adapter(schema).validate_python(value)
    seconds = time.process_time() - started
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit
    print(json.dumps([seconds, max(grown, 0.1)]))  # what the process had already is used first


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
