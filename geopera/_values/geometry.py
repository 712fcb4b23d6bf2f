"""Places and times as the API writes them.

Places are GeoJSON (RFC 7946). Anything with `__geo_interface__` (shapely, geopandas, a feature or a page
of this library) can be given where a geometry is due, and what is read has that attribute in turn.
Times are RFC 3339; an interval of two is written "start/end", with ".." for an open end, as in STAC API.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from typing import Any

__all__ = [
    "PLACES",
    "feature_collection",
    "geo_interface",
    "geo_interface_of",
    "geometry",
    "given",
    "has_place",
    "interval",
    "place",
    "prepare",
    "rfc3339",
]

OPEN = ".."

# The fields of bodies that hold a place, at any depth, by what the API wants there.
_GEOMETRIES = ("intersects", "geometry", "aoi", "aoi_geometry", "aoi_clip_body", "clip_polygon")
_COLLECTIONS = ("featureCollection", "feature_collection")
PLACES = frozenset((*_GEOMETRIES, *_COLLECTIONS))
_MOMENTS = ("datetime", "datetime_")
# One of these is in every object that has a place.
_GEO_KEYS = frozenset(("features", "geometry", "coordinates", "geometries"))


def prepare(body: Mapping[str, Any], *, search: bool = True) -> Mapping[str, Any]:
    """`body` with the moment or the pair in its `datetime` filter written as text.

    search: whether `datetime` is a filter; where it belongs to a thing that is stored, only a whole
    datetime has a meaning, and the body is returned as it is.

    Raises ValueError for an interval that makes no sense.
    """
    if search:
        for name in _MOMENTS:
            value = body.get(name)
            if value is not None and not isinstance(value, str):
                try:
                    text = interval(value)
                except TypeError:
                    continue  # left to the check of the body, which names the field and what it takes
                return {**body, name: text}
    return body


def given(name: str, value: Any, *, search: bool = True) -> Any:
    """What the field `name` (wire name) of a model is given: a place as GeoJSON, a moment of a filter as text.

    Raises ValueError for a place without a geometry and for an interval that makes no sense.
    """
    if name in PLACES:
        return place(name, value)
    if name == "datetime":
        return prepare({name: value}, search=search)[name]
    return value


def place(name: str, value: Any) -> Any:
    """What a field of `PLACES` is given: an object with a place becomes GeoJSON; a plain dict stays as it is.

    Raises ValueError where the object is a place without a geometry.
    """
    if type(value) is dict or not has_place(value):
        return value
    return feature_collection(value) if name in _COLLECTIONS else geometry(value)


def has_place(value: Any) -> bool:
    """Whether `value` brings a geometry along: by `__geo_interface__`, or as a row of a geopandas table."""
    return _interface(value) is not None


def _interface(value: Any) -> Mapping[str, Any] | None:
    if value is None or isinstance(value, (str, bytes, int, float, type)):
        return None
    found = getattr(value, "__geo_interface__", None)
    if found is None and not isinstance(value, (dict, list)):
        # A row of a geopandas table (a pandas Series, or a tuple with names) has none of its own.
        found = getattr(getattr(value, "geometry", None), "__geo_interface__", None)
    return found if isinstance(found, dict) or hasattr(found, "keys") else None


def _plain(value: Any) -> Any:
    """The same in dicts, lists, and Python's own scalars, so that it can be written as JSON."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if hasattr(value, "keys"):
        return {str(key): _plain(value[key]) for key in value.keys()}  # noqa: SIM118
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy, scalars and arrays
        return value.tolist()
    return value


def geometry(value: Any) -> dict[str, Any]:
    """The GeoJSON geometry of `value`, as a new dict.

    A geometry is itself; a feature gives its geometry; a collection of one feature that feature's; one
    of several a GeometryCollection of all of them (RFC 7946, 3.1.8), which means their union. Features
    without a geometry are left out.

    Raises TypeError where `value` is no place at all, ValueError where it is one without a geometry.
    """
    found = _interface(value)
    if found is None and hasattr(value, "keys"):
        found = value
    if found is None:
        raise TypeError(f"a {type(value).__name__} is no geometry: it has no __geo_interface__")
    parts = _geometries(found)
    if not parts:
        raise ValueError(f"the {found.get('type', 'object')} has no geometry")
    if len(parts) == 1:
        return parts[0]
    return {"type": "GeometryCollection", "geometries": parts}


