"""The command line: what it prints, where, and the exit status."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest
from helpers.changed_api import NEW, NEW_SPENDING, REMOVED, changed_manifest, openapi
from helpers.small_manifest import small_manifest

from geopera._cli.main import main
from geopera.manifest import bundled, bundled_bytes
from geopera.tracking import cache
from geopera.tracking.compile import dump

TOKEN = "test-token-that-must-not-be-printed"


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    monkeypatch.delenv("GEOPERA_API_URL", raising=False)


@pytest.fixture
def run(capsys):
    """Runs a command: (exit status, what it printed, what it said on standard error)."""

    def run(*arguments):
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as end:
            status = end.code
        printed, said = capsys.readouterr()
        assert "Traceback" not in said
        assert TOKEN not in printed + said
        return status, printed, said

    return run


@pytest.fixture
def api(sandbox, monkeypatch):
    monkeypatch.setenv("GEOPERA_API_URL", sandbox.url)
    monkeypatch.setenv("GEOPERA_API_TOKEN", sandbox.token)
    return sandbox


@pytest.fixture
def old_and_new(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_bytes(dump(small_manifest()))
    new.write_bytes(dump(changed_manifest(small_manifest())))
    return old, new


def in_terminal(*arguments, **env):
    """(exit status, what a person sees) of a command in a terminal of 100 columns."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "geopera", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "COLUMNS": "100", **env},
    )
    os.close(follower)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                part = os.read(leader, 65_536)
            except OSError:
                break
            if not part:
                break
            seen += part
        elif process.poll() is not None:
            break
    os.close(leader)
    return process.wait(10), seen.decode().replace("\r\n", "\n")


# ops and describe


def test_ops_lists_all_as_json_in_a_pipe(run):
    status, printed, _ = run("ops")
    listed = json.loads(printed)
    assert status == 0
    assert {one["id"] for one in listed} == set(bundled().operations)
    assert all(one["summary"] for one in listed)
    assert len(printed.splitlines()) == len(listed)


@pytest.mark.parametrize(
    ("pattern", "some", "none"),
    [
        ("catalog", "catalog.search", "orders.get"),
        ("orders.*.place", "orders.archive.place", "orders.get"),
        ("CATALOG.SEARCH", "catalog.search", "orders.get"),
        ("cloud cover", "catalog.search", "orders.get"),
    ],
)
def test_ops_takes_a_part_or_a_pattern(run, pattern, some, none):
    status, printed, _ = run("ops", pattern)
    ids = {one["id"] for one in json.loads(printed)}
    assert status == 0
    assert some in ids
    assert none not in ids


def test_ops_without_a_match_says_so(run):
    status, printed, said = run("ops", "no such thing")
    assert (status, json.loads(printed)) == (1, [])
    assert "no operation matches" in said


def test_ops_in_a_terminal_is_a_table():
    status, seen = in_terminal("ops", "clip")
    assert status == 0
    assert re.search(r"^clip\.job\.get +\w", seen, re.M)
    assert re.search(r"^\d+ of \d+ operations$", seen, re.M)
    assert all(len(line) <= 100 for line in seen.splitlines())


def test_describe_as_json(run):
    status, printed, _ = run("describe", "catalog.search")
    told = json.loads(printed)
    fields = {field["name"]: field for field in told["fields"]}
    assert status == 0
    assert told["scope"] == "catalog:read"
    assert told["side_effect"] == "read"
    assert told["example"].startswith("client.catalog.search(host_name=")
    assert fields["host_name"]["required"]
    assert fields["limit"]["default"] == 100
    assert fields["limit"]["limits"] == ["≥ 1", "≤ 500"]
    assert fields["datetime_"]["wire"] == "datetime"


def test_describe_in_a_terminal():
    status, seen = in_terminal("describe", "catalog.search")
    assert status == 0
    for part in (
        "host_name",
        "required",
        "default 100",
        "catalog:read",
        "read:",
        "Example:",
        "CatalogSearchOutput",
    ):
        assert part in seen
    assert "python -m geopera call catalog.search" in seen
    # An operation without described fields takes a body too.
    assert "call orders.archive.place --json" in in_terminal("describe", "orders.archive.place")[1]


def test_describe_a_resource_and_an_unknown_name(run):
    status, printed, _ = run("describe", "catalog")
    assert status == 0
    assert "catalog.search" in {one["id"] for one in json.loads(printed)}
    status, _, said = run("describe", "catalog.serch")
    assert status == 2
    assert "did you mean 'catalog.search'" in said
    assert len(said.splitlines()) == 1


