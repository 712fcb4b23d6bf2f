"""Where downloads go: folders, files that are there, file objects, other file systems; and what is checked before."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera._loops import checksums
from geopera._loops.filenames import disposition_name, ids_name, safe_name, url_name
from geopera.errors import NotFoundError, PermissionDeniedError, ResponseError
from geopera.sandbox import Sandbox

Serve = Callable[[Callable[[Asked], Reply]], Wire]
ASSET = {"item_id": "i", "asset_id": "a"}
DATA = bytes(range(256)) * 4000

pytestmark = pytest.mark.usefixtures("no_pauses")


def store(
    serve: Serve, reply: dict[str, Any] | None = None, data: bytes = DATA, path: str = "/x", **headers: str
) -> Wire:
    """Signs `path`, and serves `data` there."""

    def respond(asked: Asked) -> Reply:
        if asked.method == "POST":
            return json_reply({"url": f"{wire.other_url}{path}", **(reply or {})})
        return Reply(data, length=len(data), headers={n.replace("_", "-"): v for n, v in headers.items()})

    wire = serve(respond)
    return wire


def fetched(wire: Wire) -> int:
    return sum(asked.method == "GET" for asked in wire.asked)


# Names.


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("visual.tif", "visual.tif"),
        ("../../evil.tif", "evil.tif"),
        ("C:\\evil.tif", "evil.tif"),
        ("/etc/passwd", "passwd"),
        ("..", None),
        (".", None),
        ("", None),
        (" ", None),
        (5, None),
        ("a\x00b\n.tif", "a_b_.tif"),
        ("con.tif", "_con.tif"),
        (".bashrc", "bashrc"),
        ("a\u202etif.exe", "a_tif.exe"),
        ("\ud800.tif", "?.tif".replace("?", "_")),
    ],
)
def test_safe_names(given: Any, name: str | None) -> None:
    assert safe_name(given) == name


def test_long_names_keep_their_extension() -> None:
    for text in ("x" * 5000 + ".tif", "日" * 300 + ".tif"):
        name = safe_name(text)
        assert name is not None
        assert name.endswith(".tif")
        assert len(name.encode()) <= 200


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.tif"', "a b.tif"),
        ("attachment; filename=a.tif", "a.tif"),
        ("attachment; filename=\"x.tif\"; filename*=UTF-8''..%2F..%2Fevil.tif", "evil.tif"),
        ("attachment; filename=x.tif; filename*=nonsense''e%20.tif", "x.tif"),
        ('attachment; filename="..\\\\..\\\\evil.tif"', "evil.tif"),
        ('inline; filename=""', None),
        ("inline", None),
        (None, None),
    ],
)
def test_names_in_headers(header: str | None, name: str | None) -> None:
    assert disposition_name(header) == name


def test_names_of_last_resort() -> None:
    assert url_name("https://s/a/b.tif?sig=1") == "b.tif"
    assert url_name("https://s/a/..%2F..%2Fevil.tif") == "evil.tif"
    assert url_name("https://s/download") is None
    assert ids_name({"item_id": "../i", "asset_id": "a"}, "image/tiff; x=y") == "_i-a.tif"
    assert ids_name({}) == "download"


# Folders.


@pytest.mark.parametrize("evil", ["../../evil.tif", "C:\\evil.tif", "/evil.tif", "evil.tif"])
def test_a_name_never_leaves_the_folder(flavour: Flavour, serve: Serve, tmp_path: Path, evil: str) -> None:
    wire = store(serve, {"file_name": evil})
    client = flavour.client("t", wire.url)
    folder = tmp_path / "a" / "b"
    path = flavour(client.items.asset.download.download(**ASSET, to=f"{folder}/"))
    assert path == folder / "evil.tif"
    assert path.read_bytes() == DATA
    assert [entry.name for entry in tmp_path.rglob("*") if entry.is_file()] == ["evil.tif"]


def test_where_a_name_comes_from(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    for reply, path, headers, name in [
        ({}, "/x", {"Content_Disposition": 'attachment; filename="header.tif"'}, "header.tif"),
        ({"file_name": ".."}, "/deep/url.tif?sig=1", {}, "url.tif"),
        ({}, "/x", {"Content_Type": "image/tiff"}, "i-a.tif"),
    ]:
        client = flavour.client("t", store(serve, reply, path=path, **headers).url)
        assert flavour(client.items.asset.download.download(ASSET, tmp_path)) == tmp_path / name
        assert (tmp_path / name).read_bytes() == DATA


def test_a_binary_operation_into_a_folder(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(lambda asked: Reply(DATA, type="image/tiff", length=len(DATA)))
    client = flavour.client("t", wire.url)
    body = {"job_id": "j", "mosaic_type": "rgb"}
    assert flavour(client.clip.job.download.download(body, tmp_path)) == tmp_path / "j-rgb.tif"


# What is there already.


def test_existing_files(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = store(serve, {"file_name": "v.tif", "size_bytes": len(DATA)})
    download = flavour.client("t", wire.url).items.asset.download.download
    for target in (tmp_path / "v.tif", tmp_path):
        assert flavour(download(ASSET, target, existing="skip")) == tmp_path / "v.tif"
    assert fetched(wire) == 1
    before = len(wire.asked)
    assert flavour(download(ASSET, tmp_path / "v.tif", existing="skip"))
    assert len(wire.asked) == before  # not even the operation was asked
    for target in (tmp_path / "v.tif", tmp_path):
        with pytest.raises(FileExistsError):
            flavour(download(ASSET, target, existing="error"))
    (tmp_path / "v.tif").write_bytes(b"cut")
    flavour(download(ASSET, tmp_path, existing="skip"))  # another size than the server's: not the file
    assert (tmp_path / "v.tif").read_bytes() == DATA
    assert fetched(wire) == 2


def test_a_file_that_is_there_byte_for_byte_is_not_fetched(
    flavour: Flavour, serve: Serve, tmp_path: Path
) -> None:
    wire = store(serve, {"file_name": "v.tif", "sha256": hashlib.sha256(DATA).hexdigest()})
    download = flavour.client("t", wire.url).items.asset.download.download
    for _ in range(2):
        flavour(download(ASSET, tmp_path))
    assert fetched(wire) == 1


# Permissions.


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_nobody_else_reads_a_part(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    modes: list[int] = []

    def pieces() -> Any:
        yield DATA[:300_000]
        for _ in range(200):
            parts = list(tmp_path.glob(".*.part"))
            if parts:
                modes.append(parts[0].stat().st_mode & 0o7777)
                break
            threading.Event().wait(0.01)
        yield DATA[300_000:]

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return json_reply({"url": f"{wire.other_url}/x"})
        return Reply(pieces(), length=len(DATA))

    wire = serve(reply)
    old = tmp_path / "old.tif"
    old.write_bytes(b"old")
    old.chmod(0o6755)
    flavour(flavour.client("t", wire.url).items.asset.download.download(ASSET, old))
    assert modes == [0o600]
    assert old.stat().st_mode & 0o7777 == 0o755
    assert os.listdir(tmp_path) == ["old.tif"]


# Checksums.

SHA = hashlib.sha256(DATA)
MD5 = hashlib.md5(DATA)
WRONG = b64encode(b"0" * 32).decode()


@pytest.mark.parametrize(
    ("reply", "headers"),
    [
        ({"checksum": "1220" + SHA.hexdigest()}, {}),
        ({"file:checksum": "1220" + SHA.hexdigest()}, {}),
        ({"checksum": "sha256:" + SHA.hexdigest()}, {}),
        ({"md5": MD5.hexdigest()}, {}),
        ({"checksums": {"sha-256": b64encode(SHA.digest()).decode()}}, {}),
        ({}, {"Content_MD5": b64encode(MD5.digest()).decode()}),
        ({}, {"Digest": "sha-256=" + b64encode(SHA.digest()).decode()}),
        ({}, {"Repr_Digest": f"sha-256=:{b64encode(SHA.digest()).decode()}:"}),
        ({}, {"x_amz_checksum_sha256": b64encode(SHA.digest()).decode()}),
        ({}, {"x_goog_hash": "x=AAAAAA==,md5=" + b64encode(MD5.digest()).decode()}),
    ],
)
def test_checksums(
    flavour: Flavour, serve: Serve, tmp_path: Path, reply: dict[str, Any], headers: dict[str, str]
) -> None:
    target = tmp_path / "x.tif"
    target.write_bytes(b"old")
    bad = b"\1" + DATA[1:]
    client = flavour.client("t", store(serve, reply, bad, **headers).url)
    with pytest.raises(ResponseError, match="instead of"):
        flavour(client.items.asset.download.download(ASSET, target))
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.tif"]
    client = flavour.client("t", store(serve, reply, DATA, **headers).url)
    flavour(client.items.asset.download.download(ASSET, target))
    assert target.read_bytes() == DATA


def test_crc32c_where_it_can_be_computed(
    flavour: Flavour, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crc = pytest.importorskip("google_crc32c")
    good = crc.extend(0, DATA).to_bytes(4, "big")
    for header, value in (("x_goog_hash", "crc32c="), ("x_amz_checksum_crc32c", "")):
        client = flavour.client("t", store(serve, **{header: value + b64encode(good).decode()}).url)
        flavour(client.items.asset.download.download(ASSET, tmp_path / "x.tif"))
        client = flavour.client("t", store(serve, **{header: value + "AAAAAA=="}).url)
        with pytest.raises(ResponseError, match="crc32c"):
            flavour(client.items.asset.download.download(ASSET, tmp_path / "x.tif"))
    # Without the library the checksum is as if it had not been given: it proves nothing about a file that is there.
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    checksums._extend.cache_clear()
    wire = store(serve, {"crc32c": "AAAAAA=="})
    flavour(flavour.client("t", wire.url).items.asset.download.download(ASSET, tmp_path / "x.tif"))
    assert fetched(wire) == 1
    checksums._extend.cache_clear()


def test_what_is_no_checksum_of_the_file(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    odd = {"checksum": "unknown", "md5": None, "hash": "abc", "sha256": 5}
    headers = {"Content_MD5": "?", "x_amz_checksum_sha256": f"{WRONG}-3", "Digest": "x=", "x_goog_hash": ""}
    client = flavour.client("t", store(serve, odd, **headers).url)
    assert flavour(client.items.asset.download.download(ASSET, tmp_path / "x")).read_bytes() == DATA


# Signed URLs.


def expiring(serve: Serve, status: int, said: bytes, changed: bool = False) -> Wire:
    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return json_reply({"url": f"{wire.other_url}/x.tif?sig={wire.operations().count(OP)}"})
        sig = int(asked.path[-1])
        data, etag = (DATA[::-1], '"v2"') if changed and sig > 1 else (DATA, '"v1"')
        if sig == 1 and "range" in asked.headers:
            return Reply(said, status=status, length=len(said))
        if "range" in asked.headers and asked.headers["if-range"] == etag:
            start = int(asked.headers["range"][6:-1])
            part = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}", "ETag": etag}
            return Reply(data[start:], status=206, length=len(data) - start, headers=part)
        cut = sig == 1
        return Reply(data[:500_000] if cut else data, length=len(data), headers={"ETag": etag}, cut=cut)

    wire = serve(reply)
    return wire


OP = "items.asset.download"


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, b"<Message>Request has expired</Message>"), (410, b""), (401, b""), (400, b"ExpiredToken")],
)
def test_an_expired_url_is_renewed(
    flavour: Flavour, serve: Serve, tmp_path: Path, status: int, said: bytes
) -> None:
    wire = expiring(serve, status, said)
    client = flavour.client("t", wire.url)
    path = flavour(client.items.asset.download.download(ASSET, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA
    assert [asked.method for asked in wire.asked] == ["POST", "GET", "GET", "POST", "GET"]
    assert "range" in wire.asked[-1].headers  # only what was missing


def test_another_file_at_the_renewed_url_comes_whole(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = expiring(serve, 403, b"expired", changed=True)
    client = flavour.client("t", wire.url)
    path = flavour(client.items.asset.download.download(ASSET, tmp_path / "x.tif"))
    assert path.read_bytes() == DATA[::-1]


def test_a_store_that_refuses_for_good_is_soon_an_error(
    flavour: Flavour, serve: Serve, tmp_path: Path
) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return json_reply({"url": f"{wire.other_url}/x", "expires_at": "2020-01-01T00:00:00Z"})
        return Reply(b"no", status=403, length=2)

    wire = serve(reply)
    with pytest.raises(PermissionDeniedError):
        flavour(flavour.client("t", wire.url).items.asset.download.download(ASSET, tmp_path / "x"))
    assert len(wire.asked) <= 4
    assert os.listdir(tmp_path) == []


def test_a_town_is_no_address(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return json_reply({"location": "Sydney", "download": f"{wire.other_url}/x"})
        return Reply(DATA, length=len(DATA))

    wire = serve(reply)
    flavour(flavour.client("t", wire.url).items.asset.download.download(ASSET, tmp_path / "x"))
    assert [asked.path for asked in wire.asked][1:] == ["/x"]
    town = serve(lambda asked: json_reply({"location": "Sydney"}))
    with pytest.raises(ResponseError, match="no URL"):
        flavour(flavour.client("t", town.url).items.asset.download.download(ASSET, tmp_path / "y"))


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://a..b/", f"http://{'a.' * 150}b/", f"http://{'a' * 300}/", "http://", "ftp://a/b"],
)
@pytest.mark.parametrize("how", ["named", "redirect"])
def test_an_address_that_is_none(
    flavour: Flavour, serve: Serve, tmp_path: Path, address: str, how: str
) -> None:
    def reply(asked: Asked) -> Reply:
        if how == "named":
            return json_reply({"url": address})
        return Reply(b"", status=302, length=0, headers={"Location": address})

    client = flavour.client("t", serve(reply).url)
    op, body = (
        (client.items.asset.download, ASSET)
        if how == "named"
        else (client.clip.job.download, {"job_id": "j", "mosaic_type": "rgb"})
    )
    with pytest.raises(ResponseError, match=r"address|no URL"):
        flavour(op.download(body, f"{tmp_path}/new/"))
    assert list(tmp_path.rglob("*.*")) == []


# File objects and other file systems.


def test_a_file_object(flavour: Flavour, serve: Serve) -> None:
    wire = store(serve)
    stream = io.BytesIO()
    download = flavour.client("t", wire.url).items.asset.download.download
    assert flavour(download(ASSET, stream)) is stream
    assert stream.getvalue() == DATA
    with pytest.raises(TypeError, match="binary"):
        download(ASSET, io.StringIO())


def test_a_file_object_gets_nothing_of_half_a_file(flavour: Flavour, serve: Serve) -> None:
    wire = store(serve, {"md5": "0" * 32})
    stream = io.BytesIO(b"")
    with pytest.raises(ResponseError):
        flavour(flavour.client("t", wire.url).items.asset.download.download(ASSET, stream))
    assert stream.getvalue() == b""


def test_fsspec_urls(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    base = f"memory://bucket-{flavour.name}"
    wire = store(serve, {"file_name": "v.tif"})
    download = flavour.client("t", wire.url).items.asset.download.download
    assert flavour(download(ASSET, f"{base}/x.tif")) == f"{base}/x.tif"
    assert memory.cat(f"/bucket-{flavour.name}/x.tif") == DATA
    assert flavour(download(ASSET, f"{base}/deep/")) == f"{base}/deep/v.tif"
    before = len(wire.asked)
    flavour(download(ASSET, f"{base}/x.tif", existing="skip"))
    assert len(wire.asked) == before
    bad = store(serve, {"md5": "0" * 32})
    with pytest.raises(ResponseError):
        flavour(flavour.client("t", bad.url).items.asset.download.download(ASSET, f"{base}/y.tif"))
    assert not memory.exists(f"/bucket-{flavour.name}/y.tif")
    assert flavour(download(ASSET, f"file://{tmp_path}/z.tif")) == tmp_path / "z.tif"


# Many.


def test_many_bodies(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    broken = {"i2"}

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            item = asked.body["item_id"]
            if item in broken:
                return json_reply({"title": "No such item", "status": 404}, 404)
            return json_reply({"url": f"{wire.other_url}/{item}", "file_name": "visual.tif"})
        data = asked.path.encode() * 1000
        return Reply(data, length=len(data))

    wire = serve(reply)
    client = flavour.client("t", wire.url)
    given: list[Any] = [{"item_id": f"i{n}", "asset_id": "a"} for n in range(6)]
    given[4] = {"item": "misspelt"}
    op = client.items.asset.download
    found = flavour(op.download_many(given, to=tmp_path / "new", concurrency=3))
    assert isinstance(found[2], NotFoundError)
    assert type(found[4]).__name__ == "InvalidInputError"
    for n in (0, 1, 3, 5):
        assert found[n].read_bytes() == f"/i{n}".encode() * 1000
    assert found[0].name == "visual.tif"
    assert len({found[n].name for n in (0, 1, 3, 5)}) == 4
    assert wire.most <= 4
    broken.clear()
    wire.asked.clear()
    again = flavour(op.download_many(given[:4], tmp_path / "new", existing="skip"))
    assert again[2].read_bytes() == b"/i2" * 1000
    assert [asked.path for asked in wire.asked if asked.method == "GET"] == ["/i2"]
    assert [again[n] for n in (0, 1, 3)] == [found[n] for n in (0, 1, 3)]


def test_the_assets_of_an_order(client: Any, flavour: Flavour, tmp_path: Path) -> None:
    body = {"order_id": "example-order"}
    [path] = flavour(client.orders.list_assets.download(**body, to=tmp_path / "deliveries", concurrency=2))
    assert path.parent == tmp_path / "deliveries"
    assert path.stat().st_size > 0


def test_the_overlay_names_operations_and_fields_that_exist() -> None:
    from geopera import Geopera
    from geopera._loops.many import listing_rules

    client = Geopera("t", "http://127.0.0.1:1")
    assert set(listing_rules()) == {"items.list_assets", "orders.list_assets"}
    for id, rule in listing_rules().items():
        assert id in client.manifest.operations
        required = client._any_endpoint(rule["operation"]).input.model.__pydantic_fields__
        assert set(rule["fields"]) == set(required)


def test_one_bar_for_many(
    client: Any, flavour: Flavour, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = [{"item_id": "example-item", "asset_id": f"bytes-{n}00000"} for n in (1, 2, 3)]
    found = flavour(client.items.asset.download.download_many(bodies, tmp_path, progress=True))
    assert [path.stat().st_size for path in found] == [100_000, 200_000, 300_000]
    assert "600k/600k" in capsys.readouterr().err


def test_what_many_refuses(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = store(serve)
    client = flavour.client("t", wire.url)
    for wrong in (ASSET, "text"):
        with pytest.raises(TypeError, match="iterable of bodies"):
            client.items.asset.download.download_many(wrong, tmp_path)
    with pytest.raises(ValueError, match="concurrency"):
        client.items.asset.download.download_many([ASSET], tmp_path, concurrency=0)
    with pytest.raises(TypeError, match="folder"):
        client.items.asset.download.download_many([ASSET], io.BytesIO())
    with pytest.raises(TypeError, match="spends"):
        client.orders.archive.place.download_many([{}], tmp_path)
    assert wire.asked == []
