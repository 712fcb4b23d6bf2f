"""The adapter: a pydantic TypeAdapter over a compiled schema."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

from pydantic import ConfigDict, TypeAdapter
from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator, core_schema

from ._budget import whole
from ._jsonschema import json_schema

if TYPE_CHECKING:
    from ._unit import Unit

__all__ = ["Adapter", "SchemaType"]

_serializer: SchemaSerializer | None = None
_WIRE = {"by_alias": True, "exclude_unset": True}


class SchemaType:
    """Stands for a schema where pydantic wants a type: ``Annotated[..., SchemaType]``, ``TypeAdapter(t)``."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    @property
    def __name__(self) -> str:
        return self.unit.name

    def __repr__(self) -> str:
        return self.unit.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.unit.name} is not an object schema and has no class")

    def core(self) -> CoreSchema:
        unit = self.unit
        assert unit.node is not None
        if unit.defs:
            return core_schema.definitions_schema(unit.node.core, list(unit.defs.values()))
        return unit.node.core

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return self.core()

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        return json_schema(self.unit.registry, self.unit.loc, core, handler)


class Adapter(TypeAdapter[Any]):  # type: ignore[misc]  # final for checkers; only its attributes are set here
    """A TypeAdapter whose schema was written in JSON. Pickles as its schema."""

    type: SchemaType

    def __init__(self, unit: Unit) -> None:
        global _serializer
        self.type = SchemaType(unit)
        super().__init__(cast(Any, self.type), config=ConfigDict(defer_build=True))
        if _serializer is None:
            _serializer = SchemaSerializer(core_schema.any_schema())
        self.core_schema = self.type.core()
        core = whole(self.core_schema) if unit.metered else self.core_schema
        self.validator = SchemaValidator(core, {"title": unit.name})
        self.serializer = _serializer
        self.pydantic_complete = True

    def __repr__(self) -> str:
        return f"TypeAdapter({self.type!r})"

    def dump_python(self, instance: Any, /, **options: Any) -> Any:
        """As pydantic's, with `by_alias` and `exclude_unset` true by default: wire names, and what was set."""
        return super().dump_python(instance, **{**_WIRE, **options})

    def dump_json(self, instance: Any, /, **options: Any) -> bytes:
        """As `dump_python`, as JSON text."""
        return super().dump_json(instance, **{**_WIRE, **options})

    def json_schema(self, **_: Any) -> dict[str, Any]:
        """The JSON Schema this was made from."""
        schema = self.type.unit.loc.schema
        return deepcopy(dict(schema)) if isinstance(schema, Mapping) else ({} if schema else {"not": {}})
