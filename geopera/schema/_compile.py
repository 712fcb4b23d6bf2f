"""From schemas to pydantic core schemas.

A *unit* is a place that is compiled once and then referred to: a named definition, the target of a
`$ref`, an object with properties. Units that refer to each other in a circle are finished together
(Tarjan's algorithm); a class of a circle gets its validator, which knows the others, at its first direct use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import CoreSchema, core_schema

from ._budget import Gate, too_deep
from ._check import Check
from ._classes import finish_class, make_enum, make_model
from ._document import Loc
from ._dynamic import settled
from ._errors import MAX_CHAIN, MAX_HEIGHT, MAX_LEVEL, MAX_WAYS
from ._model import Model
from ._node import (
    KEYS,
    KINDS,
    Node,
    any_node,
    array_node,
    boolean_node,
    fixed_node,
    has_surrogate,
    json_key,
    kind_of,
    never_node,
    null_node,
    number_node,
    object_node,
    plain_node,
    string_node,
)
from ._spec import ARRAY, NUMBER, OBJECT, STRING, Rest, Spec, constraints, reference, spec_of
from ._tags import Tagging
from ._unions import disjoint, each_of, union_of
from ._unit import Owner, Unit
from .regex.pattern import compile_pattern

__all__ = ["Compiler"]

_TYPE_ALONE = frozenset(["type"])
_INLINE = 30  # a unit of at most this size is copied into its users


class Compiler:
    """One run: compiles a unit and all the units it needs. The registry's lock is held."""

    def __init__(self, registry: Owner) -> None:
        self.registry = registry
        self.stack: list[Unit] = []  # units begun and not finished, as Tarjan has it
        self.current: list[Unit] = []  # the chain of units being compiled
        self.later: list[Unit] = []
        self.begun: set[int] = set()
        self.counter = 0
        self.level = 0  # how deep the subschema at hand is nested in its unit
        self.loops = 0  # references to units in the making, so far
        self.trace: list[Unit] = []  # the units referred to, in order

    # -- units -----------------------------------------------------------------------------------------

    def finish(self, unit: Unit) -> Unit:
        """Compile `unit`, unless it is finished."""
        if not unit.done:
            try:
                self._begin(unit, self.counter)
            except RecursionError:
                raise unit.loc.error("the schema is nested too deeply") from None
        return unit

    def _begin(self, unit: Unit, low: int) -> None:
        unit.index, unit.low = self.counter, low
        self.counter += 1
        self.begun.add(id(unit))
        self.stack.append(unit)
        self.current.append(unit)
        level, self.level = self.level, 0
        unit.node = self._unit_node(unit)
        self.level = level
        self.current.pop()
        while not self.current and self.later:
            self._begin_later(unit, self.later.pop())
        if unit.low == unit.index:
            at = self.stack.index(unit)
            group, self.stack = self.stack[at:], self.stack[:at]
            self._close(group)

    def _begin_later(self, first: Unit, unit: Unit) -> None:
        """Compile a unit that was put off; it is finished together with the first one."""
        if unit.done:
            first.defs.update(unit.defs)
            first.metered |= unit.metered
        elif id(unit) not in self.begun:
            self.current.append(first)
            self._begin(unit, 0)
            self.current.pop()

    def _close(self, group: Sequence[Unit]) -> None:
        circular = len(group) > 1 or group[0].circular
        ids = {id(unit) for unit in group}
        ways = max(unit.ways for unit in group)
        height = max(unit.height for unit in group)
        metered = any(unit.metered for unit in group)
        if height > MAX_HEIGHT:
            raise group[0].loc.error(f"schemas lead to one another more than {MAX_HEIGHT} levels deep")
        multiplies = ways > MAX_WAYS or any(
            sum(1 for member in union if member & ids) > 1 for unit in group for union in unit.unions
        )
        defs: dict[str, CoreSchema] = {}
        for unit in group:
            defs.update(unit.defs)
        for unit in group:
            assert unit.node is not None
            unit.defs, unit.ways, unit.height, unit.metered = defs, ways, height, metered
            if circular or multiplies or (unit.model is not unit.node.core and unit.node.size > _INLINE):
                body: Any = unit.node.core
                if multiplies and unit.unions:
                    gate = Gate(unit.ref, group[0].ref, 10 if ways > MAX_WAYS else 1)
                    body = core_schema.no_info_wrap_validator_function(gate, body)
                body = {**body, "ref": unit.ref}
                if unit.model is unit.node.core:
                    unit.model = core_schema.definition_reference_schema(unit.ref)
                unit.node.core = core_schema.definition_reference_schema(unit.ref)
                unit.node.size = 1
                defs[unit.ref] = body
            elif unit.model is not None:
                unit.node.size = 1
        definitions = list(defs.values())
        for unit in group:
            if unit.model is not None:
                finish_class(unit, definitions)
            unit.done = True

    def refer(self, loc: Loc) -> Node:
        """A node that stands for the unit at `loc`."""
        unit = self.registry._unit(loc)
        self.trace.append(unit)
        me = self.current[-1]
        if not unit.done:
            if id(unit) in self.begun:
                me.low = min(me.low, unit.index)
                return self._reference(unit, me)
            if len(self.current) >= MAX_CHAIN:
                self.later.append(unit)
                me.low = 0
                return self._reference(unit, me)
            self._begin(unit, self.counter)
            if not unit.done:
                me.low = min(me.low, unit.low)
                return self._reference(unit, me)
        assert unit.node is not None
        me.defs.update(unit.defs)
        me.metered |= unit.metered
        me.ways = max(me.ways, unit.ways)
        me.height = max(me.height, self.level + unit.height)
        node = unit.node
        return Node(node.core, node.hint, node.kinds, open=node.open, size=node.size)

    def _reference(self, unit: Unit, me: Unit) -> Node:
        unit.circular = True
        self.loops += 1
        hint: Any = unit.cls if unit.cls is not None else Any
        kinds = KINDS if unit.node is None else unit.node.kinds
        core = core_schema.definition_reference_schema(unit.ref)
        return Node(core, hint, kinds, open=unit.cls is None)

    def _unit_node(self, unit: Unit) -> Node:
        schema = unit.loc.schema
        if self.registry._is_enum(unit):
            unit.cls = make_enum(unit, schema["enum"])
            return fixed_node(schema["enum"], list(unit.cls))
        return self._compile(unit.loc, unit)

    # -- any schema --------------------------------------------------------------------------------------

    def node(self, loc: Loc) -> Node:
        """The node of a subschema."""
        self.level += 1
        me = self.current[-1]
        me.height = max(me.height, self.level)
        node = self._node(loc)
        self.level -= 1
        return node

    def _node(self, loc: Loc) -> Node:
        schema = loc.schema
        if isinstance(schema, bool):
            return any_node() if schema else never_node()
        keys = constraints(schema)
        if not keys:
            return any_node()
        if keys == _TYPE_ALONE and (node := plain_node(schema["type"])) is not None:
            return node
        if (bare := reference(loc)) is not None:
            return self.refer(bare)
        if keys == {"$dynamicRef"} and (target := settled(loc)) is not None:
            return self.refer(target)
        if not keys.isdisjoint(
            ("properties", "allOf", "$ref", "$dynamicRef")
        ) or self.registry.is_inline_enum(loc):
            return self.refer(loc)
        if self.level >= MAX_LEVEL:
            return self.refer(loc)
        return self._compile(loc, None)

    def property_node(self, places: list[Loc]) -> Node:
        """A property that one place or several speak of: the first gives the type, the others check."""
        node = self.node(places[0])
        return self._checked(node, [Rest(place, None) for place in places[1:]])

    def _compile(self, loc: Loc, unit: Unit | None) -> Node:
        schema = loc.schema
        if isinstance(schema, bool):
            return any_node() if schema else never_node()
        keys = constraints(schema)
        if unit is not None and self.registry._is_dynamic(loc):
            return self._checked(any_node(), [Rest(loc, None)])
        if (bare := reference(loc)) is not None:
            return self.refer(bare)
        if keys == _TYPE_ALONE and (node := plain_node(schema["type"])) is not None:
            return node
        if keys == {"allOf"} and len(schema["allOf"]) == 1:
            return self.node(loc.sub("allOf", "0"))
        spec = spec_of(loc)
        if spec.never:
            return never_node()
        if any(map(has_surrogate, (*spec.props, *spec.base.get("required", ())))):
            return self._checked(any_node(), [Rest(loc, None)])  # pydantic takes no such names
        return self._spec_node(spec, loc, unit)

    def _checked(self, node: Node, rests: list[Rest]) -> Node:
        if not rests:
            return node
        self.current[-1].metered = True
        core = core_schema.no_info_after_validator_function(Check(rests), node.core)
        return Node(core, node.hint, node.kinds, open=node.open, size=node.size + 1)

    def _spec_node(self, spec: Spec, loc: Loc, unit: Unit | None) -> Node:
        own = spec.keywords() - {"type", "open"}
        if spec.unions and not own & {"properties", "enum", "const", "items", "additionalProperties"}:
            # The union carries the types; what stands beside it is checked.
            carrier, keyword = spec.unions[0]
            rests = [*spec.rests, *(Rest(at, frozenset([key])) for at, key in spec.unions[1:])]
            node = self._union(carrier, keyword, rests)
            if own or "type" in spec.base:
                types = spec.base.get("type")
                if (
                    own
                    or not node.kinds <= _kinds(types)
                    or (types and "integer" in types and "number" in node.kinds)
                ):
                    rests = [*rests, *_beside(loc, carrier)]
            return self._checked(node, rests)
        rests = [*spec.rests, *(Rest(at, frozenset([key])) for at, key in spec.unions)]
        if "enum" in spec.base or "const" in spec.base:
            return self._checked(self._fixed(spec, loc), rests)
        return self._typed(spec, loc, unit, rests)

    # -- unions --------------------------------------------------------------------------------------------

    def _union(self, loc: Loc, keyword: str, rests: list[Rest]) -> Node:
        places = [loc.sub(keyword, str(i)) for i in range(len(loc.schema[keyword]))]
        nodes: list[Node] = []
        members: list[set[int]] = []
        loops, first = self.loops, len(self.trace)
        for place in places:
            start = len(self.trace)
            nodes.append(self.node(place))
            members.append({id(unit) for unit in self.trace[start:]})
        me = self.current[-1]
        tagging = self.registry._tagging(loc, keyword)
        # Without a tag, each member is tried: that multiplies where several of them lead to the same.
        tried = range(len(nodes)) if tagging is None else tagging.others
        if tagging is None or len(tagging.optional) > 1:
            me.unions.append(members)
        elif len(tried) > 1:
            me.unions.append([members[index] for index in tried])
        labels = [self._label(place) for place in places]
        left = [nodes[i] if tagging is None else _no_object(nodes[i], i, tagging) for i in tried]
        overlapping = not disjoint(left) or (tagging is not None and len(tagging.optional) > 1)
        if overlapping:
            me.ways = max(me.ways, sum(unit.ways for unit in self.trace[first:]))
            if tagging is None and (keyword == "oneOf" or self.loops != loops):
                known = self.registry._members(loc, keyword)
                return each_of(nodes, labels, known, exactly_one=keyword == "oneOf")
            if keyword == "oneOf":
                rests.append(Rest(loc, frozenset(["oneOf"]), tagging.wire if tagging is not None else None))
        # The best fit is found by trying all members, which multiplies where they lead back here.
        return union_of(nodes, labels, tagging, smart=self.loops == loops)

    def _label(self, loc: Loc) -> str:
        schema = loc.schema
        if isinstance(schema, Mapping):
            if "$ref" in schema:
                return self.registry._name(loc.doc.resolve(schema["$ref"], loc))
            if isinstance(schema.get("type"), str) and "properties" not in schema:
                return str(schema["type"])
        return self.registry._name(loc)

    # -- fixed values, types -------------------------------------------------------------------------------

    def _fixed(self, spec: Spec, loc: Loc) -> Node:
        values = list(spec.base["enum"]) if "enum" in spec.base else [spec.base["const"]]
        if "const" in spec.base:
            wanted = json_key(spec.base["const"])
            values = [value for value in values if json_key(value) == wanted]
        types = spec.base.get("type")
        if types is not None:
            values = [value for value in values if _has_type(value, types)]
        if not values:
            return never_node()
        rest = spec.keywords() - {"enum", "const", "type", "open"}
        if rest or spec.subs or spec.has_props:
            return self._checked(fixed_node(values), [Rest(loc, None)])
        return fixed_node(values)

    def _typed(self, spec: Spec, loc: Loc, unit: Unit | None, rests: list[Rest]) -> Node:
        types: set[str] | None = spec.base.get("type")
        if types is None:
            return self._checked(self._untyped(spec, loc, unit), rests)
        if types == {"object"} and self.registry._is_model(spec, unit):
            assert unit is not None
            return make_model(self, unit, spec, rests)
        nodes = [self._one_type(name, spec, loc, unit) for name in sorted(types)]
        return self._checked(union_of(nodes, sorted(types)), rests)

    def _one_type(self, name: str, spec: Spec, loc: Loc, unit: Unit | None) -> Node:
        if name == "null":
            return null_node()
        if name == "boolean":
            return boolean_node()
        if name in ("number", "integer"):
            return number_node(
                {k: spec.base[k] for k in NUMBER & spec.base.keys()}, integer=name == "integer"
            )
        if name == "string":
            pattern = compile_pattern(spec.base["pattern"]) if "pattern" in spec.base else None
            self.current[-1].metered |= pattern is not None and pattern.rust is None
            return string_node(spec.base, pattern)
        if name == "array":
            return self._array(spec, loc)
        return self._object(spec, loc, unit)

    def _untyped(self, spec: Spec, loc: Loc, unit: Unit | None) -> Node:
        """No `type`: every keyword speaks of its own JSON type, and all the others pass."""
        keys = spec.keywords()
        steps: list[CoreSchema] = []
        size = 2
        for kind, words in (("number", NUMBER), ("string", STRING), ("array", ARRAY), ("object", OBJECT)):
            if keys & words:
                node = self._one_type(kind, spec, loc, unit)
                steps.append(core_schema.no_info_wrap_validator_function(_ONLY[kind], node.core))
                size += node.size
        if not steps:
            return any_node()
        core = steps[0] if len(steps) == 1 else core_schema.chain_schema(steps)
        return Node(core, Any, open=True, size=size)

    def _array(self, spec: Spec, loc: Loc) -> Node:
        items = self.node(spec.subs["items"]) if "items" in spec.subs else None
        node = array_node(spec.base, items)
        if spec.base.get("uniqueItems"):
            node.core = core_schema.no_info_after_validator_function(_unique, node.core)
        return node

    def _object(self, spec: Spec, loc: Loc, unit: Unit | None) -> Node:
        if self.registry._is_model(spec, unit):
            assert unit is not None
            return make_model(self, unit, spec, [])
        extras = spec.subs.get("additionalProperties")
        rests = []
        if "required" in spec.base:
            rests.append(spec.base["required"])
        node = object_node()
        if extras is not None and extras.schema is not True:
            if isinstance(extras.schema, bool):
                none = core_schema.dict_schema(KEYS, max_length=0, strict=True)
                node = Node(none, dict[str, Any], frozenset(["object"]), open=True)
            else:
                values = self.node(extras)
                plain = core_schema.dict_schema(KEYS, values.core, strict=True)
                core = core_schema.no_info_before_validator_function(_as_dict, plain)
                hint = dict[str, values.hint]  # type: ignore[name-defined]
                node = Node(core, hint, frozenset(["object"]), open=True, size=2 + values.size)
        if rests:
            node.core = core_schema.no_info_after_validator_function(_Required(rests[0]), node.core)
        return node


