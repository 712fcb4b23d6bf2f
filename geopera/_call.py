"""One call, without I/O: send, wait, send again, parse or raise.

`call` is a generator. It yields what it wants done, a `Request` to send or a number of seconds to wait,
and is sent the `Reply` that came back; an exception of the transport is thrown into it. What performs
the I/O, blocking or not, is a loop of ten lines (see `_http.py`), and everything that happens in a call
happens here, once.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from . import _retry
from ._body import Input, error_model
from .errors import (
    APIConnectionError,
    APITimeoutError,
    GeoperaError,
    InvalidInputError,
    ResponseError,
    ResponseMismatchWarning,
    UnexpectedStatus,
    for_status,
)
from .schema import Model, best_effort
from .types import Content, Response, open_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from ._limits import RateLimiter
    from .manifest import Manifest, Operation

log = logging.getLogger("geopera")

_ACCEPT_STREAM = "application/x-ndjson, text/event-stream;q=0.9, application/json;q=0.8"


class Request:
    """What is to be sent: a POST of `content` to an operation.

    `stream` leaves the body of a success unread. `timeout` is None for the client's own.
    """

    __slots__ = ("content", "headers", "route", "stream", "timeout")

    def __init__(
        self,
        route: Endpoint,
        content: bytes,
        headers: tuple[tuple[str, str], ...],
        timeout: Any,
        stream: bool,
    ) -> None:
        self.route = route
        self.content = content
        self.headers = headers
        self.timeout = timeout
        self.stream = stream


class Reply:
    """What came back. `content` is None where the body of a stream is still to be read from `http`."""

    __slots__ = ("content", "headers", "http", "status")

    def __init__(self, status: int, headers: Any, content: bytes | None, http: Any = None) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.http = http


class Endpoint:
    """One operation of one manifest, compiled: how its body is checked and its answer read."""

    __slots__ = ("_validate", "accept", "adapter", "input", "manifest", "operation", "path")

    def __init__(self, operation: Operation, manifest: Manifest) -> None:
        self.operation = operation
        self.manifest = manifest
        self.path = manifest.path.replace("{operation_id}", operation.id)
        self.input = Input(operation, manifest)
        self.adapter = manifest.registry.adapter(operation.output, operation.id + ".output")
        self._validate = self.adapter.validator.validate_python
        self.accept = (
            _ACCEPT_STREAM if operation.streaming else "*/*" if operation.binary else operation.media_type
        )

    def parse(self, reply: Reply) -> tuple[Any, list[str]]:
        """(the typed result, what in it is not as the manifest says). Raises ValueError for no JSON."""
        operation, content = self.operation, reply.content or b""
        if operation.binary:
            return Content(content, reply.headers.get("content-type", operation.media_type)), []
        if operation.streaming:
            return self._records(reply)
        if not content:
            return None, [] if reply.status == 204 else ["the body is empty"]
        return self.typed(decode(content))

    def typed(self, data: Any) -> tuple[Any, list[str]]:
        """JSON data as the operation's output, as well typed as it can be, with the mismatches."""
        try:
            value = self._validate(data, strict=True, by_alias=True, by_name=False)
        except ValidationError:
            value, problems = best_effort(self.adapter, data)
            mismatches = [f"{'.'.join(map(str, loc)) or 'the body'}: {msg}" for loc, msg in problems]
        else:
            mismatches = []
        return value if isinstance(value, Model) else open_json(value), mismatches

    def _records(self, reply: Reply) -> tuple[list[Any], list[str]]:
        from ._streams import records

        found = [
            self.typed(data) for data in records(reply.headers.get("content-type", ""), reply.content or b"")
        ]
        return [value for value, _ in found], [line for _, lines in found for line in lines]

    def error(self, status: int, content: bytes) -> Any:
        """The problem detail or validation error that the body of an error holds, or None.

        What it is is decided by its shape: a 422 comes as either.
        """
        try:
            data = decode(content)
        except ValueError:
            return None
        if not isinstance(data, dict):
            return None
        if isinstance(data.get("detail"), list):
            name = "HTTPValidationError"
        elif data.keys() & {"title", "detail", "type", "status"}:
            name = "Problem"
        else:
            return None
        from pydantic import TypeAdapter

        return best_effort(TypeAdapter(error_model(self.manifest, name)), data)[0]


def endpoint(manifest: Manifest, id: str) -> Endpoint:
    """The operation `id` of `manifest`, compiled at first use. Raises KeyError for an unknown one."""
    found = manifest.compiled.get(id)
    if found is None:
        found = manifest.compiled.setdefault(id, Endpoint(manifest.operations[id], manifest))
    compiled: Endpoint = found
    return compiled


def unknown_endpoint(manifest: Manifest, id: str) -> Endpoint:
    """An operation that no manifest knows: open input, open output, never repeated once it was sent."""
    from .manifest import Operation

    if not (isinstance(id, str) and id and all(part.isidentifier() for part in id.split("."))):
        raise ValueError(f"{id!r} is no operation id; one looks like 'catalog.search'")
    return Endpoint(Operation.from_entry(id, {"input": {"type": "object"}}), manifest)


