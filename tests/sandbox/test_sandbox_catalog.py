"""The catalogue: filters really filter, pages really page, and the stream streams."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from helpers.sandbox_api import AOI, SCENE, Api

from geopera.sandbox import Sandbox
from geopera.sandbox.catalogue.geometry import Shape, boxes_shape, parse_geometry
from geopera.sandbox.catalogue.scenes import Catalogue
from geopera.sandbox.wire.problems import ProblemError
from geopera.sandbox.wire.times import parse_interval

BASE: dict[str, Any] = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"]}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


def walk(api: Api, body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = None
    for _ in range(200):
        page = api("catalog.search", {**body, "next": token})
        assert len(page["features"]) <= body.get("limit", 100)
        found += page["features"]
        token = page.get("next")
        if token is None:
            return found
    raise AssertionError("the pages do not end")


def test_the_area_has_many_scenes_through_the_year(api: Api) -> None:
    found = walk(api, {**BASE, "bbox": AOI})
    ids = [feature["id"] for feature in found]
    assert len(ids) >= 250
    assert len(set(ids)) == len(ids)
    assert SCENE in ids
    assert {feature["properties"]["datetime"][:7] for feature in found} == {
        f"2024-{m:02d}" for m in range(1, 13)
    }
    moments = [feature["properties"]["datetime"] for feature in found]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.slow
def test_the_catalogue_is_the_same_every_time() -> None:
    first, second = Catalogue(), Catalogue()
    assert [scene.item("http://h") for scene in first.scenes] == [
        scene.item("http://h") for scene in second.scenes
    ]
    assert len(first.by_id) == len(first.scenes)
    assert len(Catalogue(5000).by_id) > 5000


def test_an_item_is_a_stac_item(api: Api) -> None:
    (item,) = api("catalog.search", {**BASE, "ids": [SCENE]})["features"]
    assert item["type"] == "Feature"
    assert item["stac_version"] == "1.0.0"
    assert item["collection"] == "sentinel-2-l2a"
    assert item["properties"]["datetime"] == "2024-01-15T00:02:41Z"
    assert item["properties"]["platform"] == "sentinel-2a"
    assert item["properties"]["gsd"] == 10
    assert 0 <= item["properties"]["eo:cloud_cover"] < 10
    ring = item["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert item["bbox"] == [
        min(x for x, _ in ring),
        min(y for _, y in ring),
        max(x for x, _ in ring),
        max(y for _, y in ring),
    ]
    assert item["assets"]["red"]["href"].startswith("http://127.0.0.1:")
    assert {link["rel"] for link in item["links"]} == {"self", "collection"}


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 7, 100, 320, 500])
def test_pages_of_any_size_give_the_same_scenes(api: Api, limit: int) -> None:
    body = {**BASE, "bbox": AOI, "datetime": "2024-05-01T00:00:00Z/2024-06-30T00:00:00Z"}
    everything = [feature["id"] for feature in walk(api, {**body, "limit": 500})]
    assert [feature["id"] for feature in walk(api, {**body, "limit": limit})] == everything


def test_a_token_belongs_to_its_search(api: Api) -> None:
    token = api("catalog.search", {**BASE, "bbox": AOI, "limit": 5})["next"]
    api.problem(422, "catalog.search", {**BASE, "limit": 5, "next": token})
    assert api("catalog.search", {**BASE, "bbox": AOI, "limit": 9, "next": token})["features"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "test"),
    [
        ({"lt": 20}, lambda cloud: cloud < 20),
        ({"LT": 20}, lambda cloud: cloud < 20),
        ({"GTE": 20, "lte": 60}, lambda cloud: 20 <= cloud <= 60),
        ({"GT": 90}, lambda cloud: cloud > 90),
        ({"eq": 3.2}, lambda cloud: cloud == 3.2),
        ({"LT": None}, lambda cloud: True),
    ],
)
def test_queries_filter(api: Api, query: dict[str, Any], test: Callable[[float], bool]) -> None:
    everything = walk(api, {**BASE, "bbox": AOI})
    found = walk(api, {**BASE, "bbox": AOI, "query": {"eo:cloud_cover": query}})
    wanted = [feature["id"] for feature in everything if test(feature["properties"]["eo:cloud_cover"])]
    assert [feature["id"] for feature in found] == wanted
    assert wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    "interval",
    [
        "2024-01-15T00:02:41Z",
        "2024-01-15T11:02:41+11:00",
        "2024-01-01T00:00:00Z/2024-03-31T23:59:59Z",
        "../2024-02-01T00:00:00Z",
        "/2024-02-01T00:00:00Z",
        "2024-11-01T00:00:00Z/..",
        "2024-01-15t00:02:41.000z",
        "2024-01-15T00:02:41.9999999Z/..",
    ],
)
def test_datetimes_filter(api: Api, interval: str) -> None:
    begin, end = parse_interval(interval)
    found = {feature["id"] for feature in walk(api, {**BASE, "bbox": AOI, "datetime": interval})}
    wanted = {
        feature["id"]
        for feature in walk(api, {**BASE, "bbox": AOI})
        if (begin is None or datetime.fromisoformat(feature["properties"]["datetime"]) >= begin)
        and (end is None or datetime.fromisoformat(feature["properties"]["datetime"]) <= end)
    }
    assert found == wanted
    assert found


def test_intervals() -> None:
    assert parse_interval(None) == (None, None)
    new_year = datetime(2024, 1, 1, tzinfo=UTC)
    assert parse_interval("2024-01-01T00:00:00Z") == (new_year, new_year)
    assert parse_interval("2024-01-01T00:00:00Z/..") == (new_year, None)
    assert parse_interval("/2023-12-31T23:59:60Z") == (None, new_year)
    assert parse_interval("2024-01-01T10:59:59.5+11:00")[0] == new_year - timedelta(seconds=0.5)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2024-01-15",
            "2024-01-14/2024-01-15",
            "2024-01-15T00:02:41",
            "20240115",
            "2024-W03-1",
            "",
            "/",
            "../..",
        ),
        *("2024-01-15 00:02:41Z", "2024-01-15T00:02:41,52Z", "2024-01-15T00:02:41Z\n", "2024-01-15T00:02Z"),
        *(
            "2024-02-30T00:00:00Z",
            "2024-01-15T24:00:00Z",
            "2024-01-15T00:00:61Z",
            "2024-01-15T00:00:00+24:00",
        ),
        *("２０２４-01-15T00:02:41Z", "2024-01-15T00:02:41+1100", "2024-01-15T00:02:41.Z", "x/..", "../x"),
        "2024-01-15T00:00:00Z/2024-01-14T00:00:00Z",
        "2024-01-15T00:00:00Z/2024-01-16T00:00:00Z/2024-01-17T00:00:00Z",
    ],
)
def test_what_is_no_rfc_3339_is_refused_in_every_search(api: Api, text: str) -> None:
    for operation in ("catalog.search", "catalog.search_stream", "catalog.federated_search"):
        api.problem(422, operation, {"host_name": "earthsearch-aws", "datetime": text})
    api.problem(422, "stac.search", {"datetime": text})
    api.problem(422, "items.search", {"project_id": "example-project", "datetime": text})


def test_a_bbox_may_cross_the_antimeridian(api: Api) -> None:
    crossing = [160.6, -55.95, -170, -25.89]
    assert walk(api, {**BASE, "bbox": crossing}) == []
    around = [150.0, -35.0, -170.0, -33.0]  # Sydney is in it, Perth is not
    assert {one["id"] for one in walk(api, {**BASE, "bbox": AOI})} <= {
        one["id"] for one in walk(api, {**BASE, "bbox": around})
    }
    assert not walk(api, {**BASE, "bbox": [160, -90, 110, 90]})
    project = api("projects.create", {"name": "pacific"})["id"]
    kind = {"type": "clip", "project_id": project}
    fiji = api("items.create", {**kind, "name": "fiji", "bbox": [177.0, -19.0, -178.0, -16.0]})["id"]
    api("items.create", {**kind, "name": "rome", "bbox": [12.0, 41.0, 13.0, 42.0]})
    for box in ([179, -18, 180, -17], [-180, -18, -179, -17], [170, -20, 0, -170, -10, 9]):
        found = api("items.search", {"project_id": project, "bbox": box})["features"]
        assert [one["id"] for one in found] == [fiji], box
    assert api("items.search", {"project_id": project, "bbox": [-170, -20, 170, -10]})["features"] == []


def test_unknown_collections_are_an_empty_page(api: Api) -> None:
    assert walk(api, {**BASE, "collections": ["no-such"]}) == []
    assert api("stac.search", {"collections": ["no-such"]})["numberMatched"] == 0


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"name": {"startsWith": "Capture 1"}}, lambda one: one["name"].startswith("Capture 1")),
        ({"name": {"endsWith": "7"}}, lambda one: one["name"].endswith("7")),
        ({"name": {"contains": "ure 12"}}, lambda one: "ure 12" in one["name"]),
        ({"name": {"in": ["Capture 3", "Capture 4", "none"]}}, lambda one: one["name"][8:] in ("3", "4")),
        ({"cloud_cover": {"lt": 50, "gte": 20}}, lambda one: 20 <= one.get("cloud_cover", -1) < 50),
        ({"name": {"neq": "Capture 5"}}, lambda one: one["name"] != "Capture 5"),
        ({"name": {"eq": "nothing"}}, lambda one: False),
        ({"no_such": {"gt": 5}}, lambda one: False),
    ],
)
def test_items_are_filtered_by_their_query(
    api: Api, query: dict[str, Any], fits: Callable[[Any], bool]
) -> None:
    for operation, body in (("items.search", {"project_id": "example-project"}), ("items.search_org", {})):
        everything = api(operation, {**body, "limit": 1000})["features"]
        page = api(operation, {**body, "limit": 1000, "query": query})
        assert [one["id"] for one in page["features"]] == [
            one["id"] for one in everything if fits(one["properties"])
        ]
        assert page["numberMatched"] == len(page["features"])


@pytest.mark.parametrize(
    "query",
    [
        *({"name": {"in": "a,b"}}, {"name": {"startsWith": 5}}, {"name": {"like": "a"}}, {"name": "a"}),
        *({"gsd": {"lt": [1]}}, {"gsd": {"eq": {}}}),
    ],
)
def test_a_query_that_cannot_be_read_is_refused(api: Api, query: dict[str, Any]) -> None:
    api.problem(422, "items.search", {"project_id": "example-project", "query": query})
    assert api.raw("catalog.search", {"host_name": "earthsearch-aws", "query": query}).status_code == 422


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_sortby_sorts_and_is_stable_from_page_to_page(api: Api, direction: str) -> None:
    sortby = [{"field": "properties.eo:cloud_cover", "direction": direction}]
    body = {"collections": ["sentinel-2-l2a"], "bbox": AOI, "sortby": sortby, "limit": 50}
    pages = [api("stac.search", {**body, "page": number})["features"] for number in range(8)]
    found = [one["properties"]["eo:cloud_cover"] for page in pages for one in page]
    assert found == sorted(found, reverse=direction == "desc")
    assert len(found) > 300
    names = {"project_id": "example-project", "sortby": [{"field": "name", "direction": direction}]}
    found = [one["properties"]["name"] for one in api("items.search", names)["features"]]
    assert found == sorted(found, reverse=direction == "desc")
    assert len(found) > 50
    for wrong in ([{"field": "no_such", "direction": "asc"}], [{"direction": "asc"}]):
        assert api.raw("items.search", {**names, "sortby": wrong}).status_code == 422


@pytest.mark.slow
@pytest.mark.parametrize(
    ("filter", "fits"),
    [
        ({"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]}, lambda one: one["eo:cloud_cover"] < 10),
        (
            {
                "op": "and",
                "args": [
                    {"op": ">=", "args": [{"property": "eo:cloud_cover"}, 50]},
                    {"op": "in", "args": [{"property": "platform"}, ["sentinel-2a"]]},
                ],
            },
            lambda one: one["eo:cloud_cover"] >= 50 and one["platform"] == "sentinel-2a",
        ),
        (
            {"op": "not", "args": [{"op": "like", "args": [{"property": "platform"}, "%2b"]}]},
            lambda one: one["platform"] != "sentinel-2b",
        ),
    ],
)
def test_cql2_filters(api: Api, filter: dict[str, Any], fits: Callable[[Any], bool]) -> None:
    body = {"collections": ["sentinel-2-l2a"], "bbox": AOI, "limit": 1000}
    everything = api("stac.search", body)["features"]
    found = api("stac.search", {**body, "filter": filter, "filter-lang": "cql2-json"})["features"]
    assert found == [one for one in everything if fits(one["properties"])]
    assert 0 < len(found) < len(everything)


@pytest.mark.parametrize(
    "filter",
    [
        *({}, {"op": "frob", "args": [1]}, {"op": "<"}, {"op": "and", "args": [1, 2]}, {"property": "gsd"}),
        {"op": "<", "args": [{"property": "no_such"}, 10]},
        {"op": "<", "args": [{"property": 5}, 10]},
        {"op": "=", "args": [{"property": "gsd"}, {"op": "no", "args": []}]},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(api: Api, filter: dict[str, Any]) -> None:
    api.problem(422, "stac.search", {"filter": filter})
    api.problem(422, "stac.search", {"filter": {"op": "<", "args": []}, "filter-lang": "cql2-text"})


@pytest.mark.slow
def test_large_geometries_are_quick(api: Api) -> None:
    ring = [
        [151.24 + 0.3 * math.cos(2 * math.pi * n / 20_000), -33.88 + 0.3 * math.sin(2 * math.pi * n / 20_000)]
        for n in range(20_000)
    ]
    begun = time.perf_counter()
    api("catalog.search", {**BASE, "intersects": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}})
    assert time.perf_counter() - begun < 10


@pytest.mark.slow
def test_places_filter(api: Api) -> None:
    melbourne = [144.9, -37.9, 145.0, -37.7]
    assert walk(api, {**BASE, "bbox": [0, 0, 1, 1]}) == []
    there = {feature["id"] for feature in walk(api, {**BASE, "bbox": melbourne})}
    assert there
    assert not there & {feature["id"] for feature in walk(api, {**BASE, "bbox": AOI})}
    west, south, east, north = AOI
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    by_shape = {feature["id"] for feature in walk(api, {**BASE, "intersects": shape})}
    assert by_shape == {feature["id"] for feature in walk(api, {**BASE, "bbox": AOI})}
    by_box3 = {feature["id"] for feature in walk(api, {**BASE, "bbox": [west, south, 0, east, north, 9]})}
    assert by_box3 == by_shape
    point = {"type": "Point", "coordinates": [151.24, -33.88]}
    assert walk(api, {"host_name": "geopera-archive", "intersects": point})


def test_ids_and_hosts_filter(api: Api) -> None:
    assert [f["id"] for f in walk(api, {"host_name": "earthsearch-aws", "ids": [SCENE, "none"]})] == [SCENE]
    assert walk(api, {"host_name": "planetary-computer", "ids": [SCENE]}) == []
    collections = {feature["collection"] for feature in walk(api, {"host_name": "planetary-computer"})}
    assert collections == {"sentinel-2-l2a", "naip"}


@pytest.mark.parametrize(
    ("geometry", "hit"),
    [
        ({"type": "Point", "coordinates": [5, 5]}, True),
        ({"type": "Point", "coordinates": [15, 5]}, False),
        ({"type": "MultiPoint", "coordinates": [[15, 5], [1, 1]]}, True),
        ({"type": "LineString", "coordinates": [[-5, 5], [15, 5]]}, True),
        ({"type": "LineString", "coordinates": [[-5, 5], [-1, 20]]}, False),
        ({"type": "Polygon", "coordinates": [[[-9, -9], [19, -9], [19, 19], [-9, 19], [-9, -9]]]}, True),
        ({"type": "Polygon", "coordinates": [[[2, 2], [3, 2], [3, 3], [2, 2]]]}, True),
        ({"type": "Polygon", "coordinates": [[[11, 0], [20, 0], [20, 9], [11, 0]]]}, False),
        ({"type": "Polygon", "coordinates": [[[10, 0], [20, 0], [20, 9], [10, 0]]]}, True),  # they touch
        (
            {
                "type": "Polygon",
                "coordinates": [
                    [[-90, -80], [90, -80], [90, 80], [-90, 80], [-90, -80]],
                    [[-50, -50], [50, -50], [50, 50], [-50, 50], [-50, -50]],
                ],
            },
            False,  # inside the hole
        ),
        ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [5, 5]}]}, True),
    ],
)
def test_shapes_intersect(geometry: dict[str, Any], hit: bool) -> None:
    square: Shape = boxes_shape([(0, 0, 10, 10)])
    shape = parse_geometry(geometry)
    assert shape.intersects(square) is hit
    assert square.intersects(shape) is hit


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": "Circle", "coordinates": []},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}},
        {
            "type": "GeometryCollection",
            "geometries": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}}],
        },
        {"type": "Point", "coordinates": ["1", "2"]},
        {"type": "MultiPolygon", "coordinates": []},
        {"type": "Point"},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Point", "coordinates": [500, 0]},
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "MultiPolygon", "coordinates": [[]]},
    ],
)
def test_what_is_no_geometry_is_refused(geometry: dict[str, Any]) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_geometry(geometry)
    assert caught.value.status == 422


def test_federated_search(api: Api) -> None:
    reply = api("catalog.federated_search", {"bbox": AOI, "limit": 50, "collections": ["sentinel-2-l2a"]})
    counts = {source["source_id"]: source["count"] for source in reply["sources"]}
    assert counts == {"earthsearch-aws": 320, "planetary-computer": 60, "geopera-archive": 0}
    assert len(reply["features"]) == 50
    only = api("catalog.federated_search", {"source_ids": ["geopera-archive"]})
    assert {feature["collection"] for feature in only["features"]} == {"vhr-optical"}
    api.problem(422, "catalog.federated_search", {"source_ids": ["nobody"]})


def test_stac_search_pages_from_zero(api: Api) -> None:
    body = {"bbox": AOI, "collections": ["sentinel-2-l2a"], "limit": 150}
    pages = [api("stac.search", {**body, "page": number}) for number in range(4)]
    assert [len(page["features"]) for page in pages] == [150, 150, 80, 0]
    assert pages[0]["numberMatched"] == 380
    assert len({feature["id"] for page in pages for feature in page["features"]}) == 380


def test_hosts_and_collections(api: Api) -> None:
    hosts = api("catalog.hosts.list")["hosts"]
    assert "earthsearch-aws" in {host["name"] for host in hosts}
    collections = api("catalog.collections.list", {"host_name": "earthsearch-aws"})["collections"]
    assert "sentinel-2-l2a" in {one["id"] for one in collections}
    assert len(api("catalog.collections.list")["collections"]) > len(collections)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/event-stream"),
        ("text/event-stream", "text/event-stream"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json", "application/json"),
        ("application/json;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("image/png, text/*", "text/event-stream"),
    ],
)
def test_the_stream_comes_in_the_wanted_form(api: Api, accept: str | None, kind: str) -> None:
    body = {**BASE, "bbox": AOI, "limit": 12}
    reply = api.raw("catalog.search_stream", body, **({"Accept": accept} if accept else {}))
    assert reply.headers["content-type"].split(";")[0] == kind
    if kind == "application/json":
        features = reply.json()["features"]
    elif kind == "application/x-ndjson":
        features = [json.loads(line) for line in reply.content.splitlines()]
    else:
        lines = reply.content.split(b"\n")
        features = [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]
    wanted = api("catalog.search", {**BASE, "bbox": AOI, "limit": 12})["features"]
    assert features == wanted
    assert api.raw("catalog.search_stream", body, Accept="image/png").status_code == 406


def test_the_first_record_comes_before_the_last_is_made(make_sandbox: Callable[..., Sandbox]) -> None:
    server = make_sandbox(stream_delay=0.02)
    with Api(server) as api:
        begun = time.monotonic()
        body = {**BASE, "limit": 20}
        with api.http.stream("POST", "/v1/op/catalog.search_stream", json=body) as reply:
            moments = [time.monotonic() - begun for chunk in reply.iter_raw() if b"data: " in chunk]
    assert len(moments) > 5
    assert moments[0] < moments[-1] - 0.15
