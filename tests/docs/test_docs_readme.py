"""The README as PyPI shows it: absolute links that exist, true badges, a recorded session that is up to date."""

from __future__ import annotations

import re
import tomllib
from xml.etree import ElementTree

import pytest
from helpers.pages import PAGES, ROOT, anchors

from docs.record_session import OUT, record, svg

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCE = PROJECT["urls"]["Source"]
LINKS = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", README, flags=re.S))


def test_links_are_absolute_and_lead_to_files_of_the_project() -> None:
    raw = SOURCE.replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    checked = 0
    for link in LINKS:
        if link.startswith("https://img.shields.io/"):
            continue
        base = raw if link.startswith(raw) else f"{SOURCE}/blob/main/"
        assert link.startswith(base), f"{link} is no address in the project"
        path, _, anchor = link.removeprefix(base).partition("#")
        assert (ROOT / path).is_file(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(ROOT / path), f"{link} has no such heading"
        checked += 1
    assert checked > 15


def test_badges_are_true() -> None:
    badges = dict(re.findall(r"!\[([^\]]+)\]\(https://img\.shields\.io/badge/([^)]+)\)", README))
    assert badges == {
        "Python 3.11 or newer": "python-3.11%2B-blue",
        "Licence: MIT": "licence-MIT-green",
        "Types: included": "types-included-blue",
    }
    assert PROJECT["requires-python"] == ">=3.11"
    assert PROJECT["license"] == "MIT"
    assert (ROOT / "geopera" / "py.typed").exists()


def test_every_install_line_asks_for_version_3() -> None:
    files = [
        *PAGES,
        ROOT / "Makefile",
        *(ROOT / "docs").rglob("Containerfile"),
        *(ROOT / "geopera").rglob("*.py"),
    ]
    for file in files:
        for line in re.findall(r"pip install [^\n`]*\bgeopera\b[^\n`]*", file.read_text(encoding="utf-8")):
            assert re.search(r"""["']geopera(?:\[[\w,{}]+\])?>=3["']""", line), f"{file.name}: {line}"


def test_the_recorded_session_is_what_the_script_records() -> None:
    recorded = OUT.read_text(encoding="utf-8")
    assert recorded == svg(record()), "run `make session`"
    ElementTree.fromstring(recorded)
    assert re.findall(r"https?://[^\s\"]+", recorded) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("word", ["export", "GEOPERA_API_URL", "GEOPERA_API_TOKEN"])
def test_the_sandbox_prints_what_the_readme_promises(word: str) -> None:
    source = (ROOT / "geopera" / "sandbox" / "cli.py").read_text(encoding="utf-8")
    assert word in source
    assert word in README
