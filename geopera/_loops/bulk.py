"""One operation over many bodies: the plan."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from .._call.endpoint import check_key
from ..errors import APIConnectionError, GeoperaError, InvalidInputError
from .drive import iterate
from .journal import Journal, Recorded
from .limiters import limiter_of as _limiter_of
from .progress import needs_tqdm, progress_bar
from .remote import Workers
from .todo import END, Emit, FirstDone, Join, Pull, Start, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .._call.context import Context
    from .._call.endpoint import Endpoint
    from .drive import AsyncIteration, Caller, Iteration, Plan

_MOST = 100  # as many as there are connections
_MOST_REMOTE = 10_000  # in an executor, whose workers have connections of their own


def map_bodies(
    caller: Caller,
    id: Any,
    bodies: Any,
    *,
    concurrency: int,
    ordered: bool,
    errors: str,
    pairs: bool,
    idempotency_key: Any,
    journal: Any,
    executor: Any,
    progress: Any,
    rate_limit: str | None,
) -> Iteration | AsyncIteration:
    """An iterator over the results of one operation for each of many bodies."""
    if not isinstance(id, str):
        known = getattr(id, "_id", None)
        hint = f"; call client.{known}.map(bodies)" if isinstance(known, str) else ""
        raise TypeError(f"map() takes the id of an operation as text, not {type(id).__name__}{hint}")
    check_concurrency(concurrency, _MOST if executor is None else _MOST_REMOTE)
    if rate_limit not in ("auto", None):
        raise ValueError(f"rate_limit is 'auto' or None, not {rate_limit!r}")
    if errors not in ("return", "raise"):
        raise ValueError(f"errors is 'return' or 'raise', not {errors!r}")
    for name, flag in (("ordered", ordered), ("pairs", pairs)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} is True or False, not {flag!r}")
    endpoint = caller._any_endpoint(id)
    if endpoint.operation.streaming:
        raise TypeError(f"{id} streams its records; map() runs operations with one response each")
    if isinstance(bodies, str | bytes | dict) or hasattr(bodies, "model_fields"):
        raise TypeError(f"{id}: map() takes an iterable of bodies, not one {type(bodies).__name__}")
    _check_keys(endpoint, idempotency_key, journal)
    context = caller._context()
    if rate_limit == "auto" and context.limiter is None:
        context = context.replace({"limiter": _limiter_of(caller._client)})
    asynchronous = caller._asynchronous and hasattr(bodies, "__aiter__")
    source = bodies.__aiter__() if asynchronous else iter(bodies)
    needs_tqdm(progress)
    run = _Run(
        caller,
        endpoint,
        context,
        key=idempotency_key if callable(idempotency_key) else None,
        journal=None if journal is None else Journal(journal, endpoint, caller._client.base_url),
        workers=None if executor is None else Workers(executor, caller, rate_limit),
    )
    total = len(bodies) if hasattr(bodies, "__len__") else None
    plan = _keep_busy(
        run,
        source,
        concurrency,
        ordered,
        errors == "raise",
        pairs,
        lambda: progress_bar(progress, id, "calls", total=total),
    )
    return iterate(plan, caller, f"the results of {id}")


def check_concurrency(value: Any, most: int = _MOST) -> None:
    """Raises TypeError or ValueError: if it is not a whole number from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"concurrency must be a whole number, not {value!r}")
    if not 1 <= value <= most:
        raise ValueError(f"concurrency must be from 1 to {most}, not {value}")


def _check_keys(endpoint: Endpoint, key: Any, journal: Any) -> None:
    """Refuse a bulk run that could not be repeated without buying twice."""
    from inspect import iscoroutinefunction

    id = endpoint.operation.id
    if key is None:
        if endpoint.operation.spends and journal is None:
            raise TypeError(
                f"{id} spends credits: a run of it that breaks off could not be run again without buying twice. "
                "Give idempotency_key=<function of a body> or journal=<file>; idempotency_key='random' does without"
            )
    elif isinstance(key, str):
        if key != "random":
            raise TypeError(
                f"{id}: idempotency_key={key!r} is one key for many bodies; give a function of a body, or 'random'"
            )
    elif not callable(key) or iscoroutinefunction(key):
        raise TypeError(f"{id}: idempotency_key is a function of a body or 'random', not {key!r}")


class _Task:
    """One body under way."""

    __slots__ = ("body", "content", "handle", "key", "place", "result")

    def __init__(self, body: Any) -> None:
        self.body = body
        self.handle: Any = None  # None: `result` is there already
        self.result: Any = None
        self.place: Any = None
        self.key: str | None = None
        self.content = b""


