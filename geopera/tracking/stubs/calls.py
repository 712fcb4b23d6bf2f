"""Stubs of the operations: calls by dict, model and keywords, pages, waits, and low-level functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._names import pascal
from ..._repl.field_types import resolve
from ..._repl.operations import fields, takes_anything
from ...manifest import Manifest, Operation
from .types import HEADER, IMPORTS, Classes, Given, Result, body_class, is_plain

_OWN = frozenset({"self", "body", "idempotency_key", "detailed", "max_items", "progress", "timeout", "until"})
_OWN |= {"raise_on_failure", "delays"}
_CALL = "idempotency_key: str | None = ..."
_LOOP = "max_items: int | None = ..., progress: bool = ..."
_WAIT = "timeout: float | None = ..., raise_on_failure: bool = ..., delays: _t.Iterable[float] = ..., progress: bool = ..."


class Call:
    """One operation as stubs need it: its body in every spelling, and its result."""

    def __init__(self, operation: Operation, manifest: Manifest, given: Given, result: Result) -> None:
        self.operation = operation
        self.name = f"{pascal(operation.id.replace('.', '_'))}Call"
        found = fields(manifest, operation)
        self.open = takes_anything(manifest, operation)
        name = body_class(given.known, operation.input)
        self.body = given.named(name) if name is not None else ""
        self.optional = not any(field.required for field in found)
        self.keywords = [
            f"{field.name}: {given.field(field)}{'' if field.required else ' | _ty.Unset = ...'}"
            for field in found
            if is_plain(field.name) and field.name not in _OWN
        ]
        names = {field.name for field in found}
        self.keywords += [
            f"{field.wire}: {given.field(field)} | _ty.Unset = ..."
            for field in found
            if not field.required
            and field.wire not in names
            and is_plain(field.wire)
            and field.wire not in _OWN
        ]
        if self.open:
            self.keywords.append("**fields: _t.Any")
        self.result = "_ty.Content" if operation.binary else result.text(operation.output)
        self.record = self.result if operation.streaming else self._record(manifest, result)

    def _record(self, manifest: Manifest, result: Result) -> str:
        """The type of one record of a page."""
        output = resolve(self.operation.output, manifest.schemas)
        if output.get("type") == "array":
            return result.text(output.get("items"))
        paging = self.operation.paging
        held = (output.get("properties") or {}).get(paging.records) if paging and paging.records else None
        return result.text(resolve(held, manifest.schemas).get("items")) if held else "_t.Any"

    def variants(self, own: str = "") -> Iterator[tuple[str, bool]]:
        """(parameters, whether they are wrong) of every way to give a body; `own` belongs to the call."""
        tail = f", *, {own}" if own else ""
        if not self.body and self.optional:
            fields = ", ".join(self.keywords) or "**fields: _t.Any"
            front = f"*, {own}, " if own else "*, " if not fields.startswith("**") else ""
            yield f"self, body: _t.Mapping[str, object] | None = ..., /, {front}{fields}", False
            return
        none = " | None" if self.optional else ""
        if self.body:
            yield f"self, body: {self.body}{none}, /{tail}", False
        if self.body and not self.open:
            yield f"self, body: _h.OtherDict, /{tail}", True
        yield f"self, body: _t.Mapping[str, object], /{tail}", False
        pieces = ", ".join(part for part in (*([own] if own else []), *self.keywords) if part)
        yield (f"self, {'' if pieces.startswith('**') else '*, '}{pieces}" if pieces else "self"), False


def call_class(call: Call, *, asynchronous: bool) -> Iterator[str]:
    """The class of one operation's proxy."""
    operation, result = call.operation, call.result
    doc = _doc(operation)
    iteration = "_h.AsyncIteration" if asynchronous else "_h.Iteration"
    yield f"class {call.name}(_h.{'Async' if asynchronous else 'Sync'}Operation):"
    yield f'    """{doc}"""'
    if operation.streaming:
        yield from _overloads(
            "__call__", call, _CALL, f"{iteration}[{result}]", awaited=False, doc=doc, alone=True
        )
    else:
        plain = f"{_CALL}, detailed: _t.Literal[False] = ..."
        whole = f"{_CALL}, detailed: _t.Literal[True]"
        yield from _overloads("__call__", call, plain, result, awaited=asynchronous, doc=doc)
        yield from _overloads("__call__", call, whole, f"_ty.Response[{result}]", awaited=asynchronous)
    if operation.paging or operation.streaming:
        yield from _overloads("pages", call, _LOOP, f"{iteration}[{result}]", awaited=False, alone=True)
        yield from _overloads("iter", call, _LOOP, f"{iteration}[{call.record}]", awaited=False, alone=True)
    if operation.side_effect in ("read", "compute") and not operation.streaming:
        until = f"until: _t.Callable[[{result}], object]"
        until += " | None = ..." if operation.polling else ""
        yield from _overloads("wait", call, f"{until}, {_WAIT}", result, awaited=asynchronous, alone=True)


def _overloads(
    name: str, call: Call, own: str, returns: str, *, awaited: bool, doc: str = "", alone: bool = False
) -> Iterator[str]:
    """The overloads of a method, which has others of the same name unless it is `alone`.

    In a wrong variant nothing that can be used is returned: the body is a dict written in place that is
    not what the operation takes. (A dict that has a name is taken as it is: what it holds is not known.)
    """
    variants = list(call.variants(own))
    for index, (parameters, wrong) in enumerate(variants):
        if not alone or len(variants) > 1:
            yield "    @_t.overload"
        if wrong:
            back = "_h.BodyDoesNotMatch" if awaited else "_h.Wrong[_h.T]"
            yield f"    def {name}({parameters}) -> {back}: ..."
        else:
            text = f'\n        """{doc}"""' if doc and index == 0 else " ..."
            yield f"    {'async ' if awaited else ''}def {name}({parameters}) -> {returns}:{text}"


