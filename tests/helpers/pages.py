"""The pages of the documentation: their blocks of code, and a process that runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from geopera.sandbox import Sandbox

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))


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


def needs(page: Path) -> list[str]:
    """The modules that a page needs beside the package: ``<!-- needs: geopandas, pyarrow -->``."""
    found = re.search(r"<!-- needs: (.+?) -->", page.read_text(encoding="utf-8"))
    return found[1].split(", ") if found else []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    titles = re.findall(r"^#+ +(.+?)\s*$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def environment(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """That of somebody who has the package, a token, and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GEOPERA_")}
    return {
        **kept,
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", ""),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONUTF8": "1",
        "GEOPERA_API_URL": sandbox.url,
        "GEOPERA_API_TOKEN": sandbox.token,
    }


class Done(NamedTuple):
    status: int
    stdout: str
    stderr: str


class PageServer:
    """Runs pages, scripts and notebooks, each in a process forked from one that has imported their libraries."""

    def __init__(self, folder: Path) -> None:
        env = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder), "PYTHONUTF8": "1"}
        env |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            # A page leaves its clients to the end of the program, as a session in the REPL does.
            [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "helpers.page_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT / "tests",
            env=env,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(self, kind: str, source: Any, name: str, sandbox: Sandbox, folder: Path) -> Done:
        """Run in an empty folder. `source` is code, or the path of a script or notebook."""
        job = {"kind": kind, "source": str(source), "name": name, "folder": str(folder)}
        files = {stream: str(folder.parent / f"{folder.name}.{stream}") for stream in ("stdout", "stderr")}
        assert self._process.stdin is not None
        text = json.dumps({**job, **files, "environment": environment(sandbox, folder)})
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        status = int(self._line() or "-1")
        out, err = (Path(file).read_text(encoding="utf-8") for file in files.values())
        return Done(status, out, err)

    def close(self) -> None:
        self._process.communicate()
