"""The values of fields that hold a geometry, a box, a datetime or ids, in the form of the API."""

from __future__ import annotations

from .bbox import bbox
from .datetimes import interval, stored, window
from .geometry import feature_collection, geometry, has_geometry, looks_like_geometry
from .invalid import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["FIELDS", "GEOMETRIES", "convert", "given"]

GEOMETRIES = frozenset(
    (
        "intersects",
        "geometry",
        "aoi",
        "aoi_geometry",
        "aoi_clip_body",
        "clip_polygon",
        "featureCollection",
        "feature_collection",
    )
)
# The fields whose values a model converts on assignment.
FIELDS = GEOMETRIES | {"bbox", "datetime"}


def convert(kind: str, value: Any, *, may_lack: bool = True) -> Any:
    """`value` as plain JSON if it is of the kind of the field; anything else unchanged, for the schema to refuse.

    Args:
        kind: The kind, as from `Shape.field`.
        value: The given value.
        may_lack: Whether None may be sent as a geometry.

    Raises:
        InvalidValueError: If the value is of the right kind but invalid.
    """
    rule = _RULES.get(kind)
    if rule is None:
        return value
    if value is None:
        if may_lack or kind not in ("geometry", "collection"):
            return None
        raise InvalidValueError("no geometry: it is None; leave the field out, or give one")
    try:
        return rule(value)
    except TypeError:
        return value


def given(name: str, value: Any, *, search: bool = True) -> Any:
    """The value for the field `name` (wire name) of a model: objects as GeoJSON and text, plain JSON unchanged.

    Raises:
        InvalidValueError: If an object of the kind of the field is invalid.
    """
    if value is None or isinstance(value, (str, dict)):
        return value  # checked when it is sent
    kind = "collection" if name in ("featureCollection", "feature_collection") else "geometry"
    if name == "bbox":
        kind = "bbox"
    elif name == "datetime":
        kind = "filter" if search else "stored"
    elif name not in GEOMETRIES:
        return value
    return value if kind == "geometry" and not has_geometry(value) else convert(kind, value)


def _geometry(make: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Any]:
    def rule(value: Any) -> Any:
        if isinstance(value, str):
            call = looks_like_geometry(value)
            if call is not None:
                raise InvalidValueError(f"text is not a geometry; give {call}")
            return value
        if not has_geometry(value) and _is_array(value):
            raise InvalidValueError(
                f"a {type(value).__name__} is not a geometry; give several as one GeometryCollection or FeatureCollection"
            )
        return make(value)

    return rule


def _is_array(value: Any) -> bool:
    return (isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields")) or (
        hasattr(value, "dtype") and not hasattr(value, "keys")
    )


def _bbox(value: Any) -> Any:
    return value if isinstance(value, str | dict) else bbox(value)


def _window(value: Any) -> Any:
    if not hasattr(value, "keys"):
        return value
    made = {key: value[key] for key in value.keys()}  # noqa: SIM118
    edges = [made.get(name) for name in ("start", "end")]
    for name, edge in zip(("start", "end"), window(*edges), strict=True):
        if edge is not None:
            made[name] = edge
    return made


def _loose_window(value: Any) -> Any:
    """A window whose text has no schema."""
    if not hasattr(value, "keys") or any(isinstance(value[key], str) for key in value.keys()):  # noqa: SIM118
        return value
    return _window(value)


def _ids(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_id(item) for item in value]
    return value


def _id(item: Any) -> Any:
    """The id of a feature; anything else unchanged."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        return item["id"] if "id" in item and ("geometry" in item or item.get("type") == "Feature") else item
    return item.id if hasattr(item, "geometry") and hasattr(item, "id") else item


_RULES: dict[str, Callable[[Any], Any]] = {
    "geometry": _geometry(geometry),
    "collection": _geometry(feature_collection),
    "bbox": _bbox,
    "filter": interval,
    "stored": stored,
    "window": _window,
    "loose_window": _loose_window,
    "ids": _ids,
}
