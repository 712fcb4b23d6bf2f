"""Checks of the options that observe a client, imported only if one is given."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check_watching(middleware: Any, on_retry: Any, user_agent_extra: Any) -> None:
    """Raise TypeError for an option that is not callable, ValueError for a text that a header cannot hold."""
    for function in (*middleware, *(() if on_retry is None else (on_retry,))):
        if not callable(function):
            raise TypeError(f"middleware and on_retry take functions, not {function!r}")
    if user_agent_extra is None:
        return
    if not isinstance(user_agent_extra, str):
        raise TypeError(f"user_agent_extra must be a string, not {type(user_agent_extra).__name__}")
    printable = user_agent_extra.isascii() and user_agent_extra.isprintable()
    if not printable or not user_agent_extra.strip():
        raise ValueError(f"user_agent_extra must be printable ASCII text, not {user_agent_extra!r}")
