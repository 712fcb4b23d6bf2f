"""Patterns without back references: all ways are followed at once, so that time is linear in the text.

A pattern is an automaton whose state is the set of places that a match can have come to. Sets are made when they
are first met and then kept, as in a lazily built DFA. A look-around is an automaton of its own: it is run over the
whole text once, in the direction in which one pass finds all the positions where it holds, and is then a bit that
the outer automaton reads. Greed and captures make no difference to whether there is a match.
"""

from __future__ import annotations

from typing import Any

from .chars import CharSet, Properties, is_boundary
from .cost import spend
from .parse import BadPattern

__all__ = ["MAX_PROGRAM", "Linear"]

MAX_PROGRAM = 20_000
_UNROLLED = 8
_MOST_KEPT = 200_000  # places in all the sets that one automaton keeps
_Item = tuple[int, int]  # a place, and how often its character was matched


class _State:
    """A set of places, before what holds at a position was asked for."""

    __slots__ = ("closures", "items")

    def __init__(self, items: frozenset[_Item]) -> None:
        self.items = items
        self.closures: dict[int, _Closure] = {}


class _Closure:
    """What a state comes to without a character, at a position where certain assertions hold."""

    __slots__ = ("accepts", "items", "moves")

    def __init__(self, items: list[_Item], accepts: bool) -> None:
        self.items = items
        self.accepts = accepts
        self.moves: dict[int, _State] = {}


