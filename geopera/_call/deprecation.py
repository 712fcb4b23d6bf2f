"""Responses that announce the end of an operation: ``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594) headers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ..errors import DeprecatedOperationWarning

if TYPE_CHECKING:
    from collections.abc import Callable

# Filters may show a warning each time, once a line or never; this is once per operation and process in any case.
_warned: set[str] = set()


def warn_if_deprecated(id: str, headers: Any, level: Callable[[], int]) -> None:
    """Warn of a deprecated operation, the first time that a response announces it.

    Args:
        id: The operation.
        headers: The headers of the response, without secrets.
        level: Returns the stack level, counted from its caller, that the warning points to.
    """
    since, end = headers.get("deprecation"), headers.get("sunset")
    if (since is None and end is None) or id in _warned:
        return
    _warned.add(id)
    parts = [f"{id} is deprecated{_since(since)}"] if since is not None else []
    if end is not None:
        day = _http_date(end)
        what = "it" if parts else id
        parts.append(f"{what} will stop working{f' on {day}' if day else ''}")
    message = "; ".join(parts)
    link = _link(headers.get("link", ""))
    warnings.warn(
        message + (f" (see {link})" if link else ""), DeprecatedOperationWarning, stacklevel=level()
    )


def _since(value: str) -> str:
    """The day in a ``Deprecation`` header, a structured date such as ``@1688169599``."""
    from datetime import UTC, datetime

    number = value.strip().removeprefix("@")
    if value.strip()[:1] == "@" and number.isdecimal() and len(number) < 12:
        try:
            return f" since {datetime.fromtimestamp(int(number), UTC).date()}"
        except (ValueError, OverflowError, OSError):
            return ""
    day = _http_date(value)  # as the drafts of the RFC had it
    return f" since {day}" if day else ""


def _http_date(value: str) -> str:
    from email.utils import parsedate_to_datetime

    try:
        return str(parsedate_to_datetime(value[:100]).date())
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _link(value: str) -> str:
    """The page that a ``Link`` header names for the deprecation or the sunset."""
    for part in value[:2_000].split(","):
        target, _, rest = part.strip().partition(">")
        words = rest.replace('"', " ").replace("=", " ").replace(";", " ").split()
        url = target.removeprefix("<")
        if target.startswith("<http") and {"deprecation", "sunset", "successor-version"} & set(words):
            return url if url.isprintable() and len(url) <= 500 else ""
    return ""
