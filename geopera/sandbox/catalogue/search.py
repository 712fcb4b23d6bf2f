"""Filters and pages over the catalogue, from the body of a search operation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..wire.problems import unprocessable
from ..wire.times import parse_interval
from .filters import query_tests
from .geometry import boxes_shape, parse_box, parse_geometry
from .scenes import HOSTS, Catalogue, Scene

_FILTERS = ("host_name", "collections", "ids", "bbox", "intersects", "datetime", "query")


def check_host(name: object) -> str:
    """A known host; raises a 422 problem."""
    if not isinstance(name, str) or not name:
        raise unprocessable("host_name is needed: the STAC host to search.")
    if name not in HOSTS:
        raise unprocessable(f"Unknown host {name!r}.", hosts=sorted(HOSTS))
    return name


def matching(catalogue: Catalogue, body: Mapping[str, Any], hosts: Iterable[str]) -> Iterator[Scene]:
    """The scenes of some hosts that match a body, newest first. Raises 422 problems before the first.

    An unknown collection matches nothing, as in the STAC API.
    """
    among = frozenset(hosts)
    collections = _texts(body, "collections")
    ids = _texts(body, "ids")
    if body.get("bbox") is not None and body.get("intersects") is not None:
        raise unprocessable("Give bbox or intersects, not both.")
    shape = None
    if body.get("bbox") is not None:
        shape = boxes_shape(parse_box(body["bbox"]))
    elif body.get("intersects") is not None:
        shape = parse_geometry(body["intersects"])
    begin, end = parse_interval(body.get("datetime"))
    tests = query_tests(body.get("query"))

    def found() -> Iterator[Scene]:
        for scene in catalogue.scenes:
            if scene.host not in among or (ids is not None and scene.id not in ids):
                continue
            if collections and scene.collection.id not in collections:
                continue
            if (begin and scene.datetime < begin) or (end and scene.datetime > end):
                continue
            if tests and not all(test(scene.members) for test in tests):
                continue
            if shape is None or shape.intersects(scene.shape):
                yield scene

    return found()


def page(scenes: Iterable[Scene], body: Mapping[str, Any], *, limit: int) -> tuple[list[Scene], str | None]:
    """One page and the token of the next. Raises a 422 problem for a token of another search."""
    mark = _mark(body)
    start = _read_token(body.get("next"), mark)
    taken: list[Scene] = []
    for index, scene in enumerate(scenes):
        if index < start:
            continue
        if len(taken) == limit:
            return taken, _make_token(start + limit, mark)
        taken.append(scene)
    return taken, None


def _texts(body: Mapping[str, Any], name: str) -> list[str] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise unprocessable(f"{name} is a list of strings.")
    return value


def _mark(body: Mapping[str, Any]) -> str:
    asked = {name: body[name] for name in _FILTERS if body.get(name) is not None}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


def _make_token(start: int, mark: str) -> str:
    return base64.urlsafe_b64encode(f"{mark}.{start}".encode()).decode().rstrip("=")


def _read_token(token: Any, mark: str) -> int:
    if token is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(str(token) + "=" * (-len(str(token)) % 4)).decode()
        its_mark, _, start = text.partition(".")
        if its_mark == mark and int(start) >= 0:
            return int(start)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise unprocessable("The next token is unknown or belongs to another search.")
