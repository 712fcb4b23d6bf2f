"""The arguments of middleware and hooks: `Call`, one logical call, and `RetryEvent`, a retry about to happen.

Middleware is a function ``def m(call, next)``, or ``async def`` for the async client, that returns ``next(call)`` or
a `Response` of its own. It surrounds all attempts of a call, so it runs once per call.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .manifest import Operation

__all__ = ["Call", "RetryEvent"]

_UNREAD: Any = object()


class Call:
    """One logical call, before it is sent. Middleware may change everything but `operation`.

    Attributes:
        operation: The manifest's `Operation`, with ``id``, ``side_effect``, ``read_only`` and ``spends``.
        body: The request body as plain JSON, under wire names. A changed body is validated again.
        headers: Headers that the call sends in addition to the client's own; never the token.
        idempotency_key: The key of all attempts. An operation that spends always has one.
    """

    __slots__ = ("_body", "_content", "_decode", "headers", "idempotency_key", "operation")

    def __init__(
        self,
        operation: Operation,
        content: bytes,
        headers: dict[str, str],
        idempotency_key: str | None,
        decode: Callable[[bytes], Any],
    ) -> None:
        self.operation = operation
        self.headers = headers
        self.idempotency_key = idempotency_key
        self._content = content
        self._decode = decode
        self._body = _UNREAD

    @property
    def body(self) -> Any:
        if self._body is _UNREAD:
            self._body = self._decode(self._content)
        return self._body

    @body.setter
    def body(self, value: Any) -> None:
        self._body = value

    def _changed(self) -> bool:
        """Whether the body differs from the bytes that were validated."""
        return self._body is not _UNREAD and self._body != self._decode(self._content)

    def __repr__(self) -> str:
        return f"Call({self.operation.id})"


class RetryEvent:
    """A retry that is about to happen, as ``on_retry`` receives it. Raising from the hook ends the call.

    Attributes:
        operation: The manifest's `Operation`.
        attempt: Number of the attempt that failed, from 1.
        delay: Seconds until the next attempt.
        status_code: Status of the response, or None if there was none.
        exception: The transport's exception, or None if there was a response.
        request_id: The id that the server gave the request, or None.
        idempotency_key: The key of all attempts, or None.
    """

    __slots__ = ("attempt", "delay", "exception", "idempotency_key", "operation", "request_id", "status_code")

    def __init__(
        self,
        operation: Operation,
        attempt: int,
        delay: float,
        *,
        status_code: int | None,
        exception: Exception | None,
        request_id: str | None,
        idempotency_key: str | None,
    ) -> None:
        self.operation = operation
        self.attempt = attempt
        self.delay = delay
        self.status_code = status_code
        self.exception = exception
        self.request_id = request_id
        self.idempotency_key = idempotency_key

    @property
    def outcome(self) -> str:
        """The status, or the name of the exception: ``"503"``, ``"ConnectTimeout"``."""
        return type(self.exception).__name__ if self.exception is not None else str(self.status_code)

    def __repr__(self) -> str:
        return (
            f"RetryEvent({self.operation.id}: {self.outcome}, attempt {self.attempt}, in {self.delay:.2f} s)"
        )
