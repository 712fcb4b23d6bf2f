"""A request in a thread or a task of its own, so that its caller can stop waiting for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .._call.stops import ClosedBeforeSending, NotSentInTime, TotalTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .streams import Watch


def in_a_thread(work: Callable[[], Any], watch: Watch, deadline: float) -> Any:
    """The result of `work`, or `TotalTimeout` at the deadline, whatever `work` waits for by then.

    Nothing can interrupt a read of a head that arrives byte by byte, so this thread waits and another one reads.
    """
    from contextvars import copy_context
    from threading import Event, Lock, Thread

    ended, lock = Event(), Lock()
    result: list[Any] = []

    def run() -> None:
        try:
            found: Any = (True, work())
        except BaseException as exc:  # noqa: BLE001 - handed on, to whoever waits
            found = (False, exc)
        with lock:
            result.append(found)
            unwanted = watch.given_up
        ended.set()
        if unwanted:
            _release(found)

    Thread(target=copy_context().run, args=(run,), name="geopera-call", daemon=True).start()
    try:
        ended.wait(max(deadline - time.monotonic(), 0))
    finally:
        with lock:
            if not result:
                watch.give_up()
    if not result:
        raise _late(watch)
    succeeded, value = result[0]
    if not succeeded:
        raise value
    return value


def _late(watch: Watch) -> TotalTimeout:
    return NotSentInTime("no connection in time") if watch.unsent else TotalTimeout("no response in time")


def _release(found: tuple[bool, Any]) -> None:
    succeeded, reply = found
    if succeeded and reply.http is not None:
        reply.http.close()


async def in_a_task(
    work: Coroutine[Any, Any, Any], watch: Watch, deadline: float | None, tasks: dict[Any, Watch]
) -> Any:
    """The result of `work`. If the waiting task is cancelled or the deadline passes, `work` still ends in order.

    The pools of httpx and httpx2 lose a slot when a task is cancelled while it acquires or releases a connection, and
    anyio loses the connection itself when a task is cancelled while it connects. See `all_given_up`.
    """
    from asyncio import CancelledError, ensure_future, shield, wait

    task = ensure_future(work)
    tasks[task] = watch
    task.add_done_callback(tasks.pop)
    try:
        if deadline is None:
            return await shield(task)
        await wait({task}, timeout=max(deadline - time.monotonic(), 0))
        if task.done():
            return task.result()
    except CancelledError:
        if task.done() and task.cancelled():  # from within: the client was closed
            raise ClosedBeforeSending("the client was closed while the call ran") from None
        watch.give_up(task, _released)
        raise
    watch.give_up(task, _released)
    raise _late(watch)


async def all_given_up(tasks: dict[Any, Watch]) -> None:
    """Give up requests that are in progress, and wait until each has ended in order.

    One that still connects is cancelled after half a second: to a host that does not respond, it would take its whole
    timeout.
    """
    from asyncio import current_task, wait

    this = current_task()  # the client may be closed in a hook of a request
    others = {task: watch for task, watch in tasks.items() if task is not this}
    for task, watch in others.items():
        watch.give_up(task)
    if others:
        _, connecting = await wait(others, timeout=0.5)
        for task in connecting:
            task.cancel()
        if connecting:
            await wait(connecting, timeout=0.5)


def _released(task: Any) -> None:
    """Close the unused result of a task."""
    if task.cancelled() or task.exception() is not None:
        return
    reply = task.result()
    if reply.http is not None:
        from .bodies import in_background

        in_background(reply.http.aclose())
