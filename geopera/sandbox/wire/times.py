"""Datetimes and intervals of searches: RFC 3339, section 5.6, as the STAC API specification requires."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from .problems import unprocessable

# ASCII digits only, and always matched whole: `$` would accept a line break.
_DATETIME = re.compile(
    r"(?a:(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d)))"
)


def parse_datetime(text: object, name: str = "datetime") -> datetime:
    """One datetime with its time zone. Raises a 422 problem for anything but RFC 3339."""
    found = _DATETIME.fullmatch(text) if isinstance(text, str) else None
    try:
        if found is None:
            raise ValueError
        day, minute, second, fraction, sign, hours, minutes = found.groups()
        leap = second == "60"  # datetime has no leap seconds; it is the second after 59
        when = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}")
        when += timedelta(seconds=leap, microseconds=int((fraction or "0")[:6].ljust(6, "0")))
        if int(hours or 0) > 23 or int(minutes or 0) > 59:
            raise ValueError
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = UTC if not offset else timezone(-offset if sign == "-" else offset)
        return when.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        shown = repr(text)[:80]
        raise unprocessable(
            f"{name}: {shown} is not an RFC 3339 datetime such as 2024-01-15T00:00:00Z."
        ) from None


def parse_interval(value: object) -> tuple[datetime | None, datetime | None]:
    """The inclusive ends (None: open) of a datetime or an interval `start/end`. Raises a 422 problem."""
    if value is None:
        return None, None
    if not isinstance(value, str) or "/" not in value:
        when = parse_datetime(value)
        return when, when
    first, _, second = value.partition("/")
    begin = None if first in ("", "..") else parse_datetime(first)
    end = None if second in ("", "..") else parse_datetime(second)
    if begin is None and end is None:
        raise unprocessable("datetime: an interval needs a start or an end.")
    if begin and end and begin > end:
        raise unprocessable("datetime: the interval ends before it starts.")
    return begin, end
