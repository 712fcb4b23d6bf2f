"""`Token`: a token with its expiry, which a function given as ``token=`` may return."""

from __future__ import annotations

from .checks import token_value
from .secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

__all__ = ["Token"]


class Token:
    """A token and when it expires.

    Args:
        value: The token: text, or a secret type.
        expires_at: A ``datetime`` with its UTC offset, seconds since the epoch, or None if unknown.

    Raises:
        TypeError: If `value` is not text, or `expires_at` is not a time.
        ValueError: If the token cannot be sent in a header, or a ``datetime`` has no UTC offset.
    """

    __slots__ = ("expires_at", "value")

    value: Secret
    expires_at: float | None

    def __init__(self, value: Any, expires_at: datetime | float | None = None) -> None:
        value = Secret(value)
        self.value = token_value(value, "the token")
        self.expires_at = _seconds(expires_at)

    def __repr__(self) -> str:
        return f"Token(***, expires_at={self.expires_at!r})"


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if hasattr(value, "timestamp"):
        if value.tzinfo is None:
            raise ValueError("expires_at must have a UTC offset: datetime.now(UTC), not datetime.now()")
        return float(value.timestamp())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"expires_at must be a datetime, seconds since the epoch or None, not {type(value).__name__}"
        )
    return float(value)


def token_of(result: Secret) -> Token:
    """The result of a token function, in a `Secret`, as a `Token`: one, a text, or a pair (token, expires_at)."""
    made, message = _parts(result)
    if message:
        raise TypeError(message)
    return made if isinstance(made, Token) else Token(*made)


def _parts(result: Secret) -> tuple[Any, str]:
    value = result.get_secret_value()
    if isinstance(value, Token):
        return value, ""
    if not isinstance(value, tuple):
        return (result, None), ""
    if len(value) == 2:
        return (Secret(value[0]), value[1]), ""
    return None, f"token= returned a tuple of {len(value)}; it returns a token, or (token, expires_at)"
