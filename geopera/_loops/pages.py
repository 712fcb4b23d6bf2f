"""Lists page by page and record by record, and waiting for an end: the plans."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from .._call.retry import retry_after_seconds
from ..errors import GeoperaError
from .drive import iterate, run
from .paging import Walk
from .progress import needs_tqdm, progress_bar
from .todo import Call, Emit
from .waiting import DELAYS, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._call.endpoint import Endpoint
    from .drive import AsyncIteration, Caller, Iteration, Plan

_MAY_BE_REPEATED = ("read", "compute")


def pages(
    caller: Caller, id: str, body: Any, fields: dict[str, Any], *, max_items: int | None, progress: Any
) -> Iteration | AsyncIteration:
    """An iterator over the pages of a list."""
    plan = _walk(caller, caller._any_endpoint(id), body, fields, max_items, progress, whole=True)
    return iterate(plan, caller, f"the pages of {id}")


def records(
    caller: Caller, id: str, body: Any, fields: dict[str, Any], *, max_items: int | None, progress: Any
) -> Iteration | AsyncIteration:
    """An iterator over the records of a list, whatever pages they come in."""
    endpoint = caller._any_endpoint(id)
    if endpoint.operation.streaming:
        from .streams import stream

        return stream(caller, endpoint, body, fields, max_items=max_items, progress=progress)
    plan = _walk(caller, endpoint, body, fields, max_items, progress, whole=False)
    return iterate(plan, caller, f"the records of {id}")


def _walk(
    caller: Caller,
    endpoint: Endpoint,
    body: Any,
    fields: dict[str, Any],
    max_items: int | None,
    progress: Any,
    *,
    whole: bool,
) -> Plan:
    operation = endpoint.operation
    if body is None:
        endpoint.input.check_options(max_items=max_items, progress=progress)
    # The body is checked and copied here, where it is written, and not at the first step of the loop.
    content = caller._content(endpoint, body, fields)
    first = caller._steps(endpoint, None, {}, content=content)
    walk = Walk(operation, from_json(content), max_items=max_items, schema=_schema(endpoint))
    needs_tqdm(progress)
    return _turn(caller, endpoint, walk, first, progress, whole)


def _schema(endpoint: Endpoint) -> Mapping[str, Any]:
    reference = endpoint.operation.input.get("$ref")
    if reference is None:
        return endpoint.operation.input
    found: Mapping[str, Any] = endpoint.manifest.schemas.get(reference.rpartition("/")[2]) or {}
    return found


def _turn(caller: Caller, endpoint: Endpoint, walk: Walk, first: Any, progress: Any, whole: bool) -> Plan:
    bar = progress_bar(progress, walk.operation, "records", total=walk.left)
    try:
        while (body := walk.body()) is not None:
            # What follows the first page is the same body, with the token as the server gave it.
            content = to_json(body)
            response = yield Call(
                first if walk.pages == 0 else caller._steps(endpoint, None, {}, content=content)
            )
            page = response.parsed
            found = walk.take(page)
            if found is None:
                continue
            bar.update(len(found))
            yield Emit((page,) if whole else found)
    finally:
        bar.close()


def wait(
    caller: Caller,
    id: str,
    body: Any,
    fields: dict[str, Any],
    *,
    timeout: float | None,
    until: Callable[[Any], Any] | None,
    raise_on_failure: bool,
    delays: Iterable[float] = DELAYS,
    progress: Any,
) -> Any:
    """The final response of an operation with a status; a coroutine of it on an async client."""
    endpoint = caller._any_endpoint(id)
    operation = endpoint.operation
    if operation.side_effect not in _MAY_BE_REPEATED:
        effect = operation.side_effect or "unknown"
        raise TypeError(f"{id} cannot be waited on: every poll would be a call with a side effect ({effect})")
    rule = Wait(
        operation,
        call=_call_of(id, body, fields),
        timeout=timeout,
        until=until,
        raise_on_failure=raise_on_failure,
        delays=delays,
    )
    if body is None:
        options = {"timeout": timeout != 1800.0, "until": until, "raise_on_failure": raise_on_failure}
        endpoint.input.check_options(**options, delays=delays != DELAYS, progress=progress)
    content = caller._content(endpoint, body, fields)  # a body that is refused is refused here
    needs_tqdm(progress)
    return run(_poll(caller, endpoint, content, rule, progress), caller)


def _call_of(id: str, body: Any, fields: dict[str, Any]) -> str:
    """The call as it is written, with its ids alone."""
    given = {**body, **fields} if isinstance(body, dict) else fields
    ids = [
        f"{name}={value!r}"
        for name, value in given.items()
        if name.endswith("_id") and isinstance(value, str)
    ]
    return f"{id}({', '.join(ids)})"[:200]


def _poll(caller: Caller, endpoint: Endpoint, content: bytes, rule: Wait, progress: Any) -> Plan:
    bar = progress_bar(progress, rule.operation, "polls")
    rule.start(time.monotonic())
    try:
        while True:
            patience = _patience(caller, rule.left(time.monotonic()))
            try:
                steps = caller._steps(endpoint, None, {}, context=patience, content=content)
                response = yield Call(steps)
            except GeoperaError as exc:
                yield rule.fail(exc, time.monotonic())
                continue
            asked = retry_after_seconds(response.headers, time.time())
            pause = rule.poll(response.parsed, time.monotonic(), asked)
            bar.update(1)
            bar.tell(rule.state or "")
            if pause is None:
                yield Emit((response.parsed,))
                return
            yield pause
    finally:
        bar.close()


def _patience(caller: Caller, left: float) -> Any:
    """The client's settings with its calls and retries cut to what is left of the wait."""
    context = caller._context()
    policy = context.policy
    total = min(left, context.total_timeout or left)
    if total == float("inf"):
        return context
    retry = policy.replace(deadline=min(policy.deadline, left))
    return context.replace({"total_timeout": max(total, 0.01), "retry": retry})
