"""The catalogue's operations: hosts, collections, searches, the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.responses import Response, StreamingResponse

from ..catalogue import filters
from ..catalogue.scenes import HOSTS, Scene
from ..catalogue.search import check_host, matching, page
from ..core.records import listing, window
from ..core.registry import Call, handles
from ..wire.problems import ProblemError, dump, unprocessable
from .collections import described

_STREAMS = ("text/event-stream", "application/x-ndjson", "application/json")


@handles("catalog.search")
def search(call: Call) -> dict[str, Any]:
    body = call.body
    found = matching(call.state.catalogue, body, [check_host(body.get("host_name"))])
    scenes, token = page(found, body, limit=int(body.get("limit") or 100))
    result = _features(call, scenes)
    links = [_link(call, "self", body)]
    if token is not None:
        result["next"] = token
        links.append(_link(call, "next", {**body, "next": token}))
    return {**result, "links": links}


@handles("catalog.federated_search")
def federated_search(call: Call) -> dict[str, Any]:
    body = call.body
    sources = body.get("source_ids") or list(HOSTS)
    for name in sources:
        check_host(name)
    left = int(body.get("limit") or 100)
    summaries, scenes = [], []
    for name in sources:
        query = {**body, "host_name": None}
        found = list(matching(call.state.catalogue, query, [name]))
        summaries.append({"source_id": name, "title": HOSTS[name][0], "count": len(found), "error": None})
        scenes += found
    scenes.sort(key=lambda scene: scene.datetime, reverse=True)
    return {**_features(call, scenes[:left]), "sources": summaries}


@handles("stac.search")
def stac_search(call: Call) -> dict[str, Any]:
    """Search all hosts; pages count from 0."""
    body = call.body
    query = {key: value for key, value in body.items() if key != "query"}
    keep = None if body.get("filter") is None else filters.cql2(body["filter"], body.get("filter-lang"))
    scenes = list(matching(call.state.catalogue, query, HOSTS))
    if keep is not None:
        scenes = keep(scenes, _members)
    scenes = filters.sort(scenes, body.get("sortby"), _members)
    start, size = window(call)
    links = [_link(call, "self", body)]
    if start + size < len(scenes):
        links.append(_link(call, "next", {**body, "page": start // size + 1}))
    result = _features(call, scenes[start : start + size])
    return {**result, "numberMatched": len(scenes), "links": links}


@handles("catalog.search_stream")
async def search_stream(call: Call) -> Response:
    """Respond with SSE, NDJSON or one FeatureCollection, by the Accept header; SSE by default."""
    body = call.body
    limit = body.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise unprocessable("limit is a whole number, 1 or more.")
    found = matching(call.state.catalogue, body, [check_host(body.get("host_name"))])
    scenes = [scene for index, scene in enumerate(found) if limit is None or index < limit]
    kind = _chosen(call.request.headers.get("accept", "*/*"))
    if kind == "application/json":
        result = {**_features(call, ()), "features": [_record(call, scene) for scene in scenes]}
        return Response(dump({**result, "numberReturned": len(scenes)}), media_type=kind)
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(_lines(call, scenes, kind), headers=headers, media_type=kind)


@handles("catalog.hosts.list")
def hosts(call: Call) -> Any:
    found = [
        {
            "name": name,
            "title": title,
            "collections": [one.id for one in call.state.catalogue.collections(name)],
        }
        for name, (title, _) in HOSTS.items()
    ]
    return {call.operation.records or "hosts": found}


@handles("catalog.collections.list")
def collections(call: Call) -> Any:
    name = call.body.get("host_name")
    names = list(HOSTS) if name is None else [check_host(name)]
    return {call.operation.records or "collections": _collections(call, names)}


@handles("stac.collections.list")
def stac_collections(call: Call) -> Any:
    return {call.operation.records or "collections": _collections(call, list(HOSTS)), "links": []}


@handles("catalog.provider.samples")
def samples(call: Call) -> Any:
    start, size = window(call)
    scenes = [scene for scene in call.state.catalogue.scenes if scene.host == "geopera-archive"]
    rows = [{"id": scene.id, "scene_id": scene.id, "bbox": list(scene.box)} for scene in scenes]
    return listing(call, "samples", rows[start : start + size], len(rows))


def _features(call: Call, scenes: Iterable[Scene]) -> dict[str, Any]:
    base = call.state.base_url(call.request)
    features = [scene.item(base) for scene in scenes]
    return {"type": "FeatureCollection", "features": features, "numberReturned": len(features)}


def _members(scene: Scene) -> dict[str, Any]:
    return scene.members


def _link(call: Call, relation: str, body: dict[str, Any]) -> dict[str, Any]:
    """A link of a page, in the form of the STAC API for searches by POST."""
    href = call.state.base_url(call.request) + call.operation.path
    return {"rel": relation, "type": "application/geo+json", "method": "POST", "href": href, "body": body}


def _collections(call: Call, names: Iterable[str]) -> list[dict[str, Any]]:
    catalogue, base = call.state.catalogue, call.state.base_url(call.request)
    return [described(catalogue, base, host, one) for host in names for one in catalogue.collections(host)]


def _chosen(accept: str) -> str:
    """The accepted kind of stream: highest q first, then the order of the header."""
    accepted = []
    for index, part in enumerate(accept.split(",")):
        kind, *params = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for param in params:
            if param.lower().startswith("q="):
                try:
                    weight = float(param[2:])
                except ValueError:
                    weight = 0.0
        if weight > 0:
            accepted.append((-weight, index, kind.lower()))
    for _, _, kind in sorted(accepted):
        if kind in ("*/*", "text/*"):
            return _STREAMS[0]
        if kind == "application/*":
            return _STREAMS[1]
        if kind in _STREAMS:
            return kind
        if kind == "application/geo+json":
            return _STREAMS[2]
    raise ProblemError(406, f"The stream comes as one of {', '.join(_STREAMS)}.")


def _record(call: Call, scene: Scene) -> dict[str, Any]:
    """One record of the stream, checked against the output schema."""
    item = scene.item(call.state.base_url(call.request))
    problem = call.operation.output_error(item)
    if problem is not None:
        raise RuntimeError(f"catalog.search_stream: a record breaks the output schema: {problem}")
    return item


async def _lines(call: Call, scenes: Iterable[Scene], kind: str) -> AsyncIterator[bytes]:
    delay = call.state.settings.stream_delay
    if kind == "text/event-stream":
        yield b": one feature an event\n\n"
    for index, scene in enumerate(scenes):
        line = dump(_record(call, scene))
        if kind == "text/event-stream":
            line = b"event: feature\nid: %d\ndata: %s\n\n" % (index, line)
        else:
            line += b"\n"
        yield line
        await asyncio.sleep(delay)
