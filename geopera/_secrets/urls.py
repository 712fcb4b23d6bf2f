"""The log line of the HTTP library, without the query of the URL.

A signed URL is a credential for as long as it is valid, and a client may have a key among its parameters.
"""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

_LOGGERS = ("httpx", "httpx2")
_ours: ContextVar[Any] = ContextVar("geopera_url", default=None)


def unlogged(request: Any) -> None:
    """A request hook for an HTTP client that keeps the query of this request's URL out of the log.

    The library writes the line, in the context of its caller, with the whole URL. Other clients of the process log as
    before.
    """
    from logging import getLogger

    _ours.set(request.url)
    for name in _LOGGERS:
        getLogger(name).addFilter(_shortened)  # adding it again does nothing


def _shortened(record: logging.LogRecord) -> bool:
    url = _ours.get()
    if url is not None and isinstance(record.args, tuple) and any(one is url for one in record.args):
        short = str(url).partition("?")[0]
        record.args = tuple(short if one is url else one for one in record.args)
    return True
