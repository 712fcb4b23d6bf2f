"""Files by signed URLs: rasters followed by noise up to any size, and uploads."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ..catalogue.scenes import stamp_of
from ..core.registry import Call, handles
from ..core.state import State
from ..core.things import check_ids
from ..wire.arrival import read_body
from . import images, signing
from .ranges import BLOCK, respond_with

_SIZE = re.compile(r"bytes-(\d{1,10})")
_MOST = 256 << 20  # bytes of an upload


def content(name: str, start: int, stop: int, head: bytes = b"") -> bytes:
    """The bytes start..stop of the file of a name: its raster, then deterministic noise."""
    parts = [head[start:stop]]
    start = max(start, min(stop, len(head)))
    for number in range(start // BLOCK, -(-stop // BLOCK)):
        seed = hashlib.sha256(f"{name}:{number}".encode()).digest()
        block = seed * (BLOCK // len(seed))
        offset = number * BLOCK
        parts.append(block[max(0, start - offset) : max(0, stop - offset)])
    return b"".join(parts)


def file_response(request: Request, state: State, name: str, media_type: str) -> Response:
    """The file, or the requested range of it. Raises a 416 problem."""
    head = images.head(state, name)
    size = len(head) if name in state.uploads else _size(state, name, head)
    etag = '"' + hashlib.sha256(f"{name}:{size}".encode() + head).hexdigest()[:24] + '"'
    return respond_with(request, size, etag, media_type, lambda start, stop: content(name, start, stop, head))


def signed_url(call: Call, name: str) -> dict[str, Any]:
    """The response of `items.asset.download`: the URL, its expiry, the size and the type of the file."""
    return {
        "url": _url(call, name, "GET"),
        "expires_at": stamp_of(int(call.now + call.state.url_lifetime)),
        "file_name": name.rsplit("/", 1)[-1],
        "size_bytes": _size(call.state, name, images.head(call.state, name)),
        "content_type": "image/tiff",
        "method": "GET",
    }


@handles("uploads.signed_url")
def upload_url(call: Call) -> dict[str, Any]:
    check_ids(call)
    path = f"uploads/{call.body['upload_id']}/{call.body['file_name']}"
    return {"upload_url": _url(call, path, "PUT"), "object_path": path}


def serve(request: Request, state: State) -> Response:
    """GET and HEAD of a signed URL. Raises the problems of `signing.check`."""
    name = request.path_params["name"]
    signing.check(request, state, name)
    return file_response(request, state, name, "image/tiff")


async def take(request: Request, state: State) -> Response:
    """PUT of a signed URL: keeps the bytes. Raises the problems of `signing.check`, 408 and 413."""
    name = request.path_params["name"]
    signing.check(request, state, name)
    data = await read_body(request, _MOST, state.settings.body_timeout * 10)
    state.uploads[name] = data
    digest = hashlib.sha256(data).hexdigest()
    return Response(status_code=200, headers={"ETag": f'"{digest[:24]}"'})


def _url(call: Call, name: str, method: str) -> str:
    """A signed URL on the other name of this host, as an object store has."""
    base = urlsplit(call.state.base_url(call.request))
    others = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
    host = call.state.settings.files_host or others.get(base.hostname or "", base.hostname or "localhost")
    if call.state.settings.public_url:
        host = call.state.settings.files_host or base.hostname or "localhost"
    host = f"[{host}]" if ":" in host else host
    port = f":{base.port}" if base.port else ""
    return f"{base.scheme}://{host}{port}/files/{quote(name)}?{signing.query(call.state, name, call.now, method)}"


def _size(state: State, name: str, head: bytes) -> int:
    """The size of a file: from its name (`bytes-5000000`), else from the settings; at least that of its raster."""
    named = _SIZE.search(name)
    return max(int(named[1]) if named else state.settings.download_size, len(head))
