"""Who gets in: Host and Origin, the token beyond loopback, the mode of files, limits of time and size."""

from __future__ import annotations

import contextlib
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from helpers.sandbox_api import ORDER, SCENE, Api

from geopera.sandbox import Sandbox, connections, create_app, running
from geopera.sandbox.control.gate import Gate


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "localhost."),
        *("127.0.0.1@evil.example", "[::1]evil", "127.0.0.2.", "0.0.0.0", "[::2]", "a b", "127.0.0.1:port"),
    ],
)
def test_another_host_is_refused_before_anything_is_done(api: Api, host: str) -> None:
    before = api("billing.credits.balance")["credits"]
    response = api.raw("orders.archive.place", ORDER, Host=host)
    assert 400 <= response.status_code < 500
    assert api.http.get("/openapi.json", headers={"Host": host}).status_code >= 400
    assert api("billing.credits.balance")["credits"] == before


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8787", "127.0.0.1", "[::1]:1"])
def test_names_of_this_machine_are_served(api: Api, host: str) -> None:
    assert api.raw("billing.credits.balance", Host=host).status_code == 200
    url = httpx.URL(api("items.asset.download", {"item_id": SCENE, "asset_id": "red"}, Host=host)["url"])
    assert url.port == api.http.base_url.port


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example", "file://"]
)
def test_pages_of_others_are_refused(api: Api, origin: str) -> None:
    assert api.raw("billing.credits.balance", Origin=origin).status_code == 403


def test_pages_of_this_machine_may_read(api: Api) -> None:
    origin = "http://localhost:3000"
    response = api.raw("billing.credits.balance", Origin=origin)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert api.http.options("/v1/op/billing.credits.balance", headers=asked).status_code == 204


def test_a_server_for_other_machines_knows_addresses_and_named_hosts() -> None:
    state = create_app(host="0.0.0.0", allowed_hosts=("geopera",)).state.sandbox
    gate = Gate(create_app(), state.settings)
    for host, known in (("10.0.0.7:80", True), ("geopera:8787", True), ("evil.example", False)):
        assert gate._known(host) is known


def test_beyond_loopback_there_is_a_warning_and_another_token() -> None:
    with ExitStack() as stack:
        with pytest.warns(UserWarning, match="beyond this machine"):
            server = stack.enter_context(running(host="0.0.0.0"))
        assert server.token != "sandbox-token"
        assert len(server.token) > 20
        assert httpx.URL(server.url).host == "127.0.0.1"
        with Api(server, server.token) as api:
            assert api("billing.credits.balance")


def test_state_files_are_the_owners_alone(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    old.touch(mode=0o644)
    for path in (tmp_path / "state.db", old):
        with running(db=str(path)) as server, Api(server) as api:
            api("billing.credits.balance")
            files = list(tmp_path.glob(f"{path.name}*"))
            assert len(files) > 1
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_head_that_does_not_arrive_is_not_held(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT", 0.3)
    port = httpx.URL(sandbox.url).port
    for sent in (b"POST /v1/op/catalog.search HTTP/1.1\r\nHost: localhost\r\n", b""):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as half:
            half.sendall(sent)
            with contextlib.suppress(ConnectionResetError):
                assert half.recv(100) == b""


def test_a_head_that_is_too_large_is_refused(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", httpx.URL(sandbox.url).port), timeout=20) as large:
        large.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000)
        assert b" 400 " in large.recv(1000)


OAUTH = "/realms/public/protocol/openid-connect/token"


@pytest.mark.parametrize("path", ["/v1/op/billing.credits.balance", "/__sandbox__/calls", OAUTH, "PUT"])
def test_a_body_that_does_not_arrive_or_is_too_large_is_refused(
    make_sandbox: Callable[..., Sandbox], path: str
) -> None:
    server = make_sandbox(body_timeout=0.1)
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), timeout=20) as slow:
        begun = time.monotonic()
        slow.sendall(begin_of_request(server, path))
        assert b" 408 " in slow.recv(1000)
        assert time.monotonic() - begun < 15


