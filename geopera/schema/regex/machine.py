"""The slow path for patterns: a small machine with look-around and back references, and a bound.

Without back references every (instruction, position) is tried once, so that time is the product of the
pattern's and the text's length at worst. With them, and always beyond `BUDGET` steps, the search ends in
`TooCostly`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from .parse import WORD, BadPattern, Parser

__all__ = ["BUDGET", "Machine", "TooCostly"]

BUDGET = 1_000_000
_MAX_PROGRAM = 20_000


class TooCostly(ValueError):
    """The search took more steps than allowed."""


def _is_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and any(low <= ord(text[at]) <= high for low, high in WORD)


class _Set:
    """Membership of one character."""

    __slots__ = ("ends", "negated", "properties", "starts")

    def __init__(self, negated: bool, items: tuple[Any, ...], properties: Callable[[str], Any]) -> None:
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


class Machine:
    """A compiled pattern. `properties` gives the test for a Unicode property."""

    def __init__(self, tree: tuple[Any, ...], parser: Parser, properties: Callable[[str], Any]) -> None:
        self.code: list[tuple[Any, ...]] = []
        self.names = parser.names
        self.remembers = bool(parser.backs)
        self.properties = properties
        self._compile(tree)
        self._put("match")

    def _put(self, *instruction: Any) -> int:
        if len(self.code) >= _MAX_PROGRAM:
            raise BadPattern("the pattern is too large")
        self.code.append(instruction)
        return len(self.code) - 1

    def _compile(self, node: tuple[Any, ...]) -> None:
        kind = node[0]
        if kind == "set":
            self._put("set", _Set(node[1], node[2], self.properties))
        elif kind == "cat":
            for part in node[1]:
                self._compile(part)
        elif kind == "alt":
            ends = []
            for option in node[1][:-1]:
                split = self._put("split", 0, 0)
                self._compile(option)
                ends.append(self._put("jump", 0))
                self.code[split] = ("split", split + 1, len(self.code))
            self._compile(node[1][-1])
            for end in ends:
                self.code[end] = ("jump", len(self.code))
        elif kind == "rep":
            self._repeat(node[1], node[2], node[3])
        elif kind == "group":
            self._put("open", node[1])
            self._compile(node[2])
            self._put("close", node[1])
        elif kind == "look":
            skip = self._put("look", node[1], node[2], 0)
            self._compile(node[3])
            self._put("match")
            self.code[skip] = ("look", node[1], node[2], len(self.code))
        elif kind == "back":
            self._put("back", self.names[node[1]] if isinstance(node[1], str) else node[1])
        else:
            self._put(*node)

    def _repeat(self, node: tuple[Any, ...], least: int, most: int | None) -> None:
        for _ in range(least):
            self._compile(node)
        if most is None:
            split = self._put("split", 0, 0)
            mark = self._put("mark", split)
            self._compile(node)
            self._put("again", split, mark)
            self.code[split] = ("split", split + 1, len(self.code))
        else:
            splits = []
            for _ in range(most - least):
                splits.append(self._put("split", 0, 0))
                self._compile(node)
            for split in splits:
                self.code[split] = ("split", split + 1, len(self.code))

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text`. Raises TooCostly."""
        left = [BUDGET]
        seen: set[tuple[int, int]] = set()
        looks: dict[tuple[int, int], bool] = {}
        return any(self._run(0, start, text, None, {}, left, seen, looks) for start in range(len(text) + 1))

    def _run(
        self,
        pc: int,
        at: int,
        text: str,
        end: int | None,
        groups: dict[Any, Any],
        left: list[int],
        seen: set[tuple[int, int]],
        looks: dict[tuple[int, int], bool],
    ) -> bool:
        """Whether the program from `pc` on matches at `at` (and ends at `end`, if given)."""
        stack = [(pc, at, groups)]
        code, size, remembers = self.code, len(text), self.remembers
        while stack:
            pc, at, groups = stack.pop()
            while True:
                left[0] -= 1
                if left[0] < 0:
                    raise TooCostly("the pattern is too costly for this text")
                if not remembers:
                    if (pc, at) in seen:
                        break
                    seen.add((pc, at))
                op = code[pc]
                kind = op[0]
                if kind == "set":
                    if at >= size or text[at] not in op[1]:
                        break
                    at += 1
                elif kind == "split":
                    stack.append((op[2], at, groups))
                    pc = op[1]
                    continue
                elif kind == "jump":
                    pc = op[1]
                    continue
                elif kind == "mark":
                    if remembers:
                        groups = {**groups, ("mark", op[1]): at}
                elif kind == "again":
                    if remembers and groups.get(("mark", op[1])) == at:
                        break  # an empty turn: the loop has said all it can
                    pc = op[1]
                    continue
                elif kind == "match":
                    if end is None or at == end:
                        return True
                    break
                elif kind == "open" or kind == "close":
                    if remembers:
                        groups = {**groups, (kind, op[1]): at}
                elif kind == "back":
                    start, stop = groups.get(("open", op[1])), groups.get(("close", op[1]))
                    if start is not None and stop is not None and start <= stop:
                        word = text[start:stop]
                        if not text.startswith(word, at):
                            break
                        at += len(word)
                elif kind == "look":
                    if self._look(pc, op, at, text, groups, left, looks) == op[2]:
                        break
                    pc = op[3]
                    continue
                elif kind == "bol":
                    if at:
                        break
                elif kind == "eol":
                    if at < size:
                        break
                elif (_is_word(text, at - 1) != _is_word(text, at)) == op[1]:  # word
                    break
                pc += 1
        return False

    def _look(
        self,
        pc: int,
        op: tuple[Any, ...],
        at: int,
        text: str,
        groups: dict[Any, Any],
        left: list[int],
        looks: dict[tuple[int, int], bool],
    ) -> bool:
        if not self.remembers and (pc, at) in looks:
            return looks[pc, at]
        if op[1]:
            found = self._run(pc + 1, at, text, None, groups, left, set(), looks)
        else:
            found = any(
                self._run(pc + 1, start, text, at, groups, left, set(), looks) for start in range(at, -1, -1)
            )
        looks[pc, at] = found
        return found
