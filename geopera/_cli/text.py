"""Text for a terminal: the one place where what a server said is made harmless.

Terminals obey control characters, and bidirectional marks change what a line seems to say (CWE-150). Whatever a
command prints, on standard output and on standard error, goes through `safe`.
"""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO


def safe(text: str, stream: TextIO | None = None, keep: str = "\n\t") -> str:
    """The text with control and formatting characters, and what the stream's encoding lacks, as escapes."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    shown = "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def error(text: str) -> None:
    """One line on standard error, without the token."""
    line = hide_token(" ".join(text.split()))
    print(safe(f"geopera: {line}", sys.stderr, keep=""), file=sys.stderr)


def note(text: str) -> None:
    """A line on standard error that is no error."""
    print(safe(hide_token(text), sys.stderr), file=sys.stderr)


def hide_token(text: str) -> str:
    """The text without the token of the environment."""
    token = os.environ.get("GEOPERA_API_TOKEN", "").strip()
    return text.replace(token, "***") if len(token) > 3 else text


def can_say(characters: str, stream: Any = None) -> bool:
    """Whether the encoding of a stream (standard output) has some characters."""
    try:
        characters.encode(getattr(stream or sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
