"""The modules of `geopera.api.operations`: imported in every way that Python has, listed, and described."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pkgutil
import pydoc
import sys
import sysconfig
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest
from helpers.official import CLASSES, FURTHER_MODULES, MODULES, NAMES, WIRE, fresh
from helpers.sample import sampled

import geopera.api.operations as operations
import geopera.models as models
from geopera import AuthenticatedClient, Client
from geopera.manifest import default
from geopera.types import UNSET, Response

PACKAGE = "geopera.api.operations"
FUNCTIONS = ["sync", "sync_detailed", "asyncio", "asyncio_detailed"]


def test_the_counts() -> None:
    assert len(NAMES["operation_modules"]) == 225
    assert len(MODULES) == 229 == len(default().operations)


@pytest.mark.slow
def test_listed_by_pkgutil_dir_and_help() -> None:
    found = list(pkgutil.iter_modules(operations.__path__))
    assert [info.name for info in found] == MODULES
    assert not any(info.ispkg for info in found)
    assert [i.name for i in pkgutil.walk_packages(operations.__path__, PACKAGE + ".")] == [
        f"{PACKAGE}.{name}" for name in MODULES
    ]
    assert dir(operations) == MODULES
    page = pydoc.plain(pydoc.render_doc(operations))
    contents = page.split("PACKAGE CONTENTS")[1].split()
    assert set(MODULES) <= set(contents)


def test_models_are_listed_by_pkgutil_too() -> None:
    names = {info.name for info in pkgutil.iter_modules(models.__path__)}
    assert {facts["module"] for facts in CLASSES.values()} <= names


@pytest.mark.parametrize("name", sampled(MODULES))
def test_every_module_has_the_four_functions(name: str) -> None:
    module = importlib.import_module(f"{PACKAGE}.{name}")
    assert isinstance(module, ModuleType)
    assert module.__name__ == f"{PACKAGE}.{name}"
    assert module.__package__ == PACKAGE
    assert getattr(operations, name) is module is sys.modules[module.__name__]
    assert module.__spec__ is not None
    assert module.__doc__
    assert module.__all__ == FUNCTIONS
    for function_name in FUNCTIONS:
        function = getattr(module, function_name)
        assert inspect.isfunction(function)
        assert function.__name__ == function.__qualname__ == function_name
        assert function.__module__ == module.__name__
        assert inspect.iscoroutinefunction(function) is function_name.startswith("asyncio")
        check_signature(name, function)
        text = pydoc.plain(pydoc.render_doc(function))
        assert default().operations[operation_of(name)].id in text
        assert "client:" in text
        assert "Raises:" in text


def operation_of(name: str) -> str:
    return next(id for id in default().operations if id.replace(".", "_") == name)


def check_signature(name: str, function: Any) -> None:
    signature = inspect.signature(function)
    parameters = signature.parameters
    assert list(parameters) == ["client", "body", "idempotency_key", "x_api_key"]
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert parameters["client"].default is inspect.Parameter.empty
    assert parameters["idempotency_key"].default is UNSET
    assert parameters["x_api_key"].default is UNSET
    detailed = function.__name__.endswith("detailed")
    assert (signature.return_annotation is Response) is detailed
    hints = get_type_hints(function)
    assert hints["client"] is Client
    assert "return" in hints
    facts = WIRE["operations"].get(name)
    if facts is None:
        return
    assert (parameters["body"].default is inspect.Parameter.empty) is facts["required"]
    wanted = getattr(models, facts["input"])
    if facts["required"]:
        assert parameters["body"].annotation is wanted
    else:
        assert parameters["body"].default is UNSET


def test_a_module_has_its_help() -> None:
    page = pydoc.plain(pydoc.render_doc(f"{PACKAGE}.orders_archive_place"))
    assert "orders.archive.place" in page
    assert "idempotency_key" in page
    for name in FUNCTIONS:
        assert f"{name}(" in page


EVERY_WAY = """
import importlib, importlib.util, pkgutil, sys
import geopera.api.operations.NAME
import geopera.api.operations.NAME as a
from geopera.api.operations import NAME as b
from geopera.api.operations.NAME import sync, sync_detailed, asyncio, asyncio_detailed
from geopera.api import operations
import geopera
c = importlib.import_module("geopera.api.operations.NAME")
d = importlib.import_module(".NAME", "geopera.api.operations")
e = importlib.import_module("..api.operations.NAME", "geopera.models")
f = __import__("geopera.api.operations.NAME", fromlist=["sync"])
g = pkgutil.resolve_name("geopera.api.operations.NAME")
h = pkgutil.resolve_name("geopera.api.operations:NAME")
i = geopera.api.operations.NAME
j = sys.modules["geopera.api.operations.NAME"]
for other in (b, c, d, e, f, g, h, i, j, operations.NAME):
    assert other is a, other
