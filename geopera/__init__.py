"""Geopera for Python: search satellite imagery, task satellites, order scenes, run processing.

    from geopera import Geopera

    client = Geopera()                      # the token is read from GEOPERA_API_TOKEN
    page = client.catalog.search(host_name="earthsearch-aws", limit=5)

Importing the package reads the bundled manifest and nothing else; every name is bound at first use.
"""

from __future__ import annotations

from ._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._call.responses import response_of
    from ._call.retry import RetryPolicy
    from .client import AuthenticatedClient, Client
    from .errors import GeoperaError
    from .fluent import AsyncGeopera, Geopera
    from .manifest import Manifest
    from .types import UNSET

__all__ = [
    "UNSET",
    "AsyncGeopera",
    "AuthenticatedClient",
    "Client",
    "Geopera",
    "GeoperaError",
    "Manifest",
    "RetryPolicy",
    "__version__",
    "response_of",
]

_HOMES = {
    "AsyncGeopera": "fluent",
    "AuthenticatedClient": "client",
    "Client": "client",
    "Geopera": "fluent",
    "GeoperaError": "errors",
    "Manifest": "manifest",
    "RetryPolicy": "_call.retry",
    "UNSET": "types",
    "response_of": "_call.responses",
}

# Modules that need no import of their own: ``geopera.errors.NotFoundError``.
_MODULES = ("api", "bodies", "client", "errors", "fluent", "geo", "manifest", "middleware", "models", "sandbox", "schema", "tracking", "types", "webhooks")  # fmt: skip


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is not None:
        from importlib import import_module

        with _first_time():
            value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
        return value
    if name in _MODULES:
        from importlib import import_module

        with _first_time():
            return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})


from ._forks import first_time as _first_time  # noqa: E402
from .errors import ManifestError as _ManifestError  # noqa: E402
from .manifest import default as _default_manifest  # noqa: E402

try:  # noqa: SIM105 - contextlib would be imported for this alone
    _default_manifest()
except _ManifestError:
    # The file of GEOPERA_MANIFEST cannot be used. The error is raised at the first use of a manifest, where callers
    # can catch it and the command line can report it in one line.
    pass
