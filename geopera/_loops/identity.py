"""Who the credentials stand for: the userinfo of the sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._auth.credentials import Renew
from .._call.endpoint import decode
from .._drivers import arun, run
from ..errors import APIConnectionError, APITimeoutError, ResponseError, for_status
from ..types import Response, UserInfo

if TYPE_CHECKING:
    from collections.abc import Generator

    from .drive import Caller

_PATH = "realms/public/protocol/openid-connect/userinfo"


def whoami(caller: Caller) -> Any:
    """The userinfo; a coroutine of it on an async client."""
    client = caller._client
    if caller._asynchronous:

        async def asked(step: Any) -> Any:
            if isinstance(step, Renew):
                return await step.credential.arenew(step.failed)
            return await client.get_async_httpx_client().get(step, follow_redirects=False)

        return arun(_steps(caller), asked)

    def ask(step: Any) -> Any:
        if isinstance(step, Renew):
            return step.credential.renew(step.failed)
        return client.get_httpx_client().get(step, follow_redirects=False)

    return run(_steps(caller), ask)


def _steps(caller: Caller) -> Generator[Any, Any, UserInfo]:
    """Yields a path to GET or a `Renew`; is sent the response, and thrown the exception of the transport."""
    context = caller._context()
    credential, redactor = context.credential, context.redactor()
    reply: Any = None
    for attempt in (1, 2):
        if credential is not None and credential.due():
            yield Renew(credential, credential.current)
        used = None if credential is None else credential.current
        failure: Exception | None = None
        try:
            reply = yield _PATH
        except Exception as exc:
            if not _of_transport(exc):
                raise
            failure = redactor.exception(exc)
        if failure is not None:
            cls = APITimeoutError if "Timeout" in type(failure).__name__ else APIConnectionError
            raise cls(
                f"whoami: no response: {redactor.text(str(failure))}", operation="whoami", attempts=attempt
            )
        if reply.status_code != 401 or credential is None or not credential.renewable or attempt == 2:
            break
        yield Renew(credential, used)
    content = redactor.content(reply.content)
    response: Response[Any] = Response(reply.status_code, content, redactor.headers(reply.headers), None)
    try:
        data = redactor.data(decode(reply.content))
    except ValueError:
        data = None
    if reply.status_code != 200:
        from .._auth.sources import hint

        said = data.get("detail") if isinstance(data, dict) else None
        text = f"whoami: {reply.status_code}" + (f" {str(said)[:300]}" if said else "")
        if reply.status_code == 401 and not context.authenticated:
            text += f" ({hint(context.note)})"
        raise for_status(reply.status_code)(
            text, status_code=reply.status_code, operation="whoami", response=response, attempts=1
        )
    if not isinstance(data, dict) or not isinstance(data.get("sub"), str):
        raise ResponseError(
            "whoami: the response is no userinfo", status_code=200, operation="whoami", response=response
        )
    return UserInfo(data)


def _of_transport(exc: Exception) -> bool:
    return isinstance(exc, OSError) or type(exc).__module__.partition(".")[0] in ("httpx", "httpx2")
