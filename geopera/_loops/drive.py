"""The loops over calls, independent of sync and async: plans, and the two drivers that carry them out.

A plan is a generator. It yields what it wants done, and is sent the result; what it has for the caller it
yields as `Emit`. Everything that a loop does is written once, in its plan (`pages.py`, `streams.py`,
`downloads.py`, `bulk.py`); the sync and the async driver only perform the steps.
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from anyio import move_on_after, sleep, to_thread

from .._call.endpoint import Reply
from .._folding import folded
from .._forks import first_time
from .._transport.streams import running_loop
from ..errors import StreamError
from ..geo.methods import AsyncTables, Tables
from .todo import END, Call, Emit, Fetch, FirstDone, Fork, Join, LastCall, Pull, Read, Start, Submit, Work

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
    from types import TracebackType
    from typing import Self

    from .._call.context import Context
    from .._call.endpoint import Endpoint
    from .._transport.pools import AsyncPool, SyncPool
    from ..client import Client

    Plan = Generator[Any, Any, Any]


class Caller(Protocol):
    """What a plan needs of a fluent client."""

    _asynchronous: bool
    _overrides: dict[str, Any]

    @property
    def _client(self) -> Client: ...
    def _context(self) -> Context: ...
    def _any_endpoint(self, id: str) -> Endpoint: ...
    def _steps(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None = None, **how: Any
    ) -> Any: ...
    def _content(self, endpoint: Endpoint, body: Any, fields: dict[str, Any]) -> bytes: ...


def _held(response: Any, held: list[Any]) -> Any:
    """The response; where its body is still to be read, what has to be closed is noted."""
    if type(response.parsed) is Reply:
        held.append(response.parsed.http)
    return response


class SyncIO:
    """Performs the steps of a plan, sync, over one pool: they end when it is closed. `close` releases what they opened."""

    def __init__(self, caller: Caller, pool: SyncPool | None = None) -> None:
        self._caller = caller
        self._bound = pool
        self._open: list[Any] = []
        self._executor: Any = None
        self._forked: list[SyncIO] = []
        self._futures: set[Any] = set()  # in executors of the caller's, which live on
        self.over = self.stopped = False

    def do(self, todo: Any) -> Any:
        if self.stopped:
            raise Stopped
        kind = type(todo)
        if kind is Read:
            if todo.chunks is None:
                todo.chunks = todo.http.chunks(file=todo.file)
            return next(todo.chunks, None)
        if kind is Call:
            return _held(self._pool.run(todo.steps), self._open)
        if kind is float or kind is int:
            return time.sleep(todo)
        if kind is LastCall:
            return self._pool.run(todo.steps)
        if kind is Join:
            return todo.handle.result()
        if kind is Start:
            pool = self._pool
            return self._background(lambda: pool.run(todo.steps), todo.width)
        if kind is Fork:
            return self._fork(todo)
        if kind is Submit:
            return _submitted(todo, self._futures)
        if kind is FirstDone:
            from concurrent.futures import FIRST_COMPLETED, wait

            return list(wait(todo.handles, return_when=FIRST_COMPLETED).done)
        if kind is Pull:
            return next(todo.source, END)
        if kind is Work:
            return todo.function()
        if kind is Fetch:
            body = self._pool.fetch(todo.url, todo.headers, todo.content)
            self._open.append(body)
            return Read(body, file=True)
        raise TypeError(f"a plan yielded {todo!r}")

    @property
    def _pool(self) -> SyncPool:
        if self._bound is None or not self._bound.mine:
            self._bound = self._caller._client._sync()
        return self._bound

    def _background(self, work: Any, width: int) -> Any:
        from contextvars import copy_context

        if self._executor is None:
            with first_time():
                from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(width, thread_name_prefix="geopera-map")
        return self._executor.submit(copy_context().run, work)

    def _fork(self, todo: Fork) -> Any:
        io = SyncIO(self._caller, self._pool)
        self._forked.append(io)

        def work() -> Any:
            try:
                return _last(todo.plan, io)
            finally:
                self._forked.remove(io)

        return self._background(work, todo.width)

    def close(self) -> None:
        for io in list(self._forked):
            io.stopped = True  # its thread ends at its next step, and tidies up
        for future in list(self._futures):
            future.cancel()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        while self._open:
            self._open.pop().close()


class Stopped(BaseException):
    """Ends a plan in a background thread whose result nobody waits for any more."""


def _submitted(todo: Submit, futures: set[Any]) -> Any:
    future = todo.executor.submit(todo.function, *todo.arguments)
    futures.add(future)
    future.add_done_callback(futures.discard)
    return future


class AsyncIO:
    """`SyncIO`, in an event loop."""

    def __init__(self, caller: Caller, pool: AsyncPool | None = None) -> None:
        self._caller = caller
        self._bound = pool
        self._open: list[Any] = []
        self._tasks: set[Any] = set()
        self._later: list[Any] = []
        self._futures: set[Any] = set()  # in executors of the caller's, which live on
        self.over = False

    async def do(self, todo: Any) -> Any:
        kind = type(todo)
        if kind is Read:
            if todo.chunks is None:
                todo.chunks = todo.http.achunks(file=todo.file)
            return await anext(todo.chunks, None)
        if kind is Call:
            return _held(await self._pool.run(todo.steps), self._open)
        if kind is float or kind is int:
            return await sleep(todo)
        if kind is LastCall:
            with move_on_after(todo.seconds, shield=True):
                return await self._pool.run(todo.steps)
            return None
        if kind is Join:
            return await todo.handle
        if kind is Start:
            return self._background(self._pool.run(todo.steps))
        if kind is Fork:
            return self._background(_alast(todo.plan, AsyncIO(self._caller, self._pool)))
        if kind is Submit:
            from asyncio import wrap_future

            return wrap_future(_submitted(todo, self._futures))
        if kind is FirstDone:
            return await self._first_done(todo.handles)
        if kind is Pull:
            source = todo.source
            return await anext(source, END) if hasattr(source, "__anext__") else next(source, END)
        if kind is Work:
            return await to_thread.run_sync(todo.function)
        if kind is Fetch:
            body = await self._pool.fetch(todo.url, todo.headers, todo.content)
            self._open.append(body)
            return Read(body, file=True)
        raise TypeError(f"a plan yielded {todo!r}")

    @property
    def _pool(self) -> AsyncPool:
        if self._bound is None:
            self._bound = self._caller._client._async()
        return self._bound

    def _background(self, work: Any) -> Any:
        loop = running_loop()
        if loop is None:
            self._later.append(work)  # another kind of loop than asyncio's: one after the other
            return work
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _first_done(self, handles: Any) -> list[Any]:
        if running_loop() is None:
            return [handles[0]]
        from asyncio import FIRST_COMPLETED, wait

        return list((await wait(handles, return_when=FIRST_COMPLETED))[0])

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            from asyncio import gather

            await gather(*tasks, return_exceptions=True)
        for later in self._later:
            later.close()
        for future in list(self._futures):
            future.cancel()
        while self._open:
            await self._open.pop().aclose()


# The drivers: a plan as an iterator, and a plan as one result.


def _iterate(plan: Plan, io: SyncIO) -> Generator[Any, None, None]:
    try:
        todo = _first(plan)
        while todo is not END:
            if type(todo) is Emit:
                yield from todo.values
                todo = _sent(plan, None)
                continue
            try:
                result = io.do(todo)
            except BaseException as exc:  # noqa: BLE001 - thrown into the plan
                todo = _thrown(plan, exc)
            else:
                todo = _sent(plan, result)
            result = None  # bytes of the server: an error may be raised while its values are yielded
        io.over = True
    finally:
        plan.close()
        io.close()


async def _aiterate(plan: Plan, io: AsyncIO) -> AsyncGenerator[Any, None]:
    try:
        todo = _first(plan)
        while todo is not END:
            if type(todo) is Emit:
                for value in todo.values:
                    yield value
                todo = _sent(plan, None)
                continue
            try:
                result = await io.do(todo)
            except BaseException as exc:  # noqa: BLE001 - thrown into the plan
                todo = _thrown(plan, exc)
            else:
                todo = _sent(plan, result)
            result = None  # bytes of the server: an error may be raised while its values are yielded
        io.over = True
    finally:
        plan.close()
        await io.close()


def _first(plan: Plan) -> Any:
    return next(plan, END)


def _sent(plan: Plan, result: Any) -> Any:
    try:
        return plan.send(result)
    except StopIteration:
        return END


def _thrown(plan: Plan, exc: BaseException) -> Any:
    try:
        return plan.throw(exc)
    except StopIteration:
        return END


def run(plan: Plan, caller: Caller) -> Any:
    """The one value that the plan emits; a coroutine of it on an async client."""
    return _alast(plan, AsyncIO(caller)) if caller._asynchronous else _last(plan, SyncIO(caller))


def _last(plan: Plan, io: SyncIO) -> Any:
    with folded:
        [result] = _iterate(plan, io)
    return result


async def _alast(plan: Plan, io: AsyncIO) -> Any:
    with folded:
        [result] = [value async for value in _aiterate(plan, io)]
    return result


def iterate(plan: Plan, caller: Caller, label: str, *, release: bool = False) -> Iteration | AsyncIteration:
    """The plan as an iterator, or an async one on an async client. `release`: see `Iteration`."""
    cls = AsyncIteration if caller._asynchronous else Iteration
    return cls(plan, caller, label, release=release)


class _Iterable:
    """What both iterators share: the hold on the values.

    An iterator that keeps a connection busy while it runs (`release`) is closed when the loop over it is
    left early, also where a name still refers to it; inside its own ``with`` it is closed at the end of that.
    """

    _values: Any
    _io: Any
    _loop: Any
    _label: str
    _release: bool

    def _hold(self, values: Any, io: Any, label: str, release: bool) -> None:
        self._values = values
        self._io = io
        self._loop = None
        self._label = label
        self._release = release

    def _current(self) -> Any:
        """The values, or None after their end. Raises `StreamError` where a loop was left."""
        values = self._values if self._loop is None else self._loop()
        if values is None and not self._io.over:
            raise StreamError(
                f"{self._label}: the loop over it was left, which closed it; "
                "use it in a with block to iterate in parts"
            )
        return values

    def _handed_out(self) -> Any:
        """The values for a loop, which is then the only one that holds them: they end with it."""
        values = self._current()
        if values is not None and self._loop is None:
            self._loop, self._values = weakref.ref(values), None
        return values

    def _ended(self) -> Any:
        """The values to close, or None; whatever comes after is the end."""
        self._io.over = True
        return self._values if self._loop is None else self._loop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._label}>"


class Iteration(Tables, _Iterable):
    """An iterator over what the API returns bit by bit, and a context manager that closes it."""

    def __init__(self, plan: Plan, caller: Caller, label: str, *, release: bool = False) -> None:
        io = SyncIO(caller)
        self._hold(_iterate(plan, io), io, label, release)

    def __iter__(self) -> Iterator[Any]:
        values: Iterator[Any] | None = self._handed_out() if self._release else self
        return iter(()) if values is None else values

    def __next__(self) -> Any:
        values = self._current()
        if values is None:
            raise StopIteration
        with folded:
            return next(values)

    def close(self) -> None:
        """Stop, and release the connection; a later `next` is the end."""
        values = self._ended()
        if values is not None:
            values.close()

    def __enter__(self) -> Self:
        self._release = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncIteration(AsyncTables, _Iterable):
    """An async iterator over what the API returns bit by bit, and an async context manager that closes it."""

    def __init__(self, plan: Plan, caller: Caller, label: str, *, release: bool = False) -> None:
        io = AsyncIO(caller)
        self._hold(_aiterate(plan, io), io, label, release)

    def __aiter__(self) -> AsyncIterator[Any]:
        values: AsyncIterator[Any] | None = self._handed_out() if self._release else self
        return self if values is None else values

    def __iter__(self) -> Any:
        raise TypeError("this iterator is async: write `async for ... in`")

    def __await__(self) -> Any:
        raise TypeError("an iterator is not awaited: write `async for ... in`")

    async def __anext__(self) -> Any:
        values = self._current()
        if values is None:
            raise StopAsyncIteration
        with folded:
            return await anext(values)

    async def aclose(self) -> None:
        """Stop, and release the connection; a later step is the end."""
        values = self._ended()
        if values is not None:
            await values.aclose()

    async def __aenter__(self) -> Self:
        self._release = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
