"""Unions: by a property that tells the members apart, by the first that fits, or by the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import local
from typing import Any

from pydantic import BaseModel
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from ._node import Node, kind_of
from ._tags import ABSENT, UNKNOWN, Tagging, Tags, WrongTag

__all__ = ["disjoint", "each_of", "union_of"]


def disjoint(nodes: Sequence[Node]) -> bool:
    """Whether no value can pass two of the nodes, by JSON type alone."""
    seen: set[str] = set()
    for node in nodes:
        if seen & node.kinds:
            return False
        seen |= node.kinds
    return True


def _is_null(node: Node) -> bool:
    return bool(node.core["type"] == "none")


def union_of(
    nodes: Sequence[Node], labels: Sequence[str], tagging: Tagging | None = None, *, smart: bool = True
) -> Node:
    """One node for several: distinguished by a tag, or the best fit where several take objects, or the first."""
    kinds = frozenset[str]().union(*(node.kinds for node in nodes))
    rest = [node for node in nodes if not _is_null(node)]
    if not rest:
        return nodes[0]
    hint: Any = rest[0].hint
    for node in rest[1:]:
        hint = _either(hint, node.hint)
    is_open = any(node.open for node in nodes)
    size = 1 + sum(node.size for node in nodes)
    core: CoreSchema
    if len(rest) == 1:
        core = rest[0].core
    elif tagging is not None:
        core = _tagged(nodes, labels, tagging)
    else:
        core = _choice([(node, label) for node, label in zip(nodes, labels, strict=True)], smart=smart)
    if len(rest) < len(nodes):
        return Node(core_schema.nullable_schema(core), _either(hint, None), kinds, open=is_open, size=size)
    return Node(core, hint, kinds, open=is_open, size=size)


def each_of(
    nodes: Sequence[Node], labels: Sequence[str], known: Sequence[Tags], *, exactly_one: bool
) -> Node:
    """One node for members that are tried one by one, those first that could fit as far as can be seen."""
    kinds = frozenset[str]().union(*(node.kinds for node in nodes))
    hint: Any = nodes[0].hint
    for node in nodes[1:]:
        hint = _either(hint, node.hint)
    names: list[str] = []
    for label in labels:
        while label in names:
            label += "_"
        names.append(label)
    each = _Each(names, known, exactly_one=exactly_one)
    choices: dict[Any, CoreSchema] = {name: node.core for name, node in zip(names, nodes, strict=True)}
    # The choice is made by the function around, for one member after the other.
    union = core_schema.tagged_union_schema(choices, lambda value: _trying.name)
    core = core_schema.no_info_wrap_validator_function(each, union)
    is_open = any(node.open for node in nodes)
    return Node(core, hint, kinds, open=is_open, size=2 + sum(node.size for node in nodes))


class _Trying(local):
    name = ""


_trying = _Trying()


class _Each:
    """Tries the members of a union: up to the first that fits, or all of them where just one may."""

    __slots__ = ("exactly_one", "known", "names")

    def __init__(self, names: list[str], known: Sequence[Tags], *, exactly_one: bool) -> None:
        self.names = names
        self.known = known
        self.exactly_one = exactly_one

    def __call__(self, value: Any, handler: Any) -> Any:
        kind = kind_of(value)
        names = [name for name, tags in zip(self.names, self.known, strict=True) if tags.takes(kind, value)]
        fits: list[str] = []
        result: Any = None
        failures: list[ValidationError] = []
        for name in names or self.names:
            _trying.name = name
            try:
                found = handler(value)
            except ValidationError as error:
                failures.append(error)
                continue
            if not fits:
                result = found
            fits.append(name)
            if len(fits) > 1 or not self.exactly_one:
                break
        if len(fits) == 1:
            return result
        if fits:
            words = {"members": " and ".join(fits)}
            raise PydanticCustomError("one_of", "Input should fit one member only, and fits {members}", words)
        raise ValidationError.from_exception_data(
            "union", [line for error in failures for line in _lines(error)]
        )


_MOST_LINES = 10  # of each member: unions inside of unions would add up


def _lines(error: ValidationError) -> Iterator[InitErrorDetails]:
    """What `error` says, to be said as part of another."""
    for line in error.errors(include_url=False, include_context=False)[:_MOST_LINES]:
        kind = PydanticCustomError(line["type"], "{reason}", {"reason": line["msg"]})
        yield {"type": kind, "loc": line["loc"], "input": line["input"]}


def _choice(members: Sequence[tuple[Node, str]], *, smart: bool = True) -> CoreSchema:
    rest: list[Any] = [(node.core, label) for node, label in members if not _is_null(node)]
    objects = sum(1 for node, _ in members if "object" in node.kinds)
    if len(rest) == 1:
        core: CoreSchema = rest[0][0]
        return core
    return core_schema.union_schema(rest, mode="smart" if smart and objects > 1 else "left_to_right")


def _tagged(nodes: Sequence[Node], labels: Sequence[str], tagging: Tagging) -> CoreSchema:
    """The union of members that a tag tells apart. A choice is called after its first tag, which errors name."""
    choices: dict[Any, CoreSchema] = {}
    names: dict[int, str] = {}

    def add(name: str, core: CoreSchema) -> str:
        while name in choices:
            name += "_"
        choices[name] = core
        return name

    def one_of(indices: Sequence[int], name: str) -> str | None:
        """What objects without a tag, or other values than objects, are held against."""
        members = [(nodes[index], labels[index]) for index in indices if not _is_null(nodes[index])]
        if len(members) < 2:
            return next((names[i] for i in indices if i in names), None) or (
                add(members[0][1], members[0][0].core) if members else None
            )
        return add(name, _choice(members))

    tags: dict[int, Any] = {}
    for tag, index in tagging.members.items():
        tags.setdefault(index, tag[1] if isinstance(tag, tuple) else tag)
    for index in tagging.objects:
        names[index] = add(str(tags[index]), nodes[index].core)
    wrong = add(tagging.wire, core_schema.no_info_plain_validator_function(WrongTag(tagging)))
    absent = (one_of(tagging.optional, "untagged") if tagging.optional else None) or wrong
    other = one_of(tagging.others, "other")
    find, known = tagging.index, {**names, ABSENT: absent, UNKNOWN: wrong}

    def choose(value: Any) -> str | None:
        return known[find(value)] if isinstance(value, dict | BaseModel) else other

    return core_schema.tagged_union_schema(
        choices, choose, custom_error_type="object", custom_error_message="Input should be an object"
    )


def _either(one: Any, other: Any) -> Any:
    try:
        return one | other
    except TypeError:
        from typing import Union

        return Union[one, other]  # noqa: UP007
