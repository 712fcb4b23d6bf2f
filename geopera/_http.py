"""The HTTP library that sends the requests: httpx, or httpx2, its continuation with the same names.

Only this module knows both. The others get the library of a client, and the exceptions to catch, from here.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["LIBRARIES", "check_name", "is_timeout", "library", "library_of", "transport_errors"]

LIBRARIES = ("httpx", "httpx2")


def check_name(name: str | None) -> str:
    """The name of the library to use: `name`, ``GEOPERA_HTTP`` or httpx. Raises ValueError for an unknown one."""
    import os

    where = "http_library" if name is not None else "GEOPERA_HTTP"
    chosen = name if name is not None else os.environ.get("GEOPERA_HTTP") or LIBRARIES[0]
    if chosen not in LIBRARIES:
        raise ValueError(f"{where} is 'httpx' or 'httpx2', not {chosen!r}")
    return chosen


def library(name: str | None = None) -> Any:
    """The module `name` (see `check_name`). Raises ImportError, with the extra to install, if it is missing."""
    chosen = check_name(name)
    try:
        return __import__(chosen)
    except ModuleNotFoundError as exc:
        if exc.name != chosen:
            raise
        raise ImportError(
            f"{chosen} is not installed; install it with: pip install 'geopera[{chosen}]>=3'", name=chosen
        ) from None


def library_of(client: Any) -> Any:
    """The library of a client or a client class; httpx for one of neither."""
    for base in type(client).__mro__:
        root = base.__module__.partition(".")[0]
        if root in LIBRARIES:
            return library(root)
    return library(LIBRARIES[0])


def transport_errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """The exceptions to catch: `more`, and those of the transports of the loaded libraries."""
    found: list[type[Exception]] = list(more)
    for name in LIBRARIES:
        module: Any = sys.modules.get(name)
        if module is not None:
            found += [module.HTTPError, module.StreamError, module.InvalidURL, module.CookieConflict]
    return tuple(found)


def is_timeout(error: BaseException) -> bool:
    """Whether an exception is a timeout of either library."""
    return isinstance(error, TimeoutError) or any(
        cls.__name__ == "TimeoutException" and cls.__module__.partition(".")[0] in LIBRARIES
        for cls in type(error).__mro__
    )
