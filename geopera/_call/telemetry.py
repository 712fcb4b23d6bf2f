"""One OpenTelemetry span for each call, and metrics: durations, retries, waits for rate limits.

Only OpenTelemetry's API is used, and only in a program that has imported it already. The SDK, which the
extra ``geopera[otel]`` installs, decides whether and where spans go.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from .._version import __version__

if TYPE_CHECKING:
    from typing import Self

    from ..middleware import Call, RetryEvent
    from ..types import Response
    from .context import Context

SCHEMA = "https://opentelemetry.io/schemas/1.28.0"
_instruments: tuple[Any, Any, Any, Any] | None = None


def in_use() -> bool:
    """Whether this program has imported OpenTelemetry's API."""
    return "opentelemetry.trace" in sys.modules


def instruments() -> tuple[Any, Any, Any, Any]:
    """(provider, durations, retries, waits for limits) of the current meter provider."""
    global _instruments
    from opentelemetry import metrics

    provider = metrics.get_meter_provider()
    found = _instruments
    if found is None or found[0] is not provider:
        meter = metrics.get_meter("geopera", __version__, schema_url=SCHEMA)
        found = _instruments = (
            provider,
            meter.create_histogram(
                "geopera.client.call.duration", "s", "Duration of a call, with its retries and waits."
            ),
            meter.create_counter("geopera.client.retries", "{retry}", "Retries."),
            meter.create_histogram(
                "geopera.client.limit.wait", "s", "Time that calls waited to stay under rate limits."
            ),
        )
    return found


class Span:
    """The span of one call, current while its requests are sent. `context` reports retries to it."""

    def __init__(self, call: Call, context: Context, client: Any) -> None:
        from opentelemetry import propagate, trace

        operation = call.operation
        url = client.base_url
        self._trace = trace
        self._common = {"geopera.operation": operation.id, "server.address": url.host}
        self._started = time.monotonic()
        self._hook = context.on_retry
        tracer = trace.get_tracer("geopera", __version__, schema_url=SCHEMA)
        self._span = tracer.start_span(
            operation.id,
            kind=trace.SpanKind.CLIENT,
            attributes={
                **self._common,
                "geopera.side_effect": operation.side_effect or "unknown",
                "http.request.method": "POST",
                "server.port": url.port or (443 if url.scheme == "https" else 80),
            },
        )
        self._current = trace.use_span(self._span, record_exception=False, set_status_on_exception=False)
        self._propagate = propagate
        self._headers = call.headers
        self.context = context.watched(self._retry, self._limited)

    def __enter__(self) -> Self:
        self._current.__enter__()
        self._propagate.inject(self._headers)  # traceparent, and anything else that the program propagates
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            self._note(
                getattr(error, "status_code", None),
                getattr(error, "attempts", None),
                getattr(error, "request_id", None),
                type(error).__name__,
            )
        self._current.__exit__(None, None, None)
        self._span.end()

    def ended_with(self, response: Response[Any]) -> Response[Any]:
        """Record a response, an error status included."""
        status = response.status_code
        error = str(int(status)) if status >= 400 else None
        self._note(status, response.attempts, response.request_id, error)
        return response

    def _note(
        self, status: int | None, attempts: int | None, request_id: str | None, error: str | None
    ) -> None:
        known = {
            "http.response.status_code": None if status is None else int(status),
            "geopera.attempts": attempts,
            "http.request.resend_count": attempts - 1 if attempts and attempts > 1 else None,
            "geopera.request_id": request_id,
            "error.type": error,
        }
        self._span.set_attributes({name: value for name, value in known.items() if value is not None})
        if error is not None:
            self._span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, error))
        outcome = {"error.type": error} if error is not None else {}
        instruments()[1].record(time.monotonic() - self._started, {**self._common, **outcome})

    def _retry(self, event: RetryEvent) -> None:
        facts: dict[str, Any] = {
            "geopera.attempt": event.attempt,
            "geopera.delay": event.delay,
            "error.type": event.outcome,
        }
        if event.request_id is not None:
            facts["geopera.request_id"] = event.request_id
        self._span.add_event("geopera.retry", facts)
        instruments()[2].add(1, {**self._common, "error.type": event.outcome})
        if self._hook is not None:
            self._hook(event)

    def _limited(self, seconds: float) -> None:
        self._span.add_event("geopera.limit.wait", {"geopera.delay": seconds})
        instruments()[3].record(seconds, self._common)
