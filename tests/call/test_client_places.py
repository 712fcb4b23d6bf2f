"""Whatever is given for a geometry, a box or a datetime is refused with its field named, or leaves valid."""

from __future__ import annotations

import collections
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import geopandas
import numpy
import odc.geo.geom
import pandas
import pyproj
import pystac
import pytest
import shapely
from helpers.geojson import check_box, check_collection, check_filter, check_geometry, check_instant
from shapely.geometry import box, mapping

from geopera._call.endpoint import Endpoint, endpoint
from geopera._repl.field_types import fields, is_object, resolve
from geopera.errors import InvalidInputError
from geopera.manifest import bundled_bytes, default
from geopera.sandbox.wire.examples import example_body

MANIFEST = json.loads(bundled_bytes())
FARM = box(151.18, -33.92, 151.30, -33.84)
TABLE = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[FARM], crs=4326)
METRES = TABLE.to_crs(32756)
DUTCH = geopandas.GeoDataFrame(geometry=[box(100, 20, 160, 60)], crs="EPSG:28992")
FEATURE = {"type": "Feature", "properties": {"a": 1}, "geometry": mapping(FARM)}
OLD = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32756"}}
"""A file of before RFC 7946 names its reference system."""
EMPTY = shapely.Polygon()


class Own:
    """An object that knows its reference system and cannot leave it."""

    crs = pyproj.CRS(3857)

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        return {"type": "Point", "coordinates": (1.0, 2.0)}


ITEM = pystac.Item("a", mapping(FARM), [*FARM.bounds], dt.datetime(2024, 1, 1, tzinfo=dt.UTC), {})
Row = collections.namedtuple("Row", "name geometry")

