"""Messages, docstrings and pages use the words of the field: those that people search for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "geopera").rglob("*.py")),
]
# A phrase that was used once -> what to write.
INSTEAD = {
    r"misspelt": "misspelled",
    r"tried again": "retried",
    r"\b(?:veiled|washed)\b": "redacted",
    r"no answer came|no answer in time": "no response",
    r"for ever\b": "forever",
    r"not over after": "timed out after",
    r"an answer that is not as|the answer is not what": "a response that does not match",
    r"nobody knows of": "unknown",
}


@pytest.mark.parametrize("phrase", INSTEAD)
def test_phrases_of_our_own_are_not_used(phrase: str) -> None:
    found = []
    for file in FILES:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(phrase, line, re.I):
                found.append(
                    f"{file.relative_to(ROOT)}:{number}: write {INSTEAD[phrase]!r}: {line.strip()[:90]}"
                )
    assert not found, "\n".join(found)
