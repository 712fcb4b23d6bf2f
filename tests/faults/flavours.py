"""Both clients behind one plain face, so that a test is written once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import geopera

from .plan import Plan
from .proxy import FaultProxy

TOKEN = "test-token"


class Caller:
    """`with Caller("sync" or "async", url, **options) as caller: caller("orders.get", {...})`.

    The asynchronous client lives in an event loop of its own, which runs while a call is made.
    """

    def __init__(self, flavour: str, url: str, *, token: str | None = TOKEN, **options: Any) -> None:
        self.flavour = flavour
        cls = geopera.AsyncGeopera if flavour == "async" else geopera.Geopera
        self.client: Any = cls(token, url, **options)
        if flavour == "async":
            self._runner = asyncio.Runner()

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.flavour == "async":
            self.run(self.client.__aexit__(None, None, None))
            self._runner.close()
        else:
            self.client.__exit__(None, None, None)

    def run(self, made: Any) -> Any:
        """What a method of the client returned: waited for, where it is to be awaited."""
        if self.flavour == "sync":
            return made

        async def wait() -> Any:
            return await made

        return self._runner.run(wait())

    def __call__(self, operation: str, body: Any = None, *, client: Any = None, **call: Any) -> Any:
        proxy = functools.reduce(getattr, operation.split("."), client or self.client)
        return self.run(proxy(body, **call))

    def invoke(self, operation: str, body: Any = None, **call: Any) -> Any:
        return self.run(self.client.invoke(operation, body, **call))


@contextmanager
def behind(
    flavour: str, server: Any, *first: str | None, delay: float = 1.0, retry_after: int = 0, **options: Any
) -> Iterator[tuple[FaultProxy, Caller]]:
    """A proxy before `server`, whose first attempts get the faults `first`, and a client before that."""
    proxy = FaultProxy(server.server_port, Plan(first=first), delay=delay, retry_after=retry_after)
    with proxy, Caller(flavour, proxy.url, **options) as caller:
        yield proxy, caller