GEOMETRIES: dict[str, Any] = {
    "shape": FARM,
    "ring": FARM.exterior,
    "table": TABLE,
    "series": TABLE.geometry,
    "row": TABLE.iloc[0],
    "tuple": Row("a", FARM),
    "two rows": pandas.concat([TABLE, TABLE]),
    "feature": FEATURE,
    "collection": json.loads(TABLE.to_json()),
    "pystac": ITEM,
    "odc": odc.geo.geom.box(151, -34, 152, -33, "EPSG:4326"),
    "metres": METRES,
    "series in metres": METRES.geometry,
    "odc in metres": odc.geo.geom.box(300000, 6200000, 301000, 6201000, "EPSG:32756"),
    "dutch": DUTCH,
    "crs84": TABLE.to_crs("OGC:CRS84"),
    "height": shapely.Point(1, 2, 3),
    "east": box(179, -10, 190, 10),
}
NO_GEOMETRIES: dict[str, Any] = {
    "row in metres": METRES.iloc[0],
    "dict in metres": mapping(METRES.geometry.iloc[0]),
    "own": Own(),
    "old": {"type": "FeatureCollection", "crs": OLD, "features": [FEATURE]},
    "old point": {"type": "Point", "coordinates": [1, 2], "crs": OLD},
    "swapped": box(-33.92, 151.18, -33.84, 151.30),
    "empty": EMPTY,
    "empty multi": shapely.from_wkt("MULTIPOLYGON EMPTY"),
    "empty point": shapely.Point(),
    "empty collection": shapely.GeometryCollection(),
    "collection of empty": shapely.GeometryCollection([EMPTY]),
    "no rows": TABLE.iloc[:0],
    "missing row": geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[FARM, None], crs=4326),
    "empty rows": geopandas.GeoDataFrame(geometry=[EMPTY, EMPTY], crs=4326),
    "row without": geopandas.GeoDataFrame({"name": ["a"]}, geometry=[None], crs=4326).iloc[0],
    "tuple without": Row("a", None),
    "null feature": {"type": "Feature", "geometry": None, "properties": {}},
    "no features": {"type": "FeatureCollection", "features": []},
    "features of text": {"type": "FeatureCollection", "features": ["a"]},
    "list": [FARM, FARM],
    "array": numpy.array([FARM, FARM]),
    "wkt": FARM.wkt,
    "geojson text": json.dumps(mapping(FARM)),
    "open ring": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
    "short ring": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]},
    "short line": {"type": "LineString", "coordinates": [[0, 0]]},
    "lower case": {"type": "polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    "text in it": {"type": "Point", "coordinates": ["1", "2"]},
    "truth in it": {"type": "Point", "coordinates": [True, False]},
    "flat": {"type": "Polygon", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 0]]},
    "deep": {"type": "Point", "coordinates": [[1, 2]]},
    "one number": {"type": "Point", "coordinates": [1]},
    "five numbers": {"type": "Point", "coordinates": [1, 2, 3, 4, 5]},
    "no type": {"coordinates": [1, 2]},
    "other type": {"type": "Circle", "coordinates": [1, 2]},
    "no coordinates": {"type": "Point"},
    "null coordinates": {"type": "Point", "coordinates": None},
    "nan": {"type": "Point", "coordinates": [float("nan"), 2]},
    "infinity": {"type": "Point", "coordinates": [1, float("inf")]},
    "huge": {"type": "Point", "coordinates": [10**400, 2]},
    "pole": {"type": "Point", "coordinates": [0, 90.001]},
    "nothing": {},
}
BOXES: dict[str, Any] = {
    "list": [151.18, -33.92, 151.30, -33.84],
    "tuple": (151.18, -33.92, 151.30, -33.84),
    "array": numpy.array([151.18, -33.92, 151.30, -33.84], "float32"),
    "series": pandas.Series([151, -34, 152, -33]),
    "shape": FARM,
    "bounds": FARM.bounds,
    "table": TABLE,
    "total": TABLE.total_bounds,
    "metres": METRES,
    "odc": odc.geo.geom.BoundingBox(151, -34, 152, -33, "EPSG:4326"),
    "odc in metres": odc.geo.geom.BoundingBox(300000, 6200000, 301000, 6201000, "EPSG:32756"),
    "odc geometry": odc.geo.geom.box(300000, 6200000, 301000, 6201000, "EPSG:32756"),
    "antimeridian": [170, -10, -170, 10],
    "point": [1, 2, 1, 2],
    "heights": [1, 2, 3, 4, 5, 6],
}
NO_BOXES: dict[str, Any] = {
    "none": [],
    "one": [1],
    "five": [1, 2, 3, 4, 5],
    "south above north": [151.18, -33.84, 151.30, -33.92],
    "swapped": [-33.92, 151.18, -33.84, 151.30],
    "metres": [300000, 6200000, 301000, 6201000],
    "empty": EMPTY,
    "empty bounds": EMPTY.bounds,
    "nan": [float("nan"), 0, 1, 1],
    "text": ["1", "2", "3", "4"],
    "one text": "1,2,3,4",
    "number": 5,
    "nested": [[1, 2, 3, 4]],
    "heights": [1, 2, 6, 4, 5, 3],
}
TIMES: dict[str, Any] = {
    "datetime": dt.datetime(2024, 1, 2),
    "date": dt.date(2024, 1, 2),
    "day": "2024-01-02",
    "numpy": numpy.datetime64("2024-01-02T03:04:05"),
    "numpy day": numpy.datetime64("2024-01-02"),
    "timestamp": pandas.Timestamp("2024-01-02", tz="Australia/Sydney"),
    "text": "2024-01-02T00:00:00Z",
}
FILTERS: dict[str, Any] = {
    **TIMES,
    "month": numpy.datetime64("2023-12"),
    "february": "2024-02",
    "period": pandas.Period("2024-03"),
    "pair": (dt.date(2024, 1, 1), dt.date(2024, 2, 1)),
    "open": (None, dt.date(2024, 1, 1)),
    "index": pandas.DatetimeIndex(["2024-01-01", "2024-01-02"]),
    "days": numpy.array(["2024-01-01", "2024-01-02"], "datetime64[D]"),
    "slice": slice("2024-01", None),
}
NO_TIMES: dict[str, Any] = {
    "nat": pandas.NaT,
    "numpy nat": numpy.datetime64("NaT", "D"),
    "nan": float("nan"),
    "empty": "",
    "words": "last week",
    "compact": "20240115",
    "clock": dt.time(1),
    "number": 5,
}
NO_FILTERS: dict[str, Any] = {
    **NO_TIMES,
    "nat in it": (pandas.NaT, dt.date(2024, 1, 1)),
    "reversed": (dt.date(2024, 2, 1), "2024-01-01"),
    "reversed text": "2023-06-30T00:00:00Z/2023-06-01T00:00:00Z",
    "interval": pandas.Interval(pandas.Timestamp("2024-01-01"), pandas.Timestamp("2024-01-02")),
    "three": [dt.date(2024, 1, 1)] * 3,
    "slash": "/",
}

Way = tuple[str, ...]


