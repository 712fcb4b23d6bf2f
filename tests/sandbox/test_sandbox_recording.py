"""Recorded runs: a second sandbox stands for the real API; no secret reaches the file, and the file plays."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers.sandbox_api import ORDER, SCENE, Api

from geopera import AsyncGeopera, Geopera, errors
from geopera._cli.main import main
from geopera.sandbox import CassetteError, Sandbox, recording, replaying, running
from geopera.sandbox.tapes import cassette
from geopera.sandbox.tapes.redaction import Redaction

TOKEN = "gpra_a-token-that-nobody-may-see"


def session(client: Any, folder: Path) -> dict[str, Any]:
    """What a program does: reads, pays, polls, downloads."""
    page = client.catalog.search(host_name="earthsearch-aws", limit=3)
    order = client.orders.archive.place(ORDER, idempotency_key="one")
    ready = client.orders.get.wait(order_id=order.id, timeout=30)
    asset = client.items.asset.download(item_id=SCENE, asset_id="bytes-3000")
    file = client.items.asset.download.download(
        {"item_id": SCENE, "asset_id": "bytes-3000"}, folder / "a.tif"
    )
    hook = client.event_subscriptions.create(event_type="order.*", endpoint_url="https://example.com/hook")
    with pytest.raises(errors.NotFoundError):
        client.orders.get(order_id="nobody")
    return {
        "ids": [one.id for one in page.features],
        "href": page.features[0].assets["red"].href.partition("/data/")[2],
        "order": (order.id, ready.status),
        "bytes": Path(file).read_bytes(),
        "size": asset.size_bytes,
        "hook": hook.id,
    }


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A cassette, and what the program saw while it was recorded."""
    folder = tmp_path_factory.mktemp("recorded")
    file = folder / "run.cassette"
    with ExitStack() as stack:
        api = stack.enter_context(running(token=TOKEN, speed=100))
        proxy = stack.enter_context(recording(api.url, file))
        client = stack.enter_context(Geopera(token=TOKEN, **proxy.client_options))
        seen = session(client, folder)
    return file, seen


