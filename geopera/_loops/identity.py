"""Who the credentials stand for: the userinfo of the sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._auth.credentials import Renew
from .._call.endpoint import decode
from .._call.reasons import sentence
from .._decoding.inflate import BodyError
from .._http import is_timeout, transport_errors
from .._transport.base import MAX_ERROR, Get
from ..errors import APIConnectionError, APITimeoutError, ResponseError, for_status
from ..types import Response, UserInfo

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._call.endpoint import Reply
    from .._secrets import Redactor
    from .drive import Caller

_PATH = "/realms/public/protocol/openid-connect/userinfo"


def whoami(caller: Caller) -> Any:
    """The userinfo; a coroutine of it on an async client."""
    client = caller._client
    return client._async().run(_steps(caller)) if caller._asynchronous else client._sync().run(_steps(caller))


def _sent(redactor: Redactor, attempt: int) -> Generator[Any, Any, Reply]:
    get = Get(_PATH, {}, MAX_ERROR, None)
    try:
        reply: Reply = yield get
        return reply
    except transport_errors(OSError, BodyError) as exc:
        cls = APITimeoutError if is_timeout(exc) else APIConnectionError
        text = redactor.text(sentence(exc, get.place, 0.0))
        redactor.exception(exc)
    raise cls(f"whoami: {text}", operation="whoami", attempts=attempt)


def _steps(caller: Caller) -> Generator[Any, Any, UserInfo]:
    """The steps of the request, as those of a call."""
    context = caller._context()
    credential, redactor = context.credential, context.redactor()
    for attempt in (1, 2):  # once more with a new token
        if credential is not None and credential.due():
            yield Renew(credential, credential.current)
        used = None if credential is None else credential.current
        reply = yield from _sent(redactor, attempt)
        if reply.status != 401 or credential is None or not credential.renewable or attempt == 2:
            break
        yield Renew(credential, used)
    content = redactor.content(reply.content or b"")
    response: Response[Any] = Response(reply.status, content, redactor.headers(reply.headers), None)
    try:
        data = redactor.data(decode(reply.content or b""))
    except ValueError:
        data = None
    if reply.status != 200:
        from .._auth.sources import hint

        said = data.get("detail") if isinstance(data, dict) else None
        text = f"whoami: {reply.status}" + (f" {str(said)[:300]}" if said else "")
        if reply.status == 401 and not context.authenticated:
            text += f" ({hint(context.note)})"
        raise for_status(reply.status)(
            text, status_code=reply.status, operation="whoami", response=response, attempts=1
        )
    if not isinstance(data, dict) or not isinstance(data.get("sub"), str):
        raise ResponseError(
            "whoami: the response is not a userinfo response",
            status_code=200,
            operation="whoami",
            response=response,
        )
    return UserInfo(data)
