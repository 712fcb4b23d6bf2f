"""Results on a screen: reprs of one line, tables, HTML; how large each may be, and what it must hold."""

from __future__ import annotations

import io
import json
import sys
import time
import xml.etree.ElementTree as ET

import IPython.lib.pretty
import pytest
from helpers.scenes import PAGE, SCENE, says, search

from geopera._display.footprint import svg
from geopera._display.notebook import html as html_of
from geopera._display.text import LINE, short
from geopera.errors import GeoperaError, ResponseMismatchWarning
from geopera.manifest import bundled
from geopera.tracking.diff import Diff, diff
from geopera.types import Content, JSONArray, JSONObject, open_json

AOI = {"type": "Polygon", "coordinates": [[[151.2, -33.9], [151.3, -33.9], [151.3, -33.8], [151.2, -33.9]]]}


def feature(number=0, **properties):
    return {
        "type": "Feature",
        "id": f"scene-{number}",
        "geometry": AOI,
        "properties": properties,
        "collection": "s2",
    }


# Results


ORDER = {
    "organization_id": "org",
    "aoi": {"type": "Polygon", "coordinates": [[[n / 7, n / 9] for n in range(300)]]},
    "id": "ord_1",
    "status": "queued",
    "item_ids": ["a", "b"],
    "history": [{"status": "queued", "at": "2024-01-01T00:00:00Z"}],
}


def test_a_scene_is_one_line():
    scene = search().features[0]
    assert repr(scene) == "<StacFeature S2A_T56HLH_20240301T012536 2024-03-01 sentinel-2-l2a cloud 4 %>"
    assert repr(open_json(SCENE)) == repr(scene).replace("StacFeature", "Feature")
    assert scene.id in str(scene)
    assert "\n  platform        sentinel-2a\n" in str(scene)
    assert "\n  assets          red" in str(scene)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"properties": {}}, "<Feature x s2 >"),
        ({"properties": None}, "<Feature x s2 >"),
        ({"properties": {"datetime": None, "start_datetime": "2024-01-01T00:00:00Z"}}, "<Feature x 2024-01-01/.. s2>"),
        ({"properties": {"eo:cloud_cover": 0.04}}, "<Feature x s2 cloud 0.04 %>"),
        ({"properties": {"eo:cloud_cover": "many", "datetime": 5}}, "<Feature x 5 s2>"),
        ({"id": "a\n\x1b[31mb\u202e", "collection": None}, r"<Feature a \x1b[31mb\u202e Polygon>"),
        ({"id": 5, "collection": ["s2"]}, "<Feature 5 Polygon>"),
        ({"id": "i" * 300}, f"<Feature {'i' * 71}… s2>"),
    ],
)  # fmt: skip
def test_the_line_survives_what_scenes_hold(change, due):
    shown = repr(open_json({"type": "Feature", "id": "x", "collection": "s2", "geometry": AOI, **change}))
    assert shown == due.replace(" >", ">")


@pytest.mark.slow
def test_every_repr_is_bounded():
    """A list writes the repr of each member: what bounds a list of 150 is the bound of one."""
    page = says({**PAGE, "features": [SCENE] * 1_000}).catalog.search(host_name="h")
    things = [
        page,
        page.features[0],
        page.features[0].assets,
        page.features[0].geometry,
        open_json(ORDER),
        open_json({"orders": [ORDER] * 1_000}),
        open_json({f"key {n}": "x" * 500 for n in range(1_000)}),
        open_json({"k" * 5_000: "v" * 5_000}),
        open_json({"features": [SCENE] * 1_000}),
        JSONObject(text="x" * 100_000),
        JSONObject(a=[[[[]]]] * 1_000),
        says({"status": 404, "detail": "x" * 10_000}).orders.get(order_id="o"),
    ]
    for thing in things:
        assert len(repr(thing)) <= LINE, repr(thing)
        assert "\n" not in repr(thing)
        assert len(repr([thing] * 150)) < 35_000
        assert len(str(thing)) <= 15_000
        assert len(thing._repr_html_() or "") <= 120_000
        assert len(IPython.lib.pretty.pretty(thing)) <= 15_000
    for array in (
        page.features,
        JSONArray([ORDER] * 1_000),
        JSONArray(["x" * 400] * 1_000),
        JSONArray([[1]] * 9_000),
    ):
        assert len(repr(array)) <= 2_500
        assert len(str(array)) <= 15_000
        assert len(array._repr_html_() or "") <= 120_000


