"""The code of the documentation runs.

The ``python`` blocks of a page run in order, in one namespace, in a process of their own, against a sandbox
whose address and token are in the environment, as a reader would have them. A block is left out only
where an HTML comment before it says why (``<!-- not run: reason -->``); `test_what_is_not_run` lists them all.
``sh`` blocks are not run, unless a comment says ``<!-- run -->``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.pages import NAMES, PAGES, ROOT, PageServer, blocks, environment, needs

from geopera.sandbox import Sandbox

# Page -> how many of its python blocks are not run. Every one of them has its reason on the page.
NOT_RUN: dict[str, int] = {"docs/stubs.md": 1, "docs/testing.md": 1}


# The pages that a newcomer reads first. The others are among the slow tests.
FIRST = ("README.md", "docs/quickstart.md", "docs/pipeline.md", "docs/errors.md")


def case(page: Path) -> Any:
    """A page as a parameter."""
    name = str(page.relative_to(ROOT))
    return pytest.param(page, id=name, marks=[] if name in FIRST else [pytest.mark.slow])


WITH_CODE = [case(page) for page in PAGES if any(block.language == "python" for block in blocks(page))]
WITH_COMMANDS = [case(page) for page in PAGES if any(block.run for block in blocks(page))]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    server = PageServer(tmp_path_factory.mktemp("pages"))
    yield server
    server.close()


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs(page: Path, pages: PageServer, sandbox: Sandbox, tmp_path: Path) -> None:
    for module in needs(page):
        pytest.importorskip(module)
    run = [block for block in blocks(page) if block.language == "python" and block.not_run is None]
    source = "\0".join(f"{block.line}:{block.code}" for block in run)
    done = pages.run("page", source, page.name, sandbox, tmp_path)
    assert done.status == 0, f"{page.name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert "Traceback" not in done.stderr, done.stderr[-4000:]


@pytest.mark.slow  # each command starts a Python
@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_that_are_to_be_run(page: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language not in ("python", "py") and block.run:
            done = subprocess.run(
                ["sh", "-e", "-c", block.code],
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=120,
                cwd=tmp_path,
                env=environment(sandbox, tmp_path),
            )
            assert done.returncode == 0, f"{page.name}, line {block.line}:\n{done.stderr[-4000:]}"


def test_what_is_not_run() -> None:
    left_out: dict[str, int] = {}
    for page, name in zip(PAGES, NAMES, strict=True):
        for block in blocks(page):
            if block.language in ("python", "py") and block.not_run is not None:
                assert block.not_run.strip(), f"{name}, line {block.line}: say why it is not run"
                left_out[name] = left_out.get(name, 0) + 1
    assert left_out == NOT_RUN


@pytest.mark.slow
def test_the_demo_runs(pages: PageServer, sandbox: Sandbox, tmp_path: Path) -> None:
    script = ROOT / "docs" / "examples" / "pipeline.py"
    done = pages.run("script", script, "pipeline.py", sandbox, tmp_path)
    assert done.status == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for word in (
        "fulfilled",
        "succeeded",
        "webhook, signature checked",
        "charged once: True",
        "Done in",
        "Next, a sandbox",
    ):
        assert word in done.stdout
