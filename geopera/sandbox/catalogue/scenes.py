"""The catalogue: hosts, collections, and scenes that are made from a seed, the same every time.

A scene is kept small (id, box, time, cloud); its STAC item is built when it is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..wire.examples import AOI, SCENE
from .geometry import Box, Shape

SEED = 20240115
SCENES_OVER_AOI = 320


@dataclass(frozen=True, slots=True)
class Collection:
    """What is known of a collection on one host."""

    id: str
    title: str
    platforms: tuple[str, ...]
    gsd: float
    bands: tuple[str, ...]
    half_size: tuple[float, float]  # of a footprint, in degrees of longitude and latitude


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition."""

    id: str
    host: str
    collection: Collection
    datetime: datetime
    cloud_cover: float
    box: Box
    tile: str
    slant: float

    @property
    def ring(self) -> list[tuple[float, float]]:
        """The footprint: a parallelogram that leans as an orbit does."""
        west, south, east, north = self.box
        lean = self.slant
        return [(west, south), (east - lean, south), (east, north), (west + lean, north), (west, south)]

    @property
    def shape(self) -> Shape:
        """The footprint, for questions."""
        return Shape([], [[self.ring]])

    @property
    def properties(self) -> dict[str, Any]:
        """The STAC properties."""
        platform = self.collection.platforms[0]
        for name in self.collection.platforms:
            if name[-1:].upper() == self.id[2:3]:
                platform = name
        return {
            "datetime": stamp(self.datetime),
            "created": stamp(self.datetime + timedelta(hours=5)),
            "updated": stamp(self.datetime + timedelta(hours=6)),
            "platform": platform,
            "constellation": self.collection.id.rsplit("-", 1)[0],
            "gsd": self.collection.gsd,
            "eo:cloud_cover": self.cloud_cover,
            "view:off_nadir": 0.0,
            "proj:epsg": 32756,
            "grid:code": f"MGRS-{self.tile}",
        }

    def item(self) -> dict[str, Any]:
        """The scene as a STAC item (GeoJSON Feature)."""
        base = f"https://data.example.com/{self.host}/{self.collection.id}/{self.id}"
        assets: dict[str, Any] = {
            band: {
                "href": f"{base}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": band.replace("_", " "),
                "roles": ["data"],
            }
            for band in self.collection.bands
        }
        assets["thumbnail"] = {"href": f"{base}/thumbnail.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": ["https://stac-extensions.github.io/eo/v1.1.0/schema.json"],
            "id": self.id,
            "collection": self.collection.id,
            "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in self.ring]]},
            "bbox": list(self.box),
            "properties": self.properties,
            "assets": assets,
            "links": [
                {"rel": "self", "type": "application/geo+json", "href": f"{base}.json"},
                {"rel": "collection", "type": "application/json", "href": base.rsplit("/", 1)[0]},
            ],
        }


_S2 = Collection(
    "sentinel-2-l2a",
    "Sentinel-2 Level-2A",
    ("sentinel-2a", "sentinel-2b"),
    10.0,
    ("blue", "green", "red", "nir", "swir16", "scl"),
    (0.55, 0.48),
)
_LANDSAT = Collection(
    "landsat-c2-l2",
    "Landsat Collection 2 Level-2",
    ("landsat-8", "landsat-9"),
    30.0,
    ("red", "nir08"),
    (1.0, 0.9),
)
_RADAR = Collection("sentinel-1-grd", "Sentinel-1 GRD", ("sentinel-1a",), 10.0, ("vv", "vh"), (1.2, 0.8))
_NAIP = Collection("naip", "NAIP", ("aerial",), 0.6, ("image",), (0.03, 0.03))
_VHR = Collection("vhr-optical", "Very high resolution, optical", ("vhr-1",), 0.5, ("visual",), (0.02, 0.015))

HOSTS: dict[str, tuple[str, tuple[Collection, ...]]] = {
    "earthsearch-aws": ("Earth Search on AWS", (_S2, _LANDSAT, _RADAR)),
    "planetary-computer": ("Planetary Computer", (_S2, _NAIP)),
    "geopera-archive": ("Geopera archive", (_VHR,)),
}
_SYDNEY = ((AOI[0] + AOI[2]) / 2, (AOI[1] + AOI[3]) / 2)
_ELSEWHERE = ((144.96, -37.81), (115.86, -31.95), (153.02, -27.47), (130.84, -12.46))


