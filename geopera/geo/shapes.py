"""GeoJSON geometries as shapely ones, many at a time."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import Any

from .rows import needed


def geometries(values: list[Any], ids: list[Any]) -> Any:
    """An array of shapely geometries, None where there is none. Raises ValueError: if one is invalid; it names the id."""
    numpy, shapely = needed("numpy", "a table of features"), needed("shapely", "a table of features")
    found = numpy.full(len(values), None, dtype=object)
    simple: dict[int, list[int]] = defaultdict(list)  # dimensions -> places of plain polygons
    for place, value in enumerate(values):
        if value is None:
            continue
        dimensions = _polygon_dimensions(value)
        if dimensions:
            simple[dimensions].append(place)
        else:
            found[place] = _single(shapely, value, ids[place])
    for dimensions, places in simple.items():
        try:
            found[places] = _polygons(
                numpy, shapely, [values[place]["coordinates"] for place in places], dimensions
            )
        except (ValueError, TypeError, OverflowError, shapely.errors.ShapelyError):
            for place in places:
                found[place] = _single(shapely, values[place], ids[place])
    return found


def _polygon_dimensions(value: Any) -> int:
    """2 or 3 for a polygon whose positions all have so many numbers, else 0."""
    if not isinstance(value, dict) or value.get("type") != "Polygon":
        return 0
    rings = value.get("coordinates")
    if not isinstance(rings, list) or not rings:
        return 0
    lengths: set[int] = set()
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < 4 or ring[0] != ring[-1]:
            return 0
        try:
            lengths.update(map(len, ring))
        except TypeError:
            return 0
    return lengths.pop() if lengths in ({2}, {3}) else 0


def _polygons(numpy: Any, shapely: Any, polygons: list[Any], dimensions: int) -> Any:
    numbers = numpy.fromiter(
        chain.from_iterable(chain.from_iterable(chain.from_iterable(polygons))), dtype=float
    )
    points = numpy.cumsum([0, *map(len, chain.from_iterable(polygons))])
    rings = numpy.cumsum([0, *map(len, polygons)])
    kind = shapely.GeometryType.POLYGON
    return shapely.from_ragged_array(kind, numbers.reshape(-1, dimensions), (points, rings))


def _single(shapely: Any, value: Any, id: Any) -> Any:
    shape = needed("shapely.geometry", "a table of features").shape

    try:
        return shape(value)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError) as exc:
        raise ValueError(f"the geometry of {id!r} is invalid: {type(exc).__name__}: {exc}"[:300]) from exc