def test_other_reprs_are_bounded():
    """Whatever else a server can make large."""
    client = says({"title": "t", "detail": "x" * 300_000}, 400, "application/problem+json")
    with pytest.raises(GeoperaError) as caught:
        client.orders.get(order_id="o")
    assert caught.value.error.detail == "x" * 300_000
    old = bundled().to_dict()
    new = {**old, "operations": {f"a.op{n}": entry for n, entry in enumerate(old["operations"].values())}}
    things = [
        caught.value,
        caught.value.response,
        ResponseMismatchWarning("x" * 300_000),
        Content(b"x" * 300_000, "image/png" + "x" * 300_000),
        search().features,
        diff(old, new),
        *bundled().operations.values(),
        bundled(),
        client,
        client.catalog,
        client.catalog.search,
        client.catalog.search.iter(host_name="h"),
        client.catalog.search.preview(host_name="h" * 300_000),
    ]
    for thing in things:
        assert len(repr(thing)) <= 5_000, repr(thing)[:300]
        if not isinstance(thing, Diff):  # whose text is a report
            assert len(str(thing)) <= 5_000
            assert len(f"{thing}") <= 5_000


@pytest.mark.slow
def test_a_small_object_prints_whole_and_a_large_one_by_what_people_look_for():
    assert repr(JSONObject(id="x", status="done")) == "{'id': 'x', 'status': 'done'}"
    assert repr(JSONArray([1, "a", None])) == "[1, 'a', None]"
    shown = repr(open_json(ORDER))
    assert shown.startswith(
        "{'id': 'ord_1', 'status': 'queued', 'organization_id': 'org', 'aoi': {2 fields}, "
    )
    assert "item_ids" in str(open_json(ORDER))
    big = open_json([feature(n) for n in range(100_000)])
    start = time.process_time()
    assert len(repr(JSONArray(big))) < 4_000
    assert len(repr(JSONObject({str(n): n for n in range(10_000)}))) < 4_000
    assert len(repr(JSONObject(text="x" * 100_000))) < 1_000
    assert time.process_time() - start < 1