class Catalogue:
    """All scenes, newest first.

    Args:
        over_aoi: Sentinel-2 scenes of `earthsearch-aws` that cover the box 151.18..151.30, -33.92..-33.84.
    """

    def __init__(self, over_aoi: int = SCENES_OVER_AOI) -> None:
        scenes = [*_special(), *_sentinel(over_aoi - 1), *_others()]
        scenes.sort(key=lambda scene: scene.id)
        scenes.sort(key=lambda scene: scene.datetime, reverse=True)
        self.scenes: tuple[Scene, ...] = tuple(scenes)
        self.by_id: dict[str, Scene] = {scene.id: scene for scene in scenes}

    def collections(self, host: str) -> tuple[Collection, ...]:
        """The collections of a host; empty for an unknown one."""
        return HOSTS[host][1] if host in HOSTS else ()


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_of(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _special() -> Iterator[Scene]:
    when = datetime(2024, 1, 15, 0, 2, 41, tzinfo=UTC)
    yield Scene(SCENE, "earthsearch-aws", _S2, when, 3.2, _box(_SYDNEY, _S2, 0.0, 0.0), "56HKH", 0.08)


def _sentinel(count: int) -> Iterator[Scene]:
    dice = random.Random(SEED)
    tiles = ("56HKH", "56HLH", "56HKG")
    step = timedelta(days=366) / max(count, 1)
    for index in range(count):
        day = datetime(2024, 1, 1, tzinfo=UTC) + step * index
        when = day.replace(hour=0, minute=2, second=0, microsecond=0) + timedelta(seconds=index % 600)
        tile = tiles[index % 3]
        box = _box(_SYDNEY, _S2, dice.uniform(-0.25, 0.25), dice.uniform(-0.25, 0.25))
        name = _name("AB"[index % 2], when, tile, index)
        yield Scene(name, "earthsearch-aws", _S2, when, round(dice.random() ** 2 * 100, 2), box, tile, 0.08)


def _others() -> Iterator[Scene]:
    dice = random.Random(SEED + 1)
    plan = (
        ("earthsearch-aws", _S2, _ELSEWHERE, 80),
        ("earthsearch-aws", _LANDSAT, (_SYDNEY,), 60),
        ("earthsearch-aws", _RADAR, (_SYDNEY,), 40),
        ("planetary-computer", _S2, (_SYDNEY,), 60),
        ("planetary-computer", _NAIP, _ELSEWHERE, 20),
        ("geopera-archive", _VHR, (_SYDNEY,), 60),
    )
    for number, (host, collection, places, count) in enumerate(plan):
        for index in range(count):
            when = datetime(2024, 1, 1, 1, 30, tzinfo=UTC) + timedelta(days=366) / count * index
            when = when.replace(microsecond=0)
            box = _box(
                places[index % len(places)], collection, dice.uniform(-0.05, 0.05), dice.uniform(-0.03, 0.03)
            )
            word = collection.id.replace("-", "").upper()[:8]
            name = f"{word}_{when:%Y%m%dT%H%M%S}_{number}{index:03d}"
            cloud = 0.0 if collection is _RADAR else round(dice.uniform(0, 100), 2)
            yield Scene(name, host, collection, when, cloud, box, "56HKH", 0.0)


def _name(letter: str, when: datetime, tile: str, index: int) -> str:
    ready = when + timedelta(hours=1, minutes=index % 50, seconds=index % 60)
    return f"S2{letter}_MSIL2A_{when:%Y%m%dT%H%M%S}_R030_T{tile}_{ready:%Y%m%dT%H%M%S}"


def _box(centre: tuple[float, float], collection: Collection, right: float, up: float) -> Box:
    x, y = centre[0] + right, centre[1] + up
    wide, high = collection.half_size
    return round(x - wide, 5), round(y - high, 5), round(x + wide, 5), round(y + high, 5)
