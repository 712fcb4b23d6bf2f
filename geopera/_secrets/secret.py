"""`Secret`: a value that prints as ``***`` wherever it stands."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_GONE = object()


class Secret:
    """A value that must not be shown: a token, an API key, a cookie, a webhook secret.

    It prints as ``***`` and is not a string, so joining, slicing or serialising it fails instead of showing it.
    `get_secret_value` returns the value. A pickle does not hold it. A comparison takes constant time; a secret equals
    a string with its value.
    """

    __slots__ = ("__weakref__", "_value")

    _value: Any

    def __init__(self, value: Any = _GONE) -> None:
        if isinstance(value, Secret):
            value = value._value
        object.__setattr__(self, "_value", value)

    def get_secret_value(self) -> Any:
        """The value itself.

        Raises:
            ValueError: If the secret came out of a pickle, which holds no value.
        """
        if self._value is _GONE:
            raise ValueError("this secret came out of a pickle, and a pickle holds no value; set it again")
        return self._value

    @property
    def known(self) -> bool:
        """Whether the value is here; it is not after unpickling."""
        return self._value is not _GONE

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed; make another")

    def __eq__(self, other: object) -> bool:
        theirs = other._value if isinstance(other, Secret) else other
        mine = self._value
        if isinstance(mine, str) and isinstance(theirs, str):
            from hmac import compare_digest

            return compare_digest(
                mine.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass")
            )
        if isinstance(other, Secret):
            return bool(mine == theirs)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, ()


def reveal(value: Any) -> Any:
    """The value of a `Secret` or of another library's secret type (``get_secret_value``); anything else as it is."""
    # A `Secret` may hold another library's: values are wrapped before they are inspected.
    for _ in range(4):
        get = getattr(value, "get_secret_value", None)
        if get is None:
            break
        value = get()
    return value
