"""The Python types of schemas: what callers may pass, and what they get."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any
from unicodedata import normalize

from ..._repl.field_types import PREFIX, Annotator, Field, fields, is_object, resolve
from ..._values.fields import GEOMETRIES
from ...manifest import Manifest

MARK = "# Written by `python -m geopera stubs`; do not edit.\n"
HEADER = MARK + "# mypy: ignore-errors\n"

_RESULT = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "array": "list",
    "object": "_ty.JSONObject",
    "map": "dict",
    "any": "_t.Any",
    "date-time": "_dt.datetime",
    "literal": "_t.Literal",
}
_GIVEN = {
    "string": "_h.Text",
    "integer": "_h.Integer",
    "number": "_h.Number",
    "boolean": "bool",
    "null": "None",
    "array": "_h.Array",
    "object": "_h.Object",
    "map": "_t.Mapping",
    "any": "_t.Any",
    "date-time": "_h.Text",
    "literal": "_t.Literal",
}

_IMPORTS = """\
import builtins as _bi
import datetime as _dt
import os as _os
import typing as _t

import typing_extensions as _te

import geopera._stub_helpers as _h
import geopera.bodies as _b
import geopera.client as _c
import geopera.models as _m
import geopera.types as _ty
"""


def module(lines: Iterable[str]) -> str:
    """The text of a generated module: its head imports what its lines refer to, since each of many files pays for it."""
    text = "\n".join(lines)
    used = [line for line in _IMPORTS.splitlines() if re.search(rf"\b{line.rpartition(' ')[2]}\.", text)]
    return "\n".join([HEADER, *used, "", text, ""])


class Classes:
    """The classes of a manifest: which name each place has, and what kind of class it is."""

    def __init__(self, manifest: Manifest) -> None:
        registry = manifest.registry
        self.manifest = manifest
        self.schemas: Mapping[str, Any] = registry.definitions
        self.by_name: dict[str, Any] = {}
        self.enums: dict[str, list[str]] = {}
        self.at: dict[int, str] = {}
        self.by_key: dict[str, str] = {}
        for name in registry.names():
            loc = registry.place(name)
            if not is_plain(name):
                continue  # not a Python name; references to it are written without it
            schema = loc.schema if loc is not None else {}
            self.by_name[name] = schema
            if loc is not None and registry.is_inline_enum(loc):
                self.enums[name] = list(schema["enum"])
            if name in self.enums or (isinstance(schema, dict) and schema.get("properties")):
                self.at[id(schema)] = name
        self.by_key = {key: name for name, key in registry.key_names().items() if is_plain(name)}
        self.results: dict[str, str | None] = {}
        """The classes that are an operation's whole result, with the member that holds the records of a page."""
        for operation in manifest.operations.values():
            result = body_class(self, operation.output)
            if result is not None:
                held = operation.paging.records if operation.paging else None
                self.results[result] = self.results.get(result) or held

    def is_class(self, key: str) -> bool:
        """Whether a class of its own stands for the schema `key`."""
        return key in self.by_key and (is_object(self.schemas[key]) or self.by_key[key] in self.enums)


class Result(Annotator):
    """The types of what comes back."""

    def __init__(self, classes: Classes) -> None:
        super().__init__(classes.schemas, _RESULT)
        self.known = classes

    def special(self, schema: dict[str, Any]) -> str | None:
        name = self.known.at.get(id(schema))
        return f"_m.{name}" if name else None

    def reference(self, key: str) -> str:
        if self.known.is_class(key):
            return f"_m.{self.known.by_key[key]}"
        return self.text(self.schemas[key], 1)


class Given(Annotator):
    """The types of what a caller may give."""

    def __init__(self, classes: Classes) -> None:
        super().__init__(classes.schemas, _GIVEN)
        self.known = classes
        self.dicts: set[str] = set()
        """The classes that a TypedDict is wanted for; grows while types are written."""

    def special(self, schema: dict[str, Any]) -> str | None:
        name = self.known.at.get(id(schema))
        return self.named(name) if name else None

    def reference(self, key: str) -> str:
        if self.known.is_class(key):
            return self.named(self.known.by_key[key])
        return self.text(self.schemas[key], 1)

    def named(self, name: str) -> str:
        """A value of a class: the model, or a dict; of an enum: a member, or its value."""
        if name in self.known.enums:
            return f"_m.{name} | _t.Literal[{', '.join(map(repr, self.known.enums[name]))}]"
        self.dicts.add(name)
        return f"_m.{name} | _b.{name}Dict"

    def field(self, field: Field) -> str:
        """The type of a field, with what its name alone allows."""
        text = self.text(field.schema)
        if field.wire in GEOMETRIES:
            return f"{text} | _h.Place"
        return f"{text} | _h.Moments" if field.wire == "datetime" else text


def is_open(schema: Any) -> bool:
    """Whether an object takes fields beyond the described ones."""
    return not schema.get("properties") or schema.get("additionalProperties") not in (None, False)


def is_plain(name: str) -> bool:
    """Whether a name can be written as one, as the parser reads it: normalised."""
    return name.isidentifier() and not keyword.iskeyword(normalize("NFKC", name))


def text_of(value: Any) -> str:
    """Text of a manifest on one line, for a docstring or a comment: nothing in it can end either."""
    line = "".join(c if c.isprintable() else " " for c in str(value)[:1000])
    return " ".join(line.replace("\\", " ").replace('"', "'").split())


def object_fields(schema: Any, schemas: Mapping[str, Any]) -> list[Field]:
    """The fields of an object that can be attributes."""
    return [field for field in fields(schema, schemas) if is_plain(field.name)]


def body_class(classes: Classes, schema: Any) -> str | None:
    """The class of an input or an output that is one object with a name, be it one made for an operation."""
    ref = schema.get("$ref") if isinstance(schema, dict) else None
    if not isinstance(ref, str) or not ref.startswith(PREFIX):
        name = classes.at.get(id(schema))
        return None if name in classes.enums else name
    key = ref[len(PREFIX) :]
    return classes.by_key.get(key) if is_object(resolve(schema, classes.schemas)) else None
