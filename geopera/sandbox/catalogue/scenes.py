"""The catalogue: hosts, collections, and deterministic scenes, made from a seed.

A scene is kept small (id, box, time, cloud); its STAC item is built when it is requested.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from ..wire.examples import AOI, SCENE
from ..wire.problems import unprocessable
from ..wire.times import parse_datetime
from .geometry import Box, Shape, parse_geometry
from .pixels import Grid, grid_of
from .projection import utm_epsg

SEED = 20240115
SCENES_OVER_AOI = 320


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection on one host."""

    id: str
    title: str
    platforms: tuple[str, ...]
    gsd: float
    bands: tuple[str, ...]
    half_size: tuple[float, float]  # of a footprint, in degrees of longitude and latitude
    description: str = ""


@dataclass(frozen=True)
class Scene:
    """One acquisition. With a `source`, it is a STAC item that a test added, and is returned unchanged."""

    id: str
    host: str
    collection: Collection
    datetime: datetime
    cloud_cover: float
    box: Box
    tile: str
    slant: float
    source: Mapping[str, Any] | None = None

    @property
    def ring(self) -> list[tuple[float, float]]:
        """The footprint: a parallelogram that leans as an orbit does."""
        west, south, east, north = self.box
        lean = self.slant
        return [(west, south), (east - lean, south), (east, north), (west + lean, north), (west, south)]

    @cached_property
    def shape(self) -> Shape:
        """The footprint, for spatial tests."""
        if self.source is not None:
            return parse_geometry(self.source.get("geometry"), f"item {self.id!r}")
        return Shape([], [[self.ring]])

    @cached_property
    def grid(self) -> Grid:
        """The grid of its rasters, in the UTM zone of its middle."""
        west, south, east, north = self.box
        return grid_of(self.shape, utm_epsg((west + east) / 2, (south + north) / 2), self.collection.gsd)

    @property
    def properties(self) -> dict[str, Any]:
        """The STAC properties."""
        if self.source is not None:
            return dict(self.source.get("properties") or {})
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
            "proj:epsg": self.grid.epsg,
            "proj:shape": [self.grid.height, self.grid.width],
            "proj:transform": self.grid.transform,
            **({"grid:code": f"MGRS-{self.tile}"} if self.tile else {}),
        }

    @cached_property
    def members(self) -> dict[str, Any]:
        """The item without its assets and links, as filters and sorting see it."""
        if self.source is not None:
            return dict(self.source)
        return {
            "type": "Feature",
            "id": self.id,
            "collection": self.collection.id,
            "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in self.ring]]},
            "bbox": list(self.box),
            "properties": self.properties,
        }

    def item(self, base: str) -> dict[str, Any]:
        """The scene as a STAC item (GeoJSON Feature), with its files under a base URL."""
        if self.source is not None:
            return dict(self.source)
        home = f"{base}/data/{self.host}/{self.collection.id}"
        place = f"{home}/{self.id}"
        assets: dict[str, Any] = {
            band: {
                "href": f"{place}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": band.replace("_", " "),
                "roles": ["data"],
                "eo:bands": [{"name": band, **({"common_name": band} if band in _COMMON else {})}],
            }
            for band in self.collection.bands
        }
        for name, role in (("thumbnail", "thumbnail"), ("quicklook", "overview")):
            assets[name] = {"href": f"{place}/{name}.jpg", "type": "image/jpeg", "roles": [role]}
        extensions = [
            "eo/v1.1.0",
            "projection/v1.1.0",
            "view/v1.0.0",
            *(["grid/v1.1.0"] if self.tile else []),
        ]
        return {
            **self.members,
            "stac_version": "1.0.0",
            "stac_extensions": [f"https://stac-extensions.github.io/{one}/schema.json" for one in extensions],
            "assets": assets,
            "links": [
                {"rel": "self", "type": "application/geo+json", "href": f"{place}.json"},
                {"rel": "collection", "type": "application/json", "href": f"{home}.json"},
            ],
        }


