"""Secrets in constructors, pickles and URLs, and what the redactor finds and leaves alone."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import traceback
from typing import Any

import pytest
from auth.conftest import Store
from helpers.flavour import Flavour
from helpers.outputs import of_error, of_thing, shows
from helpers.sample import sampled
from hypothesis import given
from hypothesis import strategies as st

import geopera
from geopera._secrets import Redactor, is_secret_name
from geopera.types import Secret

MARKER = "gpra_Zq7XvB2mKt9RwPn4LdYs"
PLAIN = "plain-token-0123"
URL = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "options",
    sampled(
        [
            {"no_such": 1},
            {"api_key": MARKER},
            {"timeout": "x"},
            {"max_retries": -1},
            {"headers": {"X-API-Key": MARKER + "\nmore"}},
            {"headers": {"X-API-Key": MARKER}, "timeout": "x"},
            {"cookies": {"session": MARKER}, "timeout": "x"},
            {"httpx_args": {"auth": ("user", MARKER)}, "timeout": "x"},
            {"httpx_args": {"proxy": f"http://user:{MARKER}@127.0.0.1:9"}, "timeout": "x"},
            {"base_url": 5},
        ],
        4,
    ),
    ids=lambda options: " ".join(options),
)
def test_a_constructor_that_fails_shows_no_secret(flavour: Flavour, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        flavour.fluent(MARKER, **{"base_url": URL, **options})
    assert [name for name, text in of_error(caught.value, rendered=True).items() if shows(MARKER, text)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "proxy", [f"foo://user:{MARKER}@127.0.0.1", f"http://user:{MARKER}@[", f"http://u:{MARKER}@127.0.0.1:9"]
)
def test_a_proxy_that_cannot_be_used_shows_no_password(flavour: Flavour, proxy: str) -> None:
    """Where the HTTP client is made, and where the first request goes through it."""
    with pytest.raises((ValueError, geopera.GeoperaError)) as caught:
        client = flavour.client(PLAIN, URL, httpx_args={"proxy": proxy}, max_retries=0)
        flavour(client.billing.credits.balance())
    assert [name for name, text in of_error(caught.value, rendered=True).items() if shows(MARKER, text)] == []


@pytest.mark.parametrize("scheme", ["ftp", "http"])
def test_a_message_about_a_url_shows_no_password(flavour: Flavour, scheme: str) -> None:
    try:
        shown = repr(flavour.client(PLAIN, f"{scheme}://user:{MARKER}@127.0.0.1:9"))
    except ValueError as exc:
        shown = str(exc)
    assert not shows(MARKER, shown)


def test_the_repr_of_half_a_client_raises_nothing() -> None:
    try:
        geopera.Geopera(MARKER, URL, timeout="x")  # type: ignore[arg-type]
    except TypeError:
        made = traceback.TracebackException(*sys.exc_info(), capture_locals=True)
        assert "Geopera" in "".join(made.format())


def test_a_pickled_client_says_what_it_misses(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, home: Store
) -> None:
    settings: list[tuple[dict[str, Any], str]] = [
        ({"headers": {"X-API-Key": MARKER, "X-Plain": "kept"}}, "header 'X-API-Key'"),
        ({"cookies": {"session": MARKER}}, "cookies"),
        ({"httpx_args": {"proxy": f"http://u:{MARKER}@127.0.0.1:9"}}, "proxy"),
        ({"token": None, "httpx_args": {"auth": ("u", MARKER)}}, "auth"),
    ]
    for options, missing in settings:
        client = flavour.client(**{"token": PLAIN, "base_url": URL, **options})
        for thing in (client, client.client, client.billing.credits.balance, client.billing):
            assert [name for name, text in of_thing(thing).items() if shows(MARKER, text)] == []
        again = pickle.loads(pickle.dumps(client))
        monkeypatch.setenv("GEOPERA_API_TOKEN", PLAIN)
        with pytest.raises(ValueError, match=missing):
            flavour(again.billing.credits.balance())
        monkeypatch.delenv("GEOPERA_API_TOKEN")
    monkeypatch.setenv("GEOPERA_API_TOKEN", PLAIN)
    again = pickle.loads(pickle.dumps(flavour.client(PLAIN, URL).with_options(headers={"X-API-Key": MARKER})))
    with pytest.raises(ValueError, match="with_options"):
        flavour(again.billing.credits.balance())


@pytest.mark.parametrize("name", ["prefix", "auth_header_name"])
def test_a_header_or_a_token_that_is_set_later_is_checked_too(flavour: Flavour, name: str) -> None:
    client = flavour.client(PLAIN, URL)
    with pytest.raises(ValueError, match="line break") as caught:
        client.with_options(headers={"X-API-Key": f"{MARKER}\n{MARKER}"})
    assert MARKER not in str(caught.value)
    with pytest.raises(ValueError, match="token") as caught:
        client.client.token = f"{MARKER}\0"
    assert MARKER not in str(caught.value)
    with pytest.raises(ValueError, match="line break"):
        client.client.with_headers({"X-API-Key": f"{MARKER}\n{MARKER}"})


def test_a_secret_is_no_text() -> None:
    secret = Secret(MARKER)
    assert (repr(secret), str(secret), f"{secret:>5}", f"{secret!r}") == ("***", "***", "  ***", "***")
    for use in (lambda: "".join([secret]), lambda: json.dumps(secret), lambda: secret[:4], lambda: secret + "x", lambda: bytes(secret)):  # type: ignore[list-item,index,operator,call-overload]  # fmt: skip
        with pytest.raises((TypeError, AttributeError)):
            use()
    assert secret == MARKER
    assert secret == Secret(MARKER) != Secret("other")
    assert {secret: 1}[Secret(MARKER)] == 1
    assert MARKER.encode() not in pickle.dumps(secret)
    with pytest.raises(ValueError, match="pickle"):
        pickle.loads(pickle.dumps(secret)).get_secret_value()
    with pytest.raises(AttributeError):
        secret._value = 1


@pytest.mark.parametrize("name", ["Authorization", "proxy-authorization", "Cookie", "x-api-key", "X_Session_Token", "X-Secret-Thing", "api_key"])  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency_key", "Accept", "X-Keyboard", "User-Agent"])
def test_names_of_others(name: str) -> None:
    assert not is_secret_name(name)


def test_short_values_stay() -> None:
    redactor = Redactor(["en", "open", "12345"])
    assert redactor.text("the tenant is not open 12345") == "the tenant is not open 12345"


def test_the_part_behind_a_scheme_and_the_first_half_are_found() -> None:
    redactor = Redactor([f"Bearer {MARKER}"])
    assert redactor.text(f"you sent {MARKER}, {MARKER[:13]}…") == "you sent ***, ***…"
    assert redactor.data({MARKER: [f"x {MARKER}", 5, None]}) == {"***": ["x ***", 5, None]}


@given(
    st.text("abcdefghijkXYZ0123456789-_.~+/ ", min_size=6, max_size=60),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_a_value_is_found_in_base64_at_any_position(value: str, before: bytes, after: bytes) -> None:
    raw = before + value.encode() + after
    for coded in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        clean = Redactor([value]).text(f'{{"header": "{coded}"}}')
        assert coded not in clean or len(value) < 8  # of a short one too little is fixed
