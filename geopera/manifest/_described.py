"""Schemas with the descriptions of the API in them, for help, reference and stubs.

Descriptions are kept apart from schemas, so that a change of words alone does not change the classes.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def described(schema: Any, docs: Mapping[str, Any] | None) -> Any:
    """A copy of `schema` with `docs`, descriptions by JSON pointer, in it; the same object if there are none."""
    if not docs:
        return schema
    from copy import deepcopy

    made = deepcopy(schema)
    for way, words in docs.items():
        parts = [part.replace("~1", "/").replace("~0", "~") for part in way.split("/")[1:]]
        inner = _at(made, parts)
        if isinstance(inner, dict):
            inner.update({name: value for name, value in words.items() if name not in inner})
    return made


def _at(value: Any, parts: list[str]) -> Any:
    """The value at `parts`, or None: a schema that was left out is open and has no parts."""
    for part in parts:
        if isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
            value = value[int(part[:9])]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return value
