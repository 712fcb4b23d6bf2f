"""Stubs of what the generated modules share, first of all what every operation has."""

from __future__ import annotations

from collections.abc import Iterator

from .calls import DOWNLOAD, after_path, joined
from .options import options
from .overloads import MAPPING, Body, Way, overloads
from .types import HEADER

_HELPERS = '''\
import datetime as _dt
import decimal as _decimal
import enum as _enum
import os as _os
import types as _types
import typing as _t
import uuid as _uuid

import geopera.client as _c
import geopera.errors as _e
import geopera.geo.methods as _tables
import geopera.manifest as _manifest
import geopera.types as _ty
import typing_extensions as _te

T = _t.TypeVar("T")
B = _t.TypeVar("B")
P = _t.TypeVar("P")
R = _t.TypeVar("R")
E = _t.TypeVar("E")
C = _t.TypeVar("C")
_T_co = _t.TypeVar("_T_co", covariant=True)

Text: _t.TypeAlias = str | _dt.date | _uuid.UUID | _enum.Enum
Integer: _t.TypeAlias = _t.SupportsIndex
Number: _t.TypeAlias = _t.SupportsFloat | _t.SupportsIndex

class HasGeo(_t.Protocol):
    """What has ``__geo_interface__``: shapely, geopandas, a feature of this library."""
    @property
    def __geo_interface__(self) -> _t.Any: ...

class Array(_t.Protocol[_T_co]):
    """A list, a tuple, a set: an iterable that can be iterated more than once and is not text."""
    def __contains__(self, value: object, /) -> bool: ...
    def __iter__(self) -> _t.Iterator[_T_co]: ...
    def __len__(self) -> int: ...

Object: _t.TypeAlias = _t.Mapping[str, object] | HasGeo
Place: _t.TypeAlias = HasGeo | Array[HasGeo]
Moments: _t.TypeAlias = tuple[Text | None, Text | None] | list[Text | None]

# A dict that is written in place and does not match what the operation takes, to any depth. A dict with a name,
# whose fields a checker does not know, is none of these and is accepted.
JSON: _t.TypeAlias = "str | int | float | bool | None | _t.Sequence[JSON] | OtherDict"
MYPY = False
if MYPY:
    OtherDict = dict[str, JSON]
else:
    class OtherDict(_te.TypedDict, extra_items=JSON): ...

class BodyDoesNotMatch:
    """The body has a field that the operation does not know, lacks one, or has one of a wrong type."""

Wrong: _t.TypeAlias = _t.Coroutine[_t.Any, BodyDoesNotMatch, T]

Key: _t.TypeAlias = "str | None | _ty.Unset"
Target: _t.TypeAlias = "str | _os.PathLike[str] | None"

class Operation:
    __name__: str
    @property
    def operation(self) -> _manifest.Operation: ...

# What a method of an operation returns, of another type for each flavour: a call, one with `detailed`, `pages`, `iter`
# and `download`. So a method is stated once for both, by the `self` that it takes; a type argument would do as well, but
# checkers warn of a missing `await` only where an `async def` is.
class Returns(_t.Protocol[_T_co]):
    def _returns(self) -> _T_co: ...
class Responds(_t.Protocol[_T_co]):
    def _responds(self) -> _T_co: ...
class Pages(_t.Protocol[_T_co]):
    def _pages(self) -> _T_co: ...
class Records(_t.Protocol[_T_co]):
    def _records(self) -> _T_co: ...
class Files(_t.Protocol[_T_co]):
    def _files(self) -> _T_co: ...

class Preview:
    """A request that is ready and not sent."""
    method: str
    url: str
    headers: dict[str, str]
    content: bytes
    idempotency_key: str | None
    operation: _manifest.Operation
    effect: str
    estimate: _t.Any
    @property
    def body(self) -> _t.Any: ...
    def send(self) -> _t.Any: ...
    def curl(self) -> str: ...

class AsyncPreview(Preview):
    """A request that is ready and not sent. Awaited, it has the estimate, if one is wanted."""
    async def send(self) -> _t.Any: ...
    def __await__(self) -> _t.Generator[_t.Any, None, AsyncPreview]: ...

class Iteration(_tables.Tables, _t.Generic[T]):
    """A lazy iterator, which requests a page when it is needed; closed at its end, by `close` or by a with block."""
    def __iter__(self) -> _t.Iterator[T]: ...
    def __next__(self) -> T: ...
    def close(self) -> None: ...
    def __enter__(self) -> _te.Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: _types.TracebackType | None,
    ) -> None: ...

class AsyncIteration(_tables.AsyncTables, _t.Generic[T]):
    """A lazy iterator, which requests a page when it is needed; closed at its end, by `aclose` or by a with block."""
    def __aiter__(self) -> _t.AsyncIterator[T]: ...
    async def __anext__(self) -> T: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> _te.Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: _types.TracebackType | None,
    ) -> None: ...

class LowLevel(_t.Generic[B, P]):
    """A module of ``geopera.api.operations``."""
    def sync(self, *, client: _c.Client, body: B, idempotency_key: Key = ..., x_api_key: Key = ...) -> P | None: ...
    def sync_detailed(self, *, client: _c.Client, body: B, idempotency_key: Key = ..., x_api_key: Key = ...) -> _ty.Response[P]: ...
    async def asyncio(self, *, client: _c.Client, body: B, idempotency_key: Key = ..., x_api_key: Key = ...) -> P | None: ...
    async def asyncio_detailed(self, *, client: _c.Client, body: B, idempotency_key: Key = ..., x_api_key: Key = ...) -> _ty.Response[P]: ...

class OptionalLowLevel(_t.Generic[B, P]):
    """A module of ``geopera.api.operations`` whose body may be left out."""
    def sync(self, *, client: _c.Client, body: B | _ty.Unset = ..., idempotency_key: Key = ..., x_api_key: Key = ...) -> P | None: ...
    def sync_detailed(self, *, client: _c.Client, body: B | _ty.Unset = ..., idempotency_key: Key = ..., x_api_key: Key = ...) -> _ty.Response[P]: ...
    async def asyncio(self, *, client: _c.Client, body: B | _ty.Unset = ..., idempotency_key: Key = ..., x_api_key: Key = ...) -> P | None: ...
    async def asyncio_detailed(self, *, client: _c.Client, body: B | _ty.Unset = ..., idempotency_key: Key = ..., x_api_key: Key = ...) -> _ty.Response[P]: ...

'''


