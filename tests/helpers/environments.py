"""Python environments that a checker or a language server is pointed at."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

from geopera.tracking import stubs

ROOT = Path(__file__).parent.parent.parent


def environment(folder: Path) -> tuple[Path, Path]:
    """A new environment with all that is installed here but the package and its stubs.

    Returns its Python and its site-packages.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    paths = {"base": folder.as_posix(), "platbase": folder.as_posix()}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    for installed in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for found in Path(installed).iterdir():
            ours = found.name in ("geopera", stubs.FOLDER) or found.suffix == ".pth"
            if not ours and not (site / found.name).exists():
                (site / found.name).symlink_to(found)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"), site
