"""A value that does not fit its schema, as well typed as it can be, and its problems."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from ._budget import bounded
from ._document import Loc as Place
from ._model import Model
from ._spec import constraints, reference, spec_of
from ._tags import UNKNOWN

if TYPE_CHECKING:
    from ._adapter import Adapter
    from ._unit import Unit

__all__ = ["best_effort"]

_DEEPEST = 40  # a value with faults below this, or in unions inside more unions than that, is kept as it came
_MOST_UNIONS = 4
_MOST_PROBLEMS = 10_000
_TOO_DEEP = "The value is nested too deeply"

Where = tuple[str | int, ...]
Problems = list[tuple[Where, str]]


def best_effort(adapter: Any, value: Any) -> tuple[Any, Problems]:
    """Type a value wherever it fits its schema, and keep the rest as it came.

    A field that does not fit holds the plain value; a required field that is missing reads None. Raises nothing on
    account of the value.

    Args:
        adapter: What `type_adapter` returned.
        value: A parsed JSON value.

    Returns:
        The result, and a list of problems: (path under wire names, message). It is empty if the whole value fits.
    """
    try:
        return adapter.validator.validate_python(value, by_alias=True, by_name=False), []
    except ValidationError as error:
        problems: Problems = []
        unit = getattr(getattr(adapter, "type", None), "unit", None)
        found = _problems_of(error, ())
        costly = len(found) > _MOST_PROBLEMS or error.errors(include_url=False)[0]["type"] == "cost"
        if unit is None or costly or any(len(where) > _DEEPEST for where, _ in found):
            return value, found
        try:
            return bounded(partial(_salvage, unit.loc, unit, at=(), problems=problems), value), problems
        except (RecursionError, PydanticCustomError) as bound:  # the value, and what was found of the whole
            return value, found if isinstance(bound, PydanticCustomError) else [((), _TOO_DEEP)]


def _problems_of(error: ValidationError, at: Where) -> Problems:
    return [
        ((*at, *item["loc"]), str(item["msg"]))
        for item in error.errors(include_url=False, include_input=False)
    ]


def _adapter(place: Place, unit: Unit) -> Adapter:
    adapter: Adapter = unit.registry._adapter_of(place)
    return adapter


def _salvage(place: Place, unit: Unit, value: Any, at: Where, problems: Problems, unions: int = 0) -> Any:
    """`value` for the schema at `place`, from the registry of `unit`."""
    try:
        return _adapter(place, unit).validator.validate_python(value, by_alias=True, by_name=False)
    except ValidationError as error:
        failure = error
    if len(at) > _DEEPEST:
        problems.extend(_problems_of(failure, at))
        return value
    before = len(problems)
    result = value
    schema = place.schema
    if isinstance(schema, Mapping):
        if (bare := reference(place)) is not None:
            return _salvage(bare, unit, value, at, problems, unions)
        if constraints(schema) == {"allOf"} and len(schema["allOf"]) == 1:
            return _salvage(place.sub("allOf", "0"), unit, value, at, problems, unions)
        here = unit.registry._unit(place)
        if (
            isinstance(value, dict)
            and here.done
            and isinstance(here.cls, type)
            and issubclass(here.cls, Model)
        ):
            result = _object(place, here, value, at, problems, unions)
        elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), Mapping):
            inner = place.sub("additionalProperties")
            result = {k: _salvage(inner, unit, v, (*at, k), problems, unions) for k, v in value.items()}
        elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            inner = place.sub("items")
            result = [_salvage(inner, unit, v, (*at, i), problems, unions) for i, v in enumerate(value)]
        else:
            for keyword in ("anyOf", "oneOf"):
                if keyword in schema:
                    result = _branch(place, keyword, unit, value, at, problems, unions)
                    break
    if len(problems) == before:
        problems.extend(_problems_of(failure, at))
    return result


def _object(
    place: Place, unit: Unit, value: dict[str, Any], at: Where, problems: Problems, unions: int
) -> Any:
    """An instance of the unit's class, made of what fits and what does not."""
    spec = spec_of(place)
    layout = unit.cls._layout()
    fields: dict[str, Any] = dict(layout.blank)
    extra: dict[str, Any] = {}
    given: set[str] = set()
    rest = spec.subs.get("additionalProperties")
    for name, item in value.items():
        python = layout.names.get(name)
        inside = spec.props[name][0] if name in spec.props else rest
        if inside is not None:
            item = _salvage(inside, unit, item, (*at, name), problems, unions)
        if python is None:
            extra[name] = item
        else:
            fields[python] = item
            given.add(python)
    for name in dict.fromkeys(spec.base.get("required", ())):
        if name not in value:
            problems.append(((*at, name), "Field required"))
    instance = unit.cls.__new__(unit.cls)
    for attribute, state in (
        ("__dict__", fields),
        ("__pydantic_extra__", extra),
        ("__pydantic_fields_set__", given),
        ("__pydantic_private__", None),
    ):
        object.__setattr__(instance, attribute, state)
    return instance


def _branch(
    place: Place, keyword: str, unit: Unit, value: Any, at: Where, problems: Problems, unions: int
) -> Any:
    """The member of a union that the tag names, or that makes the most of the value: with the fewest problems."""
    tagging = unit.registry._tagging(place, keyword)
    if tagging is not None and isinstance(value, dict):
        index = tagging.index(value)
        if index >= 0:
            return _salvage(place.sub(keyword, str(index)), unit, value, at, problems, unions)
        if index == UNKNOWN:
            problems.append(((*at, tagging.wire), tagging.reason()))
            return value
    if unions >= _MOST_UNIONS:
        return value
    best: tuple[int, Problems, Any] | None = None
    for index in range(len(place.schema[keyword])):
        found: Problems = []
        result = _salvage(place.sub(keyword, str(index)), unit, value, at, found, unions + 1)
        if result is not value and (best is None or len(found) < best[0]):
            best = len(found), found, result
    if best is None:
        return value
    problems.extend(best[1])
    return best[2]
