"""Stubs of the models, and of the dicts that may stand for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._names import enum_members, snake
from ..._repl.field_types import Field
from .types import HEADER, Classes, Given, Result, is_open, is_plain, object_fields, text_of

_DESCRIBED = 3
"""An open object with so many described fields counts as described: any other attribute is a misspelled one."""


def models_module(classes: Classes, given: Given) -> Iterator[str]:
    """The text of ``geopera.models``, line by line."""
    yield "import enum as _enum\n"
    yield "from geopera.schema import Model as _Model\n"
    result = Result(classes)
    for name, schema in classes.by_name.items():
        yield ""
        if name in classes.enums:
            yield from _enum(name, classes.enums[name])
        else:
            yield from _model(name, schema, classes, given, result)


def _model(name: str, schema: Any, classes: Classes, given: Given, result: Result) -> Iterator[str]:
    found = object_fields(schema, classes.schemas) if isinstance(schema, dict) else []
    words = _words(name, classes)
    yield f"class {name}(_Model):"
    for field in found:
        yield f"    {field.name}: {_read(field, result, is_result=name in classes.results)}"
        if said := words.get(field.wire):
            yield f'    """{text_of(said)}"""'
    held = next((f for f in found if f.wire == classes.results.get(name)), None)
    if held is not None:
        yield "    @_bi.property"
        yield f"    def records(self) -> {_read(held, result, is_result=True)}: ..."
    arguments = ["self"]
    if found:
        # In the order of the fields, which positional arguments have; what may be left out comes last.
        arguments += [
            f"{f.name}: {given.field(f)}{' | _ty.Unset = ...' if not f.required else ''}" for f in found
        ]
        others = [f for f in found if f.wire != f.name and is_plain(f.wire) and not f.required]
        taken = {f.name for f in found}
        other_names = [f"{f.wire}: {given.field(f)} | _ty.Unset = ..." for f in others if f.wire not in taken]
        arguments += ["*", *other_names] if other_names else []
    if not isinstance(schema, dict) or is_open(schema):
        arguments.append("**fields: _t.Any")
        if len(found) < _DESCRIBED:
            yield "    def __getattr__(self, name: str, /) -> _t.Any: ..."
    yield f"    def __init__({', '.join(arguments)}) -> None: ..."


def _words(name: str, classes: Classes) -> dict[str, str]:
    """The descriptions of the fields of a class, by wire name."""
    key = classes.manifest.registry.key_names().get(name)
    schema = classes.manifest.described[key] if key is not None else classes.by_name[name]
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return {
        wire: sub["description"]
        for wire, sub in (properties or {}).items()
        if isinstance(sub, dict) and isinstance(sub.get("description"), str)
    }


def _read(field: Field, result: Result, *, is_result: bool) -> str:
    """The type of an attribute: None where the field may be absent.

    A list in a result is never None here, whatever the schema says: a loop over records would need a check for a
    case that does not occur.
    """
    text = result.text(field.schema)
    if field.required or text.endswith("None") or text == "_t.Any":
        return text
    if is_result and field.schema.get("type") == "array":
        return text
    return f"{text} | None"


def _enum(name: str, values: list[str]) -> Iterator[str]:
    yield f"class {name}(str, _enum.Enum):"
    for member, value in enum_members(values).items():
        yield f"    {member} = {value!r}"
    yield "    @property"
    yield "    def value(self) -> str: ..."


def deep_modules(classes: Classes) -> dict[str, str]:
    """The modules below ``geopera.models``: file name -> text."""
    head = HEADER
    return {
        f"{snake(name)}.pyi": f"{head}from geopera.models import {name} as {name}\n"
        for name in classes.by_name
        if is_plain(snake(name))
    }


def bodies_module(classes: Classes, given: Given) -> Iterator[str]:
    """The text of ``geopera.bodies``: a TypedDict for each class that can be given as a dict."""
    written: set[str] = set()
    # Spelling one dict can ask for others.
    while waiting := sorted(given.dicts - written):
        for name in waiting:
            written.add(name)
            yield from _typed_dict(name, classes, given)


def _typed_dict(name: str, classes: Classes, given: Given) -> Iterator[str]:
    schema = classes.by_name[name]
    pairs: list[tuple[str, str, str]] = []
    found = object_fields(schema, classes.schemas)
    if not found:
        yield f"{name}Dict: _t.TypeAlias = _t.Mapping[str, object]"
        return
    taken = {field.name for field in found}
    for field in found:
        text = given.field(field) + ("" if field.required else " | _ty.Unset")
        said = text_of(field.schema.get("description", "")) if isinstance(field.schema, dict) else ""
        alone = field.wire == field.name or field.wire in taken
        kind = "Required" if field.required and alone else "NotRequired"
        pairs.append((field.name, f"_t.{kind}[{text}]", said))
        if not alone:
            pairs.append((field.wire, f"_t.NotRequired[{text}]", said))
    if all(is_plain(key) for key, _, _ in pairs):
        yield f"class {name}Dict(_t.TypedDict, total=False):"
        for key, text, said in pairs:
            yield f"    {key}: {text}"
            if said:
                yield f'    """{said}"""'  # hover shows it at a keyword of a call
    else:
        yield f"{name}Dict = _t.TypedDict({name + 'Dict'!r}, {{"
        yield from (f"    {key!r}: {text}," for key, text, _ in pairs)
        yield "}, total=False)"
