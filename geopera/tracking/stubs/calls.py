"""Stubs of the operations of a client: calls by dict, model and keywords, pages, waits, downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..._names import pascal, segment_name
from ..._repl.field_types import Field, resolve
from ..._repl.operations import fields, operation_ids, takes_anything
from ...manifest import Manifest, Operation, bundled_bytes
from .options import options
from .types import HEADER, IMPORTS, Given, Result, body_class, is_plain, text_of

_OWN = frozenset({"self", "body", "detailed", "path"}).union(
    *(options(name) for name in ("__call__", "iter", "pages", "wait", "download"))
)
_CALL = "idempotency_key: str | None = ..."


class Call:
    """One operation as stubs need it: its body in every form, and its result."""

    def __init__(self, operation: Operation, manifest: Manifest, given: Given, result: Result) -> None:
        self.operation = operation
        self.name = f"{pascal(operation.id.replace('.', '_'))}Call"
        self.fields = fields(manifest, operation)
        self.open = takes_anything(manifest, operation)
        name = body_class(given.known, operation.input)
        self.body = given.named(name) if name is not None else ""
        self.optional = not any(field.required for field in self.fields)
        self.keywords = self._keywords(given)
        if name is not None and self._is_unpacked():
            self.keywords = [f"**fields: _te.Unpack[_b.{name}Dict]"]
        # What the manifest says nothing about is JSON of some kind, and nearly always an object.
        self.result = "_ty.Content" if operation.binary else _known(result.text(operation.output))
        self.record = self.result if operation.streaming else self._record(manifest, result)

    def _keywords(self, given: Given) -> list[str]:
        """A parameter for each field, under its Python name and, if it may be left out, its wire name."""
        found = [
            f"{field.name}: {given.field(field)}{'' if field.required else ' | _ty.Unset = ...'}"
            for field in self.fields
            if is_plain(field.name) and field.name not in _OWN
        ]
        names = {field.name for field in self.fields}
        found += [
            f"{field.wire}: {given.field(field)} | _ty.Unset = ..."
            for field in self.fields
            if not field.required
            and field.wire not in names
            and is_plain(field.wire)
            and field.wire not in _OWN
        ]
        return [*found, "**fields: _t.Any"] if self.open else found

    def _is_unpacked(self) -> bool:
        """Whether the keywords are those of the body's TypedDict: shorter, and hover shows its descriptions."""
        return bool(self.fields) and not self.open and all(map(_is_simple, self.fields))

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


def _is_simple(field: Field) -> bool:
    """Whether a TypedDict says all about a field: a required one with two names has neither key required."""
    two_names = field.required and field.wire != field.name
    return is_plain(field.name) and not two_names and not {field.name, field.wire} & _OWN


def _known(text: str) -> str:
    return "_ty.JSONObject" if text == "_t.Any" else text


def call_class(call: Call, *, asynchronous: bool) -> Iterator[str]:
    """The class of one operation's proxy."""
    operation, result = call.operation, call.result
    doc = f'"""{summary(operation)}"""'
    prefix = "Async" if asynchronous else ""
    iteration = f"_h.{prefix}Iteration"
    if operation.streaming:
        yield f"class {prefix}{call.name}(_h.Operation):"
        yield from _overloads("__call__", call, _CALL, f"{iteration}[{result}]", awaited=False, doc=doc)
    else:
        body = call.body or "_t.Mapping[str, object]"
        yield f"class {prefix}{call.name}(_h.{prefix or 'Sync'}Operation[{body}, {result}]):"
        yield from _call_overloads(call, awaited=asynchronous, doc=doc)
    if operation.paging or operation.streaming:
        for name, each in (("pages", result), ("iter", call.record)):
            own = ", ".join(options(name).values())
            yield from _overloads(name, call, own, f"{iteration}[{each}]", awaited=False)
    if operation.side_effect in ("read", "compute") and not operation.streaming:
        own = ", ".join(
            options(
                "wait",
                until=f"_t.Callable[[{result}], object]{' | None' if operation.polling else ''}",
                needed=() if operation.polling else ("until",),
            ).values()
        )
        yield from _overloads("wait", call, own, result, awaited=asynchronous)
    if not operation.streaming:
        own = ", ".join(("path: _h.Target = ...", *options("download").values()))
        for line in _overloads("download", call, own, "_t.Any", awaited=asynchronous):
            # The path may follow the body by position.
            yield line.replace("/, *, path: _h.Target = ...", "/, path: _h.Target = ..., *")
        if operation.id in _uploading():
            own = ", ".join(options("upload").values())
            for line in _overloads("upload", call, own, "_t.Any", awaited=asynchronous):
                yield line.replace("(self, body:", "(self, file: _t.Any, body:").replace(
                    "(self, *,", "(self, file: _t.Any, /, *,"
                )


