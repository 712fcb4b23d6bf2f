"""From Python values to JSON ones: what has one obvious form takes it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from ..types import UNSET

__all__ = ["plain", "prepare"]

_JSON = frozenset([str, int, float, bool, type(None)])


def prepare(value: Any, depth: int = 0) -> Any:
    """`value` for a validator: tuples and sets as lists, dates, UUIDs, decimals and the like in their JSON form.

    Models and enum members stay what they are; `UNSET` members of a dict are dropped. What has no
    obvious form is left alone, for the validator to refuse.
    """
    kind = type(value)
    if kind in _JSON or isinstance(value, BaseModel | Enum):
        return value
    if depth > 200:
        raise ValueError("the value is nested too deeply")
    if isinstance(value, dict):
        return {key: prepare(item, depth + 1) for key, item in value.items() if item is not UNSET}
    if isinstance(value, list | tuple | set | frozenset):
        return [prepare(item, depth + 1) for item in value if item is not UNSET]
    if isinstance(value, datetime):  # RFC 3339 wants an offset; a time without one is read as UTC
        return value.isoformat() if value.tzinfo else value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            return float(value)
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "__geo_interface__"):
        return prepare(value.__geo_interface__, depth + 1)
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        return prepare(value.tolist(), depth + 1)
    return value


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as plain JSON: models under their wire names, enum members by value."""
    kind = type(value)
    if kind in _JSON:
        return value
    if depth > 400:
        raise RecursionError
    if isinstance(value, BaseModel):
        return plain(value.model_dump(by_alias=True, exclude_unset=True), depth + 1)
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    return value
