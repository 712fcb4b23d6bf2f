"""What users configure is merged, or refused with both names when the client is made; what is theirs stays theirs."""

from __future__ import annotations

import ssl

import httpx
import pytest
from helpers.raw import response

from geopera import AsyncGeopera, Client, Geopera, RetryPolicy, errors

TOKEN = "token-for-tests"
URL = "https://api.example.com"
READ = {"order_id": "o"}
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")


@pytest.fixture
def server(serve_raw):
    return serve_raw(lambda connection, seen: connection.send(response({"id": "o"})))


def test_headers_are_merged(flavour, http_library, server):
    client = flavour.client(
        TOKEN,
        server.url,
        http_library=http_library,
        headers={"X-A": "1"},
        httpx_args={"headers": {"X-B": "2"}},
    )
    flavour(client.orders.get(READ))
    found = server.seen[0].headers
    assert (found["x-a"], found["x-b"], found["authorization"]) == ("1", "2", f"Bearer {TOKEN}")


def test_auth_is_taken_where_there_is_no_token(flavour, http_library, server):
    client = flavour.client(base_url=server.url, http_library=http_library, httpx_args={"auth": ("a", "b")})
    flavour(client.orders.get(READ))
    assert server.seen[0].headers["authorization"].startswith("Basic ")


CONTEXT = ssl.create_default_context()
REFUSED = [
    ({"retry": 3}, TypeError, "retry.*max_retries="),
    ({"rate_limit": 5}, TypeError, "rate_limit"),
    ({"rate_limit": "fast"}, ValueError, "rate_limit"),
    ({"on_request": "x"}, TypeError, "on_request"),
    ({"on_response": 1}, TypeError, "on_response"),
    ({"timeout": "3"}, TypeError, "timeout"),
    ({"timeout": -1}, ValueError, "timeout"),
    ({"total_timeout": 0}, ValueError, "total_timeout"),
    ({"max_response_size": 0}, ValueError, "max_response_size"),
    ({"http_library": "requests"}, ValueError, "http_library"),
    ({"httpx_args": {"nope": 1}}, TypeError, "httpx_args has no 'nope'"),
    ({"httpx_args": {"base_url": "https://b"}}, TypeError, "base_url"),
    ({"verify_ssl": "nofile.pem"}, FileNotFoundError, "verify_ssl.*nofile.pem"),
    ({"verify_ssl": 3}, TypeError, "verify_ssl"),
    ({"httpx_args": {"verify": CONTEXT}, "verify_ssl": False}, TypeError, "verify.*verify_ssl"),
    ({"httpx_args": {"timeout": 1}, "timeout": 2}, TypeError, "timeout"),
    ({"httpx_args": {"auth": ("a", "b")}}, TypeError, "auth.*token"),
    (
        {"httpx_args": {"transport": httpx.MockTransport(print), "verify": CONTEXT}},
        TypeError,
        "transport.*verify",
    ),
    ({"httpx_args": {"cert": "c.pem"}, "verify_ssl": CONTEXT}, TypeError, "cert.*verify_ssl"),
    ({"headers": {"authorization": "x"}}, TypeError, "token= and headers"),
    ({"headers": {"X-Key": "marker\nline"}}, ValueError, "X-Key"),
    ({"headers": {"content-length": "3"}}, ValueError, "content-length"),
    ({"headers": {"bad name": "3"}}, ValueError, "bad name"),
    ({"cookies": {"c": "marker\r\nline"}}, ValueError, "'c'"),
]


@pytest.mark.parametrize("cls", [Geopera, AsyncGeopera])
@pytest.mark.parametrize(
    ("options", "kind", "said"), REFUSED, ids=[str(sorted(one[0])) + str(i) for i, one in enumerate(REFUSED)]
)
def test_settings_are_refused_when_the_client_is_made(cls, options, kind, said):
    with pytest.raises(kind, match=said) as caught:
        cls(TOKEN, URL, **options)
    assert "marker" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"retry": 3},
        {"timeout": "3"},
        {"total_timeout": -1},
        {"max_response_size": "1"},
        {"headers": {"X-Key": "marker\n\nline"}},
        {"headers": {"transfer-encoding": "chunked"}},
    ],
)
def test_options_of_a_call_are_refused_too(options):
    with pytest.raises((TypeError, ValueError)) as caught:
        Geopera(TOKEN, URL).with_options(**options)
    assert "marker" not in str(caught.value)


