"""The rules of paging, without I/O.

Four conventions; the fields of an operation's input decide which one it has:

    convention    fields           next page                                    the end
    ------------  ---------------  -------------------------------------------  --------------------
    token         limit, next      the response's `next`                        no `next` in it
    offset        limit, offset    offset + the records that came               a short or empty page
    page          page, size       page + 1, from 0                             a short or empty page
    search_page   limit, page      page + 1, from 0                             a short or empty page

A page is short if it holds fewer records than requested. A server may limit the size without saying so. It accepts
its default size at least, and any size up to the maximum that it declares: up to that size a short page is the
last one, and above it one more page is requested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._values.records import NAMES, records_key
from ..errors import PagingError

if TYPE_CHECKING:
    from ..manifest import Operation

__all__ = ["Walk", "find_records"]

# The field with the size and the field with the position; the size where nobody names one.
_FIELDS = {
    "token": ("limit", "next", 100),
    "offset": ("limit", "offset", 100),
    "page": ("size", "page", 20),
    "search_page": ("limit", "page", 10),
}
_MOST_EMPTY = 100


def find_records(page: Any, name: str | None, operation: str) -> list[Any]:
    """The records of a page: the page itself, or its field `name`, or the one array that it holds.

    Of several arrays it is the one that is called as the operation's resource is, or as records often are.
    Raises `PagingError` where nothing in the page can be the records.
    """
    if isinstance(page, list):
        return page
    if isinstance(page, Mapping):
        if name is not None and page.get(name, ...) is None:
            return []
        key = records_key(page, name, operation)
        if key is not None:
            found: list[Any] = page[key]
            return found
        arrays = sum(isinstance(value, list) for value in page.values())
        if not arrays and any(page.get(likely, ...) is None for likely in NAMES):
            return []
        shape = f"{arrays} arrays among its fields {', '.join(map(str, list(page)[:10])) or '(none)'}"
    else:
        shape = f"no object and no array, but a {type(page).__name__}"
    raise PagingError(
        f"{operation}: the records of the page cannot be found: it holds {shape}", operation=operation
    )


class Walk:
    """The pages of one list: which body comes next, and when the end is reached.

    Call `body()` for the next body, which is None at the end, send it, and pass the response to `take()`. No page is
    requested once `max_items` records have come. The size of the pages is that of the body.

    Raises:
        TypeError: If the operation returns no pages.
        ValueError: If `max_items` is negative.
        PagingError: From `body` and `take`, if the server repeats a page or a token.
    """

    __slots__ = ("_base", "_convention", "_empty", "_error", "_next", "_position", "_seen", "_sure", "count", "left", "operation", "pages", "records", "size")  # fmt: skip

    def __init__(
        self,
        operation: Operation,
        body: Mapping[str, Any],
        *,
        max_items: int | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        paging = operation.paging
        if paging is None or paging.convention not in _FIELDS:
            raise TypeError(
                f"{operation.id} does not return pages; call it, or use iter() on what it returns"
            )
        if max_items is not None:
            if isinstance(max_items, bool) or not isinstance(max_items, int):
                raise TypeError(f"max_items must be a whole number or None, not {max_items!r}")
            if max_items < 0:
                raise ValueError(f"max_items must not be negative: {max_items}")
        self.operation = operation.id
        self._convention = paging.convention
        self.records = paging.records
        size, self._position, fallback = _FIELDS[paging.convention]
        self._base = dict(body)
        properties = (schema or {}).get("properties", {})
        declared = properties.get(size) or {}
        default = _whole(declared.get("default"), fallback)
        self.size = _whole(self._base.get(size), default)
        # Up to this size the server returns as many records as requested.
        self._sure = max(default, _whole(declared.get("maximum"), 0))
        for name in (self._position, self._position + "_"):
            value = self._base.pop(name, None)
            if value is not None:
                self._next: Any = value
                break
        else:
            self._next = None if self._convention == "token" else 0
        self.left = max_items
        self._seen: set[Any] = {("token", repr(self._next))} if self._convention == "token" else set()
        self._empty = 0
        self._error: PagingError | None = None
        self.pages = 0
        self.count = 0

    def body(self) -> dict[str, Any] | None:
        """The body of the next page, or None at the end. Raises `PagingError` for a repeated token."""
        if self.left is not None and self.left <= 0:
            return None
        if self._error is not None:
            raise self._error
        if self.pages and self._next is None:
            return None
        if self.pages == 0 and self._next in (None, 0):
            return self._base  # what the caller gave, with nothing added
        return {**self._base, self._position: self._next}

    def take(self, page: Any) -> list[Any] | None:
        """The records of the page that was fetched; None for the empty one that only shows the end.

        Where `max_items` is reached inside the page, the rest of its records is left out.
        Raises `PagingError` for a page that was there before.
        """
        found = find_records(page, self.records, self.operation)
        first = self.pages == 0
        self.pages += 1
        self.count += len(found)
        if found:
            mark = _fingerprint(found)
            if mark in self._seen:
                raise self._repeated("page")
            self._seen.add(mark)
        if self._convention == "token":
            self._take_token(page, found)
        else:
            self._take_position(found)
            if not found and not first:
                return None
        if self.left is not None:
            if len(found) > self.left:
                found = found[: self.left]
            self.left -= len(found)
        return found

    def _take_token(self, page: Any, found: list[Any]) -> None:
        token = _token(page)
        self._next = token
        if token is None:
            return
        self._empty = 0 if found else self._empty + 1
        mark = ("token", repr(token))
        if mark in self._seen:
            self._error = self._repeated("token")
        elif self._empty >= _MOST_EMPTY:
            self._error = PagingError(
                f"{self.operation}: {self._empty} pages in a row were empty and named a next one",
                operation=self.operation,
            )
        self._seen.add(mark)

    def _take_position(self, found: list[Any]) -> None:
        count = len(found)
        if count == 0:
            self._next = None
        elif count < self.size:
            if self.size <= self._sure or count < self._sure:
                self._next = None
                return
            # Perhaps the server returns no more than this at a time: then this is the size from here on.
            self._sure = self.size = count
        if self._next is not None:
            self._next = int(self._next) + (count if self._convention == "offset" else 1)

    def _repeated(self, what: str) -> PagingError:
        return PagingError(
            f"{self.operation}: the server returned the same {what} twice, after {self.pages} pages; "
            "going on would never end",
            operation=self.operation,
        )


def _whole(value: Any, fallback: int) -> int:
    """A size as a positive int; `fallback` for anything else."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return fallback
    return number if number > 0 else fallback


def _token(page: Any) -> Any:
    if not isinstance(page, Mapping):
        return None
    try:
        token = page["next"]
    except KeyError:
        return None
    return None if token is None or token == "" or token is False else token


def _fingerprint(found: list[Any]) -> Any:
    """Something that is equal for equal pages: the ids, or without ids a digest of the content."""
    ids = [_identity(record) for record in found]
    if None not in ids:
        return hash(tuple(ids)), len(ids), ids[0], ids[-1]
    from hashlib import blake2b

    from pydantic_core import to_json

    # Not the repr: it is shortened, and secrets in it are redacted.
    return blake2b(to_json(found, by_alias=True, fallback=repr), digest_size=16).digest()


def _identity(record: Any) -> Any:
    if not isinstance(record, Mapping):
        return None
    for name in ("id", "event_id", "order_id", "job_id"):
        try:
            value = record[name]
        except KeyError:
            continue
        if isinstance(value, (str, int)):
            try:
                return value, str(record["collection"])
            except KeyError:
                return value
    return None
