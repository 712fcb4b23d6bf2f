"""The loops over calls, without knowing whether they block: plans, and the two drivers that carry them out.

A plan is a generator. It yields what it wants done, and is sent the result; what it has for the caller it
yields as `Emit`. Everything that a loop does is written once, in its plan (`_pages.py`, `_streams.py`,
`_downloads.py`, `_bulk.py`); the blocking driver and the one for the event loop only perform the steps.
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from anyio import sleep, to_thread

from .._call.endpoint import Reply
from .._transport.streams import running_loop
from ..errors import StreamError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from .._call.context import Context
    from .._call.endpoint import Endpoint
    from .._transport.bodies import Body
    from ..client import Client

    Plan = Generator[Any, Any, Any]


class Caller(Protocol):
    """What a plan needs of a fluent client."""

    _asynchronous: bool
    _client: Client

    def _context(self) -> Context: ...
    def _any_endpoint(self, id: str) -> Endpoint: ...
    def _steps(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None = None, **how: Any
    ) -> Any: ...
    def _content(self, endpoint: Endpoint, body: Any, fields: dict[str, Any]) -> bytes: ...


# What a plan may ask for. A number asks for a pause of so many seconds.


class Emit:
    """Hand these values to the caller, one by one."""

    __slots__ = ("values",)

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = values


class Call:
    """Carry out the steps of one call; the result is its `Response`."""

    __slots__ = ("steps",)

    def __init__(self, steps: Any) -> None:
        self.steps = steps


class Read:
    """The next bytes of a body that is still being received, None at its end. The body is closed with the plan."""

    __slots__ = ("chunks", "file", "http")

    def __init__(self, http: Body, *, file: bool = False) -> None:
        self.http = http
        self.file = file
        self.chunks: Any = None


class Fetch:
    """GET a URL outside the API, without token, cookies or headers of the client; the result is a `Read`."""

    __slots__ = ("headers", "url")

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self.headers = headers


class Work:
    """Run a function that may block for long, on a disk for example; the result is what it returns."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function


class Start:
    """Begin a call in the background, `width` at a time; the result is a handle for `Join`."""

    __slots__ = ("steps", "width")

    def __init__(self, steps: Any, width: int) -> None:
        self.steps = steps
        self.width = width


class Join:
    """Wait for a call in the background; the result is its `Response`, or what it raised."""

    __slots__ = ("handle",)

    def __init__(self, handle: Any) -> None:
        self.handle = handle


class Pull:
    """The next value of an iterator, or of an async one in the event loop; `END` at its end."""

    __slots__ = ("source",)

    def __init__(self, source: Any) -> None:
        self.source = source


END = object()


def _held(response: Any, held: list[Any]) -> Any:
    """The response; where its body is still to be read, what has to be closed is noted."""
    if type(response.parsed) is Reply:
        held.append(response.parsed.http)
    return response


