"""Images and maps: what a notebook is given, and what is left as text."""

from __future__ import annotations

import base64
import io
import sys

import pytest
from helpers.scenes import PAGE, SCENE, says, search

from geopera._display.quicklooks import picture_url
from geopera.sandbox.wire.pictures import jpeg, pattern, png, webp
from geopera.types import Content, JSONArray, open_json

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


def shown(data, kind):
    return Content(data, kind)._repr_mimebundle_()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(pattern(16)), "image/png"),
        (jpeg(pattern(16)), "image/jpeg"),
        (webp(pattern(16)), "image/webp"),
        (GIF, "image/gif"),
    ],
)
def test_an_image_shows_itself_byte_by_byte(data, kind):
    picture = says(data, kind=f"{kind.upper()}; q=1").cog.thumbnail(url="https://example.com/a.tif")
    bundle = picture._repr_mimebundle_(include=None, exclude=None)
    assert base64.b64decode(bundle[kind]) == data == picture
    assert bundle["text/plain"] == repr(picture)
    assert len(bundle) == 2


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"", "image/png"), (b"no picture", "image/png"), (png(pattern(16)), "image/jpeg"), (b"{}", "application/json"),
     (b"II*\0broken", "image/tiff"), (b"x" * 100, ""), (b"<svg onload='alert(1)'/>", "image/svg+xml")],
)  # fmt: skip
def test_what_is_no_image_stays_text(data, kind):
    assert list(shown(data, kind)) == ["text/plain"]


def test_save_and_image(tmp_path):
    pytest.importorskip("PIL.Image")
    picture = Content(png(pattern(16)), "image/png")
    path = picture.save(tmp_path / "a.png")
    assert path.read_bytes() == picture
    assert picture.image().size == (16, 16)
    with pytest.raises(OSError, match="cannot identify"):
        Content(b"no picture", "image/png").image()


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16", "F", "CMYK", "1"])
def test_a_tiff_shows_as_a_small_png(mode):
    pillow = pytest.importorskip("PIL.Image")
    written = io.BytesIO()
    pillow.new(mode, (2_000, 1_000)).save(written, "TIFF")
    bundle = shown(written.getvalue(), "image/tiff; application=geotiff")
    picture = pillow.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.size == (512, 256)


def test_without_pillow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"geopera\[images\]"):
        Content(GIF, "image/gif").image()
    assert list(shown(b"II*\0", "image/tiff")) == ["text/plain"]


# Maps


def test_a_page_draws_a_map():
    pytest.importorskip("folium")
    evil = {**SCENE, "id": "</script><img src=x onerror=alert(1)>"}
    drawn = search({**PAGE, "features": [SCENE, evil, {**SCENE, "geometry": None}]}).explore(height=300)
    written = drawn.get_root().render()
    assert "S2A_T56HLH_20240301T012536" in written
    assert "eo:cloud_cover" in written
    assert "<img src=x" not in written
    assert drawn.get_bounds() == [[-34, 151], [-33, 152]]
    assert open_json(PAGE).explore().get_bounds() == drawn.get_bounds()
    assert JSONArray([open_json(SCENE)]).explore().get_bounds() == drawn.get_bounds()


def test_nothing_to_draw_and_nothing_to_draw_with(monkeypatch):
    pytest.importorskip("folium")
    with pytest.raises(ValueError, match="no record has a geometry"):
        search({**PAGE, "features": []}).explore()
    monkeypatch.setitem(sys.modules, "folium", None)
    with pytest.raises(ImportError, match=r"geopera\[map\]"):
        search().explore()


def test_only_a_page_has_them():
    page = search()
    assert {"explore", "quicklooks", "records"} <= set(dir(page))
    scene = page.features[0]
    for other in (scene, open_json(SCENE)):
        assert not {"explore", "quicklooks"} & set(dir(other))
        with pytest.raises(AttributeError, match="page of records and has no explore"):
            other.explore  # noqa: B018
    assert open_json({"id": 1, "explore": "data"}).explore == "data"
    assert "footprints" in page.explore.__doc__


# Contact sheets


def test_quicklooks_are_fetched_from_where_the_scenes_say(client, flavour):
    page = flavour(client.catalog.search(host_name="earthsearch-aws", limit=3))
    sheet = page.quicklooks(limit=2)
    assert list(sheet.images) == [scene.id for scene in page.features[:2]]
    assert repr(sheet) == "<Quicklooks: 2 pictures, 1 more scene>"
    html = sheet._repr_html_()
    assert html.count("data:image/jpeg;base64,") == 2
    assert "1 more scene<" in html
    assert page.features[0].id in html


def test_quicklooks_send_no_token_and_name_what_is_missing(serve, tmp_path):
    from helpers.wire import Reply

    def reply(asked):
        if "good" in asked.path:
            return Reply(png(pattern(16)), type="image/png")
        return Reply(b"<h1>sorry</h1>", status=200 if "text" in asked.path else 404)

    server = serve(reply)

    def scene(name, **assets):
        return {**SCENE, "id": name, "assets": assets}

    page = search(
        {
            **PAGE,
            "features": [
                scene("none"),
                scene("gone", preview={"href": f"{server.url}/gone.png"}),
                scene("good", thumbnail={"href": f"{server.url}/good.png", "type": "image/png"}),
                scene("text", thumbnail={"href": f"{server.url}/text.png", "roles": ["thumbnail"]}),
                scene("file", thumbnail={"href": "file:///etc/passwd", "roles": ["thumbnail"]}),
                scene("tiff", overview={"href": f"{server.url}/good.tif", "type": "image/tiff"}),
                scene("lost", thumbnail={"href": "http://127.0.0.1:9/good.png"}),
            ],
        }
    )
    sheet = page.quicklooks()
    assert list(sheet.images) == ["good"]
    assert sheet.missing.keys() == {"none", "gone", "text", "file", "tiff", "lost"}
    assert sheet.missing["gone"] == "status 404"
    assert sheet.missing["text"] == "not an image"
    assert "ConnectError" in sheet.missing["lost"]
    assert all("authorization" not in {name.lower() for name in asked.headers} for asked in server.asked)
    assert "status 404" in sheet._repr_html_()
    pytest.importorskip("PIL.Image")
    assert sheet.image().size == (256, 256)
    sheet.save(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 100


def test_the_smallest_picture_is_taken():
    assets = {
        "overview": {"href": "https://e.com/o.jpg", "roles": ["overview"]},
        "thumbnail": {"href": "https://e.com/t.jpg", "roles": ["thumbnail"]},
    }
    assert picture_url({"assets": assets}) == "https://e.com/t.jpg"
    assert picture_url({"assets": {"red": {"href": "https://e.com/red.tif"}}}) is None
    assert picture_url({"assets": ["odd"]}) is None
    assert picture_url({}) is None
