"""Credentials: a fixed token, and a token that a function returns. `Renew` asks a driver for another token."""

from __future__ import annotations

import time
from _thread import RLock, get_ident

from .._secrets import Secret, Token, token_value
from .._secrets.token import token_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MARGIN = 30.0  # seconds before its end that a token is renewed; at most a quarter of its life


class Credential:
    """A fixed token.

    Args:
        token: The token, or None if it is not known yet.
        source: Where it comes from, for reprs and messages.
        api_key: Whether it is sent as ``X-API-Key`` instead of in the client's own header.
    """

    renewable = False

    def __init__(self, token: Secret | None, source: str, *, api_key: bool = False) -> None:
        from weakref import WeakSet

        self.source = source
        self.api_key = api_key
        self.profile: str | None = None  # as the code named it
        self.current = token
        self.expires_at: float | None = None
        self.margin = MARGIN
        self.known: list[Secret] = (
            [] if token is None else [token]
        )  # for redaction: what was sent before, too
        self.followers: WeakSet[Any] = WeakSet()  # clients whose open connections carry the token

    def __repr__(self) -> str:
        return f"<credentials of {self.source}: ***>"

    def due(self) -> bool:
        """Whether another token is needed before the next request."""
        if not self.renewable:
            return False
        end = self.expires_at
        return self.current is None or (end is not None and time.time() >= end - self.margin)

    def take(self, token: Secret, expires_at: float | None, *, life: float | None = None) -> None:
        """Send this token from now on."""
        if token not in self.known:
            self.known = [*self.known[-7:], token]
        self.expires_at = expires_at
        self.margin = MARGIN if life is None else min(MARGIN, life / 4)
        self.current = token
        for client in list(self.followers):
            client._rearm()

    def renew(self, failed: Secret | None) -> None:
        """Get another token than `failed`, sync."""

    async def arenew(self, failed: Secret | None) -> None:
        """Get another token than `failed`, async."""
        from anyio import to_thread

        await to_thread.run_sync(self.renew, failed)


class FunctionCredential(Credential):
    """A token that a function returns. It is kept until it expires or the server refuses it."""

    renewable = True

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(None, "token=, a function")
        self._function = function
        self._is_async = is_async(function)
        self._lock = RLock()
        self._turns: dict[int, Any] = {}

    def _wanted(self, failed: Secret | None) -> bool:
        """Whether no other caller has renewed it meanwhile."""
        return self.current is failed or self.due()

    def _take(self, result: Secret) -> None:
        token: Token = token_of(result)
        end = token.expires_at
        self.take(token.value, end, life=None if end is None else max(end - time.time(), 0.0))

    def renew(self, failed: Secret | None) -> None:
        if self._is_async:
            raise TypeError(
                "token= is an async function, which the sync client cannot call; nothing was sent"
            )
        with self._lock:
            if self._wanted(failed):
                self._take(_not_awaitable(Secret(self._function())))

    async def arenew(self, failed: Secret | None) -> None:
        if not self._is_async:
            from anyio import to_thread

            result = await to_thread.run_sync(self._turn, failed)
            if result is not None:
                self._take(await _awaited(result))
            return
        from anyio import Lock

        # Tasks of one event loop wait for each other; loops of several threads ask on their own.
        async with self._turns.setdefault(get_ident(), Lock()):
            if self._wanted(failed):
                self._take(await _awaited(Secret(self._function())))

    def _turn(self, failed: Secret | None) -> Secret | None:
        """`renew` in a worker thread; an awaitable is returned."""
        with self._lock:
            if self._wanted(failed):
                result = Secret(self._function())
                if _awaits(result):
                    return result
                self._take(result)
        return None


# The result of a function is in a `Secret` from the start: tracebacks show local variables.


def _awaits(result: Secret) -> bool:
    return hasattr(result.get_secret_value(), "__await__")


def _not_awaitable(result: Secret) -> Secret:
    if _awaits(result):
        close = getattr(result.get_secret_value(), "close", None)
        if close is not None:
            close()
        raise TypeError("token= returned a coroutine, which the sync client cannot await; nothing was sent")
    return result


async def _awaited(result: Secret) -> Secret:
    return Secret(await result.get_secret_value()) if _awaits(result) else result


def is_async(function: Any) -> bool:
    """Whether calling it makes a coroutine."""
    from functools import partial
    from inspect import iscoroutinefunction

    while isinstance(function, partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004 - the method itself is inspected
    return iscoroutinefunction(function) or iscoroutinefunction(called)


def credential_of(token: Secret, source: str = "token=", *, asynchronous: bool | None = None) -> Credential:
    """The credential for a value of ``token=``: text, a secret type, or a function.

    Args:
        token: The value, in a `Secret`.
        source: The argument or variable, for messages.
        asynchronous: False refuses an async function; None if the kind of client is not known yet.

    Raises:
        TypeError: If it is of another type, or an async function for a sync client.
        ValueError: If it cannot be sent in a header.
    """
    function = _function(token)
    if isinstance(token.get_secret_value(), bytes):
        raise TypeError(f"{source} must be a string, not bytes")
    if function is None:
        return Credential(token_value(token, source), source)
    made = FunctionCredential(function.get_secret_value())
    if made._is_async and asynchronous is False:
        raise TypeError("token= is an async function; Geopera takes a function, AsyncGeopera takes both")
    return made


def _function(token: Secret) -> Secret | None:
    value = token.get_secret_value()
    return token if callable(value) and not hasattr(value, "get_secret_value") else None


class Renew:
    """A call's request to its driver for another token than the one that failed."""

    __slots__ = ("credential", "failed")

    def __init__(self, credential: Credential, failed: Secret | None) -> None:
        self.credential = credential
        self.failed = failed
