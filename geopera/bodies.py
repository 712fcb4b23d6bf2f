"""Names for the dicts that stand for a model, for annotations: ``CatalogSearchInputDict``.

For a type checker that has the stubs each is a TypedDict with the fields of the model, under their Python
names and their wire names. At run time all of them are plain dicts.
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
