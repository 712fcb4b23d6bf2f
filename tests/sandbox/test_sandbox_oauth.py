"""The sandbox's sign-in: device flow, refresh with rotation, logout, tokens that expire."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from geopera.sandbox import Sandbox
from geopera.sandbox.wire.oauth import DEVICE_GRANT, ENDPOINTS, VERIFICATION

CLIENT = {"client_id": "geopera-cli"}
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class SignIn:
    """The OAuth endpoints of one server, whose clock the test holds."""

    def __init__(self, server: Sandbox) -> None:
        self.now = 1_800_000_000.0
        server.state.clock = lambda: self.now
        self.http = httpx.Client(base_url=server.url, trust_env=False)

    def post(self, endpoint: str, form: dict[str, Any]) -> httpx.Response:
        response = self.http.post(f"{ENDPOINTS}/{endpoint}", data={**CLIENT, **form})
        if endpoint != "logout":
            assert response.headers["cache-control"] == "no-store"
        return response

    def error(self, endpoint: str, form: dict[str, Any]) -> str:
        response = self.post(endpoint, form)
        assert response.status_code == 400, response.text
        return str(response.json()["error"])

    def device(self, **more: str) -> dict[str, Any]:
        form = {"code_challenge": CHALLENGE, "code_challenge_method": "S256", **more}
        found: dict[str, Any] = self.post("auth/device", form).json()
        return found

    def poll(self, device: dict[str, Any], **more: str) -> dict[str, str]:
        return {
            "grant_type": DEVICE_GRANT,
            "device_code": device["device_code"],
            "code_verifier": VERIFIER,
            **more,
        }

    def refresh(self, token: str) -> dict[str, str]:
        return {"grant_type": "refresh_token", "refresh_token": token}

    def sign_in(self) -> dict[str, Any]:
        device = self.device()
        self.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "approve"})
        response = self.post("token", self.poll(device))
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def status(self, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        called = self.http.post("/v1/op/billing.credits.balance", json={}, headers=headers).status_code
        assert self.http.get(f"{ENDPOINTS}/userinfo", headers=headers).status_code == called
        return called


@pytest.fixture
def oauth(make_sandbox: Callable[..., Sandbox]) -> Iterator[SignIn]:
    made = SignIn(make_sandbox(token_ttl=60))
    yield made
    made.http.close()


def test_a_person_approves_a_device(oauth: SignIn) -> None:
    device = oauth.device(scope="openid profile")
    assert device["verification_uri_complete"].endswith(f"?user_code={device['user_code']}")
    assert oauth.error("token", oauth.poll(device)) == "authorization_pending"
    page = oauth.http.get(device["verification_uri_complete"])
    assert page.status_code == 200
    assert f'value="{device["user_code"]}"' in page.text
    assert oauth.http.get(VERIFICATION).status_code == 200
    # Typed by hand: in small letters, without the hyphen.
    typed = device["user_code"].lower().replace("-", " ")
    done = oauth.http.post(VERIFICATION, data={"user_code": typed, "action": "approve"})
    assert "Approved" in done.text
    oauth.now += device["interval"]
    tokens = oauth.post("token", oauth.poll(device)).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 60
    assert tokens["scope"] == "openid profile"
    assert oauth.status(tokens["access_token"]) == 200
    # A device code is good for one sign-in.
    assert oauth.error("token", oauth.poll(device)) == "invalid_grant"


def test_a_person_says_no(oauth: SignIn) -> None:
    device = oauth.device()
    oauth.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "deny"})
    assert oauth.error("token", oauth.poll(device)) == "access_denied"


def test_polling_too_often_is_slowed_down(oauth: SignIn) -> None:
    device = oauth.device()
    assert oauth.error("token", oauth.poll(device)) == "authorization_pending"
    assert oauth.error("token", oauth.poll(device)) == "slow_down"
    oauth.now += device["interval"]
    assert oauth.error("token", oauth.poll(device)) == "slow_down", "five seconds slower from then on"
    oauth.now += device["interval"] + 10
    assert oauth.error("token", oauth.poll(device)) == "authorization_pending"


def test_a_device_code_expires(oauth: SignIn) -> None:
    device = oauth.device()
    oauth.now += device["expires_in"]
    page = oauth.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "approve"})
    assert page.status_code == 400
    assert oauth.error("token", oauth.poll(device)) == "expired_token"


@pytest.mark.parametrize("verifier", ["", "w" * 50])
def test_the_code_verifier_is_checked(oauth: SignIn, verifier: str) -> None:
    device = oauth.device()
    oauth.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "approve"})
    assert oauth.error("token", oauth.poll(device, code_verifier=verifier)) == "invalid_grant"
    assert oauth.post("token", oauth.poll(device)).status_code == 200


def test_access_tokens_expire_and_refresh_tokens_rotate(oauth: SignIn) -> None:
    first = oauth.sign_in()
    oauth.now += 59
    assert oauth.status(first["access_token"]) == 200
    oauth.now += 2
    assert oauth.status(first["access_token"]) == 401
    second = oauth.post("token", oauth.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert oauth.status(second["access_token"]) == 200


def test_a_refresh_token_that_is_used_twice_ends_the_sign_in(oauth: SignIn) -> None:
    first = oauth.sign_in()
    second = oauth.post("token", oauth.refresh(first["refresh_token"])).json()
    assert oauth.error("token", oauth.refresh(first["refresh_token"])) == "invalid_grant"
    assert oauth.error("token", oauth.refresh(second["refresh_token"])) == "invalid_grant"
    assert oauth.status(second["access_token"]) == 401


def test_logout_ends_the_sign_in(oauth: SignIn) -> None:
    tokens = oauth.sign_in()
    other = oauth.sign_in()
    assert oauth.post("logout", {"refresh_token": tokens["refresh_token"]}).status_code == 204
    assert oauth.post("logout", {"refresh_token": "unknown"}).status_code == 204
    assert oauth.status(tokens["access_token"]) == 401
    assert oauth.error("token", oauth.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert oauth.status(other["access_token"]) == 200, "other sign-ins go on"


@pytest.mark.parametrize(
    ("endpoint", "form", "code"),
    [
        ("token", {"grant_type": "password"}, "unsupported_grant_type"),
        ("token", {}, "invalid_request"),
        ("token", {"grant_type": "refresh_token"}, "invalid_request"),
        ("token", {"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ("token", {"grant_type": DEVICE_GRANT, "device_code": "x"}, "invalid_grant"),
        ("token", {"grant_type": ["refresh_token", "refresh_token"]}, "invalid_request"),
        ("auth/device", {"client_id": ""}, "invalid_request"),
        ("auth/device", {"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_errors_are_those_of_the_specification(oauth: SignIn, endpoint: str, form: Any, code: str) -> None:
    assert oauth.error(endpoint, form) == code


def test_a_token_of_another_client_is_refused(oauth: SignIn) -> None:
    tokens = oauth.sign_in()
    form = {**oauth.refresh(tokens["refresh_token"]), "client_id": "another"}
    assert oauth.error("token", form) == "invalid_grant"
    assert oauth.post("token", oauth.refresh(tokens["refresh_token"])).status_code == 200


def test_json_is_no_form(oauth: SignIn) -> None:
    response = oauth.http.post(f"{ENDPOINTS}/token", json={"grant_type": "refresh_token"})
    assert response.json()["error"] == "invalid_request"


def test_what_is_typed_cannot_become_markup(oauth: SignIn) -> None:
    page = oauth.http.get(VERIFICATION, params={"user_code": '"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert re.search(r'value="&quot;&gt;&lt;script', page.text)


def test_machines_approve_by_themselves(make_sandbox: Callable[..., Sandbox]) -> None:
    oauth = SignIn(make_sandbox(approve=True))
    with oauth.http:
        device = oauth.device()
        assert oauth.post("token", oauth.poll(device)).json()["expires_in"] == 3600


def test_a_lifetime_is_more_than_zero(make_sandbox: Callable[..., Sandbox]) -> None:
    with pytest.raises(ValueError, match="token_ttl"):
        make_sandbox(token_ttl=0)
