"""One response per request (RFC 9112, section 6.3): bytes that arrived before a request are not its response.

A server or proxy that sends one response too many would shift every later one on the connection by one, since HTTP
libraries keep the surplus in their buffers. The kernel counts the bytes that a socket received. If the count has not
grown enough, the response was there before its request. Linux reports the count (``TCP_INFO``). On other systems it is
unknown, and operations with an effect are protected by connections of their own.
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
    """The bytes that the socket of a network stream has received so far, or None if unknown."""
    if _TCP_INFO is None:
        return None
    try:
        data = stream.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
    except (AttributeError, OSError, TypeError, NotImplementedError):
        return None
    return int.from_bytes(data[_OFFSET:_SIZE], sys.byteorder) if len(data) == _SIZE else None


class Guard:
    """The bytes that each connection had received when its last response ended."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def reception(self, response: httpx.Response) -> Reception:
        """Watch a response whose head has arrived."""
        return Reception(self._ends, response)


class Reception:
    """One response that is being received.

    `note` is called after the head and after each piece of the body, before the next piece is requested: with the last
    one the HTTP library may give the connection to another request, whose response would be counted as well.
    """

    __slots__ = ("_before", "_ends", "_least", "_most", "_now", "_stream")

    def __init__(self, ends: WeakKeyDictionary[Any, int], response: httpx.Response) -> None:
        stream = response.extensions.get("network_stream")
        known = hasattr(stream, "get_extra_info") and response.extensions.get("http_version") != b"HTTP/2"
        self._ends = ends
        self._stream = stream if known else None
        self._before = ends.get(stream) if known else None
        # The head as short as it can have been sent, and as long: spaces after colons, one or two bytes a line end.
        raw = response.headers.raw if known else ()
        text = sum([len(name) + len(value) for name, value in raw])
        text += len(response.extensions.get("reason_phrase", b""))
        self._least = 14 + text + 2 * len(raw)
        length = _length(response) if known else None
        self._most = None if length is None else 17 + text + 4 * len(raw) + length
        self._now: int | None = None
        self.note()

    def note(self) -> None:
        """Record how much the connection has received."""
        now = None if self._stream is None else received(self._stream)
        if now is not None:
            self._now = self._ends[self._stream] = now

    @property
    def surplus(self) -> bool:
        """Whether more has arrived than this response: the connection must not be used again."""
        return (
            self._most is not None and self._now is not None and self._now - (self._before or 0) > self._most
        )

    def stale(self, body: int = 0) -> bool:
        """Whether the response, with `body` bytes of its body so far, cannot have come after its request."""
        if self._before is None or self._now is None:
            return False
        return self._now - self._before < self._least + body


def _length(response: httpx.Response) -> int | None:
    """The length of the body, if it is known and nothing but the body adds to what the socket receives."""
    if response.url.scheme != "http" or "transfer-encoding" in response.headers:
        return None
    if response.status_code in (204, 304):
        return 0
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
