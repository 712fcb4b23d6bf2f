"""The pytest plugin in the project of a stranger, run as they run it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

STRANGER = Path(__file__).parent / "stranger"
QUIET = """
import sys

def pytest_sessionfinish():
    heavy = {"starlette", "uvicorn", "pydantic", "jsonschema", "geopera.client", "geopera.sandbox.server"} & set(sys.modules)
    assert not heavy, heavy
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    installed = any(one.name == "geopera_sandbox" for one in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "geopera.sandbox.plugin"]
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, "-q", "-W", "error", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("in_process", ["false", "true"])
def test_a_strangers_tests_pass(tmp_path: Path, in_process: str) -> None:
    for file in STRANGER.glob("*.txt"):
        (tmp_path / file.stem).write_text(file.read_text())
    options = ["-o", f"geopera_sandbox_in_process={in_process}"]
    if in_process == "true":
        options += ["--deselect", "test_shop.py::test_the_environment"]  # a URL needs a socket
    done = run(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_nothing_is_imported_until_a_fixture_is_used(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(QUIET)
    (tmp_path / "test_plain.py").write_text("def test_plain():\n    pass\n")
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    fixtures = run(tmp_path, "--fixtures").stdout
    for name in ("geopera_sandbox", "geopera_client", "async_geopera_client", "geopera_api_key"):
        assert name in fixtures


START = """
import sys, time
begun = time.process_time()
from geopera.sandbox import running
with running():
    print(time.process_time() - begun)
print(*{"httpx", "rich", "trio", "cql2", "pydantic"} & set(sys.modules))
"""


def test_a_server_starts_quickly_and_without_a_client() -> None:
    """0.3 s is the aim; the processor's time is compared, with room for a busy machine."""
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    seconds, others = done.stdout.split("\n")[:2]
    assert float(seconds) < 1.5
    assert others == ""
