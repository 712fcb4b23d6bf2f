"""Exceptions that end a call besides those of the transport: a timeout of the whole call, a closed client.

They are raised into the steps of a call.
"""

from __future__ import annotations

__all__ = ["ClosedBeforeSending", "ClosedWhileSending", "NotSentInTime", "TotalTimeout"]


class TotalTimeout(TimeoutError):
    """The time for the whole call has expired."""


class NotSentInTime(TotalTimeout):
    """The time expired before the request was sent."""


class ClosedBeforeSending(OSError):
    """The client was closed before the request was sent."""


class ClosedWhileSending(OSError):
    """The client was closed while the request was in progress."""
