"""The sign-in of the sandbox: refresh with rotation, the device flow, logout (RFC 6749, 7636, 8628, 9700).

Sign-ins live in the memory of the process, unlike everything else that the sandbox keeps: a restart ends them all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .arrival import read_body
from .auth import DEFAULT_ORGANISATION, Caller, Tokens
from .problems import ProblemError

ENDPOINTS = "/realms/public/protocol/openid-connect"
VERIFICATION = "/realms/public/device"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_LIFETIME = 600
INTERVAL = 5
_MOST = 64 << 10  # bytes of a form
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# No vowels and no similar characters: a user code is read from one screen and typed on another.
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_USER = Caller(DEFAULT_ORGANISATION, principal="user-sandbox", kind="user")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Geopera sandbox: sign in a device</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}}
input,button{{font:inherit;padding:.4rem .6rem}}</style></head>
<body><h1>Sign in a device</h1><p>{message}</p>{form}</body></html>
"""
FORM = """<form method="post" action="{action}">
<p><label>Code <input name="user_code" value="{code}" autocomplete="off" required></label></p>
<p><button name="action" value="approve">Approve</button> <button name="action" value="deny">Deny</button></p></form>"""


class OAuthError(Exception):
    """An error of an OAuth endpoint, in the JSON of RFC 6749, 5.2."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status

    def response(self) -> Response:
        content = {"error": self.code, "error_description": self.description}
        return JSONResponse(content, self.status, _NO_STORE)


@dataclass(slots=True)
class _SignIn:
    """One sign-in and its refresh tokens, of which only the newest can be used."""

    client: str
    scope: str
    refresh: str = ""
    access: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Device:
    """A device that waits for approval."""

    client: str
    scope: str
    user_code: str
    challenge: str | None
    until: float
    interval: float
    decision: bool | None = None
    polled: float | None = None


class OAuth:
    """The sign-ins of a running server.

    Args:
        tokens: The registry of access tokens.
        clock: Seconds since the epoch.
        ttl: Lifetime of an access token in seconds.
        approve: Approve every device at once, for tests that have no browser.
    """

    def __init__(
        self, tokens: Tokens, clock: Callable[[], float], *, ttl: float = 3600.0, approve: bool = False
    ) -> None:
        self.ttl = ttl
        self._tokens = tokens
        self._clock = clock
        self._approve = approve
        self._devices: dict[str, _Device] = {}
        self._sign_ins: dict[str, _SignIn] = {}  # by every refresh token that was ever issued

    def start_device(self, form: Mapping[str, str], base: str) -> dict[str, object]:
        """The response of the device authorization endpoint (RFC 8628, 3.2)."""
        client, now = _needed(form, "client_id"), self._clock()
        challenge = form.get("code_challenge")
        if challenge is not None and form.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method has to be S256.")
        self._devices = {code: found for code, found in self._devices.items() if found.until + 600 > now}
        code, letters = secrets.token_urlsafe(32), [secrets.choice(_ALPHABET) for _ in range(8)]
        user_code = "".join(letters[:4]) + "-" + "".join(letters[4:])
        interval = 1 if self._approve else INTERVAL
        device = _Device(
            client,
            form.get("scope") or "openid profile",
            user_code,
            challenge,
            now + DEVICE_LIFETIME,
            interval,
        )
        device.decision = True if self._approve else None
        self._devices[code] = device
        place = base.rstrip("/") + VERIFICATION
        return {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": place,
            "verification_uri_complete": f"{place}?{urlencode({'user_code': user_code})}",
            "expires_in": DEVICE_LIFETIME,
            "interval": interval,
        }

    def decide(self, user_code: str, approve: bool) -> bool:
        """Approve or deny the device that shows a code. Returns whether a device waited for it."""
        wanted = _plain(user_code)
        for device in self._devices.values():
            if (
                _plain(device.user_code) == wanted
                and device.decision is None
                and device.until > self._clock()
            ):
                device.decision = approve
                return True
        return False

    def token(self, form: Mapping[str, str]) -> dict[str, object]:
        """The response of the token endpoint. Raises `OAuthError`."""
        kind = _needed(form, "grant_type")
        if kind == "refresh_token":
            return self._refresh(
                _needed(form, "refresh_token"), _needed(form, "client_id"), form.get("scope")
            )
        if kind == DEVICE_GRANT:
            return self._poll(_needed(form, "device_code"), _needed(form, "client_id"), form)
        raise OAuthError("unsupported_grant_type", f"No grant type {kind[:100]!r} here.")

    def _poll(self, code: str, client: str, form: Mapping[str, str]) -> dict[str, object]:
        device, now = self._devices.get(code), self._clock()
        if device is None or device.client != client:
            raise OAuthError("invalid_grant", "The device code is unknown or was used.")
        if now >= device.until:
            raise OAuthError("expired_token", "The device code has expired.")
        early = device.polled is not None and now - device.polled < device.interval - 0.5
        device.polled = now
        if device.decision is None:
            if early:
                device.interval += 5
                raise OAuthError("slow_down", "Poll less often.")
            raise OAuthError("authorization_pending", "The code is not approved yet.")
        if device.decision and device.challenge is not None:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != device.challenge:
                raise OAuthError("invalid_grant", "The code_verifier does not fit the code_challenge.")
        del self._devices[code]
        if not device.decision:
            raise OAuthError("access_denied", "The sign-in was denied.")
        return self._issue(_SignIn(client, device.scope))

    def _refresh(self, token: str, client: str, scope: str | None) -> dict[str, object]:
        found = self._sign_ins.get(token)
        if found is None or found.client != client:
            raise OAuthError("invalid_grant", "The refresh token is unknown.")
        if found.refresh != token:
            # Used twice: one of the two clients has a stolen token, and it is unknown which (RFC 9700, 4.14).
            self._end(found)
            raise OAuthError("invalid_grant", "The refresh token was used before; the sign-in has ended.")
        if scope is not None and not set(scope.split()) <= set(found.scope.split()):
            raise OAuthError("invalid_scope", "The scope is wider than what was granted.")
        return self._issue(found)

    def _issue(self, sign_in: _SignIn) -> dict[str, object]:
        access = "session-" + secrets.token_urlsafe(24)
        sign_in.refresh = "refresh-" + secrets.token_urlsafe(24)
        sign_in.access.append(access)
        self._sign_ins[sign_in.refresh] = sign_in
        self._tokens.issue(access, _USER, self._clock() + self.ttl)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(self.ttl) if self.ttl >= 1 else self.ttl,
            "refresh_token": sign_in.refresh,
            "scope": sign_in.scope,
        }

    def logout(self, form: Mapping[str, str]) -> None:
        """End a sign-in with all its tokens; an unknown refresh token is not an error (RFC 7009, 2.2)."""
        client = _needed(form, "client_id")
        found = self._sign_ins.get(form.get("refresh_token", ""))
        if found is not None and found.client == client:
            self._end(found)

    def _end(self, sign_in: _SignIn) -> None:
        self._sign_ins = {text: other for text, other in self._sign_ins.items() if other is not sign_in}
        for access in sign_in.access:
            self._tokens.revoke(access)


def routes() -> list[Route]:
    """The endpoints; the application holds its sign-ins at ``app.state.sandbox.oauth``."""
    return [
        Route(f"{ENDPOINTS}/auth/device", _device, methods=["POST"]),
        Route(f"{ENDPOINTS}/token", _token, methods=["POST"]),
        Route(f"{ENDPOINTS}/logout", _logout, methods=["POST"]),
        Route(VERIFICATION, _verification, methods=["GET", "POST"]),
    ]


async def _device(request: Request) -> Response:
    try:
        content = _of(request).start_device(await _form(request), str(request.base_url))
    except OAuthError as error:
        return error.response()
    return JSONResponse(content, headers=_NO_STORE)


async def _token(request: Request) -> Response:
    try:
        return JSONResponse(_of(request).token(await _form(request)), headers=_NO_STORE)
    except OAuthError as error:
        return error.response()


async def _logout(request: Request) -> Response:
    try:
        _of(request).logout(await _form(request))
    except OAuthError as error:
        return error.response()
    return Response(status_code=204, headers=_NO_STORE)


async def _verification(request: Request) -> Response:
    """The page on which a person approves a device."""
    if request.method == "GET":
        code = request.query_params.get("user_code", "")
        return _page("A program asks to use the sandbox as you. Compare the code, then approve.", code)
    try:
        form = await _form(request)
        code = _needed(form, "user_code")
    except OAuthError as error:
        return _page(error.description, "", error.status)
    approve = form.get("action") == "approve"
    if not approve and form.get("action") != "deny":
        return _page("Approve or deny it.", code, 400)
    if not _of(request).decide(code, approve):
        return _page("No device waits for this code; it may have expired.", code, 400)
    return _page("Approved. You can close this page." if approve else "Denied. You can close this page.")


def _page(message: str, code: str | None = None, status: int = 200) -> Response:
    form = "" if code is None else FORM.format(action=VERIFICATION, code=html.escape(code[:40]))
    headers = {**_NO_STORE, "X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none'"}
    return HTMLResponse(PAGE.format(message=html.escape(message), form=form), status, headers)


def _of(request: Request) -> OAuth:
    found: OAuth = request.app.state.sandbox.oauth
    return found


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "The body has to be application/x-www-form-urlencoded.")
    try:
        raw = await read_body(request, _MOST, request.app.state.sandbox.settings.body_timeout)
    except ProblemError as problem:
        raise OAuthError("invalid_request", problem.detail, problem.status) from problem
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "The body cannot be read.") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise OAuthError("invalid_request", "A parameter is there twice.")
    return dict(pairs)


def _needed(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise OAuthError("invalid_request", f"{name} is missing.")
    return value


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())
