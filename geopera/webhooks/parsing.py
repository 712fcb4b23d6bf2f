"""`parse`: check a delivery and return its `WebhookEvent`."""

from __future__ import annotations

from ..errors import WebhookError, WebhookSignatureError
from .event import WebhookEvent
from .signature import SIGNATURE, check, held, keys_of, raw_body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from typing import Any

    Headers = (
        Mapping[str, str] | Mapping[str, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
    )

EVENT = "x-geopera-event"
EVENT_ID = "x-geopera-event-id"
DELIVERY_ID = "x-geopera-delivery-id"

_TEXTS = ("event_id", "event_type", "organization_id", "entity_type", "entity_id")


def parse(
    body: bytes | str, headers: Headers, secret: Any, *, max_age: float | timedelta | None = None
) -> WebhookEvent:
    """Check the signature of a delivery, in constant time, and return its event.

    Args:
        body: The raw body; text is encoded as UTF-8.
        headers: A mapping or pairs, names in any case, text or bytes, as web frameworks, ASGI and WSGI have them.
        secret: The subscription's secret: text, bytes or a secret type (anything with ``get_secret_value()``),
            at least 16 bytes; or a list of secrets during a rotation.
        max_age: Seconds, or a ``timedelta``; an event whose signed ``timestamp`` is older is refused. By default
            any age is accepted, since a delivery may be retried for a day.

    Returns:
        The event. Its `delivery_id` is not signed.

    Raises:
        WebhookSignatureError: If the signature is missing, malformed, or that of another secret or body.
        WebhookError: If the body or the headers do not have the documented shape, or the event is too old.
        TypeError: If the body or a secret is neither bytes nor text.
        ValueError: If there is no secret, or one is shorter than 16 bytes.
    """
    secret = held(secret)
    keys = keys_of(secret)
    limit = seconds(max_age)
    raw = raw_body(body)
    found = _lookup(headers)
    check(raw, found.get(SIGNATURE), keys)
    fields = _fields(raw)
    for name in _TEXTS:
        if not isinstance(fields.get(name), str) or not fields[name]:
            what = "missing" if name not in fields else f"not a string but {type(fields[name]).__name__}"
            raise WebhookError(f"the delivery's {name!r} is {what if fields.get(name) != '' else 'empty'}")
    data = fields.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise WebhookError(f"the delivery's 'data' is not an object but {type(data).__name__}")
    for header, name in ((EVENT, "event_type"), (EVENT_ID, "event_id")):
        value = found.get(header)
        if value is not None and value != fields[name]:
            raise WebhookError(
                f"the delivery's header {header} is {value[:80]!r}, but its body has {fields[name][:80]!r}"
            )
    timestamp = _datetime(fields.get("timestamp"))
    if limit is not None:
        _check_age(timestamp, limit)
    from ..types import open_json

    return WebhookEvent(
        timestamp=timestamp,
        data=open_json(data),
        delivery_id=found.get(DELIVERY_ID),
        raw=fields,
        **{name: fields[name] for name in _TEXTS},
    )


def seconds(max_age: Any) -> float | None:
    """`max_age` in seconds. Raises TypeError or ValueError if it is not a duration."""
    if max_age is None:
        return None
    value = max_age.total_seconds() if hasattr(max_age, "total_seconds") else max_age
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"max_age must be seconds or a timedelta, not {type(value).__name__}")
    if not value > 0:
        raise ValueError(f"max_age must be more than 0 seconds, not {value!r}")
    return float(value)


def _check_age(timestamp: datetime, limit: float) -> None:
    from datetime import UTC, datetime

    age = (datetime.now(UTC) - timestamp).total_seconds()
    if age > limit:
        raise WebhookError(f"the delivery's event is {age:.0f} s old; max_age is {limit:g} s")


def _lookup(headers: Headers) -> dict[str, str]:
    """The headers that matter, by lower-case name."""
    wanted = {SIGNATURE, EVENT, EVENT_ID, DELIVERY_ID}
    items: Any = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    try:
        for name, value in items:
            key = (name.decode("latin-1") if isinstance(name, bytes) else str(name)).lower().replace("_", "-")
            key = key.removeprefix("http-")  # the form of WSGI: HTTP_X_GEOPERA_SIGNATURE
            if key not in wanted:
                continue
            if isinstance(value, (list, tuple)) and len(value) == 1:
                value = value[0]
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            if found.setdefault(key, text.strip()) != text.strip():
                raise WebhookSignatureError(f"the delivery has two different {key} headers; do not act on it")
    except (TypeError, ValueError) as exc:
        if isinstance(exc, WebhookError):
            raise
        raise WebhookError(f"the headers are neither a mapping nor pairs: {type(headers).__name__}") from exc
    return found


def _fields(raw: bytes) -> dict[str, Any]:
    from json import loads

    try:
        fields = loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise WebhookError(f"the delivery's body is not JSON: {exc}") from exc
    if not isinstance(fields, dict):
        raise WebhookError(f"the delivery's body is not an object but {type(fields).__name__}")
    return fields


def _datetime(value: Any) -> datetime:
    from datetime import datetime

    if not isinstance(value, str):
        raise WebhookError("the delivery's 'timestamp' is missing or not a string")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise WebhookError(
            f"the delivery's 'timestamp' is not an RFC 3339 datetime: {value[:80]!r}"
        ) from None
    if parsed.tzinfo is None:
        raise WebhookError(f"the delivery's 'timestamp' has no UTC offset: {value[:80]!r}")
    return parsed
