"""Every error this library raises, as one tree.

    GeoperaError
    ├── APIError                      the response has an error status
    │   ├── BadRequestError           400
    │   ├── AuthenticationError       401  the token is missing, malformed or expired
    │   │   └── CredentialsError      no usable credentials on this machine; nothing was sent
    │   ├── PaymentRequiredError      402  no credits, or the card asks for a second factor
    │   ├── PermissionDeniedError     403  the token lacks the scope
    │   ├── NotFoundError             404  unknown, or another organisation's
    │   ├── ConflictError             409  an idempotency key was used with another body
    │   ├── GoneError                 410
    │   ├── InvalidInputError         422  refused by the server, or here before anything was sent
    │   ├── RateLimitError            429
    │   └── ServerError               5xx
    ├── APIConnectionError            no response
    │   └── APITimeoutError           … in time (also a built-in TimeoutError)
    ├── ResponseError                 the response cannot be used
    │   └── StreamError               a stream was cut, or held something other than records
    ├── PagingError                   the server returned the same page or token twice
    ├── WaitTimeoutError              the final status was not reached (also a TimeoutError)
    ├── OperationFailedError          the order or job that was waited for failed
    ├── ManifestError                 a manifest cannot be read, checked or refreshed
    └── WebhookError                  a delivery has the wrong shape
        └── WebhookSignatureError     … or was not signed with the secret
    UnexpectedStatus                  low-level functions, with ``raise_on_unexpected_status``
    DeprecatedOperationWarning        the API will remove the operation
    ResponseMismatchWarning           a success that does not match the manifest

Business errors carry a problem detail (RFC 9457) in `error`, input errors the list of bad fields.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .types import Response

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "CredentialsError",
    "DeprecatedOperationWarning",
    "GeoperaError",
    "GoneError",
    "InvalidInputError",
    "ManifestError",
    "NotFoundError",
    "OperationFailedError",
    "PagingError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseError",
    "ResponseMismatchWarning",
    "ServerError",
    "StreamError",
    "UnexpectedStatus",
    "WaitTimeoutError",
    "WebhookError",
    "WebhookSignatureError",
]


class GeoperaError(Exception):
    """The base of every error of the library. All attributes are always set.

    Attributes:
        error: The parsed `Problem` or `HTTPValidationError`, or None.
        status_code: The HTTP status, or None if there was no response.
        operation: The operation id, or None.
        response: The `Response`, without the request and so without the token, or None.
        idempotency_key: The key that the call was sent with: a retry with it has no second effect.
        retry_after: The seconds that the server asked to wait, or None.
        request_id: The server's id of the request, or None.
        attempts: The number of requests that were sent or tried.
        elapsed: The seconds from the first attempt to the error.
        may_have_acted: Whether the server may have processed the call in spite of the error.
        reason: The class and the message of the transport's exception, without secrets, or None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        error: Any = None,
        status_code: int | None = None,
        operation: str | None = None,
        response: Response[Any] | None = None,
        idempotency_key: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        attempts: int = 0,
        elapsed: float = 0.0,
        may_have_acted: bool = False,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error = error
        self.status_code = status_code
        self.operation = operation
        self.response = response
        self.idempotency_key = idempotency_key
        self.retry_after = retry_after
        self.request_id = request_id
        self.attempts = attempts
        self.elapsed = elapsed
        self.may_have_acted = may_have_acted
        self.reason = reason

    @property
    def message(self) -> str:
        """The message, in one or a few lines, without control characters; a long text is cut."""
        from ._display.safe import message

        return message(str(self.args[0])) if self.args else ""

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(cls: type[GeoperaError], args: tuple[Any, ...], state: dict[str, Any]) -> GeoperaError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class APIError(GeoperaError):
    """The response has an error status."""


class BadRequestError(APIError):
    """400: the request is malformed."""


class AuthenticationError(APIError):
    """401: the token is missing, malformed or expired."""


class CredentialsError(AuthenticationError, ValueError):
    """The requested credentials are missing, belong to another server, or cannot be renewed. Nothing was sent.

    `response` and `status_code` are None.
    """


class PaymentRequiredError(APIError):
    """402: the charge or debit was not possible; `error.additional_properties` may have what to do next."""


class PermissionDeniedError(APIError):
    """403: the token is valid and lacks the scope or the membership."""


class NotFoundError(APIError):
    """404: unknown, or belonging to another organisation."""


class ConflictError(APIError):
    """409: usually an idempotency key that was used with another body."""


class GoneError(APIError):
    """410: it existed before."""


class InvalidInputError(APIError, ValueError):
    """422, or a body refused before anything was sent: then `response` and `status_code` are None."""


class RateLimitError(APIError):
    """429: too many requests; `retry_after` has the seconds to wait."""


class ServerError(APIError):
    """5xx: the server failed."""


class APIConnectionError(GeoperaError):
    """No usable response: connection refused or lost, host not found. See `may_have_acted`."""


class APITimeoutError(APIConnectionError, TimeoutError):
    """No response in time."""


class ResponseError(GeoperaError):
    """The response has a success status, and its body is not what the operation returns."""


class StreamError(ResponseError):
    """A stream ended early, or held something that is not a record; the records before that were yielded."""


class PagingError(GeoperaError):
    """The server returned the same page or page token twice; following it would never end."""


class WaitTimeoutError(GeoperaError, TimeoutError):
    """The timeout of a wait expired.

    Attributes:
        last: The last response, or None.
    """

    def __init__(self, message: str = "", *, last: Any = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last = last


class OperationFailedError(GeoperaError):
    """The order or job that was waited for failed or was cancelled.

    Attributes:
        last: The final response.
    """

    def __init__(self, message: str = "", *, last: Any = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last = last


class ManifestError(GeoperaError, ValueError):
    """A manifest, or the document that one is made from, cannot be used; nothing was changed."""


class WebhookError(GeoperaError, ValueError):
    """A webhook delivery does not have the documented shape."""


class WebhookSignatureError(WebhookError):
    """A webhook delivery is not signed with the secret: do not act on it."""


class UnexpectedStatus(Exception):
    """A low-level function received a status that the operation does not declare.

    Raised only if the client was made with ``raise_on_unexpected_status=True``.

    Attributes:
        status_code: The HTTP status.
        content: The bytes of the body.
    """

    def __init__(self, status_code: int, content: bytes) -> None:
        from ._display.safe import safe

        self.status_code = status_code
        self.content = content
        start = content[:1000].decode("utf-8", "replace")
        super().__init__(safe(f"the response has the undeclared status {status_code}:\n{start}"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status_code, self.content)


class ResponseMismatchWarning(UserWarning):
    """A successful response does not match the manifest; it was returned, typed as far as possible."""

    def __str__(self) -> str:
        from ._display.safe import message

        return message(super().__str__())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class DeprecatedOperationWarning(DeprecationWarning):
    """A response had a ``Deprecation`` (RFC 9745) or ``Sunset`` (RFC 8594) header; given once an operation."""


_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidInputError,
    429: RateLimitError,
}


def for_status(status: int) -> type[APIError]:
    """The class for an HTTP status that is not a success."""
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else APIError)
