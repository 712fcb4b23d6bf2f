"""What a type checker costs: CPU seconds, cold, of a file that uses one resource and of one that uses none.

The other file imports what the stubs lead a checker to anyway, `pydantic` and `httpx`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OURS = """\
from geopera import Geopera

client = Geopera()
page = client.catalog.search(host_name="earthsearch-aws", limit=1)
print(page.features[0].id)
"""
THEIRS = """\
import httpx
from pydantic import BaseModel

print(httpx.Client, BaseModel)
"""
COMMANDS = {
    "pyright": ["pyright", "--pythonpath"],
    "mypy": ["mypy", "--cache-dir", os.devnull, "--python-executable"],
}
TARGETS = {"pyright": 1.4, "mypy": 1.6}


def in_turns(checker: str, python: Path, folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """CPU seconds of each round, for a file with the client and for one without."""
    name, *options = COMMANDS[checker]
    found: dict[str, list[float]] = {OURS: [], THEIRS: []}
    for _ in range(rounds):
        for text, seconds in found.items():
            file = folder / f"checked_{list(found).index(text)}.py"
            file.write_text(text)
            seconds.append(
                _cpu_seconds([sys.executable, "-m", name, *options, str(python), file.name], folder)
            )
    return found[OURS], found[THEIRS]


def _cpu_seconds(command: list[str], folder: Path) -> float:
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
