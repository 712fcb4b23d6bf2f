"""The layers around the steps of a call: the client's middleware, and a span if OpenTelemetry is in use.

A call without layers is the plain generator of `steps.call`. A call with some is a `Layered`, which the pools run in
the same way: the layers call each other, and the innermost one runs the generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..middleware import Call
from ..types import Response
from . import telemetry
from .endpoint import check_key, decode
from .steps import call

if TYPE_CHECKING:
    from collections.abc import Generator

    from .context import Context
    from .endpoint import Endpoint


def perform(
    endpoint: Endpoint,
    context: Context,
    content: bytes,
    *,
    key: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    **how: Any,
) -> Any:
    """One call for a pool to run; the arguments are those of `steps.call`."""
    if not context.middleware and not telemetry.in_use():
        return call(endpoint, context, content, key=key, headers=headers, **how)
    if key is not None:
        check_key(endpoint, key)
    elif endpoint.operation.spends:
        from uuid import uuid4

        key = str(uuid4())  # made here, so that middleware sees the key that is sent
    made = Call(endpoint.operation, content, dict(headers), key, decode)
    return Layered(endpoint, context, made, how)


class Layered:
    """One call with layers."""

    __slots__ = ("_call", "_context", "_endpoint", "_how")

    def __init__(self, endpoint: Endpoint, context: Context, call: Call, how: dict[str, Any]) -> None:
        self._endpoint = endpoint
        self._context = context
        self._call = call
        self._how = how

    def _steps(self, made: Call, context: Context) -> Generator[Any, Any, Response[Any]]:
        content = made._content
        if made._changed():
            allow_extra = context.extra_fields == "allow"
            content = self._endpoint.input.encode(made.body, {}, allow_extra=allow_extra)
        headers = tuple(made.headers.items())
        return call(self._endpoint, context, content, key=made.idempotency_key, headers=headers, **self._how)

    def run(self, pool: Any) -> Response[Any]:
        """Run the layers from the outermost inwards."""
        response: Response[Any] = self._layer(pool, 0, self._call)
        return response

    def _layer(self, pool: Any, number: int, made: Call) -> Any:
        middleware = self._context.middleware
        if number < len(middleware):
            result = middleware[number](made, lambda made: self._layer(pool, number + 1, made))
            return _checked(result, middleware[number])
        if not telemetry.in_use():
            return pool.run(self._steps(made, self._context))
        with telemetry.Span(made, self._context, pool.client) as span:
            return span.ended_with(pool.run(self._steps(made, span.context)))

    async def arun(self, pool: Any) -> Response[Any]:
        """Run the layers from the outermost inwards; each may be a coroutine function or a plain one."""
        response: Response[Any] = await self._alayer(pool, 0, self._call)
        return response

    async def _alayer(self, pool: Any, number: int, made: Call) -> Any:
        middleware = self._context.middleware
        if number < len(middleware):
            result = middleware[number](made, lambda made: self._alayer(pool, number + 1, made))
            if hasattr(result, "__await__"):
                result = await result
            return _checked(result, middleware[number])
        if not telemetry.in_use():
            return await pool.run(self._steps(made, self._context))
        with telemetry.Span(made, self._context, pool.client) as span:
            return span.ended_with(await pool.run(self._steps(made, span.context)))


def _checked(result: Any, middleware: Any) -> Any:
    if isinstance(result, Response):
        return result
    name = getattr(middleware, "__qualname__", None) or repr(middleware)
    hint = ""
    if hasattr(result, "__await__"):
        hint = "; Geopera takes plain functions, AsyncGeopera takes coroutine functions too"
        getattr(result, "close", lambda: None)()
    raise TypeError(
        f"middleware {name} returned {type(result).__name__}, not a Response: return next(call){hint}"
    )
