"""One rate limit for all processes of a machine: the reserved times are in a file.

The file is in the user's cache folder, one per API, token and machine, and locked while a time is reserved. The
token is in its name as a digest only. If the folder cannot be written, a process counts by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from .._secrets import reveal
from .limits import RateLimiter
from .locks import lock_file

# Seconds by which the offset between the two clocks may drift before the file counts as another boot's.
_DRIFT = 30.0


class SharedRateLimiter(RateLimiter):
    """A `RateLimiter` whose count is that of all processes of this machine that use the same file.

    Args:
        path: The file; its folder is created.
        limits: As in `RateLimiter`.
        window: As in `RateLimiter`.
    """

    __slots__ = ("_path",)

    def __init__(
        self,
        path: str | os.PathLike[str],
        limits: dict[str, int] | None = None,
        *,
        window: float | None = None,
    ) -> None:
        super().__init__(limits, window=window)
        self._path = os.fspath(path)

    def reserve(self, operation_id: str, now: float, *, spends: bool = False, token: bool = True) -> float:
        try:
            descriptor = self._open()
        except OSError:
            return super().reserve(operation_id, now, spends=spends, token=token)
        try:
            lock_file(descriptor, wait=True)
            self._taken = self._load(descriptor)
            delay = super().reserve(operation_id, now, spends=spends, token=token)
            with suppress(OSError):  # a full disk; this process's own count is still right
                self._store(descriptor)
            return delay
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            return os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            return os.open(self._path, flags, 0o600)

    def _load(self, descriptor: int) -> dict[str, list[float]]:
        from json import loads

        # Times are of the monotonic clock, which all processes of a machine share until it restarts.
        try:
            found = loads(os.read(descriptor, 1 << 20))
            if abs(found["offset"] - (time.time() - time.monotonic())) < _DRIFT:
                taken = found["taken"]
                return {name: [float(at) for at in taken.get(name, ())] for name in self._limits}
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        return {name: [] for name in self._limits}

    def _store(self, descriptor: int) -> None:
        from json import dumps

        offset = time.time() - time.monotonic()
        content = dumps({"offset": offset, "taken": self._taken}).encode()
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)
        os.ftruncate(descriptor, len(content))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._path, self._limits, self._window)


def _rebuild(path: str, limits: dict[str, int], window: float) -> SharedRateLimiter:
    return SharedRateLimiter(path, limits, window=window)


def shared_limiter(base_url: str, secrets: Iterable[Any]) -> RateLimiter:
    """The limiter that all processes of this machine share for one API and one token."""
    import platform
    from hashlib import blake2b

    from ..manifest._cache import folder, public_url

    who = "\n".join((public_url(base_url), *map(str, map(reveal, secrets)), platform.node()))
    name = blake2b(who.encode(), digest_size=12, person=b"geopera-limits").hexdigest()
    try:
        return SharedRateLimiter(os.path.join(folder(), "limits", f"{name}.json"))
    except RuntimeError:  # a user without a home folder
        return RateLimiter()
