"""The headers of partial content (RFC 9110): where a part begins, and how the rest is requested."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .._decoding.inflate import codings

if TYPE_CHECKING:
    from .._transport.bodies import Body

_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)")


def is_coded(http: Body) -> bool:
    """Whether the bytes that come are not those of the file."""
    return bool(codings(http.headers.get("content-encoding"), file=True))


def begins_at(http: Body) -> int | None:
    found = _RANGE.fullmatch(http.headers.get("content-range", "").strip())
    return int(found[1]) if found else None


def whole_length(http: Body, already: int) -> int | None:
    """The length of the whole file, if the response has it; None for a compressed one."""
    if is_coded(http):
        return None
    found = _RANGE.fullmatch(http.headers.get("content-range", "").strip())
    if http.status_code == 206 and found:
        return int(found[3]) if found[3] != "*" else int(found[2]) + 1
    length = http.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def taken_up_to(http: Body) -> int:
    """How many bytes of an upload a store has, by the `Range` of its 308."""
    found = re.fullmatch(r"(?:bytes=)?0-(\d+)", http.headers.get("range", "").strip())
    return int(found[1]) + 1 if found else 0


def validator(http: Body) -> str | None:
    """The value of `If-Range` that requests the rest of this very file; None if it has to be fetched anew."""
    if is_coded(http) or http.headers.get("accept-ranges", "").strip().lower() == "none":
        return None
    etag = http.headers.get("etag", "").strip()
    if etag.startswith('"') and etag.endswith('"') and len(etag) > 2:
        return str(etag)
    # A date is a strong validator only if the file was at rest for a second when it was sent.
    from email.utils import parsedate_to_datetime

    try:
        changed = parsedate_to_datetime(http.headers["last-modified"])
        sent = parsedate_to_datetime(http.headers["date"])
        if (sent - changed).total_seconds() >= 1:
            return str(http.headers["last-modified"])
    except (KeyError, ValueError, TypeError):
        pass
    return None
