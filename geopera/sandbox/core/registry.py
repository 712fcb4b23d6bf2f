"""The types of handlers and the dispatcher: a call, a raw response, and the table of handlers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..wire.auth import Caller
    from ..wire.contract import Operation
    from .state import State


@dataclass(slots=True)
class Call:
    """One call: the caller, the operation, the body."""

    state: State
    operation: Operation
    caller: Caller
    body: dict[str, Any]
    request: Request
    now: float

    @property
    def organisation(self) -> str:
        """The id of the caller's organisation."""
        return self.caller.organisation


@dataclass(slots=True)
class Raw:
    """A response that is not JSON: bytes, their media type, further headers."""

    content: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)
    status: int | None = None


# A handler returns JSON data, a `Raw`, or (for streams and files) a Starlette response. A coroutine function
# is awaited outside of any transaction; a plain function of an operation that writes runs inside one.
Handler = Callable[[Call], Any]
HANDLERS: dict[str, Handler] = {}


def handles(*ids: str) -> Callable[[Handler], Handler]:
    """Register a function as the handler of operations."""

    def register(function: Handler) -> Handler:
        for id_ in ids:
            HANDLERS[id_] = function
        return function

    return register


def is_example(id_: object) -> bool:
    """Whether an id is one of the reserved ones: `example`, `example-order`, …

    They name something that always exists and never changes, so that every operation can be called with a body that
    was made from its schema.
    """
    return isinstance(id_, str) and (id_ == "example" or id_.startswith("example-"))
