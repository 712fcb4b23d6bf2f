"""The token is sent, and is in nothing that a person or another process reads."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from helpers.outputs import in_the_package, with_tblib
from pytest_httpx import HTTPXMock

import geopera
import geopera.errors
from geopera.errors import GeoperaError, ResponseError

URL = "https://geopera.test"
TOKEN = "gpra_test_token_0123456789"
SEARCH = {"host_name": "a"}


def texts_of(thing: Any) -> list[str]:
    shown = [repr(thing), str(thing), f"{thing}"]
    if isinstance(thing, BaseException):
        shown += ["".join(traceback.format_exception(thing)), repr(vars(thing)), repr(thing.args)]
        response = getattr(thing, "response", None)
        if response is not None:
            shown += [
                repr(response),
                repr(response.content),
                repr(dict(response.headers)),
                repr(response.parsed),
            ]
    return shown


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.client(TOKEN, URL, max_retries=1, retry=geopera.RetryPolicy(base=0.001, cap=0.001))


def test_the_token_is_sent(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"features": []})
    flavour(client.catalog.search(SEARCH))
    assert httpx_mock.get_requests()[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_reprs_hold_no_token(client: Any) -> None:
    for thing in (
        client,
        client.client,
        client.catalog,
        client.catalog.search,
        client.with_options(timeout=3),
    ):
        assert not any(TOKEN in text for text in texts_of(thing))


@pytest.mark.parametrize(
    "reply",
    [
        {"status_code": 401, "json": {"title": "No", "detail": f"the token {TOKEN} is unknown"}},
        {
            "status_code": 422,
            "json": {"detail": [{"loc": ["header"], "msg": f"Bearer {TOKEN}", "type": "x"}]},
        },
        {"status_code": 500, "text": f"<html>Authorization: Bearer {TOKEN}</html>"},
        {"status_code": 400, "content": b"\xff" + TOKEN.encode()},
    ],
    ids=["problem", "validation", "html", "bytes"],
)
def test_a_server_that_echoes_the_token(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, reply: dict[str, Any], caplog: Any
) -> None:
    httpx_mock.add_response(**reply, is_reusable=True)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(GeoperaError) as caught:
        flavour(client.catalog.search(SEARCH))
    assert not any(TOKEN in text for text in texts_of(caught.value))
    assert TOKEN.encode() not in pickle.dumps(caught.value)
    logging.getLogger("some.program").warning("failed", exc_info=caught.value)
    assert TOKEN not in caplog.text


def test_a_transport_that_names_the_token(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, caplog: Any
) -> None:
    httpx_mock.add_exception(httpx.ReadError(f"sent Authorization: Bearer {TOKEN}"), is_reusable=True)
    caplog.set_level(logging.DEBUG, "geopera")
    with pytest.raises(GeoperaError) as caught:
        flavour(client.catalog.search(SEARCH))
    assert TOKEN not in str(caught.value)
    assert TOKEN.encode() not in pickle.dumps(caught.value)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("logger", ["geopera", "httpx", "httpcore"])
def test_log_lines_hold_no_token(flavour: Flavour, sandbox: Any, caplog: Any, logger: str) -> None:
    caplog.set_level(logging.DEBUG, logger)
    client = flavour.client(sandbox.token, sandbox.url)
    flavour(client.catalog.search(host_name="earthsearch-aws", limit=1))
    with pytest.raises(GeoperaError):
        flavour(client.orders.get(order_id="nowhere"))
    assert sandbox.token not in caplog.text
    assert not any(sandbox.token in str(record.__dict__) for record in caplog.records)


def test_pickles_hold_no_token(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpx_mock.add_response(json={"features": []}, is_reusable=True)
    response = flavour(client.catalog.search(SEARCH, detailed=True))
    for thing in (response, client, client.client, client.catalog.search, client.with_options(timeout=3)):
        assert TOKEN.encode() not in pickle.dumps(thing)
    monkeypatch.setenv("GEOPERA_API_TOKEN", "token-of-the-other-process")
    again = pickle.loads(pickle.dumps(client))
    assert type(again) is type(client)
    assert again.client.token == "token-of-the-other-process"
    assert again.client.base_url == URL
    monkeypatch.delenv("GEOPERA_API_TOKEN")
    lost = pickle.loads(pickle.dumps(client))
    assert TOKEN not in repr(lost)
    with pytest.raises(geopera.errors.CredentialsError, match="GEOPERA_API_TOKEN"):
        flavour(lost.catalog.search(SEARCH))


def test_low_level_clients_neither(httpx_mock: HTTPXMock) -> None:
    for prefix, header in (("Bearer", "Authorization"), ("", "X-API-Key")):
        client = geopera.AuthenticatedClient(URL, TOKEN, prefix=prefix, auth_header_name=header)
        assert not any(TOKEN in text for text in texts_of(client))


@pytest.mark.parametrize("token", ["two\nlines", "tab\there", "ümlaut", "", " "])
def test_a_token_that_cannot_be_sent_is_not_shown(token: str) -> None:
    with pytest.raises(ValueError) as caught:
        geopera.AuthenticatedClient(URL, token)
    if token.strip():
        assert token not in str(caught.value)


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_redirect_to_another_host_gets_no_token(
    flavour: Flavour, httpx_mock: HTTPXMock, header: str
) -> None:
    seen: list[str | None] = []
    client = flavour.client(
        TOKEN,
        URL,
        auth_header_name=header,
        follow_redirects=True,
        on_request=lambda request: seen.append(request.headers.get(header)),
    )
    httpx_mock.add_response(status_code=307, headers={"Location": f"{URL}/v2/search"})
    httpx_mock.add_response(status_code=307, headers={"Location": "https://elsewhere.example/search"})
    httpx_mock.add_response(json={"features": []})
    assert flavour(client.catalog.search(SEARCH)).features == []
    assert seen == [f"Bearer {TOKEN}", f"Bearer {TOKEN}", None]
    assert TOKEN not in str(httpx_mock.get_requests()[-1].headers.raw)


def test_secrets_of_a_response_are_printed_redacted() -> None:
    """The field itself still has it: it is told once."""
    from geopera._display.text import short
    from geopera.models import SubscriptionOutput
    from geopera.types import open_json

    made = SubscriptionOutput.from_dict({"id": "sub_1", "secret": "whsec_not-a-real-one"})
    key = open_json({"key": "gpra_not-a-real-one", "payment": {"client_secret": "pi_not-a-real-one"}})
    assert made["secret"] == "whsec_not-a-real-one"
    assert key.payment.client_secret == "pi_not-a-real-one"
    for text in (repr(made), str(made), repr(key), short([made, key]), made._repr_html_()):
        assert "not-a-real-one" not in text
    assert "whsec_***" in repr(made)


@pytest.mark.slow
def test_a_client_that_nobody_closes_takes_its_sockets_with_it(sandbox: Any) -> None:
    import subprocess
    import sys

    source = f"""
