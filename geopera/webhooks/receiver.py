"""`Receiver`: verifies deliveries, drops duplicates, and calls the handlers of their event types."""

from __future__ import annotations

from _thread import allocate_lock

from .._drivers import arun, run
from ..errors import WebhookError, WebhookSignatureError
from .parsing import parse, seconds
from .signature import held, keys_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import timedelta
    from typing import Any

    from .event import WebhookEvent
    from .parsing import Headers

_REMEMBERED = 10_000


class Receiver:
    """Receives deliveries: checks the signature, drops duplicates, calls handlers.

        receiver = webhooks.Receiver(secret)

        @receiver.on("order.fulfilled")
        def fulfilled(event): ...

        app.mount("/hooks", receiver.asgi())

    It responds 204 to an event that was handled, is a duplicate, or has no handler; 401 to a wrong signature, 400 to a
    malformed delivery, 409 while the same event is being handled, and 500 if a handler fails. An event counts as seen
    once its handlers have returned, so a failed one is delivered and handled again.

    Args:
        secret: As in `webhooks.parse`.
        seen: The ids of handled events: a set, or an object with ``add(event_id) -> bool``. If it supports
            ``event_id in seen``, duplicates are recognised before they are handled, also across processes that share
            it. By default the last 10,000 ids of this process.
        max_age: As in `webhooks.parse`.

    Raises:
        TypeError: If a secret is neither text nor bytes, or `seen` has no ``add``.
        ValueError: If a secret is shorter than 16 bytes.
    """

    def __init__(self, secret: Any, *, seen: Any = None, max_age: float | timedelta | None = None) -> None:
        self._handlers: list[tuple[tuple[str, ...], Callable[[WebhookEvent], Any]]] = []
        secret = held(secret)
        self._keys = keys_of(secret)
        if seen is not None and not callable(getattr(seen, "add", None)):
            raise TypeError(f"seen must be a set or have add(event_id), not {type(seen).__name__}")
        self._max_age = seconds(max_age)
        self._seen: Any = _Recent() if seen is None else seen
        # Without `in`, only the ids that this process has handled are known beforehand.
        self._known: Any = self._seen if hasattr(self._seen, "__contains__") else _Recent()
        self._under_way: set[str] = set()
        self._lock = allocate_lock()

    def __repr__(self) -> str:
        return f"<Receiver with {len(self._handlers)} handlers>"

    def on(self, *patterns: str) -> Callable[[Callable[[WebhookEvent], Any]], Callable[[WebhookEvent], Any]]:
        """Register a function, or an async one, for event types.

        Args:
            patterns: Event types, such as ``order.fulfilled``, or patterns, such as ``order.*`` and ``*``.

        Returns:
            A decorator, which returns the function unchanged.

        Raises:
            TypeError: If there is no pattern, or one is not text.
        """
        if not patterns or not all(isinstance(one, str) for one in patterns):
            raise TypeError(
                'name the event types: @receiver.on("order.fulfilled"), or @receiver.on("*") for all'
            )

        def register(handler: Callable[[WebhookEvent], Any]) -> Callable[[WebhookEvent], Any]:
            self._handlers.append((patterns, handler))
            return handler

        return register

    # One sequence of steps for a delivery; sync and async differ in how a handler is called.

    def _steps(self, body: bytes | str, headers: Headers) -> Generator[Any, Any, int]:
        """Yields calls to make, receives their results, and returns the status to respond with."""
        try:
            event = parse(body, headers, self._keys, max_age=self._max_age)
        except WebhookSignatureError:
            return 401
        except WebhookError:
            return 400
        with self._lock:
            if event.event_id in self._under_way:
                return 409
            self._under_way.add(event.event_id)
        try:
            if event.event_id in self._known:
                return 204
            try:
                for handler in self._matching(event.event_type):
                    yield handler, event
            except Exception:
                from logging import getLogger

                getLogger("geopera.webhooks").exception("a handler of %s failed", event.event_type)
                return 500
            if self._known is not self._seen:
                self._known.add(event.event_id)
            yield self._seen.add, event.event_id
            return 204
        finally:
            with self._lock:
                self._under_way.discard(event.event_id)

    def _matching(self, event_type: str) -> list[Callable[[WebhookEvent], Any]]:
        from fnmatch import fnmatchcase

        return [
            handler
            for patterns, handler in self._handlers
            if any(fnmatchcase(event_type, pattern) for pattern in patterns)
        ]

    def receive(self, body: bytes | str, headers: Headers) -> int:
        """Receive one delivery, sync; an async handler runs in an event loop of its own.

        Args:
            body: The raw body.
            headers: As in `webhooks.parse`.

        Returns:
            The HTTP status to respond with.
        """
        return run(self._steps(body, headers), _called)

    async def areceive(self, body: bytes | str, headers: Headers) -> int:
        """Receive one delivery, async; a sync handler runs in a worker thread.

        Args:
            body: The raw body.
            headers: As in `webhooks.parse`.

        Returns:
            The HTTP status to respond with.
        """
        return await arun(self._steps(body, headers), self._acalled)

    async def _acalled(self, call: tuple[Callable[[Any], Any], Any]) -> Any:
        from anyio import to_thread

        function, argument = call
        if _is_async(function) or (isinstance(self._seen, set) and function == self._seen.add):
            result = function(argument)
        else:
            result = await to_thread.run_sync(function, argument)
        return await result if hasattr(result, "__await__") else result

    # Adapters.

    def asgi(self) -> Any:
        """An ASGI application, to serve or to mount: ``app.mount("/hooks", receiver.asgi())``."""
        from .adapters import asgi

        return asgi(self.areceive)

    def wsgi(self) -> Any:
        """A WSGI application, to serve or to mount."""
        from .adapters import wsgi

        return wsgi(self.receive)

    def django(self) -> Any:
        """A Django view, exempt from the CSRF check: ``path("hooks", receiver.django())``."""
        from .adapters import django

        return django(self.receive)


class _Recent:
    """The last ids, oldest first."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def add(self, event_id: str) -> bool:
        new = event_id not in self._ids
        self._ids[event_id] = None
        while len(self._ids) > _REMEMBERED:
            self._ids.pop(next(iter(self._ids)), None)
        return new


def _called(call: tuple[Callable[[Any], Any], Any]) -> Any:
    function, argument = call
    result = function(argument)
    if not hasattr(result, "__await__"):
        return result
    from asyncio import run as run_loop

    return run_loop(_awaited(result))


async def _awaited(result: Any) -> Any:
    return await result


def _is_async(function: Any) -> bool:
    from inspect import iscoroutinefunction

    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - its type is inspected
