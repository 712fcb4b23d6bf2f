"""How a member of an enum is named: the one rule for the classes, the stubs and the comparison of manifests."""

from __future__ import annotations

from .._names import python_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["enum_members"]

#: What an Enum has already under these names.
_TAKEN = frozenset(["MRO", "NAME", "VALUE"])


def enum_members(values: Iterable[str]) -> dict[str, str]:
    """Member name -> value, every value once: ``"10m"`` is VALUE_10M, the empty text EMPTY."""
    members: dict[str, str] = {}
    seen: set[str] = set()
    for value in values:
        if value in seen:
            continue
        seen.add(value)
        name = python_name(value).upper().rstrip("_") or "EMPTY"
        if not value.strip():
            name = "EMPTY"
        elif name == "FIELD" or name.startswith("FIELD_"):
            name = name.replace("FIELD", "VALUE", 1)
        bare, number = name, 2
        while name in members or name in _TAKEN or not name.isidentifier():
            name, number = f"{bare}_{number}", number + 1
        members[name] = value
    return members