def test_a_retry_policy_and_no_limit_are_fine():
    Geopera(TOKEN, URL, retry=RetryPolicy(1), rate_limit=None, timeout=httpx.Timeout(3), verify_ssl=CONTEXT)


def test_the_environment_names_the_library(monkeypatch, server):
    pytest.importorskip("httpx2", reason="httpx2 is not installed")
    monkeypatch.setenv("GEOPERA_HTTP", "httpx2")
    with Geopera(TOKEN, server.url) as client:
        client.orders.get(READ)
        assert type(client.client.get_httpx_client()).__module__.partition(".")[0] == "httpx2"
    monkeypatch.setenv("GEOPERA_HTTP", "curl")
    with pytest.raises(ValueError, match="GEOPERA_HTTP"):
        Geopera(TOKEN, server.url)


def test_a_client_of_the_callers_carries_everything_and_stays_open(
    flavour, http_library, serve_raw, tmp_path
):
    """Calls, streams, files and refresh go through it; a signed URL gets none of its headers."""
    library = pytest.importorskip(http_library)
    feature = b'{"type": "Feature", "id": "a"}\n'

    def script(connection, seen):
        if seen.target == "/file":
            connection.send(response(body=b"pixels", content_type="image/tiff"))
        elif seen.operation == "catalog.search_stream":
            connection.send(response(body=feature, content_type="application/x-ndjson"))
        elif seen.operation == "items.asset.download":
            connection.send(response({"href": f"{server.url}/file"}))
        else:
            connection.send(response({"id": "o"}))

    server = serve_raw(script)
    sent = []

    def note(request):
        sent.append(request.url.path)

    async def anote(request):
        note(request)

    cls = library.AsyncClient if flavour.asynchronous else library.Client
    own = cls(
        base_url=server.url,
        headers={"Authorization": "Bearer of-the-caller", "X-API-Key": "theirs"},
        cookies={"c": "theirs"},
        event_hooks={"request": [anote if flavour.asynchronous else note]},
    )
    client = flavour.client(TOKEN, server.url)
    (client.client.set_async_httpx_client if flavour.asynchronous else client.client.set_httpx_client)(own)
    assert flavour(client.orders.archive.place(collection="c"))["id"] == "o"
    assert len(flavour.collect(client.catalog.search_stream(host_name="h"))) == 1
    asset = {"item_id": "i", "asset_id": "a"}
    assert flavour(client.items.asset.download.download(asset, tmp_path / "a")).read_bytes() == b"pixels"
    with pytest.raises(errors.ManifestError):
        flavour(client.refresh_manifest())
    assert sent == [seen.target for seen in server.seen]
    assert len(sent) == 5
    file = next(seen for seen in server.seen if seen.target == "/file")
    assert not {"authorization", "x-api-key", "cookie"} & file.headers.keys()
    flavour(client.aclose() if flavour.asynchronous else client.close())
    assert not own.is_closed
    flavour(own.aclose() if flavour.asynchronous else own.close())


def test_a_transport_of_the_callers_is_never_closed(flavour, http_library, tmp_path):
    library = pytest.importorskip(http_library)
    closed, asked = [], []

    def reply(request):
        asked.append(str(request.url))
        if request.method == "POST":
            return library.Response(200, json={"href": "https://files.example.com/f?signature=1", "id": "o"})
        return library.Response(200, content=b"pixels")

    class Mine(library.MockTransport):
        def close(self):
            closed.append(self)

        async def aclose(self):
            closed.append(self)

    client = flavour.client(TOKEN, URL, http_library=http_library, httpx_args={"transport": Mine(reply)})
    for number in range(2):
        asset = {"item_id": "i", "asset_id": "a"}
        flavour(client.items.asset.download.download(asset, tmp_path / str(number)))
    flavour(client.aclose() if flavour.asynchronous else client.close())
    assert flavour(client.orders.get(READ))["id"] == "o"
    assert closed == []
    assert len([url for url in asked if "files" in url]) == 2


def test_the_same_errors_with_both_libraries(flavour, http_library):
    client = flavour.client(TOKEN, "http://127.0.0.1:9", http_library=http_library, max_retries=0)
    with pytest.raises(errors.APIConnectionError, match=r"cannot connect to 127\.0\.0\.1:9") as caught:
        flavour(client.orders.get(READ))
    assert not caught.value.may_have_acted


def test_client_without_a_token_takes_the_same_settings(server):
    with pytest.raises(TypeError, match="nope"):
        Client(server.url, httpx_args={"nope": 1})
