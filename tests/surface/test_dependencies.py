"""What is imported is declared, and what is declared has the bounds that it needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Versions that are dates: there is no major version that could break.
DATA = {"fsspec", "jsonschema-specifications"}


def distribution(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None
    return found[0].lower()


CORE = {distribution(line): line for line in PROJECT["dependencies"]}
EXTRAS = {
    distribution(line): line
    for name, lines in PROJECT["optional-dependencies"].items()
    if name != "dev"
    for line in lines
}
# Never required: taken where the program that uses this package has imported or installed it.
FOREIGN: dict[str, set[str]] = {
    "django": {"webhooks/adapters.py"},
    "google-crc32c": {"_loops/checksums.py"},
    "rasterio": {"geo/assets.py"},
    "pytest": {"sandbox/plugin.py"},
}


@cache
def third_parties() -> dict[str, dict[str, bool]]:
    """Distribution -> the files that import it, and whether the import runs with the file's own."""
    found: dict[str, dict[str, bool]] = {}
    for path in sorted((ROOT / "geopera").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = set(map(id, tree.body))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                first = name.partition(".")[0]
                if first not in sys.stdlib_module_names and first not in ("geopera", "__future__"):
                    place = str(path.relative_to(ROOT / "geopera"))
                    files = found.setdefault(SAME.get(first, first.replace("_", "-")), {})
                    files[place] = files.get(place, False) or id(node) in top
    return found


SAME = {"opentelemetry": "opentelemetry-api", "PIL": "pillow"}


def test_every_import_is_declared() -> None:
    for name, files in third_parties().items():
        if name in CORE:
            continue
        if name in FOREIGN:
            assert set(files) <= FOREIGN[name], f"{name} is imported in a further place: {sorted(files)}"
        else:
            assert name in EXTRAS, f"{sorted(files)} import {name}, which pyproject.toml does not name"
        early = [file for file, at_once in files.items() if at_once and not file.startswith("sandbox/")]
        assert not early, f"{early} import {name}, which is optional, as soon as they are imported"


@pytest.mark.parametrize("name", sorted(CORE | EXTRAS))
def test_bounds(name: str) -> None:
    line = (CORE | EXTRAS)[name]
    assert ">=" in line, f"{line} has no lower bound"
    assert "<" in line or name in DATA, f"{line} has no upper bound"


def test_everything_declared_is_used() -> None:
    # sniffio is looked for by httpcore, not by this package.
    assert set(CORE) - {"sniffio"} <= set(third_parties())
