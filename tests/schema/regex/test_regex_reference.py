"""Random patterns with look-around, captures and back references, held against the specification itself.

The matcher here is ECMA-262's own, word by word: continuations, captures reset at each turn of a repeat, look-behind from
right to left. It knows no bounds, so patterns and texts are small.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from geopera.schema.regex.pattern import compile_pattern

Captures = dict[int, tuple[int, int]]
Then = Callable[[int, Captures], "Captures | None"]
WORD = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
#: As it is written: the characters that it takes of those in the texts.
SETS = {"a": "a", "b": "b", "1": "1", ".": "ab1 ", "[ab]": "ab", "[^a]": "b1 ", r"\w": "ab1", r"\d": "1"}
REPEATS = {"*": (0, 99), "+": (1, 99), "?": (0, 1), "{2}": (2, 2), "{1,2}": (1, 2)}
LOOKS = {"(?=": (True, False), "(?!": (True, True), "(?<=": (False, False), "(?<!": (False, True)}


class Maker:
    """A random pattern as text, and as what it means."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self.groups = 0

    def alternatives(self, depth: int) -> tuple[str, Any]:
        made = [self.sequence(depth) for _ in range(self.choose.choice([1, 1, 2]))]
        return "|".join(text for text, _ in made), ("alt", [node for _, node in made])

    def sequence(self, depth: int) -> tuple[str, Any]:
        made = [self.term(depth) for _ in range(self.choose.choice([1, 1, 2, 3]))]
        return "".join(text for text, _ in made), ("seq", [node for _, node in made])

    def term(self, depth: int) -> tuple[str, Any]:
        before = self.groups
        text, node = self.atom(depth)
        if node[0] in ("bol", "eol", "edge", "look") or self.choose.random() < 0.6:
            return text, node
        sign = self.choose.choice([*REPEATS])
        lazy = self.choose.random() < 0.3
        inside = range(before + 1, self.groups + 1)
        return text + sign + "?" * lazy, ("rep", node, *REPEATS[sign], not lazy, inside)

    def atom(self, depth: int) -> tuple[str, Any]:
        kind = self.choose.random()
        if depth == 0 or kind < 0.4:
            simple = {"^": ("bol",), "$": ("eol",), r"\b": ("edge", True), r"\B": ("edge", False)}
            text = self.choose.choice([*SETS, *simple])
            return text, simple.get(text) or ("set", SETS[text])
        if kind < 0.5 and self.groups:
            number = self.choose.randint(1, self.groups)
            return f"(?:\\{number})", ("ref", number)
        if kind < 0.7:
            self.groups += 1
            number = self.groups
            text, node = self.alternatives(depth - 1)
            return f"({text})", ("group", number, node)
        if kind < 0.8:
            text, node = self.alternatives(depth - 1)
            return f"(?:{text})", ("seq", [node])
        sign = self.choose.choice([*LOOKS])
        text, node = self.alternatives(depth - 1)
        return f"{sign}{text})", ("look", *LOOKS[sign], node)


def match(node: Any, text: str, at: int, found: Captures, ahead: bool, then: Then) -> Captures | None:
    """What was captured on the first way through `node` on which `then` goes on."""
    kind = node[0]
    step = 1 if ahead else -1
    if kind == "set":
        place = at if ahead else at - 1
        fits = 0 <= place < len(text) and text[place] in node[1]
        return then(at + step, found) if fits else None
    if kind in ("bol", "eol"):
        return then(at, found) if at == (0 if kind == "bol" else len(text)) else None
    if kind == "edge":
        sides = [0 <= place < len(text) and text[place] in WORD for place in (at - 1, at)]
        return then(at, found) if (sides[0] != sides[1]) is node[1] else None
    if kind == "alt":
        results = (match(option, text, at, found, ahead, then) for option in node[1])
        return next((result for result in results if result is not None), None)
    if kind == "seq":
        parts = node[1] if ahead else node[1][::-1]
        return in_turn(parts, text, at, found, ahead, then)
    if kind == "group":
        number = node[1]
        return match(
            node[2],
            text,
            at,
            found,
            ahead,
            lambda to, now: then(to, {**now, number: (min(at, to), max(at, to))}),
        )
    if kind == "ref":
        start, stop = found.get(node[1], (0, 0))
        to = at + step * (stop - start)
        fits = 0 <= to <= len(text) and text[min(at, to) : max(at, to)] == text[start:stop]
        return then(to, found) if fits else None
    if kind == "look":
        seen = match(node[3], text, at, found, node[1], lambda _, now: now)
        if node[2]:
            return then(at, found) if seen is None else None
        return None if seen is None else then(at, seen)
    return repeated(node, node[2], node[3], text, at, found, ahead, then)


def in_turn(parts: Any, text: str, at: int, found: Captures, ahead: bool, then: Then) -> Captures | None:
    if not parts:
        return then(at, found)
    return match(
        parts[0], text, at, found, ahead, lambda to, now: in_turn(parts[1:], text, to, now, ahead, then)
    )


def repeated(
    node: Any, least: int, most: int, text: str, at: int, found: Captures, ahead: bool, then: Then
) -> Captures | None:
    if most == 0:
        return then(at, found)

    def again(to: int, now: Captures) -> Captures | None:
        if least == 0 and to == at:
            return None  # a turn that takes nothing is none
        return repeated(node, max(least - 1, 0), most - 1, text, to, now, ahead, then)

    inside = {number: place for number, place in found.items() if number not in node[5]}
    if least:
        return match(node[1], text, at, inside, ahead, again)
    ways = [lambda: match(node[1], text, at, inside, ahead, again), lambda: then(at, found)]
    for way in ways if node[4] else ways[::-1]:
        result = way()
        if result is not None:
            return result
    return None


@pytest.mark.parametrize("patterns", [400, pytest.param(6_000, marks=pytest.mark.slow)])
def test_random_patterns_match_what_the_specification_says(patterns: int) -> None:
    taken = 0
    for seed in range(patterns):
        maker = Maker(seed)
        written, node = maker.alternatives(3)
        pattern = compile_pattern(written)
        for _ in range(5):
            text = "".join(maker.choose.choice("aab1 ") for _ in range(maker.choose.randrange(6)))
            starts = range(len(text) + 1)
            expected = any(match(node, text, at, {}, True, lambda _, now: now) is not None for at in starts)
            assert pattern.matches(text) is expected, (written, text)
            taken += expected
    assert patterns < taken < 4 * patterns
