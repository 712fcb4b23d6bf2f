"""The public surface is what was intended, no more: exports, manifest, proxies and virtual modules as sets."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import types

import pytest

import geopera
from geopera import errors, models
from geopera._names import class_names
from geopera.api import operations
from geopera.fluent import OperationCall, Resource
from geopera.manifest import default

EXPORTS = {
    "UNSET",
    "AsyncGeopera",
    "AuthenticatedClient",
    "Client",
    "Geopera",
    "GeoperaError",
    "Manifest",
    "RetryPolicy",
    "__version__",
    "response_of",
}
MODULES = {
    "api",
    "bodies",
    "client",
    "errors",
    "fluent",
    "geo",
    "manifest",
    "middleware",
    "models",
    "sandbox",
    "schema",
    "tracking",
    "types",
    "webhooks",
}
FLUENT = {
    "client",
    "manifest",
    "with_options",
    "invoke",
    "map",
    "refresh_manifest",
    "resource",
    "sign",
    "whoami",
}
OPERATION = {"operation", "preview", "pages", "iter", "wait", "download", "download_many", "upload", "map"}


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_exports() -> None:
    assert set(geopera.__all__) == EXPORTS
    for name in EXPORTS:
        assert getattr(geopera, name) is not None
    assert set(dir(geopera)) == EXPORTS | MODULES
    with pytest.raises(AttributeError, match="geopera"):
        geopera.no_such_name  # noqa: B018


def test_a_star_import_brings_the_exports() -> None:
    namespace: dict[str, object] = {}
    exec("from geopera import *", namespace)
    assert namespace.keys() - {"__builtins__"} == EXPORTS


def test_public_modules() -> None:
    found = {module.name for module in pkgutil.iter_modules(geopera.__path__)}
    assert {name for name in found if not name.startswith("_")} == MODULES
    for name in MODULES:
        assert isinstance(getattr(geopera, name), types.ModuleType)


@pytest.mark.parametrize("name", sorted(MODULES - {"api", "models", "bodies", "tracking"}))
def test_every_module_says_what_it_exports(name: str) -> None:
    module = importlib.import_module(f"geopera.{name}")
    assert module.__doc__
    assert module.__all__
    for exported in module.__all__:
        assert getattr(module, exported) is not None, f"geopera.{name}.{exported}"
        assert not exported.startswith("_")


def test_the_errors_are_all_exported_and_form_one_tree() -> None:
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException) and value.__module__ == errors.__name__
    }
    assert classes == set(errors.__all__)
    for name in classes - {"UnexpectedStatus", "ResponseMismatchWarning", "DeprecatedOperationWarning"}:
        assert issubclass(getattr(errors, name), errors.GeoperaError)
    assert errors.GeoperaError.__mro__[1] is Exception
    for name in classes:
        assert name in (errors.__doc__ or ""), f"{name} is not in the drawing"
        assert getattr(errors, name).__doc__


def ids_of_proxies(place: object, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name in dir(place):
        child = getattr(place, name)
        if isinstance(child, OperationCall):
            found.add(prefix + name)
        elif isinstance(child, Resource):
            found |= ids_of_proxies(child, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize("cls", [geopera.Geopera, geopera.AsyncGeopera])
def test_manifest_proxies_and_modules_are_one_set(cls: type) -> None:
    ids = set(default().operations)
    client = cls("test-token")
    found = set()
    for name in client.manifest.tree:
        found |= ids_of_proxies(getattr(client, name), f"{name}.")
    assert found == ids
    modules = {module.name for module in pkgutil.iter_modules(operations.__path__)}
    assert modules == set(dir(operations)) == {id.replace(".", "_") for id in ids}
    assert {operation.module_name for operation in default().operations.values()} == modules


def test_models_and_schemas_are_one_set() -> None:
    names = set(class_names(default().schemas))
    assert len(names) == len(default().schemas)
    assert names <= set(dir(models)) == set(default().registry.names()) == set(dir(default().models))
    # What is more: the parts that the generated SDK gives a class of their own, and bodies without a schema.
    assert "CatalogSearchInput" in names
    assert "OrdersArchivePlaceBodyType0" in set(dir(models)) - names


@pytest.mark.parametrize(("cls", "close"), [(geopera.Geopera, "close"), (geopera.AsyncGeopera, "aclose")])
def test_methods_of_the_clients(cls: type, close: str) -> None:
    assert public(cls) == FLUENT | {close}
    assert not FLUENT & default().tree.keys()
    assert close not in default().tree


def test_proxies_have_no_names_but_their_own() -> None:
    assert public(Resource) == set()
    assert public(OperationCall) == OPERATION


def test_both_clients_have_one_surface() -> None:
    for name in FLUENT - {"client", "manifest"}:
        one, other = (getattr(cls, name) for cls in (geopera.Geopera, geopera.AsyncGeopera))
        assert list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters), name


def test_public_things_are_documented() -> None:
    for name in EXPORTS - {"UNSET", "__version__"}:
        thing = getattr(geopera, name)
        assert inspect.getdoc(thing), name
        for method in public(thing):
            member = inspect.getattr_static(thing, method)
            if callable(getattr(thing, method)) or isinstance(member, property):
                assert inspect.getdoc(member), f"{name}.{method}"


def test_importing_brings_in_no_dependency() -> None:
    code = (
        "import sys, geopera; from geopera import Geopera, AsyncGeopera, AuthenticatedClient, errors, types;"
        "Geopera('test-token').catalog.search.operation;"
        "print(*sorted({'httpx', 'pydantic', 'pydantic_core', 'jsonschema', 'asyncio', 'ssl', 'platformdirs',"
        " 'starlette', 'certifi'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
