"""Bulk calls in an executor of the caller's: what a worker does, in this process or in another one.

A worker gets the client without its token, and takes the token of its own environment. It returns the bytes of
the response; they are parsed where the results are wanted, so that no class has to travel.
"""

from __future__ import annotations

import pickle
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .._call.endpoint import Endpoint, Reply
from .._call.steps import _parse_success, call
from ..errors import GeoperaError
from ..types import Response
from .limiters import limiter_of
from .todo import Submit

if TYPE_CHECKING:
    from .._call.context import Context
    from ..client import Client
    from .drive import Caller

_MOST_RUNS = 8


class Workers:
    """An executor for the calls of one run.

    Args:
        executor: Any ``concurrent.futures.Executor``.
        caller: The client whose calls they are.
        rate_limit: As for `map`.

    Raises:
        TypeError: If `executor` is something else.
    """

    def __init__(self, executor: Any, caller: Caller, rate_limit: str | None) -> None:
        if not isinstance(executor, Executor):
            raise TypeError(f"executor is a concurrent.futures.Executor, not {type(executor).__name__}")
        self._executor = executor
        self._job = _Job(uuid4().hex, caller._client, caller._overrides, rate_limit)

    def submit(self, id: str, content: bytes, key: str | None) -> Submit:
        """The step that runs one call in a worker."""
        return Submit(self._executor, self._job, id, content, key)

    def parsed(self, endpoint: Endpoint, context: Context, sent: Any) -> Response[Any]:
        """The response of a worker, parsed. Raises the error that the call ended in."""
        if isinstance(sent, bytes):
            raise pickle.loads(sent)
        status, headers, content, key, request_id, attempts, elapsed = sent
        from httpx import Headers

        known = {
            "idempotency_key": key,
            "request_id": request_id,
            "attempts": attempts,
            "elapsed": elapsed,
        }
        response: Response[Any] = Response(status, content, Headers(headers), None, **known)
        _parse_success(
            endpoint, context, Reply(status, response.headers, content), response, context.redactor()
        )
        return response


class _Unparsed(Endpoint):
    """An operation whose successes stay bytes."""

    def parse(self, reply: Reply) -> tuple[Any, list[str]]:
        return None, []


class _Job:
    """The calls of one run, as they travel to a worker. There, one client serves all calls of the run."""

    def __init__(self, run: str, client: Client, overrides: dict[str, Any], rate_limit: str | None) -> None:
        self.run = run
        self.client = client
        self.overrides = overrides
        self.rate_limit = rate_limit
        self._context: Context | None = None
        self._endpoints: dict[str, Endpoint] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (self.run, self.client, self.overrides, self.rate_limit)

    def context(self) -> Context:
        if self._context is None:
            context = self.client._defaults()
            if self.overrides:
                context = context.replace(self.overrides)
            if self.rate_limit == "auto" and context.limiter is None:
                context = context.replace({"limiter": limiter_of(self.client)})
            self._context = context
        return self._context

    def __call__(self, id: str, content: bytes, key: str | None) -> tuple[Any, ...] | bytes:
        client = self.client
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            from .._call.endpoint import unknown_endpoint

            known = client.manifest.operations.get(id)
            operation = known if known is not None else unknown_endpoint(client.manifest, id).operation
            endpoint = self._endpoints[id] = _Unparsed(operation, client.manifest)
        try:
            response = client._sync().run(call(endpoint, self.context(), content, key=key))
        except GeoperaError as exc:
            # As bytes: what pickles by reference to classes, as cloudpickle does, need not know ours.
            failed: bytes = pickle.dumps(exc)
            return failed
        headers = [(name, value) for name, value in response.headers.items() if name != "set-cookie"]
        return (
            response.status_code,
            headers,
            response.content,
            response.idempotency_key,
            response.request_id,
            response.attempts,
            response.elapsed,
        )


_arrived: dict[str, _Job] = {}


def _arrive(run: str, client: Client, overrides: dict[str, Any], rate_limit: str | None) -> _Job:
    job = _arrived.get(run)
    if job is None:
        while len(_arrived) >= _MOST_RUNS:
            _arrived.pop(next(iter(_arrived)), None)
        job = _arrived.setdefault(run, _Job(run, client, overrides, rate_limit))
    return job
