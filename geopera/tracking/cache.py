"""Writing refreshed manifests to the user's cache folder: whole files, one writer at a time.

A manifest is written under a new name and flushed to disk; then the small file that names the current one is replaced.
A concurrent reader sees the old manifest or the new one, also if the writer dies at any point. They are read by
``geopera.manifest._cache``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import ManifestError
from ..manifest import _cache as _cache_path
from ..manifest._cache import DamagedCache

LOCK_TIMEOUT = 20.0
_LOCK_FILE = "lock"
_POLL = 0.02
_STALE = 3600.0


class Entry:
    """A refreshed manifest in the cache.

    facts: ``base_url``, ``api_version``, ``etag``, …; data: its bytes; file: its path.
    """

    __slots__ = ("data", "facts", "file")

    def __init__(self, facts: Mapping[str, str], data: bytes, file: str) -> None:
        self.facts = facts
        self.data = data
        self.file = file


def read(base_url: str) -> Entry | None:
    """The refreshed manifest for the API at `base_url`; None if there is none or it is damaged."""
    try:
        found = _cache_path.read_entry(_cache_path.slot(base_url))
    except (DamagedCache, OSError, RuntimeError):
        return None
    if found is None or found[0].get("base_url") != _cache_path.public_url(base_url):
        return None
    return Entry(*found)


def install(base_url: str, data: bytes, facts: Mapping[str, str]) -> str:
    """Make `data` the refreshed manifest for the API at `base_url`. Returns its path.

    Waits up to 20 s for another process that is doing the same.

    Raises:
        ManifestError: If the cache folder cannot be written; nothing has changed then.
    """
    from zlib import crc32

    folder = _slot(base_url)
    checksum = f"{crc32(data):08x}"
    name = f"{checksum}-{len(data)}.json"
    about = {
        **facts,
        "base_url": _cache_path.public_url(base_url),
        "file": name,
        "size": str(len(data)),
        "crc32": checksum,
    }
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with _locked(folder):
            _replace(folder, name, data)
            _replace(folder, _cache_path.POINTER, _pointer(about))
            _sweep(folder, name)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise ManifestError(f"the refreshed manifest cannot be kept in {folder}: {reason}") from exc
    return os.path.join(folder, name)


def touch(base_url: str) -> None:
    """Record that the refreshed manifest for the API at `base_url` is up to date now."""
    with suppress(DamagedCache, OSError, RuntimeError, ManifestError):
        folder = _cache_path.slot(base_url)
        with _locked(folder):
            facts = _cache_path.read_pointer(folder)
            if facts is not None:
                _replace(folder, _cache_path.POINTER, _pointer({**facts, "refreshed": f"{time.time():.0f}"}))


def _slot(base_url: str) -> str:
    try:
        return _cache_path.slot(base_url)
    except RuntimeError as exc:
        raise ManifestError(f"there is no cache folder: {exc}") from exc


def reset(base_url: str | None = None) -> list[str]:
    """Forget the refreshed manifest for `base_url`, or all of them. Returns the folders that held one.

    Raises:
        ManifestError: If one cannot be removed.
    """
    from shutil import rmtree

    if base_url is not None:
        folders = [_slot(base_url)]
    else:
        root = os.path.dirname(_slot(""))
        try:
            folders = [os.path.join(root, name) for name in sorted(os.listdir(root))]
        except FileNotFoundError:
            folders = []
        except OSError as exc:
            raise ManifestError(f"{root} cannot be read: {exc.strerror or exc}") from exc
    gone = []
    for folder in folders:
        if os.path.isdir(folder):
            try:
                # The file that names the current manifest goes first: no reader sees half a folder.
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, _cache_path.POINTER))
                rmtree(folder)
            except OSError as exc:
                raise ManifestError(f"{folder} cannot be removed: {exc.strerror or exc}") from exc
            gone.append(folder)
    return gone


def _pointer(facts: Mapping[str, str]) -> bytes:
    lines = [_cache_path.MAGIC]
    for key, value in sorted(facts.items()):
        # One line per fact; a value with a line break (an odd header of a server) is left out.
        if value and value.isprintable() and len(value) <= 2_000:
            lines.append(f"{key} {value}")
    return "\n".join([*lines, "end", ""]).encode("utf-8", "backslashreplace")


def _replace(folder: str, name: str, data: bytes) -> None:
    """Replace a file in one step, after its bytes have reached the disk."""
    from tempfile import mkstemp

    handle, temporary = mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, os.path.join(folder, name))
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _rename(source: str, target: str) -> None:
    for attempt in range(50):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            # On Windows a reader that has the file open blocks the replacement briefly.
            if os.name != "nt" or attempt == 49:
                raise
            time.sleep(_POLL)


def _sync_folder(folder: str) -> None:
    if os.name == "posix":
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _sweep(folder: str, current: str) -> None:
    """Remove manifests that no process can still be reading, and the leftovers of killed writers."""
    with suppress(OSError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            old = name.endswith(".json") and name != current
            with suppress(OSError):
                left = name.startswith(".new-") and time.time() - os.stat(path).st_mtime > _STALE
                if old or left:
                    os.unlink(path)


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold the folder's lock: across processes and threads, released by the system when a holder dies."""
    handle = os.open(os.path.join(folder, _LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                raise ManifestError(f"another process has been writing to {folder} for {LOCK_TIMEOUT:g} s")
            time.sleep(_POLL)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    module: Any
    try:
        if os.name == "nt":
            import msvcrt as module

            module.locking(handle, module.LK_NBLCK, 1)
        else:
            import fcntl as module

            module.flock(handle, module.LOCK_EX | module.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
