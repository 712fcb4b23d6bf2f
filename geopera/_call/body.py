"""The body of a request: from the caller's values to the bytes that are sent.

Three steps: Python values become plain JSON (a copy, so that later changes of the caller's objects have no effect), the
copy is validated against the operation's input, and the given fields, and no others, are serialised under wire names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from .._names import class_names, nearest, python_name
from .._values.fields import convert
from .._values.invalid import InvalidValueError
from ..errors import InvalidInputError
from ..manifest import PREFIX
from ..schema import Model, unknown_fields
from ..types import UNSET
from .plain import Refused, jsonable
from .problems import Problems, is_setting, misfit, setting_hint, shown, unknown, without_secrets
from .shapes import Shape, misspelled

if TYPE_CHECKING:
    from .._secrets import Redactor
    from ..manifest import Manifest, Operation
    from ..schema import Registry


# Further keyword arguments of a call and its loops.
_OPTIONS = frozenset(
    (
        "idempotency_key",
        "detailed",
        "max_items",
        "progress",
        "timeout",
        "until",
        "raise_on_failure",
        "delays",
        "estimate",
    )
)


class Input:
    """The input of one operation: checks bodies and makes their bytes."""

    __slots__ = ("_key", "_model", "_serializer", "_validate", "manifest", "operation", "shape")

    def __init__(self, operation: Operation, manifest: Manifest) -> None:
        self.operation = operation
        self.manifest = manifest
        self._key = operation.input.get("$ref", "").removeprefix(PREFIX)
        self._model: Any = UNSET
        self.shape = Shape(operation.input, manifest.schemas)
        adapter = manifest.registry.adapter(operation.input, operation.id)
        self._validate = adapter.validator.validate_python
        self._serializer = adapter.serializer.to_json

    def encode(
        self,
        body: Any,
        fields: Mapping[str, Any],
        *,
        allow_extra: bool = False,
        redactor: Callable[[], Redactor] | None = None,
    ) -> bytes:
        """The bytes of a body given as a mapping, a model or keyword arguments.

        Args:
            body: A mapping, a model, or None where `fields` are given.
            fields: Keyword arguments, under wire names or Python names.
            allow_extra: Whether unknown names, and names close to a field of an open body, are sent.
            redactor: Makes the `Redactor` of the call, for messages.

        Raises:
            InvalidInputError: Before anything is sent, with every bad field in ``error.detail``.
            TypeError: If both a body and keyword arguments are given.
        """
        if not self.operation.callable:
            media = self.operation.request_media_type
            message = f"the operation takes {media}, and this library sends JSON alone; it is not callable"
            raise self.refusal([((), message, "media_type")])
        try:
            plain, found = self._plain(body, fields)
            bad = {loc for loc, _, _ in found}
            if not allow_extra:
                found += self._misspelled(plain)
            token = self._token(plain)
            value = self._validate(plain, strict=True, by_alias=True, by_name=True)
        except Refused as refused:
            problem = (tuple(refused.path), str(refused), refused.kind)
            raise self.refusal([problem], redactor=redactor) from None
        except RecursionError:
            problem = ((), "the body contains itself or is nested too deeply", "depth")
            raise self.refusal([problem], redactor=redactor) from None
        except ValidationError as exc:
            for error in exc.errors(include_url=False):
                loc = _clean(error["loc"])
                if loc not in bad:  # it is missing because it was refused
                    found.append(misfit(loc, error))
            if isinstance(plain, dict) and not allow_extra:
                found += self._strangers(plain)
            raise self.refusal(found, redactor=redactor) from None
        extras = unknown_fields(value)
        if extras:
            found += self._unknown(extras, allow_extra=allow_extra)
        if found:
            raise self.refusal(found, redactor=redactor)
        try:
            content: bytes = self._serializer(value, by_alias=True, exclude_unset=True)
        except PydanticSerializationError as exc:
            problem = ((), f"the body has no JSON form: {exc}", "json_type")
            raise self.refusal([problem], redactor=redactor) from None
        return content if token is None else _with(content, token)

    def _token(self, plain: Any) -> Any:
        """A page token that is not text, taken out of `plain`: it is the server's own and is sent unchanged."""
        names = self.shape.names
        if "next" in names and "limit" in names:
            for name in ("next", "next_"):
                if plain.get(name) is not None and not isinstance(plain[name], str):
                    return plain.pop(name)
        return None

    def check_options(self, **options: Any) -> None:
        """Refuse an option of a call that has the name of a field, since it is ambiguous.

        Raises:
            TypeError: If one of `options` was given and is a field of the input.
        """
        for name, value in options.items():
            if value is not None and value is not False and name in self.shape.names:
                raise TypeError(
                    f"{self.operation.id} has a field {name!r}, and so has the call: give the field as {name}_=..., "
                    "or the option beside a body"
                )

    def _plain(self, body: Any, fields: Mapping[str, Any]) -> tuple[Any, Problems]:
        if fields:
            if body is not None and body is not UNSET:
                raise TypeError(
                    f"{self.operation.id}() takes a body or keyword arguments, not both: "
                    f"{', '.join(map(repr, fields))} came beside a body"
                )
            names = self.shape.names
            body = {
                name[:-1]
                if name not in names and name[:-1] in _OPTIONS and name[:-1] in names
                else name: value
                for name, value in fields.items()
            }
        elif body is None or body is UNSET:
            return {}, []
        if isinstance(body, Model):
            given, wanted = type(body).__name__, self.model
            # By name, so that a class of another manifest and a subclass are accepted.
            if wanted is not None and wanted.__name__ not in [base.__name__ for base in type(body).__mro__]:
                fault = f"the body is a {given}; {self.operation.id} takes a {wanted.__name__}"
                raise Refused(fault, "model_type")
        elif not isinstance(body, Mapping):
            raise Refused(
                f"the body is a {type(body).__name__}; it has to be an object{self._keyword(body)}",
                "dict_type",
            )
        elif not self.shape.described:
            body = _filter(body)
        plain, found = jsonable(body, self.shape, spends=self.operation.spends)
        if plain.get("bbox") is not None and plain.get("intersects") is not None:
            found.append(
                (("bbox",), "bbox and intersects exclude each other; give one of them", "given_twice")
            )
        return plain, found

    def _keyword(self, body: Any) -> str:
        """A hint for a bare value given to an operation with one required field: pass it by name."""
        required = [wire for wire in self.shape.required if isinstance(body, str | int)]
        if len(required) != 1 or isinstance(body, bool):
            return ""
        return f"; write {self.operation.id}({python_name(required[0])}={shown(body, required)})"

    @property
    def model(self) -> type[Model] | None:
        """The class of the body, or None where any object is accepted."""
        if self._model is UNSET:
            names = {key: name for name, key in class_names(self.manifest.schemas).items()}
            found = self.manifest.registry.model(names[self._key]) if self._key in names else None
            self._model = found if isinstance(found, type) and issubclass(found, Model) else None
        model: type[Model] | None = self._model
        return model

    def _misspelled(self, plain: Any) -> Problems:
        """Names in an open body that are close to a described one. The server would ignore the field and charge the call."""
        found = [
            (
                (*place, name),
                f"unknown field; did you mean {meant!r}? Other names pass with extra_fields='allow'",
                "extra_forbidden",
            )
            for place, name, meant in misspelled(plain, self.shape)
        ]
        if self.shape.is_open and isinstance(plain, dict):
            found += [
                ((name,), f"unknown field{setting_hint(name)}", "extra_forbidden")
                for name in plain
                if is_setting(name) and name not in self.shape.names
            ]
        return found

    def _strangers(self, plain: dict[str, Any]) -> Problems:
        """Unknown names at the top of a body that is refused anyway: a typo explains a missing field."""
        shape, found = self.shape, []
        names = list(shape.names)
        for name in plain:
            wire = shape.names.get(name)
            if wire is None and not shape.is_open and shape.described:
                found.append(unknown(name, nearest(name, names), (), shape))
            elif wire is not None and wire != name and wire in plain:
                found.append(_twice(name, wire))
        return found

    def _unknown(self, extras: Any, *, allow_extra: bool) -> Problems:
        """The problems of names: a field given under both of its names, or an unknown one."""
        found: Problems = []
        for place, name, candidates in extras:
            wire = next((c for c in candidates if python_name(c) == name), None)
            if wire is not None:
                found.append(_twice(name, wire, place))
            elif not allow_extra:
                found.append(unknown(name, candidates, place, self.shape.at(place)))
        return found

    def refusal(
        self, problems: Problems, *, where: str = "body", redactor: Callable[[], Redactor] | None = None
    ) -> InvalidInputError:
        """The error for `problems`."""
        problems = [
            (loc, without_secrets(msg if redactor is None else redactor().text(msg)), kind)
            for loc, msg, kind in problems
        ]
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
    """A body without a schema, its ``datetime_`` under the wire's name; a datetime there is a filter."""
    name = next((name for name in ("datetime_", "datetime") if body.get(name, UNSET) is not UNSET), None)
    if name is None:
        return body
    if name == "datetime_" and body.get("datetime", UNSET) is not UNSET:
        fault = "the field is given twice, as 'datetime_' and 'datetime'"
        raise Refused(fault, "given_twice", ["datetime_"])
    value = body[name]
    if not isinstance(value, str):  # text is for the server to read
        try:
            value = convert("filter", value)
        except InvalidValueError as exc:
            raise Refused(str(exc), exc.kind, ["datetime", *exc.path]) from exc
    return {
        ("datetime" if key == name else key): (value if key == name else item) for key, item in body.items()
    }


def _clean(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in loc if part != "")


def _twice(name: str, wire: str, place: tuple[str | int, ...] = ()) -> tuple[tuple[str | int, ...], str, str]:
    return (*place, name), f"the field is given twice, as {name!r} and {wire!r}", "given_twice"


def _with(content: bytes, token: Any) -> bytes:
    """The bytes of an object with the field `next` at its end."""
    from pydantic_core import to_json

    comma = b"" if content == b"{}" else b","
    return b"".join((content[:-1], comma, b'"next":', to_json(token), b"}"))