def find(schema: Any, way: Way = ()) -> list[tuple[Way, str]]:
    """Every field of an input, at any depth, that takes a geometry, a box or a datetime."""
    manifest = default()
    found: list[tuple[Way, str]] = []
    for field in fields(schema, manifest.schemas):
        text = json.dumps(field.schema)
        here = (*way, field.wire)
        if field.wire == "bbox" and '"array"' in text:
            found.append((here, "bbox"))
        elif field.wire == "featureCollection":
            found.append((here, "collection"))
        elif field.wire in ("intersects", "geometry", "aoi_geometry", "aoi_clip_body", "clip_polygon"):
            found.append((here, "geometry"))
        elif field.wire == "datetime":
            search = any(one.wire == "limit" for one in fields(schema, manifest.schemas))
            found.append((here, "filter" if search else "stored"))
        elif field.wire in ("start_datetime", "end_datetime", "expires_at"):
            found.append((here, "stored"))
        elif field.wire == "window":
            found += [((*here, "start"), "edge"), ((*here, "end"), "edge")]
        else:
            inner = resolve(field.schema, manifest.schemas)
            items = resolve(inner.get("items"), manifest.schemas)
            if is_object(inner):
                found += find(inner, here)
            elif is_object(items):
                found += find(items, (*here, "[]"))
    return found


def _object(schema: Any) -> Any:
    """The object of an input that is an object or null."""
    found = resolve(schema, default().schemas)
    return next((one for one in found.get("anyOf", ()) if one.get("type") == "object"), found)


PLACES = [
    (id, way, kind)
    for id, operation in default().operations.items()
    for way, kind in find(_object(operation.input))
]
GOOD = {"geometry": GEOMETRIES, "collection": GEOMETRIES, "bbox": BOXES, "filter": FILTERS}
BAD = {"geometry": NO_GEOMETRIES, "collection": NO_GEOMETRIES, "bbox": NO_BOXES, "filter": NO_FILTERS}
CHECKS: dict[str, Callable[[Any], Any]] = {
    "geometry": check_geometry,
    "collection": check_collection,
    "bbox": check_box,
    "filter": check_filter,
    "stored": check_instant,
    "edge": check_instant,
}


def at(id: str) -> Endpoint:
    return endpoint(default(), id)


def body_of(id: str, way: Way, value: Any) -> dict[str, Any]:
    """A body that is right beside the field at `way`, which is `value`."""
    body = json.loads(json.dumps(example_body(id, MANIFEST)))
    if way[0] in ("bbox", "intersects"):  # one of the two
        body.pop("bbox", None)
        body.pop("intersects", None)
    inner: Any = body
    for name, following in zip(way, (*way[1:], None), strict=True):
        if following is None:
            inner[name] = value
        elif following == "[]":
            inner[name] = [{}]
            inner = inner[name]
        else:
            inner[0 if name == "[]" else name] = inner[0] if name == "[]" else {}
            inner = inner[0 if name == "[]" else name]
    return body


def sent(id: str, way: Way, value: Any) -> Any:
    """What leaves of the field at `way`."""
    found = json.loads(at(id).input.encode(body_of(id, way, value), {}))
    for name in way:
        found = found[0 if name == "[]" else name]
    return found


def test_what_is_looked_at() -> None:
    kinds = collections.Counter(kind for _, _, kind in PLACES)
    assert kinds["geometry"] >= 10
    assert kinds["bbox"] >= 8
    assert kinds["filter"] == 6
    assert ("orders.tasking.place", ("groups", "[]", "geometry"), "geometry") in PLACES


@pytest.mark.parametrize(("id", "way", "kind"), PLACES, ids=lambda value: str(value))
def test_what_leaves_is_valid(id: str, way: Way, kind: str) -> None:
    for name, value in GOOD.get(kind, TIMES).items():
        try:
            CHECKS[kind](sent(id, way, value))
        except Exception as exc:
            raise AssertionError(f"{name}: {exc}") from exc


@pytest.mark.parametrize(("id", "way", "kind"), PLACES, ids=lambda value: str(value))
def test_what_is_wrong_is_refused_with_its_field(id: str, way: Way, kind: str) -> None:
    for name, value in BAD.get(kind, NO_TIMES).items():
        with pytest.raises(InvalidInputError) as caught:
            pytest.fail(f"{name}: sent as {sent(id, way, value)}")
        told = [".".join(map(str, one.loc)) for one in caught.value.error.detail]
        field = ".".join("0" if part == "[]" else part for part in way)
        assert any(loc.startswith(f"body.{field}") for loc in told), (name, told)
