"""Footprints as inline SVG, without a map, a network or a library."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Line = list[tuple[float, float]]

__all__ = ["figure", "svg"]

_MAX_POINTS = 2_000
_MAX_SHAPES = 200
_MAX_DEPTH = 8


def svg(geometries: Iterable[Any], width: int = 200, height: int = 140) -> str:
    """An ``<svg>`` element of GeoJSON geometries, north up; an empty string if there is nothing to draw.

    Coordinates are longitude and latitude in degrees; a degree of longitude is drawn as wide as it is at the
    middle latitude. Other values are left out; of many points and many shapes only some are drawn.
    """
    return _svg(_collected(geometries), width, height)


def figure(geometries: Iterable[Any]) -> str:
    """The SVG with its bounds below it; an empty string if there is nothing to draw."""
    shapes = _collected(geometries)
    points = [point for _, line in shapes for point in line]
    if not points:
        return ""
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    bounds = ", ".join(f"{number:.6g}" for number in (west, south, east, north))
    caption = f"west, south, east, north: {bounds}"
    return f"<figure>{_svg(shapes, 200, 140)}<figcaption>{caption}</figcaption></figure>"


def _collected(geometries: Iterable[Any]) -> list[tuple[str, Line]]:
    shapes: list[tuple[str, Line]] = []
    for geometry in geometries:
        for shape in _shapes(geometry, 0):
            shapes.append(shape)
            if len(shapes) >= _MAX_SHAPES:
                return shapes
    return shapes


def _svg(shapes: list[tuple[str, Line]], width: int, height: int) -> str:
    points = [point for _, line in shapes for point in line]
    if not points:
        return ""
    place = _projection(points, width, height)
    step = 1 + len(points) // _MAX_POINTS
    if step > 1:
        shapes = [(kind, line[::step] if len(line) > 3 * step else line[:4]) for kind, line in shapes]
    drawn = "".join(_element(kind, [place(*point) for point in line]) for kind, line in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="footprint">'
        f'<rect width="100%" height="100%" fill="none" stroke="#8888" />{drawn}</svg>'
    )


def _shapes(geometry: Any, depth: int) -> Iterator[tuple[str, Line]]:
    if not isinstance(geometry, dict) or depth > _MAX_DEPTH:
        return
    if isinstance(geometry.get("geometries"), list):
        for part in geometry["geometries"][:_MAX_SHAPES]:
            yield from _shapes(part, depth + 1)
        return
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if not isinstance(kind, str) or not isinstance(coordinates, list):
        return
    drawn = "area" if kind.endswith("Polygon") else "line" if kind.endswith("LineString") else "point"
    for line in _lines(coordinates, 0):
        if line:
            yield drawn, line


def _lines(coordinates: list[Any], depth: int) -> Iterator[Line]:
    """Every run of positions in nested coordinates."""
    if depth > _MAX_DEPTH or not coordinates:
        return
    if _is_position(coordinates):
        yield [(float(coordinates[0]), float(coordinates[1]))]
    elif _is_position(coordinates[0]):
        step = max(1, len(coordinates) // _MAX_POINTS)
        yield [(float(p[0]), float(p[1])) for p in coordinates[::step] if _is_position(p)]
    else:
        for part in coordinates[:_MAX_SHAPES]:
            if isinstance(part, list):
                yield from _lines(part, depth + 1)


def _is_position(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) < 2:
        return False
    # The comparison also keeps NaN and the infinities out.
    return all(isinstance(x, int | float) and -1e6 < x < 1e6 for x in value[:2])


def _projection(points: Line, width: int, height: int) -> Any:
    from math import cos, radians

    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    shrink = max(0.05, cos(radians(max(-89.0, min(89.0, (south + north) / 2)))))
    margin = 8
    across, up = (east - west) * shrink, north - south
    scale = min((width - 2 * margin) / (across or 1e-9), (height - 2 * margin) / (up or 1e-9), 1e7)
    left, top = (width - across * scale) / 2, (height - up * scale) / 2

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - west) * shrink * scale, top + (north - y) * scale

    return place


def _element(kind: str, line: Line) -> str:
    if kind == "point" or len(line) == 1:
        return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="#1f6feb" />' for x, y in line)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
    if kind == "line":
        return f'<polyline points="{path}" fill="none" stroke="#1f6feb" />'
    return f'<polygon points="{path}" fill="#1f6feb" fill-opacity="0.2" stroke="#1f6feb" />'
