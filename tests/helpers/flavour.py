"""Both clients behind one face, so that a test is written once and runs twice."""

from __future__ import annotations

import asyncio
import inspect
from types import ModuleType
from typing import Any

import geopera


class Flavour:
    """One of the two ways to call: ``flavour(client.orders.get({...}))`` is the response in both.

    The asynchronous one has an event loop of its own, which runs while something is waited for.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.asynchronous = name == "async"
        self._runner = asyncio.Runner()
        self._open: list[Any] = []

    def __repr__(self) -> str:
        return self.name

    def __call__(self, made: Any) -> Any:
        """What a call returned: awaited, where it is to be awaited."""
        if not inspect.isawaitable(made):
            return made

        async def wait() -> Any:
            return await made

        return self._runner.run(wait())

    @property
    def fluent(self) -> Any:
        """The class of the fluent client."""
        return geopera.AsyncGeopera if self.asynchronous else geopera.Geopera

    def client(self, *args: Any, **options: Any) -> Any:
        """A fluent client, closed when the test ends."""
        client = self.fluent(*args, **options)
        self._open.append(client)
        return client

    def low_level(self, cls: Any = geopera.AuthenticatedClient, **settings: Any) -> Any:
        """An `AuthenticatedClient` (or a `Client`), closed when the test ends."""
        client = cls(**settings)
        self._open.append(client)
        return client

    def parsed(self, module: ModuleType, **arguments: Any) -> Any:
        """``sync`` or ``asyncio`` of a low-level module."""
        return self(getattr(module, "asyncio" if self.asynchronous else "sync")(**arguments))

    def detailed(self, module: ModuleType, **arguments: Any) -> Any:
        """``sync_detailed`` or ``asyncio_detailed`` of a low-level module."""
        return self(
            getattr(module, "asyncio_detailed" if self.asynchronous else "sync_detailed")(**arguments)
        )

    def collect(self, iterable: Any) -> list[Any]:
        """All that a lazy object yields."""
        if not self.asynchronous:
            return list(iterable)

        async def gather() -> list[Any]:
            return [one async for one in iterable]

        result: list[Any] = self._runner.run(gather())
        return result

    def close(self) -> None:
        for client in self._open:
            if self.asynchronous:
                self(client.aclose())
            else:
                client.close()
        self._runner.close()
