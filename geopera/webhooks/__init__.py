"""Deliveries of event subscriptions: signatures, events, and a receiver for web frameworks.

    from geopera import webhooks

    event = webhooks.parse(request.body, request.headers, secret)

The signature is an HMAC-SHA256 (RFC 2104) of the raw bytes of the body. Its key is the secret that
``event_subscriptions.create`` returns once. Pass the raw bytes: JSON that was parsed and serialised again has another
signature. A delivery may arrive more than once, with the same `WebhookEvent.event_id`. Neither httpx nor pydantic is
imported here, and a web framework only by its own adapter.
"""

from ..errors import WebhookError, WebhookSignatureError
from .event import WebhookEvent
from .parsing import parse
from .receiver import Receiver
from .signature import sign

__all__ = ["Receiver", "WebhookError", "WebhookEvent", "WebhookSignatureError", "parse", "sign"]
