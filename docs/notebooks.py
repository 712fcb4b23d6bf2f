"""Notebooks of the recipes, made from their Markdown: prose becomes Markdown cells, Python becomes code cells."""

from __future__ import annotations

import json
import re
from pathlib import Path

SOURCE = "https://github.com/geo-pera/geopera-python/blob/main/docs/"
# Prose, and blocks of Python code.
_PART = re.compile(r"^```python\n(.*?)^```\n?", re.M | re.S)
_COMMENT = re.compile(r"<!--.*?-->\n*", re.S)
START = """\
Install `"geopera[sandbox]>=3"`. To run it without an account, start `python -m geopera sandbox --speed 100` in a terminal and
set the two variables that it prints, `GEOPERA_API_URL` and `GEOPERA_API_TOKEN`, before you start the notebook.
"""


def notebook(page: Path, docs: Path) -> str:
    """The notebook of a page, as JSON. Links between pages lead to the pages in the repository."""
    text = page.read_text(encoding="utf-8")
    folder = page.parent.relative_to(docs).as_posix()
    title, _, rest = text.partition("\n")
    parts = _PART.split(_COMMENT.sub("", rest))
    cells = [_cell("markdown", f"{title}\n\n{START}", 0)]
    for number, part in enumerate(parts, 1):
        kind = "code" if number % 2 == 0 else "markdown"
        source = part if kind == "code" else _absolute(part, folder)
        if source.strip():
            cells.append(_cell(kind, source.strip("\n"), number))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    made = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, source: str, number: int) -> dict[str, object]:
    lines = source.strip("\n").splitlines(keepends=True)
    cell: dict[str, object] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
    return cell | {"execution_count": None, "outputs": []} if kind == "code" else cell


def _absolute(text: str, folder: str) -> str:
    """Markdown whose links to other pages are absolute."""

    def link(found: re.Match[str]) -> str:
        path = (Path("/") / folder / found[1]).as_posix()
        return f"]({SOURCE}{re.sub(r'/[^/]+/[.][.]/', '/', path).lstrip('/')}{found[2] or ''})"

    return re.sub(r"\]\(([\w./-]+\.md)(#[\w.-]+)?\)", link, text)