@pytest.mark.parametrize("path", ["/v1/op/billing.credits.balance", "/__sandbox__/calls", OAUTH, "PUT"])
def test_a_client_that_goes_away_is_no_bug_of_the_sandbox(
    make_sandbox: Callable[..., Sandbox], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_sandbox()
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), timeout=20) as leaving:
        leaving.sendall(begin_of_request(server, path))
        time.sleep(0.1)  # the body is being read
    with Api(server) as api:
        assert api("billing.credits.balance", {})
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def begin_of_request(server: Sandbox, path: str) -> bytes:
    """A head that announces 100 bytes, and one of them; `path` may be PUT, for the place of an upload."""
    method = "PUT" if path == "PUT" else "POST"
    headers = ["Host: localhost", f"X-Sandbox-Secret: {server.secret}"]
    if path == "PUT":
        with Api(server) as api:
            body = {"upload_id": "example-upload", "file_name": "a.tif"}
            url = httpx.URL(api("uploads.signed_url", body)["upload_url"])
        path = url.raw_path.decode()
    else:
        headers.append("Authorization: Bearer sandbox-token")
    kind = "x-www-form-urlencoded" if path == OAUTH else "json"
    headers += [f"Content-Type: application/{kind}", "Content-Length: 100"]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", "{"]).encode()


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization", "X-API-Key"])
def test_deliveries_carry_no_credentials_of_the_subscribers_choice(api: Api, name: str) -> None:
    hook = {"event_type": "*", "endpoint_url": "http://127.0.0.1:9/", "headers": {name: "x"}}
    api.problem(422, "event_subscriptions.create", hook)


METRES = {"type": "Polygon", "coordinates": [[[342852.8, 6245413.0], [0, 0], [1, 1], [342852.8, 6245413.0]]]}
BAD = [
    METRES,
    {"type": "Polygon", "coordinates": []},
    {"type": "Feature", "geometry": None},
    None,
    {},
    "here",
]


@pytest.mark.parametrize("geometry", BAD, ids=str)
def test_an_order_for_no_place_costs_nothing(make_sandbox: Callable[..., Sandbox], geometry: object) -> None:
    with Api(make_sandbox(credits=50_000)) as api:
        good = {"sensor": "optical-vhr"}
        groups = [good, {"sensor": "optical-vhr", "geometry": geometry}]
        assert api.raw("orders.tasking.place", {"groups": groups}).status_code == 422
        api.problem(422, "orders.archive.place", {**ORDER, "geometry": geometry})
        features = [{"type": "Feature", "properties": {}, "geometry": geometry}]
        order = {"workspaceId": "w", "dataProduct": "p", "params": {}}
        collection = {"type": "FeatureCollection", "features": features}
        api.problem(422, "orders.place", {**order, "featureCollection": collection})
        assert api("billing.credits.balance")["credits"] == 50_000


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("alerts.rule.get", {"rule_id": "nobody"}),
        ("alerts.delete_rule", {"rule_id": "nobody"}),
        ("band_formulas.update", {"formula_id": "nobody"}),
        ("collections.get", {"project_id": "example-project", "collection_id": "nobody"}),
        ("collections.delete", {"project_id": "nobody", "collection_id": "example-collection"}),
        ("api_keys.revoke", {"key_id": "nobody"}),
        ("share.link.revoke", {"link_id": "nobody"}),
        ("visualization.profile.get", {"item_id": "nobody", "profile_id": "example-profile"}),
        ("uploads.signed_url", {"upload_id": "nobody", "file_name": "a.tif"}),
        ("processing.job.tile_info", {"job_id": "nobody"}),
        ("orders.coverage.get", {"order_id": "nobody"}),
        ("catalog.info.sentinel", {"scene_id": "nobody"}),
        ("items.tile.tilejson", {"item_id": "nobody"}),
        ("projects.update", {"project_id": "nobody", "name": "x"}),
    ],
)
def test_an_id_that_nobody_made_is_not_found(api: Api, operation: str, body: dict[str, str]) -> None:
    api.problem(404, operation, body)


def test_what_was_made_is_found_changed_and_deleted(api: Api) -> None:
    made = api("band_formulas.create", {"name": "mine", "formula": "nir / red"})["id"]
    assert api("band_formulas.get", {"formula_id": made})["name"] == "mine"
    assert made in {one["id"] for one in api("band_formulas.list")["band_formulas"]}
    api("band_formulas.update", {"formula_id": made, "name": "yours"})
    assert api("band_formulas.get", {"formula_id": made})["name"] == "yours"
    api("band_formulas.delete", {"formula_id": made})
    api.problem(404, "band_formulas.get", {"formula_id": made})


def test_examples_say_so(api: Api) -> None:
    assert api.raw("billing.plans.list").headers["x-sandbox"] == "example"
    assert "x-sandbox" not in api.raw("billing.credits.balance").headers
