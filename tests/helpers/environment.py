"""Virtual environments of their own, for programs that do not fit beside this package."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest


def environment(place: Path, *requirements: str) -> Path:
    """Makes an environment with packages of the registry; its Python.

    The test that asked for it is skipped where the registry cannot be reached.
    """
    venv.create(place, symlinks=os.name != "nt", with_pip=importlib.util.find_spec("pip") is None)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    if importlib.util.find_spec("pip") is None:
        pip = [python, "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--retries", "1"]
    for more in (["--no-deps", "--dry-run"], []):
        command = [*pip, "install", *options, *more, *requirements]
        done = subprocess.run(
            [str(one) for one in command], capture_output=True, text=True, timeout=600, check=False
        )
        if more and done.returncode:
            pytest.skip(f"{requirements[0]} cannot be had from the package registry: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
    return python


def run(
    python: Path, *arguments: str, given: str = "", home: Path | None = None, timeout: float = 900, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs the Python of an environment without anything of this one; its status is up to the test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GEOPERA_", "PYTHON", "VIRTUAL_ENV"))}
    if home is not None:
        kept |= {"HOME": str(home), "USERPROFILE": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    return subprocess.run(
        [str(python), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=home or python.parent,  # not here: this folder has a package of the same name
        env={**kept, "no_proxy": "*", "NO_COLOR": "1", "PYTHONUTF8": "1", **env},
    )
