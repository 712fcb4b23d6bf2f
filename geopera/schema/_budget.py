"""The bounds of one validation, and what it remembers.

A value of depth 40 against ``{"anyOf": [{... "$ref": "#"}, {... "$ref": "#"}]}`` has 2**40 ways to be tried, and so has
one against a chain of 40 schemas that each name the next one twice. Units of that kind are entered through a `Gate`:
a value that failed there is not tried there again in the same validation, one that fits is kept for the other members
of the union, and what is left is counted up to `MAX_VISITS`. Patterns that need a machine of ours share one budget.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import local
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from ._errors import MAX_VISITS
from .regex.cost import TooCostly, metered

__all__ = ["Gate", "TooManyVisitsError", "bounded", "keep", "recall", "too_deep", "visit", "whole"]


T = TypeVar("T")
_Key = tuple[Any, int]


class _State(local):
    #: Visits of the validation that is going on in this thread; None where there is none.
    visits: int | None = None
    #: What failed, by unit and value, with the value itself so that its identity is not used again.
    failures: dict[_Key, tuple[ValidationError, Any]]
    #: What fits, by circle: a circle is remembered until it is left, since members of unions outside of it are
    #: compared by what was found while they were tried.
    scopes: dict[Any, dict[_Key, tuple[Any, Any]]]
    #: Verdicts of jsonschema.
    verdicts: dict[_Key, Any]


_state = _State()


class TooManyVisitsError(Exception):
    """The bound was reached: ends the whole validation, not just one member of a union."""


def too_deep() -> PydanticCustomError:
    return PydanticCustomError("depth", "The value is nested too deeply to be checked")


def bounded(run: Callable[[Any], T], value: Any) -> T:
    """``run(value)`` as a part of the validation that is going on, or as one of its own."""
    if _state.visits is not None:
        return run(value)
    # Nothing between the assignment and `try` can be interrupted: a Ctrl-C leaves no count behind.
    _state.visits = 0
    try:
        _state.failures, _state.scopes, _state.verdicts = {}, {}, {}
        with metered():
            return run(value)
    except TooManyVisitsError:
        raise PydanticCustomError("cost", "The value can be taken in too many ways to try them all") from None
    except TooCostly:
        raise PydanticCustomError("cost", "The patterns are too costly for the texts in this value") from None
    except RecursionError:
        raise too_deep() from None
    finally:
        _state.visits = None
        _state.failures, _state.scopes, _state.verdicts = {}, {}, {}


def _within(value: Any, handler: Any) -> Any:
    return bounded(handler, value)


def whole(core: CoreSchema) -> CoreSchema:
    """`core` with one budget for everything that it validates at a time."""
    return core_schema.no_info_wrap_validator_function(_within, core)


def visit(weight: int = 1) -> None:
    """Count a visit; raises TooManyVisitsError at the bound."""
    if _state.visits is not None:
        _state.visits += weight
        if _state.visits > MAX_VISITS:
            raise TooManyVisitsError


def recall(schema: Any, value: Any) -> Any:
    """What was kept for a schema and a value in this validation; None if nothing was."""
    found = _state.verdicts.get((id(schema), id(value))) if _state.visits is not None else None
    return None if found is None else found[0]


def keep(schema: Any, value: Any, verdict: Any) -> None:
    """Keep a verdict for the rest of the validation."""
    if _state.visits is not None:
        _state.verdicts[id(schema), id(value)] = verdict, schema, value


class Gate:
    """The way into a unit that members of a union multiply: a wrap function for pydantic."""

    __slots__ = ("group", "ref", "weight")

    def __init__(self, ref: str, group: Any, weight: int) -> None:
        self.ref = ref
        self.group = group
        self.weight = weight

    def __call__(self, value: Any, handler: Any) -> Any:
        if _state.visits is None:
            return bounded(partial(self, handler=handler), value)
        visit(self.weight)
        if not isinstance(value, dict | list | BaseModel):
            return handler(value)
        key = self.ref, id(value)
        failure = _state.failures.get(key)
        if failure is not None:
            raise _short(failure[0])
        scope = _state.scopes.get(self.group)
        if scope is not None and key in scope:
            return scope[key][0]
        try:
            if scope is None:
                scope = _state.scopes[self.group] = {}
                try:
                    return handler(value)
                finally:
                    del _state.scopes[self.group]
            result = handler(value)
        except ValidationError as error:
            _state.failures[key] = error, value
            raise
        scope[key] = result, value
        return result


def _short(error: ValidationError) -> ValidationError:
    """The first problem of what was said in full already."""
    first = error.errors(include_url=False, include_context=False)[0]
    kind = PydanticCustomError(first["type"], "{reason}", {"reason": first["msg"]})
    problem: InitErrorDetails = {"type": kind, "loc": first["loc"], "input": first["input"]}
    return ValidationError.from_exception_data(error.title, [problem])
