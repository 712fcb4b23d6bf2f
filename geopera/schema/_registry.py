"""All the classes of one set of definitions, each built once, at first use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from threading import RLock
from typing import Any

from pydantic import TypeAdapter

from .._names import class_name, class_names
from .._references import references
from ._adapter import Adapter
from ._compile import Compiler
from ._document import Document, Loc, Pointer, children
from ._dynamic import depends_on_caller
from ._errors import SchemaError
from ._heirs import unchanged
from ._lint import leaves_first, lint
from ._spec import Spec, constraints
from ._tags import Tagging, Tags, members_at, tagging_of
from ._unit import Unit

__all__ = ["Registry"]

_numbers = count()  # references stay unique where registries share classes


class Registry:
    """Classes and adapters for a set of schemas, each built at first use, and once, also when threads race.

    Args:
        definitions: The schemas by key.
        prefix: What stands before a key in a reference.
        module: The module that the classes name as theirs; None if no module holds them.
        inline: Further schemas by class name: request bodies that have no key of their own.
        previous: A registry whose classes are used on, wherever the schema is the same there.
    """

    def __init__(
        self,
        definitions: Mapping[str, Any],
        *,
        prefix: str = "#/schemas/",
        module: str | None = "geopera.models",
        inline: Mapping[str, Any] | None = None,
        previous: Registry | None = None,
        _prefixes: tuple[Pointer, ...] | None = None,
        _names: Mapping[str, str] | None = None,
    ) -> None:
        self.module = module
        self.prefix = prefix
        self.definitions = definitions
        self.inline: Mapping[str, Any] = {} if inline is None else inline
        prefixes = _prefixes or (tuple(part for part in prefix.strip("#/").split("/") if part),)
        self.document = Document({}, definitions=definitions, prefixes=prefixes)
        self.previous = previous
        self._same = unchanged(previous.definitions, definitions, prefix) if previous else frozenset()
        self._lock = RLock()
        self._units: dict[tuple[int, Pointer], Unit] = {}
        self._keys: dict[str, str] | None = None
        self._classes_by_key: dict[str, str] = {}
        if _names is not None:  # a part of a larger registry, with the names of that one
            self._classes_by_key = dict(_names)
            self._keys = {name: key for key, name in _names.items()}
        self._built: dict[str, Any] = {}
        self._adapters: dict[Any, Any] = {}
        self._parts: dict[Any, Adapter] = {}
        self._dynamic = False
        self._ordered: set[Any] = set()
        self._linted: dict[Any, int] = {}
        self._tags: dict[Any, Tags] = {}
        self._taggings: dict[Any, Tagging | None] = {}
        self._documents: dict[int, tuple[Document, str]] = {}
        self._roots: dict[tuple[str, str], Document] = {}
        self._inline_names: dict[str, list[tuple[str, Loc]]] = {}

    # -- names -----------------------------------------------------------------------------------------

    def key_names(self) -> dict[str, str]:
        """Class name -> key."""
        if self._keys is None:
            keys = class_names(self.definitions)
            self._classes_by_key = {key: name for name, key in keys.items()}
            self._keys = keys
        return self._keys

    def _root_name(self, loc: Loc) -> tuple[str, Pointer]:
        """The name of the nearest named ancestor, and the rest of the pointer."""
        pointer = loc.pointer
        if loc.doc is self.document:
            size = len(self.document.prefixes[0])
            self.key_names()
            return self._classes_by_key.get(pointer[size], "Model"), pointer[size + 1 :]
        root = self._documents.get(id(loc.doc), (loc.doc, "Model"))[1]
        for i in range(len(pointer) - 1, 0, -1):
            if pointer[i - 1] in ("$defs", "definitions", "schemas"):
                return class_name(pointer[i]), pointer[i + 1 :]
        return root, pointer

    def _name(self, loc: Loc) -> str:
        """The class name of a place: the name of its root, and the way to it."""
        name, rest = self._root_name(loc)
        at = 0
        while at < len(rest):
            part = rest[at]
            following = rest[at + 1] if at + 1 < len(rest) else ""
            if part in ("properties", "patternProperties", "dependentSchemas"):
                name += _part(following) or "Field"
                at += 1
            elif part in ("anyOf", "oneOf"):
                name += f"Type{following}"
                at += 1
            elif part in ("allOf", "prefixItems"):
                name += f"{'AllOf' if part == 'allOf' else 'Item'}{following}"
                at += 1
            elif part == "items":
                name += "Item"
            elif part == "additionalProperties":
                name += "AdditionalProperty"
            else:
                name += _part(part)
            at += 1
        return name if name.isidentifier() else "Model"

    def _nested(self, root: str) -> list[tuple[str, Loc]]:
        """(name, place) of the inline objects and enums under the class name `root`."""
        found = self._inline_names.get(root)
        if found is None:
            found = []
            start = self._top(root)
            stack = [start] if start is not None else []
            while stack:
                loc = stack.pop()
                if loc is not start and self._deserves_name(loc):
                    found.append((self._name(loc), loc))
                if isinstance(loc.schema, Mapping):
                    inner = [loc.sub(*parts) for parts, _ in children(loc.schema)]
                    stack.extend(reversed(inner))
            self._inline_names[root] = found
        return found

    @staticmethod
    def _deserves_name(loc: Loc) -> bool:
        schema = loc.schema
        if not isinstance(schema, Mapping) or "$ref" in schema:
            return False
        return schema.get("type") == "object" or "properties" in schema or Registry.is_inline_enum(loc)

    def _top(self, name: str) -> Loc | None:
        key = self.key_names().get(name)
        if key is not None:
            return self.document.definition(key)
        if name in self.inline:
            return self._root_of(self.inline[name], name)
        return None

    def _root_of(self, schema: Any, name: str) -> Loc:
        """The top of the document of a schema that is none of the definitions."""
        key = name, _text(schema)
        with self._lock:
            document = self._roots.get(key)
            if document is None:
                document = self._roots[key] = Document(schema, parent=self.document)
                self._documents[id(document)] = document, name
        return document.top

    def _class_name(self, key: str) -> str:
        self.key_names()
        return self._classes_by_key[key]

    def names(self) -> list[str]:
        """The names `model` takes, sorted; nothing is built."""
        roots = [*self.key_names(), *self.inline]
        names = dict.fromkeys(self.key_names())
        for root in roots:
            names.update(dict.fromkeys(name for name, _ in self._nested(root)))
            if root in self.inline and self._deserves_name(self._top(root)):  # type: ignore[arg-type]
                names[root] = None
        return sorted(names)

    def place(self, name: str) -> Loc | None:
        start = self._top(name)
        if start is not None:
            return start
        for root in sorted(r for r in (*self.key_names(), *self.inline) if name.startswith(r)):
            for nested, loc in self._nested(root):
                if nested == name:
                    return loc
        return None

    # -- building ----------------------------------------------------------------------------------------

    def model(self, name: str) -> Any:
        """Build a class: a `Model`, an `Enum`, or for other schemas a type for annotations.

        Args:
            name: One of `names()`.

        Returns:
            The class; the same one at every call.

        Raises:
            KeyError: If there is no such name.
            SchemaError: If the schema cannot be used.
        """
        built = self._built.get(name)
        if built is None:
            with self._lock:
                built = self._built.get(name)
                if built is None:
                    loc = self.place(name)
                    if loc is None:
                        raise KeyError(name)
                    heir = self._inherits(loc)
                    built = heir.model(name) if heir is not None else self._class_at(loc, name)
                    self._built[name] = built
        return built

    def _class_at(self, loc: Loc, name: str) -> Any:
        unit = self._finish(loc)
        if (
            unit.cls is None
            and isinstance(loc.schema, Mapping)
            and loc.schema.get("type", "object") == "object"
        ):
            # An open object: values stay dicts, but there is a class for those who want to write one.
            unit = Unit(self, loc, name, f"{name}:{next(_numbers)}")
            unit.force_class = True
            Compiler(self).finish(unit)
        if unit.cls is None:
            return self._adapter_at(loc, name).type
        return unit.cls

    def adapter(self, schema: Any, name: str = "Value") -> TypeAdapter[Any]:
        """The adapter of a schema that may refer to the definitions; cached by content."""
        if isinstance(schema, Mapping) and len(schema) == 1 and isinstance(schema.get("$ref"), str):
            key: Any = schema["$ref"]
        else:
            key = name, _text(schema)
        adapter = self._adapters.get(key)
        if adapter is None:
            with self._lock:
                adapter = self._adapters.get(key)
                if adapter is None:
                    adapter = self._adapters[key] = self._adapter_at(self._root_of(schema, name), name)
        return adapter

    def _adapter_at(self, loc: Loc, name: str) -> Adapter:
        return Adapter(self._finish(loc))

    def _adapter_of(self, loc: Loc) -> Adapter:
        """The adapter of a place inside of a schema, for values that do not fit: the last ones are kept."""
        adapter = self._parts.pop(loc.key, None)
        if adapter is None:
            adapter = self._adapter_at(loc, self._name(loc))
        self._parts[loc.key] = adapter
        while len(self._parts) > 100:
            self._parts.pop(next(iter(self._parts), None), None)
        return adapter

    def build(self, loc: Loc) -> None:
        """Build all that the schema at a place leads to.

        Raises:
            SchemaError: If it cannot be used.
        """
        self._finish(loc)

    def _finish(self, loc: Loc) -> Unit:
        with self._lock:
            self._dynamic |= lint(loc, self._linted)
            for target in leaves_first(loc, self._ordered):
                Compiler(self).finish(self._unit(target))
            return Compiler(self).finish(self._unit(loc))

    def _inherits(self, loc: Loc) -> Registry | None:
        """The registry that has the class of this place already."""
        if self.previous is None:
            return None
        if loc.doc is not self.document:
            name = self._documents.get(id(loc.doc), (None, ""))[1]
            schema = self.inline.get(name)
            mine = schema is not None and self.previous.inline.get(name) == schema
            return self.previous if mine and references(schema, self.prefix) <= self._same else None
        size = len(self.document.prefixes[0])
        mine = len(loc.pointer) > size and loc.pointer[size] in self._same
        return self.previous if mine else None

    def _unit(self, loc: Loc) -> Unit:
        unit = self._units.get(loc.key)
        heir = self._inherits(loc) if unit is None and loc.doc is self.document else None
        if heir is not None:
            size = len(self.document.prefixes[0])
            there = heir.document.definition(loc.pointer[size]).sub(*loc.pointer[size + 1 :])
            unit = self._units[loc.key] = heir._finish(there)
        if unit is None:
            name = self._name(loc)
            unit = self._units[loc.key] = Unit(self, loc, name, f"{name}:{next(_numbers)}")
        return unit

    # -- decisions of the compiler -------------------------------------------------------------------------

    @staticmethod
    def is_inline_enum(loc: Loc) -> bool:
        schema = loc.schema
        return (
            isinstance(schema, Mapping)
            and isinstance(schema.get("enum"), list)
            and constraints(schema) == {"enum", "type"}
            and schema["type"] == "string"
            and 0 < len(schema["enum"]) <= 1000
            and all(isinstance(value, str) and not _odd(value) for value in schema["enum"])
        )

    def _is_enum(self, unit: Unit) -> bool:
        return self.is_inline_enum(unit.loc)

    def _is_model(self, spec: Spec, unit: Unit | None) -> bool:
        if unit is None:
            return False
        if spec.props or unit.force_class:
            return True
        named = unit.loc.doc is self.document and len(unit.loc.pointer) == len(self.document.prefixes[0]) + 1
        return named and unit.loc.schema.get("type") == "object"

    def _is_dynamic(self, loc: Loc) -> bool:
        """Whether what `loc` means depends on who refers to it."""
        return self._dynamic and depends_on_caller(loc)

    def _tagging(self, loc: Loc, keyword: str) -> Tagging | None:
        """How the members of a union are distinguished by a property of theirs, if they are."""
        key = loc.key, keyword
        if key not in self._taggings:
            self._taggings[key] = tagging_of(loc, keyword, self._members(loc, keyword))
        return self._taggings[key]

    def _members(self, loc: Loc, keyword: str) -> list[Tags]:
        """What is known of the members of a union before there is a value."""
        return members_at(loc, keyword, self._tags)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


def _part(wire: str) -> str:
    """A property's part of a class name: ``render_params`` gives RenderParams, ``bandRoles`` Bandroles."""
    words = "".join(c if c.isalnum() else " " for c in wire).split()
    return "".join(word if word.isupper() else word.capitalize() for word in words)[:60]


def _text(schema: Any) -> str:
    """The schema as text, to know it again."""
    import json

    try:
        return json.dumps(schema)
    except RecursionError:
        raise SchemaError("the schema is nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from error


def _odd(value: str) -> bool:
    return len(value) > 200 or any("\ud800" <= c <= "\udfff" for c in value)