from geopera import Geopera
client = Geopera(token={sandbox.token!r}, base_url={sandbox.url!r})
client.catalog.search(host_name="earthsearch-aws", limit=1)
other = Geopera(token={sandbox.token!r}, base_url={sandbox.url!r})
other.catalog.search(host_name="earthsearch-aws", limit=1)
del other
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "content",
    [
        "<html>you sent Bearer {token}</html>",
        '{{"features": "Bearer {token}"}}',
        '{{"features": [], "limit": "Bearer {token}',
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_success_that_echoes_the_token_and_cannot_be_used_keeps_no_token(
    flavour: Any, httpx_mock: Any, content: str, stream: bool
) -> None:
    token = "test-token-that-is-echoed"
    httpx_mock.add_response(text=content.format(token=token))
    client = flavour.client(token=token, base_url="http://127.0.0.1:9", strict_responses=True)
    with pytest.raises(ResponseError) as caught:
        if stream:
            flavour.collect(client.catalog.search_stream(host_name="h"))
        else:
            flavour(client.catalog.search(host_name="h"))
    error = caught.value
    assert stream or error.response is not None
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    assert token not in shown
    held = error.response.content if error.response is not None else b""
    assert token.encode() not in pickle.dumps(error) + held
    # `distributed`, once imported, pickles exceptions its own way: with their chain, and suppressed contexts in it.
    error.__traceback__ = in_the_package(error.__traceback__)  # the frames of this test hold the token
    assert token.encode() not in with_tblib(error)
    assert error.__context__ is None
