"""The server of `--replay`: responds from a cassette, and with an error to other requests."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..control.gate import Gate
from ..core.state import Settings
from ..wire.arrival import SECONDS, read_body
from ..wire.problems import ProblemError
from . import cassette
from .recorder import METHODS, MOST, path_of, rewritten
from .redaction import Redaction


class Player:
    """The exchanges of a cassette, by their requests.

    The same request gets its recorded responses in order, then the last one again, so that a polled status changes as
    it did.

    Attributes:
        unknown: The requests that are not in the cassette.
    """

    def __init__(self, file: Any) -> None:
        self.url = ""  # of this server; set when it listens
        self.unknown: list[str] = []
        self._waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._requests: list[cassette.Request] = []
        for request, response in cassette.read(file):
            self._waiting[request.key].append(response)
            self._requests.append(request)

    @property
    def client_options(self) -> dict[str, Any]:
        """The arguments with which `Geopera` and `AsyncGeopera` use it; any token is accepted."""
        return {"token": "replayed", "base_url": self.url}

    def take(self, request: cassette.Request) -> dict[str, Any]:
        """The next response to a request. Raises a 501 problem for one that was not recorded."""
        found = self._waiting.get(request.key)
        if found:
            return found.pop(0) if len(found) > 1 else found[0]
        detail = self._difference(request)
        self.unknown.append(detail)
        print(f"not recorded: {detail}", file=sys.stderr, flush=True)
        # No client retries 501, and no program takes it for a result.
        raise ProblemError(501, detail, title="Not recorded")

    def _difference(self, request: cassette.Request) -> str:
        same = [one for one in self._requests if (one.method, one.path) == (request.method, request.path)]
        if not same:
            return f"{request.operation}: the cassette holds no request of it."
        near = max(same, key=lambda one: len(_members(one).items() & _members(request).items()))
        was, now = _members(near), _members(request)
        names = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
        parts = [
            f"{name} was {was.get(name, 'absent')[:80]}, is {now.get(name, 'absent')[:80]}" for name in names
        ]
        return f"{request.operation}: the cassette holds {len(same)} of it, none with this body: {'; '.join(parts)}."


def create_player(file: Any, *, host: str = "127.0.0.1", allowed_hosts: tuple[str, ...] = ()) -> Starlette:
    """An ASGI application that plays a cassette. The player is at `app.state.player`.

    Args:
        file: The cassette.
        host: The address that it listens on.
        allowed_hosts: Further names in the Host header.

    Raises:
        CassetteError: If the file is not a cassette.
        OSError: If it cannot be read.
    """
    app = Starlette(
        routes=[Route("/{path:path}", _play, methods=METHODS)], exception_handlers={ProblemError: _respond}
    )
    app.add_middleware(Gate, settings=Settings(host=host, allowed_hosts=allowed_hosts))
    app.state.player = Player(file)
    return app


async def _play(request: Request) -> Response:
    player: Player = request.app.state.player
    path, _, query = path_of(request).partition("?")
    kind = request.headers.get("content-type", "")

    def stored(url: str) -> str:
        rest = url.removeprefix(player.url)
        return cassette.BASE + rest if rest != url and rest[:1] in ("", "/", "?", "#") else url

    body = rewritten(await read_body(request, MOST, 10 * SECONDS), kind, stored)
    asked = cassette.request_of(request.method, path, query, request.headers, body, Redaction())
    response = player.take(asked)
    headers = {
        name: player.url + value.removeprefix(cassette.BASE) if value.startswith(cassette.BASE) else value
        for name, value in response["headers"].items()
    }
    return Response(cassette.decoded(response["body"], player.url), response["status"], headers)


def _members(request: cassette.Request) -> dict[str, str]:
    """The parts of a request by name, as texts that can be compared and shown."""
    body = (request.body or {}).get("json")
    parts = body if isinstance(body, dict) else {"body": request.body} if request.body else {}
    made = {name: json.dumps(value, sort_keys=True) for name, value in parts.items()}
    made |= {f"?{name}": json.dumps(value) for name, value in request.query}
    return made | ({"Range": request.range} if request.range else {})


async def _respond(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, ProblemError)
    return problem.response()
