"""Shared by all tests: no network but loopback, and a sandbox to talk to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

import pytest
from helpers import clean_room  # noqa: F401 - first of all
from helpers.flavour import Flavour
from helpers.raw import RawServer, Script
from helpers.wire import Asked, Reply, Wire

from geopera.sandbox import Sandbox, running

_LOOPBACK_NAMES = ("localhost", "", None)


def _is_loopback(host: object) -> bool:
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ip_address(str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A connection, or a look-up of a name, beyond this machine fails the test that asked for it."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    real_lookup = socket.getaddrinfo

    def guarded(name: str) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            internet = self.family in (socket.AF_INET, socket.AF_INET6)
            if internet and not _is_loopback(address[0]):
                raise AssertionError(f"a test tried to reach {address!r}")
            return real[name](self, address)

        return connect

    def lookup(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not _is_loopback(name):
            raise socket.gaierror(socket.EAI_NONAME, f"a test tried to look up {name!r}")
        return real_lookup(host, *args, **options)

    patch = pytest.MonkeyPatch()
    for name in real:
        patch.setattr(socket.socket, name, guarded(name))
    patch.setattr(socket, "getaddrinfo", lookup)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _no_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The sign-in of whoever runs the tests is none of theirs."""
    from geopera._auth import store

    patch = pytest.MonkeyPatch()
    nowhere = str(tmp_path_factory.mktemp("no-store") / "credentials.json")
    patch.setattr(store, "path", lambda: nowhere)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One server for the whole session: fast (an order takes 0.15 s), rich, without rate limits.

    Tests share it, so they look only at what they made themselves.
    """
    with running(speed=200, credits=1_000_000_000) as server:
        yield server


@pytest.fixture
def make_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Starts further servers, with the options of `geopera.sandbox.running`; they end with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running(**options))


@pytest.fixture(params=["sync", "async"])
def flavour(request: pytest.FixtureRequest) -> Iterator[Flavour]:
    """Runs a test with both clients: ``flavour(client.orders.get({...}))``. See `Flavour`."""
    made = Flavour(request.param)
    yield made
    made.close()


@pytest.fixture
def client(flavour: Flavour, sandbox: Sandbox) -> Any:
    """A fluent client of the sandbox, of either flavour."""
    return flavour.client(sandbox.token, sandbox.url)


@pytest.fixture
def serve() -> Iterator[Callable[..., Wire]]:
    """Starts servers whose responses the test writes (see `Wire`); they end with the test."""
    with ExitStack() as stack:

        def start(reply: Callable[[Asked], Reply]) -> Wire:
            wire = Wire(reply)
            stack.callback(wire.close)
            return wire

        yield start


@pytest.fixture
def serve_raw() -> Iterator[Callable[..., RawServer]]:
    """Starts servers that a test writes byte by byte (see `RawServer`); they end with the test."""
    with ExitStack() as stack:

        def start(script: Script) -> RawServer:
            server = RawServer(script)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture(params=["httpx", pytest.param("httpx2", marks=pytest.mark.slow)])
def http_library(request: pytest.FixtureRequest) -> str:
    """The name of an HTTP library; a test runs with each, in the slow tests with the second."""
    if request.param != "httpx":
        pytest.importorskip(request.param, reason="httpx2 is not installed")
    return str(request.param)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of loops over calls, before another attempt for example, are not slept."""
    from geopera._loops import drive as _drive

    async def pause(seconds: float) -> None:
        assert 0 <= seconds <= 60

    class Clock:
        @staticmethod
        def sleep(seconds: float) -> None:
            assert 0 <= seconds <= 60

    monkeypatch.setattr(_drive, "time", Clock)
    monkeypatch.setattr(_drive, "sleep", pause)
