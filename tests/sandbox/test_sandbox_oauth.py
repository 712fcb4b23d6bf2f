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


class Door:
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
def door(make_sandbox: Callable[..., Sandbox]) -> Iterator[Door]:
    made = Door(make_sandbox(token_ttl=60))
    yield made
    made.http.close()


def test_a_person_approves_a_device(door: Door) -> None:
    device = door.device(scope="openid profile")
    assert device["verification_uri_complete"].endswith(f"?user_code={device['user_code']}")
    assert door.error("token", door.poll(device)) == "authorization_pending"
    page = door.http.get(device["verification_uri_complete"])
    assert page.status_code == 200
    assert f'value="{device["user_code"]}"' in page.text
    assert door.http.get(VERIFICATION).status_code == 200
    # Typed by hand: in small letters, without the hyphen.
    typed = device["user_code"].lower().replace("-", " ")
    done = door.http.post(VERIFICATION, data={"user_code": typed, "action": "approve"})
    assert "Approved" in done.text
    door.now += device["interval"]
    tokens = door.post("token", door.poll(device)).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 60
    assert tokens["scope"] == "openid profile"
    assert door.status(tokens["access_token"]) == 200
    # A device code is good for one sign-in.
    assert door.error("token", door.poll(device)) == "invalid_grant"


def test_a_person_says_no(door: Door) -> None:
    device = door.device()
    door.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "deny"})
    assert door.error("token", door.poll(device)) == "access_denied"


def test_polling_too_often_is_slowed_down(door: Door) -> None:
    device = door.device()
    assert door.error("token", door.poll(device)) == "authorization_pending"
    assert door.error("token", door.poll(device)) == "slow_down"
    door.now += device["interval"]
    assert door.error("token", door.poll(device)) == "slow_down", "five seconds slower from then on"
    door.now += device["interval"] + 10
    assert door.error("token", door.poll(device)) == "authorization_pending"


def test_a_device_code_expires(door: Door) -> None:
    device = door.device()
    door.now += device["expires_in"]
    page = door.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "approve"})
    assert page.status_code == 400
    assert door.error("token", door.poll(device)) == "expired_token"


@pytest.mark.parametrize("verifier", ["", "w" * 50])
def test_the_code_verifier_is_checked(door: Door, verifier: str) -> None:
    device = door.device()
    door.http.post(VERIFICATION, data={"user_code": device["user_code"], "action": "approve"})
    assert door.error("token", door.poll(device, code_verifier=verifier)) == "invalid_grant"
    assert door.post("token", door.poll(device)).status_code == 200


def test_access_tokens_expire_and_refresh_tokens_rotate(door: Door) -> None:
    first = door.sign_in()
    door.now += 59
    assert door.status(first["access_token"]) == 200
    door.now += 2
    assert door.status(first["access_token"]) == 401
    second = door.post("token", door.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert door.status(second["access_token"]) == 200


def test_a_refresh_token_that_is_used_twice_ends_the_sign_in(door: Door) -> None:
    first = door.sign_in()
    second = door.post("token", door.refresh(first["refresh_token"])).json()
    assert door.error("token", door.refresh(first["refresh_token"])) == "invalid_grant"
    assert door.error("token", door.refresh(second["refresh_token"])) == "invalid_grant"
    assert door.status(second["access_token"]) == 401


def test_logout_ends_the_sign_in(door: Door) -> None:
    tokens = door.sign_in()
    other = door.sign_in()
    assert door.post("logout", {"refresh_token": tokens["refresh_token"]}).status_code == 204
    assert door.post("logout", {"refresh_token": "unknown"}).status_code == 204
    assert door.status(tokens["access_token"]) == 401
    assert door.error("token", door.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert door.status(other["access_token"]) == 200, "other sign-ins go on"


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
def test_errors_are_those_of_the_specification(door: Door, endpoint: str, form: Any, code: str) -> None:
    assert door.error(endpoint, form) == code


def test_a_token_of_another_client_is_refused(door: Door) -> None:
    tokens = door.sign_in()
    form = {**door.refresh(tokens["refresh_token"]), "client_id": "another"}
    assert door.error("token", form) == "invalid_grant"
    assert door.post("token", door.refresh(tokens["refresh_token"])).status_code == 200


def test_json_is_no_form(door: Door) -> None:
    response = door.http.post(f"{ENDPOINTS}/token", json={"grant_type": "refresh_token"})
    assert response.json()["error"] == "invalid_request"


def test_what_is_typed_cannot_become_markup(door: Door) -> None:
    page = door.http.get(VERIFICATION, params={"user_code": '"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert re.search(r'value="&quot;&gt;&lt;script', page.text)


def test_machines_approve_by_themselves(make_sandbox: Callable[..., Sandbox]) -> None:
    door = Door(make_sandbox(approve=True))
    with door.http:
        device = door.device()
        assert door.post("token", door.poll(device)).json()["expires_in"] == 3600


def test_a_lifetime_is_more_than_zero(make_sandbox: Callable[..., Sandbox]) -> None:
    with pytest.raises(ValueError, match="token_ttl"):
        make_sandbox(token_ttl=0)
