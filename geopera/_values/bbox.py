"""Bounding boxes: west, south, east, north in degrees (RFC 7946, 5)."""

from __future__ import annotations

from math import isfinite

from .crs import lonlat
from .invalid import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["bbox"]


def bbox(value: Any) -> list[Any]:
    """`value` as a bounding box, or its `bounds`.

    Args:
        value: Four numbers (west, south, east, north) or six (with heights, third and sixth), in any sequence or
            array; a geometry or a table with `bounds` or `total_bounds`, in any reference system that it can transform.

    Returns:
        A new list. If west is greater than east, the box crosses the antimeridian.

    Raises:
        InvalidValueError: If it is not a box, is empty, or its numbers cannot be degrees.
        TypeError: If its type cannot be a box (text, an object).
    """
    given = _numbers(lonlat(value))
    numbers = [_number(item) for item in given]
    if len(numbers) not in (4, 6):
        raise InvalidValueError(
            f"a bounding box has 4 or 6 numbers (west, south, east, north), not {len(numbers)}", kind="bbox"
        )
    if all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        _check(numbers, given)
    return numbers  # the schema refuses other values and names their index


def _numbers(value: Any) -> list[Any]:
    if not isinstance(value, str | bytes | dict):
        # A table has both, and its `bounds` is a table again.
        for name in ("total_bounds", "bounds", "boundingbox"):
            bounds = getattr(value, name, None)
            if bounds is not None and not callable(bounds):
                return list(bounds)
        if hasattr(value, "__iter__"):
            return list(value)
    raise TypeError(f"a {type(value).__name__} is not a bounding box")


def _number(value: Any) -> Any:
    """A Python number for one of numpy or a Decimal."""
    if type(value) in (int, float) or isinstance(value, str | bool):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return float(value) if hasattr(value, "__float__") else value


def _check(numbers: list[float], given: list[Any]) -> None:
    for index, number in enumerate(numbers):
        if not isfinite(number):
            raise InvalidValueError(f"{given[index]!r} is not a coordinate", index, kind="bbox")
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if abs(south) > 90 or abs(north) > 90 or abs(west) > 360 or abs(east) > 360:
        swapped = max(abs(west), abs(east)) <= 90 and max(abs(south), abs(north)) <= 360
        hint = "; longitude comes first (west, south, east, north)" if swapped else ""
        raise InvalidValueError(f"{numbers} cannot be degrees{hint}", kind="bbox")
    if south > north:
        raise InvalidValueError(
            f"the south ({south}) is above the north ({north}); the order is west, south, east, north",
            kind="bbox",
        )
    if half == 3 and numbers[2] > numbers[5]:
        raise InvalidValueError(
            f"the lowest height ({numbers[2]}) is above the highest ({numbers[5]})", kind="bbox"
        )
