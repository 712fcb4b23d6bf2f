"""Datetimes and intervals as text: RFC 3339, and "start/end" with ".." for an open end, as in STAC API.

A value has a precision. A datetime is an instant; a date, a month, a pandas Period or the text "2024-03" lasts from
its first to its last second. All calendar days are days of UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from .invalid import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["interval", "is_missing", "rfc3339", "stored", "window"]

OPEN = ".."

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_COARSE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_EXPECTED = "write an RFC 3339 date-time such as 2024-01-15T10:00:00Z, or a year, a month or a day"


class _Edge:
    """The start or the end of a value: its text, and a sort key."""

    __slots__ = ("key", "text")

    def __init__(self, text: str, at: datetime, fraction: str = "") -> None:
        self.text = text
        # Fractions of any length, as digits; microseconds would cut them.
        self.key = (at, fraction.rstrip("0"))


_Span = tuple[_Edge, _Edge]


def rfc3339(value: datetime | date) -> str:
    """A datetime as RFC 3339 text: the UTC offset is kept, UTC is written "Z", a date alone stays a date.

    A datetime without an offset is read as UTC.
    """
    if not isinstance(value, datetime):
        return value.isoformat()
    text = value.isoformat()
    offset = value.utcoffset()
    if offset is None:
        return text + "Z"
    if not offset:
        return value.replace(tzinfo=None).isoformat() + "Z"
    # The standard writes offsets in minutes; the offset of a zone before 1900 may have seconds.
    if offset.total_seconds() % 60:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return text


def is_missing(value: Any) -> bool:
    """Whether `value` is a missing datetime (NaT), which does not equal itself."""
    return bool(value != value) if isinstance(value, date) or _is_scalar(value) else False


def _is_scalar(value: Any) -> bool:
    """Whether it is numpy's datetime64, alone or as an array without dimensions."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return kind == "M" and getattr(value, "shape", None) == ()


def interval(value: Any) -> str:
    """A `datetime` filter as text: an instant, or the interval from the first to the last second of a value.

    Args:
        value: A datetime, a date, numpy's datetime64, a pandas Timestamp or Period, text (a year, a month, a day, an
            RFC 3339 date-time, "start/end"), or a pair of these, as a tuple, a list, a slice or an array, in
            which None or ".." is an open end.

    Raises:
        TypeError: If it is of another type.
        InvalidValueError: If a date is missing (NaT), text is not a date-time, or the end is before the start.
    """
    if isinstance(value, str):
        return _of_text(value)
    pair = _pair(value)
    if pair is None:
        if value is None:
            raise TypeError("None is not a datetime; write an open end as a pair: (start, None)")
        first, last = _span(value)
        return first.text if first is last else f"{first.text}/{last.text}"
    if len(pair) != 2:
        raise InvalidValueError(
            f"an interval is a pair (start, end), not {len(pair)} values", kind="interval"
        )
    start, end = (
        None if edge is None or (isinstance(edge, str) and edge == OPEN) else _span(edge) for edge in pair
    )
    return _joined(start, end)


def _pair(value: Any) -> list[Any] | None:
    """The members of a pair; None for a single datetime."""
    if isinstance(value, tuple | list):
        return list(value)
    if isinstance(value, slice):
        if value.step is not None:
            raise InvalidValueError("a slice with a step is not an interval", kind="interval")
        return [value.start, value.stop]
    if hasattr(value, "left") and hasattr(value, "right"):
        raise InvalidValueError(
            "an Interval of pandas may leave out its ends; write (interval.left, interval.right)",
            kind="interval",
        )
    if getattr(value, "ndim", 0) == 1 and hasattr(value, "__len__"):
        return list(value)
    return None


def _of_text(text: str) -> str:
    parts = text.split("/")
    if len(parts) > 2:
        raise _no_datetime(text)
    spans = [None if len(parts) == 2 and part in ("", OPEN) else _span(part) for part in parts]
    if len(spans) == 1:
        first, last = spans[0]  # type: ignore[misc]
        return first.text if first is last else f"{first.text}/{last.text}"
    made = _joined(spans[0], spans[1])
    exact = [
        span is None or (span[0] is span[1] and span[0].text == part)
        for span, part in zip(spans, parts, strict=True)
    ]
    return text if all(exact) else made


def _joined(start: _Span | None, end: _Span | None) -> str:
    if start is None and end is None:
        raise InvalidValueError("an interval needs a start or an end", kind="interval")
    if start is not None and end is not None and end[1].key < start[0].key:
        raise InvalidValueError(
            f"the interval ends ({end[1].text}) before it starts ({start[0].text})", kind="interval"
        )
    return f"{OPEN if start is None else start[0].text}/{OPEN if end is None else end[1].text}"


def window(start: Any, end: Any) -> tuple[Any, Any]:
    """The two ends of a window as text; a day or a month is its first or its last second, None stays None.

    Raises:
        TypeError, InvalidValueError: As in `interval`, with `start` or `end` as the path.
    """
    spans: dict[str, _Span | None] = {}
    for name, value in (("start", start), ("end", end)):
        try:
            spans[name] = None if value is None else _span(value)
        except InvalidValueError as exc:
            raise exc.below(name) from exc
    first, last = spans["start"], spans["end"]
    if first is not None and last is not None:
        _joined(first, last)
    return None if first is None else first[0].text, None if last is None else last[1].text