def _as_dict(value: Any) -> Any:
    return value.to_dict() if isinstance(value, Model) else value


def _no_object(node: Node, index: int, tagging: Tagging) -> Node:
    """A member of a tagged union as what it takes beside objects."""
    return Node(node.core, node.hint, node.kinds - {"object"}) if index in tagging.objects else node


class _Only:
    """Hands values of one JSON type on and lets all others pass."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, value: Any, handler: Any) -> Any:
        if kind_of(value) != self.kind:
            return value
        try:
            return handler(value)
        except RecursionError:
            raise too_deep() from None


_ONLY = {kind: _Only(kind) for kind in KINDS}


class _Required:
    """The names an object must have, where no model has fields for them."""

    __slots__ = ("names",)

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def __call__(self, value: Any) -> Any:
        from pydantic_core import PydanticCustomError

        for name in self.names:
            if name not in value:
                raise PydanticCustomError("missing", "The member {name} is required", {"name": repr(name)})
        return value


def _unique(value: list[Any]) -> list[Any]:
    from pydantic_core import PydanticCustomError

    try:
        keys = set(map(json_key, value))
    except RecursionError:
        raise too_deep() from None
    if len(keys) < len(value):
        raise PydanticCustomError("unique_items", "The items should be unique")
    return value


_MERGED = NUMBER | STRING | {"type", "required", "minItems", "maxItems", "uniqueItems"}


def _kinds(types: Any) -> frozenset[str]:
    if types is None:
        return KINDS
    return frozenset("number" if name == "integer" else name for name in types)


def _has_type(value: Any, types: set[str]) -> bool:
    kind = kind_of(value)
    if kind == "number" and "number" not in types:
        return "integer" in types and value == int(value)
    return kind in types


def _beside(loc: Loc, carrier: Loc) -> list[Rest]:
    """The checks for a schema that has a union and something else."""
    keys = constraints(loc.schema)
    if (carrier is loc or carrier.key == loc.key) and keys.isdisjoint(("allOf", "$ref", "$dynamicRef")):
        rest = keys & _MERGED  # what else stands there is left to be checked already
        return [Rest(loc, rest)] if rest else []
    return [Rest(loc, None)]
