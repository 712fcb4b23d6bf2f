"""From what the caller gave to the bytes that are sent.

Three steps: Python values become their one obvious JSON form (which is also the copy that later changes
of the caller's objects cannot reach), the result is validated against the operation's input, and what the
caller gave, in wire names and nothing more, is serialised.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from .._names import class_names, did_you_mean, python_name
from .._values.geometry import PLACES, prepare
from .._values.geometry import place as as_place
from ..errors import InvalidInputError
from ..manifest import PREFIX
from ..schema import Model, unknown_fields
from ..types import UNSET

if TYPE_CHECKING:
    from ..manifest import Manifest, Operation
    from ..schema import Registry

Problems = list[tuple[tuple[str | int, ...], str, str]]
"""(location, message, type) of each bad field."""

_SETTINGS = frozenset({"timeout", "headers", "max_retries", "retry", "extra_fields", "strict_responses"})
_SCALARS = frozenset({str, int, bool, type(None)})


class _Refused(Exception):
    """A value without a JSON form, raised from inside the walk."""

    def __init__(self, message: str, kind: str = "json_type", path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.path: list[str | int] = list(path)


def jsonable(value: Any) -> Any:
    """A copy of `value` made of dict, list, str, int, float, bool and None alone."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return _object(value)
    if kind is list or kind is tuple:
        return _array(value)
    if kind is float:
        if not isfinite(value):
            raise _Refused(f"{value!r} has no JSON form", "finite_number")
        return value
    return _convert(value)


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        if item is UNSET:
            continue
        try:
            if type(key) is not str:
                key = _key(key)
            if type(item) not in _SCALARS:
                item = jsonable(_place(key, item) if key in PLACES else item)
            result[key] = item
        except _Refused as refused:
            refused.path.insert(0, key if isinstance(key, str | int) else repr(key)[:80])
            raise
    return result


def _place(name: str, value: Any) -> Any:
    try:
        return as_place(name, value)
    except ValueError as exc:
        raise _Refused(str(exc), "geometry") from None


def _array(value: Any) -> list[Any]:
    result: list[Any] = []
    for index, item in enumerate(value):
        try:
            result.append(item if type(item) in _SCALARS else jsonable(item))
        except _Refused as refused:
            refused.path.insert(0, index)
            raise
    return result


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str(key)
    raise _Refused(f"the key {key!r} is not a string")


def _convert(value: Any) -> Any:
    """The less usual types, the most specific first."""
    if isinstance(value, Model):
        return _object(value.to_dict())
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, dt.datetime):
        # RFC 3339 wants an offset; a time without one is read as UTC.
        return value.isoformat() if value.tzinfo else value.isoformat() + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise _Refused(f"{value!r} has no JSON form", "finite_number")
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return jsonable(float(value))
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _numpy(value)
    if isinstance(value, Mapping):
        return _object(value)
    if hasattr(value, "__geo_interface__"):
        return jsonable(dict(value.__geo_interface__))
    if isinstance(value, Set):
        # In a fixed order: the same body has the same bytes in every process.
        return sorted(_array(value), key=to_json)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return _array(value)
    raise _Refused(f"a value of type {type(value).__name__} has no JSON form")


def _numpy(value: Any) -> Any:
    # Days, months and years are dates, as Python's own are; a finer moment is one in UTC.
    if value.dtype.kind == "M" and value.dtype.name[-3:] not in ("[D]", "[W]", "[M]", "[Y]"):
        value = value.astype("datetime64[us]")
    plain = value.tolist()
    if plain is value or type(plain) is type(value):
        raise _Refused(f"a value of type {type(value).__name__} has no JSON form")
    return jsonable(plain)


