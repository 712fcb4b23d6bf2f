"""Facts about the generated SDK 2.1.0, for the tests of compatibility: names, and what it puts on the wire."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "fixtures"
NAMES: dict[str, Any] = json.loads((HERE / "official_names.json").read_text())
WIRE: dict[str, Any] = json.loads((HERE / "official_wire.json").read_text())

CLASSES: dict[str, dict[str, Any]] = {**NAMES["models"], **NAMES["inline_models"]}
ENUMS = sorted(name for name, facts in CLASSES.items() if "enum" in facts)
MODELS = sorted(name for name, facts in NAMES["models"].items() if "enum" not in facts)
OPEN_MODELS = sorted(name for name, facts in NAMES["inline_models"].items() if "enum" not in facts)

# The recipe page sends `threshold`, `amount` and `currency` in their place.
AUTO_TOPUP = ("SetAutoTopupInput", "SetAutoTopupOutput")

# What the generator lost, and what only the recipe page names.
FURTHER_MODULES = (
    "catalog_collections_list",
    "catalog_hosts_list",
    "glossary_collections_list",
    "stac_collections_list",
)
MODULES: list[str] = sorted([*NAMES["operation_modules"], *FURTHER_MODULES])


def fresh(code: str, *, env: dict[str, str] | None = None) -> str:
    """What `code` prints in a process of its own, warnings as errors. Its failure is the test's."""
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
