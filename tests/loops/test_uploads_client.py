"""Uploads: five operations and a PUT; whole, retried, reported, and without the token at the store."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

import geopera
from geopera.errors import (
    APIConnectionError,
    GeoperaError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from geopera.sandbox import Sandbox

Serve = Callable[[Callable[[Asked], Reply]], Wire]
DATA = bytes(range(256)) * 4000
PROJECT = {"project_id": "p"}

no_pauses = pytest.mark.usefixtures("no_pauses")


class Store:
    """The API and its object store. `statuses` are those of the PUTs to come."""

    def __init__(self, serve: Serve, *statuses: int, query: str = "signature=s3cret") -> None:
        self.statuses = list(statuses)
        self.query = query
        self.signed = 0
        self.refused: dict[str, int] = {}
        self.wire = serve(self)

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "PUT":
            status = self.statuses.pop(0) if self.statuses else 200
            if status == 0:
                raise ConnectionError("hung up without a response")
            return Reply(b"<Error><Code>No</Code><Sig>s3cret</Sig></Error>", status=status)
        if asked.operation in self.refused:
            return json_reply(
                {"title": "No", "status": self.refused[asked.operation]}, self.refused[asked.operation]
            )
        if asked.operation == "uploads.signed_url":
            self.signed += 1
            url = f"{self.wire.other_url}/put/{self.signed}?{self.query}"
            return json_reply({"upload_url": url, "object_path": "x"})
        if asked.operation == "uploads.complete":
            return json_reply({"item": {"id": "item_1", "name": "a.tif"}})
        return json_reply({"id": "up_1"})

    @property
    def puts(self) -> list[Asked]:
        return [asked for asked in self.wire.asked if asked.method == "PUT"]

    @property
    def calls(self) -> list[str]:
        return [
            asked.operation.removeprefix("uploads.") for asked in self.wire.asked if asked.method == "POST"
        ]

    def body(self, operation: str) -> Any:
        return next(asked.body for asked in self.wire.asked if asked.operation == f"uploads.{operation}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    return path


def test_a_file(flavour: Flavour, serve: Serve, file: Path) -> None:
    store = Store(serve)
    client = flavour.client(
        "test-token", store.wire.url, headers={"X-Org": "o"}, cookies={"c": "test-cookie"}
    )
    item = flavour(client.uploads.initiate.upload(file, PROJECT))
    assert item.id == "item_1"
    assert store.calls == ["initiate", "signed_url", "progress", "complete"]
    assert store.body("initiate") == {"project_id": "p", "transfer_method": "cli", "total_bytes": len(DATA)}
    signing = {"upload_id": "up_1", "file_name": "a.tif", "content_type": "image/tiff"}
    assert store.body("signed_url") == signing
    assert store.body("progress") == {"upload_id": "up_1", "bytes_uploaded": len(DATA)}
    assert store.body("complete") == {"upload_id": "up_1"}
    [put] = store.puts
    assert put.content == DATA
    assert put.headers["content-length"] == str(len(DATA))
    assert put.headers["content-type"] == "image/tiff"
    assert "transfer-encoding" not in put.headers
    assert not {"authorization", "cookie", "x-org", "x-api-key"} & put.headers.keys()


def test_a_file_object_from_where_it_stands(flavour: Flavour, serve: Serve) -> None:
    store = Store(serve)
    client = flavour.client("test-token", store.wire.url)
    stream = io.BytesIO(b"skip" + DATA)
    stream.seek(4)
    names = {"file_name": "b.bin", "content_type": "application/x-mine"}
    flavour(client.uploads.initiate.upload(stream, **PROJECT, **names))
    assert store.puts[0].content == DATA
    assert store.puts[0].headers["content-type"] == "application/x-mine"
    assert store.body("signed_url")["file_name"] == "b.bin"
    assert not stream.closed


def test_an_empty_file(flavour: Flavour, serve: Serve) -> None:
    store = Store(serve)
    client = flavour.client("test-token", store.wire.url)
    flavour(client.uploads.initiate.upload(io.BytesIO(), PROJECT, file_name="none"))
    assert store.puts[0].headers["content-length"] == "0"
    assert store.puts[0].headers["content-type"] == "application/octet-stream"


def test_what_is_no_file_is_refused_before_anything_is_sent(
    flavour: Flavour, serve: Serve, tmp_path: Path, file: Path
) -> None:
    store = Store(serve)
    client = flavour.client("test-token", store.wire.url)
    upload = client.uploads.initiate.upload
    reader, writer = os.pipe()
    os.mkfifo(tmp_path / "pipe")
    with open(reader, "rb") as pipe, open(writer, "wb"):
        for given, error, words in (
            (tmp_path / "none.tif", FileNotFoundError, "none.tif"),
            (tmp_path, IsADirectoryError, "folder"),
            (tmp_path / "pipe", ValueError, "pipe"),
            (pipe, ValueError, "seek"),
            (io.StringIO("a"), TypeError, "text"),
            (io.BytesIO(b"a"), TypeError, "file_name"),
            (b"bytes", TypeError, "bytes"),
            (None, TypeError, "NoneType"),
        ):
            with pytest.raises(error, match=words):
                flavour(upload(given, PROJECT))
    with pytest.raises(InvalidInputError, match="project_id"):
        flavour(upload(file))
    with pytest.raises(InvalidInputError, match="progres"):
        flavour(upload(file, PROJECT | {"progres": True}))
    with pytest.raises(ValueError, match="total_bytes"):
        flavour(upload(file, **PROJECT, total_bytes=5))
    with pytest.raises(ValueError, match="file_count"):
        flavour(upload(file, {**PROJECT, "file_count": 2}))
    with pytest.raises(TypeError, match=r"client\.uploads\.initiate\.upload"):
        client.items.get.upload(file, PROJECT)
    assert store.wire.asked == []


@no_pauses
@pytest.mark.parametrize("status", [0, 500, 503, 429, 408])
def test_a_transfer_that_is_cut_is_retried(flavour: Flavour, serve: Serve, file: Path, status: int) -> None:
    store = Store(serve, status, status)
    client = flavour.client("test-token", store.wire.url)
    assert flavour(client.uploads.initiate.upload(file, PROJECT)).id == "item_1"
    assert [put.content for put in store.puts] == [DATA] * 3
    assert store.signed == 1
    assert "fail" not in store.calls


@no_pauses
@pytest.mark.parametrize(("statuses", "error"), [([403], PermissionDeniedError), ([500] * 9, ServerError), ([0] * 9, APIConnectionError), ([301], GeoperaError)])  # fmt: skip
def test_what_cannot_be_finished_is_reported(
    flavour: Flavour, serve: Serve, file: Path, statuses: list[int], error: type[Exception]
) -> None:
    store = Store(serve, *statuses)
    client = flavour.client("test-token", store.wire.url)
    with pytest.raises(error) as caught:
        flavour(client.uploads.initiate.upload(file, PROJECT))
    assert store.calls == ["initiate", "signed_url", "fail"]
    failed = store.body("fail")
    assert failed["error_step"] == "transfer"
    assert failed["upload_id"] == "up_1"
    for text in (failed["error_message"], str(caught.value), *caught.value.__notes__):
        assert "s3cret" not in text
        assert str(file) not in text
    assert "upload_id: up_1" in caught.value.__notes__


def test_the_failure_of_the_report_does_not_hide_the_failure(
    flavour: Flavour, serve: Serve, file: Path
) -> None:
    store = Store(serve, 403)
    store.refused = {"uploads.fail": 500}
    client = flavour.client("test-token", store.wire.url)
    with pytest.raises(PermissionDeniedError) as caught:
        flavour(client.uploads.initiate.upload(file, PROJECT))
    assert any("not be reported" in note for note in caught.value.__notes__)


def test_an_upload_that_never_began_is_not_reported(flavour: Flavour, serve: Serve, file: Path) -> None:
    store = Store(serve)
    store.refused = {"uploads.initiate": 404}
    client = flavour.client("test-token", store.wire.url)
    with pytest.raises(NotFoundError):
        flavour(client.uploads.initiate.upload(file, PROJECT))
    assert store.calls == ["initiate"]


@pytest.mark.parametrize(("status", "reported"), [(403, True), (500, False)])
def test_completing_that_may_have_worked_is_no_failure(
    flavour: Flavour, serve: Serve, file: Path, status: int, reported: bool
) -> None:
    store = Store(serve)
    store.refused = {"uploads.complete": status}
    client = flavour.client("test-token", store.wire.url, max_retries=0)
    with pytest.raises(GeoperaError) as caught:
        flavour(client.uploads.initiate.upload(file, PROJECT))
    assert ("fail" in store.calls) is reported
    assert any("can still be completed" in note for note in caught.value.__notes__) is not reported
    assert "upload_id: up_1" in caught.value.__notes__


@no_pauses
def test_an_expired_url_is_asked_for_again(
    flavour: Flavour, serve: Serve, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geopera._loops import sources

    monkeypatch.setattr(sources, "_FRESH", -1.0)
    store = Store(serve, 403)
    client = flavour.client("test-token", store.wire.url)
    flavour(client.uploads.initiate.upload(file, PROJECT))
    assert [put.path.partition("?")[0] for put in store.puts] == ["/put/1", "/put/2"]
    assert [put.content for put in store.puts] == [DATA, DATA]


class Session(Store):
    """A store with resumable sessions, which keeps 400,000 bytes of the first PUT."""

    kept = b""

    def __call__(self, asked: Asked) -> Reply:
        if asked.method != "PUT":
            return super().__call__(asked)
        total = len(DATA)
        wanted = asked.headers.get("content-range", f"bytes 0-{total - 1}/{total}")
        if not wanted.startswith("bytes */"):
            start = int(wanted.removeprefix("bytes ").partition("-")[0])
            assert start == len(self.kept)
            self.kept += asked.content[: 400_000 if len(self.puts) == 1 else None]
            if len(self.puts) == 1:
                raise ConnectionError("hung up without a response")
        if len(self.kept) == total:
            return Reply(status=200)
        headers = {"Range": f"bytes=0-{len(self.kept) - 1}"} if self.kept else {}
        return Reply(status=308, headers=headers)


@no_pauses
def test_a_resumable_session_goes_on_where_it_was(flavour: Flavour, serve: Serve, file: Path) -> None:
    store = Session(serve, query="uploadType=resumable&upload_id=s3cret")
    client = flavour.client("test-token", store.wire.url)
    flavour(client.uploads.initiate.upload(file, PROJECT))
    assert store.kept == DATA
    whole, asked, rest = store.puts
    assert len(whole.content) == len(DATA)
    assert asked.headers["content-range"] == f"bytes */{len(DATA)}"
    assert rest.headers["content-range"] == f"bytes 400000-{len(DATA) - 1}/{len(DATA)}"
    assert rest.content == DATA[400_000:]


def test_a_file_that_shrinks_is_no_matter_of_the_network(flavour: Flavour, serve: Serve) -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return b""

    store = Store(serve)
    client = flavour.client("test-token", store.wire.url)
    with pytest.raises(OSError, match="shorter"):
        flavour(client.uploads.initiate.upload(Shrinking(DATA), PROJECT, file_name="a.tif"))
    assert store.calls == ["initiate", "signed_url", "fail"]


def test_ctrl_c_is_reported(serve: Serve) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise KeyboardInterrupt

    store = Store(serve)
    with geopera.Geopera("test-token", store.wire.url) as client, pytest.raises(KeyboardInterrupt):
        client.uploads.initiate.upload(Interrupted(DATA), PROJECT, file_name="a.tif")
    assert store.calls == ["initiate", "signed_url", "fail"]
    assert store.body("fail")["error_message"] == "interrupted: KeyboardInterrupt"


@pytest.mark.parametrize("way", ["task", "scope", "trio"])
def test_a_cancelled_task_is_reported(serve: Serve, file: Path, way: str) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    class Slow(Store):
        def __call__(self, asked: Asked) -> Reply:
            if asked.method == "PUT":
                arrived.set()
                go_on.wait(10)
            return super().__call__(asked)

    store = Slow(serve)

    async def main() -> None:
        async with geopera.AsyncGeopera("test-token", store.wire.url) as client:
            if way == "task":
                task = asyncio.ensure_future(client.uploads.initiate.upload(file, PROJECT))
                await asyncio.to_thread(arrived.wait, 10)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                return
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: client.uploads.initiate.upload(file, PROJECT))
                await anyio.to_thread.run_sync(arrived.wait, 10)
                group.cancel_scope.cancel()

    try:
        anyio.run(main, backend="trio" if way == "trio" else "asyncio")
    finally:
        go_on.set()
    assert store.calls == ["initiate", "signed_url", "fail"]


def test_large_files_report_how_far_they_are(
    flavour: Flavour, serve: Serve, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geopera._loops import uploads

    monkeypatch.setattr(uploads, "_LARGE", 1)
    monkeypatch.setattr(uploads, "_EVERY", 0.0)
    monkeypatch.setattr(uploads, "_BEAT", 0.01)
    reported = threading.Event()

    class Watching(Store):
        def __call__(self, asked: Asked) -> Reply:
            if asked.method == "PUT":
                assert reported.wait(10)
            if asked.operation == "uploads.progress":
                reported.set()
            return super().__call__(asked)

    store = Watching(serve)
    client = flavour.client("test-token", store.wire.url)
    flavour(client.uploads.initiate.upload(file, PROJECT))
    assert store.calls.count("progress") >= 2


@no_pauses
def test_the_bar_counts_bytes(
    flavour: Flavour, serve: Serve, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(serve, 503)
    client = flavour.client("test-token", store.wire.url)
    flavour(client.uploads.initiate.upload(file, PROJECT, progress=True))
    assert "a.tif: 100%" in capsys.readouterr().err


def test_the_sandbox_has_the_file(client: Any, flavour: Flavour, sandbox: Sandbox, file: Path) -> None:
    result = flavour(client.uploads.initiate.upload(file, {"project_id": "example-project"}))
    [path] = [name for name in sandbox.state.uploads if result.upload_id in name]
    assert sandbox.state.uploads[path] == DATA