# call


def test_call_prints_json_in_a_pipe(run, api):
    status, printed, _ = run(
        "call", "catalog.search", "--json", '{"host_name": "earthsearch-aws", "limit": 2}'
    )
    assert status == 0
    assert len(json.loads(printed)["features"]) == 2


@pytest.mark.slow
def test_call_reads_a_file_and_standard_input(run, api, tmp_path, monkeypatch):
    body = b'{"host_name": "earthsearch-aws", "limit": 1}'
    (tmp_path / "body.json").write_bytes(body)
    status, printed, _ = run("call", "catalog.search", "--json", f"@{tmp_path / 'body.json'}")
    assert (status, len(json.loads(printed)["features"])) == (0, 1)
    done = subprocess.run(
        [sys.executable, "-m", "geopera", "call", "catalog.search", "--json", "-"],
        input=body,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert len(json.loads(done.stdout)["features"]) == 1


@pytest.mark.slow
def test_call_in_a_terminal_is_a_table(api):
    body = '{"host_name": "earthsearch-aws", "limit": 3}'
    status, seen = in_terminal("call", "catalog.search", "--json", body)
    assert status == 0
    assert re.search(r"^id +", seen, re.M)
    assert "3 records" in seen
    assert len(re.findall(r"^S2\w+ ", seen, re.M)) == 3
    assert all(len(line) <= 100 for line in seen.splitlines() if "next:" not in line)
    status, seen = in_terminal("call", "catalog.search", "--json", body, "--format", "json")
    assert status == 0
    assert len(json.loads(seen)["features"]) == 3


@pytest.mark.slow
def test_call_streams_a_line_for_each_record(api):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "geopera",
            "call",
            "catalog.search_stream",
            "--json",
            '{"host_name": "earthsearch-aws"}',
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) > 1
    assert all(record["id"] for record in records)


@pytest.mark.slow
def test_call_writes_what_is_not_json_as_it_is(run, api, tmp_path):
    picture = tmp_path / "picture"
    operation = next(op for op in bundled().operations.values() if op.id == "cog.thumbnail")
    body = json.dumps(_example(operation))
    status, _, said = run("call", operation.id, "--json", body, "--output", picture)
    assert status == 0, said
    assert picture.stat().st_size > 20
    done = subprocess.run(
        [sys.executable, "-m", "geopera", "call", operation.id, "--json", body],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert len(done.stdout) > 20
    assert done.stdout[:4] == picture.read_bytes()[:4]


def _example(operation):
    from geopera._repl.operations import example_value, fields

    manifest = bundled()
    found = [field for field in fields(manifest, operation) if field.required]
    return {field.wire: example_value(field.schema, manifest.schemas) for field in found}


def test_call_sends_an_idempotency_key(run, api):
    body = json.dumps(
        {
            "collection": "sentinel-2-l2a",
            "item_ids": ["S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"],
        }
    )
    arguments = ("call", "orders.archive.place", "--json", body, "--idempotency-key", f"key-{time.time_ns()}")
    first, second = run(*arguments), run(*arguments)
    assert first[0] == second[0] == 0
    assert json.loads(first[1])["id"] == json.loads(second[1])["id"]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["catalog.search", "--json", "{"], 2, "not JSON"),
        (["catalog.search", "--json", "[1]"], 2, "not a JSON object"),
        (["catalog.search", "--json", '{"limit": NaN}'], 2, "NaN"),
        (["catalog.search", "--json", "@/nowhere/body.json"], 1, "/nowhere/body.json"),
        (["catalog.serch"], 2, "catalog.search"),
        (["catalog.search", "--json", '{"host_nam": "x"}'], 7, "host_name"),
        (["catalog.search", "--timeout", "soon"], 2, "seconds"),
        (["catalog.search", "--idempotency"], 2, "--help"),
        (["orders.get", "--json", '{"order_id": "00000000-0000-4000-8000-000000000000"}'], 6, "404"),
        (["some.new.op", "--unlisted"], 6, "404"),
    ],
)
def test_errors_of_call_are_one_line_and_a_status(run, api, arguments, status, text):
    ended, printed, said = run("call", *arguments)
    assert (ended, printed) == (status, "")
    assert text in said
    assert len(said.splitlines()) == 1


