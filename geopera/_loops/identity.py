"""Who the credentials stand for: the userinfo of the sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._auth.credentials import Renew
from .._call.endpoint import decode
from ..errors import APIConnectionError, APITimeoutError, ResponseError, for_status
from ..types import Response, UserInfo

if TYPE_CHECKING:
    from collections.abc import Generator

    from .drive import Caller

_PATH = "realms/public/protocol/openid-connect/userinfo"


def whoami(caller: Caller) -> Any:
    """The userinfo; a coroutine of it on an async client."""
    return _awhoami(caller) if caller._asynchronous else _whoami(caller)


def _steps(caller: Caller) -> Generator[Any, Any, UserInfo]:
    """Yields a path to GET or a `Renew`; is sent the response, or the exception of the transport."""
    context = caller._context()
    credential, redactor = context.credential, context.redactor()
    answer: Any = None
    for attempt in (1, 2):
        if credential is not None and credential.due():
            yield Renew(credential, credential.current)
        used = None if credential is None else credential.current
        answer = yield _PATH
        if isinstance(answer, Exception):
            cls = APITimeoutError if "Timeout" in type(answer).__name__ else APIConnectionError
            text = redactor.text(str(redactor.exception(answer)))
            answer = None
            raise cls(f"whoami: no response: {text}", operation="whoami", attempts=attempt)
        if answer.status_code != 401 or credential is None or not credential.renewable or attempt == 2:
            break
        yield Renew(credential, used)
    content = redactor.content(answer.content)
    response: Response[Any] = Response(answer.status_code, content, redactor.headers(answer.headers), None)
    try:
        data = redactor.data(decode(answer.content))
    except ValueError:
        data = None
    if answer.status_code != 200:
        from .._auth.sources import hint

        said = data.get("detail") if isinstance(data, dict) else None
        text = f"whoami: {answer.status_code}" + (f" {str(said)[:300]}" if said else "")
        if answer.status_code == 401 and not context.authenticated:
            text += f" ({hint(context.note)})"
        raise for_status(answer.status_code)(
            text, status_code=answer.status_code, operation="whoami", response=response, attempts=1
        )
    if not isinstance(data, dict) or not isinstance(data.get("sub"), str):
        raise ResponseError(
            "whoami: the response is no userinfo", status_code=200, operation="whoami", response=response
        )
    return UserInfo(data)


def _whoami(caller: Caller) -> UserInfo:
    steps = _steps(caller)
    try:
        step = next(steps)
        while True:
            if isinstance(step, Renew):
                step.credential.renew(step.failed)
                step = steps.send(None)
                continue
            result: Any = None
            try:
                result = caller._client.get_httpx_client().get(step, follow_redirects=False)
            except Exception as exc:  # noqa: BLE001 - handed on, into the steps
                result = _transport(exc)
            step = steps.send(result)
    except StopIteration as stop:
        found: UserInfo = stop.value
        return found


async def _awhoami(caller: Caller) -> UserInfo:
    steps = _steps(caller)
    try:
        step = next(steps)
        while True:
            if isinstance(step, Renew):
                await step.credential.arenew(step.failed)
                step = steps.send(None)
                continue
            result: Any = None
            try:
                result = await caller._client.get_async_httpx_client().get(step, follow_redirects=False)
            except Exception as exc:  # noqa: BLE001 - handed on, into the steps
                result = _transport(exc)
            step = steps.send(result)
    except StopIteration as stop:
        found: UserInfo = stop.value
        return found


def _transport(exc: Exception) -> Exception:
    """The exception, if it is one of the transport; anything else is raised."""
    if isinstance(exc, OSError) or type(exc).__module__.partition(".")[0] in ("httpx", "httpx2"):
        return exc
    raise exc
