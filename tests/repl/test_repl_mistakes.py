"""What is mistaken for a call, and what is said about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, feature, json_reply
from pytest_httpx import HTTPXMock

import geopera
from geopera.errors import InvalidInputError
from geopera.manifest import Manifest, bundled

URL = "https://geopera.test"


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.client("test-token", URL)


@pytest.mark.parametrize(
    ("written", "error", "due"),
    [
        (
            lambda c: c.catalog.search.features,
            AttributeError,
            r"an operation .* client\.catalog\.search\(\.\.\.\)\.features",
        ),
        (lambda c: list(c.orders.list), TypeError, r"orders\.list\(\.\.\.\), .*orders\.list\.iter\(\.\.\.\)"),
        (lambda c: c.orders.list["x"], TypeError, r"orders\.list\(\.\.\.\), .*orders\.list\.iter\(\.\.\.\)"),
        (lambda c: c.catalog(), TypeError, r"catalog is a resource with .*search, .*not callable"),
        (lambda c: c.items(project_id="a"), TypeError, r"items is a resource .*create"),
        (
            lambda c: c.search,
            AttributeError,
            r"client\.catalog\.search, client\.items\.search, client\.stac\.search",
        ),
        (lambda c: c.revoke, AttributeError, r"client\.api_keys\.revoke"),
        (lambda c: c.jobs, AttributeError, r"client\.clip\.jobs, client\.processing\.jobs"),
        (lambda c: c.catalog.serach, AttributeError, r"did you mean 'search'"),
        (lambda c: c.xyzzy, AttributeError, r"it has alerts, .*, …$"),
        (lambda c: c.token, AttributeError, r"client\.client\.token"),
        (lambda c: c.map("catalog.serach", [{}]), ValueError, r"did you mean 'catalog\.search'"),
    ],
    ids=range(12),
)
def test_each_says_what_it_is(client: Any, written: Any, error: Any, due: str) -> None:
    with pytest.raises(error, match=due):
        written(client)


def test_the_token_is_no_api_key(flavour: Flavour) -> None:
    with pytest.raises(TypeError, match="token=") as caught:
        flavour.client(api_key="gpra_hidden")
    assert "hidden" not in str(caught.value)


def test_a_bare_value_is_given_by_its_name(flavour: Flavour, client: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"write orders\.get\(order_id='ord_1'\)"):
        flavour(client.orders.get("ord_1"))


def test_protocols_find_nothing_in_an_operation(client: Any) -> None:
    search = client.catalog.search
    assert not hasattr(search, "keys")
    assert not hasattr(search, "__len__")
    assert not hasattr(search, "_anything")


def test_a_near_miss_is_sent_with_a_warning(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={})
    with pytest.warns(UserWarning, match=r"did you mean 'catalog\.search'"):
        flavour(client.invoke("catalog.serach", {}))
    httpx_mock.add_response(json={})
    flavour(client.invoke("some.new.op", {}))  # without a word
    assert len(httpx_mock.get_requests()) == 2


def test_what_nobody_awaits_has_the_name_of_its_operation() -> None:
    made = geopera.AsyncGeopera("t").catalog.search(host_name="h")
    assert made.__qualname__ == "catalog.search"
    made.close()


def test_an_async_iterator_says_how_it_is_used() -> None:
    import asyncio

    async def use() -> None:
        async with geopera.AsyncGeopera("t", URL) as client:
            records = client.catalog.search.iter(host_name="h")
            with pytest.raises(TypeError, match="async for"):
                list(records)
            with pytest.raises(TypeError, match="async for"):
                await records
            await records.aclose()

    asyncio.run(use())


def test_a_field_that_is_called_like_an_option(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    document = bundled().to_dict()
    document["schemas"]["OrderGetInput"]["properties"]["detailed"] = {"type": "string"}
    document["schemas"]["CatalogSearchInput"]["properties"]["max_items"] = {"type": "integer"}
    client = flavour.client("t", URL, manifest=Manifest.from_dict(document))
    httpx_mock.add_response(json={"features": []}, is_reusable=True)
    flavour(client.with_options(strict_responses=False).catalog.search(host_name="h", max_items_=3))
    assert json.loads(httpx_mock.get_requests()[-1].content) == {"host_name": "h", "max_items": 3}
    with pytest.raises(TypeError, match=r"max_items_="):
        flavour.collect(client.catalog.search.iter(host_name="h", max_items=3))
    with pytest.raises(TypeError, match=r"detailed_="):
        flavour(client.orders.get(order_id="a", detailed="v"))
    assert "detailed_" in str(__import__("inspect").signature(client.orders.get))


@pytest.mark.parametrize("token", [2, {"after": "x"}, ["a", 1], 2.5], ids=str)
def test_the_servers_own_token_goes_back_as_it_came(flavour: Flavour, serve: Any, token: Any) -> None:
    def reply(asked: Asked) -> Any:
        first = "next" not in asked.body
        return json_reply({"features": [feature(1 if first else 2)], "next": token if first else None})

    wire = serve(reply)
    client = flavour.client("t", wire.url)
    with pytest.warns(geopera.errors.ResponseMismatchWarning):
        found = flavour.collect(client.catalog.search.iter(host_name="h"))
    assert [one.id for one in found] == ["scene-1", "scene-2"]
    assert wire.asked[1].body == {"host_name": "h", "next": token}
    # The loop of the recipes, written by hand.
    with pytest.warns(geopera.errors.ResponseMismatchWarning):
        page = flavour(client.catalog.search({"host_name": "h"}))
    flavour(client.catalog.search({"host_name": "h", "next_": page.next_}))
    assert wire.asked[-1].body == {"host_name": "h", "next": token}