def _call_overloads(call: Call, *, awaited: bool, doc: str) -> Iterator[str]:
    """The call itself: every body with the result, and with the whole response."""
    plain = f"{_CALL}, detailed: _t.Literal[False] = ..."
    whole = f"{_CALL}, detailed: _t.Literal[True]"
    both = f"{_CALL}, detailed: bool = ..."
    variants = (call.variants(own) for own in (plain, whole, both))
    for index, ((with_plain, wrong), (with_whole, _), (with_both, _)) in enumerate(
        zip(*variants, strict=True)
    ):
        if wrong:
            yield "    @_t.overload"
            yield _wrong("__call__", with_both, awaited=awaited)
            continue
        for parameters, returns, text in (
            (with_plain, call.result, "..." if index else doc),
            (with_whole, f"_ty.Response[{call.result}]", "..."),
        ):
            yield "    @_t.overload"
            yield f"    {'async ' if awaited else ''}def __call__({parameters}) -> {returns}: {text}"


def _overloads(
    name: str, call: Call, own: str, returns: str, *, awaited: bool, doc: str = "..."
) -> Iterator[str]:
    """The overloads of any other method."""
    variants = list(call.variants(own))
    for index, (parameters, wrong) in enumerate(variants):
        if len(variants) > 1:
            yield "    @_t.overload"
        if wrong:
            yield _wrong(name, parameters, awaited=awaited)
        else:
            text = "..." if index else doc
            yield f"    {'async ' if awaited else ''}def {name}({parameters}) -> {returns}: {text}"


@cache
def _uploading() -> frozenset[str]:
    """The operations that `upload` belongs to."""
    return frozenset(json.loads(bundled_bytes("overlay.json"))["uploads"])


def _wrong(name: str, parameters: str, *, awaited: bool) -> str:
    """The variant for a dict written in place that is not what the operation takes.

    It returns nothing that can be used. A dict that has a name is accepted: its fields are not known.
    """
    return f"    def {name}({parameters}) -> {'_h.BodyDoesNotMatch' if awaited else '_h.Wrong[_h.T]'}: ..."


def summary(operation: Operation) -> str:
    """What an operation does, on one line."""
    words = (
        f"{operation.summary or operation.id}. ({operation.id}; {operation.side_effect or 'unknown effect'}"
    )
    return text_of(words + (f"; {operation.scope})" if operation.scope else ")"))


def _doc(call: Call) -> Iterator[str]:
    """The docstring of an operation where it is an attribute: its summary and its fields."""
    described = [(field, text_of(_description(field))) for field in call.fields]
    yield f'        """{summary(call.operation)}'
    if any(said for _, said in described):
        yield "\n        Args:"
        yield from (f"            {text_of(field.name)}: {said}" for field, said in described)
    elif described:
        names = ", ".join(f"{field.name}{' (required)' if field.required else ''}" for field, _ in described)
        yield f"\n        Fields: {text_of(names)}"
    yield '        """'


def _description(field: Field) -> str:
    return str(field.schema.get("description") or "") if isinstance(field.schema, dict) else ""


def calls_module(name: str, node: Any, by_id: dict[str, Call]) -> Iterator[str]:
    """The text of the module of one resource of the client, or of one operation.

    The two flavours of a class stand side by side, where they compress to one: a wheel packs each file alone.
    """
    yield HEADER
    yield IMPORTS
    for id in operation_ids(node):
        if id in by_id:
            for asynchronous in (False, True):
                yield ""
                yield from call_class(by_id[id], asynchronous=asynchronous)
    if isinstance(node, dict):
        for path, inner in (*_resources(name, node), (name, node)):
            for asynchronous in (False, True):
                yield ""
                yield f"class {resource_class(path, asynchronous=asynchronous)}:"
                yield from list(resource_lines(path, inner, by_id, asynchronous=asynchronous)) or ["    ..."]


def _resources(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in node.items():
        if isinstance(child, dict):
            here = f"{path}.{name}" if path else name
            yield from _resources(here, child)
            yield here, child


def resource_class(path: str, *, asynchronous: bool) -> str:
    return f"{'Async' if asynchronous else ''}{pascal(path.replace('.', '_'))}Resource"


def resource_lines(
    path: str, node: dict[str, Any], by_id: dict[str, Call], *, asynchronous: bool, module: str = ""
) -> Iterator[str]:
    """The attributes of a resource, or of the client; `module` is the prefix of the resources' modules."""
    for segment, child in node.items():
        name = segment_name(segment)
        if not is_plain(name) or not (isinstance(child, dict) or child in by_id):
            continue
        here = f"{path}.{segment}" if path else segment
        call = None if isinstance(child, dict) else by_id[child]
        # Another attribute may have the name `property`.
        yield "    @_bi.property"
        if call is None:
            kind = resource_class(here, asynchronous=asynchronous)
        else:
            kind = f"{'Async' if asynchronous else ''}{call.name}"
            yield from deprecation(call.operation)
        yield f"    def {name}(self) -> {f'{module}{name}.' if module else ''}{kind}:" + (
            " ..." if call is None else ""
        )
        if call is not None:
            yield from _doc(call)


def deprecation(operation: Operation, indent: str = "    ") -> Iterator[str]:
    """The line that marks what calls a deprecated operation."""
    if operation.deprecated:
        yield f'{indent}@_te.deprecated("{text_of(operation.id)} is deprecated")'


def all_calls(manifest: Manifest, given: Given, result: Result) -> list[Call]:
    """Every operation of the manifest, in order."""
    return [
        Call(operation, manifest, given, result)
        for operation in manifest.operations.values()
        if all(map(is_plain, (*map(segment_name, operation.id.split(".")), operation.module_name)))
    ]
