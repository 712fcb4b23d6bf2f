"""Running the server: in a thread for tests, or in the foreground for the command line."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from .app import create_app
from .core.state import State
from .wire.auth import DEFAULT_TOKEN

_PATIENCE = 20.0


class Sandbox:
    """A server that is running in a thread.

    Attributes:
        url: its base URL.
        token: the token with every scope.
        app: the ASGI application.
    """

    def __init__(self, url: str, token: str, app: Starlette) -> None:
        self.url = url
        self.token = token
        self.app = app

    @property
    def state(self) -> State:
        """The server's memory. Its store belongs to the server's thread: read it only when nothing runs."""
        state: State = self.app.state.sandbox
        return state

    @property
    def openapi(self) -> object:
        """What is served as /openapi.json (see `create_app`); may be set while the server runs."""
        return self.state.openapi

    @openapi.setter
    def openapi(self, source: Any) -> None:
        self.state.openapi = source
        self.state.openapi_cache = None

    def use_manifest(self, manifest: object) -> None:
        """Answers by another manifest from now on, and describes it in /openapi.json."""
        self.state.use_manifest(manifest)

    def __repr__(self) -> str:
        return f"Sandbox({self.url!r})"


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would raise the signal again after the end; here it is an ordinary way to stop.
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


@contextmanager
def running(
    *, host: str = "127.0.0.1", port: int = 0, token: str = DEFAULT_TOKEN, **options: Any
) -> Iterator[Sandbox]:
    """Runs a server in a thread for as long as the block lasts.

    Args:
        host: a loopback address.
        port: 0 for a free one.
        token: the token with every scope.
        options: those of `create_app`.

    Raises:
        OSError: when the port is taken.
        sqlite3.Error: when the state cannot be kept in the file.
        RuntimeError: when the server does not start.
    """
    app = create_app(token=token, **options)
    with _listen(host, port) as listener:
        _open_store(app)
        ready = threading.Event()
        server = _Server(_config(app), ready.set)
        failures: list[BaseException] = []

        def serve() -> None:
            try:
                asyncio.run(server.serve(sockets=[listener]))
            except BaseException as problem:  # noqa: BLE001 (it is raised in the other thread)
                failures.append(problem)
            finally:
                ready.set()

        thread = threading.Thread(target=serve, name="geopera-sandbox", daemon=True)
        thread.start()
        try:
            if not ready.wait(_PATIENCE) or failures or not server.started:
                raise RuntimeError("the sandbox did not start") from (failures[0] if failures else None)
            yield Sandbox(_url(listener), token, app)
        finally:
            server.should_exit = True
            thread.join(_PATIENCE)


def run(*, host: str = "127.0.0.1", port: int = 8787, **options: Any) -> None:
    """Runs a server in the foreground until SIGINT or SIGTERM, and says so when it accepts connections.

    Args:
        host: where to listen.
        port: 0 for a free one.
        options: those of `create_app`.

    Raises:
        OSError: when the port is taken.
        sqlite3.Error: when the state cannot be kept in the file.
    """
    app = create_app(**options)
    with _listen(host, port) as listener:
        _open_store(app)
        line = f"Geopera sandbox on {_url(listener)}"
        server = _Server(_config(app), lambda: print(line, flush=True))
        server.run(sockets=[listener])


def _open_store(app: Starlette) -> None:
    """Opens the database before anybody is told that the server is there: a file may not be one."""
    state: State = app.state.sandbox
    _ = state.store


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's delay off on what is accepted.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.set_inheritable(False)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
