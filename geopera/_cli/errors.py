"""Exit statuses, and an error as one line.

    0  done                        5  not permitted (403)        9  the server failed (5xx)
    1  any other failure           6  not found (404, 410)      10  no connection, or no response in time
    2  wrong usage of a command    7  refused input (400, 422,  11  cannot be paid (402)
    3  wrong or unusable manifest     or checked before          12  conflict (409)
    4  not authenticated (401)        anything was sent)         13  rate limited (429)
                                    8  the wait ended in a failure, or timed out
    130  interrupted               141  the reader of a pipe has gone

`manifest diff` has statuses of its own; see there.
"""

from __future__ import annotations

from .text import error

FAILED = 1
USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141

_STATUS = (
    ("ManifestError", 3),
    ("AuthenticationError", 4),
    ("PermissionDeniedError", 5),
    ("NotFoundError", 6),
    ("GoneError", 6),
    ("InvalidInputError", 7),
    ("BadRequestError", 7),
    ("OperationFailedError", 8),
    ("WaitTimeoutError", 8),
    ("ServerError", 9),
    ("APIConnectionError", 10),
    ("PaymentRequiredError", 11),
    ("ConflictError", 12),
    ("RateLimitError", 13),
)


class UsageError(Exception):
    """A wrong use of a command that the parser cannot detect."""


def exit_status(exc: BaseException) -> int:
    """The exit status for an error."""
    from .. import errors

    if isinstance(exc, UsageError):
        return USAGE
    return next((status for name, status in _STATUS if isinstance(exc, getattr(errors, name))), FAILED)


def report(exc: Exception) -> int:
    """Print an error as one line, without the token, and return its exit status."""
    from ..errors import GeoperaError

    if isinstance(exc, GeoperaError | UsageError):
        text = str(exc)
    elif isinstance(exc, OSError):
        text = f"{exc.filename}: {exc.strerror}" if exc.filename and exc.strerror else str(exc)
    else:
        text = f"{type(exc).__name__}: {exc}"
    error(text.strip() or type(exc).__name__)
    return exit_status(exc)
