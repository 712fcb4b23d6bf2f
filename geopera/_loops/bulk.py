"""One operation over many bodies: the plan."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .._call.limits import RateLimiter
from .drive import END, Emit, Join, Pull, Start, iterate
from .progress import needs_tqdm, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..client import Client
    from .drive import AsyncIteration, Caller, Iteration, Plan
    from .progress import Silent

_MOST = 100  # as many as there are connections


def map_bodies(
    caller: Caller, id: str, bodies: Any, *, concurrency: int, progress: Any, rate_limit: str | None
) -> Iteration | AsyncIteration:
    """An iterator over the results of one operation for each of many bodies, in their order."""
    if isinstance(concurrency, bool) or not isinstance(concurrency, int):
        raise TypeError(f"concurrency must be a whole number, not {concurrency!r}")
    if not 1 <= concurrency <= _MOST:
        raise ValueError(f"concurrency must be from 1 to {_MOST}, not {concurrency}")
    if rate_limit not in ("auto", None):
        raise ValueError(f"rate_limit is 'auto' or None, not {rate_limit!r}")
    endpoint = caller._any_endpoint(id)
    operation = endpoint.operation
    if operation.streaming:
        raise TypeError(f"{id} streams its records; map() runs operations with one answer each")
    context = caller._context()
    if rate_limit == "auto" and context.limiter is None:
        context = context.replace({"limiter": _limiter_of(caller._client)})

    def steps_of(body: Any) -> Any:
        return caller._steps(endpoint, body, {}, context=context)

    asynchronous = caller._asynchronous and hasattr(bodies, "__aiter__")
    source = bodies.__aiter__() if asynchronous else iter(bodies)
    total = len(bodies) if hasattr(bodies, "__len__") else None
    needs_tqdm(progress)
    plan = _keep_busy(source, steps_of, concurrency, lambda: progress_bar(progress, id, "calls", total=total))
    return iterate(plan, caller, f"the results of {id}")


_limiters: WeakKeyDictionary[Client, RateLimiter] = WeakKeyDictionary()
_lock = Lock()


def _limiter_of(client: Client) -> RateLimiter:
    """What keeps the bulk calls of a client without limits of its own below the documented ones."""
    with _lock:
        return _limiters.setdefault(client, RateLimiter())


def _keep_busy(
    source: Any, steps_of: Callable[[Any], Any], width: int, make_bar: Callable[[], Silent]
) -> Plan:
    bar = make_bar()
    running: deque[Any] = deque()
    failure: BaseException | None = None
    more = True
    try:
        while more or running:
            while more and len(running) < width:
                try:
                    body = yield Pull(source)
                except Exception as exc:  # noqa: BLE001 - it is handed on in its place
                    # The bodies went wrong: what was begun is delivered first.
                    failure, more = exc, False
                    break
                if body is END:
                    more = False
                    break
                try:
                    # Made bytes here: the caller may change the body as soon as the next one is asked for.
                    steps = steps_of(body)
                except Exception as exc:  # noqa: BLE001 - it is handed on in its place
                    running.append(exc)
                else:
                    running.append((yield Start(steps, width)))
            if running:
                oldest = running.popleft()
                try:
                    result = oldest if isinstance(oldest, Exception) else (yield Join(oldest)).parsed
                except Exception as exc:  # noqa: BLE001 - it is handed on in its place
                    result = exc
                bar.update(1)
                yield Emit((result,))
        if failure is not None:
            raise failure
    finally:
        bar.close()