class BlockingIO:
    """Performs the steps of a plan, blocking. `close` releases what they opened."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._open: list[Any] = []
        self._executor: Any = None
        self.over = False

    def do(self, todo: Any) -> Any:
        kind = type(todo)
        if kind is Read:
            if todo.chunks is None:
                todo.chunks = todo.http.chunks(file=todo.file)
            return next(todo.chunks, None)
        if kind is Call:
            return _held(self._caller._client._sync().run(todo.steps), self._open)
        if kind is float or kind is int:
            return time.sleep(todo)
        if kind is Join:
            return todo.handle.result()
        if kind is Start:
            return self._start(todo)
        if kind is Pull:
            return next(todo.source, END)
        if kind is Work:
            return todo.function()
        if kind is Fetch:
            body = self._caller._client._sync().fetch(todo.url, todo.headers)
            self._open.append(body)
            return Read(body, file=True)
        raise TypeError(f"a plan asked for {todo!r}")

    def _start(self, todo: Start) -> Any:
        from contextvars import copy_context

        if self._executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(todo.width, thread_name_prefix="geopera-map")

        def work() -> Any:
            return self._caller._client._sync().run(todo.steps)

        return self._executor.submit(copy_context().run, work)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        while self._open:
            self._open.pop().close()


class EventLoopIO:
    """Performs the steps of a plan in the event loop. `close` releases what they opened."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._open: list[Any] = []
        self._tasks: set[Any] = set()
        self._later: list[Any] = []
        self.over = False

    async def do(self, todo: Any) -> Any:
        kind = type(todo)
        if kind is Read:
            if todo.chunks is None:
                todo.chunks = todo.http.achunks(file=todo.file)
            return await anext(todo.chunks, None)
        if kind is Call:
            return _held(await self._caller._client._async().run(todo.steps), self._open)
        if kind is float or kind is int:
            return await sleep(todo)
        if kind is Join:
            return await todo.handle
        if kind is Start:
            return self._start(todo)
        if kind is Pull:
            source = todo.source
            return await anext(source, END) if hasattr(source, "__anext__") else next(source, END)
        if kind is Work:
            return await to_thread.run_sync(todo.function)
        if kind is Fetch:
            body = await self._caller._client._async().fetch(todo.url, todo.headers)
            self._open.append(body)
            return Read(body, file=True)
        raise TypeError(f"a plan asked for {todo!r}")

    def _start(self, todo: Start) -> Any:
        async def work() -> Any:
            return await self._caller._client._async().run(todo.steps)

        loop = running_loop()
        if loop is None:
            later = work()  # another kind of loop than asyncio's: one after the other
            self._later.append(later)
            return later
        task = loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            from asyncio import gather

            await gather(*tasks, return_exceptions=True)
        for later in self._later:
            later.close()
        while self._open:
            await self._open.pop().aclose()


# The drivers: a plan as an iterator, and a plan as one result.


def _iterate(plan: Plan, io: BlockingIO) -> Generator[Any, None, None]:
    try:
        todo = _first(plan)
        while todo is not END:
            if type(todo) is Emit:
                yield from todo.values
                todo = _sent(plan, None)
                continue
            try:
                result = io.do(todo)
            except BaseException as exc:  # noqa: BLE001 - handed on, into the plan
                todo = _thrown(plan, exc)
            else:
                todo = _sent(plan, result)
        io.over = True
    finally:
        plan.close()
        io.close()


async def _aiterate(plan: Plan, io: EventLoopIO) -> AsyncGenerator[Any, None]:
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
            except BaseException as exc:  # noqa: BLE001 - handed on, into the plan
                todo = _thrown(plan, exc)
            else:
                todo = _sent(plan, result)
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
    return _alast(plan, EventLoopIO(caller)) if caller._asynchronous else _last(plan, BlockingIO(caller))


def _last(plan: Plan, io: BlockingIO) -> Any:
    [result] = _iterate(plan, io)
    return result


async def _alast(plan: Plan, io: EventLoopIO) -> Any:
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
                f"{self._label}: the loop over it was left, and that closed it; "
                "use it in a with block to take it in parts"
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


class Iteration(_Iterable):
    """An iterator over what the API returns bit by bit, and a context manager that closes it."""

    def __init__(self, plan: Plan, caller: Caller, label: str, *, release: bool = False) -> None:
        io = BlockingIO(caller)
        self._hold(_iterate(plan, io), io, label, release)

    def __iter__(self) -> Iterator[Any]:
        values: Iterator[Any] | None = self._handed_out() if self._release else self
        return iter(()) if values is None else values

    def __next__(self) -> Any:
        values = self._current()
        if values is None:
            raise StopIteration
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


class AsyncIteration(_Iterable):
    """An async iterator over what the API returns bit by bit, and an async context manager that closes it."""

    def __init__(self, plan: Plan, caller: Caller, label: str, *, release: bool = False) -> None:
        io = EventLoopIO(caller)
        self._hold(_aiterate(plan, io), io, label, release)

    def __aiter__(self) -> AsyncIterator[Any]:
        values: AsyncIterator[Any] | None = self._handed_out() if self._release else self
        return self if values is None else values

    async def __anext__(self) -> Any:
        values = self._current()
        if values is None:
            raise StopAsyncIteration
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
