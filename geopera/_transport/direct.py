"""The rest of a large file, read from the connection itself.

An HTTP/1.1 library reads 64 KiB at a time, or one TLS record, and copies each piece several times: more than half of
the time of a download from a store nearby. After the first piece of a body with a length and without a coding, what
comes on the connection is the body and nothing else, so the network stream, which responses have as a documented
extension, is read in larger pieces. The connection is closed afterwards, as the library does not know how far it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx

LARGE = 64 << 20
"""Bytes from which on it is worth a connection that is not used again."""
_STEP = 1 << 20


class Rest:
    """What is left of a body after its first piece.

    Args:
        http: The response.
        arrived: The bytes of its body that the library has yielded, which has no others in its buffers.
    """

    __slots__ = ("_http", "_left", "_library", "_stream", "_timeout")

    def __init__(self, http: httpx.Response, library: Any, arrived: int) -> None:
        self._http, self._library = http, library
        self._stream = http.extensions["network_stream"]
        self._timeout = http.request.extensions.get("timeout", {}).get("read")
        self._left = int(http.headers["content-length"]) - arrived

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises the exceptions that the library would raise."""
        while self._left:
            try:
                data = self._stream.read(min(_STEP, self._left), self._timeout)
            except Exception as exc:  # noqa: BLE001 - of what the library stands on, by whichever name
                raise self._failure(exc) from None
            yield self._taken(data)

    async def achunks(self, within: Callable[[Any], Any]) -> AsyncIterator[bytes]:
        """The bytes, each piece awaited by `within`."""
        while self._left:
            try:
                data = await within(self._stream.read(min(_STEP, self._left), self._timeout))
            except Exception as exc:  # noqa: BLE001
                raise self._failure(exc) from None
            yield self._taken(data)

    def _taken(self, data: bytes) -> bytes:
        if not data:
            raise self._library.RemoteProtocolError(
                f"the connection was closed {self._left} bytes before the end of the body",
                request=self._http.request,
            )
        self._left -= len(data)
        return data

    def _failure(self, exc: Exception) -> Exception:
        cls = getattr(self._library, type(exc).__name__, None)
        if isinstance(cls, type) and issubclass(cls, self._library.TransportError):
            made: Exception = cls(str(exc), request=self._http.request)
            return made
        return exc


def rest(http: httpx.Response, library: Any, arrived: int) -> Rest | None:
    """What to read from the connection itself of a body without a coding; None where the library has to read on."""
    headers = http.headers
    length = headers.get("content-length", "")
    if (
        http.extensions.get("http_version") != b"HTTP/1.1"
        or "transfer-encoding" in headers
        or http.status_code not in (200, 206)
        or not (length.isascii() and length.isdigit() and len(length) < 20)
        or int(length) - arrived < LARGE
        or not hasattr(http.extensions.get("network_stream"), "read")
    ):
        return None
    return Rest(http, library, arrived)
