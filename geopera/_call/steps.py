"""One call, without I/O: send, wait, send again, parse or raise.

`call` is a generator. It yields what it wants done, a `Request` to send or a number of seconds to wait,
and is sent the `Reply` that came back; an exception of the transport is thrown into it. What performs
the I/O, sync or async, is a loop of ten lines (see `_transport/pools.py`), and everything that happens in a call
happens here, once.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import TYPE_CHECKING, Any

from .._decoding.inflate import BodyError
from .._http import transport_errors
from ..errors import GeoperaError, ResponseMismatchWarning, UnexpectedStatus
from ..types import Response
from . import retry
from .endpoint import Reply, Request, check_key
from .failures import connection_error, refused, request_id, start, unreadable, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..manifest._operation import Operation
    from .context import Context
    from .endpoint import Endpoint

log = logging.getLogger("geopera")


def call(
    endpoint: Endpoint,
    context: Context,
    content: bytes,
    *,
    key: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    stream: bool = False,
    raises: bool = True,
    finish: Callable[[Reply], Any] | None = None,
) -> Generator[Request | float, Reply | None, Response[Any]]:
    """Carry out one logical call. Returns the `Response`.

    key: the idempotency key; an operation that spends gets one made here, once for all attempts.
    stream: leave the body of a success unread; the response's `parsed` is then what `finish` makes of
    the reply, once, before the call returns.
    raises: False for the low-level functions, where an error status is a response like any other.
    """
    operation = endpoint.operation
    if key is not None:
        check_key(endpoint, key)
    elif operation.spends:
        from uuid import uuid4

        key = str(uuid4())
    headers = (*context.headers, *headers)
    if key is not None:
        headers = (*headers, ("Idempotency-Key", key))
    total = context.total_timeout
    deadline = None if total is None else time.monotonic() + total
    request = Request(
        endpoint, content, headers, context.timeout, stream, deadline, context.max_response_size
    )
    safe = operation.read_only or (operation.idempotent and key is not None)
    limiter, acted = context.limiter, False
    attempt, waited, started = 0, 0.0, time.monotonic()
    try:
        while True:
            if limiter is not None:
                now, token = time.monotonic(), bool(context.secrets)
                delay = limiter.reserve(operation.id, now, spends=operation.spends, token=token)
                if delay > 0 and (deadline is None or now + delay < deadline):
                    yield delay
                waited += time.monotonic() - now  # keeping to the limits is not what the deadline is for
            attempt += 1
            sent = time.monotonic()
            reply: Reply | None = None
            failure: Exception | None = None
            try:
                reply = yield request
                assert reply is not None
            except BodyError as exc:
                elapsed = time.monotonic() - started
                raise unreadable(exc, operation, key, attempt, elapsed) from None
            except Exception as exc:
                failure = exc
                outcome: str | None = retry.outcome_of_exception(exc)
                if outcome == retry.OTHER and not _is_transport(exc):
                    raise
            else:
                outcome = retry.outcome_of_status(reply.status)
            if log.isEnabledFor(logging.DEBUG):
                _log_attempt(operation, reply, failure, attempt, time.monotonic() - sent)
            if outcome is None:
                assert reply is not None
                break
            acted = acted or (retry.may_have_acted(outcome) and not operation.read_only)
            retry_after = None if reply is None else retry.retry_after_seconds(reply.headers, time.time())
            if retry.repeats(outcome, safe=safe) and attempt <= context.policy.max_retries:
                from random import random

                pause = retry.decide(
                    context.policy,
                    safe=safe,
                    attempt=attempt,
                    elapsed=time.monotonic() - started - waited,
                    outcome=outcome,
                    retry_after=retry_after,
                    random=random(),
                )
                if pause is not None and (deadline is None or time.monotonic() + pause < deadline):
                    yield pause
                    continue
            details = {
                "operation": operation.id,
                "idempotency_key": key,
                "retry_after": retry_after,
                "attempts": attempt,
                "elapsed": time.monotonic() - started,
                "may_have_acted": acted,
            }
            if failure is not None:
                # The transport's own chain is long and says less; it stays in reach as the context.
                error = connection_error(failure, outcome, context, details, request.place)
                error.__context__ = failure
                raise error from None
            assert reply is not None
            return refused(endpoint, context, reply, details, raises)
    except (GeoperaError, UnexpectedStatus):
        raise
    except BaseException as exc:
        # A cancelled task, an interrupt, a hook that raised: not ours to wrap, and the key must not be lost.
        if attempt and key is not None:
            exc.add_note(f"geopera: {operation.id} may have been carried out; its idempotency key is {key}")
        raise
    elapsed = time.monotonic() - started
    response: Response[Any] = Response(
        reply.status,
        reply.content or b"",
        reply.headers,
        None,
        request_id=request_id(reply),
        idempotency_key=key,
        attempts=attempt,
        elapsed=elapsed,
    )
    if stream:
        response.parsed = finish(reply) if finish is not None else None
    elif raises or reply.status == operation.success_status:
        _parse_success(endpoint, context, reply, response)
    elif context.raise_on_unexpected_status:
        raise UnexpectedStatus(reply.status, response.content)
    return response


def _is_transport(exc: Exception) -> bool:
    group: tuple[Any, ...] = getattr(exc, "exceptions", ()) if isinstance(exc, ExceptionGroup) else ()
    return isinstance(exc, transport_errors(OSError)) or (bool(group) and all(map(_is_transport, group)))


def _parse_success(endpoint: Endpoint, context: Context, reply: Reply, response: Response[Any]) -> None:
    operation = endpoint.operation
    try:
        response.parsed, mismatches = endpoint.parse(reply)
    except (ValueError, RecursionError) as exc:
        message = f"{operation.id}: the response is not usable JSON ({exc}): {start(response.content)}"
        raise unusable(message, response, operation, context) from None
    if not mismatches:
        return
    shown = "; ".join(mismatches[:3]) + (f"; and {len(mismatches) - 3} more" if len(mismatches) > 3 else "")
    message = f"{operation.id}: the answer is not what the manifest says: {shown}"
    if context.strict_responses:
        raise unusable(message, response, operation, context)
    warnings.warn(message, ResponseMismatchWarning, stacklevel=_caller_level())


def _caller_level() -> int:
    """The stack level of the first frame outside this package, for a warning that points there."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "geopera":
        frame, level = frame.f_back, level + 1
    return level


def _log_attempt(
    operation: Operation, reply: Reply | None, failure: Exception | None, attempt: int, seconds: float
) -> None:
    outcome = reply.status if reply is not None else type(failure).__name__
    served_as = request_id(reply) if reply is not None else None
    log.debug(
        "%s: %s, attempt %d, %.1f ms, request id %s",
        operation.id,
        outcome,
        attempt,
        seconds * 1000,
        served_as or "-",
        extra={
            "geopera_operation": operation.id,
            "geopera_outcome": outcome,
            "geopera_attempt": attempt,
            "geopera_duration": seconds,
            "geopera_request_id": served_as,
        },
    )
