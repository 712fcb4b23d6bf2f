"""A redirect to another host gets no token, in whichever header it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable


def without_elsewhere(
    header: str, base_url: str, then: Callable[[httpx.Request], Any] | None
) -> Callable[[httpx.Request], Any]:
    """A hook that takes `header` from every request to another host than `base_url` names, and then calls `then`."""
    home = httpx.URL(base_url)

    def hook(request: httpx.Request) -> Any:
        if not _same(request.url, home):
            request.headers.pop(header, None)
        return then(request) if then is not None else None

    return hook


def _same(url: httpx.URL, home: httpx.URL) -> bool:
    """Whether `url` is of the same origin, or of the same host by https."""
    place = (url.scheme, url.port)
    return url.host == home.host and (place == (home.scheme, home.port) or place == ("https", None))
