"""One response for one request (RFC 9112, section 6.3): what was there before its request is no response to it.

A server, or a proxy, that sends one response too many would shift every later one on the connection by one. HTTP
libraries keep the surplus in their buffers. The kernel counts what a socket received, so a response whose bytes were
there before its request was written shows: the count has not grown enough. Linux tells the count (``TCP_INFO``);
elsewhere nothing is known, and the connections that operations with an effect have of their own are what protects.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import httpx

# struct tcp_info: 8 bytes, 24 words of 4, then words of 8: pacing rate, its maximum, bytes acked, bytes received.
_OFFSET, _SIZE = 128, 136
_TCP_INFO = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None


def received(stream: Any) -> int | None:
    """The bytes that the socket below a network stream has received so far, or None where nobody knows."""
    if _TCP_INFO is None:
        return None
    try:
        data = stream.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
    except (AttributeError, OSError, TypeError, NotImplementedError):
        return None
    return int.from_bytes(data[_OFFSET:_SIZE], sys.byteorder) if len(data) == _SIZE else None


class Guard:
    """What each connection had received when its last response ended."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def stale(self, response: httpx.Response, body: int = 0) -> bool:
        """Whether a response, with `body` bytes of its body so far, cannot have come after its request."""
        stream = response.extensions.get("network_stream")
        before = None if stream is None else self._ends.get(stream)
        now = None if before is None else received(stream)
        if before is None or now is None or response.extensions.get("http_version") == b"HTTP/2":
            return False
        return now - before < _head(response, line=12, between=1, after=1) + body

    def ended(self, response: httpx.Response, body: int) -> bool:
        """Note the end of a response of `body` bytes, as they were sent. Returns True if more than it has come."""
        stream = response.extensions.get("network_stream")
        now = None if stream is None or not hasattr(stream, "get_extra_info") else received(stream)
        if now is None:
            return False
        before = self._ends.get(stream, 0)
        self._ends[stream] = now
        if response.url.scheme != "http" or "transfer-encoding" in response.headers:
            return False  # what TLS and chunks add cannot be told from something else
        return now - before > _head(response, line=13, between=2, after=2) + body


def _head(response: httpx.Response, *, line: int, between: int, after: int) -> int:
    """The size of a response's head, with so many bytes between names and values and at the ends of lines."""
    size = line + len(response.extensions.get("reason_phrase", b"")) + 2 * after
    for name, value in response.headers.raw:
        size += len(name) + len(value) + between + after
    return size
