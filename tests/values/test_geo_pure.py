"""Places and times as the API writes them."""

from __future__ import annotations

import collections
import datetime as dt
import json

import numpy
import pandas
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, mapping

from geopera._values.datetimes import interval, rfc3339
from geopera._values.geometry import feature_collection, geo_interface, geometry, has_geometry
from geopera.types import JSONObject

SQUARE = box(151.18, -33.92, 151.30, -33.84)
POINT = {"type": "Point", "coordinates": [1.0, 2.0]}


class Place:
    """Something that has a geo interface and nothing else."""

    def __init__(self, value: object) -> None:
        self.__geo_interface__ = value


def feature(geometry: object) -> dict[str, object]:
    return {"type": "Feature", "properties": {"a": 1}, "geometry": geometry}


@pytest.mark.parametrize(
    "shape",
    [
        Point(1, 2),
        LineString([(0, 0), (1, 1)]),
        SQUARE,
        Polygon([(0, 0), (9, 0), (9, 9), (0, 0)], [[(2, 1), (3, 1), (3, 2), (2, 1)]]),
        MultiPolygon([SQUARE, box(0, 0, 1, 1)]),
        shapely.GeometryCollection([Point(0, 0), SQUARE]),
        Point(1, 2, 3),
    ],
    ids=lambda shape: shape.geom_type,
)
def test_a_shape_becomes_its_geojson(shape: shapely.Geometry) -> None:
    assert has_geometry(shape)
    found = geometry(shape)
    assert found == json.loads(json.dumps(mapping(shape)))
    assert found == json.loads(json.dumps(found))  # lists, no tuples
    assert shapely.geometry.shape(found).equals(shape)


def test_a_feature_gives_its_geometry() -> None:
    assert geometry(Place(feature(POINT))) == POINT
    assert geometry(Place(feature(Point(1, 2)))) == POINT
    assert geometry(feature(POINT)) == POINT
    assert geometry(POINT) == POINT
    assert geometry(POINT) is not POINT
    assert geometry(JSONObject(feature(JSONObject(POINT)))) == POINT


def test_a_collection_gives_its_only_geometry_or_all_of_them() -> None:
    one = Place({"type": "FeatureCollection", "features": [feature(POINT)]})
    assert geometry(one) == POINT
    with_null = Place({"type": "FeatureCollection", "features": [feature(POINT), feature(None)]})
    with pytest.raises(ValueError, match="no geometry") as caught:
        geometry(with_null)
    assert caught.value.path == ("features", 1)
    two = Place({"type": "FeatureCollection", "features": [feature(POINT), feature(SQUARE)]})
    assert geometry(two) == {
        "type": "GeometryCollection",
        "geometries": [POINT, json.loads(json.dumps(mapping(SQUARE)))],
    }


def test_a_row_gives_the_geometry_that_it_holds() -> None:
    Row = collections.namedtuple("Row", "name geometry")
    assert has_geometry(Row("a", Point(1, 2)))
    assert geometry(Row("a", Point(1, 2))) == POINT


def test_numbers_of_numpy_become_pythons() -> None:
    found = geometry(Place({"type": "Point", "coordinates": (numpy.float64(1.0), numpy.float32(2.0))}))
    assert json.dumps(found) == '{"type": "Point", "coordinates": [1.0, 2.0]}'
    found = geometry(Place({"type": "LineString", "coordinates": numpy.array([[0, 1], [2, 3]])}))
    assert json.dumps(found["coordinates"]) == "[[0, 1], [2, 3]]"


@pytest.mark.parametrize(
    "value", [None, 1, "POINT (1 2)", b"", [1, 2], object(), Place, Place(None), Place("x")]
)
def test_what_is_no_place_is_refused(value: object) -> None:
    assert not has_geometry(value)
    with pytest.raises(TypeError, match="__geo_interface__"):
        geometry(value)
    with pytest.raises(TypeError, match="__geo_interface__"):
        feature_collection(value)


@pytest.mark.parametrize(
    "value",
    [
        feature(None),
        {"type": "FeatureCollection", "features": []},
        {},
        {"type": "Point"},
        {"coordinates": []},
    ],
)
def test_a_place_without_a_geometry_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="geometry"):
        geometry(Place(value))


def test_feature_collections() -> None:
    whole = {"type": "FeatureCollection", "features": [feature(POINT), feature(POINT)]}
    assert feature_collection(Place(whole)) == whole
    assert feature_collection(whole) == whole
    assert feature_collection(Place(feature(POINT))) == {
        "type": "FeatureCollection",
        "features": [feature(POINT)],
    }
    assert feature_collection(Point(1, 2)) == {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": POINT, "properties": {}}],
    }


