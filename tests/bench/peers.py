"""Other clients, each in a virtual environment of its own, kept between runs."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENTS = ROOT / ".venv-peers"

PACKAGES = {
    "ours": [str(ROOT)],
    "official": ["geopera==2.1.0"],
    "aiopenapi3": ["aiopenapi3", "httpx"],
    "json-schema-to-pydantic": ["json-schema-to-pydantic"],
}


def python(name: str) -> str:
    """The interpreter of an environment that holds the packages of `name`, made at first use."""
    folder = ENVIRONMENTS / name
    executable = folder / "bin" / "python"
    done = folder / ".done"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(executable), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES[name]], check=True)
        if name != "ours":
            done.touch()  # our own package changes, and is installed anew each time
    return str(executable)


if __name__ == "__main__":
    for name in sys.argv[1:] or PACKAGES:
        print(python(name))
