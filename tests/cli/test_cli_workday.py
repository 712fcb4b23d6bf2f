"""The command line of a working day: fields, pages, waiting, files, formats, and what a server may not do."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.sandbox_api import SCENE
from helpers.wire import Reply

from geopera._cli.doctor import without_secrets
from geopera._cli.fields import value_of
from geopera._cli.main import main
from geopera.manifest import bundled
from geopera.sandbox import Sandbox

EVIL = "\x1b]0;PWNED\x07\x1b[31m\u202eevil"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, tmp_path: Path
) -> Run:
    monkeypatch.setenv("GEOPERA_API_URL", sandbox.url)
    monkeypatch.setenv("GEOPERA_API_TOKEN", sandbox.token)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        printed, said = capsys.readouterr()
        assert "Traceback" not in said
        return status, printed, said

    return run


SEARCH = ("call", "catalog.search", "host_name=earthsearch-aws")


def test_fields_are_read_by_their_schemas(run: Run) -> None:
    status, printed, _ = run(
        *SEARCH, "limit=2", 'collections=["sentinel-2-l2a"]', 'query={"eo:cloud_cover": {"LT": 20}}'
    )
    assert status == 0
    assert len(json.loads(printed)["features"]) == 2
    status, _, said = run("call", "orders.get", "order_id=12345")
    assert (status, "12345" in said) == (6, True)
    assert run(*SEARCH, "limit")[0] == 2
    assert run(*SEARCH, "limit=1", "limit=2")[0] == 2
    assert run(*SEARCH, "bbox=1,2")[0] == 2
    assert run(*SEARCH, "--json", '{"host_name": "other"}')[0] == 2
    assert run(*SEARCH, "limit=many")[0] == 7
    assert run(*SEARCH, "limitt=1")[0] == 7


@pytest.mark.parametrize(
    ("name", "text", "schema", "value"),
    [
        ("order_id", "12345", {"type": "string"}, "12345"),
        ("order_id", "12345", None, "12345"),
        ("url", "https://host/x?a=b", {"type": "string"}, "https://host/x?a=b"),
        ("note", "true", {"anyOf": [{"type": "string"}, {"type": "null"}]}, "true"),
        ("limit", "5", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 5),
        ("limit", "null", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ("flag", "false", {"type": "boolean"}, False),
        ("ids", '["a"]', {"type": "array"}, ["a"]),
        ("kind", "7", {"enum": ["7", "8"]}, "7"),
        ("item_ids", '["a"]', None, ["a"]),
        ("amount", "500", None, 500),
        ("collection", "sentinel-2-l2a", None, "sentinel-2-l2a"),
    ],
)
def test_a_value_is_text_where_text_is_allowed(name: str, text: str, schema: Any, value: Any) -> None:
    found = value_of(name, text, schema, bundled())
    assert (found, type(found)) == (value, type(value))


def test_all_pages_and_some_items(run: Run) -> None:
    status, printed, _ = run(*SEARCH, "limit=100", "bbox=[151.18,-33.92,151.3,-33.84]", "--all")
    assert status == 0
    assert len(printed.splitlines()) > 250
    _, printed, _ = run(*SEARCH, "limit=2", "--max-items", 5, "--format", "json")
    assert len(json.loads(printed)) == 5
    assert run("call", "orders.get", "order_id=x", "--all")[0] == 2
    assert run(*SEARCH, "--max-items", 0)[0] == 2


def test_formats(run: Run) -> None:
    _, printed, _ = run(*SEARCH, "limit=3", "--format", "csv")
    head, *rows = csv.reader(io.StringIO(printed))
    assert head[0] == "id"
    assert "datetime" in head
    assert [len(row) for row in rows] == [len(head)] * 3
    _, printed, _ = run("call", "orders.list", "--format", "csv")
    rows = list(csv.reader(io.StringIO(printed)))
    assert len({len(row) for row in rows}) <= 1
    _, printed, _ = run(*SEARCH, "limit=3", "--format", "ndjson")
    assert [json.loads(line)["type"] for line in printed.splitlines()] == ["Feature"] * 3
    _, printed, _ = run(*SEARCH, "--max-items", 4, "--format", "geojson")
    collection = json.loads(printed)
    assert (collection["type"], len(collection["features"])) == ("FeatureCollection", 4)
    status, _, said = run("call", "billing.credits.balance", "--format", "geojson")
    assert (status, "no GeoJSON features" in said) == (2, True)
    _, printed, _ = run(*SEARCH, "limit=2", "--format", "table")
    assert "datetime" in printed.splitlines()[0]
    assert "more column" in printed


def test_a_query_finds(run: Run) -> None:
    _, printed, _ = run(*SEARCH, "limit=2", "--query", "features[].id")
    assert len(json.loads(printed)) == 2
    _, printed, _ = run(*SEARCH, "--max-items", 3, "--query", "length(@)")
    assert json.loads(printed) == 3
    assert run(*SEARCH, "--query", "][")[0] == 2


def test_waiting_ends_with_a_status(
    run: Run, make_sandbox: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_sandbox()
    monkeypatch.setenv("GEOPERA_API_URL", server.url)
    good, bad, slow = server.seed(orders=[{"status": "fulfilled"}, {"status": "failed"}, {}])["orders"]
    status, printed, _ = run("wait", "orders.get", f"order_id={good}")
    assert (status, json.loads(printed)["status"]) == (0, "fulfilled")
    assert run("wait", "orders.get", f"order_id={bad}")[0] == 8
    assert run("wait", "orders.get", f"order_id={slow}", "--timeout", "0.1")[0] == 8
    assert run("wait", "orders.archive.place")[0] == 2


def test_downloads_and_uploads(run: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    status, _, said = run(
        "download", "items.asset.download", f"item_id={SCENE}", "asset_id=red", "-o", folder
    )
    assert status == 0, said
    (file,) = folder.iterdir()
    assert file.read_bytes()[:4] == b"II*\x00"
    status, _printed, said = run("upload", file, "--project", "example-project")
    assert status == 0, said
    assert any(one.endswith(file.name) for one in sandbox.state.uploads)
    assert run("upload", tmp_path / "none.tif", "--project", "example-project")[0] == 1
    assert run("upload", file, "--project", "nobody")[0] == 6


def test_no_command_lists_the_commands(run: Run) -> None:
    _, printed, said = run()
    for name in ("ops", "call", "wait", "download", "upload", "doctor", "completion", "sandbox"):
        assert name in printed + said


def test_a_resource_is_described(run: Run) -> None:
    status, _, said = run("call", "catalog")
    assert status == 2
    assert "resource" in said
    assert "catalog.collections.list" in said


def test_a_wrong_base_url_names_the_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOPERA_API_URL", "api.example")
    status, _, said = run("call", "billing.credits.balance")
    assert (status, "GEOPERA_API_URL" in said, len(said.splitlines())) == (2, True, 1)


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (400, "application/problem+json", {"title": EVIL, "status": 400, "detail": EVIL}),
        (422, "application/json", {"detail": [{"loc": ["body", EVIL], "msg": EVIL, "type": EVIL}]}),
        (500, "text/html", f"<h1>{EVIL}</h1>"),
        (200, "application/json", f"no JSON {EVIL}"),
        (200, "application/json", {"id": EVIL, "balance": EVIL}),
    ],
)
@pytest.mark.parametrize("format", ["auto", "table", "csv", "ndjson"])
def test_what_a_server_says_is_only_text(
    run: Run, serve: Any, monkeypatch: pytest.MonkeyPatch, status: int, kind: str, body: Any, format: str
) -> None:
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    wire = serve(lambda asked: Reply(content, status=status, type=kind))
    monkeypatch.setenv("GEOPERA_API_URL", wire.url)
    if format == "csv":
        monkeypatch.setattr("geopera._cli.show.to_person", lambda: True)
    _, printed, said = run("call", "billing.credits.balance", "--format", format)
    assert wire.asked
    assert "PWNED" in printed + said
    for character in ("\x1b", "\x07", "\u202e"):
        assert character not in printed + said


@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        ([""], "call", "catalog.search"),
        (["do"], "download", "call"),
        (["call", "catalog.se"], "catalog.search", "orders.get"),
        (["call", "catalog.search", ""], "host_name=", "--all"),
        (["wait", "orders.get", ""], "order_id=", "limit="),
        (["call", "catalog.search", "limit=1", "l"], None, "limit="),
        (["call", "catalog.search", "--a"], "--all", "--query"),
        (["describe", "catalog.search", ""], None, "host_name="),
        (["call", "catalog.search", "--output", ""], None, "host_name="),
        (["manifest", ""], "refresh", "catalog.search"),
        (["upload", ""], None, "catalog.search"),
        (["nonsense", ""], None, "call"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_completion_knows_what_fits(run: Run, words: list[str], some: str | None, none: str) -> None:
    status, printed, said = run("completion", "words", "--", *words)
    assert (status, said) == (0, "")
    assert some is None or some in printed.splitlines()
    assert none not in printed.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_scripts(run: Run, tmp_path: Path, shell: str) -> None:
    status, printed, _ = run("completion", shell)
    assert (status, "completion words" in printed) == (0, True)
    if shutil.which(shell):
        script = tmp_path / shell
        script.write_text(printed)
        subprocess.run([shell, "-n", str(script)], check=True, timeout=30)
    assert run("completion", shell, "--name", "a; rm")[0] == 2
    assert run("completion", shell, "more")[0] == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(run: Run, tmp_path: Path) -> None:
    script = run("completion", "bash")[1]
    ask = (
        'COMP_WORDS=(gp call catalog.fed); COMP_CWORD=2; _gp_complete; echo "${COMPREPLY[@]}"; '
        'COMP_WORDS=(gp call orders.get ""); COMP_CWORD=3; _gp_complete 2>/dev/null; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["catalog.federated_search", "order_id="]


def test_login_points_to_the_official_command_line(run: Run) -> None:
    status, printed, said = run("login")
    assert (status, printed) == (2, "")
    assert "geopera-cli" in said


def test_doctor_tells_no_secret(run: Run, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HTTP_PROXY", "http://user:proxy-password@proxy.example:3128/?sig=signed-query")
    status, printed, _ = run("doctor")
    found = json.loads(printed)
    assert status == 0
    assert (found["credentials"], found["token"], found["clock"]) == (
        "GEOPERA_API_TOKEN",
        "accepted",
        "right",
    )
    assert found["reachable"].startswith("yes")
    monkeypatch.setenv("GEOPERA_API_URL", "http://me:url-password@127.0.0.1:9/?token=signed-query")
    status, unreached, said = run("doctor")
    assert status == 10
    for secret in (sandbox.token, "proxy-password", "url-password", "signed-query"):
        assert secret not in printed + unreached + said
    monkeypatch.setenv("GEOPERA_API_URL", sandbox.url)
    monkeypatch.setenv("GEOPERA_API_TOKEN", "another")
    assert run("doctor")[0] == 4


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a:b@h:1/x?y=z#q", "http://***@h:1/x?***"),
        ("user:password@proxy:80", "//***@proxy:80"),
        ("http://[::1", "(not a URL)"),
        ("h", "//h"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert without_secrets(url).removeprefix("//") == shown.removeprefix("//")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_tables_in_encodings_without_box_drawing(run: Run, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "geopera", *SEARCH, "limit=1", "--format", "table"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.decode(encoding).splitlines()
    assert set(lines[1]) <= {"-", " "}
    assert max(map(len, lines[:3])) <= 80


def test_the_command_that_is_described_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import shlex

    monkeypatch.setattr("geopera._cli.show.to_person", lambda: True)
    for id_ in ("catalog.search", "billing.topup", "billing.credits.balance", "alerts.create_rule"):
        _, printed, _ = run("describe", id_)
        words = shlex.split(printed.strip().splitlines()[-1])
        assert words[:5] == ["python", "-m", "geopera", "call", id_]
        assert run(*words[3:])[0] in (0, 7, 11), id_


def test_a_profile_is_used(
    run: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials.json"
    monkeypatch.setattr("geopera._auth.store.path", lambda: str(file))
    monkeypatch.delenv("GEOPERA_API_TOKEN")
    monkeypatch.delenv("GEOPERA_API_URL")
    auth = {"type": "api_key", "api_key": sandbox.token}
    file.write_text(json.dumps({"work": {"api_url": sandbox.url, "auth": auth}}))
    status, printed, said = run("call", "billing.credits.balance", "--profile", "work")
    assert (status, said) == (0, "")
    assert json.loads(printed)["credits"] > 0
    status, printed, said = run("call", "billing.credits.balance", "--profile", "nobody")
    assert (status, printed) == (4, "")
    assert "nobody" in said
    status, printed, _ = run("doctor", "--profile", "work")
    assert (status, json.loads(printed)["credentials"]) == (0, "--profile")


def test_json_is_the_body_in_every_command(run: Run) -> None:
    """Formats are `--format`; `--json` takes a body wherever it is."""
    from geopera._cli.main import parser

    commands = [[name] for name in parser().parse_args(["completion", "bash"]).parsers]
    actions = run("completion", "words", "--", "manifest", "")[1].split()
    assert "diff" in actions
    for words in [*commands, *(["manifest", action] for action in actions)]:
        text = run(*words, "--help")[1]
        assert "usage" in text
        assert "--json BODY" in text or "--json" not in text, words


DELETE = ("call", "items.delete", "item_id=example-item")


@pytest.mark.parametrize(
    ("status", "http", "command"),
    [
        (0, None, DELETE),
        (1, None, ("ops", "nothing-has-this-name")),
        (1, None, ("call", "orders.get", "--json", "@/nowhere/body.json")),
        (2, None, ("call", "no.such")),
        (3, None, ("manifest", "check", "NOT-JSON")),
        (4, 401, DELETE),
        (5, 403, DELETE),
        (6, 404, DELETE),
        (6, 410, DELETE),
        (7, 400, DELETE),
        (7, 422, DELETE),
        (7, None, ("call", "orders.get")),
        (8, None, ("wait", "orders.get", "order_id=FAILED")),
        (9, 500, DELETE),
        (9, 501, DELETE),
        (10, 0, DELETE),
        (11, 402, DELETE),
        (12, 409, DELETE),
        (13, 429, DELETE),
    ],
    ids=str,
)
def test_every_exit_status_can_be_reached(
    run: Run,
    make_sandbox: Callable[..., Sandbox],
    tmp_path: Path,
    status: int,
    http: int | None,
    command: Any,
) -> None:
    file = tmp_path / "not.json"
    file.write_text("no")
    words = [str(file) if word == "NOT-JSON" else word for word in command]
    if http is not None or "FAILED" in str(words):
        server = make_sandbox()
        words += ["--base-url", server.url]
        failed = server.seed(orders=[{"status": "failed"}])["orders"][0]
        words = [word.replace("FAILED", failed) for word in words]
        if http == 0:
            server.cut("items.delete", times=None)
        elif http:
            server.fail("items.delete", status=http, times=None, headers={"Retry-After": "0"})
    ended, printed, said = run(*words)
    assert ended == status, said
    if status:
        assert (printed, len(said.splitlines())) == ("", 1) or words[0] in ("manifest", "ops")
