"""Deliveries of event subscriptions: whether one is from Geopera, what it says, and a receiver for web frameworks.

    from geopera import webhooks

    event = webhooks.parse(request.body, request.headers, secret)

The signature is an HMAC-SHA256 (RFC 2104) of the raw bytes of the body, keyed by the secret that
``event_subscriptions.create`` returns once. Pass those bytes as they came: JSON that was parsed and
serialised again has another signature. A delivery may come more than once; `WebhookEvent.event_id` stays the same.
Neither httpx nor pydantic is imported here, and a web framework only by its own adapter.
"""

from ..errors import WebhookError, WebhookSignatureError
from .event import WebhookEvent
from .parsing import parse
from .receiver import Receiver
from .signature import sign

__all__ = ["Receiver", "WebhookError", "WebhookEvent", "WebhookSignatureError", "parse", "sign"]
