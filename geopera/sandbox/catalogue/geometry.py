"""Plane geometry on longitudes and latitudes: enough to ask whether two shapes touch.

Coordinates are degrees (WGS84, RFC 7946); edges are straight in that plane; holes are obeyed; a shape
that crosses the antimeridian is not cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..wire.problems import unprocessable

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Ring = list[Point]
_TYPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")


class Shape:
    """A GeoJSON geometry as points, lines and areas, with its box."""

    __slots__ = ("areas", "box", "lines")

    def __init__(self, lines: list[Ring], areas: list[list[Ring]]) -> None:
        self.lines = lines
        self.areas = areas
        points = [point for line in lines for point in line] + [p for area in areas for p in area[0]]
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        self.box: Box = (min(xs), min(ys), max(xs), max(ys))

    def intersects(self, other: Shape) -> bool:
        """Whether two shapes share a point."""
        if not boxes_touch(self.box, other.box):
            return False
        for first, second in ((self, other), (other, self)):
            if any(_inside(point, area) for point in first.corners() for area in second.areas):
                return True
        mine = list(self.edges())
        return any(_cross(*edge, *its) for its in other.edges() for edge in mine)

    def corners(self) -> Iterator[Point]:
        """One point of every part, and all points of open lines."""
        for line in self.lines:
            yield from line
        for area in self.areas:
            yield from area[0]

    def edges(self) -> Iterator[tuple[Point, Point]]:
        """Every straight piece; a lone point is a piece without length."""
        for line in self.lines:
            if len(line) == 1:
                yield line[0], line[0]
            yield from pairwise(line)
        for area in self.areas:
            for ring in area:
                yield from pairwise(ring)


def boxes_touch(a: Box, b: Box) -> bool:
    """Whether two boxes (west, south, east, north) share a point."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def box_shape(box: Box) -> Shape:
    """A box as a shape."""
    west, south, east, north = box
    return Shape([], [[[(west, south), (east, south), (east, north), (west, north), (west, south)]]])


def parse_box(value: Sequence[Any]) -> Box:
    """A bbox of a body, of four or six numbers. Raises a 422 problem."""
    numbers = [float(number) for number in value]
    if len(numbers) == 6:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4:
        raise unprocessable("A bbox has four numbers: west, south, east, north.")
    west, south, east, north = numbers
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise unprocessable("The bbox is outside of -180..180, -90..90.")
    if south > north or west > east:
        raise unprocessable("The bbox is west, south, east, north, and its corners are the other way round.")
    return west, south, east, north


def parse_geometry(value: Mapping[str, Any]) -> Shape:
    """A GeoJSON geometry (or a Feature around one). Raises a 422 problem."""
    if value.get("type") == "Feature" and isinstance(value.get("geometry"), Mapping):
        value = value["geometry"]
    kind = value.get("type")
    if kind == "GeometryCollection" and value.get("geometries"):
        parts = [parse_geometry(part) for part in value["geometries"]]
        return Shape([x for part in parts for x in part.lines], [x for part in parts for x in part.areas])
    if kind not in _TYPES:
        raise unprocessable("intersects holds a GeoJSON geometry.")
    try:
        return _parsed(kind, value["coordinates"])
    except (KeyError, TypeError, ValueError, IndexError):
        raise unprocessable(f"The coordinates do not make a {kind}.") from None


def _parsed(kind: str, raw: Any) -> Shape:
    if kind == "Point":
        return Shape([[_point(raw)]], [])
    if kind == "MultiPoint":
        return Shape([[_point(one)] for one in raw], [])
    if kind == "LineString":
        return Shape([_ring(raw, 2)], [])
    if kind == "MultiLineString":
        return Shape([_ring(one, 2) for one in raw], [])
    if kind == "Polygon":
        return Shape([], [[_ring(one, 4) for one in raw]])
    return Shape([], [[_ring(one, 4) for one in area] for area in raw])


def _point(raw: Any) -> Point:
    x, y = float(raw[0]), float(raw[1])
    if not (-180 <= x <= 180 and -90 <= y <= 90):
        raise ValueError("outside of the world")
    return x, y


def _ring(raw: Any, least: int) -> Ring:
    ring = [_point(one) for one in raw]
    if len(ring) < least or (least == 4 and ring[0] != ring[-1]):
        raise ValueError("too few points, or not closed")
    return ring


def _inside(point: Point, area: list[Ring]) -> bool:
    return _in_ring(point, area[0]) and not any(_in_ring(point, hole) for hole in area[1:])


def _in_ring(point: Point, ring: Ring) -> bool:
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(a: Point, b: Point, c: Point) -> bool:
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    one, two, three, four = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if one * two < 0 and three * four < 0:
        return True
    return (
        (one == 0 and _within(a, b, c))
        or (two == 0 and _within(a, b, d))
        or (three == 0 and _within(c, d, a))
        or (four == 0 and _within(c, d, b))
    )
