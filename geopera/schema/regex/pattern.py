"""Patterns: ECMA-262 semantics, in time that is bounded.

A pattern is run by pydantic's engine, which is linear, wherever it can be said there. Look-around and
back references go to machines of ours: a linear one, and one with a bound for back references. A text that is no
ECMA pattern but one that Python or Rust knows (``(?i)``, ``(?P<name>...)``, ``\\Z``) is taken as that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic_core import PydanticCustomError, SchemaValidator, core_schema
from pydantic_core import SchemaError as CoreError

from .backtrack import Backtracking
from .cost import TooCostly, is_metered, metered
from .linear import Linear
from .parse import BadPattern, Parser
from .rust import to_rust

__all__ = ["Pattern", "compile_pattern"]

_LONGEST = 10_000


def _engine(pattern: str) -> SchemaValidator | None:
    try:
        return SchemaValidator(core_schema.str_schema(strict=True, pattern=pattern))
    except CoreError:
        return None


class Pattern:
    """A compiled pattern; `rust` is the text for pydantic's engine, or None where that cannot run it."""

    __slots__ = ("_engine", "_machine", "rust", "text")

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise BadPattern(f"longer than {_LONGEST} characters")
        self.text = text
        self.rust: str | None = None
        self._engine: SchemaValidator | None = None
        self._machine: Linear | Backtracking | None = None
        parser = Parser(text)
        try:
            tree = parser.parse()
        except BadPattern:
            self.rust = text.replace("\\Z", "\\z")
            self._engine = _engine(self.rust)
            if self._engine is None:
                raise
            return
        self.rust = to_rust(tree)
        if self.rust is not None:
            self._engine = _engine(self.rust)
        if self._engine is None:
            self.rust = None
        if self._engine is None:
            self._machine = _machine(tree, parser)

    def search(self, value: str) -> bool:
        """Whether the pattern matches anywhere in `value`. Raises TooCostly at the bound."""
        if self._engine is not None:
            if self._engine.isinstance_python(value):
                return True
            if value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value):
                return False
        if self._machine is None:
            parser = Parser(self.text)
            try:
                self._machine = _machine(parser.parse(), parser)
            except BadPattern:
                return False
        with metered(len(value)):
            return self._machine.search(value)

    def matches(self, value: str) -> bool:
        """`search`, with the bound as an error that pydantic reports.

        Raises TooCostly if the budget is that of a whole validation, which is over then.
        """
        is_whole = is_metered()
        try:
            return self.search(value)
        except TooCostly as error:
            if is_whole:
                raise
            raise PydanticCustomError("pattern_cost", "The pattern is too costly for this value") from error


def _machine(tree: tuple[Any, ...], parser: Parser) -> Linear | Backtracking:
    return Backtracking(tree, parser, _property) if parser.backs else Linear(tree, _property)


def _property(name: str) -> Callable[[str], bool]:
    engine = _engine(rf"^\p{{{name}}}$")
    if engine is None:
        raise BadPattern(f"unknown property {name[:40]!r}")
    return partial(_in_engine, engine)


def _in_engine(engine: SchemaValidator, char: str) -> bool:
    return engine.isinstance_python(char)


_cache: dict[str, Pattern] = {}


def compile_pattern(text: str, error: Callable[[str], Exception] | None = None) -> Pattern:
    """The compiled pattern, from a cache. A bad one is raised as what `error` makes of the message."""
    found = _cache.get(text)
    if found is None:
        try:
            found = Pattern(text)
        except BadPattern as problem:
            message = f"the pattern {text[:80]!r} cannot be used: {problem}"
            raise (error(message) if error else BadPattern(message)) from problem
        if len(_cache) > 2_000:
            _cache.clear()
        _cache[text] = found
    return found
