"""The rules of walking a list, with a server made of a list."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from geopera._loops.paging import Walk, find_records
from geopera.errors import PagingError
from geopera.manifest import Operation
from geopera.types import JSONObject


def operation(convention: str | None, records: str | None = None) -> Operation:
    paging = {"convention": convention, "records": records} if convention else None
    return Operation.from_entry("things.list", {"paging": paging})


SCHEMAS = {
    "token": {"properties": {"limit": {"default": 100, "maximum": 500}, "next": {}}},
    "offset": {"properties": {"limit": {"default": 50}, "offset": {"default": 0}}},
    "page": {"properties": {"page": {"default": 0}, "size": {"default": 20}}},
    "search_page": {"properties": {"limit": {"default": 10, "maximum": 10000.0}, "page": {"default": 0}}},
}


class Server:
    """Holds records, and responses by one of the conventions; never gives more than `most` at a time."""

    def __init__(self, convention: str, count: int, most: int = 10**6) -> None:
        self.convention = convention
        self.rows = [{"id": f"r{n}", "n": n} for n in range(count)]
        self.most = most
        self.bodies: list[dict[str, Any]] = []

    def reply(self, body: dict[str, Any]) -> Any:
        self.bodies.append(dict(body))
        assert not {"next_", "offset_", "page_"} & body.keys()
        size_field = "size" if self.convention == "page" else "limit"
        default = int(SCHEMAS[self.convention]["properties"][size_field]["default"])
        size = min(int(body.get(size_field) or default), self.most)
        if self.convention == "token":
            start = int(body.get("next") or "0")
            page: Any = {"features": self.rows[start : start + size], "links": []}
            if start + size < len(self.rows):
                page["next"] = str(start + size)
            return page
        start = (
            int(body.get("offset") or 0) if self.convention == "offset" else int(body.get("page") or 0) * size
        )
        return {"items": self.rows[start : start + size], "total": len(self.rows)}

    def walk(self, body: dict[str, Any], **options: Any) -> tuple[list[int], Walk]:
        walk = Walk(operation(self.convention), body, schema=SCHEMAS[self.convention], **options)
        found: list[int] = []
        for _ in range(10_000):
            request = walk.body()
            if request is None:
                return found, walk
            records = walk.take(self.reply(request))
            found += [record["n"] for record in records or ()]
        raise AssertionError("the walk does not end")


CONVENTIONS = list(SCHEMAS)
SIZE = {"token": "limit", "offset": "limit", "page": "size", "search_page": "limit"}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30, 35, 101])
def test_every_record_comes_once_and_in_order(convention: str, count: int) -> None:
    for size in (None, 1, 10, 11, 100):
        server = Server(convention, count)
        body = {} if size is None else {SIZE[convention]: size}
        found, walk = server.walk(body)
        assert found == list(range(count))
        assert walk.count == count
        assert server.bodies[0] == body  # the first body is the caller's own, with nothing added
        assert all(b.get(SIZE[convention]) == size for b in server.bodies)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (7, 1), (25, 3), (29, 3)])
def test_a_short_page_is_the_end_and_nothing_more_is_asked(
    convention: str, count: int, requests: int
) -> None:
    server = Server(convention, count)
    server.walk({SIZE[convention]: 10})
    assert len(server.bodies) == requests


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_full_pages_to_the_end_need_one_look_more_where_no_token_tells(convention: str) -> None:
    server = Server(convention, 30)
    found, _ = server.walk({SIZE[convention]: 10})
    assert found == list(range(30))
    assert len(server.bodies) == (3 if convention == "token" else 4)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("most", "requests"), [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (21, 3), (35, 4), (99, 4)]
)
def test_max_items_ends_early_and_asks_for_no_page_more(convention: str, most: int, requests: int) -> None:
    server = Server(convention, 35)
    found, _ = server.walk({SIZE[convention]: 10}, max_items=most)
    assert found == list(range(min(most, 35)))
    assert len(server.bodies) == requests
    assert all(body[SIZE[convention]] == 10 for body in server.bodies)  # the size of the page stays


@pytest.mark.parametrize(
    ("convention", "body", "first"),
    [
        ("token", {"limit": 10, "next": "20"}, 20),
        ("token", {"limit": 10, "next_": "20"}, 20),
        ("token", {"limit": 10, "next_": None}, 0),
        ("offset", {"limit": 10, "offset": 5}, 5),
        ("page", {"size": 10, "page": 2}, 20),
        ("search_page", {"limit": 10, "page": 2}, 20),
    ],
)
def test_a_walk_may_begin_anywhere(convention: str, body: dict[str, Any], first: int) -> None:
    given = dict(body)
    found, _ = Server(convention, 45).walk(body)
    assert found == list(range(first, 45))
    assert body == given


@pytest.mark.parametrize("convention", ["offset", "page"])
def test_a_server_that_holds_the_size_down_loses_nothing(convention: str) -> None:
    for count in (49, 50, 51, 100, 120, 149):
        server = Server(convention, count, most=50)
        found, _ = server.walk({SIZE[convention]: 200})
        assert found == list(range(count))


def test_a_size_up_to_the_declared_maximum_is_believed() -> None:
    server = Server("search_page", 700)
    server.walk({"limit": 1000})
    assert len(server.bodies) == 1


@pytest.mark.parametrize("bad", [-1, -100])
def test_max_items_below_zero(bad: int) -> None:
    with pytest.raises(ValueError, match="max_items"):
        Walk(operation("page"), {}, max_items=bad)


@pytest.mark.parametrize("bad", ["5", 5.0, True])
def test_max_items_of_another_type(bad: Any) -> None:
    with pytest.raises(TypeError, match="max_items"):
        Walk(operation("page"), {}, max_items=bad)


@pytest.mark.parametrize("convention", [None, "spiral"])
def test_an_operation_without_pages(convention: str | None) -> None:
    with pytest.raises(TypeError, match=r"things\.list"):
        Walk(operation(convention), {})


def drive(convention: str, replies: Any, body: dict[str, Any] | None = None) -> tuple[list[Any], str]:
    """All records that came before the PagingError, and what it says."""
    walk = Walk(operation(convention), body or {}, schema=SCHEMAS[convention])
    found: list[Any] = []
    try:
        for reply in itertools.islice(replies, 1000):
            if walk.body() is None:
                return found, "ended"
            found += walk.take(reply) or []
    except PagingError as exc:
        return found, str(exc)
    return found, "went on for ever"


def test_a_repeated_token_is_an_error_after_its_page() -> None:
    pages = ({"features": [{"id": n}], "next": "same"} for n in itertools.count())
    found, error = drive("token", pages)
    assert [r["id"] for r in found] == [0, 1]
    assert "the same token twice" in error


def test_a_token_that_comes_back_later_is_an_error_too() -> None:
    pages = ({"features": [{"id": n}], "next": "abc"[n % 3]} for n in itertools.count())
    found, error = drive("token", pages)
    assert [r["id"] for r in found] == [0, 1, 2, 3]
    assert "token" in error


def test_the_token_that_was_begun_with_counts() -> None:
    found, error = drive("token", iter([{"features": [{"id": 1}], "next": "t"}] * 9), {"next": "t"})
    assert len(found) == 1
    assert "token" in error


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("with_ids", [True, False])
@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_repeated_page_is_an_error(convention: str, with_ids: bool, period: int) -> None:
    def pages() -> Any:
        for n in itertools.count():
            rows = [{"id" if with_ids else "value": f"{n % period}-{i}"} for i in range(100)]
            yield {"features": rows, "next": f"fresh-{n}"}

    body = {SIZE[convention]: 100}
    found, error = drive(convention, pages(), body)
    assert len(found) == 100 * period
    assert "the same page twice" in error


def test_empty_pages_with_ever_new_tokens_end_in_an_error() -> None:
    found, error = drive("token", ({"features": [], "next": str(n)} for n in itertools.count()))
    assert found == []
    assert "empty" in error


def test_an_empty_page_in_between_is_no_end_where_a_token_follows() -> None:
    pages = [{"features": [], "next": "a"}, {"features": [{"id": 1}], "next": "b"}, {"features": []}]
    assert drive("token", iter([*pages, {}])) == ([{"id": 1}], "ended")


@pytest.mark.parametrize("end", [{}, {"next": None}, {"next": ""}, {"next": False}])
def test_the_end_of_the_tokens(end: dict[str, Any]) -> None:
    assert drive("token", iter([{"features": [{"id": 1}], **end}] * 2)) == ([{"id": 1}], "ended")


@pytest.mark.parametrize(
    ("page", "name", "expected"),
    [
        ([1, 2], None, [1, 2]),
        ([1, 2], "features", [1, 2]),
        ({"features": [1], "links": [2]}, "features", [1]),
        ({"features": [1], "links": [2]}, None, [1]),
        ({"things": [1], "total": 1}, None, [1]),
        ({"things": [1], "total": 1}, "features", [1]),
        ({"features": None}, "features", []),
        ({"rows": None, "others": [1]}, "rows", []),
        ({"items": None, "total": 0}, None, []),
        (JSONObject(items=[1], x=2), None, [1]),
    ],
)
def test_the_records_of_a_page(page: Any, name: str | None, expected: list[Any]) -> None:
    assert find_records(page, name, "x") == expected


@pytest.mark.parametrize("page", [{}, {"total": 0}, {"a": [1], "b": [2]}, "text", None, 5])
def test_a_page_without_records(page: Any) -> None:
    with pytest.raises(PagingError, match=r"things\.list: the records") as caught:
        find_records(page, "features", "things.list")
    assert caught.value.operation == "things.list"


EMPTY: dict[str, Any] = {"items": [], "total": 3}


@pytest.mark.parametrize("convention", ["offset", "page", "search_page"])
def test_an_empty_page_at_the_start_is_the_end_without_tokens(convention: str) -> None:
    walk = Walk(operation(convention), {}, schema=SCHEMAS[convention])
    assert walk.body() == {}
    assert walk.take(EMPTY) == [], "the first page is a page, also if it is empty"
    assert walk.body() is None
    assert walk.count == 0


@pytest.mark.parametrize("convention", ["offset", "page", "search_page"])
def test_an_empty_page_at_the_end_is_no_repeated_one(convention: str) -> None:
    """A number of records that the size of a page divides: the last page is empty."""
    server = Server(convention, 20)
    found, walk = server.walk({SIZE[convention]: 10})
    assert (found, walk.count, len(server.bodies)) == (list(range(20)), 20, 3)
    assert walk.body() is None


@pytest.mark.parametrize("empty", [1, 2])
def test_empty_pages_at_the_start_and_at_the_end_of_the_tokens(empty: int) -> None:
    none = [{"features": [], "next": f"n{number}"} for number in range(empty)]
    last = [{"features": [], "next": f"l{number}"} for number in range(empty)]
    pages = [*none, {"features": [{"id": 1}], "next": "a"}, *last, {"features": []}]
    assert drive("token", iter([*pages, {"features": [{"id": "beyond the end"}]}])) == ([{"id": 1}], "ended")


def test_an_empty_page_that_only_shows_the_end_is_no_page() -> None:
    walk = Walk(operation("page"), {"size": 1}, schema=SCHEMAS["page"])
    assert [walk.body(), walk.take([{"id": 1}])] == [{"size": 1}, [{"id": 1}]]
    assert [walk.body(), walk.take([])] == [{"size": 1, "page": 1}, None]
    assert (walk.body(), walk.pages, walk.count) == (None, 2, 1)


def test_how_many_empty_pages_are_too_many() -> None:
    walk = Walk(operation("token"), {}, schema=SCHEMAS["token"])
    for number in range(100):
        assert walk.body() is not None
        walk.take({"features": [], "next": f"a{number}"})
    with pytest.raises(PagingError, match="100 pages in a row"):
        walk.body()
    walk = Walk(operation("token"), {}, schema=SCHEMAS["token"])
    walk.take({"features": [{"id": 1}], "next": "b"})
    for number in range(99):
        walk.take({"features": [], "next": f"a{number}"})
    assert walk.body() is not None, "those in a row count"


@pytest.mark.parametrize(
    ("count", "most", "requests"), [(20, 10**6, 1), (220, 80, 3), (120, 50, 3), (240, 80, 4)]
)
def test_a_server_that_holds_the_size_down_is_asked_no_more_than_needed(
    count: int, most: int, requests: int
) -> None:
    server = Server("offset", count, most=most)
    found, _ = server.walk({"limit": 200})
    assert (found, len(server.bodies)) == (list(range(count)), requests)


@pytest.mark.parametrize("size", [0, -5, "many", None])
def test_a_size_that_is_none_is_the_default(size: Any) -> None:
    assert Walk(operation("page"), {"size": size}, schema=SCHEMAS["page"]).size == 20
    assert Walk(operation("page"), {"size": 1}).size == 1


@pytest.mark.parametrize("name", ["id", "event_id", "order_id", "job_id"])
@pytest.mark.parametrize("more", [{}, {"collection": "c"}])
def test_the_same_ids_are_the_same_page_whatever_else_has_changed(name: str, more: dict[str, str]) -> None:
    pages = ([{name: str(i), "polled": n, **more} for i in range(20)] for n in itertools.count())
    found, error = drive("page", pages)
    assert len(found) == 20
    assert "the same page twice, after 2 pages" in error


def test_the_same_ids_in_another_collection_are_another_page() -> None:
    pages = [[{"id": i, "collection": str(n)} for i in range(20)] for n in range(3)]
    found, error = drive("page", iter([*pages, [], []]))
    assert (len(found), error) == (60, "ended")


@pytest.mark.parametrize("record", [5, "text", [1, 2], {"id": None}, {"id": 1.5}])
def test_records_without_ids_are_compared_by_their_content(record: Any) -> None:
    found, error = drive("page", iter([[record] * 20] * 3))
    assert len(found) == 20
    assert "the same page twice" in error
