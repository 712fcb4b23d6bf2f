"""What the REPL shows: resources, operations and results, as texts, docstrings, signatures and tables."""

from __future__ import annotations

import inspect
import pydoc
import time
import xml.etree.ElementTree as ET

import pytest

from geopera._repl import operations as _display
from geopera.manifest import Manifest, bundled


@pytest.fixture
def looked(flavour):
    """A client that talks to nobody."""
    return flavour.client(None, "http://127.0.0.1:9")


# The API


def test_a_resource_shows_its_operations_with_summaries(looked):
    shown = repr(looked.catalog)
    manifest = looked.manifest
    assert shown.startswith("catalog: ")
    for name, child in manifest.node("catalog").items():
        assert name in shown
        if isinstance(child, str):
            assert manifest.operations[child].summary in shown
    assert "search(host_name, …)" in shown
    assert all(len(line) < 200 for line in shown.splitlines())


def test_an_operation_shows_its_fields(looked):
    shown = str(looked.catalog.search)
    assert "catalog.search -> CatalogSearchOutput" in shown
    for field in ("host_name", "collections", "datetime_", "limit", "next_"):
        assert f"\n  {field} " in shown
    assert "default 100; ≥ 1; ≤ 500" in shown
    assert "sent as 'datetime'" in shown
    assert "any JSON object" in str(looked.reports.generate)
    shown = str(looked.orders.archive.place)
    assert "\n  item_ids    list[str]" in shown
    assert "any JSON fields" in shown


def test_help_gives_a_whole_docstring(looked):
    shown = pydoc.render_doc(looked.catalog.search, renderer=pydoc.plaintext)
    for part in (
        "host_name",
        "required",
        "catalog:read",
        "reads only",
        "Pages by token",
        "Example:",
        "GeoperaError",
    ):
        assert part in shown
    assert "client.catalog.search(host_name=" in shown
    assert "search(host_name" in pydoc.render_doc(looked.catalog, renderer=pydoc.plaintext)
    place = inspect.getdoc(looked.orders.archive.place)
    assert "may cost credits" in place
    assert "idempotency_key" in place
    assert ".wait()" in inspect.getdoc(looked.orders.get)


def test_signatures_are_real(looked):
    parameters = inspect.signature(looked.catalog.search).parameters
    assert parameters["body"].kind is inspect.Parameter.POSITIONAL_ONLY
    assert parameters["host_name"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["host_name"].default is inspect.Parameter.empty
    assert parameters["limit"].annotation == "int"
    assert {"datetime_", "next_", "idempotency_key", "detailed"} <= parameters.keys()
    assert "fields" in inspect.signature(looked.orders.archive.place).parameters
    assert "host_name: str, collections: list[str] | None = UNSET" in str(
        inspect.signature(looked.catalog.search)
    )
    assert looked.catalog.search.__name__ == "search"


@pytest.mark.slow
def test_every_operation_can_be_shown(looked):
    manifest = looked.manifest
    start = time.process_time()
    for id, operation in manifest.operations.items():
        proxy = looked
        for name in id.split("."):
            assert name in dir(proxy)
            proxy = getattr(proxy, name)
        assert id in repr(proxy)
        assert operation.summary in proxy.__doc__
        assert inspect.signature(proxy)
        assert id in proxy._repr_html_()
        compile(_display.example(operation, manifest), id, "eval")
    assert time.process_time() - start < 30


def test_examples_are_accepted(looked):
    """The example of a docstring passes the library's own check of bodies."""
    from geopera._call.endpoint import endpoint

    manifest = looked.manifest
    for id in ("catalog.search", "orders.get", "catalog.granule_points", "alerts.create_rule", "items.list"):
        operation = manifest.operations[id]
        fields = [field for field in _display.fields(manifest, operation) if field.required]
        body = {field.wire: _display.example_value(field.schema, manifest.schemas) for field in fields}
        assert endpoint(manifest, id).input.encode(body, {})


def test_classes_document_themselves_too():
    from geopera.fluent import OperationCall, Resource

    assert "A resource" in Resource.__doc__
    assert "An operation" in OperationCall.__doc__
    assert inspect.signature(Resource)
    assert inspect.signature(OperationCall)


def test_looking_builds_no_model(looked):
    import subprocess
    import sys

    code = (
        "import sys, inspect; from geopera import Geopera; c = Geopera()\n"
        "repr(c.catalog); repr(c.catalog.search); c.catalog.search.__doc__; inspect.signature(c.catalog.search); dir(c)\n"
        "print(sorted({'pydantic', 'httpx', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_odd_schemas_are_shown():
    document = bundled().to_dict()
    document["schemas"]["OrderGetInput"] = {
        "type": "object",
        "properties": {
            "self": {"$ref": "#/schemas/OrderGetInput"},
            "kind": {"enum": ["a", "b", None]},
            "many": {"type": ["integer", "null"]},
            "both": {"allOf": [{"type": "string"}]},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            "map": {"type": "object", "additionalProperties": {"type": "number"}},
            "odd": True,
            "body": {"type": "string", "pattern": "^" + "x" * 300, "maxLength": 3},
            "when": {"type": "string", "format": "date-time"},
            "class": {"const": 5},
        },
        "required": ["self", "class"],
    }
    manifest = Manifest.from_dict(document)
    operation = manifest.operations["orders.get"]
    shown = _display.operation_text(operation, manifest)
    for part in (
        "Literal['a', 'b'] | None",
        "int | None",
        "list[str | int]",
        "dict[str, float]",
        "OrderGetInput",
        "datetime",
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 202
    assert _display.operation_doc(operation, manifest)
    assert "class_" in _display.operation_signature(operation, manifest).parameters


def test_an_operation_is_one_line_in_a_list_and_in_an_f_string(looked):
    shown = repr([looked.catalog.search, looked.orders.get])
    assert shown.startswith("[<operation catalog.search(host_name, collections=, ")
    assert f"{looked.orders.get}" == repr(looked.orders.get) == "<operation orders.get(order_id) -> JSON>"
    for id in looked.manifest.operations:
        proxy = looked
        for name in id.split("."):
            proxy = getattr(proxy, name)
        assert len(repr(proxy)) <= 200


def test_an_operation_offers_what_it_can_do(looked):
    def offered(operation):
        return {name for name in dir(operation) if not name.startswith("_")} - {"operation", "preview"}

    assert offered(looked.billing.topup) == {"map"}
    assert offered(looked.catalog.search) == {"iter", "map", "pages"}
    assert offered(looked.orders.get) == {"map", "wait"}
    assert offered(looked.catalog.search_stream) == {"download", "iter"}
    assert offered(looked.cog.thumbnail) == {"download", "download_many", "map"}
    assert "upload" in dir(looked.uploads.initiate)
    assert "download" in dir(looked.orders.list_assets)
    assert "download" in dir(looked.items.asset.download)


def test_resources_and_operations_are_tables(looked):
    assert "<table>" in looked.catalog._repr_html_()
    assert "host_name" in looked.catalog.search._repr_html_()
    ET.fromstring(f"<div>{looked.catalog._repr_html_()}</div>")
    ET.fromstring(f"<div>{looked.catalog.search._repr_html_()}</div>")
