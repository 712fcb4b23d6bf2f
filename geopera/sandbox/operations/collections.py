"""The catalogue's collections as STAC collections: description, extent, license, links."""

from __future__ import annotations

from typing import Any

from ..catalogue.scenes import Catalogue, Collection


def described(catalogue: Catalogue, base: str, host: str, one: Collection) -> dict[str, Any]:
    """A collection of a host."""
    box, interval = catalogue.extent(host, one.id)
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": one.id,
        "title": one.title,
        "description": one.description or f"{one.title}: made-up scenes of the sandbox.",
        "license": "proprietary",
        "host_name": host,
        "gsd": one.gsd,
        "extent": {"spatial": {"bbox": [box]}, "temporal": {"interval": [interval]}},
        "summaries": {"platform": list(one.platforms), "gsd": [one.gsd]},
        "links": [{"rel": "self", "type": "application/json", "href": f"{base}/data/{host}/{one.id}.json"}],
    }
