"""The tag of a union: a property by which an object belongs to one member.

It is a property that is one of some values in every member, no value in two of them, or the one that OpenAPI's
``discriminator`` names. All of it is read from the schemas, before anything is built, so that it also works
where members lead back to the union.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from .._names import field_names
from ._document import Loc
from ._errors import SchemaError
from ._node import KINDS, enum_words, json_key, kind_of
from ._spec import spec_of

__all__ = ["ABSENT", "UNKNOWN", "Tagging", "Tags", "WrongTag", "meant", "members_at", "tagging_of"]
__all__ += ["tags_at"]

#: What an object is that lacks the tag, or whose tag no member has.
ABSENT, UNKNOWN = -1, -2
_DEEPEST = 20  # unions inside of unions that are looked through
_NOTHING = object()

Key = tuple[int, tuple[str, ...]]
Values = dict[Any, Any]  # by their JSON keys


class Tags:
    """What is known of a place before there is a value: JSON types, and of objects the required
    properties and those that are one of some values."""

    __slots__ = ("_plain", "kinds", "props", "required")

    def __init__(self, kinds: frozenset[str], props: dict[str, Values], required: frozenset[str]) -> None:
        self.kinds = kinds
        self.props = props
        self.required = required
        #: Those that have no other name, by which an object may give them.
        self._plain = [wire for wire in required if field_names([wire])[wire] == wire]

    def takes(self, kind: str, value: Any) -> bool:
        """Whether a value of that JSON type may fit, as far as can be seen."""
        if kind not in self.kinds:
            return kind == "other"
        if kind != "object" or not isinstance(
            value, Mapping
        ):  # a model of somebody else's is not looked into
            return True
        for wire in self._plain:
            if wire not in value:
                return False
        for wire, values in self.props.items():
            tag = value.get(wire, _NOTHING)
            if tag is not _NOTHING and not _is_in(tag, values):
                return False
        return True


class Tagging:
    """How the members of one union are distinguished: `index` gives the member for a value.

    Attributes:
        wire: The name of the property.
        members: The index of the member, by the JSON key of the tag.
        values: The tags as they are written, in the order of the members.
        objects: The members that take objects.
        optional: Those of them that take an object without the tag.
        others: The members that take other values than objects.
    """

    def __init__(self, wire: str, values: dict[int, Values], optional: list[int], others: list[int]) -> None:
        self.wire = wire
        self.members = {key: index for index, group in values.items() for key in group}
        self.values = [value for group in values.values() for value in group.values()]
        self.objects = list(values)
        self.optional = optional
        self.others = others
        self._python = field_names([wire])[wire]

    def tag(self, value: Any) -> Any:
        """The tag of an object, under either name of its field; a value that nothing equals if there is none."""
        if isinstance(value, BaseModel):
            if isinstance(value, Mapping):
                return value.get(self.wire, _NOTHING)
            return getattr(value, self._python, _NOTHING)
        found = value.get(self.wire, _NOTHING)
        if found is _NOTHING and not self.optional:
            return value.get(self._python, _NOTHING)
        return found  # where it may be left out, the Python name may also be that of an additional property

    def index(self, value: Any) -> int:
        """The member that an object is meant to be, ABSENT or UNKNOWN."""
        tag = self.tag(value)
        if tag is _NOTHING:
            return ABSENT
        try:
            return self.members.get(tag if type(tag) is str else json_key(tag), UNKNOWN)
        except (TypeError, RecursionError):  # no JSON value
            return UNKNOWN

    def reason(self) -> str:
        """The problem of a tag that no member has."""
        return f"Input should be {enum_words(self.values)}"


class WrongTag:
    """A validator for objects without a tag that is known. Its error is placed at the tag by the union."""

    __slots__ = ("tagging",)

    def __init__(self, tagging: Tagging) -> None:
        self.tagging = tagging

    def __call__(self, value: Any) -> Any:
        tag = self.tagging.tag(value)
        problem: InitErrorDetails = {"type": "missing", "loc": (), "input": value}
        if tag is not _NOTHING:
            words = enum_words(self.tagging.values)
            kind = PydanticCustomError("enum", "Input should be {expected}", {"expected": words})
            problem = {"type": kind, "loc": (), "input": tag}
        raise ValidationError.from_exception_data("tag", [problem])


# -- what the schemas say ---------------------------------------------------------------------------------


def _values_at(place: Loc) -> Values | None:
    """The values that a property must be one of; None where its schema says no such thing."""
    schema = place.schema
    if not isinstance(schema, Mapping) or not {"const", "enum", "$ref", "allOf"} & schema.keys():
        return None
    base = spec_of(place).base
    values = [base["const"]] if "const" in base else base.get("enum")
    if values is None or any(kind_of(value) in ("array", "object") for value in values):
        return None
    return {json_key(value): value for value in values}


def _is_in(value: Any, values: Values) -> bool:
    try:
        return (value if type(value) is str else json_key(value)) in values
    except (TypeError, RecursionError):
        return False


def _both(one: Values, other: Values) -> Values:
    return {key: value for key, value in one.items() if key in other}


def tags_at(loc: Loc, known: dict[Key, Tags], depth: int = 0) -> Tags:
    """What is known of the schema at `loc`; `known` keeps it for the next call."""
    if loc.key in known:
        return known[loc.key]
    if depth > _DEEPEST:
        return Tags(KINDS, {}, frozenset())
    spec = spec_of(loc)
    kinds = KINDS
    if "type" in spec.base:
        kinds = frozenset("number" if name == "integer" else name for name in spec.base["type"])
    if "const" in spec.base or "enum" in spec.base:
        values = [spec.base["const"]] if "const" in spec.base else spec.base["enum"]
        kinds &= frozenset(map(kind_of, values))
    result = Tags(frozenset(), {}, frozenset())
    if not spec.never and kinds:
        props: dict[str, Values] = {}
        for wire, places in spec.props.items():
            for place in places:
                found = _values_at(place)
                if found is not None:
                    props[wire] = _both(props[wire], found) if wire in props else found
        result = Tags(kinds, props, frozenset(spec.base.get("required", ())))
        for at, keyword in spec.unions:
            result = _within(result, members_at(at, keyword, known, depth + 1))
    known[loc.key] = result
    return result


def members_at(loc: Loc, keyword: str, known: dict[Key, Tags], depth: int = 0) -> list[Tags]:
    """The same for each member of a union."""
    return [tags_at(loc.sub(keyword, str(i)), known, depth) for i in range(len(loc.schema[keyword]))]


def _within(tags: Tags, members: list[Tags]) -> Tags:
    """What is known of values that fit `tags` and one of the members of a union."""
    kinds = tags.kinds & frozenset[str]().union(*(member.kinds for member in members))
    objects = [member for member in members if "object" in member.kinds]
    if "object" not in kinds:
        return Tags(kinds, {}, frozenset())
    props = dict(tags.props)
    for wire in objects[0].props:
        if all(wire in member.props for member in objects):
            values: Values = {}
            for member in objects:
                values |= member.props[wire]
            props[wire] = _both(props[wire], values) if wire in props else values
    required = tags.required.union(frozenset[str].intersection(*(member.required for member in objects)))
    return Tags(kinds, props, required)


def tagging_of(loc: Loc, keyword: str, members: list[Tags]) -> Tagging | None:
    """How the members of the union at `loc` are distinguished; None where no property does that."""
    objects = {index: member for index, member in enumerate(members) if "object" in member.kinds}
    if len(objects) < 2:
        return None
    discriminator = loc.schema.get("discriminator")
    named = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else None
    wires = list(next(iter(objects.values())).props)
    wires.sort(key=lambda wire: wire != named)
    others = [index for index, member in enumerate(members) if member.kinds - {"object"}]
    for wire in wires:
        if all(member.props.get(wire) for member in objects.values()):
            values = {index: member.props[wire] for index, member in objects.items()}
            if _apart(values):
                return Tagging(wire, values, _without(wire, objects), others)
    if isinstance(named, str):
        values = _discriminated(loc, keyword, named, discriminator.get("mapping")).values
        if values.keys() >= objects.keys():
            values = {index: values[index] for index in objects}
        if values.keys() == objects.keys() and _apart(values):
            return Tagging(named, values, _without(named, objects), others)
    return None


def _apart(values: dict[int, Values]) -> bool:
    keys = [key for group in values.values() for key in group]
    return len(set(keys)) == len(keys)


def _without(wire: str, objects: dict[int, Tags]) -> list[int]:
    return [index for index, member in objects.items() if wire not in member.required]


# -- OpenAPI's discriminator --------------------------------------------------------------------------------


def _discriminated(loc: Loc, keyword: str, named: str, mapping: Any, depth: int = 0) -> _Discriminated:
    """The tags of each member that is a reference, by a mapping or by the names of the schemas.

    A member may be a union by the same property; what tells its members apart tells it from the others.
    """
    found = _Discriminated()
    names: dict[int, str] = {}
    inner: dict[int, Values] = {}
    for index in range(len(loc.schema[keyword])):
        target = _referred(loc.sub(keyword, str(index)))
        if target is None:
            continue
        found.targets.setdefault(target.key, index)
        names[index] = target.pointer[-1] if target.pointer else ""
        for word in ("oneOf", "anyOf") if depth < _DEEPEST and isinstance(target.schema, Mapping) else ():
            below = target.schema.get("discriminator")
            if word in target.schema and isinstance(below, Mapping) and below.get("propertyName") == named:
                union = _discriminated(target, word, named, below.get("mapping"), depth + 1)
                inner[index] = {tag: tag for group in union.values.values() for tag in group}
                for key in union.targets:
                    found.targets.setdefault(key, index)
    for tag, reference in mapping.items() if isinstance(mapping, Mapping) else ():
        for place in meant(loc, reference):
            if place.key in found.targets:
                found.values.setdefault(found.targets[place.key], {})[tag] = tag
                break
    taken = {tag for group in found.values.values() for tag in group}
    for index, name in names.items():
        added = inner.get(index) or ({name: name} if name and index not in found.values else {})
        for tag in added:
            if tag not in taken:
                found.values.setdefault(index, {})[tag] = tag
    return found


class _Discriminated:
    """The tags of each member, by its index; and which member leads to a place."""

    def __init__(self) -> None:
        self.values: dict[int, Values] = {}
        self.targets: dict[Key, int] = {}


def _referred(place: Loc) -> Loc | None:
    """What a member refers to, by ``$ref`` or by an ``allOf`` of nothing else."""
    for _ in range(_DEEPEST):
        if not isinstance(place.schema, Mapping):
            return None
        if isinstance(place.schema.get("$ref"), str):
            return place.doc.resolve(place.schema["$ref"], place)
        parts = place.schema.get("allOf")
        if not isinstance(parts, list) or len(parts) != 1:
            return None
        place = place.sub("allOf", "0")
    return None


def meant(loc: Loc, reference: Any) -> Iterator[Loc]:
    """The places that a value of a mapping may mean: it is a reference, or the name of a schema."""
    if not isinstance(reference, str):
        return
    name = reference.replace("~", "~0").replace("/", "~1")
    prefixes = [prefix for document in loc.doc.reaches() for prefix in document.prefixes]
    for candidate in (reference, *(f"#/{'/'.join(prefix)}/{name}" for prefix in [("$defs",), *prefixes])):
        try:
            yield loc.doc.resolve(candidate, loc)
        except SchemaError:
            continue
