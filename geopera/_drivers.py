"""The two loops that carry out the steps of a generator, sync and async. The decisions are in the generator, once."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from typing import Any, TypeVar

    R = TypeVar("R")


def run(steps: Generator[Any, Any, R], perform: Callable[[Any], Any]) -> R:
    """Pass each value that `steps` yields to `perform`, and send its result or exception back.

    Returns the result of `steps`.
    """
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
