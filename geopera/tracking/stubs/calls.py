"""Stubs of the operations of a client: calls by dict, model and keywords, pages, waits, downloads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._names import pascal, segment_name
from ..._repl.field_types import Field, resolve
from ..._repl.operations import fields, takes_anything
from ...manifest import Manifest, Operation
from .options import options, unable
from .overloads import MAPPING, Body, Way, overloads
from .types import Given, Result, body_class, is_plain, text_of

_OWN = frozenset({"self", "body", "detailed", "path"}).union(
    *(options(name) for name in ("__call__", "iter", "pages", "wait", "download"))
)
_KEY = "idempotency_key: str | None = ..."


class Call:
    """One operation as stubs need it: its body in every form, and its result."""

    def __init__(self, operation: Operation, manifest: Manifest, given: Given, result: Result) -> None:
        self.operation = operation
        self.name = f"{pascal(operation.id.replace('.', '_'))}Call"
        self.fields = fields(manifest, operation)
        open = takes_anything(manifest, operation)
        name = body_class(given.known, operation.input)
        self.body = given.named(name) if name is not None else ""
        self.optional = not any(field.required for field in self.fields)
        self.own_fields = list[str]()
        """A TypedDict of the keywords, where they are not those of the body's own TypedDict."""
        if open or not self.fields:
            keywords = [*self._keywords(given), *(["**fields: _t.Any"] if open else [])]
        elif name is not None and all(map(_is_simple, self.fields)):
            # Hover shows its descriptions.
            keywords = [f"**fields: _te.Unpack[_b.{name}Dict]"]
        else:
            keywords = [f"**fields: _te.Unpack[{self.name}Fields]"]
            self.own_fields = [f"class {self.name}Fields(_t.TypedDict, total=False):", *self._members(given)]
        self.forms = Body(self.body, keywords, optional=self.optional, checked=not open)
        # What the manifest says nothing about is JSON of some kind, and nearly always an object.
        self.result = "_ty.Content" if operation.binary else _known(result.text(operation.output))
        self.record = self.result if operation.streaming else self._record(manifest, result)

    def _names(self) -> Iterator[tuple[str, Field]]:
        """The keywords: each field's Python name and, if it may be left out, its wire name."""
        names = {field.name for field in self.fields}
        for field in self.fields:
            if is_plain(field.name) and field.name not in _OWN:
                yield field.name, field
            if not field.required and field.wire not in names | _OWN and is_plain(field.wire):
                yield field.wire, field

    def _keywords(self, given: Given) -> list[str]:
        return [
            f"{name}: {given.field(field)}{'' if field.required else ' | _ty.Unset = ...'}"
            for name, field in self._names()
        ]

    def _members(self, given: Given) -> Iterator[str]:
        for name, field in self._names():
            text = given.field(field)
            yield f"    {name}: " + (f"_t.Required[{text}]" if field.required else f"{text} | _ty.Unset")
            if said := text_of(_description(field)):
                yield f'    """{said}"""'

    def _record(self, manifest: Manifest, result: Result) -> str:
        """The type of one record of a page."""
        output = resolve(self.operation.output, manifest.schemas)
        if output.get("type") == "array":
            return _known(result.text(output.get("items")))
        paging = self.operation.paging
        held = (output.get("properties") or {}).get(paging.records) if paging and paging.records else None
        return _known(result.text(resolve(held, manifest.schemas).get("items")) if held else "_t.Any")

    def bases(self, flavour: str) -> Iterator[str]:
        """What a class of this operation inherits for one flavour, by the types of its body and its results."""
        operation = self.operation
        given = self.body if self.body and self.forms.checked else MAPPING
        if operation.streaming:
            kind = "Stream"
        elif operation.side_effect in ("read", "compute"):
            kind = "Read"
        else:
            kind = "Spending" if operation.spends else "Operation"
        yield f"_h.{flavour}{kind}[{given}, {self.result}]"
        if "pages" not in unable(operation):
            yield f"_h.{flavour}Pages[{self.result}, {self.record}]"


def _is_simple(field: Field) -> bool:
    """Whether a TypedDict says all about a field: a required one with two names has neither key required."""
    two_names = field.required and field.wire != field.name
    return is_plain(field.name) and not two_names and not {field.name, field.wire} & _OWN


def _known(text: str) -> str:
    return "_ty.JSONObject" if text == "_t.Any" else text


def call_classes(call: Call) -> Iterator[str]:
    """The classes of one operation's proxy: one with its methods, and for each flavour one with their results."""
    shared = f"_{call.name.removesuffix('Call')}"
    yield from call.own_fields
    yield f"class {shared}:"
    yield from _methods(call)
    for flavour in ("Sync", "Async"):
        prefix = flavour.removeprefix("Sync")
        yield f"class {prefix}{call.name}({', '.join((shared, *call.bases(flavour)))}): ..."


def _methods(call: Call) -> Iterator[str]:
    """The methods that have the fields of the operation: those that it offers, as its `dir()` at run time."""
    body, missing = call.forms, unable(call.operation)
    ways = [
        Way("_h.Returns", f"{_KEY}, detailed: _t.Literal[False] = ..."),
        Way("_h.Responds", f"{_KEY}, detailed: _t.Literal[True]"),
    ]
    yield from overloads("__call__", body, ways, doc=f'"""{summary(call.operation)}"""')
    for name, kind in (("pages", "_h.Pages"), ("iter", "_h.Records")):
        if name not in missing:
            yield from overloads(name, body, [Way(kind, joined(options(name)))])
    if "wait" not in missing:
        own = options("wait", until=f"_t.Callable[[{call.result}], object] | None")
        yield from overloads("wait", body, [Way("_h.Returns", joined(own))])
    if "download" not in missing:
        yield from map(after_path, overloads("download", body, [Way("_h.Files", DOWNLOAD)]))
    if "upload" not in missing:
        for line in overloads("upload", body, [Way("_h.Returns", joined(options("upload")))]):
            yield line.replace(", body:", ", file: _t.Any, body:").replace("], *,", "], file: _t.Any, /, *,")


def joined(options: dict[str, str]) -> str:
    return ", ".join(options.values())


DOWNLOAD = ", ".join(("path: _h.Target = ...", *options("download").values()))


def after_path(line: str) -> str:
    """A line of `download`: the path may follow the body by position."""
    return line.replace("/, *, path: _h.Target = ...", "/, path: _h.Target = ..., *")


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

    What has the same words stands close together, since a compressed file refers back by 32 KiB at most.
    """
    for path, inner in _resources(name, node):
        for id in inner.values() if isinstance(inner, dict) else [inner]:
            if isinstance(id, str) and id in by_id:
                yield ""
                yield from call_classes(by_id[id])
        if isinstance(inner, dict):
            for asynchronous in (False, True):
                yield ""
                # Inherited are the docstrings.
                docs = f"({resource_class(path, asynchronous=False)})" if asynchronous else ""
                yield f"class {resource_class(path, asynchronous=asynchronous)}{docs}:"
                yield from list(resource_lines(path, inner, by_id, asynchronous=asynchronous)) or ["    ..."]


def _resources(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """(path, node) of all resources up to `path`, the innermost first."""
    if isinstance(node, dict):
        for name, child in node.items():
            if isinstance(child, dict):
                yield from _resources(f"{path}.{name}", child)
    yield path, node


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
        documented = call is not None and (not asynchronous or bool(module))
        yield f"    def {name}(self) -> {f'{module}{name}.' if module else ''}{kind}:{'' if documented else ' ...'}"
        if call is not None and documented:
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
