"""Geometries as GeoJSON (RFC 7946), in the form of the API.

Any object with `__geo_interface__` (shapely, geopandas, a feature or a page of this library) can be given as a
geometry, and so can GeoJSON as a dict. The result is a new dict whose coordinates were checked in one pass: nesting,
closed rings, finite numbers that can be degrees, nothing empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from .bbox import bbox
from .crs import lonlat
from .invalid import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    _List = list[Any]
else:
    _List = list

__all__ = [
    "Coordinates",
    "feature_collection",
    "geo_interface",
    "geo_interface_of",
    "geojson",
    "geometry",
    "has_geometry",
    "is_geojson",
    "looks_like_geometry",
]

# The depth of the positions in the coordinates of each type.
_DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_TYPES = frozenset((*_DEPTHS, "LinearRing", "GeometryCollection", "Feature", "FeatureCollection"))
_WKT = ("SRID=", "POINT", "LINE", "POLYGON", "MULTI", "GEOMETRYCOLLECTION")
# Every object with a geometry has one of these.
_GEO_KEYS = frozenset(("features", "geometry", "coordinates", "geometries"))
_MAX_NESTING = 32


class Coordinates(_List):
    """Coordinates that were checked and copied, at any depth."""

    __slots__ = ()


def has_geometry(value: Any) -> bool:
    """Whether `value` has a geometry: by `__geo_interface__`, or as a row of a geopandas table."""
    return _interface(value) is not None


def is_geojson(value: Mapping[Any, Any]) -> bool:
    """Whether a dict is GeoJSON, by its `type`."""
    kind = value.get("type")
    return isinstance(kind, str) and kind in _TYPES and not _GEO_KEYS.isdisjoint(value)


def looks_like_geometry(text: str) -> str | None:
    """The call that parses text in GeoJSON or WKT into a geometry; None for any other text."""
    start = text.lstrip()[:20]
    if start.startswith("{"):
        return "json.loads(text)"
    return "shapely.from_wkt(text)" if start.upper().startswith(_WKT) else None


def geometry(value: Any) -> dict[str, Any]:
    """The GeoJSON geometry of `value`, as a new dict.

    A ring becomes its polygon, a feature its geometry. A collection of one feature becomes the geometry of that
    feature, one of several a GeometryCollection (RFC 7946, 3.1.8), which means their union.

    Raises:
        TypeError: If `value` is not a geometry.
        InvalidValueError: If it is empty, in another reference system, or invalid.
    """
    parts = _geometries(_geojson_of(value, "geometry"), 0)
    return parts[0] if len(parts) == 1 else {"type": "GeometryCollection", "geometries": parts}


def feature_collection(value: Any) -> dict[str, Any]:
    """The GeoJSON FeatureCollection of `value`, as a new dict: a geometry or a feature becomes its only feature.

    Raises:
        TypeError, InvalidValueError: As in `geometry`.
    """
    found = _geojson_of(value, "feature collection")
    if found.get("type") == "FeatureCollection":
        return _features(found)
    if found.get("type") != "Feature":
        found = {"type": "Feature", "geometry": found, "properties": {}}
    return {"type": "FeatureCollection", "features": [_feature(found)]}


def geojson(value: Any) -> dict[str, Any]:
    """The GeoJSON of `value`, of its own type: a geometry, a feature (its geometry may be null) or a collection.

    Raises:
        TypeError, InvalidValueError: As in `geometry`.
    """
    found = _geojson_of(value, "geometry")
    if found.get("type") == "FeatureCollection":
        return _features(found, may_lack=True)
    if found.get("type") == "Feature":
        return _feature(found, may_lack=True)
    return _geometry(found, 0)


def _interface(value: Any) -> Mapping[str, Any] | None:
    if value is None or isinstance(value, (str, bytes, int, float, type)):
        return None
    found = getattr(value, "__geo_interface__", None)
    if found is None and not isinstance(value, (dict, list)):
        # A row of a geopandas table (a pandas Series, or a tuple with names) has none of its own.
        found = getattr(getattr(value, "geometry", None), "__geo_interface__", None)
    return found if isinstance(found, dict) or hasattr(found, "keys") else None


def _geojson_of(value: Any, what: str) -> Mapping[str, Any]:
    """`value` as GeoJSON in longitude and latitude."""
    value = lonlat(value)
    found = _interface(value)
    if found is None and isinstance(value, Mapping):
        found = value
    if found is None:
        names = value.keys() if hasattr(value, "dtype") and hasattr(value, "keys") else ()
        if "geometry" in (*names, *getattr(value, "_fields", ())):
            raise InvalidValueError("the row has no geometry")
        raise TypeError(f"a {type(value).__name__} is not a {what}: it has no __geo_interface__")
    found = {str(key): found[key] for key in found.keys()}  # noqa: SIM118 - a proxy may have no __iter__
    return lonlat(found)  # type: ignore[no-any-return]


def _geometries(found: Mapping[str, Any], depth: int) -> list[dict[str, Any]]:
    kind = found.get("type")
    if kind == "FeatureCollection":
        features = _list(found, "features")
        if not features:
            raise InvalidValueError("no geometry: the collection has no features")
        parts = []
        for index, feature in enumerate(features):
            try:
                parts += _geometries(_geojson_of(feature, "feature"), depth + 1)
            except TypeError as exc:
                raise InvalidValueError(str(exc), "features", index) from exc
            except InvalidValueError as exc:
                raise exc.below("features", index) from exc
        return parts
    if kind == "Feature":
        return [_inner(found, depth)]
    return [_geometry(found, depth)]


def _inner(feature: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The geometry of a feature."""
    inner = feature.get("geometry")
    if inner is None:
        raise InvalidValueError("the feature has no geometry")
    try:
        return _geometry(_geojson_of(inner, "geometry"), depth + 1)
    except TypeError as exc:
        raise InvalidValueError(str(exc), "geometry") from exc
    except InvalidValueError as exc:
        raise exc.below("geometry") from exc


