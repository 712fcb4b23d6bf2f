"""Documents and places in them: JSON pointers, ``$id``, ``$anchor``, and where a ``$ref`` leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from .._keywords import ARRAYS, FORMS, HOLDERS, MAPS, SINGLES, step
from ._drafts import converted
from ._errors import SchemaError

__all__ = ["MAPPING", "Document", "Loc", "children", "fragment"]

Pointer = tuple[str, ...]
Schema = Any  # a mapping or a bool; what else a document may hold is checked, not assumed
#: What `isinstance` is asked about: that a dict is a mapping it sees at once.
MAPPING = (dict, Mapping)


def fragment(pointer: Pointer) -> str:
    """The pointer as it is written in a ``$ref``."""
    return "#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in pointer)


def children(schema: Mapping[str, Any]) -> Iterator[tuple[Pointer, Schema]]:
    """The direct subschemas, with their relative pointers; values of a wrong type are left out."""
    if HOLDERS.isdisjoint(schema):
        return
    for key, value in schema.items():
        if key in SINGLES:
            yield (key,), value
        elif key in ARRAYS and isinstance(value, list):
            for index, item in enumerate(value):
                yield (key, str(index)), item
        elif key in MAPS and isinstance(value, MAPPING):
            for name, item in value.items():
                yield (key, str(name)), item


def _joined(base: str, reference: str) -> tuple[str, str]:
    """The absolute URI that `reference` means, and its fragment."""
    try:
        uri, frag = urldefrag(urljoin(base, reference))
    except ValueError as error:
        raise SchemaError(f"{reference[:200]!r} is not a URI reference: {error}") from None
    return uri, frag


class Loc:
    """A schema and its place: document, pointer from the document's root, base URI for references."""

    __slots__ = ("base", "doc", "key", "pointer", "schema")

    def __init__(self, doc: Document, pointer: Pointer, schema: Schema, base: str) -> None:
        self.doc = doc
        self.pointer = pointer
        self.schema = schema
        self.base = base
        self.key = id(doc), pointer

    def __repr__(self) -> str:
        return f"<{fragment(self.pointer)}>"

    def error(self, message: str) -> SchemaError:
        return SchemaError(message, fragment(self.pointer))

    def sub(self, *parts: str) -> Loc:
        """The subschema under a keyword (``"items"``) or a keyword and a name (``"properties", "a"``)."""
        value = self.schema
        for part in parts:
            value = value[int(part)] if isinstance(value, list) else value[part]
        return self.doc.at((*self.pointer, *parts), value, self.base)


