"""Stubs of the clients, and of what the generated modules share."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ..._names import segment_name
from ...manifest import Manifest
from .calls import Call, map_line, resource_lines
from .types import HEADER, is_plain

HELPERS = '''\
import datetime as _dt
import decimal as _decimal
import enum as _enum
import os as _os
import types as _types
import typing as _t
import uuid as _uuid

import geopera.geo.methods as _tables
import geopera.manifest as _manifest
import geopera.types as _ty
import typing_extensions as _te

T = _t.TypeVar("T")
_T_co = _t.TypeVar("_T_co", covariant=True)

Text: _t.TypeAlias = str | _dt.date | _uuid.UUID | _enum.Enum
Integer: _t.TypeAlias = _t.SupportsIndex
Number: _t.TypeAlias = _t.SupportsFloat | _t.SupportsIndex

class HasGeo(_t.Protocol):
    """What has ``__geo_interface__``: shapely, geopandas, a feature of this library."""
    @property
    def __geo_interface__(self) -> _t.Any: ...

class Array(_t.Protocol[_T_co]):
    """A list, a tuple, a set: whatever can be walked more than once and is no text."""
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

class Operation:
    __name__: str
    @property
    def operation(self) -> _manifest.Operation: ...

SyncOperation = Operation
AsyncOperation = Operation
Key: _t.TypeAlias = "str | None | _ty.Unset"
Target: _t.TypeAlias = "str | _os.PathLike[str] | None"

class Iteration(_tables.Tables, _t.Generic[T]):
    """Lazy: nothing is fetched before it is asked for. Closed at its end, by `close` or by a with block."""
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
    """Lazy: nothing is fetched before it is asked for. Closed at its end, by `aclose` or by a with block."""
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
'''

_CLIENT_HEAD = """\
import builtins as _bi
import os
import os as _os
import ssl
import typing as _t
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import typing_extensions as _te

import geopera._stub_helpers as _h
import geopera.types as _ty
from geopera._call.limits import RateLimiter
from geopera._call.retry import RetryPolicy
from geopera.client import Client as Client
from geopera.manifest import Manifest
from geopera.tracking.refresh import Refresh
"""
_NAMES = frozenset(
    "os ssl httpx Any Callable Mapping RateLimiter RetryPolicy Client Manifest PathLike None".split()  # noqa: SIM905
)


def helpers_module() -> str:
    return HEADER + HELPERS


def client_module(manifest: Manifest, calls: list[Call]) -> Iterator[str]:
    """The text of ``geopera.fluent``."""
    yield HEADER
    yield _CLIENT_HEAD
    by_id = {call.operation.id: call for call in calls}
    for name in resources(manifest):
        for flavour in ("sync", "async"):
            module = segment_name(name)
            yield f"import geopera._{flavour}_calls.{module} as _{flavour}_{module}"
    for asynchronous in (False, True):
        name = "AsyncGeopera" if asynchronous else "Geopera"
        # The resources are inherited, since one may be called as a method is, or as a type of its signature.
        yield ""
        yield f"class _{name}Resources:"
        module = "_async" if asynchronous else "_sync"
        yield from list(resource_lines("", manifest.tree, by_id, module)) or ["    ..."]
        yield ""
        yield f"class {name}(_{name}Resources):"
        yield from _methods(asynchronous=asynchronous)
        yield map_line(asynchronous=asynchronous)
        yield from _others(name)


def resources(manifest: Manifest) -> list[str]:
    """The attributes of a client that have a module of their own: read only by who uses one."""
    return [name for name in manifest.tree if is_plain(segment_name(name))]


def _methods(*, asynchronous: bool) -> Iterator[str]:
    word = "async " if asynchronous else ""
    letter = "a" if asynchronous else ""
    yield f"    def __init__(self, token: str | None = ..., base_url: str | None = ..., {', '.join(_options())}) -> None: ..."
    yield "    @property"
    yield "    def client(self) -> Client: ..."
    yield "    @property"
    yield "    def manifest(self) -> Manifest: ..."
    yield (
        "    def with_options(self, *, timeout: httpx.Timeout | float | None = ..., "
        "headers: Mapping[str, str] | None = ..., max_retries: int | None = ..., retry: RetryPolicy | None = ..., "
        "extra_fields: _t.Literal['allow', 'forbid'] = ..., strict_responses: bool = ...) -> _te.Self: ..."
    )
    for detailed, back in (("_t.Literal[False] = ...", "Any"), ("_t.Literal[True]", "_ty.Response[Any]")):
        yield "    @_t.overload"
        yield (
            f"    {word}def invoke(self, operation_id: str, body: Any = ..., /, *, idempotency_key: str | None = ..., "
            f"detailed: {detailed}, **fields: Any) -> {back}: ..."
        )
    yield f"    {word}def refresh_manifest(self, *, dry_run: bool = ...) -> Refresh: ..."
    yield f"    {word}def {letter}close(self) -> None: ..."
    yield f"    {word}def __{letter}enter__(self) -> _te.Self: ..."
    yield f"    {word}def __{letter}exit__(self, *exc: object) -> None: ..."


def _options() -> list[str]:
    """The options of `AuthenticatedClient` as the installed package has them."""
    from ...client import AuthenticatedClient, Client

    options = []
    for function in (Client.__init__, AuthenticatedClient.__init__):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name in ("self", "base_url", "token") or parameter.kind is parameter.VAR_KEYWORD:
                continue
            options.append(f"{parameter.name}: {_annotation(parameter.annotation)} = ...")
    return ["*", *options]


def _annotation(text: Any) -> str:
    """An annotation as it is written, or Any where it has a name that the stub does not import."""
    if not isinstance(text, str):
        return "Any"
    names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    return text if names <= _NAMES | {"str", "int", "float", "bool", "dict", "list", "tuple"} else "Any"


def _others(name: str) -> Iterator[str]:
    """Public methods of the installed client that are not spelled out above."""
    # The package is looked at from outside, as its user sees it; nothing here depends on it.
    fluent = import_module("geopera.fluent")
    spelled = {"client", "manifest", "with_options", "invoke", "refresh_manifest", "close", "aclose", "map"}
    cls = getattr(fluent, name)
    for other in sorted(set(object.__dir__(cls)) | {n for base in cls.__mro__ for n in vars(base)}):
        if other.startswith("_") or other in spelled:
            continue
        found = inspect.getattr_static(cls, other)
        if isinstance(found, property):
            yield "    @property"
            yield f"    def {other}(self) -> Any: ..."
        elif inspect.isfunction(found):
            word = "async " if inspect.iscoroutinefunction(found) else ""
            yield f"    {word}def {other}(self, *args: Any, **options: Any) -> Any: ..."


def package_module() -> str:
    """The text of ``geopera`` itself: the public names, and where they are from."""
    homes: dict[str, str] = import_module("geopera")._HOMES
    lines = [HEADER]
    lines += [f"from geopera.{home} import {name} as {name}" for name, home in sorted(homes.items())]
    lines += ["", "__version__: str", ""]
    return "\n".join(lines)
