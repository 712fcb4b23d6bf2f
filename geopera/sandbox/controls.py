"""The controls of a sandbox as methods: each sends one request to `/__sandbox__/…` with the secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import httpx


class Received(NamedTuple):
    """A call that came in.

    Attributes:
        operation: the operation's id, or the path of what is no operation.
        method: the HTTP method.
        path: the path of the request.
        headers: the headers, in lower case; credentials are `***`.
        idempotency_key: the key that it carried.
        body: the body as JSON data.
        at: when it came, by the sandbox's clock (RFC 3339).
        status: the status of the response; None if there was none.
        replayed: whether the response was one that a key already had.
        fault: the kind of the fault that met it.
    """

    operation: str
    method: str
    path: str
    headers: dict[str, str]
    idempotency_key: str | None
    body: Any
    at: str
    status: int | None
    replayed: bool
    fault: str | None


class Controls:
    """What a test may do to a server.

    Args:
        url: the base URL of the sandbox.
        secret: its secret, as it prints it.
        transport: an httpx transport, for a sandbox in this process.
    """

    def __init__(self, url: str, secret: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self.secret = secret
        self._transport = transport

    def fail(
        self,
        operation: str,
        *,
        status: int = 503,
        times: int | None = 1,
        after_commit: bool = False,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        """Lets the next calls of an operation end in an error.

        Args:
            operation: an operation's id, a pattern such as `orders.*`, or a path that begins with `/`.
            status: the status of the error.
            times: how many calls; None: all until `reset`.
            after_commit: do the work first: the order exists and the response is an error.
            headers: further headers, such as Retry-After.
            body: the body in the place of the usual problem document.
        """
        fields = {"operation": operation, "status": status, "times": times, "after_commit": after_commit}
        self.control("fail", **fields, headers=dict(headers or {}), body=body)

    def slow(
        self, operation: str, seconds: float, *, times: int | None = 1, after_commit: bool = False
    ) -> None:
        """Lets the next calls respond late; with `after_commit` the work is done before the pause."""
        fields = {"operation": operation, "seconds": seconds, "times": times, "after_commit": after_commit}
        self.control("fail", kind="slow", **fields)

    def cut(self, operation: str, *, times: int | None = 1, after_commit: bool = False) -> None:
        """Closes the connection of the next calls without a response."""
        self.control("fail", kind="cut", operation=operation, times=times, after_commit=after_commit)

    def half(self, operation: str, *, times: int | None = 1) -> None:
        """Closes the connection of the next calls in the middle of the body; the work is done."""
        self.control("fail", kind="half", operation=operation, times=times, after_commit=True)

    def garbage(self, operation: str, *, times: int | None = 1, body: str | None = None) -> None:
        """Sends a body that is no JSON under the headers of the next responses; the work is done."""
        self.control("fail", kind="garbage", operation=operation, times=times, body=body, after_commit=True)

    def surplus(self, operation: str, *, times: int | None = 1) -> None:
        """Sends a second response, which nobody asked for, behind the next ones."""
        self.control("fail", kind="surplus", operation=operation, times=times, after_commit=True)

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The faults that have not met their calls yet."""
        found: list[dict[str, Any]] = self.control("faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Takes back the faults that have not met their calls."""
        self.control("faults", clear=True)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Moves the clock on, with everything that depends on it, and returns the time."""
        amount = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return datetime.fromisoformat(self.control("advance", seconds=amount.total_seconds())["now"])

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Stops the clock, now or at a datetime, until `advance` or `unfreeze`; returns the time."""
        text = at.isoformat() if isinstance(at, datetime) else at
        return datetime.fromisoformat(self.control("clock", freeze=True if text is None else text)["now"])

    def unfreeze(self) -> datetime:
        """Lets the clock run on from where it is; returns the time."""
        return datetime.fromisoformat(self.control("clock", freeze=False)["now"])

    def reset(self) -> None:
        """Forgets everything since the start: data, credits, faults, calls, the clock, scenes, operations."""
        self.control("reset")

    def snapshot(self) -> str:
        """Keeps the state; returns the id for `restore`."""
        id_: str = self.control("snapshot")["id"]
        return id_

    def restore(self, id: str) -> None:
        """Goes back to a snapshot, as often as wanted."""
        self.control("restore", id=id)

    def seed(self, **data: Any) -> dict[str, list[str]]:
        """Puts data into an organisation.

        Args:
            data: `credits` (the balance), `items` and `orders` (lists of objects; an order may have a
                `status`, a `type` and an `id`), `projects` (ids), `empty=True` to take out what is there
                first, and `organization`.

        Returns:
            The ids of the items and orders.
        """
        made: dict[str, list[str]] = self.control("seed", **data)
        return made

    @property
    def calls(self) -> list[Received]:
        """The calls that came in since the start or the last `reset`, oldest first."""
        return [Received(**one) for one in self.control("calls")["calls"]]

    def calls_of(self, operation: str) -> list[Received]:
        """The calls of one operation."""
        return [Received(**one) for one in self.control("calls", operation=operation)["calls"]]

    def clear_calls(self) -> None:
        """Forgets the calls."""
        self.control("clear_calls")

    def expire_token(self, token: str | None = None, *, seconds: float = 0) -> None:
        """Refuses a token (by default the sandbox's) with 401, now or after some seconds of its clock."""
        self.control("expire_token", token=token, seconds=seconds)

    def renew_token(self, token: str | None = None) -> None:
        """Accepts an expired token again."""
        self.control("renew_token", token=token)

    def url_lifetime(self, seconds: float) -> None:
        """How long signed URLs last that are made from now on."""
        self.control("url_lifetime", seconds=seconds)

    def rate_limits(self, *, window: float = 60.0, off: bool = False, **counts: int) -> None:
        """Limits calls per window: `organisation`, `placement`, `spend`, `public`; `off` lifts the limits."""
        self.control("rate_limits", window=window, off=off, **counts)

    def add_scenes(self, items: Iterable[Any], *, host: str = "earthsearch-aws") -> list[str]:
        """Adds STAC items (dicts, or objects with `to_dict`) to the catalogue; returns their ids."""
        plain = [one if isinstance(one, dict) else one.to_dict() for one in items]
        ids: list[str] = self.control("add_scenes", items=plain, host=host)["ids"]
        return ids

    def add_operation(self, id: str, *, response: Any = None, **entry: Any) -> None:
        """Adds an operation: what it responds, and the members of its manifest entry (`input`, `output`, …)."""
        self.control("add_operation", id=id, response=response, entry=entry)

    def control(self, name: str, **fields: Any) -> Any:
        """Sends `POST /__sandbox__/{name}`.

        Raises:
            ValueError: If the sandbox refuses it; the message holds the reason.
        """
        import httpx

        with httpx.Client(transport=self._transport, trust_env=False, timeout=30) as client:
            headers = {"X-Sandbox-Secret": self.secret}
            response = client.post(f"{self.url}/__sandbox__/{name}", json=fields, headers=headers)
        if not response.is_success:
            raise ValueError(
                f"the sandbox refused {name}: {response.json().get('detail', response.status_code)}"
            )
        return response.json()
