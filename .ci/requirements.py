"""The requirements that pyproject.toml states, one a line, for a pip that does not know dependency groups.

python .ci/requirements.py dev          a group, with the groups that it includes
python .ci/requirements.py --lowest     the direct dependencies and extras, each at its lower bound
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))


def group(name: str) -> list[str]:
    """The requirements of a dependency group, those of included groups first."""
    found: list[str] = []
    for entry in PROJECT["dependency-groups"][name]:
        found += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return found


def direct() -> list[str]:
    """What the package itself requires, with the extras that its tests need."""
    extras = PROJECT["project"]["optional-dependencies"]
    return [*PROJECT["project"]["dependencies"], *extras["sandbox"], *extras["progress"], *extras["query"]]


def lowest(requirement: str) -> str:
    """``httpx>=0.28,<1`` as ``httpx==0.28``; without a lower bound as it is."""
    found = re.fullmatch(r"([\w.-]+(?:\[[\w,]+\])?)\s*>=\s*([\w.]+).*", requirement)
    return f"{found[1]}=={found[2]}" if found else requirement


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        lines = [lowest(line) for line in direct()] if argument == "--lowest" else group(argument)
        print("\n".join(lines))
