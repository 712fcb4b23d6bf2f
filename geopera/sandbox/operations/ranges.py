"""Bytes in whole or in part: RFC 9110 section 14 (single ranges, If-Range, 206 and 416)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..wire.problems import ProblemError

BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def respond(request: Request, data: bytes, media_type: str) -> Response:
    """Respond with bytes in memory, or the requested range. Raises a 416 problem."""
    etag = '"' + hashlib.sha256(data).hexdigest()[:24] + '"'
    return respond_with(request, len(data), etag, media_type, lambda start, stop: data[start:stop])


def respond_with(
    request: Request, size: int, etag: str, media_type: str, read: Callable[[int, int], bytes]
) -> Response:
    """Respond with the bytes of `read(start, stop)`, or the requested range. Raises a 416 problem."""
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    start, stop, status = 0, size, 200
    asked = request.headers.get("range")
    if asked is not None and request.headers.get("if-range", etag) == etag:
        part = _part(asked, size)
        if part is not None:
            start, stop = part
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_pieces(read, start, stop), status, headers, media_type)


def _part(header: str, size: int) -> tuple[int, int] | None:
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None  # several ranges or another unit: the whole file is a right response
    first, last = found.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
        if int(last) == 0:
            start = size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
    if start >= size:
        raise ProblemError(
            416,
            f"The file has {size} bytes.",
            headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"},
        )
    return (start, stop) if start < stop else None


async def _pieces(read: Callable[[int, int], bytes], start: int, stop: int) -> AsyncIterator[bytes]:
    while start < stop:
        end = min(stop, (start // BLOCK + 1) * BLOCK)
        yield read(start, end)
        start = end
