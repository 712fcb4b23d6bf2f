"""What an editor shows out of the box: pyright's language server in an environment where the wheel is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.environments import ROOT, environment
from helpers.langserver import LanguageServer

from geopera.manifest import Manifest, bundled
from geopera.tracking import stubs

pytestmark = pytest.mark.slow

HEAD = "from geopera import AsyncGeopera, Geopera\nclient = Geopera('token')\n"
SERVER = Path(sys.executable).with_name("pyright-langserver")


class Editor:
    """Opens one line of code after another; `|` in it is where the cursor stands."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder
        self.server = LanguageServer(
            [str(SERVER), "--stdio"], folder, {"python": {"pythonPath": str(python)}}
        )
        self.opened = 0

    def open(self, line: str) -> tuple[list[str], Path, int]:
        self.opened += 1
        path = self.folder / f"line_{self.opened}.py"
        found = self.server.open(path, f"{HEAD}{line.replace('|', '')}\n")
        # A name that is not used (1) is only dimmed.
        tagged = [(one["message"], one.get("tags", ())) for one in found if 1 not in one.get("tags", ())]
        shown = [f"{message}{' (deprecated)' * (2 in tags)}" for message, tags in tagged]
        return shown, path, line.find("|")

    def completes(self, line: str) -> set[str]:
        _, path, column = self.open(line)
        found = self.server.at("completion", path, 2, column)
        return {one["label"] for one in (found["items"] if isinstance(found, dict) else found)}

    def hovers(self, line: str) -> str:
        _, path, column = self.open(line)
        text: str = self.server.at("hover", path, 2, column)["contents"]["value"]
        return text.replace("&nbsp;", " ").replace("\\", "")

    def reports(self, line: str) -> list[str]:
        return self.open(line)[0]


@pytest.fixture(scope="module")
def editor(out_of_the_box, tmp_path_factory):
    if not SERVER.exists():
        pytest.skip("pyright is not installed")
    made = Editor(out_of_the_box, tmp_path_factory.mktemp("editor"))
    yield made
    made.server.close()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("client.|", {"catalog", "orders", "billing", "with_options"}),
        ("client.catalog.|", {"search", "federated_search", "hosts"}),
        ("client.catalog.search.|", {"iter", "pages", "wait", "download", "map"}),
        ("client.catalog.search(|", {"host_name=", "limit=", "datetime_=", "datetime=", "detailed="}),
        ("client.catalog.search.iter(|", {"host_name=", "limit=", "max_items="}),
        ("client.catalog.search.pages(|", {"host_name=", "limit=", "max_items="}),
        ("client.orders.get.wait(|", {"order_id=", "timeout=", "until="}),
        ("client.cog.thumbnail.download(|", {"url=", "path="}),
        ("client.catalog.search.map(|", {"concurrency=", "rate_limit="}),
        ("client.catalog.search(host_name='h').|", {"features", "records", "to_dict"}),
        ("client.catalog.search(host_name='h').features[0].|", {"id", "properties", "geometry"}),
        ("client.orders.get(order_id='o').|", {"keys", "to_dict"}),
        ("AsyncGeopera().catalog.|", {"search", "hosts"}),
        ("AsyncGeopera().catalog.search(|", {"host_name=", "limit="}),
        ("AsyncGeopera().catalog.search.iter(|", {"host_name=", "limit=", "max_items="}),
        ("client.items.create(|", {"type_=", "datetime_=", "datetime="}),
        ("client.orders.archive.place.|", {"preview", "map"}),
        ("client.items.asset.download.|", {"download", "download_many"}),
    ],
)
def test_names_complete(editor, line, names):
    assert names - editor.completes(line) == set()


def test_an_operation_shows_its_summary_and_its_fields(editor):
    summary = bundled().operations["catalog.search"].summary
    shown = editor.hovers("client.catalog.sea|rch(host_name='h')")
    assert summary in shown
    assert "host_name (required)" in shown
    # An async resource has the docstrings of the other.
    shown = editor.hovers("AsyncGeopera().catalog.sea|rch(host_name='h')")
    assert summary in shown
    assert "AsyncCatalogSearchCall" in shown
    assert "CatalogSearchInput" in editor.hovers("client.catalog.search.m|ap([])")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("client.catalog.serach(host_name='h')", "serach"),
        ("client.catalogue", "catalogue"),
        ("client.catalog.search(host_nam='h')", "No overloads"),
        ("client.catalog.search.iter(host_name='h', limit='5')", '"limit"'),
        ("client.catalog.search(host_name='h').feature", "feature"),
        ("number: int = client.orders.get(order_id='o')", "JSONObject"),
    ],
)
def test_what_is_misspelt_is_reported(editor, line, words):
    assert words in " ".join(editor.reports(line))


def test_right_code_is_not_reported(editor):
    assert editor.reports("print(client.catalog.search(host_name='h', limit=5).features[0].id)") == []


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """An editor with the stubs of a manifest that describes its fields and deprecates an operation."""
    if not SERVER.exists():
        pytest.skip("pyright is not installed")
    document = bundled().to_dict()
    fields = document["schemas"]["CatalogSearchInput"]["properties"]
    fields["host_name"]["description"] = "The host to search."
    document["schemas"]["StacFeature"]["properties"]["id"]["description"] = "The scene's own id."
    document["operations"]["catalog.search"]["deprecated"] = True
    manifest = Manifest.from_dict(document)
    python, site = environment(tmp_path_factory.mktemp("described") / "env")
    (site / "package.pth").write_text(f"{ROOT}\n")
    stubs.write(manifest, site)
    made = Editor(python, tmp_path_factory.mktemp("editor"))
    yield made
    made.server.close()


def test_descriptions_of_fields_are_shown(described):
    text = "The host to search."
    assert text in described.hovers("AsyncGeopera().catalog.sea|rch(host_name='h')")
    assert text in described.hovers("client.catalog.sea|rch(host_name='h')")
    assert text in described.hovers("client.catalog.search.iter(host_na|me='h')")
    assert "The scene's own id." in described.hovers("client.catalog.search(host_name='h').features[0].i|d")


def test_a_deprecated_operation_is_marked(described):
    (found,) = described.reports("client.catalog.search(host_name='h')")
    assert found.endswith("(deprecated)")
