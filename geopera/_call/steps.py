"""One call, without I/O: send, wait, send again, parse or raise.

`call` is a generator. It yields a `Request` to send or a number of seconds to wait, and receives the `Reply`; an
exception of the transport is thrown into it. A loop of ten lines performs the I/O, sync or async (see
`_transport/pools.py`). Everything that is decided in a call is decided here, once.
"""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from .._auth.credentials import Renew
from .._decoding.inflate import BodyError
from .._forks import first_time
from .._http import transport_errors
from .._secrets import secrets_of
from ..errors import GeoperaError, ResponseMismatchWarning, UnexpectedStatus
from ..middleware import RetryEvent
from ..types import Response
from . import retry
from .deprecation import warn_if_deprecated
from .endpoint import Reply, Request, check_key
from .failures import connection_error, refused, request_id, start, unreadable, unusable
from .responses import remember

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .._secrets import Redactor
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
    headers: tuple[tuple[str, Any], ...] = (),
    stream: bool = False,
    raises: bool = True,
    finish: Callable[[Reply], Any] | None = None,
) -> Generator[Request | Renew | float, Reply | None, Response[Any]]:
    """Carry out one logical call. Returns the `Response`.

    Args:
        endpoint: The operation.
        context: The settings of the client.
        content: The body.
        key: The idempotency key. For an operation that spends one is made here, once for all attempts.
        headers: Headers of this call.
        stream: Leave the body of a success unread; `parsed` is then the result of `finish`.
        raises: False for the low-level functions, which return an error status.
        finish: Called once with the reply, before the call returns.
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
    credential, renewals = context.credential, 0
    attempt, waited, started = 0, 0.0, time.monotonic()
    try:
        while True:
            if credential is not None and credential.due():
                yield Renew(credential, credential.current)
            used = None if credential is None else credential.current
            if limiter is not None:
                now, token = time.monotonic(), context.authenticated
                delay = limiter.reserve(operation.id, now, spends=operation.spends, token=token)
                if delay > 0:
                    if context.on_limit is not None:
                        context.on_limit(delay)
                    yield delay if deadline is None else max(min(delay, deadline - now), 0.0)
                waited += time.monotonic() - now  # waits for rate limits do not count towards the deadline
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
                if "deprecation" in reply.headers or "sunset" in reply.headers:
                    clean = context.redactor(headers).headers(reply.headers)
                    warn_if_deprecated(operation.id, clean, _caller_level)
            if log.isEnabledFor(logging.DEBUG):
                served_as = (
                    None if reply is None else request_id(context.redactor(headers).headers(reply.headers))
                )
                _log_attempt(operation, reply, failure, attempt, time.monotonic() - sent, served_as)
            if reply is not None and reply.status == 401 and used is not None and not renewals:
                assert credential is not None
                if credential.renewable and not secrets_of(headers):
                    # 401 comes before any effect: the same request, with the same key, is sent once more.
                    renewals = 1
                    yield Renew(credential, used)
                    continue
            if outcome is None:
                assert reply is not None
                break
            acted = acted or (retry.may_have_acted(outcome) and not operation.read_only)
            retry_after = None if reply is None else retry.retry_after_seconds(reply.headers, time.time())
            if retry.is_retried(outcome, safe=safe) and attempt - renewals <= context.policy.max_retries:
                from random import random

                pause = retry.decide(
                    context.policy,
                    safe=safe,
                    attempt=attempt - renewals,
                    elapsed=time.monotonic() - started - waited,
                    outcome=outcome,
                    retry_after=retry_after,
                    random=random(),
                )
                if pause is not None and (deadline is None or time.monotonic() + pause < deadline):
                    served = None if reply is None else context.redactor(headers).headers(reply.headers)
                    _report_retry(context, operation, reply, failure, attempt, pause, key, served)
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
            redactor = context.redactor(headers)
            if failure is not None:
                error = connection_error(failure, outcome, redactor, details, request.place)
                # Its frames hold the head of the request, as local variables do here.
                error.__context__ = redactor.exception(failure)
                failure = None
                raise error from None
            assert reply is not None
            return refused(endpoint, context, reply, details, raises, redactor)
    except (GeoperaError, UnexpectedStatus):
        raise
    except BaseException as exc:
        # A cancelled task, an interrupt or an error of a hook is not wrapped, and the key must not be lost.
        if attempt and key is not None:
            exc.add_note(f"geopera: {operation.id} may have been carried out; its idempotency key is {key}")
        raise
    elapsed = time.monotonic() - started
    redactor = context.redactor(headers)
    clean = redactor.headers(reply.headers)
    response: Response[Any] = Response(
        reply.status,
        reply.content or b"",
        clean,
        None,
        request_id=request_id(clean),
        idempotency_key=key,
        attempts=attempt,
        elapsed=elapsed,
    )
    if stream:
        response.parsed = finish(reply) if finish is not None else None
    elif raises or reply.status == operation.success_status:
        _parse_success(endpoint, context, reply, response, redactor)
    elif context.raise_on_unexpected_status:
        raise UnexpectedStatus(reply.status, redactor.content(response.content))
    remember(response)
    return response


def _is_transport(exc: Exception) -> bool:
    group: tuple[Any, ...] = getattr(exc, "exceptions", ()) if isinstance(exc, ExceptionGroup) else ()
    return isinstance(exc, transport_errors(OSError)) or (bool(group) and all(map(_is_transport, group)))


def _parse_success(
    endpoint: Endpoint, context: Context, reply: Reply, response: Response[Any], redactor: Redactor
) -> None:
    operation = endpoint.operation
    mismatches: list[str] = []
    fault = None
    try:
        with nullcontext() if endpoint.warm else first_time():
            response.parsed, mismatches = endpoint.parse(reply)
        endpoint.warm = True
    except (ValueError, RecursionError) as exc:
        fault = str(exc)
    if fault is not None:
        # Outside of the handler: the other exception holds the text, and a suppressed context is pickled too.
        body = start(redactor.content(response.content))
        raise unusable(
            f"{operation.id}: the response is not usable JSON ({fault}): {body}",
            response,
            operation,
            redactor,
        )
    if not mismatches:
        return
    mismatches = [redactor.text(one) for one in mismatches]
    shown = "; ".join(mismatches[:3]) + (f"; and {len(mismatches) - 3} more" if len(mismatches) > 3 else "")
    message = f"{operation.id}: the response does not match the manifest: {shown}"
    if context.strict_responses:
        raise unusable(message, response, operation, redactor)
    warnings.warn(message, ResponseMismatchWarning, stacklevel=_caller_level())


def _caller_level() -> int:
    """The stack level of the first frame outside this package, for a warning that points there."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "geopera":
        frame, level = frame.f_back, level + 1
    return level


def _report_retry(
    context: Context,
    operation: Operation,
    reply: Reply | None,
    failure: Exception | None,
    attempt: int,
    pause: float,
    key: str | None,
    served: Any,
) -> None:
    if context.on_retry is None and not log.isEnabledFor(logging.INFO):
        return
    event = RetryEvent(
        operation,
        attempt,
        pause,
        status_code=None if reply is None else reply.status,
        exception=failure,
        request_id=None if served is None else request_id(served),
        idempotency_key=key,
    )
    log.info("%s: %s, attempt %d, retrying in %.2f s", operation.id, event.outcome, attempt, pause)
    if context.on_retry is not None:
        context.on_retry(event)


def _log_attempt(
    operation: Operation,
    reply: Reply | None,
    failure: Exception | None,
    attempt: int,
    seconds: float,
    served_as: str | None,
) -> None:
    outcome = reply.status if reply is not None else type(failure).__name__
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
