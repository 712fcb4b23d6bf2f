"""The operation reference: complete, with anchors that stay, and with calls that the sandbox accepts."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from helpers.sample import sampled

from geopera import AsyncGeopera, Geopera, Manifest
from geopera._cli.main import parser
from geopera._repl import reference
from geopera.manifest import default
from geopera.sandbox import running

ROOT = Path(__file__).parent.parent.parent
IDS = sorted(default().operations)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reference")
    args = parser().parse_args(["docs", "--out", str(folder)])
    assert args.run(args) == 0
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.fixture(scope="module")
def own() -> Iterator[Any]:
    with running(speed=1000, credits=1_000_000_000) as server, Geopera(server.token, server.url) as client:
        yield client


def section(written: dict[str, str], id: str) -> str:
    page, _, anchor = reference.link(id).partition("#")
    _, found, rest = written[page].partition(f"## {id} {{#{anchor}}}\n")
    assert found, f"{id} has no section"
    return rest.partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def test_every_operation_is_described_once(written: dict[str, str]) -> None:
    anchors = [found for text in written.values() for found in re.findall(r"^## .* \{#(.+)\}$", text, re.M)]
    assert sorted(anchors) == IDS
    linked = re.findall(r"\]\((\w+\.md)#([\w.]+)\)", written["index.md"])
    assert sorted(id for _, id in linked) == IDS
    assert re.findall(r"\){#([\w.]+)}", written["index.md"]) == [id for _, id in linked]
    assert {page for page, _ in linked} == written.keys() - {"index.md"}


@pytest.fixture(scope="module")
def later(own: Any) -> Iterator[Any]:
    with asyncio.Runner() as runner:
        client = AsyncGeopera(own.client.token, own.client.base_url)
        yield client, runner
        runner.run(client.aclose())


@pytest.fixture(scope="module")
def curl(own: Any) -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.mark.parametrize("id", sampled(IDS))
def test_a_sync_and_an_async_call_succeed(written: dict[str, str], own: Any, later: Any, id: str) -> None:
    first, second = blocks(section(written, id), "python")
    assert second == first.replace("for ", "async for ", 1).replace("result = ", "result = await ", 1)
    seen: dict[str, Any] = {}
    exec(first, {"client": own, "print": lambda record: seen.setdefault("record", record)}, seen)
    assert "record" in seen or "result" in seen
    client, runner = later
    found: dict[str, Any] = {"client": client, "print": lambda record: found.setdefault("record", record)}
    made = eval(compile(second, id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), found)
    runner.run(made)
    assert "record" in found or "result" in found


@pytest.mark.parametrize("id", sampled(IDS))
def test_the_command_and_curl_succeed(
    written: dict[str, str],
    own: Any,
    curl: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    id: str,
) -> None:
    values = {"GEOPERA_API_URL": own.client.base_url, "GEOPERA_API_TOKEN": str(own.client.token)}
    values["GEOPERA_API_TOKEN"] = getattr(own.client.token, "get_secret_value", lambda: own.client.token)()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    command, request = blocks(section(written, id), "sh")
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "geopera", "call"]
    args = parser().parse_args(words[3:])
    assert args.run(args) == 0
    assert capfdbinary.readouterr().out

    words = [re.sub(r"\$(\w+)", lambda found: values[found[1]], word) for word in shlex.split(request)]
    words = [word.replace("$(uuidgen)", str(uuid4())) for word in words if word != "\n"]
    method, url, *options = words[2:]
    assert (words[:2], method) == (["curl", "-X"], "POST")
    headers = dict(options[n + 1].split(": ", 1) for n, word in enumerate(options) if word == "-H")
    response = curl.request(method, url, headers=headers, content=options[options.index("-d") + 1])
    assert response.status_code == default().operations[id].success_status, response.text
    assert ("Idempotency-Key" in headers) is default().operations[id].spends
    assert ("Authorization" in headers) is not default().operations[id].public


def test_what_a_section_says(written: dict[str, str]) -> None:
    search = section(written, "catalog.search")
    for word in (
        "`host_name`",
        "required",
        "**Paging**: by token",
        "422 `InvalidInputError`",
        "features",
        "Reads only",
    ):
        assert word in search, word
    assert "**May cost credits or money.**" in section(written, "orders.archive.place")
    assert "**Waiting**" in section(written, "orders.get")
    assert "async for record in" in section(written, "catalog.search_stream")


def test_help_and_describe_link_to_the_reference(own: Any, capsys: pytest.CaptureFixture[str]) -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    link = f"{urls['Documentation']}#orders.archive.place"
    assert f"Reference: {link}" in own.orders.archive.place.__doc__
    args = parser().parse_args(["describe", "orders.archive.place"])
    assert args.run(args) == 0
    assert json.loads(capsys.readouterr().out)["reference"] == link


def test_a_spending_operation_leads_to_its_price(written: dict[str, str]) -> None:
    text = section(written, "orders.archive.place")
    assert "[orders.archive.estimate](orders.md#orders.archive.estimate) gives the price." in text


def test_tables_and_fences_are_whole(written: dict[str, str]) -> None:
    for name, text in written.items():
        assert text.count("```") % 2 == 0, name
        widths = [
            (line, len(re.findall(r"(?<!\\)\|", line))) for line in text.splitlines() if line.startswith("|")
        ]
        assert {width for _, width in widths} <= {4, 5}, name


def test_a_refreshed_manifest_is_described(tmp_path: Path) -> None:
    document = default().to_dict()
    document["operations"] = {"new.thing.make": {"summary": "Make it | all", "input": {"type": "object"}}}
    made = dict(reference.pages(Manifest.from_dict(document), lambda id: None))
    assert set(made) == {"index.md", "new.md"}
    assert "## new.thing.make {#new.thing.make}" in made["new.md"]
    assert "Make it \\| all" in made["index.md"]


def test_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "geopera", "docs", "--out", str(tmp_path / "a" / "b")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "229 operations" in done.stderr
    assert (tmp_path / "a" / "b" / "orders.md").exists()
