"""A `Receiver` for web frameworks: ASGI, WSGI and Django."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

MOST_BYTES = 1 << 20  # of a body

_PHRASES = {
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    500: "Internal Server Error",
}


def asgi(take: Callable[[bytes, Any], Awaitable[int]]) -> Any:
    """See `Receiver.asgi`."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"a webhook receiver takes HTTP, not {scope['type']}")
        if scope["method"] != "POST":
            status = 405
        else:
            body = await _read(receive)
            if body is None:
                return
            status = 413 if len(body) > MOST_BYTES else await take(bytes(body), scope["headers"])
        headers = [(b"content-length", b"0"), *([(b"allow", b"POST")] if status == 405 else ())]
        await send(
            {"type": "http.response.start", "status": status, "headers": headers if status != 204 else []}
        )
        await send({"type": "http.response.body", "body": b""})

    return application


async def _read(receive: Any) -> bytearray | None:
    """The body, or its beginning if it is too large; None if the sender disconnected."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > MOST_BYTES:
            return body


async def _lifespan(receive: Any, send: Any) -> None:
    for part in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{part}.complete"})


def wsgi(take: Callable[[bytes, Any], int]) -> Any:
    """See `Receiver.wsgi`."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        headers = [("Content-Length", "0")]
        if environ["REQUEST_METHOD"] != "POST":
            status, headers = 405, [*headers, ("Allow", "POST")]
        else:
            body = _wsgi_body(environ)
            given = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
            status = 413 if len(body) > MOST_BYTES else take(body, given)
        start_response(f"{status} {_PHRASES[status]}", headers if status != 204 else [])
        return []

    return application


def _wsgi_body(environ: dict[str, Any]) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit() and not environ.get("wsgi.input_terminated"):
        return b""
    most = MOST_BYTES + 1
    content: bytes = environ["wsgi.input"].read(min(int(length), most) if length.isdigit() else most)
    return content


def django(take: Callable[[bytes, Any], int]) -> Any:
    """See `Receiver.django`."""

    def view(request: Any) -> Any:
        from django.http import HttpResponse, HttpResponseNotAllowed

        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        body = request.body
        status = 413 if len(body) > MOST_BYTES else take(body, request.headers)
        return HttpResponse(status=status)

    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view
