"""The base of every built class: how an instance is made, read, changed and turned into JSON."""

from __future__ import annotations

import sys
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from enum import EnumMeta
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import MISSING

from .._display.shown import Shown
from .._names import did_you_mean
from .._values.fields import FIELDS, given
from .._values.geometry import geo_interface_of
from ..geo.methods import Tables
from ..types import PAGE_ONLY, UNSET, page_method, page_records
from ._fields import ClassSignature, Layout, opened
from ._jsonschema import json_schema, reference_name
from ._plain import prepare

__all__ = [
    "DEPRECATED",
    "ClassRef",
    "Model",
    "ModelMeta",
    "SchemaEnumMeta",
    "class_reference",
]

#: What pydantic keeps of its first version. A field may hide it, and `dir()` leaves it out.
DEPRECATED = frozenset(
    (
        *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw"),
        *("schema", "schema_json", "update_forward_refs", "validate"),
    )
)


class ModelMeta(type(BaseModel)):  # type: ignore[misc]  # the public way to the class of pydantic's classes
    """The class of the classes; there only so that classes made at run time can be pickled."""

    __layout__: Layout | None
    __origin_unit__: Any


class SchemaEnumMeta(EnumMeta):
    """The same for enums."""

    __origin_unit__: Any


class ClassRef:
    """Stands for a class in a pickle; `_pickle` says how it is rebuilt. One per class, so that it is written once."""

    __slots__ = ("cls",)

    def __init__(self, cls: Any) -> None:
        self.cls = cls


def importable(cls: Any) -> bool:
    """Whether the module that a class names has it under its name."""
    name = cls.__module__
    module = sys.modules.get(name)
    try:
        if module is None and name == "geopera.models":
            module = import_module(name)
        return module is not None and getattr(module, cls.__qualname__, None) is cls
    except (ImportError, AttributeError, KeyError):
        return False


def class_reference(cls: Any) -> Any:
    """What stands for `cls` in the pickle of an instance: the class if it can be imported, else its schema.

    cloudpickle writes a class that no module holds with all that it refers to, locks included, and asks no
    function registered for its class. So the instance must not name such a class.
    """
    found = cls.__dict__.get("__reference__")
    if found is None:
        found = cls if importable(cls) else ClassRef(cls)
        type.__setattr__(cls, "__reference__", found)
    return found


def _blank(cls: type[Model]) -> Model:
    return cls.__new__(cls)


