"""Rasters of scenes and areas: a grid, the pixels inside of a footprint, and deterministic values.

The values form a landscape of fields: neighbouring pixels are similar, and red and near infrared depend on the
vegetation, so that an index of them is meaningful.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ..wire.pictures import Pixel, geotiff
from .geometry import Ring, Shape
from .projection import along, tile_position, to_grid

_MOST = 128  # pixels on a side of a scene's raster
_FIELD = 8  # pixels on a side of a field
_SCL = "scl"  # scene classification: classes rather than reflectances
COLOURS = ("red", "green", "blue")
_LEVEL = {"blue": 600, "green": 900, "red": 1000, "nir": 2400, "nir08": 2400, "swir16": 1800}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the pixels of a raster are: the reference system, the upper left corner, the size of a pixel."""

    epsg: int
    west: float
    north: float
    resolution: tuple[float, float]
    width: int
    height: int

    @property
    def transform(self) -> list[float]:
        """The affine transform, as `proj:transform` has it."""
        return [self.resolution[0], 0.0, self.west, 0.0, -self.resolution[1], self.north]


def grid_of(shape: Shape, epsg: int, gsd: float) -> Grid:
    """A grid over a shape, whose pixels are the sensor's doubled until there are few enough."""
    points = [to_grid(epsg, x, y) for ring in _rings(shape) for x, y in along(ring)]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    if epsg == 4326:
        across = max(1, min(_MOST, math.ceil((east - west) * 111_000 / gsd)))
        down = max(1, min(_MOST, math.ceil((north - south) * 111_000 / gsd)))
        size = ((east - west) / across or 1e-6, (north - south) / down or 1e-6)
        return Grid(epsg, west, north, size, across, down)
    pixel = gsd
    while max(east - west, north - south) / pixel > _MOST:
        pixel *= 2
    west, north = math.floor(west / pixel) * pixel, math.ceil(north / pixel) * pixel
    width, height = math.ceil((east - west) / pixel) or 1, math.ceil((north - south) / pixel) or 1
    return Grid(epsg, west, north, (pixel, pixel), width, height)


@lru_cache(maxsize=64)
def _runs(shape: Shape, grid: Grid) -> list[list[tuple[int, int]]]:
    """For every row of a grid, the runs of pixels whose centres are inside of a shape."""
    rings = [[to_grid(grid.epsg, x, y) for x, y in along(ring)] for ring in _rings(shape)]
    edges = [edge for ring in rings for edge in pairwise(ring)]
    rows = []
    for row in range(grid.height):
        y = grid.north - (row + 0.5) * grid.resolution[1]
        crossings = sorted(
            x1 + (y - y1) / (y2 - y1) * (x2 - x1) for (x1, y1), (x2, y2) in edges if (y1 > y) != (y2 > y)
        )
        runs = []
        for left, right in zip(crossings[::2], crossings[1::2], strict=False):
            first = math.ceil((left - grid.west) / grid.resolution[0] - 0.5)
            last = math.ceil((right - grid.west) / grid.resolution[0] - 0.5)
            if first < last:
                runs.append((max(0, first), min(grid.width, last)))
        rows.append(runs)
    return rows


