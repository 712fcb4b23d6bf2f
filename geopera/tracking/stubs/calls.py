"""Stubs of the operations: calls by dict, model and keywords, pages, waits, and low-level functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..._names import pascal, segment_name
from ..._repl.field_types import resolve
from ..._repl.operations import fields, operation_ids, takes_anything
from ...manifest import Manifest, Operation, bundled_bytes
from .options import options
from .types import HEADER, IMPORTS, Classes, Given, Result, body_class, is_plain, text_of

_OWN = frozenset({"self", "body", "detailed", "path"}).union(
    *(options(name) for name in ("__call__", "iter", "pages", "wait", "download"))
)
_CALL = "idempotency_key: str | None = ..."


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
        # What the manifest says nothing about is JSON of some kind, and nearly always an object.
        self.result = "_ty.Content" if operation.binary else _known(result.text(operation.output))
        self.record = self.result if operation.streaming else self._record(manifest, result)

    def _record(self, manifest: Manifest, result: Result) -> str:
        """The type of one record of a page."""
        output = resolve(self.operation.output, manifest.schemas)
        if output.get("type") == "array":
            return _known(result.text(output.get("items")))
        paging = self.operation.paging
        held = (output.get("properties") or {}).get(paging.records) if paging and paging.records else None
        return _known(result.text(resolve(held, manifest.schemas).get("items")) if held else "_t.Any")

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


def _known(text: str) -> str:
    return "_ty.JSONObject" if text == "_t.Any" else text


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
        for name, each in (("pages", result), ("iter", call.record)):
            own = ", ".join(options(name).values())
            yield from _overloads(name, call, own, f"{iteration}[{each}]", awaited=False, alone=True)
    if operation.side_effect in ("read", "compute") and not operation.streaming:
        own = ", ".join(
            options(
                "wait",
                until=f"_t.Callable[[{result}], object]{' | None' if operation.polling else ''}",
                needed=() if operation.polling else ("until",),
            ).values()
        )
        yield from _overloads("wait", call, own, result, awaited=asynchronous, alone=True)
    if not operation.streaming:
        own = ", ".join(("path: _h.Target = ...", *options("download").values()))
        for line in _overloads("download", call, own, "_t.Any", awaited=asynchronous, alone=True):
            # The path may follow the body by position.
            yield line.replace("/, *, path: _h.Target = ...", "/, path: _h.Target = ..., *")
        if operation.id in _uploading():
            own = ", ".join(options("upload").values())
            for line in _overloads("upload", call, own, "_t.Any", awaited=asynchronous, alone=True):
                yield line.replace("(self, body:", "(self, file: _t.Any, body:").replace(
                    "(self, *,", "(self, file: _t.Any, /, *,"
                )
        if found := options("map"):
            yield from _map(call, found, iteration, asynchronous=asynchronous)


def _map(call: Call, found: dict[str, str], iteration: str, *, asynchronous: bool) -> Iterator[str]:
    body = f"{call.body + ' | ' if call.body else ''}_t.Mapping[str, object]"
    bodies = f"_t.Iterable[{body}]" + (f" | _t.AsyncIterable[{body}]" if asynchronous else "")
    back = f"{call.result} | _e.GeoperaError"
    pairs = found.pop("pairs", None)
    others = ", ".join(found.values())
    if pairs is not None:
        yield "    @_t.overload"
        yield f"    def map(self, bodies: {bodies}, /, *, pairs: _t.Literal[True], {others}) -> {iteration}[tuple[_t.Any, {back}]]: ..."
        yield "    @_t.overload"
    yield f"    def map(self, bodies: {bodies}, /, *, {others}) -> {iteration}[{back}]: ..."


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


@cache
def _uploading() -> frozenset[str]:
    """The operations that `upload` belongs to."""
    return frozenset(json.loads(bundled_bytes("overlay.json"))["uploads"])


def _doc(operation: Operation) -> str:
    words = (
        f"{operation.summary or operation.id}. ({operation.id}; {operation.side_effect or 'unknown effect'}"
    )
    return text_of(words + (f"; {operation.scope})" if operation.scope else ")"))


def calls_module(name: str, node: Any, by_id: dict[str, Call], *, asynchronous: bool) -> Iterator[str]:
    """The text of the module of one resource of the client, or of one operation, in one flavour."""
    yield HEADER
    yield IMPORTS + "import geopera.errors as _e\n"
    for id in operation_ids(node):
        if id in by_id:
            yield ""
            yield from call_class(by_id[id], asynchronous=asynchronous)
    if isinstance(node, dict):
        for path, inner in _resources(name, node):
            yield ""
            yield f"class {resource_class(path)}:"
            yield from list(resource_lines(path, inner, by_id)) or ["    ..."]
        yield ""
        yield f"class {resource_class(name)}:"
        yield from list(resource_lines(name, node, by_id)) or ["    ..."]


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
    """The attributes of a resource, or of the client; `module` is the package of the resources' modules."""
    for segment, child in node.items():
        name = segment_name(segment)
        if not is_plain(name) or not (isinstance(child, dict) or child in by_id):
            continue
        here = f"{path}.{segment}" if path else segment
        call = None if isinstance(child, dict) else by_id[child]
        kind = resource_class(here) if call is None else call.name
        # Another attribute may be called as what this one is spelled with.
        yield "    @_bi.property"
        if call is not None and getattr(call.operation, "deprecated", False):
            yield f'    @_te.deprecated("{text_of(child)} is deprecated")'
        yield f"    def {name}(self) -> {f'{module}_{name}.' if module else ''}{kind}:" + (
            " ..." if call is None else f'\n        """{_doc(call.operation)}"""'
        )


def lowlevel_module(call: Call, classes: Classes) -> str:
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
        f"*, client: _c.Client, body: {body}{default}, idempotency_key: _h.Key = ..., x_api_key: _h.Key = ..."
    )
    response = f"_ty.Response[{parsed}]"
    lines = [
        f"def sync({arguments}) -> {parsed if parsed == '_t.Any' else f'{parsed} | None'}: ...",
        f"def sync_detailed({arguments}) -> {response}: ...",
        f"async def asyncio({arguments}) -> {parsed if parsed == '_t.Any' else f'{parsed} | None'}: ...",
        f"async def asyncio_detailed({arguments}) -> {response}: ...",
    ]
    text = "\n".join(lines)
    # There is one of these files for each operation, and each pays for its head.
    imports = [
        line
        for line in f"{IMPORTS}import geopera.client as _c".splitlines()
        if f"{line.rpartition(' ')[2]}." in text
    ]
    return "\n".join(["# mypy: ignore-errors", *imports, *lines, ""])


def map_line(*, asynchronous: bool) -> str:
    """``client.map``; on an operation it is typed with its body and result."""
    kind = "_h.AsyncIteration" if asynchronous else "_h.Iteration"
    source = "_t.Iterable[_t.Any]" + (" | _t.AsyncIterable[_t.Any]" if asynchronous else "")
    tail = ", ".join(options("map", client=True).values())
    return f"    def map(self, operation_id: str, bodies: {source}, /, *, {tail}) -> {kind}[_t.Any]: ..."


def all_calls(manifest: Manifest, given: Given, result: Result) -> list[Call]:
    """Every operation of the manifest, in order."""
    return [
        Call(operation, manifest, given, result)
        for operation in manifest.operations.values()
        if all(map(is_plain, (*map(segment_name, operation.id.split(".")), operation.module_name)))
    ]
