"""The documentation is true: its code runs, its links lead somewhere.

The ``python`` blocks of a page run in order, in one namespace, in a process of their own, against a sandbox
whose address and token are in the environment, as a reader would have them. A block is left out only
where an HTML comment before it says why (``<!-- not run: reason -->``); `test_what_is_not_run` lists them all.
``sh`` blocks are not run, unless a comment says ``<!-- run -->``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from geopera.sandbox import Sandbox

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

# Page -> how many of its python blocks are not run. Every one of them has its reason on the page.
NOT_RUN: dict[str, int] = {"docs/stubs.md": 1, "docs/testing.md": 1}


class Block(NamedTuple):
    language: str
    line: int  # of the first line of code
    code: str
    not_run: str | None  # why
    run: bool  # asked for


_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*$", re.M | re.S
)
_COMMENT = re.compile(r"<!--\s*(?P<word>not run|run)(?::\s*(?P<why>.*?))?\s*-->\s*\Z", re.S)


def blocks(page: Path) -> list[Block]:
    text, found, end = page.read_text(encoding="utf-8"), [], 0
    for match in _FENCE.finditer(text):
        comment = _COMMENT.search(text, end, match.start())
        word, why = (comment["word"], comment["why"]) if comment else (None, None)
        indent = match["indent"]
        code = "\n".join(line.removeprefix(indent) for line in match["code"].split("\n"))
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(match["language"], line, code, why if word == "not run" else None, word == "run"))
        end = match.end()
    return found


# A page's blocks, with the line numbers of the page; top-level `await` works, as it does in a notebook.
_RUNNER = """
import ast, asyncio, sys
runner = asyncio.Runner()
namespace = {"__name__": "__main__"}
sys.argv = ["page"]
source = sys.stdin.read()
for part in source.split(chr(0)):
    line, _, code = part.partition(":")
    tree = ast.parse(code, sys.argv[0])
    ast.increment_lineno(tree, int(line) - 1)
    made = eval(compile(tree, "PAGE", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), namespace)
    if made is not None:
        runner.run(made)
for name in [n for n in namespace if n != "__builtins__"]:
    value = namespace[name]
    if type(value).__module__.startswith("geopera") and hasattr(value, "aclose"):
        runner.run(value.aclose())
runner.close()
"""


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_code_of_a_page_runs(page: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    python = [block for block in blocks(page) if block.language in ("python", "py")]
    run = [block for block in python if block.not_run is None]
    if not run:
        pytest.skip("no code")
    # A page leaves its clients to the end of the program, as a session in the REPL does.
    source = "\0".join(f"{block.line}:{block.code}" for block in run)
    done = execute(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore::ResourceWarning",
            "-c",
            _RUNNER.replace("PAGE", page.name),
        ],
        source,
        sandbox,
        tmp_path,
    )
    assert done.returncode == 0, f"{page.name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert "Traceback" not in done.stderr, done.stderr[-4000:]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_of_a_page_that_are_to_be_run(page: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language not in ("python", "py") and block.run:
            done = execute(["sh", "-e", "-c", block.code], "", sandbox, tmp_path)
            assert done.returncode == 0, f"{page.name}, line {block.line}:\n{done.stderr[-4000:]}"


def execute(
    command: list[str], source: str, sandbox: Sandbox, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs a command in an empty folder, as somebody who has the package and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GEOPERA_")}
    return subprocess.run(
        command,
        input=source,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        cwd=folder,
        env={
            **kept,
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", ""),
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONUTF8": "1",
            "GEOPERA_API_URL": sandbox.url,
            "GEOPERA_API_TOKEN": sandbox.token,
        },
    )


def test_what_is_not_run() -> None:
    left_out: dict[str, int] = {}
    for page, name in zip(PAGES, NAMES, strict=True):
        for block in blocks(page):
            if block.language in ("python", "py") and block.not_run is not None:
                assert block.not_run.strip(), f"{name}, line {block.line}: say why it is not run"
                left_out[name] = left_out.get(name, 0) + 1
    assert left_out == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_says_its_language(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{page.name}, line {block.line}"
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))


_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    titles = re.findall(r"^#+ +(.+?)\s*$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in _LINK.findall(text):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), (
                f"{page.name} links to {link}; {target.name} has no such heading"
            )


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "index.md":
            assert f"({page.relative_to(ROOT / 'docs')})" in index, f"{page.name} is not in the index"


def test_the_design_page_shows_the_layout_as_it_is() -> None:
    from surface.test_house import FLOORS

    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = re.search(r"```text\n(geopera/\n.*?)```", text, re.S)
    assert drawn is not None
    for house, picture in zip(FLOORS, drawn[1].split("geopera/sandbox/\n"), strict=True):
        lines = [re.match(r"  ((?:\w+(?:\.py|/) *)+)", line) for line in picture.splitlines()]
        rooms = [{name.removesuffix(".py").rstrip("/") for name in m[1].split()} for m in lines if m]
        assert rooms == [set(line.split()) for line in reversed(FLOORS[house])]


def test_the_demo_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "docs" / "examples" / "pipeline.py")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for word in ("fulfilled", "succeeded", "webhook, signature checked", "charged once: True", "Done in"):
        assert word in done.stdout
