"""A bound for unions whose members refer back: each level of the value multiplies the ways to try.

A value of depth 40 against ``{"anyOf": [{... "$ref": "#"}, {... "$ref": "#"}]}`` has 2**40 of them. Units of
that kind count how often they are entered in one validation, which ends at `MAX_VISITS`.
"""

from __future__ import annotations

from threading import local
from typing import Any

from pydantic_core import PydanticCustomError

from ._errors import MAX_VISITS

__all__ = ["TooManyVisitsError", "counted", "too_costly", "within_budget"]


class _State(local):
    depth = 0
    visits = 0


_state = _State()


class TooManyVisitsError(Exception):
    """The bound was reached: ends the whole validation, not just one member of a union."""


def too_costly() -> PydanticCustomError:
    return PydanticCustomError("cost", "The value can be taken in too many ways to try them all")


def within_budget(value: Any, handler: Any) -> Any:
    """A wrap function for pydantic: counts, and hands on."""
    with counted() as count:
        try:
            count.visit(1)
            return handler(value)
        except TooManyVisitsError:
            if _state.depth > 1:
                raise
            raise too_costly() from None


class counted:
    """A part of a validation; the outermost one starts the count."""

    __slots__ = ()

    def __enter__(self) -> counted:
        if not _state.depth:
            _state.visits = 0
        _state.depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        _state.depth -= 1

    @staticmethod
    def visit(weight: int) -> None:
        _state.visits += weight
        if _state.visits > MAX_VISITS:
            raise TooManyVisitsError

    @staticmethod
    def is_outermost() -> bool:
        return not _state.depth
