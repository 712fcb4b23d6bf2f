"""Features and records as rows: plain mappings, and the columns that they fill."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from typing import Any

from .._values.records import records_of

Row = Mapping[str, Any]

#: Members of a feature. A property of such a name gets a prefix, so that neither hides the other.
MEMBERS = frozenset(
    (
        "id",
        "type",
        "stac_version",
        "stac_extensions",
        "geometry",
        "bbox",
        "properties",
        "collection",
        "assets",
        "links",
    )
)
_PREFIXES = ("properties.", "feature.")
_DATETIMES = frozenset(("datetime", "created", "updated", "published", "unpublished", "expires"))
_ENDINGS = ("_datetime", ":datetime", "_at")
#: Features that are checked together.
BATCH = 2_000


def needed(name: str, what: str) -> Any:
    """The module `name`. Raises ImportError with the extra to install if it is missing."""
    try:
        return import_module(name)
    except ImportError as exc:
        if (exc.name or name).partition(".")[0] != name.partition(".")[0]:
            raise
        root = name.partition(".")[0]
        raise ImportError(f"{what} needs {root}: pip install 'geopera[geo]>=3'", name=root) from exc


def each(values: Any) -> Iterator[Row]:
    """The rows in an iterable of rows and pages, or in one of either. Raises an error that is yielded instead of a result."""
    if isinstance(values, Mapping) or hasattr(values, "to_dict"):
        values = [values] if isinstance(values, Mapping) or not hasattr(values, "__iter__") else values
    elif isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"expected an iterable of features or pages, got {type(values).__name__}")
    for value in values:
        row = _row(value)
        page = None if "geometry" in row else records_of(row, getattr(value, "_page", None))
        if page is None:
            yield row
        else:
            yield from map(_row, page)


def batches(values: Any) -> Iterator[list[Row]]:
    """The rows, some thousands at a time."""
    rows = each(values)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _row(value: Any) -> Row:
    """A record as a mapping that is quick to read; what is in it is shared with the record."""
    members = getattr(value, "_members", None)
    if members is not None:
        row: Row = members()
        return row
    if isinstance(value, BaseException):
        raise value
    if not isinstance(value, Mapping) and hasattr(value, "to_dict"):
        value = value.to_dict()
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a feature or another record as a mapping, got {type(value).__name__}")
    return value


def feature_columns(rows: list[Row]) -> dict[str, list[Any]]:
    """Column -> values of features. Raises ValueError: if one of the rows is not a feature."""
    properties = [_properties(row) for row in rows]
    found: dict[str, list[Any]] = {
        name: [row.get(name) for row in rows] for name in ("id", "geometry", "collection")
    }
    for name in _names(properties):
        found[property_label(str(name))] = [one.get(name) for one in properties]
    for name in _names(rows):
        if name not in found and name not in ("type", "properties"):
            found[member_label(str(name))] = [row.get(name) for row in rows]
    found["id"] = [value if value is None else str(value) for value in found["id"]]
    for name in ("datetime", "assets"):
        found.setdefault(name, [None] * len(rows))
    return found


def property_label(name: str) -> str:
    """The column of a property: its name, unless a member of the feature, or another property's column, has that."""
    return f"properties.{name}" if name in MEMBERS or name.startswith(_PREFIXES) else name


def member_label(name: str) -> str:
    """The column of a member of the feature. One that STAC does not define has a prefix: a property may have its name."""
    return name if name in MEMBERS else f"feature.{name}"


def record_columns(rows: list[Row]) -> dict[str, list[Any]]:
    """Column -> values of records of any kind."""
    return {str(name): [row.get(name) for row in rows] for name in _names(rows)}


def _properties(row: Row) -> Row:
    found = row.get("properties")
    if type(found) is dict or isinstance(found, Mapping):
        return found
    if found is not None or ("geometry" not in row and row.get("type") != "Feature"):
        raise ValueError(
            f"{named(row)} is not a feature: it has no properties; use to_dataframe() for other records"
        )
    return {}


def named(row: Row) -> str:
    """What a message calls a row."""
    return (
        repr(row["id"])[:80] if row.get("id") is not None else f"an object of {', '.join(map(str, row))[:80]}"
    )


def _names(rows: Iterable[Row]) -> Iterable[str]:
    """All keys in the order in which they come first."""
    found: dict[str, None] = {}
    last: Any = None
    for row in rows:
        keys = tuple(row)
        if keys != last:
            found.update(dict.fromkeys(keys))
            last = keys
    return found


def is_datetime(name: str) -> bool:
    """Whether a column is one of datetimes, by its name."""
    name = name.removeprefix("properties.")
    return name in _DATETIMES or name.endswith(_ENDINGS)


def looks_like_datetimes(values: Iterable[Any]) -> bool:
    """Whether all values are missing or text that begins as a date does: a parser takes more than that for one."""
    return all(
        value is None or (isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-")
        for value in values
    )


def datetimes_of(values: list[Any]) -> list[Any] | None:
    """The values as datetimes in UTC, or None if one of them is not a datetime or is finer than a microsecond."""
    if not looks_like_datetimes(values):
        return None
    found: list[Any] = []
    for value in values:
        if value is not None:
            try:
                made = datetime.fromisoformat(value)
                value = made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)
            except (ValueError, OverflowError):
                return None
            if value.microsecond and len(_fraction(values[len(found)])) > 6:
                return None
        found.append(value)
    return found


def _fraction(text: str) -> str:
    """The digits of the fraction of a second, without zeros at the end."""
    digits = text.partition(".")[2]
    return digits[: next((i for i, one in enumerate(digits) if not one.isdigit()), None)].rstrip("0")


def json_text(value: Any) -> str | None:
    """A value as JSON text; None for none."""
    return None if value is None else json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return str(value)
