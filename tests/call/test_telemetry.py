"""Spans and metrics, read back from the SDK's in-memory exporters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, json_reply

from geopera import RetryPolicy, errors

sdk = pytest.importorskip("opentelemetry.sdk")
ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["example-1"]}
QUICK = RetryPolicy(2, base=0.01, cap=0.02)


class Telemetry(NamedTuple):
    exporter: Any
    reader: Any

    def spans(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        metrics = (
            [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        )
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    # Providers are set once in a process; tests look them up anew.
    monkeypatch.setattr(trace, "get_tracer", lambda *a, **k: tracers.get_tracer(*a, **k))
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    monkeypatch.setattr(metrics, "get_meter", lambda *a, **k: meters.get_meter(*a, **k))
    yield Telemetry(exporter, reader)
    tracers.shutdown()
    meters.shutdown()


def echo(asked: Asked) -> Reply:
    headers = {name.lower(): value for name, value in asked.headers.items()}
    return json_reply({"id": "o", "status": "queued", "headers": headers}, 202)


def test_a_span_for_a_call(flavour: Flavour, telemetry: Telemetry, client: Any) -> None:
    response = flavour(client.catalog.search(host_name="earthsearch-aws", limit=1, detailed=False))
    (span,) = telemetry.spans()
    assert response.features
    assert span.name == "catalog.search"
    assert span.kind.name == "CLIENT"
    assert span.attributes["geopera.operation"] == "catalog.search"
    assert span.attributes["geopera.side_effect"] == "read"
    assert span.attributes["geopera.attempts"] == 1
    assert span.attributes["geopera.request_id"]
    assert span.attributes["http.request.method"] == "POST"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["server.address"] == "127.0.0.1"
    assert span.status.status_code.name == "UNSET"
    (point,) = telemetry.points("geopera.client.call.duration")
    assert point.count == 1
    assert dict(point.attributes) == {"geopera.operation": "catalog.search", "server.address": "127.0.0.1"}


def test_retries_are_events_and_counted(flavour: Flavour, telemetry: Telemetry, serve: Any) -> None:
    statuses = [503, 503]

    def reply(asked: Asked) -> Reply:
        return json_reply({"title": "Down"}, statuses.pop()) if statuses else echo(asked)

    hooked: list[Any] = []
    client = flavour.client("test-token", serve(reply).url, retry=QUICK, on_retry=hooked.append)
    flavour(client.orders.archive.place(ORDER))
    (span,) = telemetry.spans()
    assert [event.name for event in span.events] == ["geopera.retry"] * 2
    assert [event.attributes["geopera.attempt"] for event in span.events] == [1, 2]
    assert span.attributes["geopera.attempts"] == 3
    assert span.attributes["http.request.resend_count"] == 2
    assert sum(point.value for point in telemetry.points("geopera.client.retries")) == 2
    assert len(hooked) == 2


def test_an_error_is_the_status_of_the_span(flavour: Flavour, telemetry: Telemetry, client: Any) -> None:
    with pytest.raises(errors.NotFoundError):
        flavour(client.orders.get(order_id="of somebody else"))
    (span,) = telemetry.spans()
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"] == "NotFoundError"
    assert span.attributes["http.response.status_code"] == 404
    assert span.events == ()  # the message may hold what the caller sent


def test_the_context_is_propagated_and_nested(flavour: Flavour, telemetry: Telemetry, serve: Any) -> None:
    from opentelemetry import trace

    client = flavour.client("test-token", serve(echo).url)
    with trace.get_tracer("a program").start_as_current_span("job"):
        found = flavour(client.orders.archive.place(ORDER))
    call, job = telemetry.spans()
    assert call.parent.span_id == job.context.span_id
    trace_id, span_id = f"{call.context.trace_id:032x}", f"{call.context.span_id:016x}"
    assert found["headers"]["traceparent"].startswith(f"00-{trace_id}-{span_id}-0")


def test_streams_pages_and_bulk_calls_have_a_span_for_each_request(
    flavour: Flavour, telemetry: Telemetry, client: Any
) -> None:
    assert flavour.collect(client.catalog.search_stream(host_name="earthsearch-aws", limit=5))
    flavour.collect(client.catalog.search.iter(host_name="earthsearch-aws", limit=5, max_items=10))
    flavour.collect(client.map("billing.credits.balance", [{}, {}]))
    names = [span.name for span in telemetry.spans()]
    assert names == [
        "catalog.search_stream",
        "catalog.search",
        "catalog.search",
        *["billing.credits.balance"] * 2,
    ]


def test_waits_for_limits_are_recorded(flavour: Flavour, telemetry: Telemetry, serve: Any) -> None:
    from geopera._call.limits import RateLimiter

    limiter = RateLimiter({"orders": 1}, window=0.2)
    client = flavour.client("test-token", serve(echo).url, rate_limit=limiter)
    for _ in range(2):
        flavour(client.orders.archive.place(ORDER))
    assert [event.name for event in telemetry.spans()[1].events] == ["geopera.limit.wait"]
    (point,) = telemetry.points("geopera.client.limit.wait")
    assert point.sum > 0


@pytest.mark.slow
def test_a_program_without_opentelemetry_does_not_import_it(sandbox: Any) -> None:
    code = (
        "import sys\nfrom geopera import Geopera\n"
        "with Geopera() as c: c.billing.credits.balance()\n"
        "assert not [n for n in sys.modules if n.startswith('opentelemetry')]"
    )
    environment = {**os.environ, "GEOPERA_API_URL": sandbox.url, "GEOPERA_API_TOKEN": sandbox.token}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
