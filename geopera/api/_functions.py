"""The low-level functions of an operation: ``sync``, ``sync_detailed``, ``asyncio``, ``asyncio_detailed``.

They take an `AuthenticatedClient` or a `Client`, return the response whatever its status, and raise
httpx's own exceptions if there is none. The fluent client is the same machinery with errors raised.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .._call.body import Input
from .._call.layers import perform
from .._http import transport_errors
from .._secrets import Secret, protected
from ..client import Client
from ..errors import APIConnectionError
from ..types import UNSET, Response, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .._call.endpoint import Endpoint
    from ..manifest import Manifest, Operation

NAMES = ("sync", "sync_detailed", "asyncio", "asyncio_detailed")

_WHAT = {
    "sync": "Call {id} and return the parsed response.",
    "sync_detailed": "Call {id} and return the whole response.",
    "asyncio": "Call {id} asynchronously and return the parsed response.",
    "asyncio_detailed": "Call {id} asynchronously and return the whole response.",
}

_DOC = """{what}

{summary}.

Args:
    client: The `AuthenticatedClient` to call with, or a `Client` for a public operation.
    body: {body}.
    idempotency_key: Sent as ``Idempotency-Key``; an operation that spends gets one if none is given.
    x_api_key: Sent as ``x-api-key``, an API key instead of the client's token.

Returns:
    {returns} An error status is not raised: the parsed response is then a `Problem` or an
    `HTTPValidationError`, or None if the operation does not declare the status.

Raises:
    errors.InvalidInputError: If the body is invalid; nothing was sent.
    errors.UnexpectedStatus: For an undeclared status, if the client has ``raise_on_unexpected_status``.
    httpx.TimeoutException: If there is no response in time.
    httpx.TransportError: If there is no connection, or it was lost.
"""


def _steps(
    operation_id: str, client: Any, body: Any, idempotency_key: Any, x_api_key: Any
) -> tuple[Client, Generator[Any, Any, Response[Any]]]:
    x_api_key = x_api_key if _absent(x_api_key) else Secret(x_api_key)
    if not isinstance(client, Client):
        client = getattr(client, "client", client)  # a fluent client will do as well
        if not isinstance(client, Client):
            raise TypeError(f"client must be an AuthenticatedClient or a Client, not {type(client).__name__}")
    endpoint: Endpoint = client._endpoint(operation_id)
    context = client._defaults()
    content = endpoint.input.encode(
        body, {}, allow_extra=context.extra_fields == "allow", redactor=context.redactor
    )
    headers = tuple(protected({} if _absent(x_api_key) else {"x-api-key": x_api_key}, "the argument").items())
    key = None if _absent(idempotency_key) else idempotency_key
    return client, perform(endpoint, context, content, key=key, headers=headers, raises=False)


def concealed_key(arguments: dict[str, Any]) -> dict[str, Any]:
    key = arguments.get("x_api_key")
    return arguments if _absent(key) else {**arguments, "x_api_key": Secret(key)}


def _absent(value: Any) -> bool:
    return value is None or isinstance(value, Unset)


def _transport_error(error: APIConnectionError) -> BaseException:
    """The exception of the transport, with the attempts and the key of the call as a note."""
    cause = error.__context__  # without frames, request and secrets
    if not isinstance(cause, transport_errors()):
        return error
    cause.add_note(str(error))
    return cause


def _named(response: Response[Any]) -> Response[Any]:
    """The response with its status as an `HTTPStatus`; an unknown status stays an int."""
    with suppress(ValueError):
        response.status_code = HTTPStatus(response.status_code)
    return response


def functions(operation: Operation, manifest: Manifest, module: str) -> dict[str, Callable[..., Any]]:
    """The four functions of `operation`, by name, with signatures and docstrings of their own."""
    id = operation.id

    def sync_detailed(
        *, client: Client, body: Any = UNSET, idempotency_key: Any = UNSET, x_api_key: Any = UNSET
    ) -> Response[Any]:
        x_api_key = x_api_key if _absent(x_api_key) else Secret(x_api_key)
        owner, steps = _steps(id, client, body, idempotency_key, x_api_key)
        try:
            return _named(owner._run(steps))
        except APIConnectionError as error:
            raise _transport_error(error) from None

    async def asyncio_detailed(
        *, client: Client, body: Any = UNSET, idempotency_key: Any = UNSET, x_api_key: Any = UNSET
    ) -> Response[Any]:
        x_api_key = x_api_key if _absent(x_api_key) else Secret(x_api_key)
        owner, steps = _steps(id, client, body, idempotency_key, x_api_key)
        try:
            return _named(await owner._arun(steps))
        except APIConnectionError as error:
            raise _transport_error(error) from None

    def sync(**arguments: Any) -> Any:
        arguments = concealed_key(arguments)
        return sync_detailed(**arguments).parsed

    async def asyncio(**arguments: Any) -> Any:
        arguments = concealed_key(arguments)
        return (await asyncio_detailed(**arguments)).parsed

    made: dict[str, Callable[..., Any]] = {}
    for function in (sync, sync_detailed, asyncio, asyncio_detailed):
        name = function.__name__
        function.__module__, function.__qualname__ = module, name
        signature = _signature(operation, manifest, detailed=name.endswith("detailed"))
        setattr(function, "__signature__", signature)  # noqa: B010 - a function's type declares no such attribute
        function.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        function.__annotations__["return"] = signature.return_annotation
        function.__doc__ = _doc(operation, name)
        made[name] = function
    return made


def _signature(operation: Operation, manifest: Manifest, *, detailed: bool) -> inspect.Signature:
    keyword = inspect.Parameter.KEYWORD_ONLY
    body: Any = Input(operation, manifest).model or dict[str, Any]
    optional = str | None | Unset
    parameters = [
        inspect.Parameter("client", keyword, annotation=Client),
        inspect.Parameter("body", keyword, annotation=body)
        if operation.body_required
        else inspect.Parameter("body", keyword, default=UNSET, annotation=body | None | Unset),
        inspect.Parameter("idempotency_key", keyword, default=UNSET, annotation=optional),
        inspect.Parameter("x_api_key", keyword, default=UNSET, annotation=optional),
    ]
    return inspect.Signature(parameters, return_annotation=Response if detailed else Any)


def _doc(operation: Operation, name: str) -> str:
    reference = operation.input.get("$ref", "")
    return _DOC.format(
        what=_WHAT[name].format(id=operation.id),
        summary=operation.summary or operation.id,
        body=f"a `{reference.rpartition('/')[2]}`, or a dict of its fields"
        if reference
        else "any JSON object",
        returns="The `Response`: status_code, headers, content, parsed."
        if name.endswith("detailed")
        else "The parsed response.",
    )
