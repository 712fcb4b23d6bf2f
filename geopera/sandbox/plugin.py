"""The pytest plugin: a sandbox and its clients as fixtures.

pytest loads this file in every run of an environment that has the extra, so it imports nothing else. The server starts
with the first test that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..fluent import AsyncGeopera, Geopera
    from .server import Sandbox


@pytest.fixture(scope="session")
def _geopera_sandbox_server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    try:
        from .server import in_process, running
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(
            f'the fixture needs {missing.name}: pip install "geopera[sandbox]>=3"'
        ) from missing
    options: dict[str, Any] = {"speed": float(request.config.getini("geopera_sandbox_speed"))}
    start = in_process if request.config.getini("geopera_sandbox_in_process") else running
    with start(**options) as server:
        yield server


@pytest.fixture
def geopera_sandbox(_geopera_sandbox_server: Sandbox) -> Iterator[Sandbox]:
    """A sandbox of the Geopera API: one server for the session, in a clean state for every test."""
    _geopera_sandbox_server.reset()
    yield _geopera_sandbox_server
    _geopera_sandbox_server.reset()


@pytest.fixture
def geopera_api_key(geopera_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """The sandbox's token. The environment has it, and the sandbox's URL, in the variables that the client reads."""
    monkeypatch.setenv("GEOPERA_API_TOKEN", geopera_sandbox.token)
    monkeypatch.setenv("GEOPERA_API_URL", geopera_sandbox.url)
    return geopera_sandbox.token


@pytest.fixture
def geopera_client(geopera_sandbox: Sandbox) -> Iterator[Geopera]:
    """A `Geopera` client of the sandbox; closed after the test."""
    from geopera import Geopera

    with Geopera(**geopera_sandbox.client_options) as client:
        yield client


@pytest.fixture
def async_geopera_client(geopera_sandbox: Sandbox) -> AsyncGeopera:
    """An `AsyncGeopera` client of the sandbox; `async with` it, or close it, in the test's event loop."""
    from geopera import AsyncGeopera

    return AsyncGeopera(**geopera_sandbox.client_options)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings of the fixtures to pytest's configuration."""
    parser.addini("geopera_sandbox_speed", "the factor by which orders and jobs are faster", default="1")
    parser.addini(
        "geopera_sandbox_in_process", "run the sandbox without a socket", type="bool", default=False
    )
