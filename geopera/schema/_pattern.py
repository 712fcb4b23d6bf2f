"""Patterns (stub)."""

from __future__ import annotations
from collections.abc import Callable
from typing import Any


class Pattern:
    __slots__ = ("rust", "text", "_validator")

    def __init__(self, text: str, rust: str | None) -> None:
        self.text = text
        self.rust = rust
        from pydantic_core import SchemaValidator, core_schema

        self._validator = SchemaValidator(core_schema.str_schema(strict=True, pattern=rust or text))

    def search(self, value: str) -> bool:
        return self._validator.isinstance_python(value)


_cache: dict[str, Pattern] = {}


def compile_pattern(text: str, error: Callable[[str], Exception] = ValueError) -> Pattern:
    if text not in _cache:
        try:
            _cache[text] = Pattern(text, text)
        except Exception as exc:
            raise error(f"bad pattern {exc}") from exc
    return _cache[text]