def band(seed: str, name: str, shape: Shape, grid: Grid) -> list[list[int]]:
    """The values of one band, 1 to 10,000; 0 outside of the shape."""
    digest = hashlib.sha256(seed.encode()).digest()
    dice = random.Random(digest)
    fields = [
        [dice.random() for _ in range(grid.width // _FIELD + 1)] for _ in range(grid.height // _FIELD + 1)
    ]
    level = _LEVEL.get(name, 400 + hashlib.sha256(name.encode()).digest()[0] * 8)
    sign = {"red": -0.6, "blue": -0.4, "nir": 0.9, "nir08": 0.9}.get(name, 0.2)
    rows = []
    for row, runs in enumerate(_runs(shape, grid)):
        line = [0] * grid.width
        plants = fields[row // _FIELD]
        for first, last in runs:
            for column in range(first, last):
                plant = plants[column // _FIELD]
                if name == _SCL:
                    line[column] = 4 if plant > 0.5 else 5
                else:
                    line[column] = 1 + int(level * (1 + sign * plant)) + (row * 7 + column * 13) % 50
        rows.append(line)
    return rows


def ndvi(seed: str, shape: Shape, grid: Grid) -> list[list[float]]:
    """The index (nir - red) / (nir + red) of every pixel; 0 outside of the shape."""
    red, nir = band(seed, "red", shape, grid), band(seed, "nir", shape, grid)
    return [
        [(n - r) / (n + r) if n + r else 0.0 for r, n in zip(*pair, strict=True)]
        for pair in zip(red, nir, strict=True)
    ]


def raster(seed: str, names: Sequence[str], shape: Shape, grid: Grid) -> bytes:
    """A GeoTIFF of some bands; `ndvi` is one of floats, and stands alone."""
    place: dict[str, Any] = {"epsg": grid.epsg, "west": grid.west, "north": grid.north}
    if tuple(names) == ("ndvi",):
        return geotiff([ndvi(seed, shape, grid)], **place, resolution=grid.resolution, kind="f")
    bands = [band(seed, name, shape, grid) for name in names]
    return geotiff(bands, **place, resolution=grid.resolution)


@lru_cache(maxsize=16)
def picture(seed: str, shape: Shape, grid: Grid) -> list[list[Pixel]]:
    """The scene in true colours; transparent outside of its footprint."""
    reds, greens, blues = (band(seed, name, shape, grid) for name in COLOURS)
    return [
        [
            (min(255, r // 6), min(255, g // 6), min(255, b // 5), 255 if r else 0)
            for r, g, b in zip(*row, strict=True)
        ]
        for row in zip(reds, greens, blues, strict=True)
    ]


def thumbnail(seed: str, shape: Shape, grid: Grid, size: int = 32) -> list[list[Pixel]]:
    """The picture with few pixels."""
    rows = picture(seed, shape, grid)
    ys = [int((index + 0.5) * len(rows) / size) for index in range(size)]
    xs = [int((index + 0.5) * len(rows[0]) / size) for index in range(size)]
    return [[rows[y][x] for x in xs] for y in ys]


def tile(seed: str, shape: Shape, grid: Grid, z: int, x: int, y: int, size: int = 64) -> list[list[Pixel]]:
    """The part of a web map tile that the scene fills; transparent elsewhere."""
    rows = picture(seed, shape, grid)
    clear: Pixel = (0, 0, 0, 0)
    made = [[clear] * size for _ in range(size)]
    west, north = tile_position(z, x, y)
    east, south = tile_position(z, x + 1, y + 1)
    if west > shape.box[2] or east < shape.box[0] or south > shape.box[3] or north < shape.box[1]:
        return made
    for line in range(size):
        for column in range(size):
            lon, lat = tile_position(z, x + (column + 0.5) / size, y + (line + 0.5) / size)
            if not (shape.box[0] <= lon <= shape.box[2] and shape.box[1] <= lat <= shape.box[3]):
                continue
            east_of, north_of = to_grid(grid.epsg, lon, lat)
            at = math.floor((east_of - grid.west) / grid.resolution[0])
            down = math.floor((grid.north - north_of) / grid.resolution[1])
            if 0 <= at < grid.width and 0 <= down < grid.height:
                made[line][column] = rows[down][at]
    return made


def _rings(shape: Shape) -> list[Ring]:
    rings = [ring for area in shape.areas for ring in area]
    if rings:
        return rings
    west, south, east, north = shape.box  # a point or a line: a little square around it
    return [
        [
            (west, south),
            (east + 1e-4, south),
            (east + 1e-4, north + 1e-4),
            (west, north + 1e-4),
            (west, south),
        ]
    ]