def _doc(operation: Operation) -> str:
    words = (
        f"{operation.summary or operation.id}. ({operation.id}; {operation.side_effect or 'unknown effect'}"
    )
    words += f"; {operation.scope})" if operation.scope else ")"
    return words.replace("\\", " ").replace('"', "'")


def calls_module(calls: list[Call], manifest: Manifest, *, asynchronous: bool) -> Iterator[str]:
    """The text of the module of all operations and resources, in one flavour."""
    yield HEADER.format(version=manifest.api_version)
    yield IMPORTS
    for call in calls:
        yield ""
        yield from call_class(call, asynchronous=asynchronous)
    by_id = {call.operation.id: call for call in calls}
    for path, node in _resources("", manifest.tree):
        yield ""
        yield f"class {resource_class(path)}:"
        yield from list(resource_lines(path, node, by_id)) or ["    ..."]


def _resources(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in node.items():
        if isinstance(child, dict):
            here = f"{path}.{name}" if path else name
            yield from _resources(here, child)
            yield here, child


def resource_class(path: str) -> str:
    return f"{pascal(path.replace('.', '_'))}Resource"


def resource_lines(
    path: str, node: dict[str, Any], by_id: dict[str, Call], module: str = ""
) -> Iterator[str]:
    """The attributes of a resource, or of the client."""
    for name, child in node.items():
        if not is_plain(name):
            continue
        here = f"{path}.{name}" if path else name
        kind = resource_class(here) if isinstance(child, dict) else by_id[child].name
        # Another attribute may be called as what this one is spelled with.
        yield "    @_bi.property"
        yield f"    def {name}(self) -> {module}{kind}: ..."


def lowlevel_module(call: Call, manifest: Manifest, classes: Classes) -> str:
    """The text of the operation's low-level module."""
    operation, result = call.operation, call.result
    errors = [key for key in dict.fromkeys(operation.errors.values()) if key in classes.by_key]
    parts = [result, *(f"_m.{classes.by_key[key]}" for key in errors)]
    if operation.streaming:
        parts[0] = f"list[{result}]"
    parsed = "_t.Any" if "_t.Any" in parts else " | ".join(parts)
    body = call.body or "_t.Mapping[str, object] | None"
    default = "" if operation.body_required and not call.optional else " | _ty.Unset = ..."
    arguments = (
        f"*, client: _c.Client, body: {body}{default}, "
        "idempotency_key: str | None | _ty.Unset = ..., x_api_key: str | None | _ty.Unset = ..."
    )
    parsed_or_none = parsed if parsed == "_t.Any" else f"{parsed} | None"
    response = f"_ty.Response[{parsed}]"
    return "\n".join(
        [
            HEADER.format(version=manifest.api_version),
            IMPORTS + "import geopera.client as _c\n",
            f"def sync({arguments}) -> {parsed_or_none}: ...",
            f"def sync_detailed({arguments}) -> {response}: ...",
            f"async def asyncio({arguments}) -> {parsed_or_none}: ...",
            f"async def asyncio_detailed({arguments}) -> {response}: ...",
            "",
        ]
    )


def map_lines(calls: list[Call], *, asynchronous: bool) -> Iterator[str]:
    """The overloads of ``client.map``: typed for every operation whose result is."""
    kind = "_h.AsyncIteration" if asynchronous else "_h.Iteration"
    source = "_t.Iterable[{0}] | _t.AsyncIterable[{0}]" if asynchronous else "_t.Iterable[{0}]"
    tail = (
        "/, *, concurrency: int = ..., ordered: bool = ..., errors: _t.Literal['return', 'raise'] = ..., "
        "pairs: {0} = ..., idempotency_key: Callable[[_t.Any], str] | _t.Literal['random'] | None = ..., "
        "journal: str | os.PathLike[str] | None = ..., executor: _t.Any = ..., progress: bool = ..., "
        "rate_limit: str | None = ..."
    )
    for call in calls:
        if call.result != "_t.Any" and not call.operation.streaming:
            bodies = source.format(f"{call.body + ' | ' if call.body else ''}_t.Mapping[str, object]")
            yield "    @_t.overload"
            yield (
                f"    def map(self, operation_id: _t.Literal[{call.operation.id!r}], bodies: {bodies}, {tail.format('_t.Literal[False]')})"
                f" -> {kind}[{call.result} | _e.GeoperaError]: ..."
            )
    yield "    @_t.overload"
    yield f"    def map(self, operation_id: str, bodies: {source.format('_t.Any')}, {tail.format('bool')}) -> {kind}[_t.Any]: ..."


def client_lines(manifest: Manifest, calls: list[Call], module: str) -> Iterator[str]:
    """The resources of a client."""
    by_id = {call.operation.id: call for call in calls}
    yield from list(resource_lines("", manifest.tree, by_id, f"{module}.")) or ["    ..."]


def all_calls(manifest: Manifest, given: Given, result: Result) -> list[Call]:
    """Every operation of the manifest, in order."""
    return [Call(operation, manifest, given, result) for operation in manifest.operations.values()]
