"""The operation reference: complete, with anchors that stay, and with calls that the sandbox accepts."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from geopera import Geopera, Manifest
from geopera._cli.main import parser
from geopera._repl import reference
from geopera.manifest import default
from geopera.sandbox import example_body, running

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
    assert {page for page, _ in linked} == written.keys() - {"index.md"}


@pytest.mark.parametrize("id", IDS)
def test_the_calls_succeed_and_agree(written: dict[str, str], own: Any, id: str) -> None:
    text = section(written, id)
    first, second = blocks(text, "python")
    seen: dict[str, Any] = {}
    exec(first, {"client": own, "print": lambda record: seen.setdefault("record", record)}, seen)
    assert "record" in seen or "result" in seen
    compile(f"async def main(client):\n    {second.replace(chr(10), chr(10) + '    ')}\n", id, "exec")
    line, curl = (shlex.split(block) for block in blocks(text, "sh"))
    expected = example_body(id, default().to_dict()) or {}
    assert json.loads(curl[curl.index("-d") + 1]) == expected
    assert (json.loads(line[line.index("--json") + 1]) if "--json" in line else {}) == expected
    assert any(part.endswith(f"/v1/op/{id}") for part in curl)
    assert ("Idempotency-Key" in text) is default().operations[id].spends


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