def test_the_interface_of_what_is_read() -> None:
    item = {"id": "a", "geometry": POINT, "properties": {"x": 1}, "bbox": [1, 2, 1, 2]}
    assert geo_interface(item) == {"type": "Feature", **item}
    assert geo_interface({"geometry": None, "properties": None}) == {
        "type": "Feature",
        "geometry": None,
        "properties": {},
    }
    page = {"features": [item, item], "next": "x"}
    assert geo_interface(page) == {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", **item}] * 2,
        "next": "x",
    }
    assert geo_interface({"features": []}) == {"type": "FeatureCollection", "features": []}
    assert geo_interface(POINT) == POINT
    for other in (
        {},
        {"features": None},
        {"features": ["a"]},
        {"features": [{}]},
        {"geometry": POINT},
        {"type": "x"},
    ):
        assert geo_interface(other) is None


EAST = dt.timezone(dt.timedelta(hours=10))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05Z"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2024-01-02T03:04:05Z"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 600, tzinfo=dt.UTC), "2024-01-02T03:04:05.000600Z"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=EAST), "2024-01-02T03:04:05+10:00"),
        (
            dt.datetime(2024, 1, 2, tzinfo=dt.timezone(-dt.timedelta(hours=3, minutes=30))),
            "2024-01-02T00:00:00-03:30",
        ),
        (dt.datetime(1890, 1, 2, tzinfo=dt.timezone(dt.timedelta(seconds=90))), "1890-01-01T23:58:30Z"),
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), "0001-01-01T00:00:00Z"),
        (dt.date(2024, 2, 29), "2024-02-29"),
    ],
)
def test_datetimes(value: dt.date, text: str) -> None:
    assert rfc3339(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00Z/..", "2024-01-01T00:00:00Z/.."),
        (dt.datetime(2024, 1, 1, tzinfo=EAST), "2024-01-01T00:00:00+10:00"),
        (dt.date(2024, 1, 1), "2024-01-01T00:00:00Z/2024-01-01T23:59:59Z"),
        ((dt.date(2024, 1, 1), dt.date(2024, 3, 31)), "2024-01-01T00:00:00Z/2024-03-31T23:59:59Z"),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 1)], "2024-01-01T00:00:00Z/2024-01-01T23:59:59Z"),
        ((dt.date(2024, 1, 1), None), "2024-01-01T00:00:00Z/.."),
        ((None, dt.date(2024, 1, 1)), "../2024-01-01T23:59:59Z"),
        (("..", dt.datetime(2024, 1, 1)), "../2024-01-01T00:00:00Z"),
        (("2024-01-01T00:00:00Z", dt.date(2024, 1, 1)), "2024-01-01T00:00:00Z/2024-01-01T23:59:59Z"),
        ((dt.datetime(2024, 1, 1), dt.date(2024, 1, 1)), "2024-01-01T00:00:00Z/2024-01-01T23:59:59Z"),
        (numpy.datetime64("2024-01-01T05:06:07"), "2024-01-01T05:06:07Z"),
        (numpy.datetime64("2024-01-01T05:06:07.123456789"), "2024-01-01T05:06:07.123456Z"),
        (numpy.datetime64("2024-03"), "2024-03-01T00:00:00Z/2024-03-31T23:59:59Z"),
        (numpy.datetime64("2023-12"), "2023-12-01T00:00:00Z/2023-12-31T23:59:59Z"),
        (numpy.datetime64("2024"), "2024-01-01T00:00:00Z/2024-12-31T23:59:59Z"),
        (numpy.datetime64("2024-03-07", "W"), "2024-03-07T00:00:00Z/2024-03-13T23:59:59Z"),
        (
            (numpy.datetime64("2024-01"), numpy.datetime64("2024-02")),
            "2024-01-01T00:00:00Z/2024-02-29T23:59:59Z",
        ),
        (
            numpy.array(["2024-01", "2024-02"], "datetime64[M]"),
            "2024-01-01T00:00:00Z/2024-02-29T23:59:59Z",
        ),
        (pandas.Period("2024-02"), "2024-02-01T00:00:00Z/2024-02-29T23:59:59Z"),
        (pandas.Period("2024Q4"), "2024-10-01T00:00:00Z/2024-12-31T23:59:59Z"),
        (pandas.Period("2024-03-04", "W"), "2024-03-04T00:00:00Z/2024-03-10T23:59:59Z"),
        (pandas.Period("2024-03-04 10:00", "h"), "2024-03-04T10:00:00Z/2024-03-04T10:59:59Z"),
        (pandas.DatetimeIndex(["2024-01-01", "2024-01-02"]), "2024-01-01T00:00:00Z/2024-01-02T00:00:00Z"),
        (slice("2024-01", "2024-02"), "2024-01-01T00:00:00Z/2024-02-29T23:59:59Z"),
        ("2024", "2024-01-01T00:00:00Z/2024-12-31T23:59:59Z"),
        ("2024-12", "2024-12-01T00:00:00Z/2024-12-31T23:59:59Z"),
        ("2024-01-31", "2024-01-31T00:00:00Z/2024-01-31T23:59:59Z"),
        ("2024-01/2024-03", "2024-01-01T00:00:00Z/2024-03-31T23:59:59Z"),
        ("2024-01-01/2024-03-01T12:00:00Z", "2024-01-01T00:00:00Z/2024-03-01T12:00:00Z"),
        (("2024-01-01", dt.date(2024, 1, 31)), "2024-01-01T00:00:00Z/2024-01-31T23:59:59Z"),
        ("2024-01-15T10:00:00", "2024-01-15T10:00:00Z"),
        ("2024-01-15 10:00:00Z", "2024-01-15T10:00:00Z"),
        (
            ("2024-05-01T08:00:00+08:00", "2024-05-01T00:30:00Z"),
            "2024-05-01T08:00:00+08:00/2024-05-01T00:30:00Z",
        ),
    ],
)
def test_intervals(value: object, text: str) -> None:
    assert interval(value) == text


