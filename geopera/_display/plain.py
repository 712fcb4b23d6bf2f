"""Results as plain mappings, and their kind: a page, a feature, a record, another object."""

from __future__ import annotations

from .._values.records import NAMES, records_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Page", "is_feature", "is_scalar", "page_of", "pairs", "plain", "redacted"]

_SECRET_NAMES = frozenset({"secret", "client_secret", "password"})
_SECRET_STARTS = ("gpra_", "whsec_")
_LOOKED_AT = 20


def redacted(value: Any, name: Any = None) -> Any:
    """`value`, or asterisks if it is a secret: an API key, a webhook's secret, a payment's.

    Displayed values end up in logs and notebooks. The field itself holds the real value.
    """
    if isinstance(value, str) and value:
        for start in _SECRET_STARTS:
            if value.startswith(start):
                return f"{start}***"
        if name in _SECRET_NAMES:
            return "***"
    return value


def pairs(value: Any) -> list[tuple[str, Any]] | None:
    """The fields of a model: the set ones under their Python names, then unknown ones; None for another value."""
    given = getattr(type(value), "model_fields", None)
    if given is None or not hasattr(value, "__pydantic_fields_set__"):
        return None
    extra = value.__pydantic_extra__ or {}
    here = value.__dict__
    has = getattr(value, "_has", value.__pydantic_fields_set__.__contains__)
    return [(name, here[name]) for name in given if name in here and has(name)] + list(extra.items())


def plain(value: Any) -> Any:
    """A model as a mapping under its wire names, anything else as it is; nested values are not converted."""
    found = None if isinstance(value, dict | list) else pairs(value)
    if found is None:
        return value
    known = type(value).model_fields
    return {(known[name].alias or name) if name in known else name: item for name, item in found}


def is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def is_feature(fields: Mapping[str, Any]) -> bool:
    """Whether a plain mapping is a GeoJSON feature, or near enough to be shown as one."""
    return fields.get("type") == "Feature" or ("geometry" in fields and "properties" in fields)


class Page:
    """A page for display: the key of its records, the records, and the scalars beside them."""

    __slots__ = ("key", "name", "records", "rest")

    def __init__(self, name: str, key: str, records: list[Any], fields: Mapping[str, Any]) -> None:
        self.name = name
        self.key = key
        self.records = records
        self.rest = {k: v for k, v in fields.items() if k != key and is_scalar(v) and v not in (None, "")}

    @property
    def count(self) -> str:
        """How many records there are, in words."""
        return counted(len(self.records), self.key)

    @property
    def note(self) -> str:
        """The members beside the records. A page token is shown as "more pages follow"."""
        parts = [f"{k}: {redacted(v, k)}" for k, v in self.rest.items() if k not in _UNSAID]
        if any(k in self.rest for k in _NEXT):
            parts.append("more pages follow")
        return ", ".join(parts[:8])


_NEXT = ("next", "next_token", "next_page_token", "cursor", "next_cursor")
_UNSAID = frozenset((*_NEXT, "type", "stac_version", "numberReturned"))


def counted(number: int, plural: str) -> str:
    """A number of things: `1 feature`, `no orders`."""
    singular = (
        plural[:-3] + "y"
        if plural.endswith("ies")
        else plural[:-1]
        if plural.endswith("s") and not plural.endswith("ss")
        else plural
    )
    return f"no {plural}" if not number else f"{number:,} {singular if number == 1 else plural}"


def page_of(value: Any) -> Page | None:
    """`value` as a page of records; None for anything else.

    Every result of an operation that returns pages is one. Another object is one if it has a list of objects under a
    name that is common for records, and no id: an object with an id is a record itself, as an order with its history.
    """
    fields = plain(value)
    if isinstance(fields, list):
        return Page("list", "records", fields, {}) if fields and _are_objects(fields) else None
    if not isinstance(fields, dict):
        return None
    paged, name, operation = getattr(value, "_page", None) or (False, None, "")
    if not paged and ("id" in fields or is_feature(fields)):
        return None
    key = records_key(fields, name, operation)
    if key is None:
        return Page(type(value).__name__, "records", [], fields) if paged and not fields else None
    records = fields[key]
    if records and not _are_objects(records):
        return None
    if not paged and not _names_records(fields, key, operation):
        return None
    return Page(type(value).__name__, key, records, fields)


def _names_records(fields: Mapping[str, Any], key: str, operation: str) -> bool:
    parts = operation.split(".")
    if key in parts or parts[-1] == "list":
        return True
    beside = (item for name, item in fields.items() if name not in (key, "links"))
    return key in NAMES and (bool(fields[key]) or all(map(is_scalar, beside)))


def _are_objects(records: list[Any]) -> bool:
    return all(isinstance(plain(item), dict) for item in records[:_LOOKED_AT])
