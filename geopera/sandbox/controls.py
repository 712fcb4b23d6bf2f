"""The controls of a sandbox as methods: each sends one request to `/__sandbox__/…` with the secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import httpx


class Received(NamedTuple):
    """A received call.

    Attributes:
        operation: The operation's id, or the path of another request.
        method: The HTTP method.
        path: The path of the request.
        headers: The headers, in lower case; credentials are `***`.
        idempotency_key: Its key, or None.
        body: The body as JSON data.
        at: The time by the sandbox's clock (RFC 3339).
        status: The status of the response; None if there was none.
        replayed: Whether the response was the stored one of its key.
        fault: The kind of the fault that was applied, or None.
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
    """The controls of a sandbox: faults, clock, data, limits.

    Args:
        url: The base URL of the sandbox.
        secret: Its secret, which it prints at its start.
        transport: An httpx transport, for a sandbox in this process.
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
        """Respond to the next calls of an operation with an error.

        Args:
            operation: An operation's id, a pattern such as `orders.*`, or a path that begins with `/`.
            status: The status of the error.
            times: The number of calls; None for all until `reset`.
            after_commit: Do the work first: the order exists and the response is an error.
            headers: Further headers, such as Retry-After.
            body: A body instead of the usual problem document.
        """
        fields = {"operation": operation, "status": status, "times": times, "after_commit": after_commit}
        self.control("fail", **fields, headers=dict(headers or {}), body=body)

    def slow(
        self, operation: str, seconds: float, *, times: int | None = 1, after_commit: bool = False
    ) -> None:
        """Delay the responses to the next calls.

        Args:
            operation: As in `fail`.
            seconds: The delay.
            times: As in `fail`.
            after_commit: Do the work before the delay.
        """
        fields = {"operation": operation, "seconds": seconds, "times": times, "after_commit": after_commit}
        self.control("fail", kind="slow", **fields)

    def cut(self, operation: str, *, times: int | None = 1, after_commit: bool = False) -> None:
        """Close the connection of the next calls without a response; the arguments are those of `fail`."""
        self.control("fail", kind="cut", operation=operation, times=times, after_commit=after_commit)

    def half(self, operation: str, *, times: int | None = 1) -> None:
        """Close the connection of the next calls in the middle of the body; the work is done. Arguments as in `fail`."""
        self.control("fail", kind="half", operation=operation, times=times, after_commit=True)

    def garbage(self, operation: str, *, times: int | None = 1, body: str | None = None) -> None:
        """Replace the body of the next responses; the work is done.

        Args:
            operation: As in `fail`.
            times: As in `fail`.
            body: The new body; by default one that is not JSON.
        """
        self.control("fail", kind="garbage", operation=operation, times=times, body=body, after_commit=True)

    def surplus(self, operation: str, *, times: int | None = 1) -> None:
        """Send a second, unrequested response after each of the next ones. Arguments as in `fail`."""
        self.control("fail", kind="surplus", operation=operation, times=times, after_commit=True)

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The pending faults."""
        found: list[dict[str, Any]] = self.control("faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Remove the pending faults."""
        self.control("faults", clear=True)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the clock forward, with everything that depends on it.

        Returns:
            The new time.

        Raises:
            ValueError: If the amount is negative.
        """
        amount = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return datetime.fromisoformat(self.control("advance", seconds=amount.total_seconds())["now"])

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Stop the clock until `advance` or `unfreeze`.

        Args:
            at: The time at which it stops, a datetime or RFC 3339 text; by default now.

        Returns:
            The time.
        """
        text = at.isoformat() if isinstance(at, datetime) else at
        return datetime.fromisoformat(self.control("clock", freeze=True if text is None else text)["now"])

    def unfreeze(self) -> datetime:
        """Let a stopped clock run again. Returns the time."""
        return datetime.fromisoformat(self.control("clock", freeze=False)["now"])

    def reset(self) -> None:
        """Restore the state of the start: data, credits, faults, calls, the clock, scenes, operations."""
        self.control("reset")

    def snapshot(self) -> str:
        """Keep the state. Returns the id for `restore`."""
        id_: str = self.control("snapshot")["id"]
        return id_

    def restore(self, id: str) -> None:
        """Go back to a snapshot, any number of times.

        Args:
            id: The id from `snapshot`.

        Raises:
            ValueError: If there is no snapshot with this id.
        """
        self.control("restore", id=id)

    def seed(self, **data: Any) -> dict[str, list[str]]:
        """Put data into an organisation.

        Args:
            data: `credits` (the balance), `items` and `orders` (lists of objects; an order may have a
                `status`, a `type` and an `id`), `projects` (ids), `empty=True` to remove the existing data
                first, and `organization`.

        Returns:
            The ids of the items and orders.
        """
        made: dict[str, list[str]] = self.control("seed", **data)
        return made

    @property
    def calls(self) -> list[Received]:
        """The calls since the start or the last `reset`, oldest first."""
        return [Received(**one) for one in self.control("calls")["calls"]]

    def calls_of(self, operation: str) -> list[Received]:
        """The calls of one operation."""
        return [Received(**one) for one in self.control("calls", operation=operation)["calls"]]

    def clear_calls(self) -> None:
        """Forget the calls."""
        self.control("clear_calls")

    def expire_token(self, token: str | None = None, *, seconds: float = 0) -> None:
        """Refuse a token with 401.

        Args:
            token: The token; by default the sandbox's.
            seconds: When, in seconds of the sandbox's clock from now.
        """
        self.control("expire_token", token=token, seconds=seconds)

    def renew_token(self, token: str | None = None) -> None:
        """Accept an expired token again, by default the sandbox's."""
        self.control("renew_token", token=token)

    def url_lifetime(self, seconds: float) -> None:
        """Set the lifetime of signed URLs made from now on, in seconds."""
        self.control("url_lifetime", seconds=seconds)

    def rate_limits(self, *, window: float = 60.0, off: bool = False, **counts: int) -> None:
        """Limit calls per window.

        Args:
            window: Seconds.
            off: Lift the limits.
            **counts: Calls per window by class: `organisation`, `placement`, `spend`, `public`.
        """
        self.control("rate_limits", window=window, off=off, **counts)

    def add_scenes(self, items: Iterable[Any], *, host: str = "earthsearch-aws") -> list[str]:
        """Add STAC items to the catalogue.

        Args:
            items: Dicts, or objects with `to_dict`.
            host: The host that has them.

        Returns:
            Their ids.

        Raises:
            ValueError: If an item has no id, collection, datetime or geometry.
        """
        plain = [one if isinstance(one, dict) else one.to_dict() for one in items]
        ids: list[str] = self.control("add_scenes", items=plain, host=host)["ids"]
        return ids

    def add_operation(self, id: str, *, response: Any = None, **entry: Any) -> None:
        """Add an operation.

        Args:
            id: Its id.
            response: The body of its response.
            **entry: Fields of its manifest entry, such as `input` and `output`.

        Raises:
            ValueError: If the entry is invalid.
        """
        self.control("add_operation", id=id, response=response, entry=entry)

    def control(self, name: str, **fields: Any) -> Any:
        """Send `POST /__sandbox__/{name}`.

        Args:
            name: The control.
            **fields: The fields of the body.

        Returns:
            The JSON of the response.

        Raises:
            ValueError: If the sandbox refuses it; the message has the reason.
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
