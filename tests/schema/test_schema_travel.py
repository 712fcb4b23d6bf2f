"""Classes and values made at run time: pickled, copied, and first used by many threads at once."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from geopera.schema import Registry, type_adapter

SCHEMA: dict[str, Any] = {
    "title": "tree",
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "type": {"type": "string"},
        "kids": {"type": "array", "items": {"$ref": "#"}},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "point": {"$ref": "#/$defs/Point"},
        "open": {"type": "object"},
        "even": {"not": {"type": "object", "properties": {"x": False}}},
    },
    "required": ["id"],
}
DEFINITIONS = {
    "Point": {"type": "object", "properties": {"x": {"type": "number", "multipleOf": 0.5}}},
    "Other": {"type": "string"},
}
VALUE = {
    "id": 1,
    "kids": [{"id": 2, "mode": "a"}],
    "point": {"x": 1.5},
    "open": {"a": [{"b": 1}]},
    "more": {"c": 2},
}


def seen_elsewhere(data: bytes) -> tuple[str, Any, str]:
    value = pickle.loads(data)
    return type(value).__name__, value.to_dict(), type(value.kids[0]).__name__ if "kids" in value else ""


def validated_elsewhere(data: bytes, value: Any) -> str:
    return repr(pickle.loads(data).validate_python(value))


def class_elsewhere(data: bytes) -> str:
    return repr(pickle.loads(data)(1).to_dict())


def test_pickle_in_this_process() -> None:
    value = type_adapter(SCHEMA, definitions=DEFINITIONS).validate_python(VALUE)
    assert value.open_.a[0].b == 1
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert type(again) is type(value)
        assert again.kids[0].mode is value.kids[0].mode
        assert again.to_dict() == VALUE
        assert again.open_.a[0].b == 1


def test_pickle_carries_only_what_is_needed() -> None:
    registry = Registry(
        {**DEFINITIONS, **{f"S{i}": {"type": "object", "description": "x" * 1000} for i in range(50)}}
    )
    value = registry.model("Point")(x=1)
    assert len(pickle.dumps(value)) < 1500


@pytest.mark.slow
def test_pickle_in_a_spawned_process() -> None:
    adapter = type_adapter(SCHEMA, definitions=DEFINITIONS)
    value = adapter.validate_python(VALUE)
    registry = Registry(
        {
            "Tree": {"type": "object", "properties": {"id": {"$ref": "#/schemas/Id"}}},
            "Id": {"type": "integer"},
        }
    )
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(seen_elsewhere, (pickle.dumps(value),)) == ("Tree", VALUE, "Tree")
        assert pool.apply(validated_elsewhere, (pickle.dumps(adapter), {"id": 3})) == "Tree(id=3)"
        assert pool.apply(seen_elsewhere, (pickle.dumps(value.point),)) == ("Point", {"x": 1.5}, "")
        assert pool.apply(class_elsewhere, (pickle.dumps(registry.model("Tree")),)) == "{'id': 1}"
        pool.close()
        pool.join()


def test_bundled_classes_pickle_by_name() -> None:
    from geopera import models

    search = models.CatalogSearchInput
    data = pickle.dumps(search(host_name="h"))
    assert len(data) < 400
    assert type(pickle.loads(data)) is search


def test_copies() -> None:
    value = type_adapter(SCHEMA, definitions=DEFINITIONS).validate_python(VALUE)
    for again in (copy.copy(value), copy.deepcopy(value), value.model_copy(deep=True)):
        assert again == value
        assert again is not value
        assert again.to_dict() == VALUE
    deep = copy.deepcopy(value)
    deep.open_["new"] = 1
    deep.kids[0].id = 9
    assert value.to_dict() == VALUE
    assert copy.copy(type(value)) is type(value)


@pytest.mark.parametrize("turn", range(3))
def test_first_use_from_many_threads(turn: int) -> None:
    schemas = {
        f"S{i}": {
            "type": "object",
            "properties": {
                "next": {"$ref": f"#/schemas/S{(i * 7 + 1) % 30}"},
                "value": {"type": "integer"},
                "inner": {"type": "object", "properties": {"a": {"not": {"const": turn}}}},
            },
        }
        for i in range(30)
    }
    registry = Registry(schemas)
    barrier = Barrier(16)

    def use(number: int) -> list[int]:
        barrier.wait(30)
        found = []
        for i in range(30):
            name = f"S{(i + number) % 30}"
            cls = registry.model(name)
            assert cls(value=1, next={"next": {"value": 2}}, inner={"a": "x"}).next_.next_.value == 2
            adapter = registry.adapter({"type": "array", "items": {"$ref": f"#/schemas/{name}"}}, "Many")
            assert type(adapter.validate_python([{"value": 1}])[0]) is cls
        for i in range(30):
            found += [id(registry.model(f"S{i}")), id(registry.model(f"S{i}Inner"))]
        return found

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(use, range(16)))
    assert all(result == results[0] for result in results)


_SENDER = """
import pickle, sys
import cloudpickle
sys.path[:0] = {path!r}
from helpers.scenes import PAGE, says, search
from geopera import AsyncGeopera, Geopera
from geopera.manifest import Manifest, bundled
from geopera.schema import type_adapter

