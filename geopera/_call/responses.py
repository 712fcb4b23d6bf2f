"""`response_of`: the response that a result was parsed from, without its bytes.

A result is a plain value, so its response is kept beside it, for as long as the result lives.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..types import Content, Response

_kept: dict[int, tuple[weakref.ref[Any], tuple[Any, ...]]] = {}


def remember(response: Response[Any]) -> None:
    """Keep `response` for `response_of`."""
    result = response.parsed
    facts = (
        response.status_code,
        response.headers,
        response.request_id,
        response.idempotency_key,
        response.attempts,
        response.elapsed,
    )
    if isinstance(result, Content):  # bytes cannot be weakly referenced
        result.__dict__["_facts"] = facts
        return
    number = id(result)
    try:
        reference = weakref.ref(result, lambda _: _kept.pop(number, None))
    except TypeError:
        return  # None, text or a number: not distinguishable from its equals
    _kept[number] = (reference, facts)


def response_of(result: Any) -> Response[Any]:
    """The response that a call returned `result` from: status, headers, request id, attempts, seconds.

    Works for models, objects, arrays and files, if `result` is the object that the call returned and not a copy or a
    part of it. The body is not kept, so `content` is empty; call with ``detailed=True`` for it.

    Args:
        result: The result of a call.

    Returns:
        The `Response`, whose `parsed` is `result`.

    Raises:
        LookupError: If `result` did not come from a call in this process.
    """
    facts: Any = None
    if isinstance(result, Content):
        facts = result.__dict__.get("_facts")
    else:
        reference, found = _kept.get(id(result), (None, None))
        if reference is not None and reference() is result:
            facts = found
    if facts is None:
        raise LookupError(
            f"this {type(result).__name__} is not the result of a call in this process; "
            "call with detailed=True to get the whole response"
        )
    status, headers, request_id, key, attempts, elapsed = facts
    return Response(
        status,
        b"",
        headers,
        result,
        request_id=request_id,
        idempotency_key=key,
        attempts=attempts,
        elapsed=elapsed,
    )
