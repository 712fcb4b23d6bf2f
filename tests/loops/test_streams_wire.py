"""Lazy results with pytest-httpx, as somebody who tests a program of theirs writes it."""

from __future__ import annotations

from pathlib import Path

from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock, IteratorStream
from test_streams_client import ROWS, dump, events, lines

URL = "https://api.test"
BODY = {"host_name": "h"}
IDS = ["scene-0", "scene-1", "scene-2"]


def test_a_stream_in_pieces(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    pieces = [dump(row) + b"\n" for row in ROWS]
    httpx_mock.add_response(stream=IteratorStream(pieces), headers={"content-type": "application/x-ndjson"})
    found = flavour.collect(flavour.client("test-token", URL).catalog.search_stream(BODY))
    assert [one.id for one in found] == IDS


def test_a_stream_in_one(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    for data, type_ in ((events(ROWS), "text/event-stream"), (lines(ROWS), "application/x-ndjson")):
        httpx_mock.add_response(content=data, headers={"content-type": type_})
        found = flavour.collect(flavour.client("test-token", URL).catalog.search_stream(BODY))
        assert [one.id for one in found] == IDS


def test_records_of_two_pages(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": ROWS[:2], "next": "a"})
    httpx_mock.add_response(json={"features": ROWS[2:]}, match_json={**BODY, "next": "a"})
    found = flavour.collect(flavour.client("test-token", URL).catalog.search.iter(BODY))
    assert [one.id for one in found] == IDS


def test_a_signed_url(flavour: Flavour, httpx_mock: HTTPXMock, tmp_path: Path) -> None:
    httpx_mock.add_response(method="POST", json={"url": "https://files.test/a?signature=1"})
    httpx_mock.add_response(method="GET", url="https://files.test/a?signature=1", content=b"picture")
    asset = {"item_id": "i", "asset_id": "a"}
    flavour(flavour.client("test-token", URL).items.asset.download.download(asset, tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == b"picture"
    post, get = httpx_mock.get_requests()
    assert post.headers["authorization"] == "Bearer test-token"
    assert "authorization" not in get.headers
