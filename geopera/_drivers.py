"""The two loops that carry out the steps of a generator, sync and async: what is decided is written once, in the generator."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from typing import Any, TypeVar

    R = TypeVar("R")


def run(steps: Generator[Any, Any, R], perform: Callable[[Any], Any]) -> R:
    """Hand what `steps` yields to `perform`, and its result back, or its exception. Returns what `steps` returns."""
    try:
        step = next(steps)
        while True:
            try:
                result = perform(step)
            except BaseException as exc:  # noqa: BLE001 - handed on, into the steps
                step = steps.throw(exc)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        returned: R = stop.value
        return returned
    finally:
        steps.close()


async def arun(steps: Generator[Any, Any, R], perform: Callable[[Any], Awaitable[Any]]) -> R:
    """`run` for an async `perform`."""
    try:
        step = next(steps)
        while True:
            try:
                result = await perform(step)
            except BaseException as exc:  # noqa: BLE001 - handed on, into the steps
                step = steps.throw(exc)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        returned: R = stop.value
        return returned
    finally:
        steps.close()
