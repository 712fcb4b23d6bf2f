"""Faults on request, and the record of received calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core.faults import Fault
from ..core.state import State
from ..wire.arrival import read_body
from ..wire.problems import ProblemError, dump

_MOST = 16 << 20
_GARBAGE = b"\x00\xff<html>this is not JSON"
_SURPLUS = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"surplus": true}'
_HIDDEN = frozenset({"authorization", "x-api-key", "cookie"})


class CutError(ConnectionResetError):
    """The connection was cut on request: a server closes it, an in-process transport raises this."""


class Faulty:
    """ASGI middleware around the routes: applies a pending fault, and records every call."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/__sandbox__/"):
            await self.app(scope, receive, send)
            return
        operation = scope["path"].removeprefix("/v1/op/")
        record = _record(scope, operation, self.state.clock())
        self.state.calls.append(record)
        scope["sandbox.call"] = record

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                record["status"] = message["status"]
                record["replayed"] = any(
                    name.lower() == b"idempotent-replayed" for name, _ in message["headers"]
                )
            await send(message)

        fault = self.state.faults.take(operation)
        if fault is None:
            await self.app(scope, receive, noted)
        else:
            record["fault"] = fault.kind
            await self._go_wrong(fault, scope, receive, noted)

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "slow":
            if fault.after_commit:
                start, body = await self._done(scope, receive)
                await asyncio.sleep(fault.seconds)
                await _respond(start, body, send)
                return
            await asyncio.sleep(fault.seconds)
            await self.app(scope, receive, send)
            return
        if fault.kind in ("status", "cut") and not fault.after_commit:
            await _take_in(scope, receive, self.state.settings.body_timeout)
            start, body = {}, b""
        else:
            start, body = await self._done(scope, receive)
        if fault.kind == "status":
            await _error(fault)(scope, receive, send)
        elif fault.kind == "cut":
            await _cut(scope)
        elif fault.kind == "half":
            await _respond(start, body, send, upto=len(body) // 2)
            await _cut(scope)
        elif fault.kind == "garbage":
            text = fault.body if isinstance(fault.body, str) else None
            await _respond(start, _GARBAGE if text is None else text.encode(), send, whole=False)
        else:
            await _respond(start, body, send)
            connection = scope.get("state", {}).get("connection")
            if connection is not None:
                connection.transport.write(_SURPLUS)

    async def _done(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The response of the routes, held back."""
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, keep)
        return start, b"".join(parts)


def note_body(request: Request, body: Any) -> None:
    """Keep the body of a call for its record."""
    record = request.scope.get("sandbox.call")
    if record is not None:
        record["body"] = None if body is ... else body


def _record(scope: Scope, operation: str, now: float) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return {
        "operation": operation,
        "method": scope["method"],
        "path": scope["path"],
        "headers": {name: "***" if name in _HIDDEN else value for name, value in headers.items()},
        "idempotency_key": headers.get("idempotency-key"),
        "body": None,
        "at": now,
        "status": None,
        "replayed": False,
        "fault": None,
    }


async def _take_in(scope: Scope, receive: Receive, seconds: float) -> None:
    """Read the body of a call that is not carried out, for its record."""
    request = Request(scope, receive)
    with contextlib.suppress(ValueError):
        note_body(request, json.loads(await read_body(request, _MOST, seconds) or b"null"))


def _error(fault: Fault) -> Any:
    body = fault.body
    problem = ProblemError(fault.status, f"A fault on request: {fault.status}.", headers=fault.headers)
    response = problem.response()
    if body is not None:
        response.body = dump(body)
        response.headers["content-length"] = str(len(response.body))
    return response


async def _respond(
    start: Message, body: bytes, send: Send, *, upto: int | None = None, whole: bool = True
) -> None:
    headers = [
        pair
        for pair in start["headers"]
        if (pair[0] != b"content-length" if whole else pair[0] == b"content-type")
    ]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({**start, "headers": headers})
    if upto is None:
        await send({"type": "http.response.body", "body": body})
    else:
        await send({"type": "http.response.body", "body": body[:upto], "more_body": True})


async def _cut(scope: Scope) -> None:
    connection = scope.get("state", {}).get("connection")
    if connection is None:
        raise CutError("the connection was cut on request")
    await connection.cut()
