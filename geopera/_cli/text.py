"""Text for a terminal: all output of a command, on standard output and standard error, goes through `safe`."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

from .._display.safe import fits
from .._display.safe import safe as harmless


def safe(text: str, stream: TextIO | None = None, keep: str = "\n\t") -> str:
    """The text with escapes for control and formatting characters, and for those outside the stream's encoding."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    return harmless(text, keep).encode(encoding, "backslashreplace").decode(encoding)


def error(text: str) -> None:
    """One line on standard error, without the token."""
    line = hide_token(" ".join(text.split()))
    print(safe(f"geopera: {line}", sys.stderr, keep=""), file=sys.stderr)


def note(text: str) -> None:
    """A line on standard error that is not an error."""
    print(safe(hide_token(text), sys.stderr), file=sys.stderr)


def hide_token(text: str) -> str:
    """The text without the token of the environment."""
    token = os.environ.get("GEOPERA_API_TOKEN", "").strip()
    return text.replace(token, "***") if len(token) > 3 else text


def can_encode(characters: str, stream: Any = None) -> bool:
    """Whether the encoding of a stream (standard output) has some characters."""
    return fits(characters, stream or sys.stdout)
