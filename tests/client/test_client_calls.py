"""Calls as such: settings, keys, threads and tasks, operations that no manifest knows, closing."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock

import geopera
from geopera import AsyncGeopera, AuthenticatedClient, Client, Geopera
from geopera.errors import GeoperaError, InvalidInputError
from geopera.sandbox import Sandbox

URL = "https://geopera.test"
SEARCH = {"host_name": "earthsearch-aws", "limit": 1}
ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["example-scene"]}
BOTH = pytest.mark.parametrize("cls", [Geopera, AsyncGeopera])


# Where the settings come from.


@BOTH
def test_settings_come_from_the_environment(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOPERA_API_TOKEN", "token-of-the-environment")
    monkeypatch.setenv("GEOPERA_API_URL", "https://environment.test")
    client = cls()
    assert type(client.client) is AuthenticatedClient
    assert (client.client.token, client.client.base_url) == (
        "token-of-the-environment",
        "https://environment.test",
    )
    given = cls("given-token", "https://given.test")
    assert (given.client.token, given.client.base_url) == ("given-token", "https://given.test")
    named = cls(token="given-token", base_url="https://given.test")
    assert (named.client.token, named.client.base_url) == ("given-token", "https://given.test")


@BOTH
@pytest.mark.parametrize("empty", [None, ""])
def test_without_a_token(cls: Any, monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    for name in ("GEOPERA_API_TOKEN", "GEOPERA_API_URL"):
        if empty is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, empty)
    client = cls()
    assert type(client.client) is Client
    assert client.client.base_url == "https://api.geopera.com"
    assert not hasattr(client.client, "token")


def test_public_operations_need_no_token(
    flavour: Flavour, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEOPERA_API_TOKEN", raising=False)
    client = flavour.client(base_url=sandbox.url)
    assert flavour(client.catalog.providers.list()) is not None
    with pytest.raises(geopera.errors.AuthenticationError):
        flavour(client.catalog.search(SEARCH))


def test_every_option_of_the_client_is_taken(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    seen: list[str] = []
    client = flavour.client(
        "test-token",
        URL,
        headers={"X-Team": "mapping"},
        cookies={"session": "s1"},
        timeout=httpx.Timeout(7),
        verify_ssl=True,
        follow_redirects=True,
        httpx_args={"params": {"trace": "1"}},
        raise_on_unexpected_status=True,
        prefix="Token",
        auth_header_name="X-Auth",
        on_request=lambda request: seen.append("request"),
        on_response=lambda response: seen.append("response"),
    )
    httpx_mock.add_response(json={"features": []})
    flavour(client.catalog.search(SEARCH))
    request = httpx_mock.get_requests()[0]
    assert request.headers["x-team"] == "mapping"
    assert request.headers["cookie"] == "session=s1"
    assert request.headers["x-auth"] == "Token test-token"
    assert "authorization" not in request.headers
    assert request.url == f"{URL}/v1/op/catalog.search?trace=1"
    assert request.extensions["timeout"]["read"] == 7
    assert seen == ["request", "response"]


def test_an_api_key_header(flavour: Flavour, sandbox: Sandbox) -> None:
    client = flavour.client(sandbox.token, sandbox.url, prefix="", auth_header_name="X-API-Key")
    assert flavour(client.catalog.search(SEARCH)).features


def test_how_a_token_is_sent_may_be_said_without_one(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": []})
    client = flavour.client(base_url=URL, prefix="", auth_header_name="X-API-Key")
    assert type(client.client) is geopera.Client
    flavour(client.catalog.search(SEARCH))
    headers = httpx_mock.get_requests()[0].headers
    assert "x-api-key" not in headers
    assert "authorization" not in headers


def test_what_is_sent(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": []})
    flavour(flavour.client("test-token", URL + "/").catalog.search(SEARCH))
    request = httpx_mock.get_requests()[0]
    assert (request.method, str(request.url)) == ("POST", f"{URL}/v1/op/catalog.search")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == f"geopera-python/{geopera.__version__}"
    assert request.headers["authorization"] == "Bearer test-token"
    assert "idempotency-key" not in request.headers
    assert json.loads(request.content) == SEARCH


@pytest.mark.parametrize("base", [URL, URL + "/", URL + "/behind/a/proxy", URL + "/behind/a/proxy/"])
def test_a_base_url_with_a_path(flavour: Flavour, httpx_mock: HTTPXMock, base: str) -> None:
    httpx_mock.add_response(json={"features": []})
    flavour(flavour.client("test-token", base).catalog.search(SEARCH))
    assert str(httpx_mock.get_requests()[0].url) == base.rstrip("/") + "/v1/op/catalog.search"


# with_options


def test_with_options(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL, headers={"X-Own": "1"}, timeout=30)
    httpx_mock.add_response(json={"features": []}, is_reusable=True)
    other = client.with_options(timeout=3, headers={"X-Team": "mapping"}, max_retries=0)
    third = other.with_options(headers={"X-More": "yes"})
    assert type(other) is type(client)
    assert other.client is client.client
    for one in (client, other, third):
        flavour(one.catalog.search(SEARCH))
    first, second, last = httpx_mock.get_requests()
    assert (first.extensions["timeout"]["read"], second.extensions["timeout"]["read"]) == (30, 3)
    assert "x-team" not in first.headers
    assert (second.headers["x-own"], second.headers["x-team"]) == ("1", "mapping")
    assert (last.headers["x-team"], last.headers["x-more"]) == ("mapping", "yes")
    assert last.extensions["timeout"]["read"] == 3


def test_with_options_sets_the_number_of_repeats(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL, retry=geopera.RetryPolicy(base=0.001, cap=0.001))
    httpx_mock.add_response(status_code=503, is_reusable=True)
    for count in (0, 1, 3):
        with pytest.raises(GeoperaError) as caught:
            flavour(client.with_options(max_retries=count).catalog.search(SEARCH))
        assert caught.value.attempts == count + 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"extra_fields": "perhaps"}, ValueError),
        ({"max_retries": -1}, ValueError),
        ({"max_retries": "many"}, TypeError),
        ({"token": "other"}, TypeError),
    ],
    ids=str,
)
def test_with_options_refuses_what_it_cannot_do(
    flavour: Flavour, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        flavour.client("test-token", URL).with_options(**options)


# Idempotency keys.


def test_a_given_key_is_sent(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL)
    httpx_mock.add_response(status_code=202, json={"id": "ord-1"})
    response = flavour(client.orders.archive.place(ORDER, idempotency_key="my key/1", detailed=True))
    assert httpx_mock.get_requests()[0].headers["idempotency-key"] == "my key/1"
    assert response.idempotency_key == "my key/1"


def test_every_operation_that_spends_carries_a_key(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    from geopera.sandbox import example_body

    client = flavour.client("test-token", URL)
    httpx_mock.add_response(content=b"null", is_reusable=True)
    document = client.manifest.to_dict()
    spending = [id for id, operation in client.manifest.operations.items() if operation.spends]
    assert len(spending) == 17
    keys = []
    for id in spending:
        with warnings.catch_warnings(action="ignore"):  # null is not what most of them return
            response = flavour(client.invoke(id, example_body(id, document), detailed=True))
        keys.append(response.idempotency_key)
        assert httpx_mock.get_requests()[-1].headers["idempotency-key"] == response.idempotency_key
    assert len(set(keys)) == 17  # one for each call
    assert all(len(key) == 36 for key in keys)


def test_a_call_that_spends_nothing_carries_none_of_its_own(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL)
    httpx_mock.add_response(json={"features": []}, is_reusable=True)
    assert flavour(client.catalog.search(SEARCH, detailed=True)).idempotency_key is None
    assert "idempotency-key" not in httpx_mock.get_requests()[0].headers
    assert flavour(client.catalog.search(SEARCH, idempotency_key="k", detailed=True)).idempotency_key == "k"
    assert httpx_mock.get_requests()[1].headers["idempotency-key"] == "k"


def test_a_repeat_carries_the_same_key_and_bytes(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL, retry=geopera.RetryPolicy(base=0.001, cap=0.001))
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_exception(httpx.ReadError("cut"))
    httpx_mock.add_response(status_code=202, json={"id": "ord-1"})
    response = flavour(client.orders.archive.place(ORDER, detailed=True))
    requests = httpx_mock.get_requests()
    assert {r.headers["idempotency-key"] for r in requests} == {response.idempotency_key}
    assert len({r.content for r in requests}) == 1
    assert response.attempts == len(requests) == 3


@pytest.mark.parametrize(
    "key",
    ["two\nlines", "cr\r\nX-Evil: 1", "ümlaut", "", " padded", "tab\t", "x" * 256, "nul\0", 5, b"bytes"],
)
def test_a_key_that_no_header_can_carry(flavour: Flavour, httpx_mock: HTTPXMock, key: Any) -> None:
    client = flavour.client("test-token", URL)
    with pytest.raises(InvalidInputError, match=r"(?i)key") as caught:
        flavour(client.orders.archive.place(ORDER, idempotency_key=key))
    assert caught.value.response is None
    assert httpx_mock.get_requests() == []


def test_fields_called_like_the_calls_own_keywords(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL)
    httpx_mock.add_response(status_code=202, json={})
    flavour(client.orders.archive.place({"detailed": 1, "idempotency_key": "in the body"}))
    assert json.loads(httpx_mock.get_requests()[0].content) == {
        "detailed": 1,
        "idempotency_key": "in the body",
    }


# Operations that no manifest knows.


def test_invoke_an_unknown_operation(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL, retry=geopera.RetryPolicy(base=0.001, cap=0.001))
    httpx_mock.add_response(json={"id": 1, "nested": {"a": [{"b": 2}]}})
    reply = flavour(client.invoke("brand.new.op", {"any_thing_": (1,)}))
    assert reply.nested.a[0].b == 2
    request = httpx_mock.get_requests()[0]
    assert str(request.url) == f"{URL}/v1/op/brand.new.op"
    assert json.loads(request.content) == {"any_thing_": [1]}
    # Nothing is known of it, so it is not repeated once it was sent.
    httpx_mock.add_response(status_code=503)
    with pytest.raises(geopera.errors.ServerError) as caught:
        flavour(client.invoke("brand.new.op", {}))
    assert (caught.value.attempts, caught.value.operation) == (1, "brand.new.op")
    assert caught.value.may_have_acted


def test_invoke_an_unknown_operation_that_returns_a_picture(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    client = flavour.client("test-token", URL)
    httpx_mock.add_response(content=b"\x89PNG\xff", headers={"Content-Type": "image/png"})
    picture = flavour(client.invoke("brand.new.picture", {}))
    assert (picture, picture.media_type) == (b"\x89PNG\xff", "image/png")
    assert httpx_mock.get_requests()[0].headers["accept"] == "*/*"


def test_invoke_a_known_operation_is_calling_it(flavour: Flavour, client: Any) -> None:
    assert flavour(client.invoke("catalog.search", SEARCH)) == flavour(client.catalog.search(SEARCH))
    assert flavour(client.invoke("catalog.search", **SEARCH)) == flavour(client.catalog.search(SEARCH))
    with pytest.raises(InvalidInputError):
        flavour(client.invoke("catalog.search", {"limti": 1}))
    assert flavour(client.invoke("catalog.search", SEARCH, detailed=True)).status_code == 200


def test_invoke_at_a_server_that_does_not_know_it_either(flavour: Flavour, client: Any) -> None:
    with pytest.raises(geopera.errors.NotFoundError):
        flavour(client.invoke("brand.new.op", {}))


@pytest.mark.parametrize("id", ["", "a/b", "../up", "a b", "catalog.search?x=1", "a..b", ".a", "a.", 5, None])
def test_invoke_refuses_what_is_no_id(flavour: Flavour, id: Any) -> None:
    with pytest.raises(ValueError, match="operation id"):
        flavour(flavour.client("test-token", URL).invoke(id, {}))


# Closing, threads, tasks.


def test_as_a_context_manager(flavour: Flavour, sandbox: Sandbox) -> None:
    async def awaited() -> Any:
        async with AsyncGeopera(sandbox.token, sandbox.url) as client:
            return await client.catalog.search(SEARCH)

    def blocking() -> Any:
        with Geopera(sandbox.token, sandbox.url) as client:
            return client.catalog.search(SEARCH)

    assert flavour(awaited() if flavour.asynchronous else blocking()).features


def test_closing_twice_and_going_on(flavour: Flavour, client: Any) -> None:
    for _ in range(2):
        assert flavour(client.catalog.search(SEARCH)).features
        for _ in range(2):
            flavour(client.aclose() if flavour.asynchronous else client.close())


def test_one_client_in_many_threads(sandbox: Sandbox) -> None:
    with Geopera(sandbox.token, sandbox.url) as client, ThreadPoolExecutor(8) as pool:
        start = threading.Barrier(8)

        def work(number: int) -> tuple[int, str]:
            if number < 8:
                start.wait(10)
            limit = number % 5 + 1
            page = client.catalog.search(host_name="earthsearch-aws", limit=limit)
            order = client.orders.archive.place({**ORDER, "item_ids": [f"example-{number}"]})
            assert order["item_ids"] == [f"example-{number}"]
            assert len(page.features) == limit
            return limit, order["id"]

        done = list(pool.map(work, range(40)))
    assert len({order for _, order in done}) == 40


def test_one_client_in_many_tasks(sandbox: Sandbox) -> None:
    async def main() -> list[str]:
        async with AsyncGeopera(sandbox.token, sandbox.url) as client:

            async def work(number: int) -> str:
                limit = number % 5 + 1
                page = await client.catalog.search(host_name="earthsearch-aws", limit=limit)
                assert len(page.features) == limit
                order = await client.orders.archive.place({**ORDER, "item_ids": [f"example-{number}"]})
                assert order["item_ids"] == [f"example-{number}"]
                return str(order["id"])

            return await asyncio.gather(*(work(n) for n in range(40)))

    assert len(set(asyncio.run(main()))) == 40


def test_one_client_in_several_event_loops(sandbox: Sandbox) -> None:
    client = AsyncGeopera(sandbox.token, sandbox.url)

    async def once() -> int:
        page = await client.catalog.search(SEARCH)
        await client.aclose()
        return len(page.features)

    assert [asyncio.run(once()) for _ in range(3)] == [1, 1, 1]


def test_threads_that_race_to_a_model_get_one_class() -> None:
    # In a manifest of its own, so that nothing is built yet.
    manifest = geopera.manifest.bundled()
    start = threading.Barrier(8)

    def build(_: int) -> Any:
        start.wait(10)
        return manifest.models.CatalogSearchInput, manifest.models.CatalogSearchOutput

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(build, range(8)))
    assert len({id(a) for a, _ in found}) == len({id(b) for _, b in found}) == 1


def test_making_a_client_does_nothing(flavour: Flavour) -> None:
    client = flavour.fluent("test-token", "http://127.0.0.1:1")
    assert client.catalog.search.operation.id == "catalog.search"
    assert client.client._pool is None
    assert client.client._async_pool is None


def test_manifest_at_run_time(flavour: Flavour) -> None:
    manifest = flavour.client("test-token", URL).manifest
    assert len(manifest.operations) == 229
    search = manifest.operations["catalog.search"]
    assert (search.id, search.scope, search.side_effect) == ("catalog.search", "catalog:read", "read")
    assert (search.idempotent, search.media_type, search.success_status) == (False, "application/json", 200)
    assert "$ref" in search.input
    assert "$ref" in search.output
    assert search.summary
    with pytest.raises(AttributeError, match="frozen"):
        search.scope = "other"
    assert manifest.models.CatalogSearchInput(host_name="a").host_name == "a"
    with pytest.raises(AttributeError, match="did you mean 'CatalogSearchInput'"):
        manifest.models.CatalogSerachInput  # noqa: B018


@BOTH
@pytest.mark.parametrize("timeout", ["3", True, 0, -1, float("nan"), [1]])
def test_a_timeout_that_is_none(cls: Any, timeout: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="timeout"):
        cls("test-token", URL, timeout=timeout)
    with pytest.raises((TypeError, ValueError), match="timeout"):
        cls("test-token", URL).with_options(timeout=timeout)


@pytest.mark.parametrize("timeout", [3, 0.5, (1, 2, 3, 4), httpx.Timeout(3), None])
def test_a_timeout_that_is_one(flavour: Flavour, client: Any, timeout: Any) -> None:
    assert flavour(client.with_options(timeout=timeout).catalog.search(SEARCH)).features


def test_a_base_url_that_is_none(flavour: Flavour) -> None:
    with pytest.raises(ValueError, match="base_url"):
        flavour(flavour.client("test-token", "http://[::1").catalog.search(SEARCH))


@BOTH
@pytest.mark.parametrize("name", ["timeout", "catalog", "client", "max_retrys"])
def test_nothing_is_set_on_a_client(cls: Any, name: str) -> None:
    client = cls("test-token", URL)
    with pytest.raises(AttributeError, match="with_options"):
        setattr(client, name, 3)


def test_a_copy_of_a_low_level_client(flavour: Flavour, client: Any) -> None:
    from geopera.api.operations import catalog_search

    own = client.client
    flavour(client.catalog.search(SEARCH))
    for other in (copy.copy(own), copy.deepcopy(own)):
        flavour._open.append(other)
        assert (type(other), other.token, other.base_url) == (type(own), own.token, own.base_url)
        assert other._pool is other._async_pool is None
        assert flavour.parsed(catalog_search, client=other, body=SEARCH).features


@BOTH
def test_a_password_in_the_base_url_is_refused_and_not_shown(cls: Any) -> None:
    with pytest.raises(ValueError, match="user name or a password") as caught:
        cls("test-token", "https://user:hidden@geopera.test")
    assert "hidden" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_download_takes_the_place_of_files_alone(flavour: Flavour, client: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="device or a pipe"):
        flavour(client.cog.thumbnail.download({"url": "https://example.com/scene.tif"}, pipe))
    assert pipe.is_fifo()