def test_a_page_prints_as_a_table(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = str(search()).splitlines()
    assert lines[0].split() == ["id", "datetime", "eo:cloud_cover", "platform", "collection"]
    assert set(lines[1]) == {"─", " "}
    assert lines[2].split() == [
        "S2A_T56HLH_20240301T012536",
        "2024-03-01T00:00:00Z",
        "4.0",
        "sentinel-2a",
        "sentinel-2-l2a",
    ]
    assert lines[4] == "2 features"
    assert lines[5] == "6 more columns: created, stac_version, geometry, bbox, assets, links"
    assert all(len(line) <= 100 for line in lines)
    monkeypatch.setenv("COLUMNS", "60")
    assert str(search()).splitlines()[0].split() == ["id", "datetime"]
    assert repr(search()) == "<CatalogSearchOutput of 2 features>"


def test_at_a_prompt_a_page_is_a_table_of_ten_rows(monkeypatch):
    page = search({**PAGE, "features": [SCENE] * 30})
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert repr(page).count("S2A_T56HLH") == 10
    assert "30 features, the first 10 shown" in repr(page)
    assert len(repr(page)) < 2_000
    assert repr(page.features[0]).startswith("<StacFeature ")
    assert IPython.lib.pretty.pretty([page, 1]) == "[<CatalogSearchOutput of 30 features>, 1]"


def test_rows_and_pages_that_are_left_out_are_counted():
    shown = str(says({**PAGE, "features": [SCENE] * 70, "next": "abc"}).catalog.search(host_name="h"))
    assert "70 features, the first 60 shown\n" in shown
    assert shown.endswith("more pages follow")
    assert "abc" not in shown


def test_an_empty_page_says_so():
    empty = search({"type": "FeatureCollection", "features": []})
    assert repr(empty) == "<CatalogSearchOutput of no features>"
    assert str(empty) == "no features"
    assert "no features found" in empty._repr_html_()
    listed = says({"orders": [], "total": 0}).orders.list()
    assert str(listed) == "no orders\ntotal: 0"
    assert "no orders found" in listed._repr_html_()


def test_lists_of_scalars_are_joined():
    hosts = says({"hosts": [{"name": "a", "title": "A", "collections": ["x", "y"]}]}).catalog.hosts.list()
    assert "a     A      x, y" in str(hosts)
    assert "<td>x, y</td>" in hosts._repr_html_()


def test_a_table_is_ascii_where_the_encoding_is(monkeypatch):
    page = search({**PAGE, "features": [{**SCENE, "id": "é" + "x" * 100}, SCENE]})
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    for shown in (str(page), repr(page.features[0]), repr(page.features), repr(open_json(ORDER))):
        assert shown.isascii()
    assert "\n--" in str(page)
    assert "\\xe9xxx" in str(page)


def test_ipython_prints_a_table_and_a_list_by_lines():
    pretty = IPython.lib.pretty.pretty
    page = search()
    assert pretty(page) == str(page)
    assert pretty(list(page.features)).count("\n") == 1
    assert pretty(list(page.features)).startswith("[<StacFeature S2A")
    assert pretty(open_json(ORDER)) == str(open_json(ORDER))
    assert pretty({"page": page}) == f"{{'page': {page!r}}}"


# Notebooks


def test_a_page_with_links_is_a_table_with_footprints_and_their_bounds():
    shown = search()._repr_html_()
    assert shown.count("<tr>") == 3
    assert "<svg" in shown
    assert "west, south, east, north: 151, -34, 152, -33" in shown
    heads = [th.text for th in ET.fromstring(shown).iter("th")]
    assert heads[:5] == ["id", "datetime", "eo:cloud_cover", "platform", "collection"]
    assert "more columns" in shown


def test_an_order_is_an_order():
    placed = says(ORDER).orders.archive.place({"a": 1}, idempotency_key="k")
    shown = placed._repr_html_()
    assert "<b>order</b> ord_1 queued" in shown
    assert "<td>a, b</td>" in shown
    assert "records" not in shown
    assert "<summary>1 item</summary>" in shown
    assert str(placed).startswith("{'id': 'ord_1', 'status': 'queued', 'organization_id'")


def test_nested_objects_unfold():
    shown = search().features[0]._repr_html_()
    tree = ET.fromstring(shown)
    details = {d.find("summary").text.partition(":")[0]: d for d in tree.iter("details")}
    assert "https://data.example.com/red.tif" in shown
    assert '<details open="open">' in shown
    assert details["1"].find("summary").text == "1: red"


def test_html_follows_the_theme():
    shown = search()._repr_html_()
    for part in ("prefers-color-scheme:dark", "--jp-", "--vscode-", "text-align:left!important", "nowrap"):
        assert part in shown
    assert "<script" not in shown


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


def test_a_response_that_is_a_list_is_a_list(client, flavour):
    found = flavour(client.catalog.hosts.list({}))
    if isinstance(found, list):
        assert type(found) is JSONArray
        assert json.loads(json.dumps(found)) == found
        assert found == list(found)


def test_nested_values_are_cut_at_a_depth():
    value: object = "end"
    for _ in range(5_000):
        value = [value]
    assert "…" in short(value)


def test_a_page_is_a_table_with_footprints(client, flavour):
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=30))
    html = page._repr_html_()
    assert html.count("<tr>") == 21
    assert "30 features" in html
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
    assert "2 records" in html or "2 items" in html
    assert html.count("<tr>") == 3


@pytest.mark.parametrize(
    "value", [[], {}, [1, 2], "text", 5, None, {"a": {"b": 1}}, [[1]], [None, {"id": 1}]]
)
def test_whatever_comes_has_html_or_none(value):
    html = html_of(value)
    assert html is None or ET.fromstring(f"<div>{html}</div>") is not None


def test_nothing_that_came_is_taken_for_markup():
    evil = {
        "id": "<script>alert(1)</script>",
        "<b>": "<img src=x onerror=y>",
        "geometry": {"type": "<x>", "coordinates": [1, 2]},
    }
    for value in (evil, [evil, evil], {"features": [evil], "next": "<i>"}):
        html = html_of(value)
        for tag in ("<script", "<img", "<b>&", "<x>", "<i>"):
            assert tag not in html
        ET.fromstring(f"<div>{html}</div>")


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
