"""Ids that Python cannot write as they are: keywords, and names that a client has for itself."""

from __future__ import annotations

import ast
from typing import Any

import pytest

import geopera
from geopera._names import CLIENT_ATTRIBUTES
from geopera._repl import reference
from geopera.manifest import Manifest, bundled
from geopera.tracking.stubs.package import files

IDS = ["datasets.import", "datasets.from.is", "import.list", "manifest.list", "close.get", "client.x.list"]


@pytest.fixture
def manifest() -> Manifest:
    document = bundled().to_dict()
    entry = {**document["operations"]["orders.get"], "polling": None}
    return Manifest.from_dict({**document, "operations": dict.fromkeys(IDS, entry)})


@pytest.fixture
def client(flavour: Any, manifest: Manifest) -> Any:
    return flavour.client("t", "http://127.0.0.1:9", manifest=manifest)


def test_keywords_take_an_underscore_at_every_level(client: Any) -> None:
    assert client.datasets.import_.operation.id == "datasets.import"
    assert client.datasets.from_.is_.operation.id == "datasets.from.is"
    assert client.import_.list.operation.id == "import.list"
    assert getattr(client.datasets, "import").operation.id == "datasets.import"
    assert dir(client.datasets) == ["from_", "import_"]
    assert "import_" in dir(client)
    assert client.datasets.import_.__name__ == "import_"
    with pytest.raises(AttributeError):
        client.datasets.from_.list_  # noqa: B018


def test_a_name_with_an_underscore_of_its_own_goes_first(flavour: Any) -> None:
    document = bundled().to_dict()
    entry = document["operations"]["orders.get"]
    manifest = Manifest.from_dict({**document, "operations": {"a.if": entry, "a.if_": entry}})
    client = flavour.client("t", "http://127.0.0.1:9", manifest=manifest)
    assert client.a.if_.operation.id == "a.if_"


def test_a_resource_that_the_client_hides_is_reached_by_its_name(client: Any) -> None:
    assert isinstance(client.manifest, Manifest)
    assert client.resource("manifest").list.operation.id == "manifest.list"
    assert client.resource("close.get").operation.id == "close.get"
    assert client.resource("client.x").list.operation.id == "client.x.list"
    assert client.resource("datasets.import_") == client.datasets.import_
    assert client.resource("datasets.import") == client.datasets.import_
    for path in ("nope", "manifest.nope", "close.get.more", "", "manifest..list", "_client"):
        with pytest.raises(ValueError, match=r"has no|no longer"):
            client.resource(path)
    with pytest.raises(TypeError, match="dotted path"):
        client.resource(5)


def test_help_shows_what_can_be_written(client: Any, manifest: Manifest) -> None:
    assert "client.datasets.import_(" in client.datasets.import_.__doc__
    assert 'client.resource("manifest").list(' in client.resource("manifest").list.__doc__
    assert "import_(" in repr(client.datasets)
    pages = "".join(text for _, text in reference.pages(manifest, lambda id: {}))
    assert "client.datasets.import_(" in pages
    assert 'client.resource("close").get(' in pages


def test_stubs_know_them(manifest: Manifest) -> None:
    made = dict(files(manifest, deep=False))
    for text in (made["fluent.pyi"], made["_calls/datasets.pyi"], made["_calls/import_.pyi"]):
        ast.parse(text)
    assert "def import_(self)" in made["_calls/datasets.pyi"]
    assert "def import_(self)" in made["fluent.pyi"]
    assert "def resource(self" in made["fluent.pyi"]


def test_the_attributes_of_the_clients_are_those_that_hide_a_resource() -> None:
    public = {
        n for cls in (geopera.Geopera, geopera.AsyncGeopera) for n in object.__dir__(cls("t")) if n[0] != "_"
    }
    assert public == CLIENT_ATTRIBUTES