class Model(Shown, Tables, BaseModel, metaclass=ModelMeta):
    """An object that a JSON Schema describes: a pydantic model, and a mapping of wire names.

    As a mapping it holds what was given, under wire names: ``dict(model)``, ``{**model}``, ``len(model)``.
    Fields are also attributes under their Python names (``datetime_``), and ``model["datetime_"]`` reads the same
    as ``model["datetime"]``. An optional field that is absent is not a key and reads None as an attribute.
    A field whose format is date-time reads as a `datetime`; `to_dict` and the dumps have its text as it came.
    Two models are equal if they are of one class and hold the same; they can be changed, so they have no hash.
    What the schema does not know is kept in `additional_properties`, and reads the same two ways.
    Constructors take either name for a field, and raise TypeError for a name that a closed schema
    does not have, pydantic's ValidationError (a ValueError) for a wrong value.
    """

    model_config = ConfigDict(
        extra="allow", defer_build=True, protected_namespaces=(), validate_assignment=True
    )

    if TYPE_CHECKING:
        __layout__: ClassVar[Layout | None]
        __origin_unit__: ClassVar[Any]
    else:  # without annotations, which pydantic would evaluate again for every class
        __layout__ = None
        __origin_unit__ = None
        __signature__ = ClassSignature()
        __slots__ = ("_page",)  # of which operation's result this is: see `page_records`

    def __init__(self, /, *args: Any, **fields: Any) -> None:
        cls = type(self)
        layout = cls._layout()
        if args:
            if len(args) > len(layout.order):
                raise TypeError(
                    f"{cls.__name__} takes {len(layout.order)} positional arguments, got {len(args)}"
                )
            for name, value in zip(layout.order, args, strict=False):
                if name in fields:
                    raise TypeError(f"{cls.__name__} got {name!r} twice")
                fields[name] = value
        data: dict[str, Any] = {}
        wires, names = layout.wires, layout.names
        for name, value in fields.items():
            if value is UNSET:
                continue
            wire = wires.get(name)
            if wire is None:
                wire = name
                if name not in names and not layout.is_open:
                    hint = did_you_mean(name, (*wires, *names))
                    raise TypeError(f"{cls.__name__} has no field {name!r}{hint}")
            if wire in data:
                raise TypeError(f"{cls.__name__} got {name!r} under both of its names")
            if wire in FIELDS:
                value = given(wire, value, search="limit" in names)
            data[wire] = prepare(value)
        self.__pydantic_validator__.validate_python(data, self_instance=self, by_alias=True, by_name=True)

    @classmethod
    def _layout(cls) -> Layout:
        layout = cls.__dict__.get("__layout__")
        if layout is None:  # a subclass that somebody wrote
            names = {field.alias or name: name for name, field in cls.__pydantic_fields__.items()}
            inherited = cls.__layout__
            layout = Layout(names, inherited.is_open if inherited else True)
            cls.__layout__ = layout
        return layout

    # -- JSON ----------------------------------------------------------------------------------------

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """As pydantic's, with `by_alias` and `exclude_unset` true by default: wire names, and what was given."""
        return super().model_dump(**{**_WIRE, **options})

    def model_dump_json(self, **options: Any) -> str:
        """As `model_dump`, as JSON text."""
        return super().model_dump_json(**{**_WIRE, **options})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON under wire names: what was set and the additional properties, nothing else."""
        result: dict[str, Any] = self.__pydantic_serializer__.to_python(
            self, mode="json", by_alias=True, exclude_unset=True
        )
        return result

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Make an instance from a JSON object under wire names; unknown names are kept.

        Args:
            src_dict: The object.

        Returns:
            An instance of this class.

        Raises:
            pydantic.ValidationError: If the object does not fit the schema.
        """
        result: Self = cls.__pydantic_validator__.validate_python(
            dict(src_dict), by_alias=True, by_name=False
        )
        return result

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """GeoJSON, where this is a feature, a page of features or a geometry (AttributeError elsewhere)."""
        return geo_interface_of(self)

    def _members(self) -> dict[str, Any]:
        """What was given, under wire names, as it is stored: quick to read, and shared with the model."""
        given, wires, values = self.__pydantic_fields_set__, type(self)._layout().wires, self.__dict__
        found = {wire: values[name] for name, wire in wires.items() if name in given}
        found.update(self.__pydantic_extra__ or ())
        return found

    # -- what the schema does not know ---------------------------------------------------------------

    @property
    def additional_properties(self) -> dict[str, Any]:
        """The live dict of members that the schema has no field for, by wire name."""
        extra = self.__pydantic_extra__
        if extra is None:
            extra = {}
            object.__setattr__(self, "__pydantic_extra__", extra)
        for key, value in extra.items():
            if type(value) is dict or type(value) is list:
                extra[key] = opened(value)
        return extra

    @additional_properties.setter
    def additional_properties(self, value: Mapping[str, Any]) -> None:
        object.__setattr__(self, "__pydantic_extra__", dict(value))

    @property
    def additional_keys(self) -> list[str]:
        return list(self.__pydantic_extra__ or ())

    # -- by key --------------------------------------------------------------------------------------

    def _name_of(self, key: str) -> str | None:
        layout = type(self)._layout()
        return layout.names.get(key) or (key if key in layout.wires else None)

    def _has(self, name: str | None) -> bool:
        return name in self.__pydantic_fields_set__ and self.__dict__.get(name or "", MISSING) is not MISSING

    def __getitem__(self, key: str) -> Any:
        if not isinstance(key, str):
            raise self._no_list(key)
        value = self.get(key, MISSING)
        if value is MISSING:
            raise MissingKey(key, self)
        return value

    def _no_list(self, key: Any) -> TypeError:
        text = f"[{key!r}]" if not isinstance(key, slice) else f"[{_slice(key)}]"
        fault = f"a {type(self).__name__} is a mapping of its fields, not a list"
        place = "records" if page_records(self) is not None else None
        return TypeError(f"{fault}; use page.{place}{text}" if place else f"{fault}: {text}")

    def _hint(self, name: str) -> str:
        """The names that resemble `name`, also among the properties of a feature."""
        names = [*type(self)._layout().order, *(self.__pydantic_extra__ or ())]
        inner = self.get("properties")
        if isinstance(inner, Mapping):
            for key in inner:
                if isinstance(key, str) and name.lower() in (key.lower(), key.rpartition(":")[2].lower()):
                    return f"; did you mean .properties[{key!r}]?"
        return did_you_mean(name, names)

    def __setitem__(self, key: str, value: Any) -> None:
        name = self._name_of(key)
        if name is None:
            self.additional_properties[key] = value
        else:
            setattr(self, name, value)

    def __delitem__(self, key: str) -> None:
        name = self._name_of(key)
        if name is not None and self._has(name):
            delattr(self, name)
        else:
            del self.additional_properties[key]

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        return self._has(self._name_of(key)) or key in (self.__pydantic_extra__ or ())

    def get(self, key: str, default: Any = None) -> Any:
        """The field or additional property `key` (wire or Python name), or `default` where it is absent."""
        if not isinstance(key, str):
            return default
        extra = self.__pydantic_extra__
        layout = type(self)._layout()
        name = layout.names.get(key)
        if name is None:
            if extra and key in extra:
                return self.additional_properties[key]
            name = key if key in layout.wires else None
        return getattr(self, name) if name is not None and self._has(name) else default

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # pydantic gives pairs; a mapping gives keys
        for wire, name in type(self)._layout().names.items():
            if self._has(name):
                yield wire
        yield from list(self.__pydantic_extra__ or ())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys(self) -> KeysView[str]:
        """The wire names of what was given."""
        return KeysView(_mapping(self))

    def values(self) -> ValuesView[Any]:
        """The values of what was given."""
        return ValuesView(_mapping(self))

    def items(self) -> ItemsView[str, Any]:
        """(wire name, value) of what was given."""
        return ItemsView(_mapping(self))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    # -- a page --------------------------------------------------------------------------------------

    @property
    def records(self) -> list[Any]:
        """The records of a page, whatever the member is called. Raises AttributeError: if this is not a page."""
        found = page_records(self)
        if found is None:
            raise AttributeError("records")  # `__getattr__` says why
        return found

    @property
    def explore(self) -> Any:
        """Of a page: its footprints on a map, `explore(**options)`. Raises AttributeError: if this is not a page."""
        return page_method(self, "explore")

    @property
    def quicklooks(self) -> Any:
        """Of a page: the pictures of its scenes, `quicklooks(**options)`. Raises AttributeError: if this is not a page."""
        return page_method(self, "quicklooks")

    # -- attributes ----------------------------------------------------------------------------------

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Python, pydantic and IPython ask for names of their own: data with such a name is read by key.
            if name.startswith("__"):
                raise AttributeError(name)
            if name.startswith("_"):
                if name in type(self).__private_attributes__:
                    return super().__getattr__(name)
                raise AttributeError(name)
            extra = (self.__dict__ and self.__pydantic_extra__) or getattr_extra(self)
            if extra and name in extra:
                return self.additional_properties[name]
            if name in PAGE_ONLY:
                raise AttributeError(
                    f"a {type(self).__name__} is not a page of records and has no {name}", name=name, obj=self
                )
            hint = self._hint(name) if extra is not None else ""
            raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}", name=name, obj=self)

        def __setattr__(self, name: str, value: Any) -> None:
            layout = type(self)._layout()
            if name in layout.wires:
                if value is UNSET:
                    delattr(self, name)
                else:
                    wire = layout.wires[name]
                    if wire in FIELDS:
                        value = given(wire, value, search="limit" in layout.names)
                    value = prepare(value)
                    self.__pydantic_validator__.validate_assignment(self, name, value)
            elif not name.startswith("_") and not hasattr(type(self), name):
                if not layout.is_open and name not in (self.__pydantic_extra__ or ()):
                    hint = did_you_mean(name, layout.order)
                    raise AttributeError(
                        f"{type(self).__name__} has no field {name!r}{hint}", name=name, obj=self
                    )
                self.additional_properties[name] = value
            else:
                super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            if name in type(self)._layout().wires:
                if not self._has(name):
                    raise AttributeError(f"{name!r} is not set", name=name, obj=self)
                self.__dict__[name] = type(self)._layout().blank[name]
                self.__pydantic_fields_set__.discard(name)
            else:
                super().__delattr__(name)

    def __dir__(self) -> Iterator[str]:
        hidden = DEPRECATED - set(type(self)._layout().wires)
        if page_records(self) is None:
            hidden |= PAGE_ONLY
        yield from (name for name in super().__dir__() if name not in hidden)
        yield from (
            key for key in self.__pydantic_extra__ or () if key.isidentifier() and not key.startswith("_")
        )

    # -- copies and pickles --------------------------------------------------------------------------

    def __copy__(self) -> Self:
        new: Self = _same_page(self, super().__copy__())
        return new

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        new: Self = _same_page(self, super().__deepcopy__(memo))
        return new

    def __reduce_ex__(self, protocol: Any) -> Any:
        cls = type(self)
        if "__origin_unit__" not in cls.__dict__:  # a subclass that somebody wrote
            return super().__reduce_ex__(protocol)
        return _blank, (class_reference(cls),), self.__getstate__()

    def __getstate__(self) -> dict[Any, Any]:
        state: dict[Any, Any] = super().__getstate__()
        page = getattr(self, "_page", None)
        return {**state, "_page": page} if page else state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        page = state.pop("_page", None)
        super().__setstate__(state)
        if page:
            object.__setattr__(self, "_page", page)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        unit = cls.__dict__.get("__origin_unit__")
        if unit is None or source is not cls:
            return handler(source)
        # Under a name, so that the JSON Schema of another model defines it once and refers to it.
        core = cls.__pydantic_core_schema__
        name = reference_name(unit.registry, unit.loc)
        if core["type"] == "definitions":
            return {**core, "schema": {**core["schema"], "ref": name}}
        return {**core, "ref": name}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        unit = cls.__dict__.get("__origin_unit__")
        if unit is None:
            return super().__get_pydantic_json_schema__(core_schema, handler)
        return json_schema(unit.registry, unit.loc, core_schema, handler)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        given = self.__pydantic_fields_set__
        yield from (
            (name, value) for name, value in self.__dict__.items() if name in given and value is not MISSING
        )
        yield from (self.__pydantic_extra__ or {}).items()


Mapping.register(Model)
_WIRE = {"by_alias": True, "exclude_unset": True}


class MissingKey(KeyError):
    """A KeyError that names the keys that resemble the missing one; the search for them waits for a reader."""

    def __init__(self, key: str, model: Model) -> None:
        super().__init__(key)
        self._model = model

    def __str__(self) -> str:
        return f"{type(self._model).__name__} has no {self.args[0]!r}{self._model._hint(self.args[0])}"

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyError, (str(self),)


def _mapping(model: Model) -> Mapping[str, Any]:
    return model  # type: ignore[return-value]  # registered as one


def _same_page(old: Model, new: Any) -> Any:
    page = getattr(old, "_page", None)
    if page:
        object.__setattr__(new, "_page", page)
    return new


def _slice(key: slice) -> str:
    parts = ["" if part is None else repr(part) for part in (key.start, key.stop, key.step)]
    return ":".join(parts if key.step is not None else parts[:2])


def getattr_extra(model: Any) -> dict[str, Any] | None:
    try:
        extra: dict[str, Any] | None = object.__getattribute__(model, "__pydantic_extra__")
    except AttributeError:
        return None
    return extra
