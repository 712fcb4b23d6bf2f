"""One module per operation of the bundled manifest, its dots written as underscores.

``from geopera.api.operations import catalog_search`` gives a module with ``sync``, ``sync_detailed``,
``asyncio`` and ``asyncio_detailed``. ``dir()`` and ``pkgutil.iter_modules`` list all of them.
"""

from __future__ import annotations

from .. import _modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__path__ = _modules.path(__name__)


def __getattr__(name: str) -> ModuleType:
    if name in _modules.modules(__name__):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ..._names import did_you_mean

    hint = did_you_mean(name, _modules.modules(__name__))
    raise AttributeError(f"module {__name__!r} has no operation {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted(_modules.modules(__name__))
