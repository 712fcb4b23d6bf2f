"""A sign-in that is renewed: one request for all who meet the expired token, and a store that loses nothing."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from auth.conftest import NEW, OLD, REFRESH, Store, key, sign_in
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

import geopera
from geopera.errors import CredentialsError
from geopera.sandbox import Sandbox

ROTATED = "refresh-new-0123456789"


class Issuer:
    """The API and its token endpoint, which takes each refresh token once."""

    def __init__(self, serve: Callable[..., Wire], *, delay: float = 0.0) -> None:
        self.delay = delay
        self.valid = {NEW}
        self.response: Callable[[dict[str, list[str]]], Reply] = lambda form: json_reply(
            {"access_token": NEW, "refresh_token": ROTATED, "expires_in": 900, "scope": "openid"}
        )
        self.forms: list[dict[str, list[str]]] = []
        self.wire: Wire = serve(self.reply)
        self.url = self.wire.url

    def reply(self, asked: Asked) -> Reply:
        if asked.path.endswith("/protocol/openid-connect/token"):
            assert "authorization" not in asked.headers
            self.forms.append(parse_qs(asked.content.decode()))
            time.sleep(self.delay)
            return self.response(self.forms[-1])
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return json_reply(
            {"credits": 5} if token in self.valid else {"title": "No"}, 200 if token in self.valid else 401
        )

    def calls(self) -> list[str]:
        return [
            asked.headers.get("authorization", "")
            for asked in self.wire.asked
            if asked.path.startswith("/v1/op/")
        ]


@pytest.fixture
def issuer(serve: Callable[..., Wire]) -> Issuer:
    return Issuer(serve)


def balance(flavour: Flavour, client: Any) -> Any:
    return flavour(client.billing.credits.balance()).credits


def test_a_token_is_renewed_before_its_end_and_both_tokens_are_kept(
    flavour: Flavour, home: Store, issuer: Issuer
) -> None:
    other = {**key("https://elsewhere.example"), "mine": {"a": [1]}}
    home.write({"default": sign_in(issuer.url), "other": other, "out": {"api_url": "x"}})
    before = home.read()
    assert balance(flavour, flavour.client()) == 5
    assert issuer.forms == [
        {"grant_type": ["refresh_token"], "refresh_token": [REFRESH], "client_id": ["geopera-cli"]}
    ]
    assert issuer.calls() == [f"Bearer {NEW}"]
    after = home.read()
    assert {name: after[name] for name in ("other", "out")} == {
        name: before[name] for name in ("other", "out")
    }
    auth = after["default"].pop("auth")
    assert after["default"] == {"api_url": issuer.url, "note": "kept"}
    assert (auth["access_token"], auth["refresh_token"], auth["scope"]) == (NEW, ROTATED, "openid")
    assert (auth["extra"], auth["type"], auth["issuer"]) == ([1], "oauth", issuer.url)
    assert 890 < auth["expires_at"] - time.time() <= 900


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_the_store_is_readable_by_its_owner_alone_whatever_the_umask(home: Store, issuer: Issuer) -> None:
    home.write({"default": sign_in(issuer.url)})
    home.path.chmod(0o644)
    home.path.parent.chmod(0o755)
    umask = os.umask(0)
    try:
        with geopera.Geopera() as client:
            client.billing.credits.balance()
    finally:
        os.umask(umask)
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.path.parent.iterdir()} == {0o600}
    assert sorted(path.name for path in home.path.parent.iterdir()) == [
        "credentials.json",
        "credentials.json.lock",
    ]


def test_a_401_renews_once_and_sends_once_more(flavour: Flavour, home: Store, issuer: Issuer) -> None:
    home.write({"default": sign_in(issuer.url, left=900)})
    client = flavour.client()
    assert balance(flavour, client) == 5
    assert issuer.calls() == [f"Bearer {OLD}", f"Bearer {NEW}"]
    issuer.valid.clear()
    issuer.response = lambda form: json_reply({"access_token": "third-0123456789", "expires_in": 900})
    with pytest.raises(geopera.errors.AuthenticationError):
        balance(flavour, client)
    assert issuer.calls()[2:] == [f"Bearer {NEW}", "Bearer third-0123456789"]
    assert len(issuer.forms) == 2
    assert home.read()["default"]["auth"]["refresh_token"] == ROTATED, (
        "a response without one keeps the old one"
    )


def test_a_response_without_a_lifetime_has_no_end(flavour: Flavour, home: Store, issuer: Issuer) -> None:
    home.write({"default": sign_in(issuer.url)})
    issuer.response = lambda form: json_reply({"access_token": NEW})
    client = flavour.client()
    assert [balance(flavour, client) for _ in range(3)] == [5, 5, 5]
    assert home.read()["default"]["auth"]["expires_at"] is None
    assert len(issuer.forms) == 1


def test_a_short_lived_token_is_not_renewed_before_every_call(
    flavour: Flavour, home: Store, issuer: Issuer
) -> None:
    """The margin is a quarter of the life at most."""
    home.write({"default": sign_in(issuer.url)})
    issuer.response = lambda form: json_reply({"access_token": NEW, "expires_in": 20})
    client = flavour.client()
    assert [balance(flavour, client) for _ in range(3)] == [5, 5, 5]
    assert len(issuer.forms) == 1


def test_somebody_else_was_first(flavour: Flavour, home: Store, issuer: Issuer) -> None:
    """The store holds another token than the one that failed: nothing is sent to the issuer."""
    home.write({"default": sign_in(issuer.url, left=900)})
    client = flavour.client()
    assert client.client.token == OLD
    home.write({"default": sign_in(issuer.url, left=900, access=NEW, refresh_token=ROTATED)})
    assert balance(flavour, client) == 5
    assert issuer.forms == []


def test_after_invalid_grant_the_store_is_read_once_more(
    flavour: Flavour, home: Store, issuer: Issuer
) -> None:
    def late(form: dict[str, list[str]]) -> Reply:
        # The command line, which takes no lock, refreshes at this moment.
        home.write({"default": sign_in(issuer.url, left=900, access=NEW, refresh_token=ROTATED)})
        return json_reply({"error": "invalid_grant", "error_description": f"{REFRESH} was used"}, 400)

    issuer.response = late
    home.write({"default": sign_in(issuer.url)})
    assert balance(flavour, flavour.client()) == 5
    assert len(issuer.forms) == 1
    assert home.read()["default"]["auth"]["refresh_token"] == ROTATED


@pytest.mark.parametrize(
    ("response", "match"),
    [
        (
            lambda form: json_reply({"error": "invalid_grant", "error_description": f"{REFRESH} {OLD}"}, 400),
            "400 invalid_grant",
        ),
        (lambda form: json_reply({"error": REFRESH}, 400), r"\(400\)"),
        (lambda form: Reply(b"<html>" + OLD.encode(), status=503), r"\(503\)"),
        (lambda form: json_reply({"access_token": ""}), "no access token"),
        (lambda form: Reply(b"[1]"), "no access token"),
        (lambda form: Reply(b"{", length=99, cut=True), "cannot be reached"),
        (lambda form: json_reply({}, 307, Location="https://example.com/"), r"\(307\)"),
    ],
)
def test_a_refused_refresh_names_the_command_and_no_token(
    flavour: Flavour, home: Store, issuer: Issuer, response: Any, match: str
) -> None:
    issuer.response = response
    home.write({"work": sign_in(issuer.url)})
    before = home.path.read_bytes()
    with pytest.raises(CredentialsError, match=match) as caught:
        balance(flavour, flavour.client(profile="work"))
    assert "Run 'geopera login --profile work'" in str(caught.value)
    assert not any(secret in repr(caught.value) for secret in (OLD, REFRESH))
    assert home.path.read_bytes() == before
    assert issuer.calls() == []


@pytest.mark.parametrize("change", [{"refresh_token": None}, {"issuer": "http://192.0.2.1"}])
def test_a_refresh_that_cannot_be_asked_for(
    flavour: Flavour, home: Store, issuer: Issuer, change: dict[str, Any]
) -> None:
    home.write({"default": sign_in(issuer.url, **change)})
    with pytest.raises(CredentialsError, match=r"no refresh token|unencrypted"):
        balance(flavour, flavour.client())
    assert issuer.forms == []


def test_a_damaged_store_is_never_written(flavour: Flavour, home: Store, issuer: Issuer) -> None:
    home.write({"default": sign_in(issuer.url, left=900)})
    client = flavour.client()
    assert client.client.token == OLD
    home.write("{ damaged")
    with pytest.raises(CredentialsError, match="not JSON"):
        balance(flavour, client)
    assert home.path.read_text() == "{ damaged"


def test_the_event_loop_goes_on_while_a_token_is_renewed(home: Store, serve: Callable[..., Wire]) -> None:
    import asyncio

    issuer = Issuer(serve, delay=0.3)
    home.write({"default": sign_in(issuer.url)})

    async def main() -> int:
        ticks = 0
        async with geopera.AsyncGeopera() as client:
            calls = asyncio.gather(*(client.billing.credits.balance() for _ in range(5)))
            while not calls.done():
                await asyncio.sleep(0.01)
                ticks += 1
            await calls
        return ticks

    assert asyncio.run(main()) > 5
    assert len(issuer.forms) == 1


def test_eight_threads_make_one_refresh(home: Store, serve: Callable[..., Wire]) -> None:
    """Of one client, and of clients of their own: what they share is the store."""
    issuer = Issuer(serve, delay=0.2)
    home.write({"default": sign_in(issuer.url)})
    barrier = threading.Barrier(8)

    def work(number: int) -> Any:
        client = shared if number % 2 else geopera.Geopera()
        barrier.wait(10)
        try:
            return client.billing.credits.balance().credits
        finally:
            if client is not shared:
                client.close()

    with geopera.Geopera() as shared, ThreadPoolExecutor(8) as executor:
        assert list(executor.map(work, range(8))) == [5] * 8
    assert len(issuer.forms) == 1
    assert set(issuer.calls()) == {f"Bearer {NEW}"}


WORKER = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import geopera

sys.stdin.readline()
client = geopera.Geopera()
with ThreadPoolExecutor(8) as executor:
    for one in executor.map(lambda _: client.billing.credits.balance().credits, range(8)):
        print(one)
client.close()
"""


