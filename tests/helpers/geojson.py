"""RFC 7946 and RFC 3339, checked apart from the code under test."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def check_geometry(value: Any) -> None:
    assert isinstance(value, dict), value
    assert "crs" not in value
    if value.get("type") == "GeometryCollection":
        assert value["geometries"]
        for part in value["geometries"]:
            check_geometry(part)
        return
    kind = value["type"]
    _nested(kind, value["coordinates"], DEPTHS[kind])


def check_collection(value: Any) -> None:
    assert value["type"] == "FeatureCollection"
    assert value["features"]
    for feature in value["features"]:
        assert feature["type"] == "Feature"
        assert isinstance(feature["properties"], dict)
        check_geometry(feature["geometry"])


def _nested(kind: str, value: Any, depth: int) -> None:
    assert isinstance(value, list)
    assert value
    if depth == 0:
        assert len(value) in (2, 3)
        assert all(type(number) in (int, float) and math.isfinite(number) for number in value)
        assert abs(value[0]) <= 360
        assert abs(value[1]) <= 90
        return
    if depth == 1 and kind.endswith("LineString"):
        assert len(value) >= 2
    if depth == 1 and kind.endswith("Polygon"):
        assert len(value) >= 4
        assert value[0] == value[-1]
    for item in value:
        _nested(kind, item, depth - 1)


def check_box(value: Any) -> None:
    assert isinstance(value, list)
    assert len(value) in (4, 6)
    assert all(type(number) in (int, float) and math.isfinite(number) for number in value)
    half = len(value) // 2
    assert -90 <= value[1] <= value[half + 1] <= 90
    assert abs(value[0]) <= 360
    assert abs(value[half]) <= 360


def check_instant(text: Any) -> dt.datetime:
    found = INSTANT.fullmatch(text)
    assert found is not None, text
    day, clock, _, zone = found.groups()
    moment = dt.datetime.fromisoformat(f"{day}T{clock.replace(':60', ':59')}")
    offset = dt.timedelta()
    if zone not in "Zz":
        sign = -1 if zone[0] == "-" else 1
        offset = sign * dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return moment - offset


def check_filter(text: Any) -> None:
    assert isinstance(text, str)
    ends = text.split("/")
    assert len(ends) in (1, 2)
    moments = [check_instant(end) for end in ends if end not in ("", "..")]
    assert moments
    assert moments == sorted(moments)