@pytest.mark.parametrize("value", [None, 5, {}, (1, 2), object(), (dt.date(2024, 1, 1), 5)])
def test_another_type_is_no_datetime(value: object) -> None:
    with pytest.raises(TypeError):
        interval(value)


@pytest.mark.parametrize(
    "value",
    [
        (),
        (None, None),
        ("..", ""),
        (dt.date(2024, 1, 1),),
        (dt.date(2024, 1, 1),) * 3,
        (dt.date(2024, 1, 2), dt.date(2024, 1, 1)),
        (dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 1, 13, tzinfo=EAST)),
    ],
)
def test_an_interval_that_makes_no_sense_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):
        interval(value)


@pytest.mark.parametrize(
    "text",
    [
        "1985-04-12T23:20:50.52Z",
        "1996-12-19T16:39:57-08:00",
        "1990-12-31T23:59:60Z",
        "1990-12-31T15:59:60-08:00",
        "1985-04-12t23:20:50.123456789012z",
        "1985-04-12T23:20:50-00:00",
        "../1985-04-12T23:20:50Z",
        "1985-04-12T23:20:50Z/..",
        "/1985-04-12T23:20:50Z",
        "1985-04-12T23:20:50Z/",
        "1985-04-12T23:20:50Z/1985-04-12T23:20:50Z",
        "1985-04-12T23:20:50.1Z/1985-04-12T23:20:50.12Z",
    ],
)
def test_valid_text_is_left_as_it_came(text: str) -> None:
    assert interval(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "..",
        "../..",
        "20240115",
        "2024-W03-1",
        "24-01-15",
        "2024-1-5",
        "2024-13",
        "2023-02-29",
        "0000",
        "2024-01-15T10:00:00+0100",
        "2024-01-15T10:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:00:61Z",
        "2024-01-15T10:00:60Z",
        "2024-01-15T10:00:00,5Z",
        "2024-01-15T10:00:00.Z",
        "2024-01-15T10:00:00+24:00",
        "2024-01-15/2024-01-16/2024-01-17",
        "last week",
        "2024-01-15T",
        "2024-02/2024-01",
        "2024-05-01T08:00:00+08:00/2024-04-30T23:00:00Z",
        "２０２４",
        "2024-01-15T10:00:00Z\n",
        "1985-04-12T23:20:50.12Z/1985-04-12T23:20:50.1Z",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        interval(text)


@pytest.mark.parametrize(
    "value",
    [pandas.NaT, numpy.datetime64("NaT", "D"), float("nan"), numpy.array("NaT", "datetime64[s]")],
    ids=repr,
)
def test_a_missing_date_is_no_open_end(value: object) -> None:
    for given in (value, (value, None), (dt.date(2024, 1, 1), value)):
        with pytest.raises(ValueError, match="missing"):
            interval(given)


def test_an_interval_of_pandas_names_the_pair() -> None:
    one = pandas.Interval(pandas.Timestamp("2024-01-01"), pandas.Timestamp("2024-01-02"))
    with pytest.raises(ValueError, match=r"interval\.left, interval\.right"):
        interval(one)
