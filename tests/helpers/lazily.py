"""Taking lazy results in parts, whichever client they come from."""

from __future__ import annotations

from typing import Any

from geopera.errors import GeoperaError
from helpers.flavour import Flavour


def step(flavour: Flavour, values: Any) -> Any:
    """The next value."""
    if not flavour.asynchronous:
        return next(values)

    async def one() -> Any:
        return await anext(values)

    return flavour(one())


def until_error(flavour: Flavour, values: Any) -> tuple[list[Any], GeoperaError | None]:
    """All values up to the end, and the error that was the end, if one was."""
    found: list[Any] = []
    try:
        if flavour.asynchronous:

            async def gather() -> None:
                async for value in values:
                    found.append(value)

            flavour(gather())
        else:
            for value in values:
                found.append(value)
    except GeoperaError as exc:
        return found, exc
    return found, None


def leave_early(flavour: Flavour, values: Any, count: int) -> list[Any]:
    """The first values of a loop that is left by `break`."""
    found: list[Any] = []
    if not flavour.asynchronous:
        for value in values:
            found.append(value)
            if len(found) == count:
                break
        return found

    async def loop() -> None:
        async for value in values:
            found.append(value)
            if len(found) == count:
                break

    flavour(loop())
    settle(flavour)
    return found


def settle(flavour: Flavour) -> None:
    """Let the event loop do what was only just begun, such as closing what was left."""
    if flavour.asynchronous:
        import asyncio

        flavour(asyncio.sleep(0.02))


def shut(flavour: Flavour, values: Any) -> None:
    """Close a lazy result."""
    if flavour.asynchronous:
        flavour(values.aclose())
    else:
        values.close()
