"""Reference systems of values, and their transformation to longitude and latitude (WGS 84).

Objects transform themselves (`to_crs`); this module has no projections.
"""

from __future__ import annotations

from .invalid import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["crs_of", "lonlat"]

_WGS84 = (4326, 4979)


def crs_of(value: Any) -> Any:
    """The reference system of `value`: its `crs`, or the `crs` member of a GeoJSON object; else None."""
    if isinstance(value, dict):
        return value.get("crs")
    found = getattr(value, "crs", None)
    return None if callable(found) and not hasattr(found, "to_epsg") else found


def lonlat(value: Any) -> Any:
    """`value` in longitude and latitude: itself, or the result of its `to_crs`.

    Raises:
        InvalidValueError: If it is in another reference system and cannot transform itself.
    """
    crs = crs_of(value)
    if crs is None or _is_lonlat(crs):
        return value
    transform = None if isinstance(value, dict) else getattr(value, "to_crs", None)
    if transform is None:
        raise InvalidValueError(
            f"the coordinates are in {_name(crs)}; the API takes longitude and latitude (EPSG:4326), "
            "transform them first",
            kind="crs",
        )
    from warnings import catch_warnings, simplefilter

    try:
        with catch_warnings():
            simplefilter("ignore", DeprecationWarning)  # of libraries about each other
            return transform(4326)
    except Exception as exc:
        raise InvalidValueError(
            f"the coordinates are in {_name(crs)} and cannot be transformed to EPSG:4326: {exc}", kind="crs"
        ) from exc


def _is_lonlat(crs: Any) -> bool:
    return _epsg(crs) in _WGS84 or "CRS84" in _text(crs).upper()[:200]


def _epsg(crs: Any) -> int | None:
    if isinstance(crs, int):
        return crs
    method = getattr(crs, "to_epsg", None)
    if callable(method):
        try:
            code = method()
        except Exception:  # noqa: BLE001 - a library that does not know it leaves the text
            code = None
        if code is not None:
            return int(code)
    # "EPSG:4326", "urn:ogc:def:crs:EPSG::4326", "http://www.opengis.net/def/crs/EPSG/0/4326"
    text = _text(crs).strip().upper()
    digits = text[len(text.rstrip("0123456789")) :]
    return int(digits) if "EPSG" in text[:60] and len(text) <= 60 and 0 < len(digits) < 9 else None


def _text(crs: Any) -> str:
    """The name of the system; GeoJSON before RFC 7946 has it in an object."""
    if isinstance(crs, dict):
        properties = crs.get("properties")
        crs = properties.get("name", crs) if isinstance(properties, dict) else crs.get("name", crs)
    return str(crs)


def _name(crs: Any) -> str:
    code = _epsg(crs)
    return f"EPSG:{code}" if code is not None else " ".join(_text(crs)[:80].split())
