"""The problems of a body as messages: what was given and what was expected, shortened and redacted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._names import python_name

if TYPE_CHECKING:
    from .shapes import Shape

__all__ = ["Problems", "is_setting", "misfit", "setting_hint", "shown", "unknown", "without_secrets"]

Problems = list[tuple[tuple[str | int, ...], str, str]]
"""(location, message, type) of each invalid field."""

_SECRET_NAME = re.compile(r"password|secret|token|api_?key|(^|_)key$|authorization", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(gpra_|whsec_)[^\s'\"]+")
_MOST_NAMES = 12
_WIDTH = 60

_SETTINGS = frozenset(
    (
        "max_items",
        "delays",
        "raise_on_failure",
        "max_retries",
        "extra_fields",
        "strict_responses",
        "api_key",
        "base_url",
    )
)
_OPTIONS = frozenset({"timeout", "headers", "max_retries", "retry", "extra_fields", "strict_responses"})
_ELSEWHERE = {
    "max_items": "max_items is an argument of .iter() and .pages()",
    "delays": "delays is an argument of .wait()",
    "interval": "the pauses of a wait are set by .wait(delays=...)",
    "poll_interval": "the pauses of a wait are set by .wait(delays=...)",
    "until": "until is an argument of .wait()",
    "raise_on_failure": "raise_on_failure is an argument of .wait()",
    "progress": "progress is an argument of .iter(), .pages(), .wait(), .download() and map()",
    "concurrency": "concurrency is an argument of map()",
    "rate_limit": "rate_limit is an argument of map()",
    "token": "a token is given to the client: Geopera(token=...)",
    "api_key": "a token is given to the client: Geopera(token=...)",
    "base_url": "a base URL is given to the client: Geopera(base_url=...)",
    "body": "the body is the first argument, without a name",
}


def is_setting(name: str) -> bool:
    """Whether a name is that of a setting of a call, so that an open body refuses it."""
    return name in _SETTINGS


def setting_hint(name: str) -> str:
    """A hint for a name that is a setting of a call, not a field of its body."""
    if name in _OPTIONS:
        return f"; a setting of the call goes through with_options({name}=...)"
    return f"; {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""


def shown(value: Any, path: Sequence[str | int] = ()) -> str:
    """A value for a message: cut to a line, and redacted if its field is named like a secret."""
    if any(isinstance(part, str) and _SECRET_NAME.search(part) for part in path):
        return "***"
    if isinstance(value, str):
        value = without_secrets(value[:1_000])
        return repr(value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…")
    if isinstance(value, Mapping):
        return f"an object of {len(value)} field{'' if len(value) == 1 else 's'}"
    if isinstance(value, Sequence):
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = str(value) if value is None or isinstance(value, int | float) else type(value).__name__
    return text[:_WIDTH]


def without_secrets(text: str) -> str:
    """A text without anything that looks like a secret."""
    return _SECRET_VALUE.sub(r"\1***", text)


def misfit(loc: tuple[str | int, ...], error: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str, str]:
    """A problem that pydantic found, as a message of this package."""
    message, kind, value = error["msg"], error["type"], error.get("input")
    if kind == "missing":
        return loc, message, kind
    message = message.replace("Input should be ", "expected ").replace("a valid list", "a list")
    if kind == "list_type" and isinstance(value, str):
        text = shown(value, loc)
        return loc, f"{message}, got the text {text}; write [{_quoted(text)}]", kind
    return loc, f"{message}, got {shown(value, loc)}", kind


def _quoted(text: str) -> str:
    """The repr of a text in double quotes."""
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text


def unknown(
    name: str, candidates: Sequence[str], place: tuple[str | int, ...], shape: Shape | None
) -> tuple[tuple[str | int, ...], str, str]:
    """The problem of an unknown field: the closest match, where it belongs, or which fields exist."""
    hint = "" if place else setting_hint(name)
    if not hint and candidates:
        hint = f"; did you mean {' or '.join(map(repr, candidates))}?"
    if not hint and shape is not None and shape.names:
        names = list(dict.fromkeys(map(python_name, shape.names.values())))
        cut = ", …" if len(names) > _MOST_NAMES else ""
        hint = f"; the fields are {', '.join(names[:_MOST_NAMES])}{cut}"
    return (*place, name), f"unknown field{hint}", "extra_forbidden"
