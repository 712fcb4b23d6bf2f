"""The rate limiter of bulk calls whose client has none of its own."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .._call.shared_limits import shared_limiter
from .._secrets import reveal

if TYPE_CHECKING:
    from .._call.limits import RateLimiter
    from ..client import Client

_limiters: WeakKeyDictionary[Client, RateLimiter] = WeakKeyDictionary()
_lock = Lock()


def limiter_of(client: Client) -> RateLimiter:
    """What keeps bulk calls below the documented limits; all processes of a machine count together."""
    with _lock:
        found = _limiters.get(client)
        if found is None:
            found = _limiters[client] = shared_limiter(
                client.base_url, tuple(reveal(secret) for secret in client._secrets())
            )
        return found
