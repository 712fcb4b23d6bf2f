"""A bound for unions whose members refer back: each level of the value multiplies the ways to try.

A value of depth 40 against ``{"anyOf": [{... "$ref": "#"}, {... "$ref": "#"}]}`` has 2**40 of them, and so has
one against a chain of 40 schemas that each name the next one twice. Units of that kind count how often they are entered in one validation, which ends at `MAX_VISITS`.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import local
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from ._errors import MAX_VISITS

__all__ = ["TooManyVisitsError", "bounded", "too_deep", "visit", "within_a_tenth", "within_budget"]


T = TypeVar("T")


class _State(local):
    #: Visits of the validation that is going on in this thread; None where there is none.
    visits: int | None = None


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
        return run(value)
    except TooManyVisitsError:
        raise PydanticCustomError("cost", "The value can be taken in too many ways to try them all") from None
    except RecursionError:
        raise too_deep() from None
    finally:
        _state.visits = None


def visit(weight: int = 1) -> None:
    """Count a visit; raises TooManyVisitsError at the bound."""
    if _state.visits is not None:
        _state.visits += weight
        if _state.visits > MAX_VISITS:
            raise TooManyVisitsError


def within_budget(value: Any, handler: Any) -> Any:
    """A wrap function for pydantic: counts, and hands on."""
    if _state.visits is None:
        return bounded(handler, value)
    visit()
    return handler(value)


def within_a_tenth(value: Any, handler: Any) -> Any:
    """The same for a unit that multiplies without recurring: more goes on below each of its visits."""
    if _state.visits is None:
        return bounded(handler, value)
    visit(10)
    return handler(value)
