"""Files are real: what an item declares and what its file says agree, and the same bytes come every time."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
from helpers.sandbox_api import SCENE, Api

from geopera.sandbox import Sandbox

BASE = {"host_name": "earthsearch-aws"}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


def fetch(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


def tags(data: bytes) -> dict[int, list[Any]]:
    """The tags of a little-endian TIFF."""
    kinds = {2: "s", 3: "H", 4: "I", 12: "d"}
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    found = {}
    for index in range(count):
        place = start + 2 + 12 * index
        tag, kind, number = struct.unpack_from("<HHI", data, place)
        code = f"<{number}{kinds[kind]}"
        at = place + 8 if struct.calcsize(code) <= 4 else struct.unpack_from("<I", data, place + 8)[0]
        found[tag] = list(struct.unpack_from(code, data, at))
    return found


def test_an_asset_is_where_its_item_says(api: Api, sandbox: Sandbox) -> None:
    for item in api("catalog.search", {**BASE, "limit": 40})["features"][::13]:
        properties = item["properties"]
        response = fetch(item["assets"]["red"]["href"]) if "red" in item["assets"] else None
        if response is None:
            continue
        found = tags(response.content)
        assert [found[257][0], found[256][0]] == properties["proj:shape"]
        transform = properties["proj:transform"]
        assert (found[33550][:2], found[33922][3:5]) == (
            [transform[0], -transform[4]],
            [transform[2], transform[5]],
        )
        assert found[34735][-1] == properties["proj:epsg"]
        assert fetch(item["assets"]["red"]["href"]).content == response.content
        part = httpx.get(item["assets"]["red"]["href"], headers={"Range": "bytes=4-7"}, trust_env=False)
        assert (part.status_code, part.content) == (206, response.content[4:8])


def test_the_zone_is_that_of_the_place(api: Api) -> None:
    perth = api("catalog.search", {**BASE, "bbox": [115.8, -32, 116, -31.9], "limit": 5})["features"]
    assert {one["properties"]["proj:epsg"] for one in perth} == {32750}
    assert not any("grid:code" in one["properties"] for one in perth)


def test_pictures_and_tiles(api: Api) -> None:
    for name in ("quicklook", "thumbnail"):
        picture = api(f"catalog.image.{name}", {**BASE, "image_id": SCENE})
        assert fetch(picture["url"]).content[:3] == b"\xff\xd8\xff"
    item = api("items.search_org", {"limit": 1})["features"][0]["id"]
    tilejson = api("items.tile.tilejson", {"item_id": item})
    assert len(tilejson["bounds"]) == 4
    url = tilejson["tiles"][0].format(z=10, x=942, y=614)
    response = fetch(url)
    assert (response.content[:4], response.headers["content-type"]) == (b"RIFF", "image/webp")
    assert fetch(url.replace("signature=", "signature=0")).status_code == 403
    assert fetch(tilejson["tiles"][0].format(z=1, x=5, y=0)).status_code == 422


def test_uploads_take_the_put_and_no_forged_one(api: Api, sandbox: Sandbox) -> None:
    upload = api("uploads.initiate", {"project_id": "example-project"})["id"]
    signed = api("uploads.signed_url", {"upload_id": upload, "file_name": "a b.tif"})
    url = signed["upload_url"]
    assert httpx.put(url, content=b"pixels", trust_env=False).status_code == 200
    assert sandbox.state.uploads[signed["object_path"]] == b"pixels"
    assert httpx.put(url.replace("a%20b", "c"), content=b"x", trust_env=False).status_code == 403
    assert fetch(url).status_code == 403  # it is for a PUT
    assert httpx.put(url, content=b"x", headers={"X-API-Key": "k"}, trust_env=False).status_code == 400


def test_an_index_is_computed_and_a_clip_clips(api: Api) -> None:
    import time

    job = api("processing.create", {"job_type": "ndvi", "inputs": {"item_ids": [SCENE]}})["id"]
    area = [[151.2, -33.9], [151.28, -33.9], [151.28, -33.86], [151.2, -33.86], [151.2, -33.9]]
    shape = {"type": "Polygon", "coordinates": [area]}
    clip = api("clip.create_from_item", {"item_id": SCENE, "aoi_geometry": shape})["id"]
    signed = api("items.asset.download", {"item_id": SCENE, "asset_id": f"{job}-output"})
    found = tags(fetch(signed["url"]).content)
    assert (found[258], found[339]) == ([32], [3])  # floats
    for _ in range(100):
        response = api.raw("clip.job.download", {"job_id": clip, "mosaic_type": "bytes-10"})
        if response.status_code == 200:
            break
        time.sleep(0.05)
    found = tags(response.content)
    assert found[256][0] * found[33550][0] < 10_000  # metres: the area, not the scene


def test_collections_are_stac_collections(api: Api) -> None:
    import pystac

    for row in api("catalog.collections.list")["collections"]:
        collection = pystac.Collection.from_dict(row)
        assert collection.description
        assert collection.extent.spatial.bboxes[0]
        assert fetch(row["links"][0]["href"]).json()["id"] == row["id"]


_ODC = """
import sys, httpx, odc.stac, pystac
url, token = sys.argv[1:]
body = {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": 2}
page = httpx.post(url + "/v1/op/catalog.search", json=body, headers={"Authorization": "Bearer " + token}).json()
items = [pystac.Item.from_dict(one) for one in page["features"]]
data = odc.stac.load(items, bands=["red", "nir"]).compute()
assert float(data.red.max()) > 0 and float((data.red == 0).mean()) < 0.9, data
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("odc") is None or find_spec("odc.stac") is None, reason="needs odc-stac")
def test_odc_stac_loads_it(sandbox: Sandbox) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ODC, sandbox.url, sandbox.token],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