_COMMON = frozenset({"blue", "green", "red", "nir", "nir08", "swir16", "pan"})
_S2 = Collection(
    "sentinel-2-l2a",
    "Sentinel-2 Level-2A",
    ("sentinel-2a", "sentinel-2b"),
    10.0,
    ("blue", "green", "red", "nir", "swir16", "scl"),
    (0.55, 0.48),
    "Surface reflectance of Sentinel-2.",
)
_LANDSAT = Collection(
    "landsat-c2-l2",
    "Landsat Collection 2 Level-2",
    ("landsat-8", "landsat-9"),
    30.0,
    ("red", "nir08"),
    (1.0, 0.9),
    "Surface reflectance of Landsat 8 and 9.",
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
        self._collections = {host: list(known) for host, (_, known) in HOSTS.items()}
        self._set(scenes)

    def collections(self, host: str) -> list[Collection]:
        """The collections of a host; empty for an unknown one."""
        return self._collections.get(host, [])

    def find_collection(self, id_: object) -> Collection | None:
        """A collection of any host."""
        return next((one for known in self._collections.values() for one in known if one.id == id_), None)

    def add(self, items: Iterable[Mapping[str, Any]], host: str) -> list[str]:
        """Add STAC items as scenes of a host, replacing those with the same ids. Returns the ids.

        Raises a 422 problem for an item without an id, a collection, a datetime or a geometry.
        """
        scenes = dict(self.by_id)
        added: list[str] = []
        for item in items:
            scene = self._imported(item, host)
            scenes[scene.id] = scene
            added.append(scene.id)
        self._set(list(scenes.values()))
        return added

    def extent(self, host: str, collection: str) -> tuple[list[float], list[str | None]]:
        """The box and the interval of a collection's scenes."""
        scenes = [one for one in self.scenes if one.host == host and one.collection.id == collection]
        if not scenes:
            return [-180.0, -90.0, 180.0, 90.0], [None, None]
        sides = [side(one.box[at] for one in scenes) for at, side in enumerate((min, min, max, max))]
        return sides, [stamp(min(one.datetime for one in scenes)), stamp(max(one.datetime for one in scenes))]

    def _set(self, scenes: list[Scene]) -> None:
        scenes.sort(key=lambda scene: scene.id)
        scenes.sort(key=lambda scene: scene.datetime, reverse=True)
        self.scenes: tuple[Scene, ...] = tuple(scenes)
        self.by_id: dict[str, Scene] = {scene.id: scene for scene in scenes}

    def _imported(self, item: Mapping[str, Any], host: str) -> Scene:
        properties = item.get("properties") if isinstance(item, Mapping) else None
        id_ = item.get("id") if isinstance(item, Mapping) else None
        if not isinstance(id_, str) or not isinstance(properties, Mapping):
            raise unprocessable("A scene is a STAC item with an id and properties.")
        when = properties.get("datetime") or properties.get("start_datetime")
        name = item.get("collection")
        if not isinstance(name, str):
            raise unprocessable(f"The item {id_!r} has no collection.")
        collection = next((one for one in self.collections(host) if one.id == name), None)
        if collection is None:
            bands = tuple(
                key for key, asset in (item.get("assets") or {}).items() if "data" in asset.get("roles", ())
            )
            collection = Collection(
                name, name, ("unknown",), float(properties.get("gsd") or 10.0), bands, (0.1, 0.1)
            )
            self._collections[host].append(collection)
        shape = parse_geometry(item.get("geometry"), f"item {id_!r}")
        cloud = float(properties.get("eo:cloud_cover") or 0.0)
        when = parse_datetime(when, f"item {id_!r}")
        return Scene(id_, host, collection, when, cloud, shape.box, "", 0.0, item)


def stamp(when: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
            yield Scene(name, host, collection, when, cloud, box, "", 0.0)


def _name(letter: str, when: datetime, tile: str, index: int) -> str:
    ready = when + timedelta(hours=1, minutes=index % 50, seconds=index % 60)
    return f"S2{letter}_MSIL2A_{when:%Y%m%dT%H%M%S}_R030_T{tile}_{ready:%Y%m%dT%H%M%S}"


def _box(centre: tuple[float, float], collection: Collection, right: float, up: float) -> Box:
    x, y = centre[0] + right, centre[1] + up
    wide, high = collection.half_size
    return round(x - wide, 5), round(y - high, 5), round(x + wide, 5), round(y + high, 5)
