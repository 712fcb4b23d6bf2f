"""The error of a call: its class, its message, and whether the server may have processed it.

Every text of a server or a transport is redacted here, for every secret of the call; then it is shortened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._http import is_timeout
from ..errors import (
    APIConnectionError,
    APITimeoutError,
    GeoperaError,
    ResponseError,
    UnexpectedStatus,
    for_status,
)
from ..schema import Model
from ..types import Response
from . import retry
from .reasons import sentence

if TYPE_CHECKING:
    from .._decoding.inflate import BodyError
    from .._secrets import Redactor
    from ..manifest._operation import Operation
    from .context import Context
    from .endpoint import Endpoint, Reply
    from .reasons import Place


def unusable(
    message: str, response: Response[Any], operation: Operation, redactor: Redactor
) -> ResponseError:
    """The error for a success that cannot be used. Its body is kept without secrets, like that of an error."""
    clean = redactor.content(response.content)
    if clean != response.content:
        response.content, response.parsed = clean, None
    response.headers = redactor.headers(response.headers)
    return ResponseError(
        redactor.text(message),
        status_code=response.status_code,
        operation=operation.id,
        response=response,
        idempotency_key=response.idempotency_key,
        request_id=response.request_id,
        attempts=response.attempts,
        elapsed=response.elapsed,
        may_have_acted=not operation.read_only,
    )


def refused(
    endpoint: Endpoint,
    context: Context,
    reply: Reply,
    details: dict[str, Any],
    raises: bool,
    redactor: Redactor,
) -> Response[Any]:
    """An error response: raised, or returned if `raises` is false."""
    operation = endpoint.operation
    content = redactor.content(reply.content or b"")
    headers = redactor.headers(reply.headers)
    error = endpoint.error(content)
    response: Response[Any] = Response(
        reply.status,
        content,
        headers,
        error,
        request_id=request_id(headers),
        idempotency_key=details["idempotency_key"],
        attempts=details["attempts"],
        elapsed=details["elapsed"],
    )
    if raises:
        raise for_status(reply.status)(
            redactor.text(_describe(operation, reply, error, content))
            + _unsigned(reply, context)
            + _history(details),
            error=error,
            status_code=reply.status,
            response=response,
            request_id=response.request_id,
            **details,
        )
    if operation.error_key(reply.status) is None:
        if context.raise_on_unexpected_status:
            raise UnexpectedStatus(reply.status, content)
        response.parsed = None
    return response


def _unsigned(reply: Reply, context: Context) -> str:
    """What to do about a 401 if no credentials were sent."""
    if reply.status != 401 or context.authenticated:
        return ""
    from .._auth.sources import hint

    return f" ({hint(context.note)})"


def _describe(operation: Operation, reply: Reply, error: Any, content: bytes) -> str:
    head = f"{operation.id}: {reply.status}"
    if isinstance(error, Model):
        detail = error.get("detail")
        if isinstance(detail, list):
            return f"{head} invalid input: " + ("; ".join(map(_field, detail[:5])) or "no field is named")
        parts = [str(part) for part in (error.get("title"), detail) if part]
        return f"{head} " + ": ".join(parts)
    place = reply.headers.get("location")
    if 300 <= reply.status < 400 and place:
        return f"{head}: redirected to {_without_query(place)}, which was not followed"
    return f"{head} {_page(content) or start(content) or 'with an empty body'}"


def _without_query(url: str) -> str:
    """A URL for a message: a query may hold a signature, and the user information a password."""
    scheme, mark, rest = url[:500].partition("?")[0].partition("#")[0].rpartition("//")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2] if mark else authority}{slash}{path}"


def _page(content: bytes) -> str:
    """A description of an HTML page, which is a proxy's or a gateway's, by its title."""
    head = content[:4096].lower()
    if not head.lstrip().startswith((b"<!doctype html", b"<html")):
        return ""
    title = content[head.find(b"<title>") + 7 : head.find(b"</title>")] if b"</title>" in head else b""
    titled = f" titled {start(title)!r}" if title else ""
    return f"an HTML page{titled}, which does not come from the API"


def _field(entry: Any) -> str:
    """An invalid field of a validation error on one line; a server may break its own schema."""
    if not hasattr(entry, "get"):
        return str(entry)[:200]
    loc = entry.get("loc") or ()
    place = ".".join(map(str, loc)) if isinstance(loc, list | tuple) else str(loc)
    return f"{place}: {entry.get('msg')}"


def start(content: bytes) -> str:
    """The first line or so of a redacted body that is not JSON, on one line."""
    return " ".join(content[:300].decode("utf-8", "replace").split())[:200]


def _history(details: dict[str, Any]) -> str:
    """The end of a message: attempts, the key, whether the server may have processed the call."""
    parts = []
    if details["attempts"] > 1:
        parts.append(f"{details['attempts']} attempts in {details['elapsed']:.1f} s")
    if details["may_have_acted"]:
        parts.append("the server may have processed it")
        if details["idempotency_key"]:
            parts.append(f"retry with idempotency_key={details['idempotency_key']!r} to be safe")
    return f" ({'; '.join(parts)})" if parts else ""


def connection_error(
    failure: Exception, outcome: str, redactor: Redactor, details: dict[str, Any], place: Place | None
) -> GeoperaError:
    """The error for a request without a response. `place`: where the request went, if it is known."""
    cls = APITimeoutError if is_timeout(failure) else APIConnectionError
    text = redactor.text(sentence(failure, place, details["elapsed"]))
    name = type(failure).__name__
    # The library's message about a malformed header holds its value.
    words = "" if name == "LocalProtocolError" else redactor.text(str(failure))
    sent = "; nothing was sent" if outcome == retry.NOT_SENT and not details["may_have_acted"] else ""
    return cls(
        f"{details['operation']}: {text}{sent}{_history(details)}",
        reason=f"{name}: {words}" if words else name,
        **details,
    )


def unreadable(
    exc: BodyError, operation: Operation, key: str | None, attempts: int, elapsed: float
) -> ResponseError:
    """The error for a success whose body cannot be received."""
    return ResponseError(
        f"{operation.id}: {exc}",
        operation=operation.id,
        idempotency_key=key,
        attempts=attempts,
        elapsed=elapsed,
        may_have_acted=not operation.read_only,
    )


def request_id(headers: Any) -> str | None:
    """The server's id of a request, from redacted headers."""
    value: str | None = headers.get("x-request-id")
    return value