assert a.sync is sync
assert importlib.util.find_spec("geopera.api.operations.NAME").name == a.__name__
assert importlib.reload(a) is a and callable(a.sync)
assert importlib.util.find_spec("geopera.api.operations.no_such") is None
try:
    import geopera.api.operations.no_such
except ModuleNotFoundError as error:
    assert error.name == "geopera.api.operations.no_such"
else:
    raise AssertionError
try:
    from geopera.api.operations import catalog_serch
except ImportError:
    pass
else:
    raise AssertionError
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["catalog_search", "orders_archive_place", *FURTHER_MODULES])
def test_every_way_to_import_in_a_fresh_process(name: str) -> None:
    fresh(EVERY_WAY.replace("NAME", name))


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "import geopera.api.operations.catalog_search as m",
        "from geopera.api.operations import catalog_search as m",
        "import geopera; m = geopera.api.operations.catalog_search",
        "import importlib; m = importlib.import_module('geopera.api.operations.catalog_search')",
        "from geopera.api.operations.catalog_search import sync; import sys; m = sys.modules[sync.__module__]",
    ],
)
def test_each_way_is_enough_alone(statement: str) -> None:
    assert fresh(f"{statement}\nprint(m.__name__, callable(m.sync))").split() == [
        "geopera.api.operations.catalog_search",
        "True",
    ]


def test_after_caches_were_invalidated_and_by_a_second_thread() -> None:
    fresh(
        """
import importlib, sys, threading
importlib.invalidate_caches()
sys.path_importer_cache.clear()
found = []
def work():
    from geopera.api.operations import catalog_search
    found.append(catalog_search)
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert len(found) == 8 and len(set(map(id, found))) == 1
"""
    )


@pytest.mark.slow
def test_everything_is_importable_by_name() -> None:
    fresh(
        "import importlib, pkgutil, geopera.api.operations as o, geopera.models as m\n"
        "for package in (o, m):\n"
        "    for info in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        assert importlib.import_module(info.name).__all__\n"
    )


@pytest.mark.slow
def test_from_a_zip(tmp_path: Path) -> None:
    """The package in a zip on the path, its data inside: every module is found and listed there too."""
    source = Path(importlib.import_module("geopera").__file__ or "").parent
    archive = tmp_path / "geopera.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(source.rglob("*.py")):
            out.write(path, path.relative_to(source.parent))
        data = source / "_data"
        beside = source.parent / "manifest"
        files = {"manifest.json": "geopera.json", "overlay.json": "overlay.json"}
        for inside, outside in {**files, "format.schema.json": "format.schema.json"}.items():
            given = data / inside
            out.write(given if given.exists() else beside / outside, f"geopera/_data/{inside}")
    site = sysconfig.get_paths()["purelib"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(archive), site])}
    env.pop("GEOPERA_MANIFEST", None)
    code = EVERY_WAY.replace("NAME", "stac_collections_list") + (
        "assert '.zip' in geopera.__file__, geopera.__file__\n"
        "from geopera.models.catalog_search_input import CatalogSearchInput\n"
        "print(*[info.name for info in pkgutil.iter_modules(operations.__path__)])\n"
        "import pydoc; assert 'catalog_search' in pydoc.render_doc(operations)\n"
    )
    assert fresh(code, env=env).split() == MODULES


def test_the_other_modules_and_names() -> None:
    fresh(
        "from geopera import AuthenticatedClient, Client, Geopera\n"
        "from geopera.client import AuthenticatedClient as A, Client as C\n"
        "from geopera.fluent import Geopera as G, DEFAULT_BASE_URL\n"
        "from geopera.errors import UnexpectedStatus\n"
        "from geopera import errors, models, types\n"
        "from geopera.types import UNSET, File, FileTypes, RequestFiles, Response, Unset\n"
        "import geopera.api, geopera.api.operations, geopera.models\n"
        "assert (A, C, G) == (AuthenticatedClient, Client, Geopera)\n"
        "assert DEFAULT_BASE_URL == 'https://api.geopera.com'\n"
        "assert {'UNSET', 'File', 'FileTypes', 'RequestFiles', 'Response', 'Unset'} <= set(types.__all__)\n"
        "assert 'UnexpectedStatus' in errors.__all__\n"
    )
    assert issubclass(AuthenticatedClient, Client)
