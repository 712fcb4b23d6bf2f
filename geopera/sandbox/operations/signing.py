"""Signed URLs: a name, its expiry, and a signature over both and the method."""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request

from ..core.state import State
from ..wire.problems import ProblemError


def query(state: State, name: str, now: float, method: str = "GET") -> str:
    """The query of a signed URL."""
    expires = int(now + state.url_lifetime)
    return f"expires={expires}&signature={_sign(state.signing_key, name, expires, method)}"


def check(request: Request, state: State, name: str) -> None:
    """Raises a 400 problem for a request with credentials (another host must not get them), 403 for a wrong
    signature, 410 for an expired URL."""
    for header in ("authorization", "x-api-key"):
        if header in request.headers:
            raise ProblemError(400, f"A signed URL takes no {header} header.")
    try:
        expires = int(request.query_params.get("expires", ""))
    except ValueError:
        raise ProblemError(403, "The URL is not signed.") from None
    given = request.query_params.get("signature", "")
    method = "PUT" if request.method == "PUT" else "GET"
    if not hmac.compare_digest(given.encode(), _sign(state.signing_key, name, expires, method).encode()):
        raise ProblemError(403, "The signature of the URL is wrong.")
    if expires <= state.clock():
        raise ProblemError(410, "The URL has expired.")


def _sign(key: bytes, name: str, expires: int, method: str) -> str:
    return hmac.new(key, f"{method}\n{name}\n{expires}".encode(), hashlib.sha256).hexdigest()
