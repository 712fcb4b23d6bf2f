"""Messages about calls and attributes that do not exist, with the closest matches."""

from __future__ import annotations

from .._names import call_path, near, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..manifest import Manifest

__all__ = ["misspelled_id", "no_attribute", "no_child", "no_loop", "not_callable"]

_MOST = 12
_FEW = 4
_ATTRIBUTES = {
    "token": "the token is client.client.token",
    "headers": "headers are set with with_options(headers=...)",
    "base_url": "the base URL is client.client.base_url",
    "timeout": "the timeout is set with with_options(timeout=...)",
}


def listed(names: Any) -> str:
    """Names in a message; a list that is cut ends in an ellipsis."""
    found = sorted(names)
    return ", ".join(found[:_MOST]) + (", …" if len(found) > _MOST else "")


def no_child(client: str, prefix: str, name: str, manifest: Manifest) -> str:
    """The message for an unknown name below `prefix`: where in the tree it exists, or the closest matches."""
    siblings = manifest.node(prefix)
    place = f"{client}{'.' + prefix if prefix else ''}"
    start = f"{place} has no operation or resource {name!r}"
    if not prefix and name in _ATTRIBUTES:
        return f"{start}; {_ATTRIBUTES[name]}"
    here = nearest(name, siblings or ())
    elsewhere = [] if here and near(name, here[:1]) else _elsewhere(manifest, name)
    if elsewhere:
        more = ", …" if len(elsewhere) > _FEW else ""
        return f"{start}; did you mean {', '.join(f'client.{call_path(one)}' for one in elsewhere[:_FEW])}{more}?"
    if here:
        return f"{start}; did you mean {' or '.join(map(repr, here))}?"
    return f"{start}; it has {listed(siblings or ())}"


def _elsewhere(manifest: Manifest, name: str) -> list[str]:
    """Operations and resources with this or a similar name, anywhere in the tree; the shortest first."""
    found: dict[str, None] = {}
    for id in manifest.operations:
        parts = id.split(".")
        for index, part in enumerate(parts):
            if part == name:
                found[".".join(parts[: index + 1])] = None
    if not found:
        leaves = {id.rpartition(".")[2] for id in manifest.operations}
        close = near(name, sorted(leaves))
        if close is not None and len(name) > 3:
            found = {id: None for id in manifest.operations if id.rpartition(".")[2] == close}
    return sorted(found, key=lambda id: (id.count("."), id))


def no_attribute(id: str, name: str) -> str:
    """The message for an attribute of the result, read from the operation itself."""
    return f"{id} is an operation and has no attribute {name!r}; call it first: client.{call_path(id)}(...).{name}"


def no_loop(id: str) -> str:
    """The message for a loop over an operation, or an index into it."""
    path = call_path(id)
    return f"{id} is an operation, not its result; call it: client.{path}(...), or loop over client.{path}.iter(...)"


def not_callable(prefix: str, manifest: Manifest) -> str:
    """The message for a call of a resource, as the subject of "... object is not callable", which is cut after 200 characters."""
    names = listed(manifest.node(prefix) or ())
    if len(names) > 110:
        names = names[:110].rpartition(", ")[0] + ", …"
    return f"{prefix} is a resource with {names}; a resource"


def misspelled_id(id: Any, manifest: Manifest) -> str | None:
    """The operation that an unknown id is a misspelling of, or None."""
    return near(id, list(manifest.operations)) if isinstance(id, str) and "." in id else None
