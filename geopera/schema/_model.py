"""The base of every built class: how an instance is made, read, changed and turned into JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import EnumMeta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import MISSING

from .._names import did_you_mean
from .._values.fields import FIELDS, given
from .._values.geometry import geo_interface_of
from ..types import UNSET, JSONArray, open_json
from ._plain import prepare

if TYPE_CHECKING:
    from inspect import Signature

__all__ = ["Layout", "Model", "ModelMeta", "Moment", "Opened", "Opener", "SchemaEnumMeta"]


class Layout:
    """The names of a class's fields: wire -> Python, the order of positional arguments, open or closed."""

    __slots__ = ("blank", "is_open", "names", "order", "wires")

    def __init__(self, names: Mapping[str, str], is_open: bool) -> None:
        #: What an absent field holds. `MISSING` where the Python name is not the wire name: pydantic counts
        #: an additional property called ``type_`` as if the field `type_` were set, and must not write it.
        self.blank = {python: None if python == wire else MISSING for wire, python in names.items()}
        self.names = names
        self.wires = {python: wire for wire, python in names.items()}
        self.order = list(names.values())
        self.is_open = is_open


class Opened(JSONArray):
    """A list whose members have been opened: not to be looked through again at the next access."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)


def _opened(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return open_json(value)
    if kind is list and value:
        return Opened(open_json(value))
    return value


class Opener:
    """Reads a field that may hold plain JSON: dicts become `JSONObject` at the first access, and stay so."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None:
            fields = instance.__dict__
            if self.name in fields:
                value = fields[self.name]
                if type(value) is dict or type(value) is list:
                    value = fields[self.name] = _opened(value)
                return None if value is MISSING else value
        raise AttributeError(self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value

    def __delete__(self, instance: Any) -> None:
        del instance.__dict__[self.name]


class Moment(Opener):
    """Reads a date-time as a `datetime`. What is kept, and written again, is the text as it came."""

    __slots__ = ()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None and self.name in instance.__dict__:
            value = instance.__dict__[self.name]
            return _moment(value) if isinstance(value, str) else None if value is MISSING else value
        raise AttributeError(self.name)


def _moment(text: str) -> datetime | str:
    """The moment that RFC 3339 text names; the text itself where it names none (also in a leap second)."""
    try:
        return datetime.fromisoformat(text) if text[10:11] in ("T", "t", " ") else text
    except ValueError:
        return text


class _Signature:
    """The signature of a class, made when somebody asks."""

    def __get__(self, instance: Any, owner: type[Model]) -> Signature:
        from inspect import Parameter, Signature

        fields = owner.__pydantic_fields__
        parameters = [
            Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD,
                default=Parameter.empty if fields[name].is_required() else UNSET,
                annotation=fields[name].annotation,
            )
            for name in owner._layout().order
        ]
        if owner._layout().is_open:
            parameters.append(Parameter("additional_properties", Parameter.VAR_KEYWORD, annotation=Any))
        return Signature(parameters)


class ModelMeta(ModelMetaclass):
    """The class of the classes; there only so that classes made at run time can be pickled."""

    __layout__: Layout | None
    __origin_unit__: Any


class SchemaEnumMeta(EnumMeta):
    """The same for enums."""

    __origin_unit__: Any


class Model(BaseModel, metaclass=ModelMeta):
    """An object that a JSON Schema describes.

    Fields are attributes under their Python names (``datetime_``) and keys under both names
    (``model["datetime"]``). An optional field that is absent reads None; `to_dict` leaves it out.
    A field whose format is date-time reads as a `datetime`; `to_dict` has its text as it came.
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
        __signature__ = _Signature()

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

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON under wire names: what was set and the additional properties, nothing else."""
        result: dict[str, Any] = self.__pydantic_serializer__.to_python(
            self, mode="json", by_alias=True, exclude_unset=True
        )
        return result

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """An instance from a JSON object under wire names; unknown names are kept.

        Raises pydantic's ValidationError where the object does not fit the schema.
        """
        result: Self = cls.__pydantic_validator__.validate_python(
            dict(src_dict), by_alias=True, by_name=False
        )
        return result

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """GeoJSON, where this is a feature, a page of features or a geometry (AttributeError elsewhere)."""
        return geo_interface_of(self)

    # -- what the schema does not know ---------------------------------------------------------------

    @property
    def additional_properties(self) -> dict[str, Any]:
        """The live dict of members that are no field of the schema, by wire name."""
        extra = self.__pydantic_extra__
        if extra is None:
            extra = {}
            object.__setattr__(self, "__pydantic_extra__", extra)
        for key, value in extra.items():
            if type(value) is dict or type(value) is list:
                extra[key] = _opened(value)
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
        extra = self.__pydantic_extra__
        layout = type(self)._layout()
        name = layout.names.get(key)
        if name is None:
            if extra and key in extra:
                return self.additional_properties[key]
            if key not in layout.wires:
                raise KeyError(key)
            name = key
        if not self._has(name):
            raise KeyError(key)
        return getattr(self, name)

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
        try:
            return self[key]
        except KeyError:
            return default

    # -- attributes ----------------------------------------------------------------------------------

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            extra = (self.__dict__ and self.__pydantic_extra__) or getattr_extra(self)
            if extra and name in extra:
                return self.additional_properties[name]
            if name.startswith("_"):
                return super().__getattr__(name)
            hint = did_you_mean(name, (*type(self)._layout().order, *(extra or ())))
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

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        for name, value in super().__iter__():
            yield name, None if value is MISSING else value

    def __dir__(self) -> Iterator[str]:
        yield from super().__dir__()
        yield from (key for key in self.__pydantic_extra__ or () if key.isidentifier())

    def __repr__(self) -> str:
        from .._values.show import short

        return short(self)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str | None:
        from .._values.show import html

        return html(self)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        given = self.__pydantic_fields_set__
        yield from (
            (name, value) for name, value in self.__dict__.items() if name in given and value is not MISSING
        )
        yield from (self.__pydantic_extra__ or {}).items()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        unit = cls.__origin_unit__
        if unit is None or "__origin_unit__" not in cls.__dict__:
            return super().__get_pydantic_json_schema__(core_schema, handler)
        return dict(unit.loc.schema)


def getattr_extra(model: Any) -> dict[str, Any] | None:
    try:
        extra: dict[str, Any] | None = object.__getattribute__(model, "__pydantic_extra__")
    except AttributeError:
        return None
    return extra