def test_more_statuses(run, api, monkeypatch, make_sandbox):
    body = '{"host_name": "earthsearch-aws"}'
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    assert run("call", "catalog.search", "--json", body)[0] == 4
    assert (
        run("call", "catalog.search", "--json", body, "--base-url", "http://127.0.0.1:9", "--timeout", "1")[0]
        == 10
    )
    poor = make_sandbox(credits=0)
    monkeypatch.setenv("GEOPERA_API_TOKEN", poor.token)
    order = '{"collection": "sentinel-2-l2a", "item_ids": ["S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"]}'
    assert run("call", "orders.archive.place", "--json", order, "--base-url", poor.url)[0] == 11


def test_every_kind_of_error_has_a_status_of_its_own_or_a_relatives():
    from geopera import errors
    from geopera._cli.errors import exit_status

    for name in errors.__all__:
        cls = getattr(errors, name)
        if issubclass(cls, errors.GeoperaError):
            assert 1 <= exit_status(cls("x")) <= 13
    assert exit_status(errors.APITimeoutError("x")) == 10
    assert exit_status(ValueError("x")) == 1


def test_a_bug_is_one_line_too(run, monkeypatch):
    from geopera._cli import explore

    def broken(*_):
        raise RuntimeError(f"it broke\nwith {TOKEN}")

    monkeypatch.setattr(explore, "in_use", broken)
    status, _, said = run("ops")
    assert (status, said) == (1, "geopera: RuntimeError: it broke with ***\n")


@pytest.mark.filterwarnings("always")
def test_a_warning_is_one_line(run, monkeypatch):
    import warnings

    from geopera._cli import explore

    def warned(*_):
        warnings.warn(f"odd\nanswer, {TOKEN}", stacklevel=1)
        return bundled()

    monkeypatch.setattr(explore, "in_use", warned)
    status, _, said = run("ops", "catalog")
    assert (status, said) == (0, "geopera: warning: odd answer, ***\n")


def test_control_characters_of_a_server_do_not_reach_the_terminal(capsys):
    from geopera._cli import show

    show.write("a\x1b[31mred\x07")
    assert "\x1b" not in capsys.readouterr().out


# manifest


@pytest.mark.slow
def test_compile_writes_or_prints_a_manifest(run, tmp_path):
    source = tmp_path / "openapi.json"
    source.write_text(json.dumps(openapi(changed_manifest(small_manifest()))))
    status, printed, said = run("manifest", "compile", source, "--output", tmp_path / "made.json")
    assert (status, printed) == (0, "")
    assert "operations" in said
    status, printed, _ = run("manifest", "compile", source, "--output", "-")
    assert printed.encode() == (tmp_path / "made.json").read_bytes()
    assert NEW in json.loads(printed)["operations"]


@pytest.mark.slow
def test_refresh_shows_the_difference_and_installs_it(run, make_sandbox, monkeypatch):
    server = make_sandbox()
    server.use_manifest(changed_manifest())
    status, printed, said = run("manifest", "refresh", "--base-url", server.url, "--dry-run")
    assert status == 0
    assert f"+ {NEW}" in printed
    assert f"- {REMOVED}" in printed
    assert "dry-run" in said
    assert cache.read(server.url) is None
    status, printed, said = run("manifest", "refresh", "--base-url", server.url, "--format", "json")
    assert status == 0
    assert json.loads(printed)["added"] == [NEW, NEW_SPENDING]
    assert cache.read(server.url).file in said
    # Another process has it, by the environment or by the option.
    done = subprocess.run(
        [sys.executable, "-m", "geopera", "ops", "weather", "--base-url", server.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert {one["id"] for one in json.loads(done.stdout)} == {NEW, NEW_SPENDING}
    status, _, said = run("manifest", "reset", "--base-url", server.url)
    assert (status, cache.read(server.url)) == (0, None)
    assert "removed" in said
    assert "no refreshed manifest" in run("manifest", "reset")[2]


def test_refresh_from_a_file_and_to_a_file(run, tmp_path):
    source, target = tmp_path / "openapi.json", tmp_path / "made.json"
    source.write_text(json.dumps(openapi(changed_manifest(small_manifest()))))
    status, printed, _ = run("manifest", "refresh", "--from", source, "--output", target)
    assert status == 0
    assert f"+ {NEW}" in printed
    assert NEW in json.loads(target.read_bytes())["operations"]
    assert cache.read("https://api.geopera.com") is None
    assert run("manifest", "refresh", "--from", source)[0] == 0
    assert NEW in json.loads(cache.read("https://api.geopera.com").data)["operations"]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--from", "/nowhere.json"], 3, "/nowhere.json"),
        (["--base-url", "http://127.0.0.1:9"], 10, "cannot be reached"),
        (["--base-url", "nonsense"], 1, "base_url"),
    ],
)
def test_a_refresh_that_fails_is_one_line(run, arguments, status, text):
    ended, printed, said = run("manifest", "refresh", *arguments)
    assert (ended, printed) == (status, "")
    assert text in said
    assert len(said.splitlines()) == 1


