"""Authentication: tokens, organisations, scopes."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from .problems import ProblemError

DEFAULT_TOKEN = "sandbox-token"
DEFAULT_ORGANISATION = "org-sandbox"


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a token. Without a token (public operations) `anonymous` is true."""

    organisation: str
    principal: str = "key-sandbox"
    kind: str = "api_key"
    scopes: frozenset[str] | None = None  # None: all of them
    anonymous: bool = False

    def allowed(self, scope: str | None) -> bool:
        """Whether the token has a scope, also by a wildcard such as `orders:*` or `*`."""
        if scope is None or self.scopes is None:
            return True
        return scope in self.scopes or "*" in self.scopes or scope.split(":")[0] + ":*" in self.scopes


class Tokens:
    """The tokens that the server knows.

    Args:
        token: One token with every scope, of the organisation `org-sandbox`.
        more: Token -> {"scopes": [...] or None, "organization": id, "principal": id, "type": kind}.
        clock: Seconds since the epoch, for tokens that expire.
    """

    def __init__(
        self,
        token: str,
        more: Mapping[str, Mapping[str, Any]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._expiring: dict[str, tuple[Caller, float]] = {}
        self._callers: dict[bytes, Caller] = {token.encode(): Caller(DEFAULT_ORGANISATION)}
        for text, facts in (more or {}).items():
            scopes = facts.get("scopes")
            self._callers[text.encode()] = Caller(
                organisation=facts.get("organization", DEFAULT_ORGANISATION),
                principal=facts.get("principal", "key-sandbox"),
                kind=facts.get("type", "api_key"),
                scopes=None if scopes is None else frozenset(scopes),
            )
        self.organisations = frozenset(caller.organisation for caller in self._callers.values())

    def issue(self, token: str, caller: Caller, until: float) -> None:
        """Accept a token until a time of the clock. It is random, so that the timing of a look-up reveals nothing."""
        now = self._clock()
        self._expiring = {text: found for text, found in self._expiring.items() if found[1] > now}
        self._expiring[token] = (caller, until)

    def revoke(self, token: str) -> None:
        """Stop accepting an issued token; an unknown one is not an error."""
        self._expiring.pop(token, None)

    def identify(self, request: Request, *, public: bool = False) -> Caller:
        """The caller of a request. Raises a 401 problem without a token (unless `public`) or with a wrong one."""
        header = request.headers.get("authorization")
        text: str | None = None
        if header is not None:
            kind, _, text = header.partition(" ")
            if kind.lower() != "bearer" or not text.strip():
                raise _unauthorised("The Authorization header does not hold a bearer token.")
            text = text.strip()
        else:
            text = request.headers.get("x-api-key")
        if text is None:
            if public:
                address = request.client.host if request.client else "unknown"
                return Caller("public", principal=address, kind="anonymous", anonymous=True)
            raise _unauthorised("A bearer token or an X-API-Key header is needed.")
        given = text.encode()
        for known, caller in self._callers.items():
            if hmac.compare_digest(known, given):
                return caller
        issued = self._expiring.get(text)
        if issued is not None and issued[1] > self._clock():
            return issued[0]
        raise _unauthorised("The token is unknown or has expired.")


def check_scope(caller: Caller, scope: str | None) -> None:
    """Raises a 403 problem when the token lacks the scope."""
    if not caller.anonymous and not caller.allowed(scope):
        raise ProblemError(403, f"The token lacks the scope {scope!r}.", required_scope=scope)


def userinfo(caller: Caller) -> dict[str, str]:
    """The identity document of a caller."""
    return {
        "sub": caller.principal,
        "geopera_principal_id": caller.principal,
        "geopera_principal_type": caller.kind,
        "geopera_org_id": caller.organisation,
    }


def _unauthorised(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": "Bearer"})
