"""A JSON Schema as the text of a Python annotation, and the fields of an input for display.

Pure text from pure data: no model is built, nothing is evaluated. The REPL shows it, and the stub writer
spells the same types for callers and for results.
"""

from __future__ import annotations

from .._names import class_names, field_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

PREFIX = "#/schemas/"
_MAX_DEPTH = 24
_MAX_LITERALS = 32
_MAX_TEXT = 4_000

READABLE = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "array": "list",
    "object": "dict",
    "any": "Any",
    "date-time": "datetime",
}
"""The type names for help texts: ``list[float] | None``."""


class Annotator:
    """Spells schemas of one manifest.

    words: the Python type of each JSON type; ``"map"`` is that of an object with described values,
    ``"object"`` of one without, ``"date-time"`` that of a datetime, ``"literal"`` that of an enumeration, ``"any"`` that
    of everything else.
    """

    def __init__(
        self,
        schemas: Mapping[str, Any],
        words: Mapping[str, str] = READABLE,
    ) -> None:
        self.schemas = schemas
        self.words = words
        self.classes = {key: name for name, key in class_names(schemas).items()}
        # Texts by the id of their schema, which is kept so that the id stays unique. Without this cache a few schemas
        # that each refer twice to the next one would take exponential time.
        self._texts: dict[int, tuple[Any, str]] = {}

    def reference(self, key: str) -> str:
        """The class for the schema `key`, or its annotation if it is not an object."""
        return self.classes[key] if self.has_class(key) else self.text(self.schemas[key], 1)

    def has_class(self, key: str) -> bool:
        """Whether the schema `key` gets a class: an object does, a plain enumeration does not."""
        return is_object(self.schemas[key])

    def text(self, schema: Any, depth: int = 0) -> str:
        """The annotation of `schema`."""
        if not isinstance(schema, dict) or depth > _MAX_DEPTH:
            return self.words["any"]
        known = self._texts.get(id(schema))
        if known is None:
            self._texts[id(schema)] = schema, self.words["any"]  # the spelling of a schema inside itself
            known = self._texts[id(schema)] = schema, self._text(schema, depth)
        return known[1]

    def _text(self, schema: dict[str, Any], depth: int) -> str:
        parts: list[str] = []
        for part in self._alternatives(schema, depth):
            if part not in parts:
                parts.append(part)
        if self.words["any"] in parts:
            return self.words["any"]
        none = self.words["null"]
        text = " | ".join([p for p in parts if p != none] + ([none] if none in parts else []))
        return text if len(text) <= _MAX_TEXT else self.words["any"]

    def special(self, schema: dict[str, Any]) -> str | None:
        """The spelling of a schema that needs a special one, such as one with a class; else None."""
        return None

    def _alternatives(self, schema: dict[str, Any], depth: int) -> Iterator[str]:
        special = self.special(schema)
        if special is not None:
            yield special
            return
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref.startswith(PREFIX) and ref[len(PREFIX) :] in self.schemas:
            # A chain of names that lead to each other ends at the depth bound.
            key = ref[len(PREFIX) :]
            yield self.reference(key) if depth < _MAX_DEPTH else self.words["any"]
            return
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list) and 0 < len(values) <= _MAX_LITERALS and all(map(_is_literal, values)):
            yield from self._literals(values)
            return
        for keyword in ("anyOf", "oneOf"):
            if isinstance(schema.get(keyword), list):
                for branch in schema[keyword]:
                    yield self.text(branch, depth + 1)
                return
        if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
            yield self.text(schema["allOf"][0], depth + 1)
            return
        kinds = schema.get("type")
        for kind in [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else [None]:
            yield self._one(kind, schema, depth)

    def _literals(self, values: list[Any]) -> Iterator[str]:
        words = [repr(v) for v in values if v is not None]
        if words:
            yield f"{self.words.get('literal', 'Literal')}[{', '.join(words)}]"
        if None in values:
            yield self.words["null"]

    def _one(self, kind: Any, schema: dict[str, Any], depth: int) -> str:
        if kind == "array":
            item = self.text(schema.get("items"), depth + 1)
            if "prefixItems" in schema and "items" not in schema:
                heads = [self.text(s, depth + 1) for s in schema["prefixItems"] if isinstance(s, dict)]
                item = " | ".join(dict.fromkeys(heads)) or item
            return f"{self.words['array']}[{item}]" if item != self.words["any"] else self.open_array()
        if kind == "object":
            values = schema.get("additionalProperties")
            if isinstance(values, dict) and values and not schema.get("properties"):
                return f"{self.words.get('map', 'dict')}[str, {self.text(values, depth + 1)}]"
            return self.words["object"]
        if kind == "string" and schema.get("format") == "date-time":
            return self.words["date-time"]
        return self.words.get(kind, self.words["any"]) if isinstance(kind, str) else self.words["any"]

    def open_array(self) -> str:
        """An array whose items are not described."""
        return (
            self.words["array"] if self.words is READABLE else f"{self.words['array']}[{self.words['any']}]"
        )


def _is_literal(value: Any) -> bool:
    return value is None or type(value) in (str, int, bool)


def is_object(schema: Any) -> bool:
    """Whether a schema describes one JSON object and so has a class."""
    return isinstance(schema, dict) and (schema.get("type") == "object" or "properties" in schema)


def resolve(schema: Any, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` with the chain of references at its top followed; ``{}`` if it leads nowhere."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(schema, dict):
            return {}
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            return schema
        schema = schemas.get(ref[len(PREFIX) :]) if ref.startswith(PREFIX) else None
    return {}


class Field:
    """One field of an object: its names, its schema, whether it is required, and its description.

    words: ``description``, ``deprecated`` and ``examples``, as far as the API's description has them.
    """

    __slots__ = ("name", "required", "schema", "wire", "words")

    def __init__(self, name: str, wire: str, schema: Any, required: bool, words: Any = None) -> None:
        self.words: Mapping[str, Any] = words if isinstance(words, dict) else {}
        self.name = name
        self.wire = wire
        self.schema = schema
        self.required = required

    @property
    def has_default(self) -> bool:
        return isinstance(self.schema, dict) and "default" in self.schema

    @property
    def default(self) -> Any:
        return self.schema.get("default") if isinstance(self.schema, dict) else None


def fields(schema: Any, schemas: Mapping[str, Any], described: Any = None) -> list[Field]:
    """The fields of an object schema, required ones first, each under one Python name.

    described: The same object schema with the words of the API's description in it.
    """
    found = resolve(schema, schemas)
    properties = found.get("properties")
    if not isinstance(properties, dict):
        return []
    listed = found.get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    names = field_names(sorted(properties, key=lambda wire: wire not in required))
    spoken = described.get("properties") if isinstance(described, dict) else None
    spoken = spoken if isinstance(spoken, dict) else properties
    made = [
        Field(names[wire], wire, sub, wire in required, spoken.get(wire)) for wire, sub in properties.items()
    ]
    return sorted(made, key=lambda field: not field.required)


_BOUNDS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("multipleOf", "a multiple of {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("pattern", "matches {}"),
    ("format", "{}"),
)


def _printable(text: str) -> str:
    """`text` with escapes for control characters of a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def limits(schema: Any) -> list[str]:
    """The limits of a schema beyond its type, as texts: ``["≥ 1", "≤ 500"]``."""
    if not isinstance(schema, dict):
        return []
    found = [
        text.format(f"{value:g}" if isinstance(value, float) else _printable(str(value)[:80]))
        for name, text in _BOUNDS
        if (value := schema.get(name)) is not None
    ]
    for keyword in ("anyOf", "oneOf"):
        if isinstance(schema.get(keyword), list):
            found += [line for branch in schema[keyword] for line in limits(branch)]
    if isinstance(schema.get("items"), dict):
        found += [f"items {line}" for line in limits(schema["items"])]
    return found[:8]
