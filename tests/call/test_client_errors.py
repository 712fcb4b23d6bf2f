"""Errors: one class per kind, whatever the body; what each one knows; the token in none of it."""

from __future__ import annotations

import pickle
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock

from geopera import errors
from geopera.errors import GeoperaError, InvalidInputError
from geopera.models import HTTPValidationError, Problem

URL = "https://geopera.test"
TOKEN = "gpra_test_token_0123456789"
SEARCH = {"host_name": "a"}

CLASSES = [
    (400, errors.BadRequestError),
    (401, errors.AuthenticationError),
    (402, errors.PaymentRequiredError),
    (403, errors.PermissionDeniedError),
    (404, errors.NotFoundError),
    (409, errors.ConflictError),
    (410, errors.GoneError),
    (418, errors.APIError),
    (422, errors.InvalidInputError),
    (429, errors.RateLimitError),
    (451, errors.APIError),
    (500, errors.ServerError),
    (501, errors.ServerError),
    (503, errors.ServerError),
    (529, errors.ServerError),
    (302, errors.APIError),
]


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.client(TOKEN, URL, max_retries=0)


def failure(flavour: Flavour, make: Any) -> GeoperaError:
    with pytest.raises(GeoperaError) as caught:
        flavour(make())
    return caught.value


@pytest.mark.parametrize(("status", "cls"), CLASSES)
def test_the_class_of_a_status(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, status: int, cls: type[GeoperaError]
) -> None:
    httpx_mock.add_response(
        status_code=status,
        json={"type": "about:blank", "title": "No", "status": status, "detail": "because"},
        headers={"Content-Type": "application/problem+json", "X-Request-ID": "req-9"},
    )
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert type(error) is cls
    assert isinstance(error.error, Problem)
    assert (error.error.title, error.error.detail, error.error.status) == ("No", "because", status)
    assert (error.status_code, error.operation, error.request_id) == (status, "catalog.search", "req-9")
    assert error.response is not None
    assert error.response.status_code == status
    assert error.response.parsed is error.error
    assert (error.attempts, error.retry_after, error.idempotency_key) == (1, None, None)
    assert error.elapsed >= 0
    assert str(error).startswith(f"catalog.search: {status} No: because")


BODIES = [
    (b"", "application/json", "empty"),
    (b"   ", "text/plain", "empty"),
    (
        b"<html><body>Bad\n   gateway here</body></html>",
        "text/html",
        "an HTML page, which does not come from",
    ),
    (b"<html><title>Bad\n gateway</title></html>", "text/html", "an HTML page titled 'Bad gateway', which"),
    (b"upstream connect error", "text/plain", "upstream connect error"),
    (b'{"title": "cut', "application/problem+json", '{"title": "cut'),
    (b"\xff\xfe\x00binary", "application/octet-stream", "binary"),
    (b"[1, 2, 3]", "application/json", "[1, 2, 3]"),
    (b'"a string"', "application/json", "a string"),
    (b"null", "application/json", "null"),
    (b'{"message": "other shape"}', "application/json", "other shape"),
    (b"x" * 100_000, "text/plain", "x" * 100),
]


@pytest.mark.parametrize(("status", "cls"), [CLASSES[1], CLASSES[8], CLASSES[13]])
@pytest.mark.parametrize(
    ("content", "media_type", "said"), BODIES, ids=[b[1] + str(len(b[0])) for b in BODIES]
)
def test_a_body_that_is_no_problem_document(
    flavour: Flavour,
    client: Any,
    httpx_mock: HTTPXMock,
    status: int,
    cls: type[GeoperaError],
    content: bytes,
    media_type: str,
    said: str,
) -> None:
    httpx_mock.add_response(status_code=status, content=content, headers={"Content-Type": media_type})
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert type(error) is cls
    assert error.error is None
    assert error.response is not None
    assert error.response.content == content
    assert said in str(error)
    assert len(str(error)) < 400
    assert "\n" not in str(error)


