"""A sandbox without a socket: an event loop in a thread, and an httpx transport that sends it requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.types import Message

from .control.faulty import CutError

_PATIENCE = 20.0


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport to an ASGI application, for sync and async clients, in any thread."""

    def __init__(self, app: Starlette, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        return asyncio.run_coroutine_threadsafe(self._respond(request, content), self._loop).result()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._respond(request, content), self._loop)
        )

    async def _respond(self, request: httpx.Request, content: bytes) -> httpx.Response:
        url = request.url
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 0),
        }
        start: Message = {}
        parts: list[bytes] = []
        messages = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await asyncio.Event().wait()  # the client never disconnects before the response
            raise AssertionError

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        try:
            await self._app(scope, receive, send)
        except CutError as cut:
            raise httpx.RemoteProtocolError(str(cut), request=request) from cut
        return httpx.Response(
            start["status"], headers=start["headers"], content=b"".join(parts), request=request
        )


@contextmanager
def in_loop(app: Starlette) -> Iterator[asyncio.AbstractEventLoop]:
    """Run an application's lifespan in an event loop of its own, in a thread."""
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    failures: list[BaseException] = []

    async def live() -> None:
        async with app.router.lifespan_context(app):
            ready.set()
            await stop.wait()

    def serve() -> None:
        try:
            loop.run_until_complete(live())
        except BaseException as problem:  # noqa: BLE001 - it is raised in the other thread
            failures.append(problem)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=serve, name="geopera-sandbox", daemon=True)
    thread.start()
    ready.wait(_PATIENCE)
    if failures:
        raise RuntimeError("the sandbox did not start") from failures[0]
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_PATIENCE)
