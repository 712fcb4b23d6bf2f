"""What users of the generated SDK lose today, line by line; none of it is lost here.

Each test has the name of a loss. The figures of the last line (how long an import and a first result
take) are measured by the benchmarks; here is only what they rest on, that nothing heavy is imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock

import geopera
from geopera.errors import GeoperaError, InvalidInputError, PermissionDeniedError
from geopera.sandbox import Sandbox

URL = "https://geopera.test"
SEARCH = {"host_name": "earthsearch-aws", "limit": 2}
ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["example-scene"]}


@pytest.fixture
def mocked(flavour: Flavour) -> Any:
    return flavour.client("test-token", URL)


def test_features_and_next_are_attributes(flavour: Flavour, client: Any) -> None:
    page = flavour(client.catalog.search(SEARCH))
    assert len(page.features) == 2
    assert page.features[0].id
    assert page.next_


def test_subscriptions_are_an_attribute(flavour: Flavour, client: Any) -> None:
    made = flavour(
        client.event_subscriptions.create(event_type="order.failed", endpoint_url="https://example.com/h")
    )
    listed = flavour(client.event_subscriptions.list({})).subscriptions
    assert made.id in [one.id for one in listed]
    assert {one.event_type for one in listed} >= {"order.failed"}


def test_datetime_in_a_dict_is_sent_under_its_wire_name(
    flavour: Flavour, mocked: Any, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json={"features": []})
    flavour(mocked.catalog.search({"host_name": "a", "datetime_": "2024-01-15T00:00:00Z"}))
    assert json.loads(httpx_mock.get_requests()[0].content) == {
        "host_name": "a",
        "datetime": "2024-01-15T00:00:00Z",
    }


def test_a_misspelt_field_is_not_sent(flavour: Flavour, mocked: Any, httpx_mock: HTTPXMock) -> None:
    with pytest.raises(InvalidInputError, match="did you mean 'collections'"):
        flavour(mocked.catalog.search({"host_name": "a", "collection": ["b"]}))
    assert httpx_mock.get_requests() == []


def test_a_missing_field_is_named(flavour: Flavour, mocked: Any, httpx_mock: HTTPXMock) -> None:
    with pytest.raises(InvalidInputError, match=r"catalog\.search: .*host_name: .*required"):
        flavour(mocked.catalog.search({}))
    assert httpx_mock.get_requests() == []


def test_an_idempotency_key_is_sent(flavour: Flavour, mocked: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202, json={"id": "ord-1"})
    flavour(mocked.orders.archive.place(ORDER, idempotency_key="key-1"))
    assert httpx_mock.get_requests()[0].headers["idempotency-key"] == "key-1"


def test_errors_are_raised(flavour: Flavour, client: Any) -> None:
    with pytest.raises(GeoperaError) as caught:
        flavour(client.orders.get(order_id="no-such-order"))
    assert caught.value.status_code == 404
    assert issubclass(PermissionDeniedError, geopera.errors.GeoperaError)


def test_a_picture_is_bytes(flavour: Flavour, client: Any) -> None:
    picture = flavour(client.cog.thumbnail(url="https://example.com/scene.tif"))
    assert isinstance(picture, bytes)
    assert picture.media_type.startswith("image/")


def test_an_operation_newer_than_the_release_is_reached(
    flavour: Flavour, mocked: Any, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json={"reply": 42})
    assert flavour(mocked.invoke("brand.new.operation", {})).reply == 42


def test_dir_is_not_empty(flavour: Flavour, mocked: Any) -> None:
    assert {"search", "hosts", "collections"} <= set(dir(mocked.catalog))


def test_there_is_an_async_fluent_client(sandbox: Sandbox) -> None:
    import asyncio

    async def main() -> int:
        async with geopera.AsyncGeopera(sandbox.token, sandbox.url) as client:
            return len((await client.catalog.search(SEARCH)).features)

    assert asyncio.run(main()) == 2


def test_calls_are_repeated(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL, retry=geopera.RetryPolicy(base=0.001, cap=0.001))
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_response(json={"features": []})
    response = flavour(client.catalog.search(SEARCH, detailed=True))
    assert (response.status_code, response.attempts) == (200, 2)


def test_pages_are_walked(flavour: Flavour, client: Any) -> None:
    search = client.catalog.search.iter(host_name="earthsearch-aws", limit=10, max_items=25)
    assert len({scene.id for scene in flavour.collect(search)}) == 25


def test_a_stream_is_read_as_it_arrives(flavour: Flavour, make_sandbox: Any) -> None:
    server = make_sandbox(stream_delay=0.05)
    client = flavour.client(server.token, server.url)
    body = {"host_name": "earthsearch-aws", "limit": 100}

    async def first_of_async() -> Any:
        async with client.catalog.search_stream(body) as records:
            return await anext(records)

    def first_of_sync() -> Any:
        with client.catalog.search_stream(body) as records:
            return next(records)

    begun = time.monotonic()
    first = flavour(first_of_async() if flavour.asynchronous else first_of_sync())
    assert first.id
    assert time.monotonic() - begun < 3  # all of them take five seconds


HEAVY = (
    "httpx",
    "pydantic",
    "jsonschema",
    "asyncio",
    "ssl",
    "typing",
    "json",
    "re",
    "dataclasses",
    "inspect",
)


@pytest.mark.parametrize(
    "statement",
    [
        "import geopera",
        "from geopera import Geopera, AsyncGeopera, errors; Geopera('test-token').catalog.search",
        "import geopera; list(geopera.Geopera('test-token').manifest.operations); dir(geopera.Geopera().catalog)",
    ],
)
def test_importing_costs_next_to_nothing(statement: str) -> None:
    # -S: what the site module of some installation imports is not ours. The path is handed over whole.
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; before = set(sys.modules); {statement}; "
        f"print(*sorted({HEAVY!r} & (set(sys.modules) - before)))"
    ).replace(repr(HEAVY), repr(set(HEAVY)))
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
