"""The stubs, as type checkers see them: right code is accepted, wrong code is reported where it is wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.environments import ROOT, environment

from geopera.manifest import bundled
from geopera.tracking import stubs

pytestmark = pytest.mark.slow

TYPED = Path(__file__).parent / "typed"
RIGHT, WRONG = TYPED / "right.py", TYPED / "wrong.py"


def lines_that_are_wrong(*, mypy: bool) -> set[int]:
    numbered = enumerate(WRONG.read_text().splitlines(), 1)
    return {n for n, line in numbered if "# wrong" in line or (mypy and "# mypy alone" in line)}


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder with the code to check, and a Python environment that has the package and its stubs."""
    folder = tmp_path_factory.mktemp("typed")
    for file in (RIGHT, WRONG):
        shutil.copy(file, folder)
    python, site = environment(folder / "env")
    (site / "package.pth").write_text(f"{ROOT}\n")
    stubs.write(bundled(), site)
    return folder, python


@pytest.fixture(scope="session")
def mypy_says(project):
    """What mypy --strict reports: (file, line) -> messages."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    folder, python = project
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--no-error-summary",
         "--cache-dir", folder / "cache", "--hide-error-context", "right.py", "wrong.py"],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said: dict[tuple[str, int], list[str]] = {}
    for file, line, message in re.findall(r"^(\w+\.py):(\d+): error: (.*)$", done.stdout, re.M):
        said.setdefault((file, int(line)), []).append(message)
    assert said, done.stdout
    return said


@pytest.fixture(scope="session")
def pyright_says(project):
    """What pyright reports as errors, in its standard mode: (file, line) -> messages."""
    pytest.importorskip("pyright", reason="pyright is not installed")
    folder, python = project
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", python, "right.py", "wrong.py"],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    try:
        report = json.loads(done.stdout)
    except ValueError:
        pytest.skip(f"pyright does not start here: {(done.stderr or done.stdout).strip()[-300:]}")
    said: dict[tuple[str, int], list[str]] = {}
    for one in report["generalDiagnostics"]:
        if one["severity"] == "error":
            place = Path(one["file"]).name, one["range"]["start"]["line"] + 1
            said.setdefault(place, []).append(one["message"])
    return said


def of(said, file):
    return {line: messages for (name, line), messages in said.items() if name == file.name}


def test_mypy_accepts_right_code(mypy_says):
    assert of(mypy_says, RIGHT) == {}


def test_mypy_reports_wrong_code(mypy_says):
    assert of(mypy_says, WRONG).keys() == lines_that_are_wrong(mypy=True)


def test_pyright_accepts_right_code(pyright_says):
    assert of(pyright_says, RIGHT) == {}


def test_pyright_reports_wrong_code(pyright_says):
    assert of(pyright_says, WRONG).keys() == lines_that_are_wrong(mypy=False)


def test_mypy_names_what_is_misspelt(mypy_says):
    text = "\n".join(message for messages in of(mypy_says, WRONG).values() for message in messages)
    assert 'did you mean "host_name"' in text
    assert 'maybe "search"' in text
    assert "BodyDoesNotMatch" in text


@pytest.fixture(scope="session")
def others_say(project):
    """What ty and pyrefly report as errors, and of ty what is not awaited: checker -> {(file, line)}."""
    folder, python = project
    commands = {
        "ty": ["ty", "check", "--output-format", "concise", "--python", python.parent.parent],
        "pyrefly": ["pyrefly", "check", "--preset", "default", "--output-format", "min-text",
                    "--python-interpreter-path", python],
    }  # fmt: skip
    said: dict[str, set[tuple[str, int]]] = {}
    for checker, command in commands.items():
        pytest.importorskip(checker, reason=f"{checker} is not installed")
        command[0] = Path(sys.executable).with_name(checker)
        done = subprocess.run(
            [*command, "right.py", "wrong.py"],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        found = re.findall(
            r"(\w+\.pyi?):(\d+).*\b(?:error|unused-awaitable)\b|\bERROR\b.*?(\w+\.pyi?):(\d+)", done.stdout
        )
        said[checker] = {(a or c, int(b or d)) for a, b, c, d in found}
        assert said[checker], done.stdout + done.stderr
    return said


@pytest.mark.parametrize("checker", ["ty", "pyrefly"])
def test_the_others_agree(others_say, checker):
    found = others_say[checker]
    assert {line for file, line in found if file != WRONG.name} == set()
    lines = {line for file, line in found if file == WRONG.name}
    expected = lines_that_are_wrong(mypy=True)
    assert lines <= expected
    # A wrong dict in a call whose result is not used is not reported by each of them.
    text = WRONG.read_text().splitlines()
    assert {line for line in expected if "{" not in text[line - 1]} <= lines
