"""ECMA-262 regular expressions (Unicode mode), read into a tree.

Nodes are tuples, the kind first:
``("set", negated, items)`` one character (items: code point ranges, or ``("p", negated, property)``),
``("cat", nodes)``, ``("alt", nodes)``, ``("rep", node, least, most or None, greedy)``,
``("group", number, node)`` a capture, ``("back", number or name)``, ``("bol",)``, ``("eol",)``,
``("word", negated)``, ``("look", ahead, negated, node)``.
Greed decides which text a group captures, and so matters where something refers back to it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["DIGIT", "SPACE", "WORD", "BadPattern", "Parser"]

Node = tuple[Any, ...]
DIGIT = ((48, 57),)
WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_LINE_ENDS = ((10, 10), (13, 13), (0x2028, 0x2029))
_CONTROL = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_ASSERTIONS = ("^", "$", "\\b", "\\B", "(?<=", "(?<!")
_MAX_NESTING = 50


class BadPattern(ValueError):
    """The text is not a regular expression of this dialect."""


def complement(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    result = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            result.append((start, low - 1))
        start = max(start, high + 1)
    if start <= 0x10FFFF:
        result.append((start, 0x10FFFF))
    return tuple(result)


class Parser:
    """Reads one pattern. `groups` counts the captures, `names` maps a name to the numbers of its groups."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups = 0
        self.names: dict[str, list[int]] = {}
        self.depth = 0
        self.backs: list[int | str] = []

    def parse(self) -> Node:
        node = self._alternatives()
        if self.at < len(self.text):
            raise BadPattern(f"unexpected {self.text[self.at]!r} at {self.at}")
        for back in self.backs:
            if back not in self.names if isinstance(back, str) else not 0 < back <= self.groups:
                raise BadPattern(f"there is no group {back}")
        if any(len(numbers) > 1 for numbers in self.names.values()):
            self._names_in(node)
        return node

    def _names_in(self, node: Node) -> set[str]:
        """The names of groups in a node. One name may stand in two alternatives, of which one takes part."""
        kind = node[0]
        if kind == "alt":
            return set().union(*(self._names_in(option) for option in node[1]))
        found: set[str] = set()
        inside: tuple[Node, ...] = node[1] if kind == "cat" else ()
        if kind in ("rep", "group", "look"):
            inside = (node[{"rep": 1, "group": 2, "look": 3}[kind]],)
        parts = [self._names_in(part) for part in inside]
        if kind == "group":
            parts.append({name for name, numbers in self.names.items() if node[1] in numbers})
        for names in parts:
            if twice := found & names:
                raise BadPattern(f"two groups are called {min(twice)!r}")
            found |= names
        return found

    # -- reading -----------------------------------------------------------------------------------------

    def _peek(self, count: int = 1) -> str:
        return self.text[self.at : self.at + count]

    def _take(self, expected: str) -> bool:
        if self.text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False

    def _until(self, end: str) -> str:
        stop = self.text.find(end, self.at)
        if stop < 0:
            raise BadPattern(f"{end!r} is missing")
        found = self.text[self.at : stop]
        self.at = stop + 1
        return found

    # -- structure ---------------------------------------------------------------------------------------

    def _alternatives(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_NESTING:
            raise BadPattern("groups nest too deeply")
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        self.depth -= 1
        return options[0] if len(options) == 1 else ("alt", tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self._peek() not in "|)":
            start = self.at
            node = self._atom()
            least, most, greedy = self._quantifier()
            if (least, most) != (1, 1):
                if self.text.startswith(_ASSERTIONS, start):  # in a group of its own it may be repeated
                    raise BadPattern("nothing to repeat")
                node = ("rep", node, least, most, greedy)
            parts.append(node)
        return parts[0] if len(parts) == 1 else ("cat", tuple(parts))

    def _quantifier(self) -> tuple[int, int | None, bool]:
        result: tuple[int, int | None] = 1, 1
        if self._take("*"):
            result = 0, None
        elif self._take("+"):
            result = 1, None
        elif self._take("?"):
            result = 0, 1
        elif self._peek() == "{":
            stop = self.text.find("}", self.at)
            low, comma, high = self.text[self.at + 1 : max(stop, 0)].partition(",")
            if stop < 0 or not _digits(low) or (high and not _digits(high)):
                return 1, 1, True  # a brace that stands for itself
            self.at = stop + 1
            result = int(low), (int(high) if high else None) if comma else int(low)
            if result[1] is not None and result[1] < result[0]:
                raise BadPattern("numbers out of order in a quantifier")
        else:
            return *result, True
        greedy = not self._take("?")
        if self._peek() and self._peek() in "*+?":
            raise BadPattern("nothing to repeat")
        return *result, greedy

    def _atom(self) -> Node:
        char = self.text[self.at]
        self.at += 1
        if char == "^":
            return ("bol",)
        if char == "$":
            return ("eol",)
        if char == ".":
            return ("set", True, _LINE_ENDS)
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "*+?":
            raise BadPattern("nothing to repeat")
        return _char(ord(char))

    def _group(self) -> Node:
        number = None
        look = None
        if self._take("?"):
            if self._take(":"):
                pass
            elif self._take("="):
                look = (True, False)
            elif self._take("!"):
                look = (True, True)
            elif self._take("<="):
                look = (False, False)
            elif self._take("<!"):
                look = (False, True)
            elif self._take("<"):
                name = self._until(">")
                if not name.isidentifier():
                    raise BadPattern(f"bad group name {name[:40]!r}")
                self.groups += 1
                number = self.groups
                self.names.setdefault(name, []).append(number)
            else:
                raise BadPattern("unknown kind of group")
        else:
            self.groups += 1
            number = self.groups
        node = self._alternatives()
        if not self._take(")"):
            raise BadPattern("')' is missing")
        if look is not None:
            return ("look", *look, node)
        return node if number is None else ("group", number, node)

    # -- characters --------------------------------------------------------------------------------------

    def _escape(self) -> Node:
        if self.at >= len(self.text):
            raise BadPattern("a backslash at the end")
        char = self._peek()
        if char in "bB":
            self.at += 1
            return ("word", char == "B")
        if char in "123456789":
            digits = ""
            while self._peek() and self._peek() in "0123456789":
                digits += self._peek()
                self.at += 1
            self.backs.append(int(digits[:6]))
            return ("back", int(digits[:6]))
        if char == "k" and self._peek(2) == "k<":
            self.at += 2
            self.backs.append(self._until(">"))
            return ("back", self.backs[-1])
        found = self._class_escape()
        return _char(found) if isinstance(found, int) else ("set", False, found)

    def _class_escape(self) -> int | tuple[Any, ...]:
        """What stands behind a backslash, in a class or out of it: a code point, or the items of a set."""
        char = self._peek()
        self.at += 1
        if char in "dDwWsS":
            ranges = {"d": DIGIT, "w": WORD, "s": SPACE}[char.lower()]
            return complement(ranges) if char.isupper() else ranges
        if char in "pP" and self._take("{"):
            name = self._until("}")
            if not name or not all((c.isalnum() and c.isascii()) or c in "_=" for c in name):
                raise BadPattern(f"bad property {name[:40]!r}")
            return (("p", char == "P", name),)
        if char in _CONTROL:
            return _CONTROL[char]
        if char == "c":
            letter = self._peek()
            if not (letter.isalpha() and letter.isascii()):
                raise BadPattern("bad control escape")
            self.at += 1
            return ord(letter) % 32
        if char == "0" and not self._peek().isdigit():
            return 0
        if char == "x":
            return self._hex(2)
        if char == "u":
            return self._unicode()
        if char and not char.isalnum():
            return ord(char)
        raise BadPattern(f"unknown escape \\{char}")

    def _hex(self, count: int) -> int:
        digits = self._peek(count)
        if len(digits) < count or not all(c in "0123456789abcdefABCDEF" for c in digits):
            raise BadPattern("bad hexadecimal escape")
        self.at += count
        return int(digits, 16)

    def _unicode(self) -> int:
        if self._take("{"):
            digits = self._until("}")
            if (
                not digits
                or not all(c in "0123456789abcdefABCDEF" for c in digits)
                or int(digits, 16) > 0x10FFFF
            ):
                raise BadPattern("bad code point")
            return int(digits, 16)
        high = self._hex(4)
        if 0xD800 <= high < 0xDC00 and self._peek(2) == "\\u":
            back = self.at
            self.at += 2
            low = self._hex(4) if self._peek() != "{" else 0
            if 0xDC00 <= low < 0xE000:
                return 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00)
            self.at = back
        return high

    def _class(self) -> Node:
        negated = self._take("^")
        items: list[Any] = []
        while not self._take("]"):
            low = self._class_atom()
            if self._peek() == "-" and self._peek(2) not in ("-", "-]"):
                self.at += 1
                high = self._class_atom()
                if isinstance(low, int) and isinstance(high, int):
                    if high < low:
                        raise BadPattern("range out of order in a class")
                    items.append((low, high))
                    continue
                items.append((45, 45))
                items.extend([(high, high)] if isinstance(high, int) else high)
            items.extend([(low, low)] if isinstance(low, int) else low)
        return ("set", negated, tuple(items))

    def _class_atom(self) -> int | tuple[Any, ...]:
        if self.at >= len(self.text):
            raise BadPattern("']' is missing")
        char = self.text[self.at]
        self.at += 1
        if char != "\\":
            return ord(char)
        if self._take("b"):
            return 8
        if self.at >= len(self.text):
            raise BadPattern("a backslash at the end")
        return self._class_escape()


def _char(code: int) -> Node:
    return ("set", False, ((code, code),))


def _digits(text: str) -> bool:
    return 0 < len(text) <= 7 and text.isascii() and text.isdigit()
