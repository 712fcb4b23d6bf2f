"""Signed URLs for the assets of items, for readers that take a function: odc-stac, pystac-client, rasterio."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import NotFoundError, ResponseError
from ..manifest import bundled_bytes
from .drive import run
from .sources import find_url, from_bytes, seconds_left
from .todo import Call, Emit, Join, Start

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .drive import Caller, Plan

_WIDTH = 4  # calls at once
_MOST = 50_000  # URLs that are remembered
_MARGIN = 30.0  # seconds that a URL has to be good for


class _Signed(NamedTuple):
    item: str
    asset: str
    url: str
    ends: float  # of the monotonic clock


class Known:
    """Which asset a URL belongs to: those of a client's signed items, by what comes before the query."""

    def __init__(self) -> None:
        self._signed: OrderedDict[str, _Signed] = OrderedDict()
        self._lock = Lock()

    def get(self, url: str) -> _Signed | None:
        return self._signed.get(_plain(url))

    def add(self, href: Any, signed: _Signed) -> None:
        with self._lock:
            for url in (href, signed.url):
                if isinstance(url, str):
                    self._signed[_plain(url)] = signed
            while len(self._signed) > _MOST:
                self._signed.popitem(last=False)


def _plain(url: str) -> str:
    return url.partition("?")[0]


@cache
def _rule() -> Mapping[str, str]:
    """The operation that signs an asset, and the fields that name one, as the overlay has them."""
    rule: Mapping[str, str] = from_bytes(bundled_bytes("overlay.json"))["signing"]
    return rule


def sign(caller: Caller, known: Known, value: Any, assets: Any) -> Any:
    """`value` with its URLs signed, in place; a coroutine of it on an async client."""
    if isinstance(assets, str):
        raise TypeError("assets= is a list of names, not one text")
    if isinstance(value, str):
        return run(_url(caller, known, value), caller)
    wanted = None if assets is None else frozenset(assets)
    return run(_all(caller, known, value, list(_assets(known, value, wanted))), caller)


def _url(caller: Caller, known: Known, url: str) -> Plan:
    """A URL that belongs to no asset that was signed is as it was: that of a public file, for example."""
    found = known.get(url)
    if found is not None and found.ends - time.monotonic() < _MARGIN:
        found = _read((yield Call(_steps(caller, found.item, found.asset))), found.item, found.asset)
        known.add(url, found)
    yield Emit((url if found is None else found.url,))


def _all(caller: Caller, known: Known, value: Any, found: list[tuple[str, str, Any]]) -> Plan:
    running: deque[tuple[str, str, Any, Any]] = deque()

    def settle() -> Generator[Any, Any, None]:
        item, key, asset, handle = running.popleft()
        try:
            signed = _read((yield Join(handle)), item, key)
        except NotFoundError:
            return  # none of the API's own: a file of a public catalogue
        known.add(_href(asset), signed)
        if isinstance(asset, Mapping):
            asset["href"] = signed.url  # type: ignore[index]
        else:
            asset.href = signed.url

    for item, key, asset in found:
        if len(running) >= _WIDTH:
            yield from settle()
        running.append((item, key, asset, (yield Start(_steps(caller, item, key), _WIDTH))))
    while running:
        yield from settle()
    yield Emit((value,))


def _steps(caller: Caller, item: str, asset: str) -> Any:
    rule = _rule()
    endpoint = caller._any_endpoint(rule["operation"])
    return caller._steps(endpoint, {rule["item"]: item, rule["asset"]: asset}, {})


def _read(response: Any, item: str, asset: str) -> _Signed:
    url = find_url(response.parsed)
    if url is None or "://" not in url:
        operation = _rule()["operation"]
        raise ResponseError(f"{operation}: the response names no URL", operation=operation, response=response)
    said = response.parsed if isinstance(response.parsed, Mapping) else {}
    left = seconds_left(said.get("expires_at") or said.get("expires"))
    return _Signed(item, asset, url, time.monotonic() + left if left is not None else float("inf"))


def _assets(known: Known, value: Any, wanted: frozenset[str] | None) -> Iterator[tuple[str, str, Any]]:
    """(item, name, asset) of all assets that are in `value`. Raises TypeError or ValueError for anything else."""
    kind = _member(value, "type")
    owner = getattr(value, "owner", None)
    if kind == "Feature" or (_member(value, "assets") is not None and hasattr(value, "bbox")):
        id = str(_member(value, "id"))
        for key, asset in (_member(value, "assets") or {}).items():
            if wanted is None or key in wanted:
                yield id, key, asset
    elif _member(value, "href") is not None:
        found = known.get(str(_href(value)))
        if owner is not None and not isinstance(owner, Mapping):
            key = next((name for name, one in owner.assets.items() if one is value), None)
            if key is not None:
                yield owner.id, key, value
                return
        if found is None:
            raise ValueError("an asset alone does not name its item; sign the item")
        yield found.item, found.asset, value
    elif kind in ("Collection", "Catalog") or _member(value, "extent") is not None:
        return  # no operation signs what belongs to a collection
    elif isinstance(_member(value, "features"), list):
        for one in _member(value, "features"):
            yield from _assets(known, one, wanted)
    elif isinstance(value, Iterable) and not isinstance(value, Mapping | bytes):
        for one in value:
            yield from _assets(known, one, wanted)
    else:
        raise TypeError(f"sign() takes an item, an asset, a collection or a URL, not {type(value).__name__}")


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return getattr(value, name, None)


def _href(asset: Any) -> Any:
    return _member(asset, "href")
