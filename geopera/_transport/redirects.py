"""Redirects: the method is kept, credentials stay at their origin, https does not lead to http."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._decoding.inflate import BodyError

if TYPE_CHECKING:
    import httpx

STATUSES = (301, 302, 303, 307, 308)
MOST = 20

# The headers that may go to another origin: none that identifies the caller.
_NEUTRAL = ("accept", "accept-encoding", "content-type", "user-agent", "range", "if-range")

_HOST = re.compile(rb"[A-Za-z0-9_.-]+")


class BadRedirect(BodyError):
    """A redirect that leads nowhere: a response that cannot be used, as one whose body cannot be read."""


def bad_redirect(library: Any, exc: BaseException) -> BadRedirect | None:
    """What to raise in place of an exception that comes of an address in `Location` that is none.

    httpx parses that address before it hands the response on. The URL of the request is valid by then, so an invalid
    one is the one that was parsed; httpx reports most of them as a fault of the protocol, while it handles the other.
    """
    if isinstance(exc, library.RemoteProtocolError):
        exc = exc.__context__ or exc
    elsewhere = isinstance(exc, UnicodeEncodeError | UnicodeDecodeError)  # of a hook, most likely
    if isinstance(exc, library.InvalidURL) or (isinstance(exc, UnicodeError) and not elsewhere):
        return BadRedirect("the response redirects to an address that is not a URL")
    return None


def address_fault(url: httpx.URL) -> str | None:
    """Why nothing can be fetched from a URL, or None. Raises ValueError for a host that is not a name."""
    if url.scheme not in ("http", "https"):
        return f"its scheme is {url.scheme!r}"
    host = url.host
    encoded = host.encode("idna") if ":" not in host else b""
    if not host or len(encoded) > 253 or (":" not in host and not _HOST.fullmatch(encoded)):
        return "it has no valid host"
    if url.port is not None and not 0 < url.port < 1 << 16:
        return "it has no valid port"
    return None


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
        fault = address_fault(url)
    except (library.InvalidURL, ValueError):
        return None
    if fault is not None or (request.url.scheme, url.scheme) == ("https", "http"):
        return None
    headers = library.Headers(request.headers)
    headers.pop("host", None)
    if origin(url) != origin(request.url):
        headers = library.Headers({name: value for name, value in headers.items() if name in _NEUTRAL})
    made: httpx.Request = library.Request(
        request.method, url, headers=headers, content=request.content, extensions=request.extensions
    )
    return made
