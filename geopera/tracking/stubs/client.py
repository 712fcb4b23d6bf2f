"""Stubs of the clients."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ..._names import segment_name
from ...manifest import Manifest
from .calls import Call, resource_lines
from .options import options
from .types import HEADER, is_plain

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


def _client_map(*, asynchronous: bool) -> str:
    """``client.map``; on an operation it is typed with its body and result."""
    kind = "_h.AsyncIteration" if asynchronous else "_h.Iteration"
    source = "_t.Iterable[_t.Any]" + (" | _t.AsyncIterable[_t.Any]" if asynchronous else "")
    tail = ", ".join(options("map", client=True).values())
    return f"    def map(self, operation_id: str, bodies: {source}, /, *, {tail}) -> {kind}[_t.Any]: ..."


def client_module(manifest: Manifest, calls: list[Call]) -> Iterator[str]:
    """The text of ``geopera.fluent``."""
    yield HEADER
    yield _CLIENT_HEAD
    by_id = {call.operation.id: call for call in calls}
    for name in resources(manifest):
        module = segment_name(name)
        yield f"import geopera._calls.{module} as _calls_{module}"
    for asynchronous in (False, True):
        name = "AsyncGeopera" if asynchronous else "Geopera"
        # The resources are inherited, since one may be called as a method is, or as a type of its signature.
        yield ""
        yield f"class _{name}Resources:"
        lines = resource_lines("", manifest.tree, by_id, asynchronous=asynchronous, module="_calls_")
        yield from list(lines) or ["    ..."]
        yield ""
        yield f"class {name}(_{name}Resources):"
        yield from _methods(asynchronous=asynchronous)
        yield _client_map(asynchronous=asynchronous)
        yield from _others(name)


def resources(manifest: Manifest) -> list[str]:
    """The attributes of a client that have a module of their own, which a checker reads when one is used."""
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

    found = []
    for function in (Client.__init__, AuthenticatedClient.__init__):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name in ("self", "base_url", "token") or parameter.kind is parameter.VAR_KEYWORD:
                continue
            found.append(f"{parameter.name}: {_annotation(parameter.annotation)} = ...")
    return ["*", *found]


def _annotation(text: Any) -> str:
    """An annotation as it is written, or Any where it has a name that the stub does not import."""
    if not isinstance(text, str):
        return "Any"
    names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    return text if names <= _NAMES | {"str", "int", "float", "bool", "dict", "list", "tuple"} else "Any"


def _others(name: str) -> Iterator[str]:
    """Public methods of the installed client that have no stub above."""
    # Imported by name: this package describes the client and does not depend on it.
    fluent = import_module("geopera.fluent")
    stated = {"client", "manifest", "with_options", "invoke", "refresh_manifest", "close", "aclose", "map"}
    cls = getattr(fluent, name)
    for other in sorted(set(object.__dir__(cls)) | {n for base in cls.__mro__ for n in vars(base)}):
        if other.startswith("_") or other in stated:
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
