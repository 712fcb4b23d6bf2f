"""Bodies of requests, within limits of time and size."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from .problems import ProblemError

SECONDS = 30.0
_CLOSE = {"Connection": "close"}


async def read_body(request: Request, most: int, seconds: float = SECONDS) -> bytes:
    """The body of a request.

    Raises:
        ProblemError: 413 for more than `most` bytes, 408 if the body takes longer than `seconds`, 400 if the client goes away
            before it has arrived.
    """
    raw = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                raw += piece
                if len(raw) > most:
                    raise ProblemError(413, f"The body has more than {most} bytes.", headers=_CLOSE)
    except TimeoutError:
        raise ProblemError(408, "The body did not arrive in time.", headers=_CLOSE) from None
    except ClientDisconnect:
        raise ProblemError(
            400, "The connection was closed before the body had arrived.", headers=_CLOSE
        ) from None
    return bytes(raw)
