"""Types of the dicts that can replace a model, for annotations: ``CatalogSearchInputDict``.

With the stubs, a type checker sees a TypedDict with the fields of the model, under their Python names and their wire
names. At run time each is a plain dict.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_END = "Dict"


def _names() -> list[str]:
    from .manifest import default

    return [name + _END for name in default().registry.names()]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not name.endswith(_END):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    known = _names()
    if name not in known:
        from ._names import did_you_mean

        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{did_you_mean(name, known)}")
    return dict


def __dir__() -> list[str]:
    return sorted(_names())
