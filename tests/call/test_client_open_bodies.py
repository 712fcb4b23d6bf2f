"""Open bodies that know their fields: what is near one is refused, what is near none passes."""

from __future__ import annotations

import json
from typing import Any

import geopandas
import numpy
import pystac
import pytest
import shapely
from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock
from shapely.geometry import box, mapping

from geopera.api.operations import orders_archive_place
from geopera.errors import InvalidInputError
from geopera.models import CatalogSearchInput

URL = "https://geopera.test"
FARM = box(151.18, -33.92, 151.30, -33.84)
TABLE = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[FARM], crs=4326)
ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["a"], "delivery": {"format": "geotiff"}}
GROUP = {"sensor": "optical-vhr", "geometry": mapping(FARM), "max_cloud_cover": 15}

MISSPELLED = [
    ("orders.archive.place", {**ORDER, "delivry": {}}, "delivry", "delivery"),
    ("orders.archive.place", {**ORDER, "item_id": "a"}, "item_id", "item_ids"),
    ("orders.archive.place", {**ORDER, "itemIds": ["a"]}, "itemIds", "item_ids"),
    ("orders.archive.place", {**ORDER, "Collection": "a"}, "Collection", "collection"),
    ("orders.archive.place", {**ORDER, "collections": ["a"]}, "collections", "collection"),
    ("orders.archive.place", {**ORDER, "delivery": {"fromat": "a"}}, "delivery.fromat", "format"),
    ("billing.topup", {"amout": 50, "currency": "usd"}, "amout", "amount"),
    ("processing.create", {"job_typ": "ndvi"}, "job_typ", "job_type"),
    ("processing.create", {"job_type": "ndvi", "inputs": {"item_id": "a"}}, "inputs.item_id", "item_ids"),
    ("processing.create_and_dispatch", {"jobType": "ndvi"}, "jobType", "job_type"),
    ("orders.tasking.place", {"grups": [GROUP]}, "grups", "groups"),
    ("orders.tasking.place", {"groups": [{**GROUP, "geometri": 1}]}, "groups.0.geometri", "geometry"),
    ("orders.tasking.place", {"groups": [{**GROUP, "geom": 1}]}, "groups.0.geom", "geometry"),
    ("orders.tasking.estimate", {"groups": [{**GROUP, "senser": 1}]}, "groups.0.senser", "sensor"),
    ("clip.create_from_item", {"item_id": "a", "aoi_geometri": 1}, "aoi_geometri", "aoi_geometry"),
    ("catalog.search_stream", {"host_name": "a", "bboxx": [0, 0, 1, 1]}, "bboxx", "bbox"),
    ("catalog.search_stream", {"host_nam": "a"}, "host_nam", "host_name"),
]


def operation(client: Any, id: str) -> Any:
    for name in id.split("."):
        client = getattr(client, name)
    return client


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.client("test-token", URL)


@pytest.fixture
def sent(httpx_mock: HTTPXMock) -> Any:
    httpx_mock.add_response(json={"features": []}, is_reusable=True, is_optional=True)
    return lambda: json.loads(httpx_mock.get_requests()[-1].content)


@pytest.mark.parametrize(("id", "body", "place", "meant"), MISSPELLED, ids=[row[2] for row in MISSPELLED])
def test_a_misspelled_field_is_refused_by_every_entrance(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, id: str, body: Any, place: str, meant: str
) -> None:
    call = operation(client, id)
    for entrance in (
        lambda: call(body),
        lambda: call(**body),
        lambda: client.invoke(id, body),
        lambda: call.preview(body),
    ):
        with pytest.raises(InvalidInputError) as caught:
            flavour(entrance())
        assert f"{place}: unknown field; did you mean {meant!r}?" in str(caught.value)
    assert httpx_mock.get_requests() == []


