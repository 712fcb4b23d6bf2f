"""Text of a server, made safe for a terminal (CWE-150).

Terminals execute control characters, and bidirectional controls change how a line reads. Every message, repr, table,
docstring and HTML text of the package passes through `safe`; the data itself is not changed.
"""

from __future__ import annotations

__all__ = ["cut", "fits", "message", "one_line", "safe", "width"]

_LONGEST = 4_000
# Spaces of all widths, and the joiners that some scripts and emoji need: safe, although not "printable".
_HARMLESS = frozenset("\u00a0\u1680\u202f\u205f\u3000\u200c\u200d" + "".join(map(chr, range(0x2000, 0x200B))))


def safe(text: str, keep: str = "\n\t") -> str:
    """`text` with control and formatting characters as escapes, except for those in `keep`."""
    if text.isprintable():
        return str(text)
    return "".join(c if c.isprintable() or c in keep or c in _HARMLESS else _escaped(c) for c in text)


def one_line(text: str, limit: int) -> str:
    """`text` as at most `limit` safe characters on one line; an ellipsis marks a cut."""
    shown = cut(" ".join(text[: 4 * limit].split()), limit)
    return shown if len(text) <= 4 * limit or shown.endswith("…") else shown[: limit - 1] + "…"


def cut(text: str, limit: int) -> str:
    """`one_line` with spaces unchanged."""
    shown = safe(text[: limit + 1], keep="")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def message(text: str) -> str:
    """A message with text of a server: made safe, its line breaks kept, cut if it is long."""
    if len(text) <= _LONGEST:
        return safe(text)
    return f"{safe(text[:_LONGEST])}… ({len(text) - _LONGEST:,} more characters)"


def width(text: str) -> int:
    """The columns of a terminal that `text` takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def fits(characters: str, stream: object) -> bool:
    """Whether the encoding of a stream can represent `characters`."""
    try:
        characters.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