def stored(value: Any) -> str:
    """The datetime of an object as text: an instant, or a day as its midnight.

    Raises:
        TypeError: If it is not a datetime.
        InvalidValueError: If it is missing, not a date-time, or coarser than a day.
    """
    first, last = _span(value)
    if last.key[0] - first.key[0] >= timedelta(days=1):
        raise InvalidValueError(
            f"{_shown(value)} is longer than a day; give a datetime such as {first.text}", kind="datetime"
        )
    return first.text


def _span(value: Any) -> _Span:
    """The start and the end of a value; the same edge twice for an instant."""
    if isinstance(value, str):
        return _span_of_text(str(value))
    if is_missing(value) or type(value).__name__ == "NaTType":
        raise InvalidValueError(
            f"{_shown(value)} is a missing datetime; leave the field out, or give one", kind="datetime"
        )
    if isinstance(value, float) and value != value:
        raise InvalidValueError(
            "nan is a missing datetime; leave the field out, or give one", kind="datetime"
        )
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return _days(value, value)
    if _is_scalar(value):
        return _span_of_numpy(value)
    if hasattr(value, "start_time") and hasattr(value, "end_time"):  # a pandas Period
        return _seconds(value.start_time, value.end_time)
    raise TypeError(f"expected a datetime, a date or text, not {type(value).__name__}")


def _shown(value: Any) -> str:
    return repr(value)[:60] if isinstance(value, str) else str(value)[:60]


def _instant(value: datetime) -> _Span:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    text = rfc3339(value)
    fraction = text[20:].rstrip("Zz").partition("+")[0].partition("-")[0] if text[19:20] == "." else ""
    edge = _Edge(text, _utc(aware).replace(microsecond=0), fraction)
    return edge, edge


def _utc(value: datetime) -> datetime:
    try:
        # A datetime of the standard library: a Timestamp compares as itself and takes no year 9999.
        plain = datetime(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
        )
        return (plain - (value.utcoffset() or timedelta())).replace(tzinfo=UTC)
    except OverflowError as exc:
        raise InvalidValueError(f"{value} is not a datetime that can be compared", kind="datetime") from exc


def _days(first: date, last: date) -> _Span:
    def at(day: date, clock: str) -> _Edge:
        text = f"{day.isoformat()}T{clock}"
        return _Edge(text + "Z", datetime.fromisoformat(text).replace(tzinfo=UTC))

    return at(first, "00:00:00"), at(last, "23:59:59")


def _seconds(first: datetime, last: datetime) -> _Span:
    """The interval from one datetime to the second of another one."""
    start = _instant(first)[0]
    end = _instant(datetime(*last.timetuple()[:6], tzinfo=last.tzinfo))[0]
    return (start, start) if end.key <= start.key else (start, end)


def _span_of_numpy(value: Any) -> _Span:
    value = value[()]
    timedelta64 = type(value - value)
    unit = value.dtype.name.rpartition("[")[2].rstrip("]")
    if unit.lstrip("0123456789") in ("Y", "M", "W", "D"):
        first = value.astype("datetime64[D]")
        last = (value + timedelta64(1, unit)).astype("datetime64[D]") - timedelta64(1, "D")
        days = [first.item(), last.item()]
        if all(isinstance(day, date) for day in days):
            return _days(days[0], days[1])
    else:
        exact = value.astype("datetime64[us]").item()
        if isinstance(exact, datetime):
            return _instant(exact)
    raise InvalidValueError(f"{value} is outside the years 1 to 9999", kind="datetime")


def _span_of_text(text: str) -> _Span:
    found = _COARSE.fullmatch(text)
    if found is not None:
        year, month, day = (None if part is None else int(part) for part in found.groups())
        assert year is not None
        try:
            first = date(year, month or 1, day or 1)
            if day is not None:
                return _days(first, first)
            if month is not None and month < 12:
                return _days(first, date(year, month + 1, 1) - timedelta(days=1))
            return _days(first, date(year, 12, 31))
        except ValueError:
            raise _no_datetime(text) from None
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise _no_datetime(text)
    on, hour, minute, second, fraction, zone = found.groups()
    try:
        offset = _offset(zone)
        leap = second == "60"
        at = datetime.fromisoformat(f"{on}T{hour}:{minute}:{'59' if leap else second}")
        utc = (at - offset).replace(tzinfo=UTC)
        if leap and utc.minute != 59:
            raise ValueError("a leap second ends an hour")
    except (ValueError, OverflowError):
        raise _no_datetime(text) from None
    if leap:
        utc += timedelta(seconds=1)
    # Valid text is not changed.
    sent = text if zone and text[10] != " " else f"{text[:10]}T{text[11:]}{'' if zone else 'Z'}"
    edge = _Edge(sent, utc, fraction or "")
    return edge, edge


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 23 or minutes > 59:
        raise ValueError("no offset")
    return (-1 if zone[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)


def _no_datetime(text: str) -> InvalidValueError:
    return InvalidValueError(f"{_shown(text)} is not a datetime; {_EXPECTED}", kind="datetime")
