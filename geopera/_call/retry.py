"""When a call is retried: pure rules, without clocks, sockets or randomness of their own.

Two facts decide: how the attempt ended (the outcome), and whether a retry is harmless (`safe`: the operation only
reads, or it is idempotent and the call carries a key).

    outcome                                         retried             may have acted
    ----------------------------------------------  ------------------  --------------
    not_connected   no connection was ever opened    always              no
    rate_limited    429                              always              no
    server_error    500, 502, 503, 504               only when safe      yes
    read_timeout    sent, no response in time         only when safe      yes
    connection_lost cut, or not HTTP, after sending  only when safe      yes
    refused         any other 4xx                    never               no
    not_sent        the request could not be made    never               no
    other           anything else                    never               yes

`may have acted` is about one attempt. A call of several attempts may have acted if any of
them may have, and a read never acts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_CONNECTED = "not_connected"
RATE_LIMITED = "rate_limited"
SERVER_ERROR = "server_error"
READ_TIMEOUT = "read_timeout"
CONNECTION_LOST = "connection_lost"
REFUSED = "refused"
NOT_SENT = "not_sent"
OTHER = "other"

ALWAYS, WHEN_SAFE, NEVER = "always", "when safe", "never"

# outcome -> (when it is retried, whether the server may have acted). The table of the docstring.
RULES: dict[str, tuple[str, bool]] = {
    NOT_CONNECTED: (ALWAYS, False),
    RATE_LIMITED: (ALWAYS, False),
    SERVER_ERROR: (WHEN_SAFE, True),
    READ_TIMEOUT: (WHEN_SAFE, True),
    CONNECTION_LOST: (WHEN_SAFE, True),
    REFUSED: (NEVER, False),
    NOT_SENT: (NEVER, False),
    OTHER: (NEVER, True),
}

REPEATED_STATUSES = frozenset({500, 502, 503, 504})

# The transport's exceptions by name: httpx and httpcore use the same names for the same events, and
# names need no import of either. The bases of a class with another name are searched.
EXCEPTIONS: dict[str, str] = {
    "ConnectError": NOT_CONNECTED,
    "ConnectTimeout": NOT_CONNECTED,
    "PoolTimeout": NOT_CONNECTED,
    "ProxyError": NOT_CONNECTED,
    "ReadTimeout": READ_TIMEOUT,
    "WriteTimeout": CONNECTION_LOST,
    "ReadError": CONNECTION_LOST,
    "WriteError": CONNECTION_LOST,
    "CloseError": CONNECTION_LOST,
    "RemoteProtocolError": CONNECTION_LOST,
    "DecodingError": CONNECTION_LOST,
    "BodyCut": CONNECTION_LOST,
    "UnsupportedProtocol": NOT_SENT,
    "InvalidURL": NOT_SENT,
    "LocalProtocolError": NOT_SENT,
    "CookieConflict": NOT_SENT,
    "NotSentInTime": NOT_CONNECTED,
    "TotalTimeout": READ_TIMEOUT,
    "ClosedBeforeSending": NOT_SENT,
    "ClosedWhileSending": OTHER,
}


class RetryPolicy:
    """How often and how long a call is retried. Immutable.

    The wait before retry n (from 0) is drawn evenly from 0 to ``min(cap, base * 2**n)`` seconds: full jitter, so that
    clients that failed together do not come back together.

    Args:
        max_retries: Retries after the first attempt; 0 turns them off.
        base: Seconds; the upper bound of the first wait.
        cap: Seconds; the upper bound of every wait.
        deadline: Seconds after the first attempt in which further attempts may start.
        retry_after_max: Seconds; the longest ``Retry-After`` that is honoured. If a server asks for more, the call is
            not retried and the error has the number.

    Raises:
        TypeError: If a value is not a number.
        ValueError: If a value is negative.
    """

    __slots__ = ("base", "cap", "deadline", "max_retries", "retry_after_max")

    max_retries: int
    base: float
    cap: float
    deadline: float
    retry_after_max: float

    def __init__(
        self,
        max_retries: int = 2,
        *,
        base: float = 0.5,
        cap: float = 8.0,
        deadline: float = 120.0,
        retry_after_max: float = 60.0,
    ) -> None:
        if isinstance(max_retries, bool) or not isinstance(max_retries, int):
            raise TypeError(f"max_retries must be a whole number, not {max_retries!r}")
        if max_retries < 0:
            raise ValueError(f"max_retries must not be negative: {max_retries}")
        assign = object.__setattr__
        assign(self, "max_retries", max_retries)
        times = {"base": base, "cap": cap, "deadline": deadline, "retry_after_max": retry_after_max}
        for name, value in times.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name} must be a number of seconds, not {value!r}")
            if not value >= 0:  # refuses NaN too
                raise ValueError(f"{name} must not be negative: {value!r}")
            assign(self, name, float(value))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"RetryPolicy is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("RetryPolicy is immutable")

    def replace(self, **changes: float) -> RetryPolicy:
        """A copy with some fields changed.

        Args:
            **changes: The fields, as in the constructor.

        Returns:
            The new policy.

        Raises:
            TypeError: If there is no such field.
        """
        fields = {name: getattr(self, name) for name in self.__slots__}
        unknown = changes.keys() - fields.keys()
        if unknown:
            raise TypeError(f"RetryPolicy has no field {sorted(unknown)[0]!r}")
        fields.update(changes)
        return RetryPolicy(**fields)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (tuple(getattr(self, name) for name in self.__slots__),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RetryPolicy):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__slots__))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name):g}" for name in sorted(self.__slots__))
        return f"RetryPolicy({fields})"


def _rebuild(values: tuple[float, ...]) -> RetryPolicy:
    return RetryPolicy(**dict(zip(RetryPolicy.__slots__, values, strict=True)))  # type: ignore[arg-type]


def outcome_of_status(status: int) -> str | None:
    """The outcome of a complete response with this status; None for success (2xx)."""
    if 200 <= status < 300:
        return None
    if status == 429:
        return RATE_LIMITED
    if status in REPEATED_STATUSES:
        return SERVER_ERROR
    if 400 <= status < 500:
        return REFUSED
    return OTHER  # a redirect that is not followed, 501, 505, 520…: their effect is unknown


def outcome_of_exception(error: BaseException) -> str:
    """The outcome of an exception of the transport; `other` for an unknown one."""
    for cls in type(error).__mro__:
        outcome = EXCEPTIONS.get(cls.__name__)
        if outcome is not None:
            return outcome
    return OTHER


def may_have_acted(outcome: str) -> bool:
    """Whether the server may have processed an attempt with this outcome. Unknown: yes."""
    return RULES.get(outcome, RULES[OTHER])[1]


def is_retried(outcome: str, *, safe: bool) -> bool:
    """Whether an attempt with this outcome may be retried, leaving counts and clocks aside."""
    rule = RULES.get(outcome, RULES[OTHER])[0]
    return rule == ALWAYS or (rule == WHEN_SAFE and safe)


def decide(
    policy: RetryPolicy,
    *,
    safe: bool,
    attempt: int,
    elapsed: float,
    outcome: str,
    retry_after: float | None = None,
    random: float,
) -> float | None:
    """Seconds to wait before the next attempt, or None to stop and raise.

    Args:
        policy: The bounds.
        safe: Whether a retry is harmless.
        attempt: The attempts made so far; 1 after the first.
        elapsed: Seconds since the first attempt began.
        outcome: How the last attempt ended.
        retry_after: The seconds that the server asked for. Honoured up to the policy's bound; a little jitter is
            added, never subtracted.
        random: A number in [0, 1), drawn by the caller.
    """
    if attempt > policy.max_retries or not is_retried(outcome, safe=safe):
        return None
    step = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 60))
    if retry_after is None:
        delay = random * step
    elif retry_after > policy.retry_after_max:
        return None
    else:
        delay = max(retry_after, 0.0) + random * min(policy.base, policy.cap)
    if elapsed + delay > policy.deadline:
        return None
    return delay


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """The `Retry-After` header of a response, in seconds from now; None without one.

    Both forms of RFC 9110, section 10.2.3, are read: a number of seconds and an HTTP date; also decimals, and the
    longest of several numbers, which some servers and proxies send. A date is compared with the response's own `Date`
    if there is one, so that a wrong clock on this machine does not matter, else with `now` (POSIX seconds). A time in
    the past is 0; an unreadable value is None. `headers` must ignore the case of names (httpx.Headers does).
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    value = value.strip()
    numbers = [_seconds(part) for part in value.split(",")] if value else [None]
    if None not in numbers:  # sent twice, or as a list: the longest is right for all
        return max(number for number in numbers if number is not None)
    then = _http_date(value)
    if then is None:
        return None
    sent = _http_date(headers.get("date") or "")
    return max(then - (now if sent is None else sent), 0.0)


def _seconds(text: str) -> float | None:
    """A number of seconds, also with decimals, not below 0; None for anything else."""
    text = text.strip()
    whole, point, decimals = text.removeprefix("-").partition(".")
    if not (whole.isascii() and whole.isdigit()) or (
        point and not (decimals.isascii() and decimals.isdigit())
    ):
        return None
    if text.startswith("-"):
        return 0.0
    return float(text) if len(whole) <= 9 else float("inf")


def _http_date(value: str) -> float | None:
    """An HTTP date (RFC 9110, section 5.6.7: three forms, always UTC) as POSIX seconds."""
    if not value or len(value) > 64:
        return None
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:  # the asctime form names no zone, and "-0000" is read as none
            date = date.replace(tzinfo=UTC)
        return date.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
