"""Redirects: another host gets no token, in whichever header it is sent, and https does not lead to http."""

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


def never_downgraded(start: str) -> Callable[[httpx.Request], None]:
    """A hook that refuses to go on from `start`, an https URL, to one whose answer anybody could read or forge."""

    def hook(request: httpx.Request) -> None:
        if start.lower().startswith("https:") and request.url.scheme != "https":
            raise httpx.UnsupportedProtocol("a redirect leads from https to http", request=request)

    return hook


def _same(url: httpx.URL, home: httpx.URL) -> bool:
    """Whether `url` is of the same origin, or of the same host by https."""
    place = (url.scheme, url.port)
    return url.host == home.host and (place == (home.scheme, home.port) or place == ("https", None))