def decode(content: bytes) -> Any:
    """JSON bytes as Python objects. Raises ValueError where they are no JSON."""
    try:
        return from_json(content)
    except ValueError:
        # What the quick parser refuses and the standard one takes: deep nesting, lone surrogates.
        from json import loads

        try:
            return loads(content)
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None


class Context:
    """What a client says about a call: how patient it is, what it checks, what it keeps secret."""

    __slots__ = (
        "extra_fields",
        "headers",
        "limiter",
        "policy",
        "raise_on_unexpected_status",
        "secrets",
        "strict_responses",
        "timeout",
    )

    def __init__(
        self,
        *,
        policy: _retry.RetryPolicy,
        limiter: RateLimiter | None = None,
        secrets: tuple[str, ...] = (),
        strict_responses: bool = False,
        raise_on_unexpected_status: bool = False,
        timeout: Any = None,
        extra_fields: str = "forbid",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.headers = headers
        self.policy = policy
        self.limiter = limiter
        self.secrets = secrets
        self.strict_responses = strict_responses
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self.timeout = timeout
        self.extra_fields = extra_fields

    def replace(self, overrides: Mapping[str, Any]) -> Context:
        """This context with the options of one ``with_options``. Raises ValueError or TypeError for a bad one."""
        new = {name: getattr(self, name) for name in self.__slots__}
        policy = overrides.get("retry") or self.policy
        if overrides.get("max_retries") is not None:
            policy = policy.replace(max_retries=overrides["max_retries"])
        new["policy"] = policy
        new["headers"] = (*self.headers, *(overrides.get("headers") or {}).items())
        if overrides.get("extra_fields", "forbid") not in ("allow", "forbid"):
            raise ValueError(f"extra_fields is 'allow' or 'forbid', not {overrides['extra_fields']!r}")
        for name in ("timeout", "extra_fields", "strict_responses"):
            new[name] = overrides.get(name, new[name])
        return Context(**new)


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
    request = Request(endpoint, content, headers, context.timeout, stream)
    safe = operation.read_only or (operation.idempotent and key is not None)
    limiter, acted = context.limiter, False
    attempt, waited, started = 0, 0.0, time.monotonic()
    try:
        while True:
            if limiter is not None:
                now, token = time.monotonic(), bool(context.secrets)
                delay = limiter.reserve(operation.id, now, spends=operation.spends, token=token)
                if delay > 0:
                    yield delay
                waited += time.monotonic() - now  # keeping to the limits is not what the deadline is for
            attempt += 1
            sent = time.monotonic()
            reply: Reply | None = None
            failure: Exception | None = None
            try:
                reply = yield request
                assert reply is not None
            except Exception as exc:
                failure = exc
                outcome: str | None = _retry.outcome_of_exception(exc)
                if outcome == _retry.OTHER and not _is_transport(exc):
                    raise
            else:
                outcome = _retry.outcome_of_status(reply.status)
            if log.isEnabledFor(logging.DEBUG):
                _log_attempt(operation, reply, failure, attempt, time.monotonic() - sent)
            if outcome is None:
                assert reply is not None
                break
            acted = acted or (_retry.may_have_acted(outcome) and not operation.read_only)
            retry_after = None if reply is None else _retry.retry_after_seconds(reply.headers, time.time())
            if _retry.repeats(outcome, safe=safe) and attempt <= context.policy.max_retries:
                from random import random

                pause = _retry.decide(
                    context.policy,
                    safe=safe,
                    attempt=attempt,
                    elapsed=time.monotonic() - started - waited,
                    outcome=outcome,
                    retry_after=retry_after,
                    random=random(),
                )
                if pause is not None:
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
                raise _connection_error(failure, outcome, context, details) from failure
            assert reply is not None
            return _refused(endpoint, context, reply, details, raises)
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
        request_id=_request_id(reply),
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
    import httpx

    return isinstance(exc, httpx.HTTPError | httpx.InvalidURL | OSError)


def _parse_success(endpoint: Endpoint, context: Context, reply: Reply, response: Response[Any]) -> None:
    operation = endpoint.operation
    try:
        response.parsed, mismatches = endpoint.parse(reply)
    except ValueError as exc:
        raise _unusable(
            f"{operation.id}: the answer is not JSON ({exc}): {_start(response.content)}", response, operation
        ) from exc
    if not mismatches:
        return
    shown = "; ".join(mismatches[:3]) + (f"; and {len(mismatches) - 3} more" if len(mismatches) > 3 else "")
    message = f"{operation.id}: the answer is not what the manifest says: {shown}"
    if context.strict_responses:
        raise _unusable(message, response, operation)
    warnings.warn(message, ResponseMismatchWarning, stacklevel=_caller_level())


def _unusable(message: str, response: Response[Any], operation: Operation) -> ResponseError:
    return ResponseError(
        message,
        status_code=response.status_code,
        operation=operation.id,
        response=response,
        idempotency_key=response.idempotency_key,
        request_id=response.request_id,
        attempts=response.attempts,
        elapsed=response.elapsed,
        may_have_acted=not operation.read_only,
    )


def _caller_level() -> int:
    """The stack level of the first frame outside this package, for a warning that points there."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "geopera":
        frame, level = frame.f_back, level + 1
    return level


def _refused(
    endpoint: Endpoint, context: Context, reply: Reply, details: dict[str, Any], raises: bool
) -> Response[Any]:
    """An answer that is no success: raised, or returned where the caller wants no raising."""
    operation = endpoint.operation
    content = _without_secrets(reply.content or b"", context)
    error = endpoint.error(reply.status, content)
    response: Response[Any] = Response(
        reply.status,
        content,
        reply.headers,
        error,
        request_id=_request_id(reply),
        idempotency_key=details["idempotency_key"],
        attempts=details["attempts"],
        elapsed=details["elapsed"],
    )
    if raises:
        raise for_status(reply.status)(
            _describe(operation, reply, error, content) + _history(details),
            error=error,
            status_code=reply.status,
            response=response,
            request_id=response.request_id,
            **details,
        )
    if str(reply.status) not in operation.errors:
        if context.raise_on_unexpected_status:
            raise UnexpectedStatus(reply.status, content)
        response.parsed = None
    return response


def _describe(operation: Operation, reply: Reply, error: Any, content: bytes) -> str:
    head = f"{operation.id}: {reply.status}"
    if isinstance(error, Model):
        detail = error.get("detail")
        if isinstance(detail, list):
            lines = [f"{'.'.join(str(p) for p in e.get('loc') or ())}: {e.get('msg')}" for e in detail[:5]]
            return f"{head} invalid input: " + "; ".join(lines)
        parts = [str(part) for part in (error.get("title"), detail) if part]
        return f"{head} " + ": ".join(parts)
    return f"{head} {_start(content) or 'with an empty body'}"


def _start(content: bytes) -> str:
    """The first line or so of a body that is no JSON, on one line."""
    return " ".join(content[:300].decode("utf-8", "replace").split())[:200]


def _history(details: dict[str, Any]) -> str:
    """What is known about the call beside the answer: attempts, the key, whether it may have acted."""
    parts = []
    if details["attempts"] > 1:
        parts.append(f"{details['attempts']} attempts in {details['elapsed']:.1f} s")
    if details["may_have_acted"]:
        parts.append("the server may have acted")
        if details["idempotency_key"]:
            parts.append(f"repeat with idempotency_key={details['idempotency_key']!r}")
    return f" ({'; '.join(parts)})" if parts else ""


_FAILURES = {
    _retry.NOT_CONNECTED: "no connection",
    _retry.READ_TIMEOUT: "no answer in time",
    _retry.CONNECTION_LOST: "the connection was lost",
}


def _connection_error(
    failure: Exception, outcome: str, context: Context, details: dict[str, Any]
) -> GeoperaError:
    import httpx

    timeout = isinstance(failure, httpx.TimeoutException | TimeoutError)
    what = _FAILURES.get(outcome, "the request failed")
    text = _redact(str(failure), context)
    cls = APITimeoutError if timeout else APIConnectionError
    return cls(
        f"{details['operation']}: {what}: {type(failure).__name__}{': ' if text else ''}{text}{_history(details)}",
        **details,
    )


def _without_secrets(content: bytes, context: Context) -> bytes:
    """An error's body as it is kept: a server that echoes the token does not get it into a log."""
    for secret in context.secrets:
        content = content.replace(secret.encode(), b"***")
    return content


def _redact(text: str, context: Context) -> str:
    for secret in context.secrets:
        text = text.replace(secret, "***")
    return text


def _request_id(reply: Reply) -> str | None:
    value: str | None = reply.headers.get("x-request-id")
    return value


def _log_attempt(
    operation: Operation, reply: Reply | None, failure: Exception | None, attempt: int, seconds: float
) -> None:
    outcome = reply.status if reply is not None else type(failure).__name__
    request_id = _request_id(reply) if reply is not None else None
    log.debug(
        "%s: %s, attempt %d, %.1f ms, request id %s",
        operation.id,
        outcome,
        attempt,
        seconds * 1000,
        request_id or "-",
        extra={
            "geopera_operation": operation.id,
            "geopera_outcome": outcome,
            "geopera_attempt": attempt,
            "geopera_duration": seconds,
            "geopera_request_id": request_id,
        },
    )


def check_key(endpoint: Endpoint, key: Any) -> None:
    """Refuse an idempotency key that a header cannot hold as it is.

    Raises `InvalidInputError`: the key is a string of 1 to 255 printable ASCII characters.
    """
    fault = None
    if not isinstance(key, str):
        fault = f"the key is a {type(key).__name__}; it has to be a string"
    elif not 1 <= len(key) <= 255:
        fault = f"the key has {len(key)} characters; 1 to 255 are possible"
    elif not (key.isascii() and key.isprintable()) or key != key.strip():
        fault = "the key may hold printable ASCII characters alone, and no space at its ends"
    if fault is not None:
        error: InvalidInputError = endpoint.input.refusal(
            [(("Idempotency-Key",), fault, "idempotency_key")], where="header"
        )
        raise error
