"""Where credentials come from: the order, the origin rule, the words of what is missing."""

from __future__ import annotations

import pickle
from typing import Any

import pydantic
import pytest
from auth.conftest import OLD, Serve, Store, key, sign_in
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

import geopera
from geopera._auth import store as store_module
from geopera.errors import AuthenticationError, CredentialsError
from geopera.types import Secret

BALANCE = {"credits": 5}
TOKEN = "gpra_token-0123456789"


@pytest.fixture
def wire(serve: Serve) -> Wire:
    def reply(asked: Asked) -> Reply:
        known = asked.headers.get("authorization") or asked.headers.get("x-api-key")
        return json_reply(BALANCE) if known else json_reply({"title": "Unauthorized"}, 401)

    made: Wire = serve(reply)
    return made


def sent(flavour: Flavour, client: Any, wire: Wire) -> tuple[str | None, str | None]:
    """The (bearer token, API key) that a call carries."""
    flavour(client.billing.credits.balance())
    headers = wire.asked[-1].headers
    return headers.get("authorization"), headers.get("x-api-key")


def test_the_path_is_the_command_line_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("HOME", "/nowhere/somebody")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/elsewhere")
    import importlib

    fresh = importlib.util.find_spec("geopera._auth.store")
    assert fresh is not None
    assert fresh.loader is not None
    module = importlib.util.module_from_spec(fresh)
    fresh.loader.exec_module(module)
    assert module.path() == "/nowhere/somebody/.config/geopera/credentials.json"


