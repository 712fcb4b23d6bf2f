"""The models of the bundled manifest: pydantic classes, each built at first use.

``from geopera.models import CatalogSearchInput`` works for every schema of the manifest, and so does the
module of a class (``geopera.models.catalog_search_input``). ``dir(geopera.models)`` lists the classes. The
models of a refreshed manifest are at ``client.manifest.models``; those of this module are fixed at import.
"""

from __future__ import annotations

from .. import manifest as _manifest
from ..api import _modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__path__ = _modules.path(__name__)


def __getattr__(name: str) -> Any:
    registry = _manifest.default().registry
    if name == "__all__":
        return sorted(registry.names())
    if not name.startswith("_"):
        try:
            value = globals()[name] = registry.model(name)
        except KeyError:
            from .._names import did_you_mean

            hint = did_you_mean(name, registry.names())
            raise AttributeError(f"module {__name__!r} has no model {name!r}{hint}") from None
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_manifest.default().registry.names())
