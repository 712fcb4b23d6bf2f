"""`SignIn`: the OAuth tokens of a profile, refreshed before they expire and after a 401.

A refresh token can be used once (RFC 9700, 4.14), and the command line takes no lock: the store is read directly
before a refresh, and again if the server refuses it.
"""

from __future__ import annotations

import os
import time

from .._secrets import Redactor, Secret, token_value
from ..errors import CredentialsError
from . import store
from .credentials import Credential
from .lock import locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # (url, form) -> (status, body); raises what the transport raises.
    Post = Callable[[str, dict[str, Any]], tuple[int, bytes]]

ENDPOINT = "/realms/public/protocol/openid-connect/"
CLIENT_ID = "geopera-cli"


class SignIn(Credential):
    """The sign-in of a profile. `post` sends a form; it is set by the client that uses it."""

    renewable = True

    def __init__(self, profile: store.Profile, source: str) -> None:
        super().__init__(profile.token, source)
        self.name = profile.name
        self.expires_at = profile.expires_at
        self.post: Post | None = None

    def renew(self, failed: Secret | None) -> None:
        with locked(store.path()):
            if self.current is not failed and not self.due():
                return  # another thread was first
            profile = self._read()
            if self._adopt(profile, failed):
                return
            sent = profile.refresh_token
            if sent is None:
                raise self._ended("it holds no refresh token")
            if not os.access(os.path.dirname(os.path.realpath(store.path())), os.W_OK):
                raise self._ended(
                    f"{store.path()} cannot be written, and the server takes each refresh token once"
                )
            status, content = self._send(profile, sent)
            if status == 200:
                self._accept(profile, content)
                return
            error = _error(content)
            if error == "invalid_grant":
                profile = self._read()
                theirs = profile.refresh_token
                if theirs is not None and theirs != sent and self._adopt(profile, failed):
                    return
            raise self._ended(f"the server refused the refresh ({_shown(status, error)})")

    def _read(self) -> store.Profile:
        profiles, fault = store.read()
        profile = profiles.get(self.name)
        if profile is None or profile.token is None or profile.is_api_key:
            raise self._ended(fault or "it is signed out")
        for secret in (profile.token, profile.refresh_token):
            if secret is not None and secret not in self.known:
                self.known = [*self.known, secret]
        return profile

    def _adopt(self, profile: store.Profile, failed: Secret | None) -> bool:
        """Take the token of the store if it is another one than the one that failed, and has not expired."""
        token, end = profile.token, profile.expires_at
        refused = failed if failed is not None else self.current
        left = None if end is None else end - time.time()
        if token is None or token == refused or (left is not None and left <= 0):
            return False
        self.take(token_value(token, f"the access token of profile {self.name!r}"), end, life=left)
        return True

    def _send(self, profile: store.Profile, sent: Secret) -> tuple[int, bytes]:
        url = profile.issuer
        if url is None or self.post is None:
            raise self._ended("it does not name the server that issued it")
        check_origin(url)
        form = {"grant_type": "refresh_token", "refresh_token": sent, "client_id": CLIENT_ID}
        try:
            return self.post(url + ENDPOINT + "token", form)
        except Exception as exc:  # noqa: BLE001 - whatever a transport raises
            reason = type(exc).__name__
            Redactor(self.known).exception(exc)
        raise self._ended(f"{_host(url)} cannot be reached ({reason})")

    def _accept(self, profile: store.Profile, content: bytes) -> None:
        changes = _tokens(content)
        if changes is None:
            raise self._ended("the response of the server holds no access token")
        now, life = time.time(), changes.pop("expires_in")
        changes["expires_at"] = None if life is None else now + life
        changes["issuer"] = profile.issuer
        fault = store.update(self.name, changes)
        token: Secret = token_value(changes["access_token"], f"the access token of profile {self.name!r}")
        self.known = [
            *self.known,
            *(v for v in changes.values() if isinstance(v, Secret) and v not in self.known),
        ]
        self.take(token, changes["expires_at"], life=life)
        if fault is not None:
            from warnings import warn

            warn(f"the renewed sign-in of profile {self.name!r} is lost for others: {fault}", stacklevel=2)

    def _ended(self, why: str) -> CredentialsError:
        named = "" if self.name == "default" else f" --profile {self.name}"
        return CredentialsError(
            f"the sign-in of profile {self.name!r} has ended and cannot be renewed: {why}. Run 'geopera login{named}'"
        )


def check_origin(url: str) -> None:
    """Raise ValueError if a refresh token would be sent unencrypted to another machine."""
    if url.lower().startswith("http://") and not is_loopback(url):
        raise CredentialsError(f"the issuer is http:// to {_host(url)}: a token would be sent unencrypted")


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, by its host name or address only."""
    host = _host(url).rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()


def _shown(status: int, error: str | None) -> str:
    return f"{status} {error}" if error else str(status)


# The functions below hold tokens as text, and raise nothing.


def _json(content: bytes) -> dict[str, Any]:
    from json import loads

    try:
        data = loads(content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _error(content: bytes) -> str | None:
    error = _json(content).get("error")
    known = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope")  # fmt: skip
    return error if error in known else None


def _tokens(content: bytes) -> dict[str, Any] | None:
    data = _json(content)
    access, refresh, life, scope = (
        data.get(n) for n in ("access_token", "refresh_token", "expires_in", "scope")
    )
    if not isinstance(access, str) or not access:
        return None
    if isinstance(life, bool) or not isinstance(life, (int, float)) or not 0 < life < 1e10:
        life = None
    changes: dict[str, Any] = {"access_token": Secret(access), "expires_in": life}
    if isinstance(refresh, str) and refresh:
        changes["refresh_token"] = Secret(refresh)
    if isinstance(scope, str) and scope:
        changes["scope"] = scope
    return changes
