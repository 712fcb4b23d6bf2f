"""Downloads: whole or not at all, taken up where they were cut, and without the token elsewhere."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, in_pieces, json_reply

from geopera._loops import downloads as _downloads
from geopera.errors import (
    APIConnectionError,
    GoneError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
    ServerError,
)
from geopera.manifest import Manifest, default

Serve = Callable[[Callable[[Asked], Reply]], Wire]

DATA = bytes(range(256)) * 4000  # about 1 MB
ASSET = {"item_id": "i", "asset_id": "a"}
JOB = {"job_id": "j", "mosaic_type": "rgb"}


pytestmark = pytest.mark.usefixtures("no_pauses")


def whole(data: bytes = DATA, **headers: str) -> Reply:
    return Reply(in_pieces(data, 50_000), type="image/tiff", length=len(data), headers=headers)


class Files:
    """Serves `DATA` by a signed URL on another host name; `cuts` says after how many bytes each response ends."""

    def __init__(self, cuts: list[int], *, ranges: bool = True, etag: str | None = '"v1"') -> None:
        self.cuts = cuts
        self.ranges = ranges
        self.etag = etag
        self.data = DATA
        self.wire: Wire | None = None

    def __call__(self, asked: Asked) -> Reply:
        assert self.wire is not None
        if asked.method == "POST":
            return json_reply({"url": f"{self.wire.other_url}/file.tif?signature=s3cret", "size_bytes": 5})
        headers = {"Accept-Ranges": "bytes"} if self.ranges else {}
        if self.etag:
            headers["ETag"] = self.etag
        start, status = 0, 200
        wanted = asked.headers.get("range")
        if self.ranges and wanted and asked.headers.get("if-range") in (None, self.etag):
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
        rest = self.data[start:]
        cut = self.cuts.pop(0) if self.cuts else None
        sent = rest if cut is None else rest[:cut]
        return Reply(
            in_pieces(sent, 40_000),
            status=status,
            type="image/tiff",
            headers=headers,
            length=len(rest),
            cut=cut is not None,
        )

    def start(self, serve: Serve) -> Wire:
        self.wire = serve(self)
        return self.wire


def leftovers(folder: Path, *known: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name not in known)


def test_a_binary_operation(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(lambda asked: whole())
    client = flavour.client("test-token", wire.url)
    target = tmp_path / "clip.tif"
    for path in (target, str(target)):
        result = flavour(client.clip.job.download.download(JOB, path))
        assert result == target
        assert isinstance(result, Path)
        assert target.read_bytes() == DATA
        assert leftovers(tmp_path) == ["clip.tif"]
    assert wire.asked[0].headers["authorization"] == "Bearer test-token"
    assert wire.asked[0].body == JOB


def test_a_stream_is_written_as_it_comes(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(lambda asked: Reply([b'{"id": 1}\n', b'{"id": 2}\n'], type="application/x-ndjson"))
    client = flavour.client("test-token", wire.url)
    flavour(client.catalog.search_stream.download({"host_name": "h"}, tmp_path / "scenes.ndjson"))
    assert (tmp_path / "scenes.ndjson").read_bytes() == b'{"id": 1}\n{"id": 2}\n'


def test_a_signed_url_gets_no_token(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = Files([]).start(serve)
    client = flavour.client(
        "test-token",
        wire.url,
        headers={"X-API-Key": "test-key", "X-Org": "o"},
        cookies={"session": "test-cookie"},
    )
    client.with_options(headers={"X-More": "test-more"})
    assert flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif")) == tmp_path / "a.tif"
    assert (tmp_path / "a.tif").read_bytes() == DATA
    post, get = wire.asked
    assert post.headers["authorization"] == "Bearer test-token"
    assert get.method == "GET"
    assert get.path == "/file.tif?signature=s3cret"
    assert not {"authorization", "x-api-key", "cookie", "x-org"} & get.headers.keys()
    assert "test-" not in str(get.headers)


def test_a_redirect_to_another_host_gets_no_token(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return Reply(status=303, headers={"Location": f"{wire.other_url}/elsewhere"})
        return whole()

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    flavour(client.clip.job.download.download(JOB, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert "authorization" not in wire.asked[1].headers


@pytest.mark.parametrize("cut", [0, 1, 1000, 500_000, len(DATA) - 1])
def test_it_is_taken_up_where_it_was_cut(flavour: Flavour, serve: Serve, tmp_path: Path, cut: int) -> None:
    wire = Files([cut, 1000]).start(serve)
    client = flavour.client("test-token", wire.url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == DATA
    ranges = [asked.headers.get("range") for asked in wire.asked[1:]]
    second = None if cut == 0 else f"bytes={cut}-"
    third = f"bytes={min(cut + 1000, len(DATA))}-"
    assert ranges == ([None, second] if cut == len(DATA) - 1 else [None, second, third])[: len(ranges)]
    assert len(ranges) >= 2
    assert {a.headers.get("if-range") for a in wire.asked[2:] if "range" in a.headers} <= {'"v1"'}
    assert leftovers(tmp_path) == ["a.tif"]


def test_a_binary_operation_is_taken_up_too(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    files = Files([300_000])
    wire = serve(lambda asked: files(Asked("GET", asked.path, asked.headers, b"")))
    files.wire = wire
    client = flavour.client("test-token", wire.url)
    flavour(client.clip.job.download.download(JOB, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert wire.asked[1].headers["range"] == "bytes=300000-"
    assert wire.asked[1].headers["authorization"] == "Bearer test-token"
    assert wire.asked[1].body == JOB


@pytest.mark.parametrize(
    "files",
    [
        Files([400_000, 400_000], ranges=False),
        Files([400_000, 400_000], etag=None),
        Files([400_000, 400_000], etag='W/"weak"'),
    ],
)
def test_without_ranges_or_a_strong_validator_it_begins_again(
    flavour: Flavour, serve: Serve, tmp_path: Path, files: Files
) -> None:
    files.cuts = [400_000, 400_000]
    wire = files.start(serve)
    client = flavour.client("test-token", wire.url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == DATA
    assert len(wire.asked) == 4


def test_a_file_that_changed_in_between_comes_whole(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    files = Files([400_000])
    wire = files.start(serve)

    def reply(asked: Asked) -> Reply:
        if "range" in asked.headers:
            files.etag, files.data = '"v2"', DATA[::-1] + b"longer"
        return files(asked)

    wire.reply = reply
    client = flavour.client("test-token", wire.url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == DATA[::-1] + b"longer"


@pytest.mark.parametrize("wrong", ["bytes 5-9/10", "bytes */10", "", "bytes 0-999999/*"])
def test_another_part_than_was_asked_for_is_never_mixed_in(
    flavour: Flavour, serve: Serve, tmp_path: Path, wrong: str
) -> None:
    files = Files([400_000])
    wire = files.start(serve)

    def reply(asked: Asked) -> Reply:
        if "range" in asked.headers:
            return Reply(b"other", status=206, headers={"Content-Range": wrong} if wrong else {}, length=5)
        return files(asked)

    wire.reply = reply
    client = flavour.client("test-token", wire.url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_it_gives_up_and_leaves_the_old_file(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"old")
    wire = Files([0] * 50).start(serve)
    client = flavour.client("test-token", wire.url)
    with pytest.raises(APIConnectionError, match=r"items\.asset\.download") as caught:
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert "s3cret" not in str(caught.value)
    assert (tmp_path / "a.tif").read_bytes() == b"old"
    assert leftovers(tmp_path) == ["a.tif"]
    assert len(wire.asked) == 4  # the call, and three attempts at the file


def test_max_retries_of_nothing_is_kept_to(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = Files([1000]).start(serve)
    client = flavour.client("test-token", wire.url, max_retries=0)
    with pytest.raises(APIConnectionError):
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert len(wire.asked) == 2
    assert leftovers(tmp_path) == []


def test_what_is_changed_in_a_body_meanwhile_is_not_sent(
    flavour: Flavour, serve: Serve, tmp_path: Path
) -> None:
    body = dict(JOB)

    def reply(asked: Asked) -> Reply:
        body["job_id"] = "another"
        first = len(wire.asked) == 1
        return Reply(DATA[:1000] if first else DATA, type="image/tiff", length=len(DATA), cut=first)

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    flavour(client.clip.job.download.download(body, tmp_path / "a.tif"))
    assert [a.body for a in wire.asked] == [JOB, JOB]


def test_an_operation_that_changes_something_is_not_repeated(
    flavour: Flavour, serve: Serve, tmp_path: Path
) -> None:
    wire = serve(lambda asked: Reply(DATA[:1000], type="application/pdf", length=len(DATA), cut=True))
    document = default().to_dict()
    document["operations"]["reports.generate"]["side_effect"] = "compute"
    client = flavour.client("test-token", wire.url, manifest=Manifest.from_dict(document))
    with pytest.raises(APIConnectionError):
        flavour(client.reports.generate.download({"type": "x"}, tmp_path / "r.pdf"))
    assert len(wire.asked) == 1
    assert leftovers(tmp_path) == []


_REFUSAL = (
    b"<Error><Code>AccessDenied</Code><Message>Expired</Message><StringToSign>s3cret</StringToSign></Error>"
)


@pytest.mark.parametrize(
    ("status", "error", "asked"),
    [(403, PermissionDeniedError, 2), (410, GoneError, 2), (404, NotFoundError, 2), (503, ServerError, 4)],
)
def test_the_refusal_of_the_files_server(
    flavour: Flavour, serve: Serve, tmp_path: Path, status: int, error: type[Exception], asked: int
) -> None:
    def reply(request: Asked) -> Reply:
        if request.method == "POST":
            return json_reply({"href": f"{wire.other_url}/f?signature=s3cret"})
        return Reply(_REFUSAL, status=status, type="application/xml")

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    with pytest.raises(error, match=f"{status}.*Expired") as caught:
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert caught.value.status_code == status  # type: ignore[attr-defined]
    assert "s3cret" not in str(caught.value)
    assert len(wire.asked) == asked
    assert leftovers(tmp_path) == []


def test_the_refusal_of_the_operation(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(lambda asked: json_reply({"title": "No such job", "status": 404}, 404))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(NotFoundError, match="No such job"):
        flavour(client.clip.job.download.download(JOB, tmp_path / "a.tif"))
    with pytest.raises(NotFoundError, match="No such job"):
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("length", [len(DATA) - 1, len(DATA) + 1])
def test_a_length_other_than_announced_is_noticed(
    flavour: Flavour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    # The transport of a caller's own need not count the bytes, as httpx's does.
    import httpx

    def handler(request: httpx.Request) -> httpx.Response:
        async def chunks() -> Any:
            yield DATA

        stream = chunks() if flavour.asynchronous else iter([DATA])
        return httpx.Response(200, headers={"Content-Length": str(length)}, content=stream)

    client = flavour.client(
        "test-token", "http://127.0.0.1:9", httpx_args={"transport": httpx.MockTransport(handler)}
    )
    with pytest.raises(ResponseError, match=f"received {len(DATA)} of {length} bytes"):
        flavour(client.clip.job.download.download(JOB, tmp_path / "a.tif"))
    assert leftovers(tmp_path) == []


def test_a_full_disk_leaves_nothing(
    flavour: Flavour, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tif").write_bytes(b"old")

    def full(self: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_downloads._File, "write", full)
    wire = Files([]).start(serve)
    client = flavour.client("test-token", wire.url)
    with pytest.raises(OSError, match="No space left"):
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == b"old"
    assert leftovers(tmp_path) == ["a.tif"]
    assert len(wire.asked) == 2  # another attempt would find the same disk


def test_an_interrupt_leaves_nothing(
    flavour: Flavour, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_downloads._File, "finish", stop)
    client = flavour.client("test-token", Files([]).start(serve).url)
    with pytest.raises(KeyboardInterrupt):
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert leftovers(tmp_path) == []


def test_the_path_is_looked_at_before_anything_is_sent(
    flavour: Flavour, serve: Serve, tmp_path: Path
) -> None:
    wire = Files([]).start(serve)
    download = flavour.client("test-token", wire.url).items.asset.download.download
    with pytest.raises(TypeError, match="needs a target"):
        download(ASSET)
    with pytest.raises(TypeError, match="given twice"):
        download(ASSET, tmp_path, to=tmp_path)
    with pytest.raises(ValueError, match="existing"):
        download(ASSET, tmp_path, existing="overwrite")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        download(ASSET, tmp_path / "missing" / "a.tif")
    with pytest.raises(InvalidInputError, match="asset_id"):
        download({"item_id": "i"}, tmp_path / "a.tif")
    assert wire.asked == []
    assert leftovers(tmp_path) == []


def test_permissions_and_links(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    client = flavour.client("test-token", Files([]).start(serve).url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / "new.tif"))
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "new.tif").stat().st_mode == (tmp_path / "plain").stat().st_mode
    real = tmp_path / "real"
    real.mkdir()
    (real / "old.tif").write_bytes(b"old")
    (real / "old.tif").chmod(0o640)
    (tmp_path / "link.tif").symlink_to(real / "old.tif")
    flavour(client.items.asset.download.download(ASSET, tmp_path / "link.tif"))
    assert (tmp_path / "link.tif").is_symlink()
    assert (real / "old.tif").read_bytes() == DATA
    assert (real / "old.tif").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["é" * 100, "x" * 200, "a b'c.tif", "日本語" * 20])
def test_names(flavour: Flavour, serve: Serve, tmp_path: Path, name: str) -> None:
    client = flavour.client("test-token", Files([]).start(serve).url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / name))
    assert (tmp_path / name).read_bytes() == DATA
    assert leftovers(tmp_path) == [name]


@pytest.mark.parametrize(
    ("reply", "url"),
    [
        ("https://files.test/a", "https://files.test/a"),
        ({"url": "https://files.test/a", "other": "https://files.test/b"}, "https://files.test/a"),
        ({"href": "/files/a"}, "/files/a"),
        ({"signedUrl": "https://files.test/a"}, "https://files.test/a"),
        ({"asset": {"link": "https://files.test/a"}, "size": 1}, "https://files.test/a"),
        (["https://files.test/a"], "https://files.test/a"),
        ({"a": "https://files.test/a", "b": "https://files.test/b"}, None),
        ({"status": "pending"}, None),
        ("no url", None),
        (None, None),
        ([], None),
    ],
)
def test_the_url_in_a_response(reply: Any, url: str | None) -> None:
    assert _downloads.find_url(reply) == url


def test_a_response_without_a_url(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(lambda asked: json_reply({"status": "pending"}))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(ResponseError, match="no URL") as caught:
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))
    assert caught.value.response is not None
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a"])
def test_only_the_web_is_fetched_from(flavour: Flavour, serve: Serve, tmp_path: Path, url: str) -> None:
    wire = serve(lambda asked: json_reply({"url": url}))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(ResponseError, match="cannot be used"):
        flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif"))


@pytest.mark.slow
def test_nothing_is_held_in_memory(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    import tracemalloc

    block = bytes(1 << 18)

    def reply(asked: Asked) -> Reply:
        return Reply(
            (block for _ in range(int(asked.body["user_agent"]))),
            type="image/tiff",
            length=len(block) * int(asked.body["user_agent"]),
        )

    client = flavour.client("test-token", serve(reply).url)

    def peak(blocks: int) -> int:
        tracemalloc.start()
        try:
            flavour(client.clip.job.download.download({**JOB, "user_agent": str(blocks)}, tmp_path / "a.tif"))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8)
    assert peak(160) < peak(16) + 3_000_000  # of 40 MB
    assert (tmp_path / "a.tif").stat().st_size == 16 << 18


def test_a_bar(flavour: Flavour, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = flavour.client("test-token", Files([500_000]).start(serve).url)
    flavour(client.items.asset.download.download(ASSET, tmp_path / "a.tif", progress=True))
    shown = capsys.readouterr().err
    assert "items.asset.download" in shown
    assert "100%" in shown
    assert "1.02M/1.02M" in shown


def test_a_signed_url_of_the_sandbox(flavour: Flavour, client: Any, tmp_path: Path) -> None:
    # The sandbox serves files under another host name, and refuses requests that bring a token there.
    asset = {"item_id": "example-item", "asset_id": "bytes-3000000"}
    path = flavour(client.items.asset.download.download(asset, tmp_path / "asset.tif"))
    assert path.stat().st_size == flavour(client.items.asset.download(asset))["size_bytes"]
    assert leftovers(tmp_path) == ["asset.tif"]


def test_a_redirect_from_https_to_http_is_not_followed(flavour: Flavour, tmp_path: Path) -> None:
    import httpx

    seen: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        if request.url.host == "geopera.test":
            return httpx.Response(200, json={"url": "https://files.example/scene.tif"})
        return httpx.Response(302, headers={"location": "http://files.example/scene.tif"})

    client = flavour.client(
        "test-token", "https://geopera.test", httpx_args={"transport": httpx.MockTransport(reply)}
    )
    with pytest.raises(ResponseError, match="not encrypted"):
        flavour(
            client.items.asset.download.download({"item_id": "i", "asset_id": "k"}, tmp_path / "scene.tif")
        )
    assert [url for url in seen if "scene" in url] == ["https://files.example/scene.tif"]
    assert leftovers(tmp_path) == []