def _geometries(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    kind = found.get("type")
    if kind == "FeatureCollection":
        return [part for feature in found.get("features") or () for part in _geometries(feature)]
    if kind == "Feature":
        inner = found.get("geometry")
        if inner is None:
            return []
        return [_plain(_interface(inner) or inner)]
    if not isinstance(kind, str) or not ("coordinates" in found or "geometries" in found):
        raise ValueError(f"this is no GeoJSON geometry: it has {', '.join(map(str, found)) or 'nothing'}")
    return [_plain(found)]


def feature_collection(value: Any) -> dict[str, Any]:
    """The GeoJSON FeatureCollection of `value`, as a new dict: a geometry or a feature becomes its only feature.

    Raises TypeError where `value` is no place at all.
    """
    found = _interface(value)
    if found is None and hasattr(value, "keys"):
        found = value
    if found is None:
        raise TypeError(f"a {type(value).__name__} is no feature collection: it has no __geo_interface__")
    if found.get("type") == "FeatureCollection":
        result: dict[str, Any] = _plain(found)
        return result
    if found.get("type") == "Feature":
        return {"type": "FeatureCollection", "features": [_plain(found)]}
    feature = {"type": "Feature", "geometry": geometry(found), "properties": {}}
    return {"type": "FeatureCollection", "features": [feature]}


def geo_interface_of(value: Any) -> dict[str, Any]:
    """The `__geo_interface__` of a model or an open object. Raises AttributeError where it is no place."""
    if any(key in value for key in _GEO_KEYS):
        found = _as_geojson(value.to_dict())
        if found is not None:
            return found
    raise AttributeError(
        "__geo_interface__: this object is no feature, no feature collection and no geometry"
    )


def geo_interface(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `__geo_interface__` of an object with these fields (wire names, plain values); None where it is no place.

    An object with `geometry` and `properties` is a feature, one with a list of `features` a collection, one
    with `type` and `coordinates` or `geometries` a geometry.
    """
    return None if _GEO_KEYS.isdisjoint(fields) else _as_geojson(fields)


def _as_geojson(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    features = fields.get("features")
    if isinstance(features, list):
        inner = [_as_geojson(item) for item in features if isinstance(item, dict)]
        if len(inner) == len(features) and None not in inner:
            return {**fields, "type": "FeatureCollection", "features": inner}
        return None
    if "geometry" in fields and "properties" in fields:
        return {**fields, "type": "Feature", "properties": fields["properties"] or {}}
    if isinstance(fields.get("type"), str) and ("coordinates" in fields or "geometries" in fields):
        return dict(fields)
    return None


def rfc3339(value: datetime | date) -> str:
    """A moment as RFC 3339 text: the UTC offset is kept, UTC is written "Z", a date alone stays a date.

    A datetime that names no zone is taken as UTC.
    """
    from datetime import datetime

    if not isinstance(value, datetime):
        return value.isoformat()
    text = value.isoformat()
    offset = value.utcoffset()
    if offset is None:
        return text + "Z"
    if not offset:
        return value.replace(tzinfo=None).isoformat() + "Z"
    # The standard writes offsets in minutes; a zone of before 1900 may have seconds in it.
    if offset.total_seconds() % 60:
        from datetime import UTC

        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return text


def interval(value: Any) -> str:
    """A moment, a day, or a (start, end) pair as the text of a `datetime` filter.

    A datetime is that moment, a date the whole day in UTC; in a pair a date is the start of the day as a
    start and its last second as an end. None, "" and ".." leave an end open. Text is passed on as it is.

    Raises TypeError for anything else, ValueError where both ends are open or the end is before the start.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"an interval is a pair (start, end), not {len(value)} values")
        start, end = (None if edge is None or edge in ("", OPEN) else edge for edge in map(_moment, value))
        if start is None and end is None:
            raise ValueError("an interval needs a start or an end")
        if start is not None and end is not None:
            _in_order(start, end)
        return f"{_edge(start, last=False)}/{_edge(end, last=True)}"
    moment = _moment(value)
    if moment is None:
        raise TypeError("None is no moment; an open end is written as a pair: (start, None)")
    if _is_day(moment):
        return f"{_edge(moment, last=False)}/{_edge(moment, last=True)}"
    return rfc3339(moment)


def _moment(value: Any) -> Any:
    """`value` as None, text, a date or a datetime; numpy's and pandas' moments become Python's."""
    from datetime import date

    if value is None or isinstance(value, (str, date)):
        if value is not None and value != value:  # pandas.NaT is a datetime that equals nothing
            return None
        return value
    if type(value).__name__ == "datetime64":
        if value != value:
            return None
        whole_day = value.dtype.name in ("datetime64[D]", "datetime64[W]", "datetime64[M]", "datetime64[Y]")
        return value.astype("datetime64[D]" if whole_day else "datetime64[us]").item()
    raise TypeError(f"a moment is a datetime, a date or text, not {type(value).__name__}")


def _is_day(value: Any) -> bool:
    from datetime import date, datetime

    return isinstance(value, date) and not isinstance(value, datetime)


def _edge(value: Any, *, last: bool) -> str:
    if value is None:
        return OPEN
    if isinstance(value, str):
        return value
    if _is_day(value):
        return f"{value.isoformat()}T{'23:59:59' if last else '00:00:00'}Z"
    return rfc3339(value)


def _in_order(start: Any, end: Any) -> None:
    from datetime import UTC, datetime, time

    if isinstance(start, str) or isinstance(end, str):
        return
    edges = []
    for edge, clock in ((start, time.min), (end, time.max)):
        moment = datetime.combine(edge, clock) if _is_day(edge) else edge
        edges.append(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    if edges[1] < edges[0]:
        raise ValueError(
            f"the interval ends ({_edge(end, last=True)}) before it starts ({_edge(start, last=False)})"
        )
