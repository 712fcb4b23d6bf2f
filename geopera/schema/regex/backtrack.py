"""Patterns with back references: ways are tried one after the other, as ECMA-262 orders them, up to a bound.

Greed, captures, their resets and the direction of a look-behind decide here what a back reference refers to. A
look-around whose captures nobody refers to is left to the linear machine, which finds all its positions at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .chars import CharSet, Properties, is_boundary
from .cost import spend
from .linear import MAX_PROGRAM, Linear
from .parse import BadPattern, Parser

__all__ = ["Backtracking"]

_Groups = dict[Any, Any]  # per captured group its two ends, and per loop where its turn began


class Backtracking:
    """A compiled pattern.

    Args:
        tree: The parsed pattern.
        parser: What read it: it knows the groups and what refers to them.
        properties: The test of a Unicode property.
    """

    def __init__(self, tree: tuple[Any, ...], parser: Parser, properties: Properties) -> None:
        self.code: list[tuple[Any, ...]] = []
        self.names = parser.names
        self.properties = properties
        self.referred = {number for back in parser.backs for number in self._numbers(back)}
        self.looks: list[Linear] = []
        self._compile(tree, backward=False)
        self._put("match")

    def _numbers(self, back: int | str) -> tuple[int, ...]:
        return tuple(self.names[back]) if isinstance(back, str) else (back,)

    def _put(self, *instruction: Any) -> int:
        if len(self.code) >= MAX_PROGRAM:
            raise BadPattern("the pattern is too large")
        self.code.append(instruction)
        return len(self.code) - 1

    def _compile(self, node: tuple[Any, ...], *, backward: bool) -> None:
        kind = node[0]
        if kind == "set":
            self._put("set", CharSet(node[1], node[2], self.properties), backward)
        elif kind == "cat":
            for part in reversed(node[1]) if backward else node[1]:
                self._compile(part, backward=backward)
        elif kind == "alt":
            ends = []
            for option in node[1][:-1]:
                split = self._put("split", 0, 0)
                self._compile(option, backward=backward)
                ends.append(self._put("jump", 0))
                self.code[split] = ("split", split + 1, len(self.code))
            self._compile(node[1][-1], backward=backward)
            for end in ends:
                self.code[end] = ("jump", len(self.code))
        elif kind == "rep":
            self._repeat(*node[1:], backward=backward)
        elif kind == "group":
            self._put("open", node[1])
            self._compile(node[2], backward=backward)
            self._put("close", node[1], backward)
        elif kind == "back":
            self._put("back", self._numbers(node[1]), backward)
        elif kind == "look":
            self._look(*node[1:])
        else:
            self._put(*node)

    def _look(self, ahead: bool, negated: bool, node: tuple[Any, ...]) -> None:
        inside = list(_walk(node))
        captures = {part[1] for part in inside if part[0] == "group"} & self.referred
        if any(part[0] == "back" for part in inside) or (captures and not negated):
            skip = self._put("look", negated, 0)
            self._compile(node, backward=not ahead)
            self._put("match")
            self.code[skip] = ("look", negated, len(self.code))
        else:
            self.looks.append(Linear(node, self.properties, backward=ahead))
            self._put("holds", len(self.looks) - 1, negated)

    def _repeat(
        self, node: tuple[Any, ...], least: int, most: int | None, greedy: bool, *, backward: bool
    ) -> None:
        inside = [part[1] for part in _walk(node) if part[0] == "group"]

        def turn() -> None:
            if inside:
                self._put("forget", inside)  # each turn begins without the captures of the one before
            self._compile(node, backward=backward)

        def choice(split: int) -> None:
            into, past = split + 1, len(self.code)
            self.code[split] = ("split", into, past) if greedy else ("split", past, into)

        for _ in range(least):
            turn()
        splits = []
        for _ in range(1 if most is None else most - least):
            split = self._put("split", 0, 0)
            self._put("mark", split)
            turn()
            self._put("moved", split)  # a turn that matched nothing does not count
            if most is None:
                self._put("jump", split)
            splits.append(split)
        for split in splits:
            choice(split)

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text`. Raises TooCostly."""
        found = [look.positions(text) for look in self.looks]
        return any(self._run(0, start, text, {}, found) is not None for start in range(len(text) + 1))

    def _run(self, pc: int, at: int, text: str, groups: _Groups, found: list[bytearray]) -> _Groups | None:
        """The captures of the first way in which the program from `pc` on matches at `at`; None without one."""
        stack = [(pc, at, groups)]
        code, size = self.code, len(text)
        steps = 0
        while stack:
            pc, at, groups = stack.pop()
            while True:
                steps += 1
                if steps == 64:
                    spend(64)
                    steps = 0
                op = code[pc]
                kind = op[0]
                if kind == "set":
                    if op[2]:
                        if at == 0 or text[at - 1] not in op[1]:
                            break
                        at -= 1
                    else:
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
                    groups = {**groups, ("turn", op[1]): at}
                elif kind == "moved":
                    if groups[("turn", op[1])] == at:
                        break
                elif kind == "match":
                    spend(steps)
                    return groups
                elif kind == "open":
                    groups = {**groups, ("open", op[1]): at}
                elif kind == "close":
                    began = groups[("open", op[1])]
                    groups = {**groups, op[1]: (at, began) if op[2] else (began, at)}
                elif kind == "forget":
                    if any(number in groups for number in op[1]):
                        groups = {key: value for key, value in groups.items() if key not in op[1]}
                elif kind == "back":
                    captured = next((groups[number] for number in op[1] if number in groups), None)
                    if captured is not None:
                        word = text[captured[0] : captured[1]]
                        spend(len(word) >> 4)
                        if op[2]:
                            if not text.endswith(word, 0, at):
                                break
                            at -= len(word)
                        else:
                            if not text.startswith(word, at):
                                break
                            at += len(word)
                elif kind == "holds":
                    if bool(found[op[1]][at]) == op[2]:
                        break
                elif kind == "look":
                    spend(16)
                    seen = self._run(pc + 1, at, text, groups, found)
                    if (seen is not None) == op[1]:
                        break
                    groups = groups if seen is None else seen
                    pc = op[2]
                    continue
                elif kind == "bol":
                    if at:
                        break
                elif kind == "eol":
                    if at < size:
                        break
                elif is_boundary(text, at) == op[1]:  # word
                    break
                pc += 1
        spend(steps)
        return None


def _walk(node: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """A node and all that are in it."""
    yield node
    kind = node[0]
    if kind in ("cat", "alt"):
        for part in node[1]:
            yield from _walk(part)
    elif kind in ("rep", "group", "look"):
        yield from _walk(node[{"rep": 1, "group": 2, "look": 3}[kind]])
