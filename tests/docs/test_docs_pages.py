"""Every page is in the index, its links and anchors exist, its blocks name their language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.pages import NAMES, PAGES, ROOT, anchors, blocks


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_says_its_language(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{page.name}, line {block.line}"
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))


_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in _LINK.findall(text):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), (
                f"{page.name} links to {link}; {target.name} has no such heading"
            )


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "index.md":
            assert f"({page.relative_to(ROOT / 'docs')})" in index, f"{page.name} is not in the index"


def test_the_design_page_shows_the_layout_as_it_is() -> None:
    from surface.test_house import FLOORS

    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = re.search(r"```text\n(geopera/\n.*?)```", text, re.S)
    assert drawn is not None
    for house, picture in zip(FLOORS, drawn[1].split("geopera/sandbox/\n"), strict=True):
        lines = [re.match(r"  ((?:\w+(?:\.py|/) *)+)", line) for line in picture.splitlines()]
        rooms = [{name.removesuffix(".py").rstrip("/") for name in m[1].split()} for m in lines if m]
        assert rooms == [set(line.split()) for line in reversed(FLOORS[house])]


def test_the_page_about_versions_names_every_public_module() -> None:
    import geopera

    text = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
    promised = set(re.findall(r"`geopera\.(\w+)`", text.partition("## Private names")[0]))
    public = {name for name in dir(geopera) if name not in geopera.__all__ and not name.startswith("_")}
    assert public - {"annotations"} <= promised | {"operations"}
    assert promised - {"__all__"} <= public
