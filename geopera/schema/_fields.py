"""How the fields of a class are named and read: plain JSON becomes objects, date-times become datetimes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import MISSING

from ..types import UNSET, JSONArray, open_json

if TYPE_CHECKING:
    from inspect import Signature

__all__ = ["ClassSignature", "Layout", "Moment", "Opened", "Opener", "opened"]


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


def opened(value: Any) -> Any:
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
                    value = fields[self.name] = opened(value)
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


class ClassSignature:
    """The signature of a class, made when somebody asks."""

    def __get__(self, instance: Any, owner: Any) -> Signature:
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
