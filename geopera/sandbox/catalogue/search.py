"""Filters and pages over the catalogue; every question is a body of a search operation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..wire.problems import unprocessable
from .geometry import box_shape, parse_box, parse_geometry
from .scenes import HOSTS, Catalogue, Scene

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "eq": lambda have, want: have == want,
    "neq": lambda have, want: have != want,
    "in": lambda have, want: have in want,
}
_FILTERS = ("host_name", "collections", "ids", "bbox", "intersects", "datetime", "query")


def check_host(name: object) -> str:
    """A known host; raises a 422 problem."""
    if not isinstance(name, str) or not name:
        raise unprocessable("host_name is needed: the STAC host to ask.")
    if name not in HOSTS:
        raise unprocessable(f"Unknown host {name!r}.", hosts=sorted(HOSTS))
    return name


def matching(catalogue: Catalogue, body: Mapping[str, Any], hosts: Iterable[str]) -> Iterator[Scene]:
    """The scenes of some hosts that a body asks for, newest first. Raises 422 problems before the first."""
    among = frozenset(hosts)
    collections = _texts(body, "collections")
    known = {collection.id for host in among for collection in HOSTS[host][1]}
    for name in collections or ():
        if name not in known:
            raise unprocessable(f"Unknown collection {name!r}.", collections=sorted(known))
    ids = _texts(body, "ids")
    if body.get("bbox") is not None and body.get("intersects") is not None:
        raise unprocessable("Give bbox or intersects, not both.")
    shape = None
    if body.get("bbox") is not None:
        shape = box_shape(parse_box(body["bbox"]))
    elif body.get("intersects") is not None:
        shape = parse_geometry(body["intersects"])
    begin, end = parse_interval(body.get("datetime"))
    tests = _tests(body.get("query"))

    def found() -> Iterator[Scene]:
        for scene in catalogue.scenes:
            if scene.host not in among or (ids is not None and scene.id not in ids):
                continue
            if collections and scene.collection.id not in collections:
                continue
            if (begin and scene.datetime < begin) or (end and scene.datetime > end):
                continue
            if tests and not _passes(scene.properties, tests):
                continue
            if shape is None or shape.intersects(scene.shape):
                yield scene

    return found()


def parse_interval(value: object) -> tuple[datetime | None, datetime | None]:
    """The two ends (None: open) of an RFC 3339 moment or interval `start/end`. Raises a 422 problem."""
    if value is None or value == "":
        return None, None
    text = str(value)
    if "/" not in text:
        return _moment(text, False), _moment(text, True)
    first, _, second = text.partition("/")
    begin = None if first in ("", "..") else _moment(first, False)
    end = None if second in ("", "..") else _moment(second, True)
    if begin and end and begin > end:
        raise unprocessable("The interval ends before it begins.")
    return begin, end


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


def _moment(text: str, end_of_day: bool) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise unprocessable(f"{text!r} is not an RFC 3339 date and time.") from None
    if len(text) == 10 and end_of_day:
        moment += timedelta(days=1) - timedelta(microseconds=1)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tests(query: Any) -> list[tuple[str, Callable[[Any, Any], bool], Any]]:
    tests = []
    if query is not None and not isinstance(query, Mapping):
        raise unprocessable("query is an object: property -> {operator: value}.")
    for name, conditions in (query or {}).items():
        if not isinstance(conditions, Mapping):
            raise unprocessable(f"The query of {name!r} is an object: operator -> value.")
        for word, want in conditions.items():
            if word.lower() not in _OPERATORS:
                raise unprocessable(f"Unknown operator {word!r} in the query of {name!r}.")
            if want is not None:
                tests.append((name, _OPERATORS[word.lower()], want))
    return tests


def _passes(have: Mapping[str, Any], tests: Iterable[tuple[str, Callable[[Any, Any], bool], Any]]) -> bool:
    for name, compare, want in tests:
        try:
            if name not in have or not compare(have[name], want):
                return False
        except TypeError:
            return False
    return True


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
