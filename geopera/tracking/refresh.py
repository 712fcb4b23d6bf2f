"""Refreshing: from the API's live description to the manifest in use.

The description is fetched, compiled over the bundled manifest, checked, compared with the manifest in use, and kept
in the user's cache folder. A failed step changes nothing. Only the request differs between sync and async.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from warnings import warn

from .._call.reasons import sentence
from .._call.stops import TotalTimeout
from .._decoding.inflate import BodyError, BodyTooLarge
from .._http import is_timeout, transport_errors
from .._transport.base import Get
from .._version import __version__
from ..errors import APIConnectionError, APITimeoutError, GeoperaError, ManifestError
from ..manifest import Manifest, bundled, bundled_bytes
from . import cache
from ._components import LeftOut
from .compile import MAX_BYTES, compile_manifest, dump, warn_left_out
from .diff import Diff, diff

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._call.endpoint import Reply
    from .._secrets import Redactor
    from ..client import Client

MAX_SECONDS = 120.0
"""Seconds for a whole description to arrive."""
_PATH = "/openapi.json"


class Refresh:
    """The result of a refresh.

    Attributes:
        manifest: The manifest that the client uses now.
        diff: The differences from the one before; false if nothing changed.
        installed: The file in the cache, or None.
        source: The URL or the file of the description.
    """

    __slots__ = ("diff", "installed", "manifest", "source")

    def __init__(self, manifest: Manifest, diff: Diff, installed: str | None, source: str) -> None:
        self.manifest = manifest
        self.diff = diff
        self.installed = installed
        self.source = source

    @property
    def changed(self) -> bool:
        """Whether the manifest differs from the one before."""
        return bool(self.diff)

    def __repr__(self) -> str:
        return f"<Refresh from {self.source}: {self.diff.summary()}>"

    def __str__(self) -> str:
        return self.diff.text()


class Fetched:
    """The document's bytes, or None if it has not changed, and its ETag."""

    __slots__ = ("data", "etag")

    def __init__(self, data: bytes | None, etag: str = "") -> None:
        self.data = data
        self.etag = etag


def refresh(
    client: Client,
    *,
    dry_run: bool = False,
    must_keep: bool = False,
    seconds: float | None = None,
    quiet: bool = False,
) -> Refresh:
    """Read the description of the API that `client` talks to, and make `client` use it.

    The new manifest is kept in the cache folder for the next import, and `client`, with its live proxies, uses
    it from now on; other clients do not.

    Args:
        client: The client to refresh.
        dry_run: Compare only.
        must_keep: Raise if the cache folder cannot be written; without it the client uses the manifest, with a warning.
        seconds: How long the description may take to arrive; 120 by default.
        quiet: Do not warn.

    Returns:
        The `Refresh`.

    Raises:
        ManifestError: If the document is damaged, too large or not a description of an API; nothing has changed then.
        APIConnectionError: If no response came; nothing has changed then.
    """
    fetched = fetch(client, _validator(client), seconds)
    return _complete(client, fetched, dry_run=dry_run, must_keep=must_keep, quiet=quiet)


async def refresh_async(client: Client, *, dry_run: bool = False) -> Refresh:
    """`refresh` for async clients: the request is awaited, the compiling runs in a thread."""
    from functools import partial

    from anyio.to_thread import run_sync

    known = await run_sync(_validator, client)
    fetched = await fetch_async(client, known)
    return await run_sync(partial(_complete, client, fetched, dry_run=dry_run))


