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


CASES: dict[str, Callable[[int], tuple[Any, Any]]] = {
    "circle": circle,
    "settings": settings,
    "grammar": grammar,
}


def cost(case: str, size: int) -> tuple[float, float]:
    """Seconds and megabytes of a case, in a process of its own."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, case, str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def main(case: str, size: int) -> None:
    import resource

    from geopera.schema import type_adapter

    schema, value = CASES[case](size)
    type_adapter({"type": "object", "properties": {"a": {}}}).validate_python({"a": 1})  # imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    type_adapter(schema).validate_python(value)
    seconds = time.process_time() - started
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit
    print(json.dumps([seconds, max(grown, 0.1)]))  # what the process had already is used first


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