@pytest.mark.slow
def test_a_recorded_run_plays_without_the_api(recorded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    file, seen = recorded
    with replaying(file) as player, Geopera(**player.client_options) as client:
        assert session(client, tmp_path) == seen
        assert not player.unknown
    with replaying(file) as player, Geopera(**player.client_options) as client:  # and again
        assert session(client, tmp_path) == seen


def test_no_secret_is_in_the_file(recorded: tuple[Path, dict[str, Any]]) -> None:
    text = recorded[0].read_text()
    for secret in (TOKEN, "Bearer", "authorization", "whsec_", "signature=", "127.0.0.1", "localhost"):
        assert secret not in text, secret
    assert stat.S_IMODE(recorded[0].stat().st_mode) == 0o600
    assert '"***"' in text
    for line in text.splitlines()[1:]:
        assert set(json.loads(line)) == {"request", "response"}


def test_what_was_not_recorded_is_a_clear_error(recorded: tuple[Path, dict[str, Any]], capsys: Any) -> None:
    file = recorded[0]
    with pytest.raises(CassetteError, match="limit was 3, is 4"):  # noqa: SIM117
        with replaying(file) as player, Geopera(**player.client_options) as client:
            with pytest.raises(errors.APIError) as caught:
                client.catalog.search(host_name="earthsearch-aws", limit=4)
            assert caught.value.status_code == 501
            assert "limit was 3, is 4" in str(caught.value)
            with pytest.raises(errors.APIError, match="no request of it"):
                client.billing.credits.balance()
            assert len(player.unknown) == 2  # nothing was retried
    assert "not recorded: catalog.search" in capsys.readouterr().err


async def async_page(options: dict[str, Any], **more: Any) -> list[str]:
    async with AsyncGeopera(**options, **more) as client:
        found = await client.catalog.search(host_name="earthsearch-aws", limit=2)
        rows = [
            one async for one in client.catalog.search_stream({"host_name": "earthsearch-aws", "limit": 2})
        ]
    return [one.id for one in found.features] + [row["id"] for row in rows]


def test_async_and_streams(tmp_path: Path) -> None:
    import asyncio

    file = tmp_path / "async.cassette"
    with running() as api, recording(api.url, file) as proxy:
        seen = asyncio.run(async_page(proxy.client_options, token=api.token))
    with replaying(file) as player:
        assert asyncio.run(async_page(player.client_options)) == seen
    assert len(seen) == 4


def test_uploads_and_redirected_urls(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "upload.cassette"
    body = {"upload_id": "example-upload", "file_name": "a b.tif"}

    def put(url: str, token: str) -> int:
        with Api(url, token) as api:
            signed = api("uploads.signed_url", body)["upload_url"]
            assert signed.startswith(url)
            # Credentials are for the API alone: with them the store would refuse.
            return api.http.put(signed, content=b"\x00\xff" * 50).status_code

    with recording(sandbox.url, file) as proxy:
        assert put(proxy.url, sandbox.token) == 200
        with Api(proxy.url) as api:
            assert api.http.get("/__signed__/99/files/a").status_code == 404
    with replaying(file) as player:
        assert put(player.url, "any") == 200


def test_a_cassette_is_not_overwritten_and_not_guessed(tmp_path: Path, sandbox: Sandbox) -> None:
    file = tmp_path / "there"
    file.write_text("kept")
    with pytest.raises(CassetteError, match="exists already"), recording(sandbox.url, file):
        pass
    assert file.read_text() == "kept"
    with pytest.raises(ValueError, match="http"), recording("api.example", tmp_path / "other"):
        pass
    head = '{"format": "geopera-cassette", "version": 1}\n'
    for text in ("", "kept", "[]\n", '{"format": "geopera-cassette", "version": 9}\n', head + "{}\n"):
        file.write_text(text)
        with pytest.raises(CassetteError, match="not a cassette"), replaying(file):
            pass


def test_the_api_out_of_reach_and_a_proxy_of_itself(tmp_path: Path) -> None:
    with recording("http://127.0.0.1:9", tmp_path / "a") as proxy, Api(proxy.url) as api:
        assert api.problem(502, "catalog.hosts.list")["detail"].startswith("The API cannot be reached")
        assert not (tmp_path / "a").exists()  # what a proxy says of itself is not recorded
        proxy.upstream = proxy.url
        assert api.raw("catalog.hosts.list").status_code == 508
        assert api.raw("catalog.hosts.list", Host="evil.example").status_code == 421


@pytest.mark.parametrize(
    "value",
    [
        {"client_secret": "s3cret-value"},
        {"token": "s3cret-value", "tokens": ["s3cret-value"]},
        {"credentials": {"user": "s3cret-value", "more": ["s3cret-value"]}},
        {"accessToken": "s3cret-value", "API_KEY": "s3cret-value", "x-signature": "s3cret-value"},
        {"note": "Bearer s3cret-value-that-is-long"},
        {
            "note": [
                "https://user:s3cret-value@host/x",
                "see https://host/x?X-Amz-Signature=s3cret-value&y=1)",
            ]
        },
        {"note": "https://host/{z}/{x}.png?access_token=s3cret-value"},
        {"note": " ".join(f"{kind}_s3cret-value" for kind in ("gpra", "whsec", "sk_live", "pi_1_secret"))},
        {"note": "eyJhbGciOiJI.s3cret-value.s3cret"},
    ],
    ids=str,
)
def test_secrets_are_redacted_wherever_they_stand(value: Any) -> None:
    assert "s3cret" not in json.dumps(Redaction().data(value))
    assert "s3cret" not in Redaction().lines(f"data: {json.dumps(value)}\n")


def test_what_is_no_secret_stays() -> None:
    value = {
        "key": "data",
        "next": "OTk3",
        "credits": 5,
        "url": "https://host/x?limit=5",
        "id": "ord_123456789",
        "text": "Basic authentication, bearer of news",
        "secret": None,
    }
    assert Redaction().data(value) == value
    assert Redaction().data({"key": "gone"}, keys=True) == {"key": "***"}


def test_a_sign_in_leaves_no_token(tmp_path: Path) -> None:
    file = tmp_path / "oauth.cassette"
    place = "/realms/public/protocol/openid-connect"
    with ExitStack() as stack:
        server = stack.enter_context(running(approve=True))
        proxy = stack.enter_context(recording(server.url, file))
        http = stack.enter_context(httpx.Client(base_url=proxy.url, trust_env=False))
        device = http.post(f"{place}/auth/device", data={"client_id": "cli"}).json()
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        form = {"grant_type": grant, "device_code": device["device_code"], "client_id": "cli"}
        tokens = http.post(f"{place}/token", data=form).json()
    text = file.read_text()
    for secret in (
        device["device_code"],
        device["user_code"],
        tokens["access_token"],
        tokens["refresh_token"],
    ):
        assert secret not in text, secret


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["record", "replay"])
def test_the_command(mode: str, tmp_path: Path, sandbox: Sandbox) -> None:
    file = tmp_path / "run.cassette"
    if mode == "replay":
        with recording(sandbox.url, file) as proxy, Api(proxy.url) as api:
            api("catalog.hosts.list")
    options = [f"--{mode}", str(file), "--port", "0"]
    options += ["--upstream", sandbox.url] if mode == "record" else []
    command = [sys.executable, "-W", "error", "-m", "geopera", "sandbox", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            line = child.stdout.readline()
            with Api(line.strip().removeprefix("export GEOPERA_API_URL=")) as api:
                assert api("catalog.hosts.list")
            child.send_signal(signal.SIGTERM)
            _, problems = child.communicate(timeout=20)
        finally:
            child.kill()
    assert (child.returncode, problems) == (0, "")
    assert len(list(cassette.read(file))) == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--record", "FILE"], "exists already"),
        (["--replay", "FILE"], "not a cassette"),
        (["--record", "new", "--upstream", "api.example"], "http://"),
        (["--upstream", "http://x"], "--record"),
        (["--record", "a", "--replay", "b"], "not allowed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_one_line(options: list[str], text: str, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "there"
    file.write_text("kept")
    words = [str(file) if word == "FILE" else word for word in options]
    try:
        status = main(["sandbox", *words])
    except SystemExit as left:
        status = int(left.code or 0)
    out, err = capsys.readouterr()
    assert (status, out, len(err.splitlines())) == (2, "", 1), err
    assert text in err
    assert not Path("new").exists()