class Input:
    """The input of one operation: checks bodies and makes their bytes."""

    __slots__ = ("_key", "_model", "_search", "_serializer", "_validate", "manifest", "operation")

    def __init__(self, operation: Operation, manifest: Manifest) -> None:
        self.operation = operation
        self.manifest = manifest
        self._key = operation.input.get("$ref", "").removeprefix(PREFIX)
        self._model: Any = UNSET
        # `datetime` is a filter where a search is bounded; elsewhere it belongs to what is stored.
        schema = manifest.schemas.get(self._key)
        self._search = not isinstance(schema, dict) or "limit" in schema.get("properties", {})
        adapter = manifest.registry.adapter(operation.input, operation.id)
        self._validate = adapter.validator.validate_python
        self._serializer = adapter.serializer.to_json

    def encode(self, body: Any, fields: Mapping[str, Any], *, allow_extra: bool = False) -> bytes:
        """The bytes of a body given as a mapping, a model or keyword arguments.

        Raises `InvalidInputError`, before anything is sent, with every bad field in ``error.detail``,
        and TypeError where both a body and keywords are given.
        """
        try:
            plain = self._plain(body, fields)
            value = self._validate(plain, strict=True, by_alias=True, by_name=True)
        except _Refused as refused:
            raise self.refusal([(tuple(refused.path), str(refused), refused.kind)]) from None
        except RecursionError:
            raise self.refusal([((), "the body contains itself or is nested too deeply", "depth")]) from None
        except ValidationError as exc:
            found: Problems = [(_clean(e["loc"]), e["msg"], e["type"]) for e in exc.errors(include_url=False)]
            if isinstance(plain, dict) and not allow_extra:
                found += self._strangers(plain)
            raise self.refusal(found) from None
        extras = unknown_fields(value)
        if extras:
            found = _unknown(extras, allow_extra=allow_extra)
            if found:
                raise self.refusal(found)
        try:
            content: bytes = self._serializer(value, by_alias=True, exclude_unset=True)
        except PydanticSerializationError as exc:
            raise self.refusal([((), f"the body has no JSON form: {exc}", "json_type")]) from None
        return content

    def _plain(self, body: Any, fields: Mapping[str, Any]) -> Any:
        if fields:
            if body is not None and body is not UNSET:
                raise TypeError(
                    f"{self.operation.id}() takes a body or keyword arguments, not both: "
                    f"{', '.join(map(repr, fields))} came beside a body"
                )
            body = fields
        elif body is None or body is UNSET:
            return {}
        if isinstance(body, Model):
            given, wanted = type(body).__name__, self.model
            # By name: a class of another manifest will do, and so will a subclass that somebody wrote.
            if wanted is not None and wanted.__name__ not in [base.__name__ for base in type(body).__mro__]:
                fault = f"the body is a {given}; {self.operation.id} takes a {wanted.__name__}"
                raise _Refused(fault, "model_type")
        elif not isinstance(body, Mapping):
            raise _Refused(f"the body is a {type(body).__name__}; it has to be an object", "dict_type")
        elif not self._key:
            body = _filter(body)
        try:
            body = prepare(body, search=self._search)
        except ValueError as exc:
            raise _Refused(str(exc), "interval", ["datetime"]) from None
        return jsonable(body)

    @property
    def model(self) -> type[Model] | None:
        """The class of the body, or None where any object will do."""
        if self._model is UNSET:
            names = {key: name for name, key in class_names(self.manifest.schemas).items()}
            found = self.manifest.registry.model(names[self._key]) if self._key in names else None
            self._model = found if isinstance(found, type) and issubclass(found, Model) else None
        model: type[Model] | None = self._model
        return model

    def _strangers(self, plain: dict[str, Any]) -> Problems:
        """Unknown names at the top of a body that is refused anyway: the typo explains the missing field."""
        if self.model is None:
            return []
        layout = self.model._layout()
        return [
            ((name,), f"unknown field{_hint(name) or did_you_mean(name, layout.wires)}", "extra_forbidden")
            for name in plain
            if not (layout.is_open or name in layout.names or name in layout.wires)
        ]

    def refusal(self, problems: Problems, *, where: str = "body") -> InvalidInputError:
        """The error that stands for `problems`."""
        detail = [{"loc": [where, *loc], "msg": msg, "type": kind} for loc, msg, kind in problems]
        lines = [f"{'.'.join(map(str, loc)) or where}: {msg}" for loc, msg, kind in problems]
        shown = "; ".join(lines[:5]) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")
        return InvalidInputError(
            f"{self.operation.id}: invalid input, nothing was sent: {shown}",
            error=error_registry(self.manifest, "HTTPValidationError")
            .model("HTTPValidationError")
            .from_dict({"detail": detail}),
            operation=self.operation.id,
        )


def error_registry(manifest: Manifest, name: str) -> Registry:
    """Where `Problem` and `HTTPValidationError` are: in the manifest itself, or in the bundled one."""
    if name in manifest.schemas:
        return manifest.registry
    from ..manifest import default

    return default().registry


def _filter(body: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A body without a schema, its ``datetime_`` under the wire's name: nobody calls a field so but Python."""
    if "datetime_" not in body:
        return body
    if body["datetime_"] is not UNSET and body.get("datetime", UNSET) is not UNSET:
        fault = "the field is given twice, as 'datetime_' and 'datetime'"
        raise _Refused(fault, "given_twice", ["datetime_"])
    wires = {"datetime_": "datetime"}
    return {wires.get(name, name): value for name, value in body.items() if value is not UNSET}


def _clean(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in loc if part != "")


def _hint(name: str) -> str:
    """What was probably meant by a name that belongs to the call and not to its body."""
    if name in _SETTINGS:
        return f"; a setting of the call goes through with_options({name}=...)"
    return "; the body is the first argument, without a name" if name == "body" else ""


def _unknown(extras: Any, *, allow_extra: bool) -> Problems:
    """What is wrong with names that are no fields: a field given under both of its names, or unknown."""
    found: Problems = []
    for place, name, candidates in extras:
        wire = next((c for c in candidates if python_name(c) == name), None)
        if wire is not None:
            found.append(
                ((*place, name), f"the field is given twice, as {name!r} and {wire!r}", "given_twice")
            )
        elif not allow_extra:
            hint = "" if place else _hint(name)
            if candidates and not hint:
                hint = f"; did you mean {' or '.join(map(repr, candidates))}?"
            found.append(((*place, name), f"unknown field{hint}", "extra_forbidden"))
    return found
