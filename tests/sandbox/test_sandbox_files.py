"""Binary responses, ranges, signed URLs, and the examples made from schemas."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from helpers.sample import sampled
from helpers.sandbox_api import SCENE, Api

from geopera.sandbox import Sandbox, example, example_body
from geopera.sandbox.wire.contract import Contract

CONTRACT = Contract.load()
MANIFEST = {
    "operations": {k: one.entry for k, one in CONTRACT.operations.items()},
    "schemas": CONTRACT.schemas,
}
SIZE = 300_000
ASSET = {"item_id": SCENE, "asset_id": "visual"}
CLIP = {"job_id": "example-job", "mosaic_type": f"bytes-{SIZE}"}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


@pytest.mark.parametrize("full", [False, True], ids=["least", "full"])
@pytest.mark.parametrize("id_", sampled(sorted(CONTRACT.operations)))
def test_every_operation_responds(api: Api, id_: str, full: bool) -> None:
    operation = CONTRACT.operations[id_]
    reply = api.raw(id_, example_body(id_, MANIFEST, full=full))
    assert reply.status_code == operation.status, reply.text
    assert reply.headers["content-type"].split(";")[0] == operation.media_type
    assert reply.content


def test_there_are_229_operations() -> None:
    assert len(CONTRACT.operations) == 229


@pytest.mark.parametrize("name", sampled(sorted(CONTRACT.schemas)))
@pytest.mark.parametrize("full", [False, True], ids=["least", "full"])
def test_examples_satisfy_their_schemas(name: str, full: bool) -> None:
    schema = {**CONTRACT.schemas[name], "schemas": CONTRACT.schemas}
    jsonschema.Draft202012Validator(schema).validate(example(schema, CONTRACT.schemas, full=full))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"const": 7},
        {"enum": ["b", "a"]},
        {"type": "null"},
        {"type": ["null", "integer"]},
        {"type": "integer", "exclusiveMinimum": 5, "multipleOf": 4},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
        {"type": "integer", "maximum": -3},
        {"type": "string", "minLength": 40},
        {"type": "string", "maxLength": 2},
        {"type": "string", "pattern": "^(up|down)$"},
        {"type": "string", "format": "date-time"},
        {"type": "array", "minItems": 3, "items": {"type": "string"}, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2},
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
        {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "string"}}}]},
        {"oneOf": [{"type": "null"}, {"type": "object", "required": ["x"]}]},
        {"type": "object", "properties": {"next": {"$ref": "#/schemas/Tree"}}},
    ],
)
@pytest.mark.parametrize("full", [False, True])
def test_examples_of_other_schemas(schema: Any, full: bool) -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/schemas/Tree"}}}
    value = example(schema, {"Tree": tree}, full=full)
    whole = schema if schema is True else {**schema, "schemas": {"Tree": tree}}
    jsonschema.Draft202012Validator(whole).validate(value)


@pytest.mark.parametrize(
    "schema",
    [False, {"type": "string", "pattern": "^q{17}z$"}, {"type": "integer", "minimum": 2, "maximum": 1}],
)
def test_what_has_no_example_says_so(schema: Any) -> None:
    with pytest.raises(ValueError, match="no example"):
        example(schema)


def test_pictures_are_real(api: Api) -> None:
    def get(id_: str) -> bytes:
        return api.raw(id_, example_body(id_, MANIFEST)).content

    png = get("share.tile.render")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    position, pixels = 8, b""
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        data = png[position + 8 : position + 8 + length]
        assert struct.unpack(">I", png[position + 8 + length : position + 12 + length])[0] == zlib.crc32(
            kind + data
        )
        pixels += data if kind == b"IDAT" else b""
        position += 12 + length
    assert len(zlib.decompress(pixels)) == 256 * (1 + 256 * 4)
    webp = get("cog.tile.render")
    assert (webp[:4], webp[8:12]) == (b"RIFF", b"WEBP")
    assert struct.unpack("<I", webp[4:8])[0] == len(webp) - 8
    jpeg = get("cog.thumbnail")
    assert jpeg.startswith(b"\xff\xd8\xff\xe0")
    assert jpeg.endswith(b"\xff\xd9")
    tiff = get("clip.job.download")
    assert tiff[:4] == b"II*\x00"
    (directory,) = struct.unpack("<I", tiff[4:8])
    assert struct.unpack("<H", tiff[directory : directory + 2]) == (17,)
    assert get("items.tile.wmts_capabilities").startswith(b"<?xml")
    assert 255 in get("reports.generate")


def test_a_clip_is_served_whole_or_in_ranges(api: Api) -> None:
    whole = api.raw("clip.job.download", CLIP)
    assert (whole.status_code, len(whole.content)) == (200, SIZE)
    assert whole.headers["accept-ranges"] == "bytes"
    etag = whole.headers["etag"]
    for asked, start, stop in [
        ("bytes=0-0", 0, 1),
        ("bytes=100000-", 100_000, SIZE),
        ("bytes=65535-131073", 65_535, 131_074),
        ("bytes=-10", SIZE - 10, SIZE),
        (f"bytes=299999-{SIZE * 9}", 299_999, SIZE),
        (f"bytes=-{SIZE * 9}", 0, SIZE),
    ]:
        part = api.raw("clip.job.download", CLIP, Range=asked, If_Range=etag)
        assert part.status_code == 206
        assert part.content == whole.content[start:stop]
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert part.headers["etag"] == etag
    for asked in ("bytes=5-2", "bytes=1-2,5-6", "lines=1-2", "bytes=-"):
        assert api.raw("clip.job.download", CLIP, Range=asked).status_code == 200
    assert api.raw("clip.job.download", CLIP, Range="bytes=5-", If_Range='"other"').content == whole.content
    past = api.raw("clip.job.download", CLIP, Range=f"bytes={SIZE}-")
    assert past.status_code == 416
    assert past.headers["content-range"] == f"bytes */{SIZE}"


def test_a_clip_cannot_be_downloaded_before_it_is_done(make_sandbox: Callable[..., Sandbox]) -> None:
    with Api(make_sandbox(speed=0.01)) as api:
        job = api("clip.create_from_item", {"item_id": SCENE})["id"]
        assert api.problem(409, "clip.job.download", {**CLIP, "job_id": job})["current_status"] == "queued"


def test_signed_urls_work_without_a_token_and_refuse_one(api: Api, sandbox: Sandbox) -> None:
    reply = api("items.asset.download", {**ASSET, "asset_id": f"bytes-{SIZE}"})
    url = reply["url"]
    assert httpx.URL(url).host == "localhost"
    assert httpx.URL(sandbox.url).host == "127.0.0.1"
    with httpx.Client(trust_env=False) as plain:
        whole = plain.get(url)
        assert whole.status_code == 200
        assert len(whole.content) == SIZE == reply["size_bytes"]
        assert whole.headers["content-type"] == "image/tiff"
        head = plain.head(url)
        assert (head.headers["content-length"], head.content) == (str(SIZE), b"")
        part = plain.get(url, headers={"Range": "bytes=1000-", "If-Range": whole.headers["etag"]})
        assert part.status_code == 206
        assert (
            hashlib.sha256(whole.content[:1000] + part.content).digest()
            == hashlib.sha256(whole.content).digest()
        )
        assert plain.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        assert plain.get(url, headers={"Authorization": "Bearer sandbox-token"}).status_code == 400
        assert plain.get(url, headers={"X-API-Key": "sandbox-token"}).status_code == 400
        assert plain.get(url.replace("signature=", "signature=0")).status_code == 403
        assert plain.get(url.split("?")[0]).status_code == 403
        assert plain.get(url.replace("bytes-3", "bytes-4")).status_code == 403
        now = sandbox.state.clock()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox.state, "clock", lambda: now + 3700)
            assert plain.get(url).status_code == 410


def test_size_and_host_of_files_can_be_chosen(make_sandbox: Callable[..., Sandbox]) -> None:
    with Api(make_sandbox(files_host="127.0.0.1", download_size=5_000_000)) as api:
        reply = api("items.asset.download", ASSET)
        assert httpx.URL(reply["url"]).host == "127.0.0.1"
        assert reply["size_bytes"] == 5_000_000
        body = {"job_id": "example-job", "mosaic_type": "rgb"}
        assert len(api.raw("clip.job.download", body).content) == 5_000_000
