"""The controls of the server: `POST /__sandbox__/<control>` with a JSON object, and the sandbox's secret.

Every control is a function from the state and the fields of the body to JSON. `geopera.sandbox.Sandbox` has a method
for each, which sends this request.
"""

from __future__ import annotations

import hmac
import inspect
import ipaddress
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..catalogue.scenes import HOSTS, stamp_of
from ..core.faults import Fault
from ..core.state import State
from ..wire.arrival import read_body
from ..wire.auth import DEFAULT_ORGANISATION
from ..wire.limits import RateLimits
from ..wire.problems import ProblemError, dump, not_found, unprocessable
from ..wire.times import parse_datetime
from ..work import planting

_UNITS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86_400.0}
_MOST = 64 << 20


def fail(state: State, **fields: Any) -> None:
    state.faults.add(Fault(**fields))


def advance(state: State, **amounts: float) -> dict[str, str]:
    seconds = 0.0
    for unit, amount in amounts.items():
        if unit not in _UNITS or isinstance(amount, bool) or not isinstance(amount, int | float):
            raise unprocessable(f"advance takes numbers of {', '.join(_UNITS)}.")
        seconds += _UNITS[unit] * amount
    try:
        state.hands.advance(seconds)
    except ValueError as problem:
        raise unprocessable(f"{problem}.") from None
    state.wake()
    return _now(state)


def clock(state: State, *, freeze: bool | str = False) -> dict[str, str]:
    if isinstance(freeze, str):
        state.hands.freeze(parse_datetime(freeze, "freeze").timestamp())
    elif freeze:
        state.hands.freeze()
    else:
        state.hands.run()
    state.wake()
    return _now(state)


def reset(state: State) -> None:
    state.reset()


def snapshot(state: State) -> dict[str, str]:
    return {"id": state.snapshot()}


def restore(state: State, *, id: str) -> None:
    if not state.restore(id):
        raise not_found("snapshot", id)


def seed(
    state: State,
    *,
    organization: str = DEFAULT_ORGANISATION,
    credits: int | None = None,
    items: list[dict[str, Any]] | None = None,
    orders: list[dict[str, Any]] | None = None,
    projects: list[str] | None = None,
    empty: bool = False,
) -> dict[str, Any]:
    return planting.seed(state, organization, credits, items or [], orders or [], projects or [], empty)


def calls(state: State, *, operation: str | None = None) -> dict[str, Any]:
    found = [one for one in state.calls if operation is None or one["operation"] == operation]
    return {"calls": [{**one, "at": stamp_of(one["at"])} for one in found]}


def clear_calls(state: State) -> None:
    state.calls.clear()


def faults(state: State, *, clear: bool = False) -> dict[str, Any]:
    if clear:
        state.faults.waiting.clear()
    return {
        "faults": [
            {"operation": one.operation, "kind": one.kind, "times": one.times} for one in state.faults.waiting
        ]
    }


def expire_token(state: State, *, token: str | None = None, seconds: float = 0.0) -> None:
    state.expired[token or state.settings.token] = state.clock() + seconds


def renew_token(state: State, *, token: str | None = None) -> None:
    state.expired.pop(token or state.settings.token, None)


def url_lifetime(state: State, *, seconds: float) -> None:
    if isinstance(seconds, bool) or not 0 <= seconds < 1e9:
        raise unprocessable("seconds is zero or more.")
    state.url_lifetime = float(seconds)


def rate_limits(state: State, *, window: float = 60.0, off: bool = False, **counts: int) -> None:
    if not all(isinstance(count, int) and count >= 0 for count in counts.values()) or not window > 0:
        raise unprocessable("A rate limit is a number of calls in a window of more than zero seconds.")
    try:
        state.limits = None if off else RateLimits(window, counts)
    except ValueError as problem:
        raise unprocessable(str(problem)) from None


def add_scenes(state: State, *, items: list[dict[str, Any]], host: str = "earthsearch-aws") -> dict[str, Any]:
    if host not in HOSTS or not isinstance(items, list):
        raise unprocessable("items is a list of STAC items, host one of " + ", ".join(HOSTS) + ".")
    return {"ids": state.catalogue.add(items, host)}


def add_operation(
    state: State, *, id: str, response: Any = None, entry: dict[str, Any] | None = None, **fields: Any
) -> None:
    described = {"side_effect": "read", "input": {"type": "object"}, "output": {}, **(entry or {}), **fields}
    document = state.contract.document
    state.use_manifest({**document, "operations": {**document["operations"], id: described}})
    if response is not None:
        state.responses[id] = response


CONTROLS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        fail,
        advance,
        clock,
        reset,
        snapshot,
        restore,
        seed,
        calls,
        clear_calls,
        faults,
        expire_token,
        renew_token,
        url_lifetime,
        rate_limits,
        add_scenes,
        add_operation,
    )
}


async def _serve(request: Request) -> Response:
    state: State = request.app.state.sandbox
    _check(request, state)
    name = request.path_params["name"]
    control = CONTROLS.get(name)
    if control is None:
        raise ProblemError(404, f"No control {name!r}.", controls=sorted(CONTROLS))
    raw = await read_body(request, _MOST, state.settings.body_timeout)
    try:
        body = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError) as problem:
        raise ProblemError(400, f"The body is not JSON: {problem}"[:300]) from None
    if not isinstance(body, dict):
        raise ProblemError(400, "The body is not a JSON object.")
    try:
        inspect.signature(control).bind(state, **body)
        result = control(state, **body)
    except (TypeError, ValueError) as problem:
        raise unprocessable(f"{name}: {problem}"[:300]) from None
    return Response(dump({} if result is None else result), media_type="application/json")


def _check(request: Request, state: State) -> None:
    """Raises a 403 problem for another machine, 401 for another secret than the sandbox's own."""
    address = request.client.host if request.client else "127.0.0.1"
    if not state.settings.remote_control and not _is_loopback(address):
        raise ProblemError(403, "The control endpoints serve this machine alone.")
    given = request.headers.get("x-sandbox-secret", "")
    if not hmac.compare_digest(given.encode(), state.secret.encode()):
        raise ProblemError(401, "The control endpoints need the sandbox's secret in X-Sandbox-Secret.")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _now(state: State) -> dict[str, str]:
    return {"now": stamp_of(state.clock())}


ROUTE = Route("/__sandbox__/{name}", _serve, methods=["POST"])
