"""What the REPL shows: resources, operations and results, as texts, docstrings, signatures and tables."""

from __future__ import annotations

import inspect
import json
import pydoc
import time
import xml.etree.ElementTree as ET

import pytest

from geopera._repl import operations as _display
from geopera._values import show as _show
from geopera._values.footprint import svg
from geopera.manifest import Manifest, bundled
from geopera.types import JSONArray, JSONObject, open_json

AOI = {"type": "Polygon", "coordinates": [[[151.2, -33.9], [151.3, -33.9], [151.3, -33.8], [151.2, -33.9]]]}


@pytest.fixture
def looked(flavour):
    """A client that talks to nobody."""
    return flavour.client(None, "http://127.0.0.1:9")


def feature(number=0, **properties):
    return {
        "type": "Feature",
        "id": f"scene-{number}",
        "geometry": AOI,
        "properties": properties,
        "collection": "s2",
    }


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
    shown = repr(looked.catalog.search)
    assert "catalog.search -> CatalogSearchOutput" in shown
    for field in ("host_name", "collections", "datetime_", "limit", "next_"):
        assert f"\n  {field} " in shown
    assert "default 100; ≥ 1; ≤ 500" in shown
    assert "sent as 'datetime'" in shown
    assert "any JSON object" in repr(looked.reports.generate)
    shown = repr(looked.orders.archive.place)
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
    shown = _display.operation_repr(operation, manifest)
    for part in (
        "Literal['a', 'b'] | None",
        "int | None",
        "list[str | int]",
        "dict[str, float]",
        "OrderGetInput",
        "datetime",
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) < 250
    assert _display.operation_doc(operation, manifest)
    assert "class_" in _display.operation_signature(operation, manifest).parameters


# Results


def test_a_small_result_prints_whole_and_a_big_one_short(client, flavour):
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=200))
    assert len(page.features) == 200
    assert len(repr(page)) < 4_000
    assert len(str(page)) < 4_000
    assert "more" in repr(page)
    one = flavour(client.catalog.search(host_name="earthsearch-aws", limit=1)).features[0]
    assert one.id in repr(one)
    assert repr(JSONObject(id="x", status="done")) == "{'id': 'x', 'status': 'done'}"
    assert repr(JSONArray([1, "a", None])) == "[1, 'a', None]"
    big = open_json([feature(n) for n in range(100_000)])
    start = time.process_time()
    assert len(repr(JSONArray(big))) < 4_000
    assert len(repr(JSONObject({str(n): n for n in range(10_000)}))) < 4_000
    assert len(repr(JSONObject(text="x" * 100_000))) < 1_000
    assert time.process_time() - start < 1


def test_the_records_of_a_page_print_short_and_are_a_table(client, flavour):
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=200))
    assert len(repr(page.features)) < 4_000
    assert "200 records" in page.features._repr_html_()
    assert page.features == list(page.features)
    assert page.to_dict()["features"][0]["id"] == page.features[0].id
    assert type(page.to_dict()["features"]) is list
    made = flavour(
        client.event_subscriptions.create(event_type="order.fulfilled", endpoint_url="https://example.com/h")
    )
    listed = flavour(client.event_subscriptions.list({})).subscriptions
    assert isinstance(listed, JSONArray)
    assert made.id in [each.id for each in listed]
    assert "<table>" in listed._repr_html_()


def test_a_list_that_is_an_answer_is_a_list(client, flavour):
    found = flavour(client.catalog.hosts.list({}))
    if isinstance(found, list):
        assert type(found) is JSONArray
        assert json.loads(json.dumps(found)) == found
        assert found == list(found)


def test_nested_values_are_cut_at_a_depth():
    value: object = "end"
    for _ in range(5_000):
        value = [value]
    assert "…" in _show.short(value)


def test_a_page_is_a_table_with_footprints(client, flavour):
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=30))
    html = page._repr_html_()
    assert html.count("<tr>") == 21
    assert "30 records" in html
    assert "… 10 more" in html
    assert "<svg" in html
    assert page.features[0].id in html
    ET.fromstring(f"<div>{html}</div>")