@pytest.mark.slow  # two interpreters
def test_two_processes_with_eight_threads_make_one_refresh_at_the_sandbox(
    tmp_path: Path, make_sandbox: Callable[..., Sandbox]
) -> None:
    import subprocess
    import sys

    import httpx
    from sandbox.test_sandbox_oauth import Door

    server = make_sandbox(approve=True)
    door = Door(server)
    with door.http:
        tokens = door.sign_in()
        refreshes: list[str] = []
        real = server.state.oauth.token

        def counted(form: Any) -> Any:
            refreshes.append(form["refresh_token"])
            time.sleep(0.3)
            return real(form)

        server.state.oauth.token = counted
        entry = sign_in(server.url, access=tokens["access_token"], refresh_token=tokens["refresh_token"])
        store = Store(tmp_path)
        store.write({"default": entry, "other": key("https://elsewhere.example")})
        env = {name: value for name, value in os.environ.items() if not name.startswith("GEOPERA_")}
        env |= {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
        started = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER],
                env=env,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(2)
        ]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=60)[0].split() for process in started]
        assert [len(output) for output in outputs] == [8, 8], outputs
        assert refreshes == [tokens["refresh_token"]]
        auth = store.read()["default"]["auth"]
        assert auth["refresh_token"] != tokens["refresh_token"]
        userinfo = f"{server.url}/realms/public/protocol/openid-connect/userinfo"
        headers = {"Authorization": f"Bearer {auth['access_token']}"}
        assert httpx.get(userinfo, headers=headers, trust_env=False).status_code == 200
        assert store.read()["other"] == key("https://elsewhere.example")
    assert json.dumps(entry) != json.dumps(store.read()["default"])
