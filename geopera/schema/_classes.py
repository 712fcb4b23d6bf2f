"""The classes that a compiler makes: models for objects with properties, enums for named sets of strings."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator, core_schema

from .._display.safe import safe
from .._names import enum_members, field_names
from ._budget import whole
from ._check import Check
from ._fields import Layout, Moment, Opener
from ._lazy import LazyValidator
from ._model import Model, ModelMeta, SchemaEnumMeta, class_reference
from ._node import Node, any_node, never_node

if TYPE_CHECKING:
    from ._spec import Rest, Spec
    from ._unit import Builder, Unit

__all__ = ["finish_class", "make_enum", "make_model"]

#: What classes that no module holds say of theirs.
NOWHERE = "geopera.schema.adhoc"


def make_enum(unit: Unit, values: list[str]) -> type[Enum]:
    """``class GcsRegion(str, Enum)``; a member is called after its value, and is its value when printed."""
    namespace = SchemaEnumMeta.__prepare__(unit.name, (str, Enum))
    for key, member in enum_members(values).items():
        namespace[key] = member
    namespace["__str__"] = lambda self: str.__str__(self.value)
    namespace["__reduce_ex__"] = lambda self, protocol: (_member, (class_reference(type(self)), self.value))
    namespace["__module__"] = unit.registry.module or NOWHERE
    namespace["__qualname__"] = unit.name
    namespace["__doc__"] = _description(unit.loc.schema) or f"One of {', '.join(map(repr, values[:8]))}."
    cls = SchemaEnumMeta(unit.name, (str, Enum), namespace)
    cls.__origin_unit__ = unit
    return cls  # type: ignore[return-value]


def _member(cls: Any, value: str) -> Any:
    return cls(value)


def _description(schema: Any) -> str:
    if isinstance(schema, dict):
        for keyword in ("description", "title"):
            if isinstance(schema.get(keyword), str):
                return safe(schema[keyword])
    return ""


def _is_moment(schema: Any) -> bool:
    """Whether a schema is that of a date-time, or of one or null."""
    if not isinstance(schema, dict):
        return False
    if schema.get("format") == "date-time":
        return schema.get("type") in ("string", ["string", "null"], ["null", "string"])
    branches = schema.get("anyOf")
    if not isinstance(branches, list):
        return False
    others = [branch for branch in branches if branch != {"type": "null"}]
    return (
        len(others) == 1
        and isinstance(others[0], dict)
        and "anyOf" not in others[0]
        and _is_moment(others[0])
    )


def make_model(compiler: Builder, unit: Unit, spec: Spec, rests: list[Rest]) -> Node:
    """The class of `unit` and the node that validates to it."""
    name = unit.name
    if unit.registry.module == "geopera.models":
        import_module(unit.registry.module)  # cloudpickle refers to a class by a module that is there already
    namespace = {
        "__module__": unit.registry.module or NOWHERE,
        "__qualname__": name,
        "__doc__": _description(unit.loc.schema) or f"The schema {name}.",
    }
    make: Any = ModelMeta  # checkers mistake the metaclass for a model
    cls: Any = make(name, (Model,), namespace)
    # Only the class itself is finished later. What is made of it, as FastAPI does, is to be complete at once.
    cls.model_config["defer_build"] = False
    unit.cls = cls
    cls.__origin_unit__ = unit
    required = dict.fromkeys(spec.base.get("required", ()))
    wires = [wire for wire in spec.props if wire in required]
    wires += [wire for wire in required if wire not in spec.props]
    wires += [wire for wire in spec.props if wire not in required]
    names = field_names(wires)
    extras = spec.subs.get("additionalProperties")
    is_open = "open" in spec.base or not spec.has_props or (extras is not None and extras.schema is not False)
    cls.__layout__ = Layout(names, is_open)
    extra_node = compiler.node(extras) if extras is not None and not isinstance(extras.schema, bool) else None
    forbids = extras is not None and extras.schema is False
    fields: dict[str, core_schema.ModelField] = {}
    written: dict[str, core_schema.ModelField] = {}
    infos: dict[str, FieldInfo] = {}
    hints: dict[str, Any] = {}
    optional: dict[int, core_schema.ModelField] = {}  # by the identity of the core: scalars share theirs
    for wire in wires:
        python = names[wire]
        if wire in spec.props:
            node = compiler.property_node(spec.props[wire])
        else:
            node = extra_node or (never_node() if forbids else any_node())
        alias = wire if wire != python else None
        core, hint = node.core, node.hint
        is_moment = wire in spec.props and _is_moment(spec.props[wire][0].schema)
        if is_moment:
            hint = datetime | None if "null" in node.kinds else datetime
            setattr(cls, python, Moment(python))
        if wire in required:
            infos[python] = FieldInfo(annotation=hint, alias=alias)
            fields[python] = core_schema.model_field(core, validation_alias=alias)
        elif alias is not None:
            infos[python] = FieldInfo(annotation=hint, alias=alias, default=None)
            core = core_schema.with_default_schema(core, default=cls.__layout__.blank[python])
            fields[python] = core_schema.model_field(core, validation_alias=alias)
        else:
            infos[python] = _optional(hint) if hint in _SCALARS else FieldInfo(annotation=hint, default=None)
            field = optional.get(id(core))
            if field is None:
                blank = core_schema.with_default_schema(core, default=None)
                field = optional[id(core)] = core_schema.model_field(blank)
            fields[python] = field
        written[python] = (
            _WRITTEN_AS_IS if alias is None else core_schema.model_field(_ANY, serialization_alias=alias)
        )
        hints[python] = hint
        if node.open or (alias is not None and wire not in required and not is_moment):
            setattr(cls, python, Opener(python))
    cls.__annotations__ = hints
    cls.__pydantic_fields__ = infos
    inner: CoreSchema = core_schema.model_fields_schema(
        fields,
        model_name=name,
        extra_behavior="forbid" if forbids else "allow",
        extras_schema=extra_node.core if extra_node else None,
    )
    if rests:
        unit.metered = True
        check = Check(rests)
        wire_of = cls.__layout__.wires
        inner = core_schema.no_info_after_validator_function(
            lambda state: check.fields(state, wire_of), inner
        )
    # Also for the class alone, whose JSON Schema pydantic makes from this one. Inside other models pydantic adds
    # the same function, if it is not there already.
    described = {"pydantic_js_functions": [cls.__get_pydantic_json_schema__]}
    core = core_schema.model_schema(
        cls, inner, extra_behavior="allow", metadata=described, serialization=_INSIDE_OTHERS
    )
    unit.model = core
    cls.__pydantic_serializer__ = SchemaSerializer(
        core_schema.model_schema(
            cls, core_schema.model_fields_schema(written, extra_behavior="allow"), extra_behavior="allow"
        )
    )
    return Node(core, cls, frozenset(["object"]), size=10 + len(fields))


_ANY = core_schema.any_schema()
_WRITTEN_AS_IS = core_schema.model_field(_ANY)
_SCALARS = frozenset([str, int, float, bool, Any])


@cache
def _optional(hint: Any) -> FieldInfo:
    """What pydantic keeps of an optional field without another name; nobody changes it, so classes share it."""
    return FieldInfo(annotation=hint, default=None)


def _written_inside(value: Any, info: Any) -> Any:
    """How a user's own model, or FastAPI, writes one of these classes: as it writes itself."""
    if not isinstance(value, Model):
        return value
    return value.__pydantic_serializer__.to_python(value, mode=info.mode, by_alias=True, exclude_unset=True)


_INSIDE_OTHERS = core_schema.plain_serializer_function_ser_schema(_written_inside, info_arg=True)


def finish_class(unit: Unit, definitions: list[CoreSchema]) -> None:
    """Give the class its validator, now that all it refers to is known; `definitions` are what that is."""
    cls, core = unit.cls, unit.model
    if not issubclass(cls, BaseModel):
        return
    assert core is not None
    if definitions:
        cls.__pydantic_core_schema__ = core_schema.definitions_schema(core, definitions)
        cls.__pydantic_validator__ = LazyValidator(cls, metered=unit.metered)
        return
    cls.__pydantic_core_schema__ = core
    cls.__pydantic_validator__ = SchemaValidator(whole(core) if unit.metered else core)
    cls.__pydantic_complete__ = True
