"""`WebhookEvent`: the event of a delivery."""

from __future__ import annotations

from .._display.safe import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


class WebhookEvent:
    """One event, frozen.

    Attributes:
        event_id: The same in every delivery of this event; use it to drop duplicates.
        event_type: The type, such as ``order.fulfilled``.
        timestamp: When it happened, with its UTC offset.
        organization_id: The organisation that it belongs to.
        entity_type: The kind of its subject, such as ``order``.
        entity_id: The id of its subject.
        data: Further fields, an open JSON object.
        delivery_id: The id of this delivery, or None. It comes from a header and is **not signed**: log it, and do
            not rely on it.
        raw: All fields of the body, unknown ones included.
    """

    __slots__ = ("data", "delivery_id", "entity_id", "entity_type", "event_id", "event_type", "organization_id", "raw", "timestamp")  # fmt: skip

    event_id: str
    event_type: str
    timestamp: datetime
    organization_id: str
    entity_type: str
    entity_id: str
    data: dict[str, Any]
    delivery_id: str | None
    raw: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, values[name])

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a WebhookEvent is frozen: {name!r} cannot be set", name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a WebhookEvent is frozen: {name!r} cannot be deleted", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WebhookEvent):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.event_id)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, ({name: getattr(self, name) for name in self.__slots__},)

    def __repr__(self) -> str:
        what = f"{self.event_type} {self.event_id}: {self.entity_type} {self.entity_id}"
        return f"<WebhookEvent {one_line(what, 160)}, {self.timestamp.isoformat()}>"


def _restore(values: dict[str, Any]) -> WebhookEvent:
    return WebhookEvent(**values)
