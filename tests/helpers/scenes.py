"""Results without a server: scenes and pages as real catalogues give them, and a client that returns what it is given."""

from __future__ import annotations

import json
from typing import Any

import httpx

from geopera import Geopera

SCENE: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "S2A_T56HLH_20240301T012536",
    "collection": "sentinel-2-l2a",
    "bbox": [151, -34, 152, -33],
    "links": [],
    "geometry": {"type": "Polygon", "coordinates": [[[151, -34], [152, -34], [152, -33], [151, -34]]]},
    "properties": {
        "created": "2024-03-02T00:00:00Z",
        "datetime": "2024-03-01T00:00:00Z",
        "platform": "sentinel-2a",
        "eo:cloud_cover": 4.0,
    },
    "assets": {"red": {"href": "https://data.example.com/red.tif", "title": "Red"}},
}
PAGE: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [SCENE, {**SCENE, "id": "S2B"}],
    "links": [{"rel": "self", "href": "https://stac.example.com/search"}],
}


def says(value: Any, status: int = 200, kind: str = "application/json") -> Geopera:
    """A client whose server always responds with `value`: bytes, or JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()

    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"content-type": kind})

    return Geopera(token="t", httpx_args={"transport": httpx.MockTransport(reply)})


def search(page: Any = PAGE) -> Any:
    """The result of a search."""
    return says(page).catalog.search(host_name="h")