def test_a_misspelled_field_is_refused_by_the_functions(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.low_level(base_url=URL, token="t")
    with pytest.raises(InvalidInputError, match="'delivery'"):
        flavour.parsed(orders_archive_place, client=client, body={**ORDER, "delivry": 1})
    assert httpx_mock.get_requests() == []


@pytest.mark.parametrize(
    "extra",
    [
        {"notes": "a", "projectRef": 1, "priority": None},
        {"a_field_that_came_later": {"item": [{"geometri": 1}]}},
        {"delivery": {"format": "geotiff", "bucket": "b"}},
    ],
    ids=str,
)
def test_a_name_near_nothing_passes(flavour: Flavour, client: Any, sent: Any, extra: Any) -> None:
    flavour(client.orders.archive.place({**ORDER, **extra}))
    assert sent() == {**ORDER, **extra}


def test_every_name_passes_where_it_is_allowed(flavour: Flavour, client: Any, sent: Any) -> None:
    body = {**ORDER, "delivry": {}}
    flavour(client.with_options(extra_fields="allow").orders.archive.place(body))
    assert sent() == body
    flavour(flavour.client("t", URL, extra_fields="allow").orders.archive.place(body))
    assert sent() == body


@pytest.mark.parametrize(
    ("id", "body", "said"),
    [
        ("billing.topup", {"amount": 50.5, "currency": "usd"}, "amount: expected an integer, got 50.5"),
        (
            "orders.archive.place",
            {**ORDER, "item_ids": "a"},
            'item_ids: expected a list, got the text .*; write \\["a"\\]',
        ),
        ("catalog.search_stream", {"host_name": "h", "limit": "5"}, "limit: expected an integer"),
        ("catalog.search_stream", {"host_name": "h", "limit": 1000}, "limit: .*at most 500, got 1000"),
        ("catalog.search_stream", {"host_name": "h", "bbox": "1,2,3,4"}, "bbox: expected a list"),
        ("catalog.search_stream", {"host_name": "h", "max_items": 5}, "max_items: .*iter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_known_fields_have_types(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, id: str, body: Any, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        flavour(operation(client, id)(body))
    assert httpx_mock.get_requests() == []


def test_an_object_that_knows_its_system_is_judged_under_any_name(
    flavour: Flavour, client: Any, sent: Any, httpx_mock: HTTPXMock
) -> None:
    metres = TABLE.to_crs(32756)
    flavour(client.reports.generate(area_of_interest=metres, deep=[{"here": metres.geometry}]))
    for value in (sent()["area_of_interest"], sent()["deep"][0]["here"]):
        west, south = value["features"][0]["geometry"]["coordinates"][0][1]
        assert (round(west, 2), round(south, 2)) in {
            (151.18, -33.92),
            (151.3, -33.92),
            (151.3, -33.84),
            (151.18, -33.84),
        }
    old = {
        "type": "Point",
        "coordinates": [1, 2],
        "crs": {"type": "name", "properties": {"name": "EPSG:28992"}},
    }
    with pytest.raises(InvalidInputError, match=r"area: .*EPSG:28992"):
        flavour(client.reports.generate(area=old))


def test_what_the_schema_describes_otherwise_stays(flavour: Flavour, client: Any, sent: Any) -> None:
    flavour(
        client.processing.create(
            job_type="x", inputs={"aoi": "area-1", "datetime": "whenever", "bbox": {"a": 1}}
        )
    )
    assert sent()["inputs"] == {"aoi": "area-1", "datetime": "whenever", "bbox": {"a": 1}}
    query = {"filter": {"op": "=", "args": [{"property": "datetime"}, {"date": "2024-07-16"}]}}
    flavour(client.stac.search(query))
    assert sent() == query


def test_a_body_and_an_area_exclude_each_other(flavour: Flavour, client: Any, sent: Any) -> None:
    for call in (client.catalog.search, client.stac.search):
        host = {"host_name": "a"} if call == client.catalog.search else {}
        with pytest.raises(InvalidInputError, match="bbox and intersects exclude each other"):
            flavour(call({**host, "bbox": [1, 2, 3, 4], "intersects": FARM}))
        flavour(call({**host, "bbox": None, "intersects": FARM}))
        assert sent()["bbox"] is None


def test_a_model_converts_however_it_is_set(flavour: Flavour, client: Any, sent: Any) -> None:
    metres = TABLE.to_crs(32756)
    for setter in (
        lambda body: setattr(body, "intersects", metres),
        lambda body: body.__setitem__("intersects", metres),
    ):
        body = CatalogSearchInput(host_name="h")
        setter(body)
        body.datetime_ = numpy.datetime64("2024-03")
        flavour(client.catalog.search(body))
        assert sent()["intersects"]["type"] == "Polygon"
        assert abs(sent()["intersects"]["coordinates"][0][0][1]) < 90
        assert sent()["datetime"] == "2024-03-01T00:00:00Z/2024-03-31T23:59:59Z"
    with pytest.raises(ValueError, match="4 or 6"):
        flavour(client.catalog.search(CatalogSearchInput(host_name="h", bbox=[1, 2, 3])))


def test_a_feature_stands_for_its_id(flavour: Flavour, client: Any, sent: Any) -> None:
    import datetime as dt

    item = pystac.Item("b", mapping(FARM), [*FARM.bounds], dt.datetime(2024, 1, 1, tzinfo=dt.UTC), {})
    feature = {"type": "Feature", "id": "c", "geometry": None, "properties": {}}
    flavour(client.orders.archive.place(collection="x", item_ids=["a", item, feature]))
    assert sent()["item_ids"] == ["a", "b", "c"]
    flavour(client.processing.create(job_type="x", inputs={"item_ids": (item,)}))
    assert sent()["inputs"] == {"item_ids": ["b"]}


def test_windows_last_for_whole_days(flavour: Flavour, client: Any, sent: Any) -> None:
    import datetime as dt

    window = {"start": dt.date(2024, 2, 1), "end": "2024-02"}
    flavour(client.orders.tasking.place(groups=[{**GROUP, "window": window}]))
    assert sent()["groups"][0]["window"] == {"start": "2024-02-01T00:00:00Z", "end": "2024-02-29T23:59:59Z"}
    with pytest.raises(InvalidInputError, match=r"groups\.0\.window: .*before it starts"):
        flavour(client.orders.tasking.place(groups=[{**GROUP, "window": {"start": "2025", "end": "2024"}}]))
    with pytest.raises(InvalidInputError, match=r"groups\.0\.window\.end: .*missing"):
        wrong = {"start": "2024", "end": numpy.datetime64("NaT", "D")}
        flavour(client.orders.tasking.place(groups=[{**GROUP, "window": wrong}]))


def test_a_large_polygon_costs_milliseconds() -> None:
    import time

    from geopera._call.endpoint import endpoint
    from geopera.manifest import default

    circle = shapely.Point(10, 10).buffer(1, quad_segs=12_500)
    body = {"host_name": "h", "intersects": mapping(circle)}
    start = time.perf_counter()
    endpoint(default(), "catalog.search").input.encode(body, {})
    assert time.perf_counter() - start < 2


def test_values_in_messages_are_cut_and_redacted(flavour: Flavour) -> None:
    secret = "a-token-of-the-client"
    client = flavour.client(secret, URL)
    for fields in (
        {"host_name": "h", "limit": secret},
        {"host_name": "h", "datetime_": secret},
        {"host_name": "h", "limit": "x" * 100_000},
        {"host_name": ["gpra_" + "x" * 30]},
    ):
        with pytest.raises(InvalidInputError) as caught:
            flavour(client.catalog.search(**fields))
        assert secret not in str(caught.value)
        assert "gpra_x" not in str(caught.value)
        assert len(str(caught.value)) < 400
    with pytest.raises(InvalidInputError) as caught:
        flavour(client.share.link.create(target_type="item", target_id="a", password=["hunter2"]))
    assert "hunter2" not in str(caught.value)


METRES = TABLE.to_crs(32756)
WRONG = {
    "misspelt": ("orders.archive.place", {**ORDER, "delivry": {}}),
    "misspelt money": ("billing.topup", {"amout": 50, "currency": "usd"}),
    "misspelt group": ("orders.tasking.place", {"groups": [{**GROUP, "geometri": 1}]}),
    "metres": ("orders.tasking.place", {"groups": [{**GROUP, "geometry": METRES.iloc[0]}]}),
    "empty": ("orders.tasking.place", {"groups": [{**GROUP, "geometry": shapely.Polygon()}]}),
    "none": ("orders.tasking.place", {"groups": [{**GROUP, "geometry": None}]}),
    "list": ("orders.tasking.place", {"groups": [{**GROUP, "geometry": [FARM, FARM]}]}),
    "text": ("orders.tasking.place", {"groups": [{**GROUP, "geometry": FARM.wkt}]}),
    "no rows": (
        "orders.place",
        {"workspaceId": "w", "dataProduct": "d", "featureCollection": TABLE.iloc[:0]},
    ),
    "clip": ("clip.create_from_item", {"item_id": "a", "aoi_geometry": shapely.Polygon()}),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_order_that_is_wrong_costs_nothing(flavour: Flavour, make_sandbox: Any, name: str) -> None:
    server = make_sandbox()
    client = flavour.client(server.token, server.url)
    before = flavour(client.billing.credits.balance())
    id, body = WRONG[name]
    with pytest.raises(InvalidInputError):
        flavour(operation(client, id)(body))
    assert flavour(client.billing.credits.balance()) == before
