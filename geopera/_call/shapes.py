"""The shape of a body: the fields of its objects, and which of them hold a geometry, a box or a datetime.

Name and schema decide together: an `aoi` whose schema is text is the id of an area. If no schema describes an object,
only the name decides.
"""

from __future__ import annotations

from .._names import field_names, near
from .._values.fields import GEOMETRIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

__all__ = ["OPEN", "Shape", "misspelled"]

PREFIX = "#/schemas/"

# name: (kind, the JSON type that the schema has to allow)
_KINDS = {
    **dict.fromkeys(GEOMETRIES, ("geometry", "object")),
    "featureCollection": ("collection", "object"),
    "feature_collection": ("collection", "object"),
    "bbox": ("bbox", "array"),
    "datetime": ("datetime", "string"),
    "datetime_": ("datetime", "string"),
    "start_datetime": ("datetime", "string"),
    "end_datetime": ("datetime", "string"),
    "window": ("window", "object"),
    "item_ids": ("ids", "array"),
}


class Shape:
    """The shape of one value of a body, as far as a schema describes it.

    Attributes:
        names: Wire name of each described field, by wire name and by Python name.
        is_open: Whether the schema itself allows fields beyond the described ones.
        described: Whether any fields are described.
        required: Wire names of the required fields.
        is_search: Whether `datetime` is a filter here: a result is limited, or nothing is known.
    """

    __slots__ = (
        "_branches",
        "_fields",
        "_items",
        "_schemas",
        "described",
        "is_open",
        "is_search",
        "names",
        "required",
    )

    def __init__(self, schema: Any, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._branches = list(_branches(schema, schemas, 0))
        self._fields: dict[str, tuple[str | None, Shape]] = {}
        self._items: Shape | None = None
        properties: dict[str, Any] = {}
        for branch in self._branches:
            found = branch.get("properties")
            if isinstance(found, dict):
                properties.update(found)
        self.described = bool(properties)
        self.is_open = any(branch.get("additionalProperties") is True for branch in self._branches)
        self.is_search = not self.described or "limit" in properties
        self.required = [name for branch in self._branches for name in branch.get("required") or ()]
        self.names = {wire: wire for wire in properties}
        for wire, name in field_names(sorted(properties, key=lambda wire: wire not in self.required)).items():
            self.names.setdefault(name, wire)

    def field(self, name: str) -> tuple[str | None, Shape]:
        """(the kind of the field `name`, one of `_KINDS` or None; the shape of its value)."""
        found = self._fields.get(name)
        if found is None:
            found = self._look_up(name)
            if len(self._fields) < 1_000:
                self._fields[name] = found
        return found

    def _look_up(self, name: str) -> tuple[str | None, Shape]:
        wire = self.names.get(name)
        if wire is None:
            extra = [
                b["additionalProperties"]
                for b in self._branches
                if isinstance(b.get("additionalProperties"), dict)
            ]
            shape = Shape({"anyOf": extra}, self._schemas) if extra else OPEN
        else:
            stated = [b["properties"][wire] for b in self._branches if wire in (b.get("properties") or ())]
            shape = Shape({"anyOf": stated}, self._schemas)
        kind, needed = _KINDS.get(wire or name, (None, ""))
        types = shape.types()
        if kind is not None and types and needed not in types:
            kind = None
        if kind is None and any(branch.get("format") == "date-time" for branch in shape._branches):
            kind = "stored"
        elif kind == "datetime":
            # Deep in an open object it may be part of a query, such as {"date": ...} in a filter.
            if wire is not None:
                kind = "filter" if name in ("datetime", "datetime_") and self.is_search else "stored"
            else:
                kind = None
        elif kind == "window" and wire is None:
            kind = "loose_window"
        return kind, shape

    @property
    def items(self) -> Shape:
        """The shape of the members of an array."""
        if self._items is None:
            found = [b["items"] for b in self._branches if isinstance(b.get("items"), dict)]
            self._items = Shape({"anyOf": found}, self._schemas) if found else OPEN
        return self._items

    def at(self, place: Sequence[str | int]) -> Shape:
        """The shape of the value at the path `place` inside this one."""
        shape = self
        for part in place:
            shape = shape.items if isinstance(part, int) else shape.field(part)[1]
        return shape

    def types(self) -> set[str]:
        """The JSON types that the schema names; empty if it names none, and anything is allowed."""
        found: set[str] = set()
        for branch in self._branches:
            named = branch.get("type")
            if named is None and "properties" in branch:
                named = "object"
            if named is None and not (branch.keys() - {"default", "description"}):
                return set()
            found.update([named] if isinstance(named, str) else named or ())
        return found


def _branches(schema: Any, schemas: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    """The alternatives of a schema, each without alternatives of its own."""
    if not isinstance(schema, dict) or depth > 16:
        return
    ref = schema.get("$ref")
    if isinstance(ref, str):
        yield from _branches(schemas.get(ref.removeprefix(PREFIX)), schemas, depth + 1)
    found = False
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword) or ():
            found = True
            yield from _branches(branch, schemas, depth + 1)
    if (not found and ref is None) or "properties" in schema:
        yield schema


OPEN = Shape({}, {})


def misspelled(value: Any, shape: Shape) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(path of the object, name, the closest field) of names in open objects that are close to described ones."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in shape.names:
                if shape.is_open and (meant := near(name, shape.names.values())) is not None:
                    yield (), name, meant
            elif isinstance(item, dict | list):
                for place, inner, meant in misspelled(item, shape.field(name)[1]):
                    yield (name, *place), inner, meant
    elif isinstance(value, list) and shape.types():
        members = shape.items
        if members.described:
            for index, item in enumerate(value):
                for place, inner, meant in misspelled(item, members):
                    yield (index, *place), inner, meant
