"""Redirects: the method is kept, credentials stay at their origin, https does not lead to http."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

STATUSES = (301, 302, 303, 307, 308)
MOST = 20

# The headers that may go to another origin: none that identifies the caller.
_NEUTRAL = ("accept", "accept-encoding", "content-type", "user-agent", "range", "if-range")


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port, the port of the scheme if the URL names none."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def following(library: Any, request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
    """The request of a redirect, or None if it must not be followed.

    A redirect that turns a POST into a GET is not followed, since the call would seem to have succeeded. One from https
    to http is not followed, since anybody could read or forge the response.
    """
    place = response.headers.get("location")
    if response.status_code not in STATUSES or not place:
        return None
    if request.method != "GET" and response.status_code not in (307, 308):
        return None
    try:
        url = request.url.join(place)
    except (library.InvalidURL, ValueError):
        return None
    if url.scheme not in ("http", "https") or (request.url.scheme, url.scheme) == ("https", "http"):
        return None
    headers = library.Headers(request.headers)
    headers.pop("host", None)
    if origin(url) != origin(request.url):
        headers = library.Headers({name: value for name, value in headers.items() if name in _NEUTRAL})
    made: httpx.Request = library.Request(
        request.method, url, headers=headers, content=request.content, extensions=request.extensions
    )
    return made
