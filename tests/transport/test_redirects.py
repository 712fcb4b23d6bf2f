"""Redirects and base URLs: who a request says you are, and to whom."""

from __future__ import annotations

import json

import pytest
from helpers.raw import response
from helpers.sample import sampled

from geopera import AuthenticatedClient, Client, Geopera, Manifest, errors
from geopera.manifest import default

TOKEN = "token-for-tests"
ORDER = {"collection": "sentinel-2-l2a"}
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")


def moved(status, place):
    return response(body=b"", status=f"{status} Moved", location=place)


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("follow", [True, False])
def test_a_redirect_that_would_turn_an_order_into_a_get_is_an_error(
    flavour, http_library, serve_raw, status, follow
):
    def script(connection, seen):
        connection.send(moved(status, "/moved") if seen.target != "/moved" else response({"id": "GET"}))

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library, follow_redirects=follow)
    with pytest.raises(errors.APIError, match=f"{status}: redirected to /moved") as caught:
        flavour(client.orders.archive.place(ORDER))
    assert caught.value.status_code == status
    assert [(one.method, one.operation) for one in server.seen] == [("POST", "orders.archive.place")]


def test_a_307_of_the_same_origin_keeps_everything(flavour, http_library, serve_raw):
    def script(connection, seen):
        connection.send(moved(307, "/v2/order") if seen.number == 0 else response({"id": "o"}))

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library, follow_redirects=True)
    assert flavour(client.orders.archive.place(ORDER))["id"] == "o"
    first, second = server.seen
    assert (second.method, second.target, second.content) == ("POST", "/v2/order", first.content)
    for name in ("authorization", "idempotency-key"):
        assert second.headers[name] == first.headers[name]


def test_credentials_of_every_kind_stay_at_their_origin(flavour, http_library, serve_raw):
    other = serve_raw(lambda connection, seen: connection.send(response({"id": "o"})))
    server = serve_raw(lambda connection, seen: connection.send(moved(307, f"{other.url}/elsewhere")))
    client = flavour.client(
        TOKEN,
        server.url,
        http_library=http_library,
        follow_redirects=True,
        cookies={"session": "marker-cookie"},
        headers={"X-API-Key": "marker-key", "X-Team-Token": "marker-team"},
    )
    flavour(client.with_options(headers={"X-Secret-Thing": "marker-call"}).orders.get(order_id="o"))
    assert "marker" in server.seen[0].head.decode()
    assert "marker" not in other.seen[0].head.decode()
    assert TOKEN not in other.seen[0].head.decode()


@pytest.mark.parametrize("cls", [Geopera, Client, AuthenticatedClient])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://api.example.com?tenant=a", "query"),
        ("https://api.example.com/v1?", "query"),
        ("https://api.example.com/#part", "fragment"),
        ("https://user:marker@api.example.com", "user name"),
        ("https://user@api.example.com", "user name"),
        ("ftp://api.example.com", "start with"),
        ("https://", "not a URL"),
        ("https://a b", "not a URL"),
        ("https://h:99999", "not a URL"),
        ("https://h:port", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://::1", "not a URL"),
        ("https://h/v1/../v2", "upwards"),
        ("https://h/%2e%2E", "upwards"),
        (None, "start with"),
    ],
)
def test_a_base_url_that_requests_could_not_be_made_of(cls, url, said):
    if url is None and cls is Geopera:
        pytest.skip("None is the default")
    token = {} if cls is Client else {"token": TOKEN}
    with pytest.raises(ValueError, match=said) as caught:
        cls(base_url=url, **token)
    assert "marker" not in str(caught.value)


def test_a_fragment_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("GEOPERA_API_URL", "https://api.example.com/#part")
    with pytest.raises(ValueError, match="fragment"):
        Geopera(TOKEN)


@pytest.mark.parametrize(
    "host", ["192.0.2.2", "api.example.com", "127.example.com", "localhost.example.com", "[2001:db8::1]"]
)
def test_a_token_is_not_sent_unencrypted_to_another_machine(host):
    with pytest.raises(ValueError, match=r"unencrypted.*allow_http=True"):
        Geopera(TOKEN, f"http://{host}")
    assert Geopera(TOKEN, f"http://{host}", allow_http=True).client.base_url == f"http://{host}"
    assert Client(f"http://{host}").base_url == f"http://{host}"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.8.9.1", "localhost", "LOCALHOST:80", "[::1]:1"])
