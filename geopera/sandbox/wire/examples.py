"""A value that satisfies a JSON Schema.

`example` makes responses for operations without behaviour of their own, and bodies for tests. It satisfies types, enums,
bounds, lengths, formats and required fields. Names of fields (`host_name`, `bbox`, `order_id`) suggest values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

AOI = (151.18, -33.92, 151.30, -33.84)
SCENE = "S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"
POLYGON: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[151.2, -33.9], [151.28, -33.9], [151.28, -33.86], [151.2, -33.86], [151.2, -33.9]]],
}
_MOMENT = "2024-01-15T00:02:41Z"

_HINTS: dict[str, Any] = {
    "host_name": "earthsearch-aws",
    "endpoint_url": "https://example.com/hooks/geopera",
    "event_type": "order.fulfilled",
    "bbox": list(AOI),
    "geometry": POLYGON,
    "aoi_geometry": POLYGON,
    "aoi_clip_body": POLYGON,
    "clip_polygon": POLYGON,
    "window": {"start": _MOMENT, "end": "2024-02-15T00:00:00Z"},
    "intersects": POLYGON,
    "datetime": _MOMENT,
    "collection": "sentinel-2-l2a",
    "collections": ["sentinel-2-l2a"],
    "ids": [SCENE],
    "source_ids": ["earthsearch-aws"],
    "scene_id": SCENE,
    "image_id": SCENE,
    "url": "https://example.com/scene.tif",
    "cog_url": "https://example.com/scene.tif",
    "href": "https://example.com/scene.tif",
    "base_url": "https://example.com",
    "upload_url": "https://example.com/upload",
    "formula": "(nir - red) / (nir + red)",
    "expression": "(nir - red) / (nir + red)",
    "comparison": "gt",
    "format": "png",
    "output_format": "json",
    "period": "2024-01",
    "currency": "aud",
    "sensor": "sentinel-2",
    "datum": "wgs84",
    "role": "editor",
    "password": "a long example",
    "dataProduct": "example-product",
    "payment_method_id": "pm_example",
    "id": "example",
    "stac_id": "example-item",
    "entity_type": "item",
    "direction": "up",
    "status": "active",
    "key": "example-key",
    "env": "test",
    "amount": 5000,
    "sortby": [{"field": "datetime", "direction": "desc"}],
    "filter": {"op": ">=", "args": [{"property": "gsd"}, 0]},
    "featureCollection": {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": POLYGON}],
    },
}

# Bodies for operations whose input schema is only "an object".
_BODIES: dict[str, Any] = {
    "billing.set_auto_topup": {"enabled": True, "threshold_credits": 1000, "topup_amount_credits": 5000},
    "billing.topup": {"amount": 5000, "currency": "aud"},
    "catalog.search_stream": {"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": 5},
    "catalog.hosts.list": {},
    "catalog.collections.list": {"host_name": "earthsearch-aws"},
    "clip.create_from_item": {"item_id": SCENE, "aoi_geometry": POLYGON},
    "orders.archive.place": {
        "collection": "sentinel-2-l2a",
        "item_ids": [SCENE],
        "delivery": {"format": "geotiff"},
    },
    "orders.tasking.place": {"groups": [{"sensor": "optical-vhr", "geometry": POLYGON}]},
    "processing.create": {
        "job_type": "ndvi",
        "inputs": {"collection": "sentinel-2-l2a", "item_ids": [SCENE]},
    },
    "processing.create_and_dispatch": {
        "job_type": "ndvi",
        "inputs": {"collection": "sentinel-2-l2a", "item_ids": [SCENE]},
    },
    "reports.generate": {"report_type": "usage"},
    "uploads.complete": {"upload_id": "example-upload"},
}

_FORMATS = {
    "date-time": _MOMENT,
    "date": "2024-01-15",
    "time": "00:02:41Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "hostname": "example.com",
    "binary": "",
}
_DEPTH = 8


def example(
    schema: Mapping[str, Any] | bool,
    definitions: Mapping[str, Any] | None = None,
    *,
    full: bool = False,
    name: str = "",
) -> Any:
    """A value that satisfies a schema.

    Args:
        schema: JSON Schema, draft 2020-12.
        definitions: What a `$ref` names, by the last part of its pointer.
        full: Optional fields too (as deep as eight levels).
        name: The name of the field that the value is for, a hint.

    Raises:
        ValueError: If no value, or none that this function can find, satisfies the schema.
    """
    return _Maker(definitions or {}, full).make(schema, name, 0)


def example_body(operation_id: str, manifest: Mapping[str, Any], *, full: bool = False) -> Any:
    """A body with which an operation succeeds on the sandbox.

    Args:
        operation_id: The operation.
        manifest: A manifest as data (`operations` and `schemas`).
        full: Optional fields too.
    """
    if operation_id in _BODIES:
        return _copy(_BODIES[operation_id])
    body = example(manifest["operations"][operation_id]["input"], manifest["schemas"], full=full)
    if isinstance(body, dict) and "bbox" in body:
        body.pop("intersects", None)  # one or the other
    if isinstance(body, dict):
        body.pop("next", None)  # only a search makes one
    return body


class _Maker:
    def __init__(self, definitions: Mapping[str, Any], full: bool) -> None:
        self.definitions = definitions
        self.full = full

    def make(self, schema: Mapping[str, Any] | bool, name: str, depth: int) -> Any:
        if isinstance(schema, bool):
            if not schema:
                raise ValueError("the schema `false` has no example")
            return _copy(_HINTS.get(name, {}))
        schema = self.resolved(schema)
        if "const" in schema:
            return _copy(schema["const"])
        if schema.get("enum"):
            return _copy(schema["enum"][0])
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                return self.make(self.chosen(schema, word), name, depth)
        kind = self.kind(schema)
        if kind == "object":
            return self.object(schema, name, depth)
        if kind == "array":
            return self.array(schema, name, depth)
        if kind == "string":
            return self.string(schema, name)
        if kind in ("integer", "number"):
            return self.number(schema, name, kind)
        if kind == "boolean":
            return bool(schema.get("default", True))
        if kind == "null":
            return None
        return _copy(_HINTS.get(name, {}))

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        seen = 0
        while "$ref" in schema or "allOf" in schema:
            seen += 1
            if seen > 50:
                raise ValueError("references go in a circle")
            merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
            parts = list(schema.get("allOf") or ())
            if "$ref" in schema:
                parts.insert(0, self.definitions[schema["$ref"].rsplit("/", 1)[-1]])
            for part in parts:
                for key, value in part.items():
                    if key == "properties":
                        merged[key] = {**value, **merged.get(key, {})}
                    elif key in ("required", "allOf"):
                        merged[key] = [*merged.get(key, []), *value]
                    else:
                        merged.setdefault(key, value)
            schema = merged
        return schema

    def chosen(self, schema: Mapping[str, Any], word: str) -> Mapping[str, Any]:
        rest = {key: value for key, value in schema.items() if key != word}
        branches = [branch for branch in schema[word] if isinstance(branch, Mapping)]
        useful = [branch for branch in branches if branch.get("type") != "null"] or branches
        return {**rest, "allOf": [useful[0]]} if useful else rest

    @staticmethod
    def kind(schema: Mapping[str, Any]) -> str | None:
        kind = schema.get("type")
        if isinstance(kind, list):
            return next((word for word in kind if word != "null"), "null")
        if kind is None:
            if "properties" in schema or "required" in schema:
                return "object"
            if "items" in schema or "prefixItems" in schema:
                return "array"
        return kind

    def object(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        required = list(dict.fromkeys(schema.get("required") or ()))
        hint = _HINTS.get(name)
        if isinstance(hint, dict) and not properties and set(required) <= set(hint):
            return _copy(hint)
        wanted = list(required)
        if self.full and depth < _DEPTH:
            wanted += [key for key in properties if key not in required]
        value = {key: self.make(properties.get(key, True), key, depth + 1) for key in wanted}
        extra = schema.get("additionalProperties", True)
        while len(value) < schema.get("minProperties", 0):
            value[f"key{len(value)}"] = self.make(extra, "", depth + 1)
        return value

    def array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        hint = _HINTS.get(name)
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        items = schema.get("items", True)
        if isinstance(hint, list) and "prefixItems" not in schema and least <= len(hint) <= most:
            kind = self.kind(self.resolved(items)) if isinstance(items, Mapping) else None
            words: dict[type, str] = {str: "string", dict: "object"}
            if kind in (None, words.get(type(hint[0]), "number")):
                return list(_copy(hint))
        first = [self.make(part, "", depth + 1) for part in schema.get("prefixItems") or ()]
        wanted = max(least, len(first))
        if self.full and not first and items is not False and items and depth < _DEPTH:
            wanted = max(wanted, 1)
        singular = name[:-1] if name.endswith("s") else name
        while len(first) < wanted:
            value = self.make(items, singular, depth + 1)
            if schema.get("uniqueItems") and value in first:
                value = f"{value}-{len(first)}" if isinstance(value, str) else len(first)
            first.append(value)
        return first

    def string(self, schema: Mapping[str, Any], name: str) -> str:
        fits = _fits(schema)
        for candidate in self.words(schema, name):
            if isinstance(candidate, str) and fits(candidate):
                return candidate
        raise ValueError(f"no example for {dict(schema)!r}")

    @staticmethod
    def words(schema: Mapping[str, Any], name: str) -> list[Any]:
        given = _FORMATS.get(schema.get("format", ""))
        if given is not None:
            return [given]
        found: list[Any] = [_HINTS.get(name), schema.get("default")]
        if name.endswith(("_at", "_datetime")) or name in ("start", "end"):
            found.insert(0, _MOMENT)
        stem = re.fullmatch(r"(.+?)(?:_id|Id|_name)", name)
        if stem:
            found.append("example-" + stem[1].replace("_", "-"))
        least = schema.get("minLength", 0)
        found += ["example", "example".ljust(least, "x"), "e" * max(least, 1), ""]
        pattern = schema.get("pattern")
        if pattern:
            alternatives = re.fullmatch(r"\^?\(?:?\(?([\w|]+)\)?\$?", pattern)
            if alternatives:
                found += alternatives[1].split("|")
            found += ["pm_example", "1", "a", "A", "2024-01-15", _MOMENT]
        return found

    @staticmethod
    def number(schema: Mapping[str, Any], name: str, kind: str) -> Any:
        low = schema.get("minimum", -math.inf)
        high = schema.get("maximum", math.inf)
        above = schema.get("exclusiveMinimum", -math.inf)
        below = schema.get("exclusiveMaximum", math.inf)
        step = schema.get("multipleOf") or (1 if kind == "integer" else None)

        def fits(value: float) -> bool:
            whole = step is None or math.isclose(value / step, round(value / step), abs_tol=1e-9)
            return low <= value <= high and above < value < below and whole

        edge = max(low, above)
        candidates = [_HINTS.get(name), schema.get("default"), 0, 1]
        if edge > -math.inf:
            candidates += [edge, edge + (step or 1), math.floor(edge) + 1]
            if step:
                candidates += [math.ceil(edge / step) * step, (math.floor(edge / step) + 1) * step]
        if min(high, below) < math.inf:
            top = min(high, below)
            candidates += [top, top - (step or 1)]
            if edge > -math.inf:
                candidates.append((edge + top) / 2)
        for value in candidates:
            if isinstance(value, (int, float)) and not isinstance(value, bool) and fits(value):
                return int(value) if kind == "integer" else value
        raise ValueError(f"no example for {dict(schema)!r}")


def _fits(schema: Mapping[str, Any]) -> Any:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    pattern = schema.get("pattern")

    def fits(text: str) -> bool:
        return least <= len(text) <= most and (pattern is None or re.search(pattern, text) is not None)

    return fits


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copy(item) for item in value]
    return value
