"""Messages, docstrings, comments and pages use the words of the field: those that people search for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import geopera
from geopera import errors, middleware, sandbox, types, webhooks
from geopera.tracking import check, compile, diff, refresh

ROOT = Path(__file__).parent.parent.parent
FILES = [
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "geopera").rglob("*.py")),
]
# An old phrase -> what to write.
INSTEAD = {
    r"misspelt": "misspelled",
    r"tried again": "retried",
    r"\b(?:veiled|washed)\b": "redacted",
    r"no answer (?:came|in time)": "no response",
    r"\b(?:the|an|of) answers?\b": "response",
    r"for ever\b": "forever",
    r"not over after": "timed out after",
    r"nobody knows": "unknown",
    r"handed out\b": "yielded, returned",
    r"put in its place": "moved into place, replaced",
    r"\ball the same\b": "anyway, still",
    r"\b(?:house|storey|door)s?\b": "package, layer, entry point",
    r"\banswer(?:s|ed|ing)?\b": "response, respond",
    r"\brooms?\b": "folder, module",
    r"\btold\b": "reported, distinguished",
    r"\blook(?:s|ed|ing)? at\b": "read, check, inspect",
    r"\btaken apart\b": "parsed, separated",
    r"\bin the place of\b": "instead of",
    r"(?<!there )\b(?:is|are) no (?!longer\b)": "is not a",
    r"\bwhat is (?:wrong|no|not)\b": "the fault, the problem",
    r"\bsays? (?:so|that|what|which|where)\b": "states, has, names",
}


@pytest.mark.slow
@pytest.mark.parametrize("phrase", INSTEAD)
def test_old_phrases_are_not_used(phrase: str) -> None:
    found = []
    for file in FILES:
        name = file.relative_to(ROOT).as_posix()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(phrase, line, re.I):
                found.append(f"{name}:{number}: write {INSTEAD[phrase]!r}: {line.strip()[:90]}")
    assert not found, "\n".join(found)


def public() -> Iterator[tuple[str, Any]]:
    """The public classes and functions, and the methods of these classes."""
    for module in (geopera, errors, middleware, sandbox, types, webhooks, check, compile, diff, refresh):
        for name in getattr(module, "__all__", dir(module)):
            member = getattr(module, name)
            home = getattr(member, "__module__", None) or ""
            if name.startswith("_") or not home.startswith("geopera."):
                continue
            if inspect.isfunction(member):
                yield f"{module.__name__}.{name}", member
            elif inspect.isclass(member):
                yield f"{module.__name__}.{name}", member
                for inner, method in vars(member).items():
                    function = getattr(method, "__func__", method)
                    if inspect.isfunction(function) and not inner.startswith("_"):
                        yield f"{module.__name__}.{name}.{inner}", function


def test_public_docstrings_describe_every_parameter() -> None:
    """Google style: a section names all parameters, and a description begins with a capital."""
    faults = []
    for name, member in public():
        doc = inspect.getdoc(member)
        if not doc:
            faults.append(f"{name} has no docstring")
            continue
        section = re.search(r"^(?:Args|Attributes):\n((?: .*\n?|\n)+)", doc, re.M)
        if section is None:
            continue
        described = re.findall(r"^    \*{0,2}(\w+): *(.)", section[1], re.M)
        faults += [f"{name}: {field}: begins with {first!r}" for field, first in described if first.islower()]
        if doc[section.start() :].startswith("Args:"):
            parameters = set(inspect.signature(member).parameters) - {"self", "cls"}
            faults += [
                f"{name}: {field} is not described" for field in parameters - {d[0] for d in described}
            ]
    assert not faults, "\n".join(faults)
