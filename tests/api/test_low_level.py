"""The low-level surface: virtual modules with four functions each, which raise for no status."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import pkgutil
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock

import geopera
from geopera import AuthenticatedClient, Client, errors
from geopera.api.operations import billing_topup, catalog_search, orders_archive_place
from geopera.models import CatalogSearchInput, CatalogSearchOutput, HTTPValidationError, Problem

URL = "https://geopera.test"
SEARCH = CatalogSearchInput(host_name="a")
PROBLEM = {"type": "about:blank", "title": "No", "status": 0, "detail": "because"}


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.low_level(base_url=URL, token="test-token", max_retries=0)


def test_every_way_of_importing() -> None:
    import geopera.api.operations.orders_tasking_estimate as by_path

    import geopera.api.operations as operations
    from geopera.api.operations import orders_tasking_estimate as by_name

    by_string = importlib.import_module("geopera.api.operations.orders_tasking_estimate")
    assert by_path is by_name is by_string is operations.orders_tasking_estimate
    assert geopera.api.operations is operations
    found = {module.name for module in pkgutil.iter_modules(operations.__path__)}
    assert found == set(dir(operations))
    assert len(found) == 229
    with pytest.raises(ImportError):
        importlib.import_module("geopera.api.operations.no_such_operation")
    with pytest.raises(ImportError):
        from geopera.api.operations import catalog_serach  # noqa: F401
    with pytest.raises(AttributeError, match="did you mean 'catalog_search'"):
        operations.catalog_serach  # noqa: B018


def test_models_are_importable_too() -> None:
    from geopera.models.catalog_search_input import CatalogSearchInput as by_module

    from geopera import models
    from geopera.models import CatalogSearchInput as direct

    assert direct is by_module is models.CatalogSearchInput is SEARCH.__class__
    assert "CatalogSearchInput" in dir(models)
    assert direct.__module__ == "geopera.models"
    assert pickle.loads(pickle.dumps(SEARCH)) == SEARCH
    assert pickle.loads(pickle.dumps(direct)) is direct
    with pytest.raises(ImportError):
        from geopera.models import CatalogSerachInput  # noqa: F401
    with pytest.raises(AttributeError, match="did you mean 'CatalogSearchInput'"):
        models.CatalogSerachInput  # noqa: B018


@pytest.mark.parametrize("name", ["sync", "sync_detailed", "asyncio", "asyncio_detailed"])
def test_signatures(name: str) -> None:
    function = getattr(catalog_search, name)
    parameters = inspect.signature(function).parameters
    assert list(parameters) == ["client", "body", "idempotency_key", "x_api_key"]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    assert parameters["body"].annotation is CatalogSearchInput
    assert inspect.iscoroutinefunction(function) is name.startswith("asyncio")
    assert "catalog.search" in (function.__doc__ or "")
    with pytest.raises(TypeError):
        function(URL)


def test_a_success(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": [], "more": 1}, headers={"X-A": "b"}, is_reusable=True)
    response = flavour.detailed(catalog_search, client=client, body=SEARCH)
    assert response.status_code == 200
    assert isinstance(response.status_code, int)
    assert isinstance(response.parsed, CatalogSearchOutput)
    assert response.headers["X-A"] == "b"
    assert json.loads(response.content) == {"features": [], "more": 1}
    assert flavour.parsed(catalog_search, client=client, body=SEARCH) == response.parsed
    assert flavour.parsed(catalog_search, client=client, body={"host_name": "a"}) == response.parsed
    assert [json.loads(r.content) for r in httpx_mock.get_requests()] == [{"host_name": "a"}] * 3


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_a_declared_status_is_parsed(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, status: int
) -> None:
    httpx_mock.add_response(status_code=status, json={**PROBLEM, "status": status}, is_reusable=True)
    response = flavour.detailed(catalog_search, client=client, body=SEARCH)
    assert response.status_code == status
    assert isinstance(response.parsed, Problem)
    assert response.parsed.status == status
    assert flavour.parsed(catalog_search, client=client, body=SEARCH) == response.parsed


def test_the_other_shape_of_422(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    fields = [{"loc": ["body"], "msg": "no", "type": "missing"}]
    httpx_mock.add_response(status_code=422, json={"detail": fields})
    parsed = flavour.parsed(catalog_search, client=client, body=SEARCH)
    assert isinstance(parsed, HTTPValidationError)
    assert parsed.detail[0].loc == ["body"]


@pytest.mark.parametrize("status", [400, 402, 409, 410, 418, 429, 503, 529, 204, 302])
def test_an_undeclared_status(flavour: Flavour, client: Any, httpx_mock: HTTPXMock, status: int) -> None:
    body = None if status == 204 else {**PROBLEM, "status": status}
    content = b"" if body is None else json.dumps(body).encode()
    httpx_mock.add_response(status_code=status, content=content, is_reusable=True)
    response = flavour.detailed(catalog_search, client=client, body=SEARCH)
    assert (response.status_code, response.parsed, response.content) == (status, None, content)
    assert flavour.parsed(catalog_search, client=client, body=SEARCH) is None

    asking = flavour.low_level(
        base_url=URL, token="test-token", max_retries=0, raise_on_unexpected_status=True
    )
    with pytest.raises(errors.UnexpectedStatus) as caught:
        flavour.parsed(catalog_search, client=asking, body=SEARCH)
    assert (caught.value.status_code, caught.value.content) == (status, content)
    assert str(status) in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.status_code, again.content) == (status, content)


def test_a_key_and_an_api_key(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=201, json={"id": "t"}, is_reusable=True)
    flavour.parsed(
        billing_topup, client=client, body={"amount": 1}, idempotency_key="k-1", x_api_key="gpra_other"
    )
    request = httpx_mock.get_requests()[0]
    assert request.headers["idempotency-key"] == "k-1"
    assert request.headers["x-api-key"] == "gpra_other"
    response = flavour.detailed(billing_topup, client=client, body={"amount": 1})
    assert response.idempotency_key == httpx_mock.get_requests()[1].headers["idempotency-key"]
    assert "x-api-key" not in httpx_mock.get_requests()[1].headers


def test_an_optional_body(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202, json={}, is_reusable=True)
    flavour.parsed(orders_archive_place, client=client)
    assert inspect.signature(orders_archive_place.sync).parameters["body"].default is geopera.UNSET


def test_a_body_that_the_operation_does_not_take(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock
) -> None:
    with pytest.raises(errors.InvalidInputError):
        flavour.parsed(catalog_search, client=client, body={"host_nam": "a"})
    assert httpx_mock.get_requests() == []


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_without_a_response_httpx_raises(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, failure: httpx.HTTPError
) -> None:
    httpx_mock.add_exception(failure, is_reusable=True)
    with pytest.raises(type(failure)):
        flavour.parsed(catalog_search, client=client, body=SEARCH)
    with pytest.raises(type(failure)) as caught:
        flavour.parsed(billing_topup, client=client, body={"amount": 1}, idempotency_key="k-1")
    assert any("billing.topup" in note for note in caught.value.__notes__)


def test_a_client_that_is_none(flavour: Flavour) -> None:
    with pytest.raises(TypeError, match="AuthenticatedClient"):
        flavour.parsed(catalog_search, client="https://api.geopera.com", body=SEARCH)


def test_without_a_token(flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": []})
    client = flavour.low_level(Client, base_url=URL)
    assert flavour.parsed(catalog_search, client=client, body=SEARCH).features == []
    assert "authorization" not in httpx_mock.get_requests()[0].headers


def test_changed_copies(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": []}, is_reusable=True)
    flavour.parsed(catalog_search, client=client, body=SEARCH)
    for changed in (
        client.with_headers({"X-A": "1"}),
        client.with_cookies({"c": "1"}),
        client.with_timeout(httpx.Timeout(9)),
    ):
        assert type(changed) is AuthenticatedClient
        flavour._open.append(changed)
        flavour.parsed(catalog_search, client=changed, body=SEARCH)
    _, headers, cookies, timeout = httpx_mock.get_requests()
    assert headers.headers["x-a"] == "1"
    assert cookies.headers["cookie"] == "c=1"
    assert timeout.extensions["timeout"]["read"] == 9


def test_an_httpx_client_of_ones_own(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": []})
    if flavour.asynchronous:
        own: Any = httpx.AsyncClient(base_url=URL, headers={"X-Own": "1"})
        assert client.set_async_httpx_client(own) is client
    else:
        own = httpx.Client(base_url=URL, headers={"X-Own": "1"})
        assert client.set_httpx_client(own) is client
        assert client.get_httpx_client() is own
    flavour.parsed(catalog_search, client=client, body=SEARCH)
    assert httpx_mock.get_requests()[0].headers["x-own"] == "1"