def test_the_order(flavour: Flavour, home: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    url = wire.url
    home.write({"default": key(url, "gpra_default-012345"), "ci": key(url, "gpra_ci-0123456789"), "in": sign_in(url, left=900)})  # fmt: skip
    make = flavour.client
    assert sent(flavour, make(), wire) == (None, "gpra_default-012345")
    monkeypatch.setenv("GEOPERA_PROFILE", "ci")
    assert sent(flavour, make(), wire) == (None, "gpra_ci-0123456789")
    monkeypatch.setenv("GEOPERA_API_TOKEN", "of-the-environment")
    monkeypatch.setenv("GEOPERA_API_URL", url)
    assert sent(flavour, make(), wire) == ("Bearer of-the-environment", None)
    assert sent(flavour, make(profile="in"), wire) == (f"Bearer {OLD}", None)
    assert sent(flavour, make(TOKEN, profile="in"), wire) == (f"Bearer {TOKEN}", None)


def test_empty_variables_are_unset_and_all_is_read_at_first_use(
    flavour: Flavour, home: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GEOPERA_API_TOKEN", "GEOPERA_API_URL", "GEOPERA_PROFILE"):
        monkeypatch.setenv(name, "")
    client = flavour.client()
    home.write({"default": key(wire.url)})
    assert sent(flavour, client, wire) == (None, "gpra_key-0123456789")


def test_the_repr_names_the_source(flavour: Flavour, home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:9"
    assert "credentials=None" in repr(flavour.client(base_url=url))
    assert "credentials='token='" in repr(flavour.client(TOKEN, url))
    assert "a function" in repr(flavour.client(lambda: TOKEN, url))
    home.write({"default": key(url)})
    assert "profile 'default'" in repr(flavour.client())
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    assert "credentials='GEOPERA_API_TOKEN'" in repr(flavour.client(base_url=url))
    monkeypatch.delenv("GEOPERA_API_TOKEN")
    monkeypatch.setenv("GEOPERA_PROFILE", "nobody")
    assert "CredentialsError" in repr(flavour.fluent())


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_profile_that_does_not_exist_is_never_an_anonymous_call(
    flavour: Flavour, home: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    home.write({"default": key(wire.url), "staging": key(wire.url), "out": {"api_url": wire.url}})
    for name, match in (("nobody", "'default', 'out', 'staging'"), ("out", "signed out")):
        with pytest.raises(CredentialsError, match=match):
            if how == "argument":
                flavour.fluent(profile=name)
            else:
                monkeypatch.setenv("GEOPERA_PROFILE", name)
                flavour(flavour.client(base_url=wire.url).billing.credits.balance())
    assert wire.asked == []


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "null", '{"default": 5}', '{"default": {"auth": 5}}', "\x00"]
)
def test_a_damaged_store_is_no_reason_to_fail_where_it_is_not_wanted(
    flavour: Flavour, home: Store, wire: Wire, text: str
) -> None:
    home.write(text)
    assert sent(flavour, flavour.client(TOKEN, wire.url), wire) == (f"Bearer {TOKEN}", None)
    with pytest.raises(AuthenticationError, match="geopera login"):
        flavour(flavour.client(base_url=wire.url).billing.credits.balance())
    with pytest.raises(CredentialsError):
        flavour.fluent(profile="default")
    assert home.path.read_text() == text


def test_a_credential_goes_to_its_own_server(
    flavour: Flavour, home: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write({"default": key("https://api.example.com"), "in": sign_in("https://api.example.com")})
    with pytest.raises(AuthenticationError, match=r"api\.example\.com.*not sent"):
        flavour(flavour.client(base_url=wire.url).billing.credits.balance())
    assert "x-api-key" not in wire.asked[-1].headers
    monkeypatch.setenv("GEOPERA_API_URL", wire.url)
    for profile in (None, "in"):
        with pytest.raises(CredentialsError, match=r"api\.example\.com.*127\.0\.0\.1"):
            flavour(flavour.client(profile=profile).billing.credits.balance())
    # Both in code: it is meant.
    assert sent(flavour, flavour.client(profile="default", base_url=wire.url), wire) == (
        None,
        "gpra_key-0123456789",
    )


@pytest.mark.parametrize("same", ["{0}/", "{0}/base", "{1}"])
def test_the_same_origin_is_the_same_server(flavour: Flavour, home: Store, wire: Wire, same: str) -> None:
    home.write({"default": key(wire.url)})
    client = flavour.client(base_url=same.format(wire.url, wire.url.upper().replace("HTTP", "http")))
    assert client.client.token == "gpra_key-0123456789"


def test_a_401_without_credentials_says_where_they_could_come_from(
    flavour: Flavour, home: Store, wire: Wire
) -> None:
    with pytest.raises(AuthenticationError) as caught:
        flavour(flavour.client(base_url=wire.url).billing.credits.balance())
    for word in ("geopera login", "GEOPERA_API_TOKEN", "token="):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["api_key", "access_token", "key"])
def test_another_name_for_a_token(flavour: Flavour, name: str) -> None:
    with pytest.raises(TypeError, match="token=") as caught:
        flavour.fluent(**{name: TOKEN})
    assert TOKEN not in str(caught.value)


class Vault:
    def get_secret_value(self) -> str:
        return TOKEN


@pytest.mark.parametrize("token", [pydantic.SecretStr(TOKEN), Vault(), Secret(TOKEN), TOKEN + "\n", lambda: TOKEN + "\r\n", lambda: pydantic.SecretStr(TOKEN), lambda: (TOKEN, None)])  # fmt: skip
def test_forms_of_a_token(flavour: Flavour, wire: Wire, token: Any) -> None:
    client = flavour.client(token, wire.url)
    assert sent(flavour, client, wire) == (f"Bearer {TOKEN}", None)
    assert client.client.token == TOKEN
    assert client.client.token.get_secret_value() == TOKEN
    assert f"{client.client.token}" == repr(client.client.token) == "***"
    assert not isinstance(client.client.token, str)


@pytest.mark.parametrize("token", [5, b"bytes", object(), ["x"], lambda: 5, lambda: None, lambda: (TOKEN, 1, 2), lambda: (TOKEN, "soon")])  # fmt: skip
def test_what_is_no_token(flavour: Flavour, wire: Wire, token: Any) -> None:
    with pytest.raises(TypeError) as caught:
        flavour(flavour.client(token, wire.url).billing.credits.balance())
    assert TOKEN not in str(caught.value)
    assert wire.asked == []


@pytest.mark.parametrize("break_", ["two\nlines-0123456789", "x\r\ny-0123456789", "nul\0-0123456789", " padded-0123456789", "ümlaut-0123456789", "\n\n"])  # fmt: skip
def test_a_token_that_cannot_be_sent_names_where_it_came_from(
    flavour: Flavour, home: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch, break_: str
) -> None:
    home.write({"default": key(wire.url, break_), "in": sign_in(wire.url, access=break_, left=900)})
    made: list[tuple[str, Any]] = [
        ("token=", lambda: flavour.fluent(break_, wire.url)),
        ("token", lambda: flavour(flavour.client(lambda: break_, wire.url).billing.credits.balance())),
        (
            "'X-API-Key'",
            lambda: flavour.fluent(TOKEN, wire.url, headers={"X-API-Key": break_.strip(" ") + "\n\n"}),
        ),
        ("profile 'default'", lambda: flavour(flavour.client(profile="default").billing.credits.balance())),
    ]
    if "\0" not in break_:
        monkeypatch.setenv("GEOPERA_API_TOKEN", break_)
        made.append(
            (
                "GEOPERA_API_TOKEN",
                lambda: flavour(flavour.client(base_url=wire.url).billing.credits.balance()),
            )
        )
    for name, make in made:
        with pytest.raises(ValueError) as caught:
            make()
        assert name in str(caught.value)
        assert break_.strip() not in str(caught.value) or not break_.strip()
        assert "acted" not in str(caught.value)
    assert wire.asked == []


def test_whoami(flavour: Flavour, sandbox: Any, home: Store) -> None:
    who = flavour(flavour.client(sandbox.token, sandbox.url).whoami())
    assert type(who) is geopera.types.UserInfo
    assert (who.sub, who.geopera_org_id, who.scope) == ("key-sandbox", "org-sandbox", None)
    with pytest.raises(AuthenticationError, match="geopera login"):
        flavour(flavour.client(base_url=sandbox.url).whoami())
    with pytest.raises(AuthenticationError, match="401"):
        flavour(flavour.client("wrong-token-123", sandbox.url).whoami())
    with pytest.raises(geopera.errors.APIConnectionError, match="whoami"):
        flavour(flavour.client(TOKEN, "http://127.0.0.1:9").whoami())


def test_a_token_set_on_a_client_in_use_counts_from_the_next_call(flavour: Flavour, wire: Wire) -> None:
    client = flavour.client("old-token-1234", wire.url)
    assert sent(flavour, client, wire) == ("Bearer old-token-1234", None)
    client.client.token = TOKEN
    assert sent(flavour, client, wire) == (f"Bearer {TOKEN}", None)
    assert sent(flavour, client.with_options(timeout=5), wire) == (f"Bearer {TOKEN}", None)
    client.client.token = pydantic.SecretStr("third-token-1234")
    assert sent(flavour, client, wire) == ("Bearer third-token-1234", None)
    with pytest.raises(ValueError, match="line break"):
        client.client.token = "a\nb-0123456789"
    wire.reply = lambda asked: json_reply(
        {"title": "No", "detail": f"{TOKEN} old-token-1234 third-token-1234"}, 400
    )
    with pytest.raises(geopera.errors.BadRequestError) as caught:
        flavour(client.billing.credits.balance())
    assert str(caught.value).count("***") == 3
    anonymous = flavour.client(base_url=wire.url)
    assert not hasattr(anonymous.client, "token")
    anonymous.client.token = TOKEN
    wire.reply = lambda asked: json_reply(BALANCE)
    assert sent(flavour, anonymous, wire) == (f"Bearer {TOKEN}", None)


def test_the_httpx_client_carries_the_credential(home: Store, wire: Wire) -> None:
    home.write({"default": key(wire.url), "in": sign_in(wire.url, left=900)})
    for client, header, value in (
        (geopera.AuthenticatedClient(wire.url, TOKEN), "authorization", f"Bearer {TOKEN}"),
        (geopera.AuthenticatedClient(wire.url, TOKEN, "", "X-API-Key"), "x-api-key", TOKEN),
        (geopera.Geopera(profile="default").client, "x-api-key", "gpra_key-0123456789"),
        (geopera.Geopera(profile="in").client, "authorization", f"Bearer {OLD}"),
    ):
        with client:
            assert client.get_httpx_client().request("post", "/v1/op/x", json={}).status_code == 200
            assert wire.asked[-1].headers[header] == value


def test_an_unpickled_client_takes_the_credentials_of_its_process(
    flavour: Flavour, home: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = flavour.client(lambda: TOKEN, wire.url)
    data = [
        pickle.dumps(one)
        for one in (flavour.client(TOKEN, wire.url), function, function.billing.credits.balance)
    ]
    home.write({"default": key(wire.url), "in": sign_in(wire.url, left=900)})
    data.append(pickle.dumps(flavour.client(profile="in")))
    opened: list[Any] = []
    again = [pickle.loads(one) for one in data]
    opened += again
    assert sent(flavour, again[0], wire) == (None, "gpra_key-0123456789")
    assert sent(flavour, again[1], wire) == (None, "gpra_key-0123456789")
    assert sent(flavour, again[3], wire) == (f"Bearer {OLD}", None)
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    again = [pickle.loads(one) for one in data]
    opened += again
    assert sent(flavour, again[0], wire) == (f"Bearer {TOKEN}", None)
    assert sent(flavour, again[3], wire) == (f"Bearer {OLD}", None)
    flavour(again[2]())
    assert wire.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"
    for one in opened:
        client = one._client if hasattr(one, "_id") else one
        flavour(client.aclose() if flavour.asynchronous else client.close())


def test_the_store_is_found_by_the_module_that_reads_it(home: Store) -> None:
    home.write({"default": key("https://api.example.com")})
    profiles, fault = store_module.read()
    assert fault is None
    assert "gpra" not in repr(profiles) + repr(vars(type(profiles["default"]))) + repr(
        profiles["default"].auth
    )
