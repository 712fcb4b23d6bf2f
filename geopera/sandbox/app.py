"""The server: its routes, and the steps of a call."""

from __future__ import annotations

import inspect
import json
import logging
import math
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .control import endpoints
from .control.faulty import CutError, Faulty, note_body
from .control.gate import Gate
from .core import openapi
from .core.records import generic
from .core.registry import HANDLERS, Call, Handler, Raw
from .core.state import Settings, State
from .core.things import check_ids, remember
from .operations import catalog, files, images, items, jobs, misc, orders, subscriptions
from .wire import auth, idempotency, oauth
from .wire.arrival import read_body
from .wire.contract import Operation
from .wire.pictures import of_type
from .wire.problems import InputError, ProblemError, dump
from .work import ledger
from .work.deliveries import Worker

# Importing them registers their handlers.
_PARTS = (catalog, images, items, jobs, ledger, misc, orders, subscriptions)
_MOST = 16 << 20  # bytes of a body
_log = logging.getLogger("geopera.sandbox")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")


def create_app(
    *,
    manifest: object = None,
    openapi: Callable[[dict[str, Any]], Any] | Mapping[str, Any] | bytes | None = None,
    **options: Any,
) -> Starlette:
    """An ASGI application that behaves like the API.

    Args:
        manifest: The manifest to serve: a `geopera.manifest.Manifest`, a dict in the manifest format, a path,
            or None for the default manifest.
        openapi: The content of /openapi.json: None for a document made from the manifest, a function
            from that document to another (or to bytes), a document, or bytes.
        options: The fields of `Settings`: token, tokens, db, speed, credits, rate_limits, …

    Returns:
        The application; its state is at `app.state.sandbox`.
    """
    state = State(Settings(**options), manifest, openapi)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        worker = Worker(state)
        worker.start()
        try:
            yield
        finally:
            await worker.stop()
            state.close()

    app = Starlette(
        routes=[
            Route("/v1/op/{operation_id}", _dispatch, methods=["POST"]),
            Route("/openapi.json", _describe, methods=["GET"]),
            Route("/realms/public/protocol/openid-connect/userinfo", _userinfo, methods=["GET", "POST"]),
            *oauth.routes(),
            Route("/files/{name:path}", _file, methods=["GET", "PUT"]),
            Route("/data/{path:path}", _data, methods=["GET"]),
            Route("/tiles/{kind}/{id:path}/{z:int}/{x:int}/{y:int}.{form}", _tile, methods=["GET"]),
            endpoints.ROUTE,
            Route("/healthz", _alive, methods=["GET"]),
        ],
        exception_handlers={
            ProblemError: _respond_problem,
            InputError: _respond_problem,
            HTTPException: _respond_http,
        },
        lifespan=lifespan,
    )
    app.add_middleware(Faulty, state=state)
    app.add_middleware(_Edge)
    app.add_middleware(Gate, settings=state.settings)
    app.state.sandbox = state
    return app


