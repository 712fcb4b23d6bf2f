"""Features as pystac objects."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .rows import Row, each, named, needed


def pystac_of(features: Any) -> Any:
    pystac = needed("pystac", "to_pystac()")
    if isinstance(features, Mapping) and features.get("type") == "Feature":
        return _item(pystac, next(each(features)))
    return pystac.ItemCollection([_item(pystac, row) for row in each(features)], clone_items=False)


def _item(pystac: Any, row: Row) -> Any:
    plain = deepcopy(_plain(row))
    plain.setdefault("type", "Feature")
    plain.setdefault("stac_version", "1.0.0")
    plain.setdefault("geometry", None)
    for name in ("assets", "properties"):
        if plain.get(name) is None:
            plain[name] = {}
    if plain.get("links") is None:
        plain["links"] = []
    if plain.get("collection") is None:
        plain.pop("collection", None)
    try:
        return pystac.Item.from_dict(plain, preserve_dict=False)
    except (pystac.STACError, KeyError, ValueError, TypeError, AttributeError) as exc:
        raise ValueError(f"{named(row)} is not a STAC item: {type(exc).__name__}: {exc}"[:300]) from exc


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.to_dict() if hasattr(value, "to_dict") else value
