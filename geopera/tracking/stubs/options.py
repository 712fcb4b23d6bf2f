"""The options of calls and loops, as the installed package has them."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from ...manifest import Operation

_TYPES = {
    "idempotency_key": "str | None",
    "max_items": "int | None",
    "progress": "bool",
    "timeout": "float | None",
    "raise_on_failure": "bool",
    "delays": "_t.Iterable[float]",
    "concurrency": "int",
    "rate_limit": "str | None",
    "ordered": "bool",
    "errors": "str",
    "pairs": "bool",
    "existing": "str",
    "journal": "str | _os.PathLike[str] | None",
}


def options(name: str, *, client: bool = False, **types: str) -> dict[str, str]:
    """Keyword -> its text in a signature, of a method of an operation (or of the client); empty without one."""
    # Imported by name: this package describes the client and does not depend on it.
    owner: Any = getattr(import_module("geopera.fluent"), "Geopera" if client else "OperationCall")
    function = getattr(owner, name, None)
    if function is None:
        return {}
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            kind = types.get(parameter.name) or _TYPES.get(parameter.name, "_t.Any")
            if name == "map" and parameter.name == "idempotency_key":
                kind = "_t.Callable[[_t.Any], str] | str | None"
            found[parameter.name] = f"{parameter.name}: {kind} = ..."
    return found


def unable(operation: Operation) -> frozenset[str]:
    """The methods that `dir()` of an operation leaves out."""
    found: frozenset[str] = import_module("geopera._loops.offers").unable(operation)
    return found
