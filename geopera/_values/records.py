"""The member of a page that holds its records. Paging, `records`, tables and notebooks share this rule."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["NAMES", "records_key", "records_of"]

#: Names of arrays of records, the likelier first, for pages that hold several arrays.
NAMES = (
    "features",
    "items",
    "results",
    "records",
    "data",
    "content",
    "collections",
    "subscriptions",
    "jobs",
    "orders",
)


def records_key(page: Mapping[str, Any], name: str | None = None, operation: str = "") -> str | None:
    """The key of the array of records: `name`, or the one array of the page; None if there is none.

    Of several arrays it is the one with the name of the operation's resource, or with a common name of records.
    """
    if name is not None and name in page and isinstance(page[name], list):
        return name
    arrays = [key for key in page if isinstance(page[key], list)]
    if len(arrays) > 1 and "links" in arrays:
        arrays.remove("links")  # to other pages and documents; their subjects are the records
    if len(arrays) == 1:
        return arrays[0]
    return next((key for key in (*reversed(operation.split(".")), *NAMES) if key in arrays), None)


def records_of(page: Mapping[str, Any], source: tuple[bool, str | None, str] | None) -> list[Any] | None:
    """The value of `records`: the list of a page, or None if the object is not a page.

    `source` is (whether the operation returns pages, the member that holds the records, the operation's id)
    for a result of a call, None for an object from elsewhere. Without an operation that returns pages, an object
    that has an id of its own is a record, not a page.
    """
    paged, name, operation = source or (False, None, "")
    if not paged and ("id" in page or page.get("type") == "Feature"):
        return None
    key = records_key(page, name, operation)
    if key is not None:
        found: list[Any] = page[key]
        return found
    return [] if paged else None