page = search()
scene = page.features[0]
problem = {{"title": "Not found", "status": 404}}
try:
    says(problem, 404, "application/problem+json").orders.get(order_id="o")
except Exception as exc:
    error = exc
adapter = type_adapter({{"title": "tree", "type": "object", "properties": {{
    "kids": {{"type": "array", "items": {{"$ref": "#"}}}}, "mode": {{"type": "string", "enum": ["a", "b"]}}}}}})
document = bundled().to_dict()
document["schemas"]["StacFeature"]["properties"]["fresh"] = {{"type": "string"}}
things = {{
    "page": page, "scene": scene, "list": page.features, "error": error,
    "response": says(PAGE).catalog.search(host_name="h", detailed=True),
    "image": says(b"GIF89a", kind="image/gif").cog.thumbnail(url="https://example.com/a.tif"),
    "array": says([{{"id": "a"}}]).catalog.hosts.list(), "kept": says(PAGE).with_options(max_retries=1),
    "open": says({{"id": "o", "a": [1]}}).orders.get(order_id="o"),
    "model": adapter.validate_python({{"mode": "a", "kids": [{{"mode": "b"}}]}}), "adapter": adapter,
    "member": adapter.validate_python({{"mode": "a"}}).mode,
    "refreshed": Manifest.from_dict(document).registry.model("StacFeature").from_dict({{"id": "r", "fresh": "f"}}),
    "operation": Geopera().catalog.search, "resource": AsyncGeopera().catalog, "client": AsyncGeopera(),
    "closure": (lambda scene: lambda: scene.id)(scene),
}}
sys.stdout.buffer.write(pickle.dumps({{name: cloudpickle.dumps(thing) for name, thing in things.items()}}))
"""
_RECEIVER = """
import pickle, sys
for name, data in pickle.load(sys.stdin.buffer).items():
    thing = pickle.loads(data)
    print(name, type(thing).__name__, getattr(thing, "id", None) if not callable(thing) else "callable")
    if name == "page": print(len(thing.records))
    if name == "refreshed": print(thing.fresh)
    if name == "closure": print(thing())
"""


@pytest.mark.slow
def test_cloudpickle_in_processes_that_imported_nothing_else() -> None:
    pytest.importorskip("cloudpickle")
    tests = str(Path(__file__).parent.parent)
    sender = _SENDER.format(path=[tests, str(Path(tests).parent)])
    data = subprocess.run([sys.executable, "-c", sender], capture_output=True, timeout=60, check=False)
    assert data.returncode == 0, data.stderr.decode()
    got = subprocess.run(
        [sys.executable, "-c", _RECEIVER], input=data.stdout, capture_output=True, timeout=60, check=False
    )
    assert got.returncode == 0, got.stderr.decode()
    lines = got.stdout.decode().splitlines()
    for line in (
        "page CatalogSearchOutput None",
        "scene StacFeature S2A_T56HLH_20240301T012536",
        "error NotFoundError None",
        "model Tree None",
        "member TreeMode None",
        "image Content None",
        "array JSONArray None",
        "refreshed StacFeature r",
        "f",
        "2",
        "operation OperationCall callable",
    ):
        assert line in lines, lines
    assert lines[-1] == "S2A_T56HLH_20240301T012536"


_CLUSTER = """
import sys
sys.path[:0] = {path!r}
import joblib
from dask import distributed
from helpers.scenes import SCENE, search

def look(scene):
    return type(scene).__name__, scene.to_dict()

if __name__ == "__main__":
    scene = search().features[0]
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(lambda x: look(x))(scene) for _ in "ab") == [("StacFeature", SCENE)] * 2
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            assert client.submit(lambda x: look(x), scene).result(timeout=60) == ("StacFeature", SCENE)
"""


@pytest.mark.slow
def test_joblib_and_dask_carry_results(tmp_path: Path) -> None:
    # In a process of its own: these libraries change how every exception is pickled.
    pytest.importorskip("joblib")
    pytest.importorskip("distributed")
    tests = str(Path(__file__).parent.parent)
    program = tmp_path / "program.py"
    program.write_text(_CLUSTER.format(path=[tests, str(Path(tests).parent)]))
    done = subprocess.run([sys.executable, str(program)], capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr.decode()
