"""A server that behaves like the Geopera API, for tests and demonstrations.

Needs the extra `geopera[sandbox]`. From a shell: `python -m geopera sandbox`. In a program:

    from geopera.sandbox import running

    with running(speed=100) as server:
        ...  # server.url, server.token

docs/sandbox.md describes what it imitates and what it does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import create_app
    from .controls import Controls, Received
    from .server import Sandbox, in_process, recording, replaying, run, running
    from .tapes.cassette import CassetteError
    from .wire.examples import example, example_body

__all__ = [
    "CassetteError",
    "Controls",
    "Received",
    "Sandbox",
    "create_app",
    "example",
    "example_body",
    "in_process",
    "recording",
    "replaying",
    "run",
    "running",
]

_HOMES = {
    "CassetteError": "tapes.cassette",
    "Controls": "controls",
    "Received": "controls",
    "in_process": "server",
    "Sandbox": "server",
    "create_app": "app",
    "example": "wire.examples",
    "example_body": "wire.examples",
    "recording": "server",
    "replaying": "server",
    "run": "server",
    "running": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