class _Run:
    """What happens to one body: its key, its lines in the journal, its call."""

    def __init__(
        self,
        caller: Caller,
        endpoint: Endpoint,
        context: Context,
        *,
        key: Callable[[Any], Any] | None,
        journal: Journal | None,
        workers: Workers | None,
    ) -> None:
        self._caller, self._endpoint, self._context = caller, endpoint, context
        self._key, self._workers = key, workers
        self._used: dict[str, bytes] = {}  # keys of the caller's, each with a digest of its body
        self.journal = journal

    def begin(self, body: Any, width: int) -> Generator[Any, Any, _Task]:
        task = _Task(body)
        try:
            # Made bytes here: the caller may change the body as soon as the next one is taken.
            allow = self._context.extra_fields == "allow"
            task.content = self._endpoint.input.encode(body, {}, allow_extra=allow)
            yield from self._prepare(task)
            if task.result is None:
                if self._workers is not None:
                    id = self._endpoint.operation.id
                    task.handle = yield self._workers.submit(id, task.content, task.key)
                else:
                    steps = self._caller._steps(
                        self._endpoint, None, {}, task.key, context=self._context, content=task.content
                    )
                    task.handle = yield Start(steps, width)
        except Exception as exc:  # noqa: BLE001 - yielded in its place
            task.result = exc
        return task

    def _prepare(self, task: _Task) -> Generator[Any, Any, None]:
        """Find the key of a body, or the result of an earlier run for it."""
        journal, spends = self.journal, self._endpoint.operation.spends
        if journal is None:
            task.key = self._own_key(task)
        else:
            place = journal.place(task.content)
            with_result = yield Work(lambda: journal.recorded(place))
            if with_result is not None:
                task.result = with_result
                return
            task.key = journal.key(place) or self._own_key(task)
        if task.key is None and spends:
            from uuid import uuid4

            task.key = str(uuid4())  # made here, so that it is known whatever becomes of a worker
        if task.key is not None:
            check_key(self._endpoint, task.key)
        if journal is not None:
            yield Work(lambda: journal.start(place, task.key))
            task.place = place

    def _own_key(self, task: _Task) -> str | None:
        if self._key is None:
            return None
        from hashlib import blake2b

        try:
            key = self._key(task.body)
        except Exception as exc:
            fault = f"the function for it raised {type(exc).__name__}: {exc}"
            raise self._bad_key(fault) from exc
        check_key(self._endpoint, key)
        digest = blake2b(task.content, digest_size=16).digest()
        if self._used.setdefault(key, digest) != digest:
            raise self._bad_key(f"the key {key!r} is already used for another body of this run")
        own: str = key
        return own

    def _bad_key(self, fault: str) -> InvalidInputError:
        return self._endpoint.input.refusal(
            [(("Idempotency-Key",), fault, "idempotency_key")], where="header"
        )

    def finish(self, task: _Task) -> Generator[Any, Any, Any]:
        """The result of a body, or the exception in its place."""
        if task.handle is None:
            return task.result.value if isinstance(task.result, Recorded) else task.result
        journal = self.journal
        response: Any = None
        failure: Exception | None = None
        try:
            response = yield Join(task.handle)
            if self._workers is not None:
                response = self._workers.parsed(self._endpoint, self._context, response)
        except Exception as exc:  # noqa: BLE001 - yielded in its place
            failure = exc if self._workers is None or isinstance(exc, GeoperaError) else self._lost(task, exc)
        if journal is not None and task.place is not None:
            place, redactor = task.place, self._context.redactor()
            if failure is not None:
                cause = failure
                yield Work(lambda: journal.failed(place, cause))
            else:
                yield Work(lambda: journal.done(place, response, redactor))
        return failure if failure is not None else response.parsed

    def _lost(self, task: _Task, exc: Exception) -> Exception:
        """A worker that died: its call may have been carried out."""
        error = APIConnectionError(
            f"{self._endpoint.operation.id}: the worker failed: {type(exc).__name__}: {exc}",
            operation=self._endpoint.operation.id,
            idempotency_key=task.key,
            may_have_acted=not self._endpoint.operation.read_only,
        )
        error.__cause__ = exc
        return error


def _keep_busy(
    run: _Run,
    source: Any,
    width: int,
    ordered: bool,
    strict: bool,
    pairs: bool,
    make_bar: Callable[[], Any],
) -> Plan:
    bar = make_bar()
    running: deque[_Task] = deque()
    failure: BaseException | None = None
    more = True
    try:
        if run.journal is not None:
            yield Work(run.journal.open)
        while more or running:
            while more and len(running) < width:
                try:
                    body = yield Pull(source)
                except Exception as exc:  # noqa: BLE001 - yielded in its place
                    # The iterable of bodies raised: results of the calls under way are yielded first.
                    failure, more = exc, False
                    break
                if body is END:
                    more = False
                    break
                running.append((yield from run.begin(body, width)))
            if not running:
                break
            task = running[0] if ordered else (yield from _first(running))
            running.remove(task)
            result = yield from run.finish(task)
            bar.update(1)
            if strict and isinstance(result, Exception):
                # What is under way may have been bought: the journal must hold it before the run ends.
                while run.journal is not None and running:
                    yield from run.finish(running.popleft())
                raise result
            yield Emit(((task.body, result) if pairs else result,))
        if failure is not None:
            raise failure
    finally:
        bar.close()
        if run.journal is not None:
            run.journal.close()


def _first(running: deque[_Task]) -> Generator[Any, Any, _Task]:
    """The first of several tasks to be done."""
    for task in running:
        if task.handle is None:
            return task
    done = yield FirstDone([task.handle for task in running])
    return next(task for task in running if task.handle in done)
