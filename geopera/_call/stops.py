"""What ends a call besides the transport: its time is up, or its client was closed. Raised into the steps of a call."""

from __future__ import annotations

__all__ = ["ClosedBeforeSending", "ClosedWhileSending", "NotSentInTime", "TotalTimeout"]


class TotalTimeout(TimeoutError):
    """The time for the whole call is over."""


class NotSentInTime(TotalTimeout):
    """The time is over, and the request has not left."""


class ClosedBeforeSending(OSError):
    """The client was closed before the request left."""


class ClosedWhileSending(OSError):
    """The client was closed while the request was under way."""