def test_both_shapes_of_422(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    fields = [{"loc": ["body", "limit"], "msg": "too large", "type": "less_than_equal"}]
    httpx_mock.add_response(status_code=422, json={"detail": fields})
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert isinstance(error, InvalidInputError)
    assert isinstance(error.error, HTTPValidationError)
    assert (error.error.detail[0].loc, error.error.detail[0].msg) == (["body", "limit"], "too large")
    assert "limit" in str(error)
    assert "too large" in str(error)
    assert error.response is not None

    problem = {
        "type": "about:blank",
        "title": "Unprocessable",
        "status": 422,
        "detail": "the AOI is too large",
    }
    httpx_mock.add_response(status_code=422, json=problem)
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert isinstance(error, InvalidInputError)
    assert isinstance(error.error, Problem)
    assert error.error.detail == "the AOI is too large"


@pytest.mark.parametrize(
    "document",
    [
        {"detail": [{"loc": "limit", "msg": 5}]},
        {"detail": ["text"]},
        {"detail": [None, 7]},
        {"detail": []},
        {"detail": [{}]},
        {"title": 5, "detail": {"nested": True}},
        {"status": "four hundred"},
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_a_malformed_error_is_still_that_error(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, document: Any, status: int
) -> None:
    httpx_mock.add_response(status_code=status, json=document)
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert type(error) is errors.for_status(status)
    assert error.response is not None


def test_further_members_of_a_problem_are_kept(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        status_code=402, json={"title": "Payment required", "status": 402, "client_secret": "pi_1_example"}
    )
    error = failure(flavour, lambda: client.billing.topup({"amount": 1}))
    assert isinstance(error, errors.PaymentRequiredError)
    assert error.error.additional_properties == {"client_secret": "pi_1_example"}
    assert error.error["client_secret"] == error.error.client_secret == "pi_1_example"


def test_retry_after_and_the_key_are_on_the_error(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=429, headers={"Retry-After": "17"}, json={"title": "Too many"})
    error = failure(flavour, lambda: client.orders.archive.place({"a": 1}, idempotency_key="key-1"))
    assert (error.retry_after, error.idempotency_key) == (17, "key-1")
    httpx_mock.add_response(status_code=500, json={"title": "Oops"})
    error = failure(flavour, lambda: client.orders.archive.place({"a": 1}))
    sent = httpx_mock.get_requests()[-1].headers["idempotency-key"]
    assert error.idempotency_key == sent
    assert error.may_have_acted
    assert sent in str(error)


@pytest.mark.parametrize(
    ("raised", "cls"),
    [
        (httpx.ConnectError("refused"), errors.APIConnectionError),
        (httpx.ReadError("cut"), errors.APIConnectionError),
        (httpx.RemoteProtocolError("no HTTP"), errors.APIConnectionError),
        (httpx.ConnectTimeout("slow"), errors.APITimeoutError),
        (httpx.ReadTimeout("slow"), errors.APITimeoutError),
        (httpx.PoolTimeout("full"), errors.APITimeoutError),
        (httpx.ProxyError("proxy"), errors.APIConnectionError),
        (httpx.UnsupportedProtocol("gopher"), errors.APIConnectionError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_no_response(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, raised: Exception, cls: type[GeoperaError]
) -> None:
    httpx_mock.add_exception(raised)
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert type(error) is cls
    assert isinstance(error, TimeoutError) is (cls is errors.APITimeoutError)
    # The chain of the transport says less and shows more: it is in reach, and suppressed.
    assert (error.__cause__, error.__context__, error.__suppress_context__) == (None, raised, True)
    assert (raised.__traceback__, raised.__cause__, raised.__context__) == (None, None, None)
    assert (error.status_code, error.response, error.error) == (None, None, None)
    assert (error.operation, error.attempts) == ("catalog.search", 1)
    assert error.reason == f"{type(raised).__name__}: {raised}"


def test_a_dead_server(flavour: Flavour, unused_port: int) -> None:
    client = flavour.client(TOKEN, f"http://127.0.0.1:{unused_port}", max_retries=0)
    error = failure(flavour, lambda: client.catalog.search(SEARCH))
    assert type(error) is errors.APIConnectionError
    assert f"cannot connect to 127.0.0.1:{unused_port}: connection refused" in str(error)
    assert not error.may_have_acted


def test_errors_pickle_with_all_that_they_know(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=402, json={"title": "No", "status": 402, "client_secret": "pi_1"})
    error = failure(flavour, lambda: client.billing.topup({"amount": 1}, idempotency_key="key-1"))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert (again.status_code, again.idempotency_key, again.operation) == (402, "key-1", "billing.topup")
    assert again.error == error.error
    assert again.response.content == error.response.content


@pytest.mark.parametrize("cls", [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")])
def test_all_attributes_are_always_there(cls: type[GeoperaError]) -> None:
    error = cls("a message")
    assert isinstance(error, GeoperaError)
    for name in (
        "error",
        "status_code",
        "operation",
        "response",
        "idempotency_key",
        "retry_after",
        "request_id",
    ):
        assert getattr(error, name) is None
    assert (error.attempts, error.elapsed, error.may_have_acted) == (0, 0, False)
    assert str(error) == error.message == "a message"
    assert str(pickle.loads(pickle.dumps(error))) == "a message"


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
