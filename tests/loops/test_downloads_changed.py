"""A file that changes while it is downloaded, on a server that does not know `If-Range`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

Serve = Callable[[Callable[[Asked], Reply]], Wire]

DATA = bytes(range(256)) * 400


pytestmark = pytest.mark.usefixtures("no_pauses")


def test_a_part_of_a_changed_file_is_never_mixed_in(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    asked_from: list[int] = []

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return json_reply({"url": f"{wire.other_url}/file.tif"})
        if "range" not in asked.headers and not asked_from:  # the first version, cut
            return Reply(b"\0" * 1000, length=len(DATA), headers={"ETag": '"v1"'}, cut=True)
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        asked_from.append(start)
        if not start:
            return Reply(DATA, length=len(DATA), headers={"ETag": '"v2"'})
        told = {"ETag": '"v2"', "Content-Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"}
        return Reply(DATA[start:], status=206, length=len(DATA) - start, headers=told)  # in spite of If-Range

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    path = flavour(
        client.items.asset.download.download({"item_id": "i", "asset_id": "a"}, tmp_path / "a.tif")
    )
    assert path.read_bytes() == DATA
    assert asked_from == [1000, 0]
