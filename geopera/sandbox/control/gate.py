"""The outermost check: Host and Origin of requests to a server on loopback.

A web page can make a browser send requests to this machine, under a name that its own DNS server maps to it. So the
Host header must be a name of this server, and an Origin must be a page of this machine.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core.state import Settings
from ..wire.problems import ProblemError

_HOST = re.compile(r"(?a:(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?)", re.IGNORECASE)
_OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})
_EVERY = frozenset({"0.0.0.0", "::", ""})


class Gate:
    """ASGI middleware for these checks. It also ends the time limit of the head on the connection."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        named = {name.lower() for name in (settings.host, *settings.allowed_hosts)}
        if settings.public_url:
            named.add((urlsplit(settings.public_url).hostname or "").lower())
        self._names = _OWN | {f"[{name}]" if ":" in name else name for name in named - _EVERY}
        # A server for other machines does not know all its addresses; DNS cannot rebind an address.
        self._addresses = settings.host in _EVERY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        connection = scope.get("state", {}).get("connection")
        if connection is not None:
            connection.busy(True)
        try:
            await self._serve(scope, receive, send)
        finally:
            if connection is not None:
                connection.busy(False)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1 or not self._known(hosts[0]):
            await _refused(421, "The Host header does not name this server.")(scope, receive, send)
            return
        if any(not self._page(origin) for origin in origins):
            await _refused(403, "The Origin is not a page of this machine.")(scope, receive, send)
            return
        if not origins:
            await self.app(scope, receive, send)
            return
        shared = [(b"access-control-allow-origin", origins[0].encode("latin-1")), (b"vary", b"Origin")]
        if scope["method"] == "OPTIONS":
            allowed = {"Access-Control-Allow-Methods": "GET, POST, PUT", "Access-Control-Max-Age": "600"}
            allowed["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, Idempotency-Key, X-API-Key"
            )
            response = Response(status_code=204, headers=allowed)
            response.raw_headers.extend(shared)
            await response(scope, receive, send)
            return

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *shared]
            await send(message)

        await self.app(scope, receive, readable)

    def _known(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].lower()
        return name in self._names or (self._addresses and _is_address(name))

    def _page(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        return scheme in ("http", "https") and self._known(host)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _refused(status: int, detail: str) -> Response:
    return ProblemError(status, detail, headers={"Connection": "close"}).response()
