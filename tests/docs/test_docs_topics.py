"""The recipes of the API's documentation are covered, topic by topic: every row of the table leads to what it names."""

from __future__ import annotations

import re

from helpers.pages import ROOT

from geopera.manifest import default

PAGE = ROOT / "docs" / "recipes" / "topics.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "](" in line
]


def test_each_topic_is_treated_where_the_table_says() -> None:
    assert len(ROWS) > 15
    for topic, pages, names in ROWS:
        links = re.findall(r"\]\(([\w./-]+\.md)", pages)
        texts = [(PAGE.parent / link).read_text(encoding="utf-8") for link in links]
        for name in re.findall(r"`([^`]+)`", names):
            assert any(name in text for text in texts), f"{topic}: no page of the row has {name}"


def test_each_operation_of_the_recipes_is_in_the_table() -> None:
    source = (ROOT / "tests" / "surface" / "test_recipes.py").read_text(encoding="utf-8")
    called = {id for id in default().operations if re.search(rf"\bclient\.{re.escape(id)}\(", source)}
    named = {name for row in ROWS for name in re.findall(r"`([^`]+)`", row[2])}
    assert len(called) > 15
    assert called <= named
