"""The wheel, and an environment where it is installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from helpers.environments import ROOT, environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of the source tree, with the stubs that its build writes."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def out_of_the_box(wheel, tmp_path_factory):
    """The Python of an environment where the wheel is installed, and nothing else was done."""
    python, site = environment(tmp_path_factory.mktemp("installed") / "env")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return python