def helpers_module() -> Iterator[str]:
    """The text of what the generated modules share."""
    yield HEADER + _HELPERS
    for asynchronous in (False, True):
        for line in _operation(asynchronous=asynchronous):
            yield line.replace("_h.", "")


def _operation(*, asynchronous: bool) -> Iterator[str]:
    """What every operation has, by the class of its body (B), of its result (R) and of a record of it (E).

    The fields are not checked here as keywords: a method that an operation offers is stated with its own fields.
    """
    flavour, word = ("Async", "async ") if asynchronous else ("Sync", "")
    prefix = flavour.removeprefix("Sync")
    iteration = f"{prefix}Iteration"
    body = Body("B", ["**fields: _t.Any"], optional=True, checked=True)

    yield f"class {flavour}Call(Operation, _t.Generic[B]):"
    key = "idempotency_key: str | None = ..., estimate: bool = ..."
    yield from overloads("preview", body, [Way("", key, f"{prefix}Preview")])
    yield from _returning(word, files="_t.Any")
    yield f"class {flavour}Spending({flavour}Call[B], _t.Generic[B, R]):"
    yield from _returning(word, returns="R", responds="_ty.Response[R]")
    yield from _map_lines(asynchronous=asynchronous)
    yield from map(after_path, overloads("download", body, [Way("", DOWNLOAD, "_t.Any")], word=word))
    yield f"class {flavour}Operation({flavour}Spending[B, R]):"
    bodies, own = f"_t.Iterable[B | {MAPPING}]", joined(options("download_many"))
    yield f"    {word}def download_many(self, bodies: {bodies}, /, to: str | _os.PathLike[str], *, {own}) -> list[_t.Any]: ..."
    yield f"class {flavour}Read({flavour}Operation[B, R]):"
    # No status ends it.
    until = joined(options("wait", until="_t.Callable[[R], object]")).replace("object] = ...", "object]")
    yield from overloads("wait", body, [Way("", until, "R")], word=word)
    yield f"class {flavour}Pages(_t.Generic[R, E]):"
    yield from _returning("", pages=f"{iteration}[R]", records=f"{iteration}[E]")
    yield f"class {flavour}Stream({flavour}Call[B], _t.Generic[B, R]):"
    yield from _returning("", returns=f"{iteration}[R]", records=f"{iteration}[R]")
    yield from _returning(word, responds="_ty.Response[list[R]]")


def _returning(word: str, **kinds: str) -> Iterator[str]:
    yield from (f"    {word}def _{name}(self) -> {result}: ..." for name, result in kinds.items())


def _map_lines(*, asynchronous: bool) -> Iterator[str]:
    found = options("map")
    bodies = f"_t.Iterable[B | {MAPPING}]" + (f" | _t.AsyncIterable[B | {MAPPING}]" if asynchronous else "")
    iteration = "AsyncIteration" if asynchronous else "Iteration"
    del found["pairs"]
    for pairs, each in (("_t.Literal[False] = ...", "{}"), ("_t.Literal[True]", "tuple[_t.Any, {}]")):
        yield "    @_t.overload"
        yield f"    def map(self, bodies: {bodies}, /, *, pairs: {pairs}, {joined(found)}) -> {iteration}[{each.format('R | _e.GeoperaError')}]: ..."
