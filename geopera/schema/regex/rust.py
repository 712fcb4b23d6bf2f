"""The tree of a pattern as a pattern for pydantic's engine, which is linear in time. None where it cannot be."""

from __future__ import annotations

from typing import Any

__all__ = ["to_rust"]


def to_rust(node: tuple[Any, ...]) -> str | None:
    """The pattern in Rust's syntax; None for look-around, back references and lone surrogates."""
    try:
        return _emit(node)
    except _NoRustError:
        return None


class _NoRustError(Exception):
    pass


def _emit(node: tuple[Any, ...]) -> str:
    kind = node[0]
    if kind == "set":
        return _set(node[1], node[2])
    if kind == "cat":
        return "".join(map(_emit, node[1]))
    if kind == "alt":
        return f"(?:{'|'.join(map(_emit, node[1]))})"
    if kind == "rep":
        least, most = node[2], node[3]
        return f"(?:{_emit(node[1])}){{{least},{'' if most is None else most}}}"
    if kind == "group":
        return f"(?:{_emit(node[2])})"
    if kind == "bol":
        return "^"
    if kind == "eol":
        return "$"
    if kind == "word" and not node[1]:
        return r"(?-u:\b)"
    raise _NoRustError


def _set(negated: bool, items: tuple[Any, ...]) -> str:
    parts = []
    for item in items:
        if item[0] == "p":
            parts.append(rf"\{'P' if item[1] else 'p'}{{{item[2]}}}")
            continue
        low, high = item
        for first, last in ((low, min(high, 0xD7FF)), (max(low, 0xE000), high)):
            if first <= last:
                one = chr(first)
                if first == last:
                    parts.append(one if one.isascii() and one.isalnum() else rf"\x{{{first:X}}}")
                else:
                    parts.append(rf"\x{{{first:X}}}-\x{{{last:X}}}")
    if not parts:
        if items:
            raise _NoRustError  # nothing but surrogates
        return r"[\x{0}-\x{10FFFF}]" if negated else r"[^\x{0}-\x{10FFFF}]"
    if len(parts) == 1 and not negated and len(parts[0]) == 1:
        return parts[0]
    return f"[{'^' if negated else ''}{''.join(parts)}]"
