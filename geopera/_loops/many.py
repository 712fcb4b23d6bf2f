"""Many downloads at once: the files of many bodies, or of the assets that an operation lists."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..manifest import bundled_bytes
from .bulk import check_concurrency
from .downloads import check_existing, save, source_of
from .downloads import download as download_one
from .drive import run
from .paging import find_records
from .progress import SharedBar, needs_tqdm, progress_bar
from .sources import from_bytes
from .targets import resolve_folder
from .todo import Call, Emit, Fork, Join, Work

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from .._call.endpoint import Endpoint
    from .drive import Caller, Plan
    from .progress import Silent
    from .sources import Source
    from .targets import Folder, Target


Rule = Mapping[str, Any]


@cache
def listing_rules() -> Mapping[str, Rule]:
    """For each operation that lists assets, what leads to the file of one, as the overlay has it."""
    rules: Mapping[str, Rule] = from_bytes(bundled_bytes("overlay.json")).get("downloads", {})
    return rules


def listing_rule(id: str) -> Rule | None:
    """How the files that an operation lists are reached, or None."""
    return listing_rules().get(id)


def download(
    caller: Caller,
    id: str,
    body: Any,
    fields: dict[str, Any],
    path: Any,
    to: Any,
    *,
    existing: str,
    key: str | None,
    concurrency: int,
    progress: Any,
) -> Any:
    """One download, or those of a list of assets, whichever the operation stands for."""
    if path is not None and to is not None:
        raise TypeError(f"{id}: the target is given twice, as path and as to=")
    target = path if to is None else to
    if target is None:
        raise TypeError(f"{id}: download() needs a target: a path, a folder or a file object")
    endpoint = caller._any_endpoint(id)
    listing = listing_rule(id)
    if listing is None:
        return download_one(caller, id, body, fields, target, existing=existing, key=key, progress=progress)
    check_concurrency(concurrency)
    check_existing(existing)
    folder = resolve_folder(target)
    needs_tqdm(progress)
    content = caller._content(endpoint, body, fields)
    steps = caller._steps(endpoint, None, {}, key, content=content)
    wanted = _Assets(caller, endpoint, listing, from_bytes(content), steps)
    bar = progress_bar(progress, id, "B")
    return run(_files(caller, wanted, folder, concurrency, existing, bar), caller)


def download_many(
    caller: Caller, id: str, bodies: Iterable[Any], to: Any, *, concurrency: int, existing: str, progress: Any
) -> Any:
    """A path for each body, or the exception in its place; a coroutine of them on an async client."""
    check_concurrency(concurrency)
    check_existing(existing)
    if isinstance(bodies, str | bytes | Mapping):
        raise TypeError(f"{id}: download_many() takes an iterable of bodies, not one {type(bodies).__name__}")
    endpoint = caller._any_endpoint(id)
    if endpoint.operation.spends:
        raise TypeError(f"{id} spends credits; download its files one by one, each with an idempotency_key")
    wanted = _Bodies(caller, endpoint, iter(bodies))
    folder = resolve_folder(to)
    needs_tqdm(progress)
    bar = progress_bar(progress, id, "B")
    return run(_files(caller, wanted, folder, concurrency, existing, bar), caller)


class _Bodies:
    """One file for each body."""

    def __init__(self, caller: Caller, endpoint: Endpoint, bodies: Any) -> None:
        self._caller, self._endpoint, self._bodies = caller, endpoint, bodies

    def sources(self) -> Generator[Any, Any, Any]:
        """An iterator over sources and exceptions."""
        yield from ()
        return (self._source(self._endpoint, body) for body in self._bodies)

    def _source(self, endpoint: Endpoint, body: Any) -> Source | Exception:
        try:
            content = self._caller._content(endpoint, body, {})
            return source_of(self._caller, endpoint, content, None)
        except Exception as exc:  # noqa: BLE001 - yielded in its place
            return exc


class _Assets(_Bodies):
    """One file for each asset that an operation lists."""

    def __init__(
        self, caller: Caller, endpoint: Endpoint, rule: Rule, body: Mapping[str, Any], steps: Any
    ) -> None:
        super().__init__(caller, endpoint, ())
        self._rule, self._body, self._steps = rule, body, steps

    def sources(self) -> Generator[Any, Any, Any]:
        response = yield Call(self._steps)
        assets = find_records(response.parsed, None, self._endpoint.operation.id)
        other = self._caller._any_endpoint(self._rule["operation"])
        bodies = [self._asset(self._rule["fields"], asset) for asset in assets]
        return (self._source(other, body) for body in bodies)

    def _asset(self, fields: Mapping[str, list[str]], asset: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field, names in fields.items():
            values = (asset.get(name) for name in names)
            value = next((v for v in values if v is not None), self._body.get(field))
            if value is not None:
                found[field] = value
        return found


def _files(caller: Caller, wanted: _Bodies, folder: Folder, width: int, existing: str, bar: Silent) -> Plan:
    """Names are given in the order of the bodies, so that a second run gives the same ones."""
    retries = caller._context().policy.max_retries
    results: list[Any] = []
    running: deque[tuple[int, Any]] = deque()
    shared = SharedBar(bar)

    def settle() -> Generator[Any, Any, None]:
        place, handle = running.popleft()
        try:
            results[place] = yield Join(handle)
        except Exception as exc:  # noqa: BLE001 - yielded in its place
            results[place] = exc

    folder.shared = True
    try:
        sources = yield from wanted.sources()
        yield Work(folder.make)
        for source in sources:
            results.append(source)
            if isinstance(source, Exception):
                continue
            while len(running) >= width:
                yield from settle()
            try:
                target = yield from _target(source, folder)
            except Exception as exc:  # noqa: BLE001 - yielded in its place
                results[-1] = exc
                continue
            plan = _one(source, target, existing, retries, shared.part())
            running.append((len(results) - 1, (yield Fork(plan, width))))
        while running:
            yield from settle()
    finally:
        bar.close()
    yield Emit((results,))


def _target(source: Source, folder: Folder) -> Generator[Any, Any, Target | Folder]:
    yield from source.prepare()
    names = source.names(None)
    return folder if not names else folder.file(names)


def _one(source: Source, target: Any, existing: str, retries: int, bar: Silent) -> Plan:
    result = yield from save(source, target, existing, retries, bar)
    yield Emit((result,))
