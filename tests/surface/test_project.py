"""The tree as such: nothing of one machine in it, and what the project files promise is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SKIP = {".git", "site", ".venv", "dist", "build", "__pycache__", "bench-results"}
BINARY = {".png", ".jpg", ".gif", ".webp", ".tif", ".db", ".gz", ".zip", ".pyc"}


def tracked() -> list[Path]:
    """The files of the project: those that git knows, or all of an unpacked sdist."""
    try:
        if not (ROOT / ".git").exists():
            raise OSError("no checkout")
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60
        ).stdout
        found = [ROOT / name for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if path.is_file()]
    return [
        path
        for path in found
        if path.is_file()
        and path.suffix not in BINARY
        and not any(part in SKIP or part.startswith(".venv") for part in path.relative_to(ROOT).parts)
    ]


FILES = tracked()
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": re.compile(
        # `me` is nobody: pages show it where a home folder is printed.
        "|".join(
            rf"(?<![\w.:/-])/{name}/(?!me/)[\w.]"
            for name in ("wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers")
        )
    ),
    "a package registry": re.compile(
        "|".join((r"\bpypi\." + "org", r"python" + r"hosted\.org", r"npmjs\." + "org", r"anaconda\." + "org"))
    ),
    "what looks like a secret": re.compile(r"\b(?:gpra_[A-Za-z0-9]{24,}|sk_live_\w+|AKIA[0-9A-Z]{16})\b"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_of_one_machine_is_in_the_tree(what: str) -> None:
    found = []
    for path, name in zip(FILES, NAMES, strict=True):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if FORBIDDEN[what].search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert found == []


def test_files_are_plain_text() -> None:
    for path, name in zip(FILES, NAMES, strict=True):
        data = path.read_bytes()
        assert b"\r\n" not in data, name
        assert not data or data.endswith(b"\n"), f"{name} ends without a line break"
        data.decode("utf-8")


def test_the_top_level_is_what_it_should_be() -> None:
    top = {name.partition("/")[0] for name in NAMES}
    assert {"geopera", "manifest", "tests", "docs", "pyproject.toml", "Makefile"} <= top
    assert {"README.md", "LICENSE", "CHANGELOG.md"} <= top
    others = {name for name in top if not name.startswith(".")} - {
        "geopera", "manifest", "tests", "docs", "pyproject.toml", "Makefile",
        "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "hatch_build.py",
    }  # fmt: skip
    assert others <= {"PKG-INFO"}


def make_targets() -> dict[str, str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+):[^=\n]*\n((?:\t[^\n]*\n)*)", text, re.M))


@pytest.mark.parametrize("target", ["demo", "test", "test-pythons", "check", "bench", "docs"])
def test_the_makefile_has_the_targets(target: str) -> None:
    assert target in make_targets()


def test_the_makefile_explains_each_target() -> None:
    helped = set(re.findall(r"make ([\w-]+)", make_targets()["help"]))
    assert {"demo", "test", "test-pythons", "check", "bench", "docs"} <= helped
    assert helped <= make_targets().keys()


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make test" in script
    assert "make test" in readme
    assert "make demo" in readme
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_readme_shows_an_example_and_two_commands_first() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Geopera for Python"
    assert lines.index("```python") < lines.index("## Two commands") < 55