def _features(found: Mapping[str, Any], *, may_lack: bool = False) -> dict[str, Any]:
    features = _list(found, "features")
    if not features and not may_lack:
        raise InvalidValueError("no geometry: the collection has no features")
    made = []
    for index, feature in enumerate(features):
        try:
            made.append(_feature(_geojson_of(feature, "feature"), may_lack=may_lack))
        except TypeError as exc:
            raise InvalidValueError(str(exc), "features", index) from exc
        except InvalidValueError as exc:
            raise exc.below("features", index) from exc
    return {**_others(found, "features"), "features": made}


def _feature(found: Mapping[str, Any], *, may_lack: bool = False) -> dict[str, Any]:
    if found.get("type") != "Feature":
        raise InvalidValueError(f"expected a feature, not a {str(found.get('type'))[:40]!r}")
    inner = None if may_lack and found.get("geometry") is None else _inner(found, 0)
    return {"type": "Feature", "properties": {}, **_others(found, "geometry"), "geometry": inner}


def _others(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The other members of a GeoJSON object, without `crs`, which RFC 7946 removed and which was read before."""
    kept = {key: item for key, item in found.items() if key not in (name, "crs")}
    if kept.get("bbox") is not None:
        try:
            kept["bbox"] = bbox(kept["bbox"])
        except (InvalidValueError, TypeError) as exc:
            raise InvalidValueError(str(exc), "bbox", *getattr(exc, "path", ())) from exc
    return kept


def _list(found: Mapping[str, Any], name: str) -> list[Any]:
    items: Any = found.get(name)
    if hasattr(items, "tolist"):
        items = items.tolist()
    if not isinstance(items, list | tuple):
        raise InvalidValueError(
            f"the {name} of a {found['type']} must be a list, not a {type(items).__name__}"
        )
    return list(items)


def _geometry(found: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """One geometry, checked; every sequence in it is a new list."""
    kind = found.get("type")
    if depth > _MAX_NESTING:
        raise InvalidValueError("geometry collections are nested too deeply")
    if kind == "GeometryCollection":
        parts = _list(found, "geometries")
        if not parts:
            raise InvalidValueError("an empty geometry: the GeometryCollection has no members")
        made = []
        for index, part in enumerate(parts):
            try:
                made.append(_geometry(_geojson_of(part, "geometry"), depth + 1))
            except TypeError as exc:
                raise InvalidValueError(str(exc), "geometries", index) from exc
            except InvalidValueError as exc:
                raise exc.below("geometries", index) from exc
        return {**_others(found, "geometries"), "geometries": made}
    coordinates = found.get("coordinates")
    if kind == "LinearRing":  # shapely has it, GeoJSON does not
        kind, coordinates = "Polygon", [coordinates]
    if not isinstance(kind, str) or kind not in _DEPTHS:
        raise InvalidValueError(_fault(found, kind), *(() if kind is None else ("type",)))
    if "coordinates" not in found:
        raise InvalidValueError(f"no geometry: the {kind} has no coordinates")
    try:
        checked = _positions(kind, coordinates, _DEPTHS[kind])
    except InvalidValueError as exc:
        raise exc.below("coordinates") from exc
    return {**_others(found, "coordinates"), "type": kind, "coordinates": Coordinates(checked)}


def _fault(found: Mapping[str, Any], kind: Any) -> str:
    if kind is None:
        return f"not a GeoJSON geometry: it has no type, but {', '.join(map(str, found))[:100] or 'nothing'}"
    if not isinstance(kind, str):
        return f"a {type(kind).__name__} is not a type of geometry"
    named = {name.lower(): name for name in _TYPES}.get(kind.lower())
    hint = f"; write {named!r}" if named and named != kind else ""
    return f"{kind[:40]!r} is not a type of geometry{hint}"


def _positions(kind: str, value: Any, depth: int) -> list[Any]:
    """Coordinates that are nested `depth` deep around their positions."""
    items = _sequence(value)
    if not items:
        raise InvalidValueError(f"an empty geometry ({kind})")
    if depth == 0:
        return _line(kind, [items])[0]
    if depth == 1:
        return _line(kind, items)
    made = []
    for index, item in enumerate(items):
        try:
            made.append(_positions(kind, item, depth - 1))
        except InvalidValueError as exc:
            raise exc.below(index) from exc
    return made


def _sequence(value: Any) -> list[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise InvalidValueError(f"coordinates are nested lists of numbers, not a {type(value).__name__}")
    return list(value)


def _line(kind: str, items: Iterable[Any]) -> list[list[Any]]:
    """A run of positions, checked as columns: a polygon of 50,000 vertices takes milliseconds."""
    points = [list(p) if type(p) is list or type(p) is tuple else _sequence(p) for p in items]
    sizes = set(map(len, points))
    if not sizes <= {2, 3}:
        index = next(i for i, point in enumerate(points) if len(point) not in (2, 3))
        raise InvalidValueError(f"a position has 2 or 3 numbers, not {len(points[index])}", index)
    for column in (0, 1, 2)[: max(sizes)]:
        numbers = [point[column] for point in points if len(point) > column]
        if not set(map(type, numbers)) <= {float, int}:
            for index, point in enumerate(points):
                points[index] = [_number(item, index) for item in point]
            numbers = [point[column] for point in points if len(point) > column]
        if not _are_finite(numbers):
            index = next((i for i, point in enumerate(points) if not _are_finite(point)), 0)
            raise InvalidValueError(f"{str(points[index])[:100]} is not a position: not finite", index)
        bound = (360, 90)[column] if column < 2 else None
        if bound is not None and (max(numbers) > bound or min(numbers) < -bound):
            raise _out_of_range(points)
    _check_shape(kind, points)
    return points


def _are_finite(numbers: list[Any]) -> bool:
    try:
        return isfinite(sum(numbers))  # a nan or an infinity among them makes the sum one
    except OverflowError:
        return False


def _number(item: Any, index: int) -> Any:
    if type(item) in (float, int):
        return item
    if isinstance(item, str | bytes | bool) or not hasattr(item, "__float__"):
        raise InvalidValueError(
            f"coordinates are nested lists of numbers, not a {type(item).__name__}", index
        )
    return item.tolist() if hasattr(item, "tolist") else float(item)


def _out_of_range(points: list[list[Any]]) -> InvalidValueError:
    index = next(i for i, (x, y, *_) in enumerate(points) if abs(x) > 360 or abs(y) > 90)
    swapped = all(abs(x) <= 90 and abs(y) <= 360 for x, y, *_ in points)
    hint = (
        "longitude comes first (longitude, latitude)"
        if swapped
        else "is the reference system another one than EPSG:4326?"
    )
    x, y = points[index][:2]
    return InvalidValueError(f"({x}, {y}) is not a longitude and latitude in degrees; {hint}", index)


def _check_shape(kind: str, points: list[list[Any]]) -> None:
    if kind.endswith("LineString") and len(points) < 2:
        raise InvalidValueError(f"a line has at least 2 positions, not {len(points)}")
    if not kind.endswith("Polygon"):
        return
    if points[0] != points[-1]:
        raise InvalidValueError("the ring is not closed: its last position has to be its first one again")
    if len(points) < 4:
        raise InvalidValueError(f"a ring has at least 4 positions, not {len(points)}")


# Out: the geometry of results.


def geo_interface_of(value: Any) -> dict[str, Any]:
    """The `__geo_interface__` of a model or an open object.

    Raises:
        AttributeError: If it has no geometry.
    """
    if any(key in value for key in _GEO_KEYS):
        found = _as_geojson(value.to_dict())
        if found is not None:
            return found
    raise AttributeError(
        "__geo_interface__: this object is not a feature, a feature collection or a geometry"
    )


def geo_interface(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `__geo_interface__` of an object with these fields (wire names, plain values); None if it has no geometry.

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
