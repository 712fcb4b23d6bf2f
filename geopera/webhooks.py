"""Deliveries of event subscriptions: is it really from Geopera, and what does it say.

    from geopera import webhooks

    event = webhooks.parse(request.body, request.headers, secret)

The signature is an HMAC-SHA256 (RFC 2104) of the raw bytes of the body, keyed by the secret that
``event_subscriptions.create`` returned once. Hand in those bytes as they came: JSON that was parsed and
written again has another signature. Deliveries may be repeated; `WebhookEvent.event_id` stays the same.
"""

from __future__ import annotations

from .errors import WebhookError, WebhookSignatureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Any

    Headers = (
        Mapping[str, str] | Mapping[str, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
    )
    Secret = str | bytes

__all__ = ["WebhookError", "WebhookEvent", "WebhookSignatureError", "parse", "sign"]

SIGNATURE = "x-geopera-signature"
EVENT = "x-geopera-event"
EVENT_ID = "x-geopera-event-id"
DELIVERY_ID = "x-geopera-delivery-id"

_TEXTS = ("event_id", "event_type", "organization_id", "entity_type", "entity_id")


class WebhookEvent:
    """One event, frozen.

    event_id: the same in every delivery of this event; use it to drop repeats.
    event_type: such as ``order.fulfilled``. timestamp: when it happened, with its UTC offset.
    organization_id, entity_type, entity_id: whose, and what it is about.
    data: what else is told, an open JSON object.
    delivery_id: this delivery's id, or None where the header is missing.
    raw: the body's fields as they came, those that are not known here among them.
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
        raise AttributeError(f"a WebhookEvent is frozen: {name!r} cannot go", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WebhookEvent):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.event_id)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, ({name: getattr(self, name) for name in self.__slots__},)

    def __repr__(self) -> str:
        return f"<WebhookEvent {self.event_type} {self.event_id}: {self.entity_type} {self.entity_id}, {self.timestamp.isoformat()}>"


def _restore(values: dict[str, Any]) -> WebhookEvent:
    return WebhookEvent(**values)


def parse(body: bytes | str, headers: Headers, secret: Secret | Iterable[Secret]) -> WebhookEvent:
    """The event that a delivery tells of, once its signature was checked, in constant time.

    body: the raw body; text is taken as UTF-8.
    headers: a mapping or pairs, in any case, text or bytes, as web frameworks and ASGI hand them out.
    secret: the subscription's secret; several while one is being replaced by another.

    Raises `WebhookSignatureError` where the signature is missing, is not one, or was made with another
    secret or of another body; `WebhookError` where the body or the headers have not the documented
    shape; ValueError where there is no secret to check with; TypeError for a body that is neither bytes
    nor text.
    """
    raw = _raw(body)
    found = _lookup(headers)
    _check(raw, found.get(SIGNATURE), _secrets(secret))
    fields = _fields(raw)
    for name in _TEXTS:
        if not isinstance(fields.get(name), str) or not fields[name]:
            what = "missing" if name not in fields else f"no text but {type(fields[name]).__name__}"
            raise WebhookError(f"the delivery's {name!r} is {what if fields.get(name) != '' else 'empty'}")
    data = fields.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise WebhookError(f"the delivery's 'data' is no object but {type(data).__name__}")
    for header, name in ((EVENT, "event_type"), (EVENT_ID, "event_id")):
        said = found.get(header)
        if said is not None and said != fields[name]:
            raise WebhookError(
                f"the delivery's header {header} says {said[:80]!r}, its body {fields[name][:80]!r}"
            )
    from .types import open_json

    return WebhookEvent(
        timestamp=_moment(fields.get("timestamp")),
        data=open_json(data),
        delivery_id=found.get(DELIVERY_ID),
        raw=fields,
        **{name: fields[name] for name in _TEXTS},
    )


def sign(body: bytes | str, secret: Secret) -> str:
    """The value of ``X-Geopera-Signature`` for a body, to test a receiver with."""
    import hmac

    raw = _raw(body)
    return "sha256=" + hmac.digest(_bytes(secret), raw, "sha256").hex()


def _raw(body: Any) -> bytes:
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError as exc:
            raise WebhookError(f"the delivery's body is no UTF-8: {exc}") from None
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise TypeError(
        f"the body has to be the bytes that came, not a {type(body).__name__}: "
        "what was parsed has another signature"
    )


def _bytes(secret: Secret) -> bytes:
    value = secret.encode() if isinstance(secret, str) else bytes(secret)
    if not value:
        raise ValueError("the secret is empty; everybody could sign with it")
    return value


def _secrets(secret: Secret | Iterable[Secret]) -> list[Secret]:
    if isinstance(secret, (str, bytes, bytearray)):
        return [secret]
    if secret is None or not hasattr(secret, "__iter__"):
        raise ValueError("there is no secret to check the signature with")
    found = list(secret)
    if not found:
        raise ValueError("there is no secret to check the signature with")
    return found


def _check(raw: bytes, signature: str | None, secrets: list[Secret]) -> None:
    import hmac

    expected = [sign(raw, secret) for secret in secrets]
    if signature is None:
        raise WebhookSignatureError(f"the delivery has no {SIGNATURE} header; do not act on it")
    if not signature.isascii() or not signature.lower().startswith("sha256="):
        raise WebhookSignatureError(
            "the delivery's signature is not of the form sha256=<hex>; do not act on it"
        )
    given = signature.strip().lower()
    # Every secret is tried, so that the time taken does not tell which one fitted.
    matches = [hmac.compare_digest(given, one) for one in expected]
    if not any(matches):
        raise WebhookSignatureError(
            "the delivery's signature does not fit its body and the secret; do not act on it"
        )


def _lookup(headers: Headers) -> dict[str, str]:
    """The headers that matter, by lower-case name."""
    wanted = {SIGNATURE, EVENT, EVENT_ID, DELIVERY_ID}
    items: Any = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    try:
        for name, value in items:
            key = (name.decode("latin-1") if isinstance(name, bytes) else str(name)).lower().replace("_", "-")
            key = key.removeprefix("http-")  # as WSGI spells it: HTTP_X_GEOPERA_SIGNATURE
            if key not in wanted:
                continue
            if isinstance(value, (list, tuple)) and len(value) == 1:
                value = value[0]
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            if found.setdefault(key, text) != text:
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
        raise WebhookError(f"the delivery's body is no JSON: {exc}") from exc
    if not isinstance(fields, dict):
        raise WebhookError(f"the delivery's body is no object but {type(fields).__name__}")
    return fields


def _moment(value: Any) -> datetime:
    from datetime import datetime

    if not isinstance(value, str):
        raise WebhookError("the delivery's 'timestamp' is missing or no text")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise WebhookError(f"the delivery's 'timestamp' is no RFC 3339 time: {value[:80]!r}") from None
    if moment.tzinfo is None:
        raise WebhookError(f"the delivery's 'timestamp' names no UTC offset: {value[:80]!r}")
    return moment
