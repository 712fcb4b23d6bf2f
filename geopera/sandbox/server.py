"""Running the server: in a thread for tests, or in the foreground for the command line."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette

from .app import create_app
from .connections import Protocol
from .controls import Controls
from .core.state import State
from .wire.auth import DEFAULT_TOKEN

if TYPE_CHECKING:
    from .inprocess import Transport
    from .tapes.player import Player
    from .tapes.recorder import Recorder

_PATIENCE = 20.0


class Sandbox(Controls):
    """A sandbox that is running in a thread, with its controls as methods.

    Attributes:
        url: Its base URL.
        token: The token with every scope.
        secret: The secret of the control endpoints.
        app: The ASGI application.
        transport: For a sandbox without a socket, the httpx transport (sync and async) that leads to it.
    """

    def __init__(self, url: str, token: str, app: Starlette, transport: Transport | None = None) -> None:
        self.token = token
        self.app = app
        self.transport = transport
        super().__init__(url, self.state.secret, transport)

    @property
    def client_options(self) -> dict[str, Any]:
        """The arguments with which `Geopera` and `AsyncGeopera` use it."""
        options: dict[str, Any] = {"token": self.token, "base_url": self.url}
        if self.transport is not None:
            options["httpx_args"] = {"transport": self.transport}
        return options

    @property
    def state(self) -> State:
        """The state of the server. Its store belongs to the server's thread: read it only while no call runs."""
        state: State = self.app.state.sandbox
        return state

    @property
    def openapi(self) -> object:
        """The content of /openapi.json (see `create_app`); may be set while the server runs."""
        return self.state.openapi

    @openapi.setter
    def openapi(self, source: Any) -> None:
        self.state.openapi = source
        self.state.openapi_cache = None

    def use_manifest(self, manifest: object) -> None:
        """Serve another manifest from now on, and describe it in /openapi.json."""
        self.state.use_manifest(manifest)

    def __repr__(self) -> str:
        return f"Sandbox({self.url!r})"


class _Server(uvicorn.Server):
    """A uvicorn server with a callback for when it accepts connections."""

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
    *, host: str = "127.0.0.1", port: int = 0, token: str | None = None, **options: Any
) -> Iterator[Sandbox]:
    """Run a server in a thread for the duration of a `with` block, which gets the `Sandbox`.

    Args:
        host: The address to listen on. Beyond loopback it warns, and the default token is a random one.
        port: 0 for a free one.
        token: The token with every scope; `sandbox-token` by default.
        options: Those of `create_app`.

    Raises:
        OSError: If the port is taken.
        sqlite3.Error: If the file cannot hold the state.
        RuntimeError: If the server does not start.
    """
    token = token_for(host, token)
    if not is_loopback(host):
        warnings.warn(f"the sandbox listens beyond this machine, on {host}", UserWarning, stacklevel=3)
    app = create_app(token=token, host=host, **options)
    with _threaded(app, host, port) as url:
        yield Sandbox(url, token, app)


@contextmanager
def recording(
    upstream: str, file: str | Path, *, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> Iterator[Recorder]:
    """Run a proxy of an API that writes a cassette, for the duration of a `with` block, which gets the `Recorder`.

    Args:
        upstream: The base URL of the API.
        file: The cassette; it must not exist, and holds no secrets of the run.
        host: Where to listen.
        port: 0 for a free one.
        options: Those of `create_recorder`.

    Raises:
        CassetteError: If the file exists.
        ValueError: If `upstream` is not a URL.
    """
    from .tapes.recorder import create_recorder

    app = create_recorder(upstream, file, host=host, **options)
    with _threaded(app, host, port):
        yield app.state.recorder


@contextmanager
def replaying(
    file: str | Path, *, host: str = "127.0.0.1", port: int = 0, strict: bool = True, **options: Any
) -> Iterator[Player]:
    """Run a server that plays a cassette, for the duration of a `with` block, which gets the `Player`.

    Args:
        file: The cassette.
        host: Where to listen.
        port: 0 for a free one.
        strict: Raise at the end of the block if there was a request that the cassette does not have.
        options: Those of `create_player`.

    Raises:
        CassetteError: If the file is not a cassette; at the end of the block, if it lacked a request.
        OSError: If the file cannot be read.
    """
    from .tapes.cassette import CassetteError
    from .tapes.player import create_player

    app = create_player(file, host=host, **options)
    player: Player = app.state.player
    with _threaded(app, host, port):
        yield player
    if strict and player.unknown:
        raise CassetteError(f"{file}: not recorded: {' '.join(player.unknown[:3])}")


@contextmanager
def _threaded(app: Starlette, host: str, port: int) -> Iterator[str]:
    """Run an application in a thread; its URL."""
    with _listen(host, port) as listener:
        url = _settle(app, listener)
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
            yield url
        finally:
            server.should_exit = True
            thread.join(_PATIENCE)


@contextmanager
def in_process(*, token: str = DEFAULT_TOKEN, **options: Any) -> Iterator[Sandbox]:
    """Run a sandbox without a socket: `sandbox.transport` is an httpx transport to it.

    Responses arrive whole, also those of streams. URLs in responses work with this transport only.

    Args:
        token: The token with every scope.
        options: Those of `create_app`.
    """
    from .inprocess import Transport, in_loop

    app = create_app(token=token, **{"public_url": "http://localhost", **options})
    with in_loop(app) as loop:
        yield Sandbox("http://localhost", token, app, Transport(app, loop))


def run(
    *,
    host: str = "127.0.0.1",
    port: int = 8787,
    started: Callable[[str, str, str], None],
    token: str | None = None,
    **options: Any,
) -> None:
    """Run a server in the foreground until SIGINT or SIGTERM.

    Args:
        host: Where to listen.
        port: 0 for a free one.
        started: Called with the URL, the token and the secret when it accepts connections.
        token: The token with every scope; None: `sandbox-token` on loopback, else a random one.
        options: Those of `create_app`.

    Raises:
        OSError: If the port is taken.
        sqlite3.Error: If the file cannot hold the state.
    """
    token = token_for(host, token)
    app = create_app(host=host, token=token, **options)
    state: State = app.state.sandbox
    serve_app(app, host, port, lambda url: started(state.base or url, token, state.secret))


def serve_app(app: Starlette, host: str, port: int, started: Callable[[str], None]) -> None:
    """Run an application in the foreground; `started` is called with its URL when it accepts connections.

    Raises:
        OSError: If the port is taken.
    """
    with _listen(host, port) as listener:
        url = _settle(app, listener)
        _Server(_config(app), lambda: started(url)).run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_for(host: str, token: str | None) -> str:
    """The token to accept: the well-known default on loopback only."""
    return token or (DEFAULT_TOKEN if is_loopback(host) else f"gpra_{secrets.token_urlsafe(24)}")


def _settle(app: Starlette, listener: socket.socket) -> str:
    """Set the URL of an application before the server accepts connections; returns it."""
    url = _url(listener)
    for name in ("recorder", "player"):
        if hasattr(app.state, name):
            getattr(app.state, name).url = url
    if hasattr(app.state, "sandbox"):
        state: State = app.state.sandbox
        _ = state.store  # opened now: a file may be no database
        if state.base is None:
            state.base = url
    return url


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        h11_max_incomplete_event_size=64 << 10,
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
    # With the protocol named, asyncio disables Nagle's algorithm on accepted connections.
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
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
