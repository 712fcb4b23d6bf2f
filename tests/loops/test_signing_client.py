"""Signed URLs of assets, and the pixels behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera.models import StacFeature
from geopera.sandbox import Sandbox
from geopera.types import JSONObject, open_json

Serve = Callable[[Callable[[Asked], Reply]], Wire]


def item(id: str = "i1") -> dict[str, Any]:
    assets = {name: {"href": f"https://store/{id}/{name}.tif"} for name in ("red", "nir", "public")}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "geometry": None,
        "properties": {"datetime": "2024-01-15T00:00:00Z"},
        "assets": assets,
        "links": [],
    }


class Signer:
    """Signs everything but the assets called public; the number counts the calls."""

    expires = "2999-01-01T00:00:00Z"

    def __init__(self, serve: Serve) -> None:
        self.wire = serve(self)

    def __call__(self, asked: Asked) -> Reply:
        if asked.body["asset_id"] == "public":
            return json_reply({"title": "No such asset", "status": 404}, 404)
        url = f"https://store/{asked.body['item_id']}/{asked.body['asset_id']}.tif?sig={len(self.wire.asked)}"
        return json_reply({"url": url, "expires_at": self.expires})


@pytest.fixture
def signer(serve: Serve) -> Signer:
    return Signer(serve)


def hrefs(value: Any) -> dict[str, str]:
    assets = value["assets"] if isinstance(value, dict | JSONObject | StacFeature) else value.assets
    return {key: asset["href"] if isinstance(asset, dict) else asset.href for key, asset in assets.items()}


@pytest.mark.parametrize("kind", ["dict", "model", "object", "pystac"])
def test_an_item_is_signed_in_place(flavour: Flavour, signer: Signer, kind: str) -> None:
    pystac = pytest.importorskip("pystac")
    make: dict[str, Callable[[dict[str, Any]], Any]] = {
        "dict": lambda one: one,
        "model": StacFeature.from_dict,
        "object": open_json,
        "pystac": pystac.Item.from_dict,
    }
    value = make[kind](item())
    client = flavour.client("t", signer.wire.url)
    assert flavour(client.sign(value)) is value
    found = hrefs(value)
    assert found.pop("public") == "https://store/i1/public.tif"
    assert set(found) == {"red", "nir"}
    assert all("?sig=" in url for url in found.values())


def test_collections_pages_and_lists(flavour: Flavour, signer: Signer) -> None:
    pystac = pytest.importorskip("pystac")
    client = flavour.client("t", signer.wire.url)
    page = open_json({"type": "FeatureCollection", "features": [item("i1"), item("i2")]})
    collection = pystac.ItemCollection([pystac.Item.from_dict(item("i3"))])
    for value, items in ((page, page.features), (collection, collection.items), ([one := item("i4")], [one])):
        assert flavour(client.sign(value, assets=["red"])) is value
        for found in items:
            urls = hrefs(found)
            assert "?sig=" in urls["red"]
            assert "?sig=" not in urls["nir"]
    stac = pystac.Collection("c", "text", pystac.Extent.from_dict({"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[None, None]]}}))  # fmt: skip
    before = len(signer.wire.asked)
    assert flavour(client.sign(stac)) is stac
    assert flavour(client.sign(stac.to_dict()))["id"] == "c"
    assert len(signer.wire.asked) == before


def test_urls_of_signed_items_and_others(flavour: Flavour, signer: Signer) -> None:
    client = flavour.client("t", signer.wire.url)
    value = flavour(client.sign(item(), assets=["red"]))
    signed = value["assets"]["red"]["href"]
    asked = len(signer.wire.asked)
    assert flavour(client.sign(signed)) == signed
    assert flavour(client.sign("https://store/i1/red.tif")) == signed
    assert flavour(client.sign("https://elsewhere/x.tif?a=1")) == "https://elsewhere/x.tif?a=1"
    assert len(signer.wire.asked) == asked


def test_an_expired_url_is_signed_again(flavour: Flavour, signer: Signer) -> None:
    signer.expires = "2001-01-01T00:00:00Z"
    client = flavour.client("t", signer.wire.url)
    value = flavour(client.sign(item(), assets=["red"]))
    first = value["assets"]["red"]["href"]
    assert flavour(client.sign(first)) == first.replace("sig=1", "sig=2")


def test_assets(flavour: Flavour, signer: Signer) -> None:
    pystac = pytest.importorskip("pystac")
    client = flavour.client("t", signer.wire.url)
    asset = pystac.Item.from_dict(item()).assets["red"]
    assert "?sig=" in flavour(client.sign(asset)).href
    assert "?sig=2" in flavour(client.sign({"href": "https://store/i1/red.tif"}))["href"]
    with pytest.raises(ValueError, match="sign the item"):
        flavour(client.sign({"href": "https://store/other.tif"}))


def test_what_cannot_be_signed(flavour: Flavour, signer: Signer) -> None:
    client = flavour.client("t", signer.wire.url)
    for value in (5, None, b"url", {"id": "x"}):
        with pytest.raises(TypeError, match="sign"):
            client.sign(value)
    with pytest.raises(TypeError, match="assets"):
        client.sign(item(), assets="red")


def test_rasterio_opens_an_asset(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    numpy = pytest.importorskip("numpy")
    path = str(tmp_path / "red.tif")
    transform = rasterio.Affine(10, 0, 0, 0, -10, 0)
    form = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "uint16", "crs": "EPSG:32756"}
    with rasterio.open(path, "w", **form, transform=transform) as made:
        made.write(numpy.full((1, 3, 4), 7, "uint16"))
    asset = StacFeature.from_dict(item() | {"assets": {"red": {"href": path}}}).assets["red"]
    assert "open" in dir(asset)
    with asset.open() as source:
        assert source.read(1).tolist() == [[7] * 4] * 3


def test_open_belongs_to_assets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AttributeError, match="open"):
        JSONObject(id="x").open  # noqa: B018
    assert JSONObject(href="x", open=5).open == 5
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(ImportError, match="pip install rasterio"):
        JSONObject(href="x").open()


_ODC = """
import odc.stac, geopera
with geopera.Geopera() as client:
    items = client.catalog.search(host_name="earthsearch-aws", collections=["sentinel-2-l2a"], limit=1).to_pystac()
    client.sign(items, assets=["red", "nir"])
    assert "signature=" in items[0].assets["red"].href
    loaded = odc.stac.load(list(items), bands=["red", "nir"], patch_url=client.sign)
    assert float(loaded.red.max()) > 0
    with geopera.types.JSONObject(href=items[0].assets["red"].href).open() as raster:
        assert raster.count == 1
"""


@pytest.mark.slow
def test_odc_stac_takes_the_function(sandbox: Sandbox) -> None:
    """In a process of its own: GDAL reads while it holds up every other thread, the server's too."""
    pytest.importorskip("odc.stac")
    environment = {**os.environ, "GEOPERA_API_URL": sandbox.url, "GEOPERA_API_TOKEN": sandbox.token}
    subprocess.run([sys.executable, "-c", _ODC], env=environment, check=True, timeout=300)