class Document:
    """A root schema. References go to the document itself first, then to `parent`.

    `definitions` is the parent's part: schemas by name, reachable under every one of `prefixes`
    (``("schemas",)`` stands for ``#/schemas/<name>``), with the first prefix as the canonical one.
    """

    def __init__(
        self,
        root: Schema,
        *,
        parent: Document | None = None,
        definitions: Mapping[str, Schema] | None = None,
        prefixes: tuple[Pointer, ...] = (("schemas",),),
    ) -> None:
        self.root = root
        self.parent = parent
        self.definitions = definitions
        self.prefixes = prefixes
        self.base = self._identify(root, "")
        self._resources: dict[str, Loc] | None = None
        self._anchors: dict[tuple[str, str], Loc] = {}
        self.dynamic: dict[str, list[Loc]] = {}
        self._found: dict[tuple[str, str], Loc] = {}
        self.validator: Any = None  # jsonschema's, made at the first check

    @staticmethod
    def _identify(schema: Schema, base: str) -> str:
        if isinstance(schema, MAPPING) and isinstance(identifier := schema.get("$id"), str):
            return _joined(base, identifier)[0]
        return base

    def at(self, pointer: Pointer, schema: Schema, base: str) -> Loc:
        return Loc(self, pointer, schema, self._identify(schema, base))

    @property
    def top(self) -> Loc:
        return Loc(self, (), self.root, self.base)

    def definition(self, key: str) -> Loc:
        assert self.definitions is not None
        return self.at((*self.prefixes[0], key), self.definitions[key], key if "://" in key else "")

    # -- the index of identifiers ------------------------------------------------------------------

    def _starts(self) -> Iterator[Loc]:
        if self.definitions is None:
            yield self.top
        else:
            for key in self.definitions:
                yield self.definition(key)

    def index(self) -> dict[str, Loc]:
        """Resources by absolute URI; fills the anchors too. Walks the whole document, once."""
        if self._resources is None:
            resources: dict[str, Loc] = {"": self.top, self.base: self.top}
            anchors: dict[tuple[str, str], Loc] = {}
            dynamic: dict[str, list[Loc]] = {}
            stack = list(self._starts())
            first = len(self.prefixes[0]) + 1 if self.definitions is not None else 0
            while stack:
                loc = stack.pop()
                schema = loc.schema
                if not isinstance(schema, Mapping):
                    continue
                if isinstance(schema.get("$id"), str) or (loc.base and len(loc.pointer) == first):
                    resources.setdefault(loc.base, loc)
                if first and len(loc.pointer) == first and "://" in loc.pointer[-1]:
                    resources.setdefault(
                        loc.pointer[-1], loc
                    )  # where it came from, beside what it calls itself
                for keyword in ("$anchor", "$dynamicAnchor"):
                    anchor = schema.get(keyword)
                    if isinstance(anchor, str):
                        anchors.setdefault((loc.base, anchor), loc)
                        if keyword == "$dynamicAnchor":
                            dynamic.setdefault(anchor, []).append(loc)
                for parts, item in children(schema):
                    if isinstance(item, Mapping):
                        stack.append(self.at((*loc.pointer, *parts), item, loc.base))
            # Assigned when complete: two threads may walk at once.
            self._anchors, self.dynamic, self._resources = anchors, dynamic, resources
        return self._resources

    # -- references ----------------------------------------------------------------------------------

    def resolve(self, reference: str, loc: Loc) -> Loc:
        """The place `reference` names, seen from `loc`. Raises SchemaError where there is none."""
        known = self._found.get((loc.base, reference))
        if known is None:
            known = self._found[loc.base, reference] = self._resolved(reference, loc)
        return known

    def _resolved(self, reference: str, loc: Loc) -> Loc:
        if reference.startswith("#"):
            uri, frag = loc.base, reference[1:]
        else:
            uri, frag = _joined(loc.base, reference)
        document: Document | None = self
        while document is not None:
            found = document._find(uri, unquote(frag))
            if found is not None:
                return found
            document = document.parent
        found = self._find_in_specifications(uri, unquote(frag))
        if found is None:
            raise loc.error(f"the reference {reference[:200]!r} leads nowhere")
        return found

    def _find(self, uri: str, frag: str) -> Loc | None:
        if not uri and (not frag or frag.startswith("/")):
            start: Loc | None = self.top  # the usual case needs no index
        else:
            start = self.index().get(uri)
        if start is None:
            return None
        if not frag:
            return start if self.definitions is None or start.pointer else None
        if frag.startswith("/"):
            return self._descend(start, frag)
        self.index()
        return self._anchors.get((start.base if uri else self.base, frag))

    def _descend(self, start: Loc, frag: str) -> Loc | None:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in frag[1:].split("/")]
        pointer, value, base = start.pointer, start.schema, start.base
        if self.definitions is not None and not pointer:
            for prefix in self.prefixes:
                size = len(prefix)
                if tuple(parts[:size]) == prefix and len(parts) > size and parts[size] in self.definitions:
                    first = self.definition(parts[size])
                    pointer, value, base, parts = first.pointer, first.schema, first.base, parts[size + 1 :]
                    break
            else:
                return None
        state = "schema"  # what stands at `value`: see `step`
        for part in parts:
            if isinstance(value, list):
                if not part.isdecimal() or int(part) >= len(value):
                    return None
                value = value[int(part)]
            elif isinstance(value, Mapping) and part in value:
                value = value[part]
            else:
                return None
            pointer = (*pointer, part)
            state = step(state, FORMS.get(part))
            if state == "schema":
                base = self._identify(value, base)
        return Loc(self, pointer, value, base)

    def _find_in_specifications(self, uri: str, frag: str) -> Loc | None:
        """A place in the published metaschemas, which come with the jsonschema package."""
        if not uri.startswith(("http://json-schema.org/", "https://json-schema.org/")):
            return None
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

        resource = REGISTRY.get(uri) or REGISTRY.get(uri + "#")
        if resource is None:
            return None
        document = _specifications.setdefault(uri, Document(converted(resource.contents)))
        return document._find(document.base, frag)

    def reaches(self) -> Iterator[Document]:
        """The document and those that its references may lead to."""
        document: Document | None = self
        while document is not None:
            yield document
            document = document.parent


_specifications: dict[str, Document] = {}
