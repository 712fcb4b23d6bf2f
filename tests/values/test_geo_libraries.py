"""Places and times in bodies and results, with the real libraries: shapely, geopandas, pystac."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, feature, json_reply
from shapely.geometry import MultiPolygon, Point, box, mapping, shape

from geopera.errors import InvalidInputError
from geopera.models import CatalogSearchInput, StacFeature

Serve = Callable[[Callable[[Asked], Reply]], Wire]

AOI = box(151.18, -33.92, 151.30, -33.84)
BODY = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": 10}


def as_json(place: Any) -> Any:
    import json

    return json.loads(json.dumps(mapping(place)))


@pytest.fixture
def wire(serve: Serve) -> Wire:
    return serve(lambda asked: json_reply({"features": [feature(n) for n in range(3)]}))


def sent(flavour: Flavour, wire: Wire, call: Callable[[Any], Any]) -> Any:
    flavour(call(flavour.client("test-token", wire.url)))
    return wire.asked[-1].body


@pytest.mark.parametrize("place", [AOI, Point(151.2, -33.9), MultiPolygon([AOI])], ids=lambda p: p.geom_type)
def test_a_shape_in_a_body(flavour: Flavour, wire: Wire, place: Any) -> None:
    for call in (
        lambda client: client.catalog.search({**BODY, "intersects": place}),
        lambda client: client.catalog.search(**BODY, intersects=place),
        lambda client: client.catalog.search(CatalogSearchInput(**BODY, intersects=place)),
        lambda client: client.catalog.search(
            CatalogSearchInput.from_dict({**BODY, "intersects": as_json(place)})
        ),
    ):
        assert sent(flavour, wire, call)["intersects"] == as_json(place)


def test_a_feature_in_a_body_is_its_geometry(flavour: Flavour, wire: Wire) -> None:
    one = StacFeature.from_dict(feature(1))
    body = sent(flavour, wire, lambda client: client.catalog.search({**BODY, "intersects": one}))
    assert body["intersects"] == feature(1)["geometry"]
    body = sent(flavour, wire, lambda client: client.catalog.search({**BODY, "intersects": one.geometry}))
    assert body["intersects"] == feature(1)["geometry"]


def test_places_deep_in_an_open_body(flavour: Flavour, wire: Wire) -> None:
    group = {"sensor": "optical-vhr", "geometry": AOI}
    body = sent(flavour, wire, lambda client: client.orders.tasking.estimate({"groups": [group]}))
    assert body == {"groups": [{"sensor": "optical-vhr", "geometry": as_json(AOI)}]}
    assert group["geometry"] is AOI


def test_a_plain_dict_is_treated_like_the_object(flavour: Flavour, wire: Wire) -> None:
    given = {"type": "Feature", "geometry": as_json(AOI), "properties": {}}
    body = sent(flavour, wire, lambda client: client.catalog.search({**BODY, "intersects": given}))
    assert body["intersects"] == as_json(AOI)


def test_what_is_no_place_is_refused(flavour: Flavour, wire: Wire) -> None:
    client = flavour.client("test-token", wire.url)
    for bad in ("POINT (1 2)", 5, object()):
        with pytest.raises(InvalidInputError, match="intersects"):
            flavour(client.catalog.search({**BODY, "intersects": bad}))
    assert wire.asked == []


DAY = dt.date(2024, 1, 15)
EAST = dt.timezone(dt.timedelta(hours=10))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (dt.datetime(2024, 1, 15, 10, tzinfo=EAST), "2024-01-15T10:00:00+10:00"),
        (dt.datetime(2024, 1, 15, 10, tzinfo=dt.UTC), "2024-01-15T10:00:00Z"),
        (DAY, "2024-01-15T00:00:00Z/2024-01-15T23:59:59Z"),
        ((DAY, None), "2024-01-15T00:00:00Z/.."),
        ((None, DAY), "../2024-01-15T23:59:59Z"),
        ((DAY, DAY), "2024-01-15T00:00:00Z/2024-01-15T23:59:59Z"),
        ((DAY, dt.datetime(2024, 1, 16, tzinfo=dt.UTC)), "2024-01-15T00:00:00Z/2024-01-16T00:00:00Z"),
        ("2024-01-15T00:00:00Z/..", "2024-01-15T00:00:00Z/.."),
    ],
)
def test_datetimes_and_pairs_in_a_body(flavour: Flavour, wire: Wire, given: Any, text: str) -> None:
    for call in (
        lambda client: client.catalog.search({**BODY, "datetime_": given}),
        lambda client: client.catalog.search({**BODY, "datetime": given}),
        lambda client: client.catalog.search(**BODY, datetime_=given),
        lambda client: client.catalog.search(CatalogSearchInput(**BODY, datetime_=given)),
    ):
        assert sent(flavour, wire, call)["datetime"] == text


def test_an_interval_that_makes_no_sense_is_refused(flavour: Flavour, wire: Wire) -> None:
    client = flavour.client("test-token", wire.url)
    with pytest.raises(InvalidInputError, match="before it starts") as caught:
        flavour(client.catalog.search({**BODY, "datetime_": (DAY, dt.date(2024, 1, 14))}))
    assert caught.value.error.detail[0]["loc"][-1] == "datetime"
    assert wire.asked == []


def test_a_feature_and_a_page_are_places(flavour: Flavour, client: Any) -> None:
    page = flavour(client.catalog.search({**BODY, "intersects": AOI}))
    assert page.__geo_interface__["type"] == "FeatureCollection"
    assert len(page.__geo_interface__["features"]) == 10
    for one in page.features:
        assert one.__geo_interface__["type"] == "Feature"
        assert shape(one.geometry).intersects(AOI)
        assert shape(one.__geo_interface__["geometry"]).equals(shape(one.geometry))
        assert not hasattr(one.properties, "__geo_interface__")
    streamed = flavour.collect(
        client.catalog.search_stream.iter({"host_name": "earthsearch-aws"}, max_items=1)
    )
    assert streamed[0].__geo_interface__["type"] == "Feature"


def test_what_is_no_place_has_no_geo_interface(flavour: Flavour, client: Any) -> None:
    assert not hasattr(flavour(client.billing.credits.balance({})), "__geo_interface__")
    assert not hasattr(flavour(client.orders.list({})), "__geo_interface__")
    assert not hasattr(CatalogSearchInput(host_name="h"), "__geo_interface__")


def test_a_table_of_geopandas(flavour: Flavour, client: Any) -> None:
    geopandas = pytest.importorskip("geopandas")
    page = flavour(client.catalog.search({**BODY, "intersects": AOI}))
    for made in (page, page.features, page.__geo_interface__):
        table = geopandas.GeoDataFrame.from_features(made, crs="EPSG:4326")
        assert len(table) == 10
        assert table.geometry.notna().all()
        assert list(table["eo:cloud_cover"]) == [one.properties["eo:cloud_cover"] for one in page.features]
    assert table.intersects(AOI).all()


def test_places_of_geopandas(flavour: Flavour, wire: Wire) -> None:
    geopandas = pytest.importorskip("geopandas")
    table = geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[AOI, Point(1, 2)], crs="EPSG:4326")
    one = as_json(AOI)
    for place in (
        table.iloc[0],
        next(table.itertuples()),
        table.geometry.iloc[0],
        table.iloc[[0]],
        table.geometry[:1],
    ):
        body = sent(
            flavour, wire, lambda client, place=place: client.catalog.search({**BODY, "intersects": place})
        )
        assert body["intersects"] == one
    body = sent(flavour, wire, lambda client: client.catalog.search({**BODY, "intersects": table}))
    assert body["intersects"] == {"type": "GeometryCollection", "geometries": [one, as_json(Point(1, 2))]}
    whole = {"featureCollection": table}
    body = sent(flavour, wire, lambda client: client.invoke("orders.unknown_to_the_manifest", whole))
    assert [f["geometry"] for f in body["featureCollection"]["features"]] == [one, as_json(Point(1, 2))]
    assert body["featureCollection"]["features"][1]["properties"] == {"name": "b"}


def test_an_item_of_pystac(flavour: Flavour, client: Any) -> None:
    pystac = pytest.importorskip("pystac")
    page = flavour(client.catalog.search({**BODY, "intersects": AOI}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in page.features:
            item = pystac.Item.from_dict(one.to_dict())
            assert item.id == one.id
            assert item.datetime is not None
            assert item.collection_id == "sentinel-2-l2a"
            assert item.assets.keys() == one.to_dict()["assets"].keys()
            assert StacFeature.from_dict(item.to_dict(transform_hrefs=False)).id == one.id
            body = {**BODY, "intersects": item}
            assert one.id in [found.id for found in flavour(client.catalog.search(body)).features]