def test_a_feature_is_a_footprint_with_its_fields(client, flavour):
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=1))
    html = page.features[0]._repr_html_()
    tree = ET.fromstring(f"<div>{html}</div>")
    assert tree.find(".//{http://www.w3.org/2000/svg}polygon") is not None
    assert page.features[0].id in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").split("<table>")[0]


@pytest.mark.parametrize(
    "value", [[feature(1, cloud=3), feature(2, cloud=4)], {"items": [{"id": 1}, {"id": 2}], "total": 2}]
)
def test_lists_and_open_pages_are_tables(value):
    html = (JSONArray if isinstance(value, list) else JSONObject)(open_json(value))._repr_html_()
    assert "2 records" in html
    assert html.count("<tr>") == 3


@pytest.mark.parametrize(
    "value", [[], {}, [1, 2], "text", 5, None, {"a": {"b": 1}}, [[1]], [None, {"id": 1}]]
)
def test_whatever_comes_has_html_or_none(value):
    html = _show.html(value)
    assert html is None or ET.fromstring(f"<div>{html}</div>") is not None


def test_nothing_that_came_is_taken_for_markup():
    evil = {
        "id": "<script>alert(1)</script>",
        "<b>": "<img src=x onerror=y>",
        "geometry": {"type": "<x>", "coordinates": [1, 2]},
    }
    for value in (evil, [evil, evil], {"features": [evil], "next": "<i>"}):
        html = _show.html(value)
        for tag in ("<script", "<img", "<b>&", "<x>", "<i>"):
            assert tag not in html
        ET.fromstring(f"<div>{html}</div>")


def test_resources_and_operations_are_tables(looked):
    assert "<table>" in looked.catalog._repr_html_()
    assert "host_name" in looked.catalog.search._repr_html_()
    ET.fromstring(f"<div>{looked.catalog._repr_html_()}</div>")


# Footprints


@pytest.mark.parametrize(
    ("geometry", "element", "count"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "circle", 1),
        ({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}, "circle", 2),
        ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, "polyline", 1),
        ({"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}, "polyline", 2),
        (AOI, "polygon", 1),
        ({"type": "MultiPolygon", "coordinates": [AOI["coordinates"], AOI["coordinates"]]}, "polygon", 2),
        (
            {"type": "GeometryCollection", "geometries": [AOI, {"type": "Point", "coordinates": [1, 2]}]},
            "circle",
            1,
        ),
        ({"type": "Polygon", "coordinates": [[[1, 2, 100.5], [3, 4, 100.5], [5, 1, 0]]]}, "polygon", 1),
    ],
)
def test_every_geometry_can_be_drawn(geometry, element, count):
    tree = ET.fromstring(svg([geometry]))
    assert len(tree.findall(f"{{http://www.w3.org/2000/svg}}{element}")) == count


def test_north_is_up_and_all_is_inside():
    tree = ET.fromstring(svg([{"type": "LineString", "coordinates": [[10, 50], [10, 51]]}], 200, 140))
    (line,) = tree.findall("{http://www.w3.org/2000/svg}polyline")
    (x1, south), (x2, north) = (map(float, p.split(",")) for p in line.get("points").split())
    assert x1 == x2
    assert 0 < north < south < 140
    wide = ET.fromstring(svg([AOI], 200, 140)).find("{http://www.w3.org/2000/svg}polygon").get("points")
    for point in wide.split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 200
        assert 0 <= y <= 140


@pytest.mark.parametrize(
    "geometry",
    [None, 5, {}, {"type": "Point"}, {"type": 5, "coordinates": [1, 2]}, {"type": "Point", "coordinates": []},
     {"type": "Point", "coordinates": ["a", "b"]}, {"type": "Point", "coordinates": [float("nan"), 1]},
     {"type": "Point", "coordinates": [float("inf"), 1]}, {"type": "Polygon", "coordinates": [[]]},
     {"type": "GeometryCollection", "geometries": [None]}],
)  # fmt: skip
def test_what_is_no_geometry_is_not_drawn(geometry):
    assert svg([geometry]) == ""


def test_a_huge_geometry_makes_a_small_picture():
    ring = [[n / 1000, (n * 7 % 1000) / 1000] for n in range(200_000)]
    assert len(svg([{"type": "Polygon", "coordinates": [ring]}])) < 60_000
    assert len(svg([AOI] * 10_000)) < 60_000
