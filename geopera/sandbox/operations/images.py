"""Pictures and rasters of scenes, items and jobs: assets, thumbnails, tiles, and the head of every file."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ..catalogue import pixels
from ..catalogue.geometry import Shape, boxes_shape, parse_geometry
from ..catalogue.projection import utm_epsg
from ..catalogue.scenes import HOSTS, Scene
from ..core.registry import Call, Raw, handles, is_example
from ..core.state import State
from ..wire.examples import AOI
from ..wire.pictures import jpeg, of_type, png, webp
from ..wire.problems import ProblemError, dump, not_found, unprocessable
from . import collections, signing
from .ranges import respond

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_NAMES = ("red", "green", "blue", "nir")


@lru_cache(maxsize=64)
def _raster(seed: str, names: tuple[str, ...], shape: Shape, grid: pixels.Grid) -> bytes:
    return pixels.raster(seed, names, shape, grid)


@lru_cache(maxsize=256)
def _tile(seed: str, shape: Shape, grid: pixels.Grid, z: int, x: int, y: int) -> bytes:
    return webp(pixels.tile(seed, shape, grid, z, x, y))


@lru_cache(maxsize=64)
def _thumbnail(seed: str, shape: Shape, grid: pixels.Grid, size: int) -> bytes:
    return jpeg(pixels.thumbnail(seed, shape, grid, size))


def head(state: State, name: str) -> bytes:
    """The beginning of the file of a name: a raster, or the uploaded bytes."""
    if name in state.uploads:
        return state.uploads[name]
    first, _, rest = name.partition("/")
    if first == "clip":
        return _clip(state, rest.partition("/")[0])
    asset = rest.removesuffix(".tif")
    row = state.store.one("SELECT * FROM work WHERE id = ?", asset.removesuffix("-output"))
    if row is not None and row["family"] == "processing":
        return _job(state, first, json.loads(row["body"]))
    scene = state.catalogue.by_id.get(first)
    if scene is not None:
        names = (asset,) if asset in scene.collection.bands else scene.collection.bands
        return _raster(scene.id, names or _NAMES, scene.shape, scene.grid)
    return _raster(first, _NAMES, *_item_grid(state, first))


def asset(request: Request, state: State) -> Response:
    """GET of a catalogue asset, of an item or of a collection. They are public, as on real hosts."""
    parts = request.path_params["path"].split("/")
    if len(parts) == 2 and parts[0] in HOSTS and parts[1].endswith(".json"):
        found = [one for one in state.catalogue.collections(parts[0]) if f"{one.id}.json" == parts[1]]
        if found:
            body = collections.described(state.catalogue, state.base_url(request), parts[0], found[0])
            return Response(dump(body), media_type="application/json")
    scene = state.catalogue.by_id.get(parts[2].removesuffix(".json")) if len(parts) in (3, 4) else None
    if scene is None or (scene.host, scene.collection.id) != tuple(parts[:2]):
        raise ProblemError(404, "No such asset.")
    if len(parts) == 3:
        return Response(dump(scene.item(state.base_url(request))), media_type="application/geo+json")
    if parts[3] in ("thumbnail.jpg", "quicklook.jpg"):
        size = 16 if parts[3].startswith("thumbnail") else 64
        return respond(request, _thumbnail(scene.id, scene.shape, scene.grid, size), "image/jpeg")
    band = parts[3].removesuffix(".tif")
    if band not in scene.collection.bands or band == parts[3]:
        raise ProblemError(404, "No such asset.")
    return respond(request, _raster(scene.id, (band,), scene.shape, scene.grid), COG)


def tile_of(request: Request, state: State) -> Response:
    """GET of a tile: of a scene, or of an item by the signature of its TileJSON."""
    path = request.path_params
    if path["form"] not in ("webp", "png") or path["kind"] not in ("scenes", "items"):
        raise ProblemError(404, "No such tile.")
    if path["kind"] == "items":
        signing.check(request, state, f"tiles/{path['id']}")
        seed, shape, grid = path["id"], *_item_grid(state, path["id"])
    else:
        seed, shape, grid = _of_scene(_scene(state, path["id"]))
    z, x, y = _address(path)
    if path["form"] == "png":
        return Response(png(pixels.tile(seed, shape, grid, z, x, y, 256)), media_type="image/png")
    return Response(_tile(seed, shape, grid, z, x, y), media_type="image/webp")


@handles("catalog.image.quicklook", "catalog.image.thumbnail")
def picture(call: Call) -> Any:
    id_ = call.body["image_id"]
    if is_example(id_):
        scene = call.state.catalogue.scenes[0]
    else:
        scene = _scene(call.state, id_)
    name = "quicklook" if call.operation.id.endswith("quicklook") else "thumbnail"
    base = call.state.base_url(call.request)
    url = f"{base}/data/{scene.host}/{scene.collection.id}/{quote(scene.id)}/{name}.jpg"
    return {"id": id_, "url": url, "href": url, "type": "image/jpeg"}


@handles(
    "catalog.tile.render",
    "items.tile.render",
    "items.tile.wmts_get_tile",
    "cog.tile.render",
    "cog.tile.terrain",
)
def render(call: Call) -> Any:
    z, x, y = _address(call.body)
    media_type = call.operation.media_type
    if media_type != "image/webp":
        return Raw(of_type(media_type), media_type)
    return Raw(_tile(*_subject(call), z, x, y), media_type)


@handles("cog.thumbnail")
def cog_thumbnail(call: Call) -> Any:
    return Raw(_thumbnail(*_subject(call), 32), call.operation.media_type)


@handles("items.tile.tilejson")
def tilejson(call: Call) -> Any:
    id_ = call.body["item_id"]
    shape, _ = _item_grid(call.state, id_, call.organisation)
    west, south, east, north = shape.box
    query = signing.query(call.state, f"tiles/{id_}", call.now)
    base = call.state.base_url(call.request)
    return {
        "tilejson": "3.0.0",
        "name": id_,
        "tiles": [f"{base}/tiles/items/{quote(id_)}/{{z}}/{{x}}/{{y}}.webp?{query}"],
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, 10],
        "minzoom": 0,
        "maxzoom": 22,
    }


def _subject(call: Call) -> tuple[str, Shape, pixels.Grid]:
    """The subject of a picture: a scene, an item, or the file of a URL."""
    body = call.body
    if "scene_id" in body:
        if is_example(body["scene_id"]):
            return _of_scene(call.state.catalogue.scenes[0])
        return _of_scene(_scene(call.state, body["scene_id"]))
    if "item_id" in body:
        return body["item_id"], *_item_grid(call.state, body["item_id"], call.organisation)
    parts = (
        urlsplit(str(body.get("url", ""))[:2000]).path.split("/") if "\\" not in str(body.get("url")) else []
    )
    for part in parts:
        if part in call.state.catalogue.by_id:
            return _of_scene(call.state.catalogue.by_id[part])
    world = boxes_shape([AOI])
    return str(body.get("url"))[:200], world, pixels.grid_of(world, 4326, 100.0)


def _of_scene(scene: Scene) -> tuple[str, Shape, pixels.Grid]:
    return scene.id, scene.shape, scene.grid


def _scene(state: State, id_: str) -> Scene:
    scene = state.catalogue.by_id.get(id_)
    if scene is None:
        raise not_found("scene", id_)
    return scene


def _item_grid(state: State, id_: str, organisation: str | None = None) -> tuple[Shape, pixels.Grid]:
    """The shape and the grid of an own item (or a scene). Raises a 404 problem."""
    if id_ in state.catalogue.by_id:
        return _of_scene(state.catalogue.by_id[id_])[1:]
    row = state.store.one("SELECT body, organisation FROM records WHERE kind = 'item' AND id = ?", id_)
    if (
        organisation is not None
        and not is_example(id_)
        and (row is None or row["organisation"] != organisation)
    ):
        raise not_found("item", id_)
    item = json.loads(row["body"]) if row is not None else {}
    return _placed(item.get("geometry"))


def _placed(geometry: Any, epsg: int | None = None) -> tuple[Shape, pixels.Grid]:
    try:
        shape = parse_geometry(geometry)
    except ProblemError:
        shape = boxes_shape([AOI])
    west, south, east, north = shape.box
    epsg = epsg or utm_epsg((west + east) / 2, (south + north) / 2)
    return shape, pixels.grid_of(shape, epsg, 10.0)


def _job(state: State, item: str, body: dict[str, Any]) -> bytes:
    given = body.get("inputs")
    inputs: dict[str, Any] = given if isinstance(given, dict) else {}
    kind = body.get("job_type") or body.get("process_id")
    wanted = [item, *(inputs.get("item_ids") or [])] if isinstance(inputs.get("item_ids"), list) else [item]
    scene = next((state.catalogue.by_id[id_] for id_ in wanted if id_ in state.catalogue.by_id), None)
    names = ("ndvi",) if kind == "ndvi" else pixels.COLOURS
    if scene is None:
        return _raster(item, names, *_placed(None))
    return _raster(scene.id, names, scene.shape, scene.grid)


def _clip(state: State, id_: str) -> bytes:
    row = state.store.one("SELECT body FROM work WHERE id = ?", id_)
    body = json.loads(row["body"]) if row is not None else {}
    geometry = body.get("aoi_geometry") or body.get("geometry")
    scene = state.catalogue.by_id.get(body.get("item_id") or "")
    return _raster(scene.id if scene else id_, _NAMES, *_placed(geometry, scene.grid.epsg if scene else None))


def _address(given: Any) -> tuple[int, int, int]:
    """z, x and y of a tile that exists. Raises a 422 problem."""
    z, x, y = (int(given[name]) for name in ("z", "x", "y"))
    if not 0 <= z <= 30 or not 0 <= x < 2**z or not 0 <= y < 2**z:
        raise unprocessable("A tile has a z from 0 to 30, and x and y from 0 to 2**z - 1.")
    return z, x, y
