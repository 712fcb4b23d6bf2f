"""Every request goes through the public `send` of a public client, and no private name of another library is used."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

import httpx
import pytest
from helpers.raw import response

import geopera

TOKEN = "token-for-tests"
PACKAGE = Path(geopera.__file__).parent
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")
THEIRS = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "h11",
    "pydantic",
    "pydantic_core",
    "jsonschema",
    "referencing",
    "anyio",
)


def script(connection, seen):
    if seen.target == "/file":
        connection.send(response(body=b"pixels", content_type="image/tiff"))
    elif seen.operation == "catalog.search_stream":
        connection.send(
            response(body=b'{"type": "Feature", "id": "a"}\n', content_type="application/x-ndjson")
        )
    elif seen.operation == "items.asset.download":
        connection.send(response({"href": f"http://{seen.headers['host']}/file"}))
    elif seen.operation == "orders.list":
        connection.send(response({"orders": [{"id": "o"}]}))
    else:
        connection.send(response({"id": "o", "status": "fulfilled"}))


def everything(flavour, client, tmp_path):
    """A call, an order, a stream, a page, a poll, both requests of a download, a refresh, a low-level function."""
    from geopera.api.operations import orders_get

    flavour(client.orders.get(order_id="o"))
    flavour(client.orders.archive.place(collection="c"))
    flavour.collect(client.catalog.search_stream(host_name="h"))
    flavour.collect(client.orders.list.iter(max_items=1))
    flavour(client.orders.get.wait(order_id="o"))
    flavour(client.items.asset.download.download({"item_id": "i", "asset_id": "a"}, tmp_path / "a"))
    with pytest.raises(geopera.errors.ManifestError):
        flavour(client.refresh_manifest())
    flavour.detailed(orders_get, client=client.client, body={"order_id": "o"})


def test_a_send_that_is_patched_later_sees_every_request(flavour, serve_raw, tmp_path, monkeypatch):
    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url)
    flavour(client.orders.get(order_id="o"))  # the first call is over when the patch comes
    seen = []
    cls = httpx.AsyncClient if flavour.asynchronous else httpx.Client
    send = cls.send

    def patched(self, request, **options):
        seen.append(request.url.path)
        return send(self, request, **options)

    monkeypatch.setattr(cls, "send", patched)
    everything(flavour, client, tmp_path)
    assert seen == [one.target for one in server.seen][1:]
    assert len(seen) >= 9


def test_the_library_logs_a_line_for_each_request(flavour, http_library, serve_raw, tmp_path, caplog):
    server = serve_raw(script)
    caplog.set_level(logging.INFO, http_library)
    everything(flavour, flavour.client(TOKEN, server.url, http_library=http_library), tmp_path)
    lines = [record for record in caplog.records if record.name == http_library]
    assert len(lines) == len(server.seen)


@pytest.fixture(scope="module")
def sentry():
    """Sentry's SDK, whose integration patches `send`: once in a process."""
    sentry_sdk = pytest.importorskip("sentry_sdk")
    from sentry_sdk.integrations.httpx import HttpxIntegration

    class Nowhere(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            """Nothing is sent."""

    before = (httpx.Client.send, httpx.AsyncClient.send)
    transactions = []
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=Nowhere,
        traces_sample_rate=1.0,
        default_integrations=False,
        integrations=[HttpxIntegration()],
        before_send_transaction=lambda event, hint: transactions.append(event),
        trace_propagation_targets=[".*"],
    )
    yield sentry_sdk, transactions
    sentry_sdk.get_client().close()
    sentry_sdk.init()
    httpx.Client.send, httpx.AsyncClient.send = before


@pytest.mark.slow
def test_sentry_sees_every_request(flavour, serve_raw, tmp_path, sentry):
    """A span for each request, and a trace header on the wire."""
    sdk, transactions = sentry
    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url)
    with sdk.start_transaction(name="all of it"):
        everything(flavour, client, tmp_path)
    spans = transactions[-1]["spans"]
    assert len([span for span in spans if span["op"] == "http.client"]) == len(server.seen)
    assert all("sentry-trace" in seen.headers for seen in server.seen)


def private_names():
    """(file, line, name) of each private name of another library that is imported, or read from a module of theirs."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = (str(path.relative_to(PACKAGE)), getattr(node, "lineno", 0))
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                parts = node.module.split(".")
                if parts[0] in THEIRS:
                    names = [*parts[1:], *(alias.name for alias in node.names)]
                    yield from (
                        (*place, name) for name in names if name.startswith("_") and not name.startswith("__")
                    )
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    parts = alias.name.split(".")
                    if parts[0] in THEIRS:
                        yield from ((*place, name) for name in parts if name.startswith("_"))


@pytest.mark.slow
def test_no_private_name_of_another_library_is_imported():
    assert list(private_names()) == []


@pytest.mark.slow
def test_no_private_attribute_of_a_transport_is_touched():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found += [
            (path.name, one)
            for one in re.findall(
                r"(?:transport|_pool|library|httpx2?|httpcore2?|client)\._(?:transport|pool|mounts|connections|send\w*|request\w*|init\w*)\b",
                text,
            )
        ]
        found += [(path.name, one) for one in re.findall(r"pydantic\._\w+|pydantic_core\._\w+", text)]
    assert found == []
