"""Python values as plain JSON: a copy of a body, so that later changes of the caller's objects have no effect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic_core import to_json

from .._values.crs import crs_of, lonlat
from .._values.datetimes import is_missing, rfc3339
from .._values.fields import convert
from .._values.geometry import Coordinates, geojson, is_geojson
from .._values.invalid import InvalidValueError
from ..schema import Model
from ..types import UNSET
from .shapes import OPEN

if TYPE_CHECKING:
    from .problems import Problems
    from .shapes import Shape

__all__ = ["Refused", "jsonable"]

_SCALARS = frozenset({str, int, bool, type(None)})


class Refused(Exception):
    """A value that cannot be sent, raised from inside the walk."""

    def __init__(self, message: str, kind: str = "json_type", path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.path: list[str | int] = list(path)


def jsonable(value: Any, shape: Shape = OPEN, *, spends: bool = False) -> tuple[Any, Problems]:
    """(a copy of `value` made of dict, list, str, int, float, bool and None only; its invalid fields).

    Geometries, boxes and datetimes are converted where `shape` has them; a field that cannot be converted is left out
    of the copy. An operation that spends (`spends`) takes no geometry that is None.

    Raises:
        Refused: If a value has no JSON form.
    """
    walk = _Walk(spends)
    return walk.value(value, shape), walk.problems


class _Walk:
    """One walk over a body: its current path, and the problems that it found."""

    __slots__ = ("at", "problems", "spends")

    def __init__(self, spends: bool) -> None:
        self.at: list[str | int] = []
        self.problems: Problems = []
        self.spends = spends

    def value(self, value: Any, shape: Shape = OPEN) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is dict:
            return self.object(value, shape)
        if kind is list or kind is tuple:
            return self.array(value, shape)
        if kind is Coordinates:
            return list(value)
        if kind is float:
            if not isfinite(value):
                raise self.refused(f"{value!r} has no JSON form", "finite_number")
            return value
        return self.convert(value, shape)

    def refused(self, message: str, kind: str = "json_type") -> Refused:
        return Refused(message, kind, self.at)

    def problem(self, exc: InvalidValueError) -> None:
        self.problems.append(((*self.at, *exc.path), str(exc), exc.kind))

    def object(self, value: Mapping[Any, Any], shape: Shape) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if "crs" in value and is_geojson(value):
            try:
                lonlat(value)
            except InvalidValueError as exc:
                self.problem(exc)
        at = self.at
        for key, item in value.items():
            if item is UNSET:
                continue
            if type(key) is not str:
                key = self.key(key)
            kind, inner = shape.field(key)
            at.append(shape.names.get(key, key))
            if kind is not None:
                try:
                    # An order without its area must not be paid, and a filter without one matches everything.
                    item = convert(kind, item, may_lack=not (self.spends or key == "intersects"))
                except InvalidValueError as exc:
                    self.problem(exc)
                    at.pop()
                    continue
            result[key] = item if type(item) in _SCALARS else self.value(item, inner)
            at.pop()
        return result

    def array(self, value: Any, shape: Shape) -> list[Any]:
        result: list[Any] = []
        items, at = shape.items, self.at
        at.append(0)
        for index, item in enumerate(value):
            if type(item) not in _SCALARS:
                at[-1] = index
                item = self.value(item, items)
            result.append(item)
        at.pop()
        return result

    def key(self, key: Any) -> str:
        if isinstance(key, Enum):
            key = key.value
        if isinstance(key, str):
            return str(key)
        self.at.append(key if isinstance(key, int) else repr(key)[:80])
        raise self.refused(f"the key {key!r} is not a string")

    def convert(self, value: Any, shape: Shape) -> Any:
        """The less usual types, the most specific first."""
        if isinstance(value, Model):
            return self.object(value.to_dict(), shape)
        if isinstance(value, Enum):
            return self.value(value.value, shape)
        if is_missing(value):
            raise self.refused("a missing datetime (NaT); leave the field out, or give one", "datetime")
        if isinstance(value, dt.datetime) and value.tzinfo is not None and not _has_seconds(value):
            return value.isoformat()
        if isinstance(value, dt.date):
            return rfc3339(value)
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, Decimal):
            if not value.is_finite():
                raise self.refused(f"{value!r} has no JSON form", "finite_number")
            return int(value) if value == value.to_integral_value() else float(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return self.value(float(value))
        if hasattr(value, "__geo_interface__") or (crs_of(value) is not None and hasattr(value, "to_crs")):
            return self.located(value)
        if hasattr(value, "dtype") and hasattr(value, "tolist"):
            return self.numpy(value)
        if isinstance(value, Mapping):
            return self.object(value, shape)
        if isinstance(value, Set):
            # In a fixed order: the same body has the same bytes in every process.
            return sorted(self.array(value, shape), key=to_json)
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
            return self.array(value, shape)
        raise self.refused(f"a value of type {type(value).__name__} has no JSON form")

    def located(self, value: Any) -> Any:
        """An object with coordinates, under a name without a rule."""
        try:
            if hasattr(value, "__geo_interface__"):
                return self.value(geojson(value))
            return self.value(list(lonlat(value)))  # a box
        except InvalidValueError as exc:
            self.problem(exc)
            return None
        except TypeError:
            raise self.refused(f"a value of type {type(value).__name__} has no JSON form") from None

    def numpy(self, value: Any) -> Any:
        if getattr(value.dtype, "kind", "") == "M":
            return self.datetimes(value)
        plain = value.tolist()
        if plain is value or type(plain) is type(value):
            raise self.refused(f"a value of type {type(value).__name__} has no JSON form")
        return self.value(plain)

    def datetimes(self, value: Any) -> Any:
        """Datetimes of numpy and pandas: whole days become dates, finer ones datetimes in UTC."""
        if getattr(value, "shape", ()) != ():
            return self.array(list(value), OPEN)
        unit = value.dtype.name.rpartition("[")[2].strip("]0123456789")
        if unit in ("Y", "M"):
            raise self.refused(f"{value} is not a day; give its text, or a date", "datetime")
        plain = value.tolist() if unit in ("D", "W") else value.astype("datetime64[us]").tolist()
        if not isinstance(plain, dt.date):
            raise self.refused(f"{value} is outside the years 1 to 9999", "datetime")
        return rfc3339(plain)


def _has_seconds(value: dt.datetime) -> bool:
    """Whether the offset is one that RFC 3339 cannot write."""
    offset = value.utcoffset()
    return offset is not None and offset.total_seconds() % 60 != 0
