"""Between degrees and the grids of rasters: UTM zones and web map tiles, in plain arithmetic.

UTM follows Krüger's series to the third order, which is right to a millimetre within a zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

Point = tuple[float, float]

_A, _F = 6378137.0, 1 / 298.257223563
_N = _F / (2 - _F)
_RADIUS = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16,
    13 * _N**2 / 48 - 3 * _N**3 / 5,
    61 * _N**3 / 240,
)
_E = math.sqrt(_F * (2 - _F))


def utm_epsg(lon: float, lat: float) -> int:
    """The EPSG code of the UTM zone of a position in degrees."""
    zone = min(60, max(1, math.floor((lon + 180) / 6) + 1))
    return (32700 if lat < 0 else 32600) + zone


def to_grid(epsg: int, lon: float, lat: float) -> Point:
    """A position in the coordinates of a UTM zone, in metres, or unchanged for 4326."""
    if epsg == 4326:
        return lon, lat
    middle = math.radians((epsg % 100) * 6 - 183)
    phi, away = math.radians(max(-89.9, min(89.9, lat))), math.radians(lon) - middle
    sine = math.sin(phi)
    t = math.sinh(math.atanh(sine) - _E * math.atanh(_E * sine))
    xi = math.atan2(t, math.cos(away))
    eta = math.atanh(math.sin(away) / math.sqrt(1 + t * t))
    east, north = eta, xi
    for order, factor in enumerate(_ALPHA, 1):
        east += factor * math.cos(2 * order * xi) * math.sinh(2 * order * eta)
        north += factor * math.sin(2 * order * xi) * math.cosh(2 * order * eta)
    false_north = 10_000_000.0 if epsg // 100 == 327 else 0.0
    return 500_000 + 0.9996 * _RADIUS * east, false_north + 0.9996 * _RADIUS * north


def tile_position(z: int, x: float, y: float) -> Point:
    """Longitude and latitude of a position in the grid of web map tiles (x and y may be fractions)."""
    count = 2**z
    return x / count * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / count))))


def along(ring: Sequence[Point], pieces: int = 8) -> Iterable[Point]:
    """A ring with more points, since its straight edges are not straight on another grid."""
    for (x1, y1), (x2, y2) in pairwise(ring):
        for piece in range(pieces):
            part = piece / pieces
            yield x1 + (x2 - x1) * part, y1 + (y2 - y1) * part
    yield ring[-1]
