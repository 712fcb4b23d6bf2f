"""What the API's description says in words is shown by help, describe, the reference and the stubs."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from geopera import Geopera
from geopera._repl import reference
from geopera.errors import ManifestError
from geopera.manifest import Manifest, bundled
from geopera.tracking.compile import dump
from geopera.tracking.stubs.package import files


def worded() -> dict[str, Any]:
    document = bundled().to_dict()
    search = document["operations"]["catalog.search"]
    search |= {"description": "Searches.\n\nAll of it.", "deprecated": True, "tags": ["imagery"]}
    document["docs"] = {
        "schemas/CatalogSearchInput": {
            "/properties/host_name": {"description": "The host to ask.", "examples": ["up42"]},
            "/properties/limit": {"description": "Scenes a page.\nMore.", "deprecated": True},
            "/properties/gone/items": {"description": "Of a part that was left out."},
        }
    }
    return document


@pytest.fixture
def manifest() -> Manifest:
    return Manifest.from_dict(worded())


def test_help_shows_them(manifest: Manifest) -> None:
    text = Geopera("t", "http://127.0.0.1:9", manifest=manifest).catalog.search.__doc__
    assert text is not None
    assert "Deprecated: the API's description" in text
    assert "Searches.\n\nAll of it." in text
    assert "The host to ask." in text
    assert "Scenes a page.\n" in text
    assert "More." not in text
    assert "Tags: imagery." in text
    limit = next(line for line in text.splitlines() if line.strip().startswith("limit "))
    assert "deprecated" in limit
    assert "client.catalog.search(host_name='up42')" in text


def test_describe_prints_them(
    manifest: Manifest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from geopera._cli import explore
    from geopera._cli.main import main

    import_module("geopera._cli.manifest")  # or it would bind the replacement, for all tests to come
    monkeypatch.setattr(explore, "in_use", lambda url=None: manifest)
    assert main(["describe", "catalog.search", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["description"], told["deprecated"], told["tags"]) == (
        "Searches.\n\nAll of it.",
        True,
        ["imagery"],
    )
    fields = {field["name"]: field for field in told["fields"]}
    assert fields["host_name"]["description"] == "The host to ask."
    assert fields["host_name"]["examples"] == ["up42"]
    assert fields["limit"]["deprecated"] is True


def test_the_reference_has_them(manifest: Manifest) -> None:
    page = dict(reference.pages(manifest, lambda id: {}))["catalog.md"]
    assert "**Deprecated**" in page
    assert "All of it." in page
    assert "The host to ask. Example: `'up42'`." in page


def test_the_stubs_have_them(manifest: Manifest) -> None:
    made = dict(files(manifest, deep=False))
    assert '"""The host to ask."""' in made["models/__init__.pyi"]
    assert '@_te.deprecated("catalog.search is deprecated")' in made["_calls/catalog.pyi"]


def test_they_survive_bytes_and_pickles(manifest: Manifest) -> None:
    import pickle

    for again in (Manifest.from_bytes(dump(worded())), pickle.loads(pickle.dumps(manifest))):
        assert again.to_dict() == worded()
        assert again.operations["catalog.search"] == manifest.operations["catalog.search"]


def test_the_classes_are_those_without_them() -> None:
    plain = Manifest.from_dict(bundled().to_dict())
    worded_too = Manifest.from_dict(worded()).succeed(plain)
    assert worded_too.models.CatalogSearchInput is plain.models.CatalogSearchInput


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {"": 5},
        {"": {"description": 5}},
        {"": {"description": "\x1b[2J"}},
        {"": {"description": "x" * 3000}},
        {"": {"examples": "x"}},
        {"\x1b": {}},
    ],
    ids=lambda entry: repr(entry)[:30],
)
def test_words_are_checked_when_they_are_used(entry: Any) -> None:
    manifest = Manifest.from_dict({**bundled().to_dict(), "docs": {"schemas/CatalogSearchInput": entry}})
    with pytest.raises(ManifestError, match="docs"):
        manifest.described["CatalogSearchInput"]
    assert manifest.schemas["CatalogSearchInput"]