def test_http_is_free_on_this_machine(host):
    Geopera(TOKEN, f"http://{host}")


PATHS = [
    "http://127.0.0.2:1/{operation_id}",
    "//127.0.0.2/{operation_id}",
    "/v1/op/fixed",
    "/../{operation_id}?a=1",
]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("how", ["dict", "file"])
def test_a_manifest_does_not_lead_to_another_origin(flavour, serve_raw, tmp_path, path, how):
    server = serve_raw(lambda connection, seen: connection.send(response({"id": "o"})))
    document = default().to_dict()
    document["path"] = path
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(document))

    def call():
        manifest = Manifest.from_dict(document) if how == "dict" else file
        client = flavour.client(TOKEN, server.url, manifest=manifest)
        flavour(client.billing.credits.balance())

    with pytest.raises(errors.GeoperaError):
        call()
    assert server.seen == []


def test_cookies_of_a_server_are_not_kept(flavour, http_library, serve_raw):
    def script(connection, seen):
        connection.send(response({"id": "o"}, set_cookie=f"c{seen.number}=1"))

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    for _ in range(5):
        flavour(client.orders.get(order_id="o"))
    assert all("cookie" not in seen.headers for seen in server.seen)


def test_a_jar_that_is_given_keeps_them(flavour, http_library, serve_raw):
    from http.cookiejar import CookieJar

    server = serve_raw(lambda connection, seen: connection.send(response({"id": "o"}, set_cookie="c=1")))
    client = flavour.client(TOKEN, server.url, http_library=http_library, cookies=CookieJar())
    for _ in range(2):
        flavour(client.orders.get(order_id="o"))
    assert [seen.headers.get("cookie") for seen in server.seen] == [None, "c=1"]


BAD = [
    "http://[::1",
    "http://a..b/",
    f"http://{'a' * 300}/",
    "http://a\x01b/",
    "/p\x07ath",
    "http://:99999/",
    "http://h:99999/",
    "http://h:0/",
    "http://a b/",
    "http://%zz/",
    "http://256.1.1.1/",
    f"http://{'ü' * 80}.example/",
    f"http://h/{'x' * 70_000}",
    "http:///x",
    "//",
    "javascript:alert(1)",
    "ftp://h/x",
    "",
]


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("given", sampled([False, True]))
def test_an_address_that_is_none_is_a_fault_of_the_response(
    flavour, http_library, serve_raw, tmp_path, given
):
    """Also with a client of the caller's, and whether the library parses the header itself or not."""
    place = ""

    def script(connection, seen):
        if seen.operation == "items.asset.download":
            connection.send(response({"url": f"{server.url}/x.tif"}))
        else:
            head = b"HTTP/1.1 302 Found\r\nlocation: " + place.encode() + b"\r\ncontent-length: 0\r\n\r\n"
            connection.send(head)

    server = serve_raw(script)
    client = flavour.client(TOKEN, server.url, http_library=http_library)
    if given:
        library = pytest.importorskip(http_library)
        own = (library.AsyncClient if flavour.asynchronous else library.Client)(trust_env=False)
        set_client = (
            client._client.set_async_httpx_client if flavour.asynchronous else client._client.set_httpx_client
        )
        set_client(own)
    calls = [
        lambda: client.clip.job.download.download(job_id="j", mosaic_type="rgb", to=tmp_path / "x.tif"),
        lambda: client.items.asset.download.download(item_id="i", asset_id="a", to=tmp_path / "x.tif"),
    ]
    for bad in BAD:
        place = bad
        server.seen.clear()
        for call in calls:
            with pytest.raises((errors.ResponseError, errors.APIError), match=r"redirect|URL|302") as caught:
                flavour(call())
            assert type(caught.value) is errors.ResponseError or not place
        operations = server.operations()
        assert operations.count("clip.job.download") == operations.count("items.asset.download") == 1
        with pytest.raises((errors.ResponseError, errors.APIError), match=r"redirect|302"):
            flavour(client.orders.get(order_id="o"))
        assert server.operations().count("orders.get") == 1, "and that is not retried"
    assert list(tmp_path.iterdir()) == []
    if given:
        flavour(own.aclose()) if flavour.asynchronous else own.close()
