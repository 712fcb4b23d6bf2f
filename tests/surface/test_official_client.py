"""`Client`, `AuthenticatedClient`, `geopera.types` and `geopera.errors` as users of the generated SDK know them."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from helpers.official import Recorder, fresh

from geopera import AuthenticatedClient, Client, errors, models
from geopera.api.operations import catalog_search, orders_archive_place, orders_get
from geopera.types import UNSET, File, Response, Unset

FOUND = {"type": "FeatureCollection", "features": [], "next": None}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        server.replies(FOUND)
        yield server


@pytest.fixture
def client(flavour: Flavour, recorder: Recorder) -> Any:
    return flavour.low_level(base_url=recorder.url, token="test-token")


def search(flavour: Flavour, client: Any, **more: Any) -> Any:
    return flavour.parsed(catalog_search, client=client, body=models.CatalogSearchInput("h"), **more)


# -- types and errors --------------------------------------------------------------------------------


def test_unset() -> None:
    assert not UNSET
    assert isinstance(UNSET, Unset)
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET


def test_file() -> None:
    payload = io.BytesIO(b"abc")
    file = File(payload=payload, file_name="a.tif", mime_type="image/tiff")
    assert file.to_tuple() == ("a.tif", payload, "image/tiff")
    assert File(payload).to_tuple() == (None, payload, None)


def test_response() -> None:
    response: Response[int] = Response(status_code=HTTPStatus.OK, content=b"1", headers={}, parsed=1)
    assert (response.status_code, response.content, response.headers, response.parsed) == (200, b"1", {}, 1)
    assert Response[int] is not None


def test_unexpected_status() -> None:
    error = errors.UnexpectedStatus(418, b"a teapot")
    assert (error.status_code, error.content) == (418, b"a teapot")
    assert "418" in str(error)
    assert "a teapot" in str(error)
    assert not isinstance(error, errors.GeoperaError)


# -- making clients ----------------------------------------------------------------------------------


def test_arguments_by_position_and_by_keyword() -> None:
    client = AuthenticatedClient("http://127.0.0.1:9", "test-token", "Token", "X-Auth")
    assert (client.token, client.prefix, client.auth_header_name) == ("test-token", "Token", "X-Auth")
    again = AuthenticatedClient(
        base_url="http://127.0.0.1:9",
        token="test-token",
        prefix="",
        auth_header_name="X-API-Key",
        raise_on_unexpected_status=True,
        cookies={},
        headers={},
        timeout=httpx.Timeout(5),
        verify_ssl=False,
        follow_redirects=True,
        httpx_args={},
    )
    assert again.raise_on_unexpected_status is True
    assert Client(base_url="http://127.0.0.1:9").raise_on_unexpected_status is False


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({}, "authorization", "Bearer test-token"),
        ({"prefix": "Token"}, "authorization", "Token test-token"),
        ({"prefix": ""}, "authorization", "test-token"),
        ({"prefix": "", "auth_header_name": "X-API-Key"}, "x-api-key", "test-token"),
        ({"auth_header_name": "X-Auth"}, "x-auth", "Bearer test-token"),
    ],
)
def test_prefix_and_auth_header_name(
    flavour: Flavour, recorder: Recorder, options: dict[str, str], name: str, value: str
) -> None:
    search(flavour, flavour.low_level(base_url=recorder.url, token="test-token", **options))
    assert recorder.headers[name] == value
    assert sum("test-token" in text for text in recorder.headers.values()) == 1


def test_a_client_without_a_token_sends_none(flavour: Flavour, recorder: Recorder) -> None:
    search(flavour, flavour.low_level(Client, base_url=recorder.url))
    assert "authorization" not in recorder.headers


def test_settings_reach_the_wire(flavour: Flavour, recorder: Recorder) -> None:
    settings: dict[str, Any] = {"headers": {"X-One": "1"}, "cookies": {"a": "b"}, "timeout": httpx.Timeout(7)}
    settings["httpx_args"] = {"params": {"q": "1"}}
    client = flavour.low_level(base_url=recorder.url, token="test-token", **settings)
    search(flavour, client)
    assert recorder.headers["x-one"] == "1"
    assert recorder.headers["cookie"] == "a=b"
    assert recorder.seen[-1][1] == "/v1/op/catalog.search?q=1"
    assert httpx_client(flavour, client).timeout == httpx.Timeout(7)


def test_a_base_url_with_a_path(flavour: Flavour, recorder: Recorder) -> None:
    search(flavour, flavour.low_level(base_url=f"{recorder.url}/proxy/", token="test-token"))
    assert recorder.seen[-1][1] == "/proxy/v1/op/catalog.search"


def httpx_client(flavour: Flavour, client: Any) -> Any:
    async def get() -> Any:
        return client.get_async_httpx_client()

    return flavour(get()) if flavour.asynchronous else client.get_httpx_client()


# -- changing a client -------------------------------------------------------------------------------


@pytest.mark.parametrize("in_use", [False, True])
def test_with_headers(flavour: Flavour, client: Any, recorder: Recorder, in_use: bool) -> None:
    if in_use:
        search(flavour, client)
    new = client.with_headers({"X-New": "1"})
    assert type(new) is AuthenticatedClient
    assert new is not client
    search(flavour, new)
    assert recorder.headers["x-new"] == "1"
    assert recorder.headers["authorization"] == "Bearer test-token"
    search(flavour, client)
    assert ("x-new" in recorder.headers) is in_use  # a client in use takes the change too
    close(flavour, new)


@pytest.mark.parametrize("in_use", [False, True])
def test_with_cookies(flavour: Flavour, client: Any, recorder: Recorder, in_use: bool) -> None:
    if in_use:
        search(flavour, client)
    new = client.with_cookies({"session": "1"})
    search(flavour, new)
    assert recorder.headers["cookie"] == "session=1"
    search(flavour, client)
    assert ("cookie" in recorder.headers) is in_use
    close(flavour, new)


@pytest.mark.parametrize("in_use", [False, True])
def test_with_timeout(flavour: Flavour, client: Any, in_use: bool) -> None:
    if in_use:
        search(flavour, client)
    new = client.with_timeout(httpx.Timeout(3))
    assert httpx_client(flavour, new).timeout == httpx.Timeout(3)
    assert (httpx_client(flavour, client).timeout == httpx.Timeout(3)) is in_use
    close(flavour, new)


def close(flavour: Flavour, client: Any) -> None:
    if flavour.asynchronous:
        flavour(client.aclose())
    else:
        client.close()


def test_changes_of_the_httpx_client_in_use_count_at_once(
    flavour: Flavour, client: Any, recorder: Recorder
) -> None:
    under = httpx_client(flavour, client)
    search(flavour, client)
    under.headers["X-Trace"] = "1"
    search(flavour, client)
    assert recorder.headers["x-trace"] == "1"
    under.headers["X-Trace"] = "2"
    search(flavour, client)
    assert recorder.headers["x-trace"] == "2"
    under.headers["Authorization"] = "Bearer other-token"
    search(flavour, client)
    assert recorder.headers["authorization"] == "Bearer other-token"
    del under.headers["X-Trace"]
    under.cookies.set("a", "b")
    search(flavour, client)
    assert "x-trace" not in recorder.headers
    assert recorder.headers["cookie"] == "a=b"
    under.params = {"p": "1"}
    search(flavour, client)
    assert recorder.seen[-1][1].endswith("?p=1")
    under.params = {}
    under.base_url = f"{recorder.url}/v9"
    search(flavour, client)
    assert recorder.seen[-1][1] == "/v9/v1/op/catalog.search"
    seen: list[Any] = []

    async def later(request: httpx.Request) -> None:
        seen.append(request)

    under.event_hooks = {"request": [later if flavour.asynchronous else seen.append]}
    search(flavour, client)
    assert len(seen) == 1


def test_parameters_set_on_a_client_in_use(flavour: Flavour, client: Any, recorder: Recorder) -> None:
    search(flavour, client)
    httpx_client(flavour, client).params = {"p": "1"}
    search(flavour, client)
    assert recorder.seen[-1][1].endswith("?p=1")
    httpx_client(flavour, client).params = {}
    search(flavour, client)
    assert "?" not in recorder.seen[-1][1]


def test_the_same_httpx_client_every_time(flavour: Flavour, client: Any) -> None:
    first = httpx_client(flavour, client)
    assert isinstance(first, httpx.AsyncClient if flavour.asynchronous else httpx.Client)
    search(flavour, client)
    assert httpx_client(flavour, client) is first


def test_an_httpx_client_of_ones_own(flavour: Flavour, client: Any, recorder: Recorder) -> None:
    """It is used as it is: its headers and its base URL, and not those of the client."""
    if flavour.asynchronous:
        own: Any = httpx.AsyncClient(base_url=recorder.url, headers={"X-Own": "1"})
        assert client.set_async_httpx_client(own) is client
    else:
        own = httpx.Client(base_url=recorder.url, headers={"X-Own": "1"})
        assert client.set_httpx_client(own) is client
    assert httpx_client(flavour, client) is own
    assert search(flavour, client).to_dict() == FOUND
    assert recorder.headers["x-own"] == "1"
    assert "authorization" not in recorder.headers
    flavour(own.aclose() if flavour.asynchronous else own.close())  # it stays the caller's


def test_a_transport_of_ones_own(flavour: Flavour) -> None:
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=FOUND)

    args = {"transport": httpx.MockTransport(reply)}
    client = flavour.low_level(base_url="https://api.example.com", token="test-token", httpx_args=args)
    assert search(flavour, client).to_dict() == FOUND
    assert str(asked[0].url) == "https://api.example.com/v1/op/catalog.search"


def test_context_managers(flavour: Flavour, recorder: Recorder) -> None:
    client = AuthenticatedClient(base_url=recorder.url, token="test-token")
    if flavour.asynchronous:

        async def use() -> Any:
            async with client as entered:
                assert entered is client
                return await catalog_search.asyncio(client=client, body=models.CatalogSearchInput("h"))

        found = flavour(use())
    else:
        with client as entered:
            assert entered is client
            found = catalog_search.sync(client=client, body=models.CatalogSearchInput("h"))
    assert found.to_dict() == FOUND


# -- calls -------------------------------------------------------------------------------------------


def test_a_detailed_call(flavour: Flavour, client: Any, recorder: Recorder) -> None:
    response = flavour.detailed(catalog_search, client=client, body=models.CatalogSearchInput("h"))
    assert response.status_code is HTTPStatus.OK
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == recorder.content
    assert type(response.parsed) is models.CatalogSearchOutput


def test_an_optional_body_may_be_left_out(flavour: Flavour, client: Any, recorder: Recorder) -> None:
    recorder.replies({"id": "o", "status": "awaiting_data"}, 202)
    body = models.OrdersArchivePlaceBodyType0.from_dict({"item_ids": ["x"]})
    assert flavour.parsed(orders_archive_place, client=client, body=body)["id"] == "o"
    assert recorder.body == {"item_ids": ["x"]}
    flavour.parsed(orders_archive_place, client=client)
    flavour.parsed(orders_archive_place, client=client, body=None)
    flavour.parsed(orders_archive_place, client=client, body=UNSET)


def test_keyword_arguments_alone(flavour: Flavour, client: Any) -> None:
    for bad in ({"body": {}}, {"client": client, "body": {}, "x": 1}):
        with pytest.raises(TypeError):
            flavour.parsed(catalog_search, **bad)
    with pytest.raises(TypeError):
        catalog_search.sync(client, {})
    with pytest.raises(TypeError, match="AuthenticatedClient"):
        flavour.parsed(catalog_search, client="no client", body={"host_name": "h"})


def test_headers_of_a_call(flavour: Flavour, client: Any, recorder: Recorder) -> None:
    search(flavour, client, x_api_key="test-key", idempotency_key="key-1")
    assert recorder.headers["x-api-key"] == "test-key"
    assert recorder.headers["idempotency-key"] == "key-1"
    search(flavour, client)
    assert "x-api-key" not in recorder.headers
    assert "idempotency-key" not in recorder.headers


def test_errors_are_values(flavour: Flavour, client: Any, recorder: Recorder) -> None:
    problem = {"type": "about:blank", "title": "Gone", "status": 404, "detail": "no", "client_secret": "x"}
    recorder.replies(problem, 404, "application/problem+json")
    response = flavour.detailed(orders_get, client=client, body=models.OrderGetInput("o"))
    assert response.status_code is HTTPStatus.NOT_FOUND
    assert type(response.parsed) is models.Problem
    assert response.parsed.to_dict() == problem
    assert response.parsed["client_secret"] == "x"
    recorder.replies({"detail": [{"loc": ["body", "order_id"], "msg": "m", "type": "t"}]}, 422)
    error = flavour.parsed(orders_get, client=client, body=models.OrderGetInput("o"))
    assert type(error) is models.HTTPValidationError
    assert error.detail[0].msg == "m"


@pytest.mark.parametrize("status", [418, 529])
def test_an_undeclared_status(flavour: Flavour, client: Any, recorder: Recorder, status: int) -> None:
    recorder.replies(b"a teapot", status, "text/plain")
    body = models.OrderGetInput("o")
    response = flavour.detailed(orders_get, client=client, body=body)
    assert response.status_code == status
    assert response.parsed is None
    assert response.content == b"a teapot"
    client.raise_on_unexpected_status = True  # also on a client in use
    with pytest.raises(errors.UnexpectedStatus) as caught:
        flavour.parsed(orders_get, client=client, body=body)
    assert (caught.value.status_code, caught.value.content) == (status, b"a teapot")
    client.raise_on_unexpected_status = False
    assert flavour.parsed(orders_get, client=client, body=body) is None
    asked = flavour.low_level(base_url=recorder.url, token="test-token", raise_on_unexpected_status=True)
    with pytest.raises(errors.UnexpectedStatus):
        flavour.parsed(orders_get, client=asked, body=body)


def test_another_success_than_the_declared_one_is_undeclared(
    flavour: Flavour, client: Any, recorder: Recorder
) -> None:
    recorder.replies({"id": "o"}, 200)  # 202 is declared
    assert flavour.parsed(orders_archive_place, client=client, body={}) is None
    client.raise_on_unexpected_status = True
    with pytest.raises(errors.UnexpectedStatus):
        flavour.parsed(orders_archive_place, client=client, body={})


def test_transport_errors_are_httpx_errors(flavour: Flavour, recorder: Recorder) -> None:
    options: dict[str, Any] = {"token": "test-token", "max_retries": 0}
    nobody = flavour.low_level(base_url="http://127.0.0.1:9", **options)
    with pytest.raises(httpx.ConnectError):
        search(flavour, nobody)

    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too late", request=request)

    args = {"transport": httpx.MockTransport(late)}
    slow = flavour.low_level(base_url=recorder.url, httpx_args=args, **options)
    with pytest.raises(httpx.TimeoutException):
        search(flavour, slow)


def test_the_fluent_client_lends_its_own(flavour: Flavour, recorder: Recorder) -> None:
    fluent = flavour.client(token="test-token", base_url=recorder.url, headers={"X-One": "1"})
    assert type(fluent.client) is AuthenticatedClient
    assert search(flavour, fluent.client).to_dict() == FOUND
    assert recorder.headers["x-one"] == "1"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert type(flavour.client(base_url=recorder.url).client) is Client


def test_nothing_heavy_is_imported_for_a_client_or_a_model_name() -> None:
    fresh(
        "import sys\nfrom geopera import AuthenticatedClient, errors, types\n"
        "c = AuthenticatedClient(base_url='http://127.0.0.1:9', token='test-token').with_headers({'a': 'b'})\n"
        "assert not {'httpx', 'pydantic', 'jsonschema'} & set(sys.modules)\n"
    )