class _Edge:
    """The outermost layer: a request id on every response, and a problem document for every bug."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _given_id(scope) or "req_" + secrets.token_hex(10)
        begun = False

        async def tagged(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, tagged)
        except CutError:
            raise
        except Exception as bug:
            _log.exception("a bug in the sandbox: %s %s", scope["method"], scope["path"])
            if begun:
                raise
            problem = ProblemError(500, f"A bug in the sandbox: {type(bug).__name__}: {bug}"[:500])
            await problem.response()(scope, receive, tagged)


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            return text if _REQUEST_ID.fullmatch(text) else None
    return None


async def _dispatch(request: Request) -> Response:
    state: State = request.app.state.sandbox
    operation = state.contract.operations.get(request.path_params["operation_id"])
    if operation is None:
        raise ProblemError(404, f"No operation {request.path_params['operation_id']!r}.")
    now = state.clock()
    _check_expiry(state, request, now)
    caller = state.tokens.identify(request, public=operation.public)
    if state.limits is not None:
        state.limits.take(operation, caller, now)
    auth.check_scope(caller, operation.scope)
    raw = await _read(request, state.settings.body_timeout)
    note_body(request, raw)
    body = _checked(operation, raw)
    _check_membership(state, caller, body)
    if not caller.anonymous:
        state.ensure(caller.organisation, now)
    call = Call(state, operation, caller, body or {}, request, now)
    handler = HANDLERS.get(operation.id, _fallback)
    if inspect.iscoroutinefunction(handler):
        return _rendered(call, await handler(call))
    if not operation.writes:
        return _marked(handler, _rendered(call, handler(call)))
    key = request.headers.get("idempotency-key") if operation.idempotent else None
    if key is None:
        with state.store.transaction():
            return _marked(handler, _rendered(call, handler(call)))
    return _once(call, handler, idempotency.check_key(key), body)


def _once(call: Call, handler: Handler, key: str, body: Any) -> Response:
    """Claim the key, do the work and store the response, in one transaction."""
    store = call.state.store
    place = (store, call.organisation, call.operation.path, key, idempotency.digest(body), call.now)
    with store.transaction():
        known = idempotency.stored(*place)
        if known is not None:
            status, media_type, content = known
            return Response(content, status, {"Idempotent-Replayed": "true"}, media_type)
        response = _marked(handler, _rendered(call, handler(call)))
        media_type = response.media_type or "application/json"
        idempotency.remember(*place, (response.status_code, media_type, bytes(response.body)))
    return response


def _marked(handler: Handler, response: Response) -> Response:
    """Mark the response of an operation without behaviour of its own as an example."""
    if handler is _fallback:
        response.headers["X-Sandbox"] = "example"
    return response


def _fallback(call: Call) -> Any:
    """The response of an operation without a handler: a valid example, or a small file of the right type."""
    operation = call.operation
    if operation.id in call.state.responses:
        return call.state.responses[operation.id]
    check_ids(call)
    if operation.streaming or operation.json:
        return remember(call, generic(call))
    return Raw(of_type(operation.media_type), operation.media_type)


def _rendered(call: Call, result: Any) -> Response:
    """A response, checked against the output schema; one that breaks it is a bug and is not sent."""
    operation = call.operation
    if isinstance(result, Response):
        return result
    if isinstance(result, Raw):
        status = result.status or operation.status
        return Response(result.content, status, result.headers, result.media_type)
    if operation.streaming:
        return Response(b"data: " + dump(result) + b"\n\n", operation.status, media_type=operation.media_type)
    problem = operation.output_error(result)
    if problem is not None:
        raise RuntimeError(f"{operation.id}: the response breaks the output schema: {problem}")
    return Response(dump(result), operation.status, media_type="application/json")


async def _read(request: Request, seconds: float) -> Any:
    """The body as JSON; `...` when there is none. Raises 400, 408 and 413 problems."""
    raw = await read_body(request, _MOST, seconds)
    if not raw.strip():
        return ...
    try:
        body = json.loads(raw, parse_constant=_no_constant, parse_float=_finite)
        if b"\\u" in raw:
            dump(body)  # fails for half of a surrogate pair, which is not text
        return body
    except (ValueError, RecursionError) as problem:
        raise ProblemError(400, f"The body is not JSON: {problem}"[:300]) from None


def _checked(operation: Operation, body: Any) -> Any:
    if body is ...:
        if operation.body_required:
            raise InputError([{"loc": ["body"], "msg": "Field required", "type": "missing"}])
        return None
    errors = operation.input_errors(body)
    if errors:
        raise InputError(errors)
    return body


def _check_expiry(state: State, request: Request, now: float) -> None:
    """Raises a 401 problem for a token that was made to expire."""
    given = _token_of(request)
    if given is not None and state.expired.get(given, math.inf) <= now:
        raise ProblemError(401, "The token has expired.", headers={"WWW-Authenticate": "Bearer"})


def _token_of(request: Request) -> str | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else request.headers.get("x-api-key")


def _check_membership(state: State, caller: auth.Caller, body: Any) -> None:
    """Raises a 403 problem when a body names an organisation that the server knows as another's."""
    named = body.get("organization_id") if isinstance(body, dict) else None
    if named != caller.organisation and named in state.tokens.organisations:
        raise ProblemError(403, f"The token is not of the organisation {named!r}.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


async def _describe(request: Request) -> Response:
    data, etag = openapi.rendered(request.app.state.sandbox)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="application/json")


async def _userinfo(request: Request) -> Response:
    return JSONResponse(auth.userinfo(request.app.state.sandbox.tokens.identify(request)))


async def _file(request: Request) -> Response:
    state: State = request.app.state.sandbox
    return await files.take(request, state) if request.method == "PUT" else files.serve(request, state)


async def _data(request: Request) -> Response:
    return images.asset(request, request.app.state.sandbox)


async def _tile(request: Request) -> Response:
    return images.tile_of(request, request.app.state.sandbox)


async def _alive(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _respond_problem(request: Request, problem: Exception) -> Response:
    if isinstance(problem, (ProblemError, InputError)):
        return problem.response()
    raise problem


async def _respond_http(request: Request, problem: Exception) -> Response:
    if not isinstance(problem, HTTPException):
        raise problem
    detail = problem.detail if problem.status_code != 404 else f"No {request.url.path!r} here."
    return ProblemError(problem.status_code, detail, headers=problem.headers).response()