def refresh_from_file(client: Client, path: str, *, dry_run: bool = False) -> Refresh:
    """`refresh` with the description in the file `path` instead of the server's."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise ManifestError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{path} is larger than {MAX_BYTES >> 20} MiB; nothing was changed")
    return _complete(client, Fetched(data), dry_run=dry_run, must_keep=True, source=path)


# Compiling, checking, comparing, keeping.


def compiled(
    data: bytes, source: str, base: bytes | None = None, left_out: LeftOut | None = None
) -> tuple[dict[str, Any], bytes]:
    """(manifest document, its bytes) from the bytes of a description.

    Args:
        data: An OpenAPI document, a facts file or a manifest.
        source: Where it is from, for messages.
        base: A manifest that supplies facts which it does not state; the bundled one by default.
        left_out: Receives its unusable parts. Without it they are a warning.

    Raises:
        ManifestError: If it cannot be used as a whole.
    """
    from json import loads

    from ._openapi import is_openapi
    from .check import check_manifest, check_the_rest

    try:
        document = loads(data)
        overlay = loads(bundled_bytes("overlay.json"))
        known = loads(base if base is not None else bundled_bytes())
    except (ValueError, RecursionError) as exc:
        raise ManifestError(f"{source} is not JSON: {exc}; nothing was changed") from exc
    if not isinstance(document, dict):
        raise ManifestError(f"{source} is not a JSON object; nothing was changed")
    if not document.keys() & {"openapi", "paths", "operations"}:
        raise ManifestError(f"{source} is not a description of an API; nothing was changed")
    try:
        odd = LeftOut() if left_out is None else left_out
        made = compile_manifest(document, overlay=overlay, base=known, left_out=odd)
        problems = (check_the_rest if is_openapi(document) else check_manifest)(made)
        raw = dump(made) if not problems else b""
    except ManifestError as exc:
        raise ManifestError(f"{source} cannot be used: {exc}; nothing was changed") from exc
    except RecursionError as exc:
        raise ManifestError(f"{source} is nested too deeply; nothing was changed") from exc
    if problems:
        shown = "; ".join(problems[:3]) + (f"; and {len(problems) - 3} more" if len(problems) > 3 else "")
        raise ManifestError(f"{source} does not make a valid manifest: {shown}; nothing was changed")
    if made["operations"].keys() <= overlay.get("extra_operations", {}).keys():
        raise ManifestError(f"{source} describes no operation; nothing was changed")
    if odd and left_out is None:
        warn_left_out(odd.lines(), source, 3)
    return made, raw


def _complete(
    client: Client,
    fetched: Fetched,
    *,
    dry_run: bool,
    must_keep: bool = False,
    source: str = "",
    quiet: bool = False,
) -> Refresh:
    source = source or _address(client)
    current, odd = client.manifest, LeftOut()
    if fetched.data is None:
        entry = cache.read(client.base_url)
        if entry is None:
            raise ManifestError(f"{source} has not changed, but its cached manifest is gone; refresh again")
        raw, document = entry.data, Manifest.from_bytes(entry.data, source=entry.file).to_dict()
        if not dry_run:
            cache.touch(client.base_url)
    else:
        entry = None
        document, raw = compiled(fetched.data, source, left_out=odd)
        if odd and not quiet:
            warn_left_out(odd.lines(), source, 4)
    before = _usable(current)
    found = diff(before or bundled().to_dict(), document, odd.lines())
    if dry_run:
        return Refresh(current, found, None, source)
    installed = None
    try:
        installed = entry.file if entry is not None else _keep(client, raw, fetched.etag, document)
    except ManifestError as exc:
        if must_keep:
            raise
        if not quiet:
            warn(f"{exc}; this client uses it anyway", RuntimeWarning, stacklevel=2)
    if before != document:
        new = Manifest.from_bytes(raw, source=installed or source)
        new.tree  # noqa: B018 - a tree that cannot be made is refused before anybody uses it
        client.manifest = new.succeed(current) if before else new
    return Refresh(client.manifest, found, installed, source)


def _usable(manifest: Manifest) -> dict[str, Any]:
    """The document of `manifest`; empty if an entry is faulty, since a refresh is what replaces it."""
    try:
        return manifest.to_dict()
    except ManifestError:
        return {}


def _keep(client: Client, raw: bytes, etag: str, document: dict[str, Any]) -> str:
    facts = {
        **_origin(),
        "etag": etag,
        "api_version": str(document["api_version"]),
        "refreshed": f"{time.time():.0f}",
    }
    return cache.install(client.base_url, raw, facts)


def _origin() -> dict[str, str]:
    """The sources of a compiled manifest beside the description."""
    from zlib import crc32

    return {
        "package": __version__,
        "bundled": f"{crc32(bundled_bytes()):08x}",
        "overlay": f"{crc32(bundled_bytes('overlay.json')):08x}",
    }


def _validator(client: Client) -> str:
    """The ETag for the request: that of the cached manifest, if the same description would make it again."""
    entry = cache.read(client.base_url)
    if entry is None or any(entry.facts.get(name) != value for name, value in _origin().items()):
        return ""
    return entry.facts.get("etag", "")


# Reading.


def _address(client: Client) -> str:
    from ..manifest._cache import public_url

    return public_url(client.base_url) + _PATH


def _headers(etag: str) -> dict[str, str]:
    return {"Accept": "application/json", **({"If-None-Match": etag} if etag else {})}


def _reading(client: Client, etag: str, seconds: float | None) -> Generator[Any, Any, Fetched]:
    """The one request of a refresh, as steps for a pool."""
    source, redactor = _address(client), client._redactor()
    seconds = MAX_SECONDS if seconds is None else seconds
    get = Get(_PATH, _headers(etag), MAX_BYTES, time.monotonic() + seconds)
    try:
        reply: Reply = yield get
    except BodyTooLarge:
        raise ManifestError(f"{source} is larger than {MAX_BYTES >> 20} MiB; nothing was changed") from None
    except BodyError as exc:
        raise ManifestError(f"{source}: {exc}; nothing was changed") from None
    except transport_errors(OSError) as exc:
        failure = _failed(exc, source, get, redactor, seconds)
        redactor.exception(exc)
    else:
        if reply.status == 304 and etag:
            return Fetched(None)
        if reply.status != 200:
            hint = {401: "; is the token right?", 404: "; is the base URL right?"}.get(reply.status, "")
            raise ManifestError(
                f"{source} returned status {reply.status}{hint}; nothing was changed",
                status_code=reply.status,
            )
        return Fetched(redactor.content(reply.content or b""), reply.headers.get("etag", ""))
    raise failure


def _failed(exc: Exception, source: str, get: Get, redactor: Redactor, seconds: float) -> GeoperaError:
    if isinstance(exc, TotalTimeout):
        return ManifestError(f"{source} took longer than {seconds:g} s; nothing was changed")
    text = redactor.text(sentence(exc, get.place, seconds))
    if type(exc).__name__ in ("DecodingError", "RemoteProtocolError"):
        return ManifestError(f"{source} is cut or damaged ({text}); nothing was changed")
    cls = APITimeoutError if is_timeout(exc) else APIConnectionError
    reason = redactor.text(f"{type(exc).__name__}: {exc}")
    return cls(f"{source} cannot be reached ({text}); nothing was changed", attempts=1, reason=reason)


def fetch(client: Client, etag: str = "", seconds: float | None = None) -> Fetched:
    """The live description, over the connections of `client`. If `etag` is given and still valid, without data."""
    found: Fetched = client._sync().run(_reading(client, etag, seconds))
    return found


async def fetch_async(client: Client, etag: str = "", seconds: float | None = None) -> Fetched:
    """`fetch`, async."""
    found: Fetched = await client._async().run(_reading(client, etag, seconds))
    return found
