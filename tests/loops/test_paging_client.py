"""Pages and records of lists, over HTTP: the four conventions, and servers that repeat themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.lazily import leave_early, step, until_error
from helpers.wire import Asked, Reply, Wire, feature, json_reply

from geopera.errors import InvalidInputError, PagingError, ServerError
from geopera.models import CatalogSearchInput, CatalogSearchOutput, StacFeature
from geopera.types import UNSET

Serve = Callable[[Callable[[Asked], Reply]], Wire]

AOI = {
    "collections": ["sentinel-2-l2a"],
    "bbox": [151.18, -33.92, 151.30, -33.84],
    "host_name": "earthsearch-aws",
}

# An operation of each convention, with a body that its schema accepts.
CONVENTIONS = {
    "token": ("catalog.search", {"host_name": "h", "limit": 10}),
    "offset": ("billing.credits.transactions", {"limit": 10}),
    "page": ("eulas.list", {"size": 10}),
    "search page": ("stac.search", {"limit": 10}),
}


def pages_of(count: int) -> Callable[[Asked], Reply]:
    """A server that holds `count` scenes and knows all conventions."""
    rows = [feature(n) for n in range(count)]

    def reply(asked: Asked) -> Reply:
        body = asked.body
        size = body.get("limit") or body.get("size")
        if asked.operation == "catalog.search":
            start = int(body.get("next", "0"))
            more = {"next": str(start + size)} if start + size < count else {"next": None}
            return json_reply({"features": rows[start : start + size], **more})
        start = body["offset"] if "offset" in body else body.get("page", 0) * size
        found = rows[start : start + size]
        if asked.operation == "stac.search":
            return json_reply({"type": "FeatureCollection", "features": found, "links": [{"rel": "self"}]})
        return json_reply(
            found if asked.operation == "billing.credits.transactions" else {"items": found, "total": count}
        )

    return reply


def operation(client: Any, id: str) -> Any:
    for name in id.split("."):
        client = getattr(client, name)
    return client


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention(flavour: Flavour, serve: Serve, convention: str) -> None:
    id, body = CONVENTIONS[convention]
    wire = serve(pages_of(35))
    op = operation(flavour.client("test-token", wire.url), id)

    found = flavour.collect(op.iter(body))
    assert [one["id"] for one in found] == [f"scene-{n}" for n in range(35)]
    assert wire.operations() == [id] * 4
    assert wire.asked[0].body == body  # what the caller gave, no more
    assert all((a.body.get("limit") or a.body.get("size")) == 10 for a in wire.asked)

    pages = flavour.collect(op.pages(body))
    sizes = [len(page if isinstance(page, list) else page.get("features") or page["items"]) for page in pages]
    assert sizes == [10, 10, 10, 5]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("most", "requests"), [(0, 0), (1, 1), (10, 1), (11, 2), (20, 2), (35, 4), (99, 4)])
def test_max_items(flavour: Flavour, serve: Serve, convention: str, most: int, requests: int) -> None:
    id, body = CONVENTIONS[convention]
    wire = serve(pages_of(35))
    op = operation(flavour.client("test-token", wire.url), id)
    found = flavour.collect(op.iter(body, max_items=most))
    assert [one["id"] for one in found] == [f"scene-{n}" for n in range(min(most, 35))]
    assert len(wire.asked) == requests
    wire.asked.clear()
    pages = flavour.collect(op.pages(body, max_items=most))
    assert len(pages) == requests == len(wire.asked)


def test_pages_and_records_are_typed(flavour: Flavour, serve: Serve) -> None:
    client = flavour.client("test-token", serve(pages_of(25)).url)
    search = client.catalog.search
    assert {type(page) for page in flavour.collect(search.pages(host_name="h", limit=10))} == {
        CatalogSearchOutput
    }
    assert {
        type(one) for one in flavour.collect(search.iter(CatalogSearchInput(host_name="h", limit=10)))
    } == {StacFeature}


def test_a_body_given_in_every_way(flavour: Flavour, serve: Serve) -> None:
    wire = serve(pages_of(25))
    search = flavour.client("test-token", wire.url).catalog.search
    body = {"host_name": "h", "limit": 10}
    for made in (
        search.iter(body),
        search.iter(CatalogSearchInput(host_name="h", limit=10)),
        search.iter(host_name="h", limit=10),
        search.iter({**body, "next_": "0"}),
        search.iter({**body, "next": "0"}),
    ):
        assert len(flavour.collect(made)) == 25
    assert body == {"host_name": "h", "limit": 10}
    assert len(flavour.collect(search.iter({**body, "next_": "20"}))) == 5


def test_a_bad_body_is_refused_where_it_is_written(flavour: Flavour, serve: Serve) -> None:
    wire = serve(pages_of(25))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(InvalidInputError, match="host_name"):
        client.catalog.search.pages({"host_nam": "h"})
    with pytest.raises(InvalidInputError):
        client.catalog.search.iter("text")
    with pytest.raises(TypeError, match=r"orders\.get"):
        client.orders.get.pages({"order_id": "o"})
    with pytest.raises(TypeError, match=r"catalog\.search_stream"):
        client.catalog.search_stream.pages({"host_name": "h"})
    with pytest.raises(ValueError, match="max_items"):
        client.catalog.search.iter({"host_name": "h"}, max_items=-1)
    assert wire.asked == []


def test_it_is_lazy(flavour: Flavour, serve: Serve) -> None:
    wire = serve(pages_of(35))
    search = flavour.client("test-token", wire.url).catalog.search
    found = search.iter({"host_name": "h", "limit": 10})
    assert wire.asked == []
    assert "catalog.search" in repr(found)
    for _ in range(10):
        step(flavour, found)
    assert len(wire.asked) == 1
    assert step(flavour, found).id == "scene-10"
    assert len(wire.asked) == 2
    assert len(leave_early(flavour, found, 3)) == 3
    assert step(flavour, found).id == "scene-14"  # no connection is held: the loop can be taken up again


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_server_that_repeats_a_page(flavour: Flavour, serve: Serve, convention: str) -> None:
    id, body = CONVENTIONS[convention]
    rows = [feature(n) for n in range(10)]

    def reply(asked: Asked) -> Reply:
        return json_reply(
            {"features": rows, "next": f"t{len(wire.asked)}"} if convention == "token" else rows
        )

    wire = serve(reply)
    op = operation(flavour.client("test-token", wire.url), id)
    found, error = until_error(flavour, op.iter(body))
    assert len(found) == 10
    assert isinstance(error, PagingError)
    assert error.operation == id
    assert "page" in str(error)
    assert len(wire.asked) == 2


def test_a_server_that_repeats_a_token(flavour: Flavour, serve: Serve) -> None:
    wire = serve(lambda asked: json_reply({"features": [feature(len(wire.asked))], "next": "same"}))
    client = flavour.client("test-token", wire.url)
    found, error = until_error(flavour, client.catalog.search.iter(host_name="h"))
    assert [one.id for one in found] == ["scene-1", "scene-2"]
    assert isinstance(error, PagingError)
    assert "token" in str(error)


def test_an_error_comes_after_the_records_before_it(flavour: Flavour, serve: Serve) -> None:
    good = pages_of(35)

    def reply(asked: Asked) -> Reply:
        return good(asked) if len(wire.asked) < 3 else json_reply({"title": "Broken"}, 500)

    wire = serve(reply)
    client = flavour.client("test-token", wire.url, max_retries=0)
    found, error = until_error(flavour, client.catalog.search.iter(host_name="h", limit=10))
    assert len(found) == 20
    assert isinstance(error, ServerError)


def test_a_bar(flavour: Flavour, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    client = flavour.client("test-token", serve(pages_of(25)).url)
    flavour.collect(client.catalog.search.iter(host_name="h", limit=10, progress=True))
    shown = capsys.readouterr().err
    assert "catalog.search" in shown
    assert "25 records" in shown
    flavour.collect(client.catalog.search.pages(host_name="h", limit=10, max_items=20, progress=True))
    assert "20/20" in capsys.readouterr().err


def test_a_bar_without_tqdm_names_the_extra(
    flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    client = flavour.client("test-token", serve(pages_of(5)).url)
    with pytest.raises(ImportError, match=r"geopera\[progress\]"):
        client.catalog.search.iter(host_name="h", progress=True)


# Against the sandbox.


@pytest.mark.slow
def test_the_sandbox_catalogue(flavour: Flavour, client: Any) -> None:
    whole = flavour.collect(client.catalog.search.iter({**AOI, "limit": 500}))
    assert len(whole) >= 250
    for size in (7, 100):
        found = flavour.collect(client.catalog.search.iter({**AOI, "limit": size}))
        assert [one.id for one in found] == [one.id for one in whole]
    assert len({one.id for one in whole}) == len(whole)
    first = flavour.collect(client.catalog.search.iter({**AOI, "limit": 20}, max_items=30))
    assert [one.id for one in first] == [one.id for one in whole[:30]]


@pytest.mark.slow
def test_the_lists_of_the_sandbox(flavour: Flavour, make_sandbox: Callable[..., Any]) -> None:
    server = make_sandbox(speed=1000)
    client = flavour.client(server.token, server.url)
    scene = flavour.collect(client.catalog.search.iter(AOI, max_items=1))[0].id
    for _ in range(7):
        order = {"collection": "sentinel-2-l2a", "item_ids": [scene], "delivery": {"format": "geotiff"}}
        flavour(client.orders.archive.place(order))
    for size in (1, 3, 7, 20):
        orders = flavour.collect(client.orders.list.iter(size=size))
        assert len(orders) == len({order["id"] for order in orders}) == 7
    transactions = flavour.collect(client.billing.credits.transactions.iter(limit=3))
    assert len(transactions) >= 7


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_unset_is_left_out(flavour: Flavour, serve: Serve, convention: str) -> None:
    id, body = CONVENTIONS[convention]
    wire = serve(pages_of(15))
    op = operation(flavour.client("test-token", wire.url), id)
    position = {"token": "next_", "offset": "offset"}.get(convention, "page")
    assert len(flavour.collect(op.iter({**body, position: UNSET}))) == 15
    assert wire.asked[0].body == body


def test_what_is_changed_in_a_body_meanwhile_is_not_sent(flavour: Flavour, serve: Serve) -> None:
    wire = serve(pages_of(25))
    client = flavour.client("test-token", wire.url)
    body: Any = {**AOI, "collections": ["sentinel-2-l2a"], "limit": 10}
    body |= {"query": {"eo:cloud_cover": {"LT": 20}}}
    given = json.loads(json.dumps(body))
    found = client.catalog.search.iter(body)
    body["query"]["platform"] = {"eq": "sentinel-2a"}
    body["collections"].append("landsat-c2-l2")
    body["limit"] = 1
    assert len(flavour.collect(found)) == 25
    assert [{**a.body, "next": None} for a in wire.asked] == [{**given, "next": None}] * 3


@pytest.mark.parametrize(
    ("id", "name"), [("billing.credits.transactions", "transactions"), ("alerts.events.list", "events")]
)
def test_records_beside_other_arrays(flavour: Flavour, serve: Serve, id: str, name: str) -> None:
    rows = [feature(n) for n in range(3)]
    client = flavour.client(
        "test-token",
        serve(lambda asked: json_reply({"links": [{"rel": "self"}], "tags": [], name: rows})).url,
    )
    found = flavour.collect(operation(client, id).iter())
    assert [one["id"] for one in found] == ["scene-0", "scene-1", "scene-2"]


@pytest.mark.parametrize("start", [{"lines": ["x" * 250] * 20}, {"secret": "whsec_a"}, {}])
def test_pages_without_ids_are_distinguished_by_all_their_content(
    flavour: Flavour, serve: Serve, start: dict[str, Any]
) -> None:
    def rows(count: int) -> list[dict[str, Any]]:
        return [
            {**start, "secret": f"whsec_{n}"} if "secret" in start else {**start, "n": n}
            for n in range(count)
        ]

    wire = serve(lambda asked: json_reply(rows(12)[asked.body.get("offset", 0) :][:5]))
    client = flavour.client("test-token", wire.url)
    found = flavour.collect(client.billing.credits.transactions.iter(limit=5))
    assert [one.to_dict() for one in found] == rows(12)

    wire.reply = lambda asked: json_reply(rows(5))
    found, error = until_error(flavour, client.billing.credits.transactions.iter(limit=5))
    assert len(found) == 5
    assert isinstance(error, PagingError)
