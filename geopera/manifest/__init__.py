"""The API as data: the manifest, its operations, and the cache of refreshed manifests.

A manifest is read and indexed here, never interpreted: no HTTP, no call. Modules above get operations and models from
it; it imports `errors` and, at first use, the schema compiler.
"""

from __future__ import annotations

from ._manifest import FORMAT, PREFIX, Manifest, Models, bundled, bundled_bytes, default, for_url, load
from ._operation import Operation, Paging, Polling

__all__ = [
    "FORMAT",
    "PREFIX",
    "Manifest",
    "Models",
    "Operation",
    "Paging",
    "Polling",
    "bundled",
    "bundled_bytes",
    "default",
    "for_url",
    "load",
]
