"""Content codings, decoded in steps of bounded size (RFC 9110, section 8.4; RFC 1952; RFC 1950).

One coding is accepted, of those that were requested. A few bytes may expand to gigabytes, so no more is inflated than
the caller takes, and both the received and the decoded bytes are counted.
"""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["ACCEPTED", "BodyCut", "BodyError", "BodyTooLarge", "Decoder", "Whole"]

ACCEPTED = "gzip, deflate"
"""The codings that requests accept."""

_STEP = 1 << 18


class BodyError(ValueError):
    """A body that cannot be used: in a coding that was not requested, or too large."""


class BodyTooLarge(BodyError):
    """A body above the size limit."""


class BodyCut(ValueError):
    """A compressed body that is damaged or incomplete."""


class Decoder:
    """Decodes the content coding of one body.

    `feed` yields decoded chunks of at most 256 KiB; `close` raises if the body is incomplete.

    Args:
        coding: The value of ``Content-Encoding``; None or empty for none.
        file: Also accept ``aws-chunked``, which some object stores replay although the bytes are plain.

    Raises:
        BodyError: If the coding was not requested.
    """

    __slots__ = ("_gzip", "_head", "_inflate", "_unused", "plain")

    def __init__(self, coding: str | None, *, file: bool = False) -> None:
        names = [name.strip().lower() for name in (coding or "").split(",")]
        names = [
            name for name in names if name not in ("", "identity") and not (file and name == "aws-chunked")
        ]
        if names and (len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate")):
            raise BodyError(f"the body is in the coding {(coding or '')[:60]!r}, which was not requested")
        self.plain = not names
        self._gzip = bool(names) and names[0] != "deflate"
        self._inflate: Any = zlib.decompressobj(31) if self._gzip else None
        self._head = b""  # the first bytes of a deflate body, until they show which of its two forms it has
        self._unused = True  # the current member has no output yet

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded bytes of `data`, in chunks. Raises `BodyCut` for damaged data."""
        if self.plain:
            if data:
                yield data
            return
        if self._inflate is None:
            data = self._begin(data)
        inflate = self._inflate
        if inflate is None:
            return
        full = bool(data)  # output may be pending although all input was taken
        while data or full:
            if inflate.eof:
                if not data or not self._next(data):
                    return
                inflate = self._inflate
            self._unused = False
            try:
                piece = inflate.decompress(data, _STEP)
            except zlib.error as exc:
                raise BodyCut(f"the compressed body is damaged: {exc}") from None
            full = len(piece) == _STEP
            data = inflate.unconsumed_tail or inflate.unused_data
            if piece:
                yield piece

    def _begin(self, data: bytes) -> bytes:
        """By its standard, deflate is zlib's format; some servers send it bare."""
        data, self._head = self._head + data, b""
        if len(data) < 2:
            self._head = data
            return b""
        zlib_form = data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
        self._inflate = zlib.decompressobj(15 if zlib_form else -15)
        return data

    def _next(self, data: bytes) -> bool:
        """Whether `data`, after the end of a member, begins another one; padding is skipped."""
        if not self._gzip or data[0] != 0x1F:
            return False
        self._inflate, self._unused = zlib.decompressobj(31), True
        return True

    def close(self) -> None:
        """Raises `BodyCut` if the body is incomplete. A body of no bytes is complete."""
        unfinished = self._inflate is not None and not self._inflate.eof
        if self._head or (unfinished and not self._unused):
            raise BodyCut("the compressed body ended before its end")


def too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes (max_response_size)")


class Whole:
    """A whole body in memory, of bounded size.

    Args:
        coding: As in `Decoder`.
        limit: The most bytes, both received and decoded.
        cut: Keep the first `limit` bytes of a larger body instead of raising `BodyError`.
    """

    __slots__ = ("_cut", "_decoder", "_limit", "_parts", "_size", "arrived")

    def __init__(self, coding: str | None, limit: int, *, cut: bool = False) -> None:
        self._limit = limit
        self._cut = cut
        self._parts: list[bytes] = []
        self._size = self.arrived = 0
        self._decoder: Decoder | None = None
        if coding:
            try:
                self._decoder = Decoder(coding)
            except BodyError:
                if not cut:
                    raise
                self._limit = -1  # an unreadable body of an error must not fail the call

    def add(self, data: bytes) -> bool:
        """Take these bytes. Returns True if no more are wanted. Raises `BodyError` and `BodyCut`."""
        self.arrived += len(data)
        if self._decoder is None:
            self._parts.append(data)
            self._size = self.arrived
            return self._size > self._limit and self._full()
        try:
            for piece in self._decoder.feed(data):
                self._parts.append(piece)
                self._size += len(piece)
                if self._size > self._limit:
                    return self._full()
        except BodyCut:
            if self._cut:
                return True
            raise
        return self.arrived > self._limit and self._full()

    def _full(self) -> bool:
        if not self._cut:
            raise too_large(self._limit)
        return True

    def end(self) -> bytes:
        """The body."""
        if self._decoder is not None and not self._cut:
            self._decoder.close()
        content = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        return content[: max(self._limit, 0)] if self._cut else content