def test_refresh_of_damaged_documents(run, tmp_path):
    for data in (
        b"",
        b"<html>",
        b'{"openapi": "3.1.0"}',
        json.dumps(openapi(changed_manifest(small_manifest()))).encode()[:-9],
    ):
        (tmp_path / "bad.json").write_bytes(data)
        status, _, said = run("manifest", "refresh", "--from", tmp_path / "bad.json")
        assert status == 3
        assert "nothing was changed" in said
        assert len(said.splitlines()) == 1


def test_diff_as_text_json_and_status(run, old_and_new):
    old, new = old_and_new
    status, printed, _ = run("manifest", "diff", old, new)
    assert status == 1  # an operation was removed
    assert f"- {REMOVED}" in printed
    assert "breaking" in printed
    status, printed, _ = run("manifest", "diff", old, new, "--format", "json")
    told = json.loads(printed)
    assert (told["added"], told["removed"], told["breaking"]) == ([NEW, NEW_SPENDING], [REMOVED], True)
    assert any(c["where"] == "input.season" and not c["breaking"] for c in told["changes"])
    status, printed, _ = run("manifest", "diff", old, new, "--format", "markdown")
    assert status == 1
    assert printed.startswith("# Changes of the API\n")
    assert run("manifest", "diff", old, new, "--fail-on", "never")[0] == 0
    assert run("manifest", "diff", old, old)[:2] == (0, "no changes\n")
    assert run("manifest", "diff", "bundled", "current", "--fail-on", "any")[0] == 0
    assert run("manifest", "diff", old, "/nowhere.json")[0] == 2


def test_compatible_changes_pass_unless_any_is_asked_for(run, old_and_new, tmp_path):
    old, _ = old_and_new
    document, before = changed_manifest(small_manifest()), small_manifest()
    document["operations"][REMOVED] = before["operations"][REMOVED]
    document["schemas"] = {**before["schemas"], **document["schemas"]}
    added = tmp_path / "added.json"
    added.write_bytes(dump(document))
    assert run("manifest", "diff", old, added)[0] == 0
    assert run("manifest", "diff", old, added, "--fail-on", "any")[0] == 1
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(openapi(document)))
    assert run("manifest", "diff", old, described)[0] == 0


def test_check(run, old_and_new, tmp_path):
    status, printed, _ = run("manifest", "check", old_and_new[0])
    assert status == 0
    assert "valid manifest" in printed
    bad = changed_manifest(small_manifest())
    bad["schemas"]["ForecastGetInput"]["type"] = "objet"
    (tmp_path / "bad.json").write_bytes(dump(bad))
    status, printed, said = run("manifest", "check", tmp_path / "bad.json")
    assert status == 3
    assert "ForecastGetInput" in printed
    assert said.endswith("1 problem\n")
    # Two that cannot be compared are not taken for two of which one breaks callers.
    status, printed, said = run("manifest", "diff", old_and_new[0], tmp_path / "bad.json")
    assert (status, printed) == (2, "")
    assert "ForecastGetInput" in said
    (tmp_path / "cut.json").write_bytes(bundled_bytes()[:-100])
    assert run("manifest", "check", tmp_path / "cut.json")[0] == 3


def test_show(run, tmp_path):
    status, printed, _ = run("manifest", "show")
    told = json.loads(printed)
    assert status == 0
    assert told["source"] == "the package"
    assert told["operations"] == len(bundled().operations)
    assert told["cache"].startswith(str(tmp_path))
    status, printed, _ = run("manifest", "show", "--content")
    assert json.loads(printed)["operations"].keys() == bundled().operations.keys()


def test_usage(run):
    assert run()[0] == 2
    assert run("nonsense")[0] == 2
    assert run("--help")[0] == 0
    assert run("--version")[1].startswith("geopera ")
    for command in ("ops", "describe", "call", "manifest", "stubs", "sandbox"):
        status, printed, _ = run(command, "--help")
        assert status == 0
        assert printed.startswith("usage: python -m geopera")


def test_looking_around_imports_no_model_and_no_http():
    code = (
        "import sys; from geopera._cli.main import main; main(['describe', 'catalog.search']);"
        "print(sorted({'httpx', 'pydantic', 'jsonschema', 'asyncio', 'uvicorn', 'starlette'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.strip() == "[]"
