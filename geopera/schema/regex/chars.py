"""Sets of characters, as the machines ask for them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from .parse import WORD

__all__ = ["CharSet", "Properties", "is_boundary"]

Properties = Callable[[str], Callable[[str], bool]]


class CharSet:
    """Membership of one character in the items of a set node."""

    __slots__ = ("ends", "negated", "properties", "starts")

    def __init__(self, negated: bool, items: tuple[Any, ...], properties: Properties) -> None:
        ranges: list[list[int]] = []
        for low, high in sorted(item for item in items if item[0] != "p"):
            if ranges and low <= ranges[-1][1] + 1:
                ranges[-1][1] = max(ranges[-1][1], high)
            else:
                ranges.append([low, high])
        self.starts = [low for low, _ in ranges]
        self.ends = [high for _, high in ranges]
        self.properties = [(item[1], properties(item[2])) for item in items if item[0] == "p"]
        self.negated = negated

    def __contains__(self, char: str) -> bool:
        code = ord(char)
        index = bisect_right(self.starts, code) - 1
        found = index >= 0 and code <= self.ends[index]
        if not found:
            found = any(test(char) != negated for negated, test in self.properties)
        return found != self.negated


def is_boundary(text: str, at: int) -> bool:
    """Whether a word begins or ends between two characters (``\\b``, which knows ASCII alone)."""
    return _is_word(text, at - 1) != _is_word(text, at)


def _is_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and any(low <= ord(text[at]) <= high for low, high in WORD)
