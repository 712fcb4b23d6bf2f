"""Plane geometry on longitudes and latitudes: enough to test whether two shapes touch.

Coordinates are degrees (WGS84, RFC 7946); edges are straight in that plane; polygons may have holes. A bounding box
whose west is greater than its east crosses the antimeridian and is two boxes here.
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
_CHUNK = 64  # edges that share a bounding box, so that most of a large geometry is never tested


class Shape:
    """A GeoJSON geometry as points, lines and areas, with its box."""

    __slots__ = ("_chunks", "areas", "box", "lines")

    def __init__(self, lines: list[Ring], areas: list[list[Ring]]) -> None:
        self.lines = lines
        self.areas = areas
        self.box: Box = _box_of([p for line in lines for p in line] + [p for area in areas for p in area[0]])
        self._chunks: dict[int, list[tuple[Box, Ring]]] = {}

    def intersects(self, other: Shape) -> bool:
        """Whether two shapes share a point."""
        if not boxes_touch(self.box, other.box):
            return False
        for first, second in ((self, other), (other, self)):
            if any(second.contains(point) for point in first.corners()):
                return True
        mine = list(self.edges(other.box))
        return any(_cross(*edge, *its) for its in other.edges(self.box) for edge in mine)

    def contains(self, point: Point) -> bool:
        """Whether a point is inside of one of the areas (on an edge: undefined)."""
        return any(
            self._in_ring(point, area[0]) and not any(self._in_ring(point, hole) for hole in area[1:])
            for area in self.areas
        )

    def corners(self) -> Iterator[Point]:
        """One point of every part. Parts whose edges do not cross are inside or outside as a whole."""
        for line in self.lines:
            yield line[0]
        for area in self.areas:
            yield area[0][0]

    def edges(self, within: Box) -> Iterator[tuple[Point, Point]]:
        """Every straight piece that may touch a box; a lone point is a piece without length."""
        rings = [*self.lines, *(ring for area in self.areas for ring in area)]
        for ring in rings:
            if len(ring) == 1:
                yield ring[0], ring[0]
            for box, points in self._parts(ring):
                if boxes_touch(box, within):
                    yield from pairwise(points)

    def _parts(self, ring: Ring) -> list[tuple[Box, Ring]]:
        found = self._chunks.get(id(ring))
        if found is None:
            found = []
            for start in range(0, len(ring) - 1, _CHUNK):
                points = ring[start : start + _CHUNK + 1]
                found.append((_box_of(points), points))
            self._chunks[id(ring)] = found
        return found

    def _in_ring(self, point: Point, ring: Ring) -> bool:
        x, y = point
        odd = False
        for (_, south, east, north), points in self._parts(ring):
            if south <= y <= north and x <= east:
                for (x1, y1), (x2, y2) in pairwise(points):
                    if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                        odd = not odd
        return odd


def boxes_touch(a: Box, b: Box) -> bool:
    """Whether two boxes (west, south, east, north) share a point."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def any_touch(some: Sequence[Box], others: Sequence[Box]) -> bool:
    """Whether a box of one list shares a point with a box of another."""
    return any(boxes_touch(a, b) for a in some for b in others)


def boxes_shape(boxes: Sequence[Box]) -> Shape:
    """Boxes as one shape."""
    return Shape([], [[[(w, s), (e, s), (e, n), (w, n), (w, s)]] for w, s, e, n in boxes])


def parse_box(value: Any) -> list[Box]:
    """The boxes of a `bbox` of four or six numbers: two where it crosses the antimeridian.

    Raises a 422 problem.
    """
    if not isinstance(value, list | tuple) or not all(_is_number(number) for number in value):
        raise unprocessable("A bbox has four numbers: west, south, east, north.")
    numbers = [float(number) for number in value]
    if len(numbers) == 6:
        if numbers[2] > numbers[5]:
            raise unprocessable("The lowest height of the bbox is above its highest.")
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4:
        raise unprocessable("A bbox has four or six numbers.")
    west, south, east, north = numbers
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise unprocessable("The bbox is outside of -180..180, -90..90.")
    if south > north:
        raise unprocessable("The bbox is west, south, east, north: its south is above its north.")
    if west > east:
        return [(west, south, 180.0, north), (-180.0, south, east, north)]
    return [(west, south, east, north)]


def parse_geometry(value: Any, name: str = "intersects") -> Shape:
    """A GeoJSON geometry. A Feature is refused, as in the STAC API. Raises a 422 problem."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "GeometryCollection":
        parts = value.get("geometries")
        if not isinstance(parts, list) or not parts:
            raise unprocessable(f"{name}: a GeometryCollection has a list of geometries.")
        shapes = [parse_geometry(part, name) for part in parts]
        return Shape([x for one in shapes for x in one.lines], [x for one in shapes for x in one.areas])
    if kind not in _TYPES:
        hint = f", not a {kind}" if kind in ("Feature", "FeatureCollection") else ""
        raise unprocessable(f"{name} has to be a GeoJSON geometry{hint}.")
    try:
        return _parsed(str(kind), value["coordinates"])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as problem:
        reason = f": {problem}" if type(problem) is ValueError else ""
        raise unprocessable(f"{name}: the coordinates do not make a {kind}{reason}.") from None


def _parsed(kind: str, raw: Any) -> Shape:
    if kind == "Point":
        return Shape([[_point(raw)]], [])
    if not isinstance(raw, list) or not raw:
        raise ValueError("they are empty")
    if kind == "MultiPoint":
        return Shape([[_point(one)] for one in raw], [])
    if kind == "LineString":
        return Shape([_ring(raw, 2)], [])
    if kind == "MultiLineString":
        return Shape([_ring(one, 2) for one in raw], [])
    if kind == "Polygon":
        return Shape([], [[_ring(one, 4) for one in raw]])
    return Shape([], [[_ring(one, 4) for one in area] for area in raw])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _point(raw: Any) -> Point:
    if not isinstance(raw, list | tuple) or len(raw) < 2 or not all(_is_number(one) for one in raw):
        raise ValueError("a position is longitude and latitude")
    x, y = float(raw[0]), float(raw[1])
    if not (-180 <= x <= 180 and -90 <= y <= 90):
        raise ValueError("longitudes are -180..180 and latitudes -90..90 degrees")
    return x, y


def _ring(raw: Any, least: int) -> Ring:
    ring = [_point(one) for one in raw]
    if len(ring) < least or (least == 4 and ring[0] != ring[-1]):
        raise ValueError("too few positions, or a ring that is not closed")
    return ring


def _box_of(points: Ring) -> Box:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return min(xs), min(ys), max(xs), max(ys)


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
