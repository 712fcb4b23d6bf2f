"""Names on the pages are spelled as they are in the program: operations, modules, errors, commands, variables."""

from __future__ import annotations

import builtins
import functools
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from helpers.pages import NAMES, PAGES, ROOT

from geopera import errors, models, webhooks
from geopera._cli.main import parser
from geopera._loops.methods import Loops
from geopera.manifest import default

OPERATIONS = set(default().operations)
PARTS = {id[:end] for id in OPERATIONS for end in (*(m.start() for m in re.finditer(r"\.", id)), len(id))}
RESOURCES = {id.partition(".")[0] for id in OPERATIONS}
# What follows an operation's id: its methods, and its record in the manifest.
AFTER = {name for name in dir(Loops) if not name.startswith("_")} | {"operation", "stream"}
# Types of events, which look like ids of operations.
EVENTS = {f"{job}.job.{state}" for job in ("processing", "clip") for state in ("succeeded", "failed")}
ELSEWHERE = {"CancelledError", "ModuleNotFoundError", "UnicodeDecodeError", "JSONDecodeError"}
# Attributes of spans, and names of metrics.
SPANS = set(
    re.findall(
        r'"(geopera\.[\w.]+)"', (ROOT / "geopera" / "_call" / "telemetry.py").read_text(encoding="utf-8")
    )
)


def inline(page: Path) -> list[str]:
    """The inline code of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    return re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_operations_exist(page: Path) -> None:
    for code in inline(page):
        for path in re.findall(r"(?<![\w./\"'-])(?:client\.)?([a-z_]+(?:\.[a-z_]+)+)(?![\w/-]|\.\w)", code):
            head, _, last = path.rpartition(".")
            if path.partition(".")[0] not in RESOURCES or code.endswith((".md", ".py", ".json", ".csv")):
                continue
            known = path in PARTS or (head in OPERATIONS and last in AFTER) or path in EVENTS
            known = known or head.rpartition(".")[0] in OPERATIONS or hasattr(webhooks, last)
            assert known, f"{page.name}: {path!r} in `{code}` is no operation"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_modules_and_their_names_exist(page: Path) -> None:
    for code in inline(page):
        for path in re.findall(r"(?<![\w./@\"'-])(geopera(?:\.[A-Za-z_]\w*)+)", code):
            assert resolved(path), f"{page.name}: {path} does not exist"


@functools.cache
def resolved(path: str) -> bool:
    if path in SPANS:
        return True
    parts = path.split(".")
    found: Any = import_module(parts[0])
    for number, name in enumerate(parts[1:], 2):
        try:
            found = getattr(found, name)
        except AttributeError:
            try:
                found = import_module(".".join(parts[:number]))
            except ModuleNotFoundError:
                return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_errors_exist(page: Path) -> None:
    for code in inline(page):
        for name in re.findall(r"(?<![\w.])([A-Z]\w+(?:Error|Warning))\b", code):
            known = any(hasattr(place, name) for place in (errors, builtins, models)) or name in ELSEWHERE
            assert known, f"{page.name}: no error {name}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_and_targets_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    commands = {
        name
        for action in parser()._subparsers._group_actions
        for name in action.choices  # type: ignore[union-attr]
    }
    for command in re.findall(r"python -m geopera ([a-z][\w-]*)", text):
        assert command in commands, f"{page.name}: no command {command}"
    targets = set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for code in [*inline(page), *re.findall(r"^make [\w -]+", text, re.M)]:
        for target in re.findall(r"^make ([a-z][\w-]*)", code):
            assert target in targets, f"{page.name}: no target {target}"


@functools.cache
def variables() -> frozenset[str]:
    sources = [*(ROOT / "geopera").rglob("*.py"), ROOT / "Makefile", *(ROOT / "tests").rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in sources]
    # The options of the sandbox have a variable each, named by its end.
    options = re.findall(
        r'"(?:--)?([A-Za-z_-]+)"', (ROOT / "geopera" / "sandbox" / "cli.py").read_text(encoding="utf-8")
    )
    found = {name for text in texts for name in re.findall(r"GEOPERA_[A-Z_]+", text)}
    return frozenset(found | {f"GEOPERA_SANDBOX_{name.upper().replace('-', '_')}" for name in options})


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_variables_exist(page: Path) -> None:
    for name in re.findall(r"GEOPERA_[A-Z_]+", page.read_text(encoding="utf-8")):
        assert name in variables(), f"{page.name}: nothing reads {name}"
