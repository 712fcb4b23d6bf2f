"""Which headers are secret, and which values a header can carry."""

from __future__ import annotations

from .secret import Secret, reveal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# RFC 9110, section 5.6.2: what the name of a header consists of.
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_FRAMING = ("content-length", "transfer-encoding")
_NAMES = ("authorization", "proxy-authorization", "cookie", "set-cookie")


def is_secret_name(name: str) -> bool:
    """Whether a header, cookie jar or setting of this name holds a secret. An idempotency key is not one."""
    name = name.lower().replace("_", "-")
    if name == "idempotency-key":
        return False
    return name in _NAMES or name.endswith(("-key", "-token")) or name in ("key", "token") or "secret" in name


def header_value(value: Any, what: str) -> Any:
    """A value for a header, without the line break at the end of a file; a `Secret` stays one.

    Args:
        value: Text, bytes, or a secret of either.
        what: The argument, variable or header, for the message, which never holds the value.

    Raises:
        TypeError: If it is not text.
        ValueError: If a header cannot carry it (RFC 9110, 5.5).
    """
    wrapped = isinstance(value, Secret)
    secret = Secret(reveal(value))
    value = None
    checked, fault, error = _checked(secret)
    if fault is not None:
        raise error(f"{what} {fault}; nothing was sent")
    return checked if wrapped else checked.get_secret_value()


def token_value(value: Any, what: str) -> Secret:
    """A token as a `Secret`, checked like any header value; it must not be empty or padded with spaces."""
    secret = Secret(reveal(value))
    value = None
    checked: Secret = header_value(secret, what)
    fault = _token_fault(checked)
    if fault is not None:
        raise ValueError(f"{what} {fault}; nothing was sent")
    return checked


# Only these functions hold the value as a local variable, and they raise nothing: a traceback shows local variables.


def _checked(secret: Secret) -> tuple[Secret, str | None, type[Exception]]:
    text = secret.get_secret_value()
    if isinstance(text, (bytes, bytearray)):
        text = bytes(text).decode("latin-1")
    if not isinstance(text, str):
        return secret, f"must be a string, not {type(text).__name__}", TypeError
    if text.endswith("\n"):
        text = text.removesuffix("\n").removesuffix("\r")
    return Secret(text), _fault(text), ValueError


def _token_fault(secret: Secret) -> str | None:
    text: str = secret.get_secret_value()
    if not text.strip():
        return "is empty"
    if text != text.strip():
        return "has spaces around it"
    if not text.isprintable():
        return "holds a control character, which a token cannot"
    return None if text.isascii() else "holds a character outside of ASCII"


def header_fault(name: Any, value: Any) -> str | None:
    """The fault of a header, or None. `value` may be a secret; it is in no message."""
    name = name.decode("latin-1") if isinstance(name, bytes) else name
    if not isinstance(name, str) or not name or not _TOKEN.issuperset(name):
        return f"{name!r} is not a header name"
    if name.lower() in _FRAMING:
        return f"the header {name!r} cannot be set: it follows from the body"
    fault = _carried(value)
    return None if fault is None else f"the header {name!r} {fault}"


def _carried(value: Any) -> str | None:
    value = reveal(value)
    value = bytes(value).decode("latin-1") if isinstance(value, (bytes, bytearray)) else value
    if not isinstance(value, str):
        return f"must be a string, not {type(value).__name__}"
    return "has spaces around its value" if value.strip(" \t") != value else _fault(value)


def _fault(text: str) -> str | None:
    for character in text:
        if character in "\r\n":
            return "holds a line break, which a header cannot carry"
        if (ord(character) < 32 and character != "\t") or ord(character) == 127:
            return "holds a control character, which a header cannot carry"
        if ord(character) > 255:
            return "holds a character that a header cannot carry"
    return None


def _wrapped(headers: Any) -> dict[str, Any]:
    headers = reveal(headers)
    items: Any = headers.items() if hasattr(headers, "items") else headers or ()
    found = {}
    for name, value in items:
        name = name.decode("latin-1") if isinstance(name, bytes) else name
        secret = (isinstance(name, str) and is_secret_name(name)) or hasattr(value, "get_secret_value")
        found[name] = Secret(reveal(value)) if secret else value
    return found


def protected(
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] | None, what: str = "the header"
) -> dict[str, Any]:
    """Checked headers; the value of a secret one is a `Secret`."""
    found = _wrapped(headers)
    headers = None
    for name in found:
        fault = header_fault(name, "")
        if fault is not None:
            raise ValueError(f"{fault}; nothing was sent")
    return {name: header_value(value, f"{what} {name!r}") for name, value in found.items()}


def secrets_of(headers: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> list[Secret]:
    """The secret values among headers that `protected` returned."""
    items: Any = headers.items() if hasattr(headers, "items") else headers
    return [value for _, value in items if isinstance(value, Secret)]
