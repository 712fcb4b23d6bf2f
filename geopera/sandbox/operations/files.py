"""Files: made of a name, of any size, served in whole or in part, by signed URLs or by an operation.

Ranges follow RFC 9110 section 14 (single ranges of bytes, If-Range, 206 and 416).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..catalogue.scenes import stamp_of
from ..wire.pictures import tiff
from ..wire.problems import ProblemError

if TYPE_CHECKING:
    from ..core.registry import Call

_BLOCK = 1 << 16
_LIFETIME = 3600.0
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_SIZE = re.compile(r"bytes-(\d{1,10})")


def content(name: str, start: int, stop: int) -> bytes:
    """The bytes start..stop of the file of a name: a small picture, then noise that is the same every time."""
    parts = []
    for number in range(start // _BLOCK, -(-stop // _BLOCK)):
        block = _block(name, number)
        offset = number * _BLOCK
        parts.append(block[max(0, start - offset) : max(0, stop - offset)])
    return b"".join(parts)


def size_of(name: str, default: int) -> int:
    """The size of a file: what its name says (`bytes-5000000`), else the default; at least its picture."""
    said = _SIZE.search(name)
    return max(int(said[1]) if said else default, len(tiff()))


def etag_of(name: str, size: int) -> str:
    """A strong validator for the file of a name."""
    return '"' + hashlib.sha256(f"{name}:{size}".encode()).hexdigest()[:24] + '"'


def file_response(request: Request, name: str, default_size: int, media_type: str) -> Response:
    """The file, or the range of it that the request asks for. Raises a 416 problem."""
    size = size_of(name, default_size)
    etag = etag_of(name, size)
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
    return StreamingResponse(_pieces(name, start, stop), status, headers, media_type)


def signed_url(call: Call, name: str) -> dict[str, Any]:
    """What `items.asset.download` answers: the URL, its end, the size and the type of the file."""
    expires = call.now + _LIFETIME
    url = call.request.url
    host = call.state.settings.files_host or _other_name(url.hostname or "127.0.0.1")
    port = f":{url.port}" if url.port else ""
    signature = _sign(call.state.signing_key, name, int(expires))
    size = size_of(name, call.state.settings.download_size)
    return {
        "url": f"{url.scheme}://{host}{port}/files/{quote(name)}?expires={int(expires)}&signature={signature}",
        "expires_at": stamp_of(expires),
        "file_name": name.rsplit("/", 1)[-1],
        "size_bytes": size,
        "content_type": "image/tiff",
        "method": "GET",
    }


def serve(request: Request, signing_key: bytes, default_size: int, now: float) -> Response:
    """Answers GET and HEAD of a signed URL.

    Raises a 400 problem when credentials arrive (they are not meant for this place), 403 for a wrong
    signature, 410 after the end of the URL.
    """
    for header in ("authorization", "x-api-key"):
        if header in request.headers:
            raise ProblemError(400, f"A signed URL takes no {header} header.")
    name = request.path_params["name"]
    try:
        expires = int(request.query_params.get("expires", ""))
    except ValueError:
        raise ProblemError(403, "The URL is not signed.") from None
    given = request.query_params.get("signature", "")
    if not hmac.compare_digest(given.encode(), _sign(signing_key, name, expires).encode()):
        raise ProblemError(403, "The signature of the URL is wrong.")
    if expires < now:
        raise ProblemError(410, "The URL has expired.")
    return file_response(request, name, default_size, "image/tiff")


def _sign(key: bytes, name: str, expires: int) -> str:
    return hmac.new(key, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _other_name(host: str) -> str:
    return {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(host, host)


def _part(header: str, size: int) -> tuple[int, int] | None:
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None  # several ranges or another unit: the whole file is a right answer
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


async def _pieces(name: str, start: int, stop: int) -> AsyncIterator[bytes]:
    while start < stop:
        end = min(stop, (start // _BLOCK + 1) * _BLOCK)
        yield content(name, start, end)
        start = end


def _block(name: str, number: int) -> bytes:
    seed = hashlib.sha256(f"{name}:{number}".encode()).digest()
    block = seed * (_BLOCK // len(seed))
    return tiff() + block[len(tiff()) :] if number == 0 else block