class Linear:
    """The automaton of a pattern, or of the inside of a look-around.

    Args:
        tree: The parsed pattern.
        properties: The test of a Unicode property.
        backward: Whether it reads the text from its end.
    """

    def __init__(self, tree: tuple[Any, ...], properties: Properties, *, backward: bool = False) -> None:
        self.properties = properties
        self.backward = backward
        self.code: list[tuple[Any, ...]] = [("match",)]
        self.sets: list[CharSet] = []
        self.looks: list[Linear] = []
        self._indices: dict[Any, int] = {}
        self.start = frozenset([(self._compile(tree, 0), 0)])
        self.asks_words = any(op[0] == "word" for op in self.code)
        self._masks: dict[str, int] = {}
        self._states: dict[frozenset[_Item], _State] = {}
        self._kept = 0

    # -- compiling: every node is given the place that follows it, and returns the place that it begins at

    def _put(self, *instruction: Any) -> int:
        if len(self.code) >= MAX_PROGRAM:
            raise BadPattern("the pattern is too large")
        self.code.append(instruction)
        return len(self.code) - 1

    def _set(self, node: tuple[Any, ...]) -> int:
        if node not in self._indices:
            self._indices[node] = len(self.sets)
            self.sets.append(CharSet(node[1], node[2], self.properties))
        return self._indices[node]

    def _compile(self, node: tuple[Any, ...], follow: int) -> int:
        kind = node[0]
        if kind == "set":
            return self._put("set", 1 << self._set(node), follow)
        if kind == "cat":
            for part in node[1] if self.backward else reversed(node[1]):
                follow = self._compile(part, follow)
            return follow
        if kind == "alt":
            return self._put("split", tuple(self._compile(option, follow) for option in node[1]))
        if kind == "rep":
            return self._repeat(node[1], node[2], node[3], follow)
        if kind == "group":
            return self._compile(node[2], follow)
        if kind == "look":
            # Looking ahead from everywhere is one pass backwards, and the other way round.
            self.looks.append(Linear(node[3], self.properties, backward=node[1]))
            return self._put("look", len(self.looks) - 1, node[2], follow)
        if kind == "word":
            return self._put("word", node[1], follow)
        return self._put(kind, follow)  # bol, eol

    def _repeat(self, node: tuple[Any, ...], least: int, most: int | None, follow: int) -> int:
        if node[0] == "set" and max(least, most or 0) > _UNROLLED:
            return self._put("count", 1 << self._set(node), least, most, follow)
        if most is None:
            loop = self._put("split", ())
            self.code[loop] = ("split", (self._compile(node, loop), follow))
            follow = loop
        else:
            end = follow
            for _ in range(most - least):
                follow = self._put("split", (self._compile(node, follow), end))
        for _ in range(least):
            follow = self._compile(node, follow)
        return follow

    # -- running

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text`. Raises TooCostly."""
        return self._scan(text, None)

    def positions(self, text: str) -> bytearray:
        """Per position of `text`, its end included, whether a match comes to it. Raises TooCostly."""
        found = bytearray(len(text) + 1)
        self._scan(text, found)
        return found

    def _scan(self, text: str, found: bytearray | None) -> bool:
        size = len(text)
        looks = [(look.positions(text), 8 << index) for index, look in enumerate(self.looks)]
        masks, start, words = self._masks, self.start, self.asks_words
        state = self._state(start)
        backward = self.backward
        spend(size + 1)
        for step in range(size + 1):
            at = size - step if backward else step
            holds = (at == 0) | (at == size) << 1
            if words and is_boundary(text, at):
                holds |= 4
            for bits, bit in looks:
                if bits[at]:
                    holds |= bit
            closure = state.closures.get(holds)
            if closure is None:
                closure = state.closures[holds] = self._close(state, holds)
            if closure.accepts:
                if found is None:
                    return True
                found[at] = 1
            if step == size:
                break
            char = text[at - 1] if backward else text[at]
            mask = masks.get(char)
            if mask is None:
                mask = self._mask(char)
            following = closure.moves.get(mask)
            if following is None:
                following = closure.moves[mask] = self._state(self._move(closure, mask) | start)
            state = following
        return False

    def _mask(self, char: str) -> int:
        if len(self._masks) > 10_000:
            self._masks.clear()
        mask = sum(1 << index for index, chars in enumerate(self.sets) if char in chars)
        self._masks[char] = mask
        return mask

    def _state(self, items: frozenset[_Item]) -> _State:
        state = self._states.get(items)
        if state is None:
            self._kept += len(items) + 1
            if self._kept > _MOST_KEPT:
                self._states.clear()
                self._kept = len(items) + 1
            state = self._states[items] = _State(items)
        return state

    def _close(self, state: _State, holds: int) -> _Closure:
        """Follow everything that needs no character."""
        found: set[_Item] = set()
        stack = list(state.items)
        accepts = False
        while stack:
            item = stack.pop()
            if item in found:
                continue
            found.add(item)
            place, count = item
            op = self.code[place]
            kind = op[0]
            if kind == "match":
                accepts = True
            elif kind == "split":
                stack += [(other, 0) for other in op[1]]
            elif kind == "count":
                if count >= op[2]:
                    stack.append((op[4], 0))
            elif kind == "look":
                if bool(holds & 8 << op[1]) != op[2]:
                    stack.append((op[3], 0))
            elif kind == "word":
                if bool(holds & 4) != op[1]:
                    stack.append((op[2], 0))
            elif kind != "set" and holds & (1 if kind == "bol" else 2):
                stack.append((op[1], 0))
        spend(len(found))
        moving = [item for item in found if self.code[item[0]][0] in ("set", "count")]
        self._kept += len(moving)
        return _Closure(moving, accepts)

    def _move(self, closure: _Closure, mask: int) -> frozenset[_Item]:
        """Follow a character that is in the sets of `mask`."""
        found: set[_Item] = set()
        for place, count in closure.items:
            op = self.code[place]
            if not op[1] & mask:
                continue
            if op[0] == "set":
                found.add((op[2], 0))
            elif op[3] is None or count < op[3]:
                # Beyond what is needed and without an upper bound, more is the same as enough.
                found.add((place, count + 1 if op[3] is not None else min(count + 1, op[2])))
        spend(len(closure.items))
        return frozenset(found)
