"""What is compiled once and referred to, and what its parts know of each other."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic_core import CoreSchema

from ._document import Loc
from ._node import Node
from ._spec import Spec
from ._tags import Tagging, Tags

__all__ = ["Builder", "Owner", "Unit"]


class Unit:
    """A place and what it compiled to. `defs` are the definitions that `node.core` refers to."""

    __slots__ = (
        "circular",
        "cls",
        "defs",
        "done",
        "force_class",
        "height",
        "index",
        "loc",
        "low",
        "metered",
        "model",
        "name",
        "node",
        "ref",
        "registry",
        "unions",
        "ways",
    )

    def __init__(self, registry: Any, loc: Loc, name: str, ref: str) -> None:
        self.registry = registry
        self.loc = loc
        self.name = name
        self.ref = ref
        self.node: Node | None = None
        self.model: CoreSchema | None = None
        self.cls: Any = None
        self.defs: dict[str, CoreSchema] = {}
        self.done = False
        self.circular = False  # somebody refers to it by `ref`
        self.force_class = False  # a class even for an object without properties
        self.unions: list[list[set[int]]] = []  # per union, per member: the units it refers to
        self.metered = False  # it asks patterns or checks of ours, which share one budget a validation
        self.ways = 1  # how often one validation may come to what it leads to, at most
        self.height = 0  # how deep subschemas nest in it, with those in what it refers to
        self.index = -1
        self.low = -1


class Owner(Protocol):
    """What a compiler asks of the registry it works for."""

    module: str | None

    def _unit(self, loc: Loc) -> Unit: ...

    def _name(self, loc: Loc) -> str: ...

    def is_inline_enum(self, loc: Loc) -> bool: ...

    def _is_enum(self, unit: Unit) -> bool: ...

    def _is_model(self, spec: Spec, unit: Unit | None) -> bool: ...

    def _is_dynamic(self, loc: Loc) -> bool: ...

    def _tagging(self, loc: Loc, keyword: str) -> Tagging | None: ...

    def _members(self, loc: Loc, keyword: str) -> list[Tags]: ...


class Builder(Protocol):
    """What the making of a class asks of the compiler."""

    def node(self, loc: Loc) -> Node: ...

    def property_node(self, places: list[Loc]) -> Node: ...
