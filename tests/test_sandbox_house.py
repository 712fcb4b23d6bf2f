"""Inside the sandbox too a file imports only from floors below its own, and nothing of the client."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent / "geopera" / "sandbox"
FLOORS = [
    ["examples", "pictures", "problems", "states", "store"],
    ["auth", "contract", "geometry", "idempotency"],
    ["limits", "scenes"],
    ["search", "seeds"],
    ["state"],
    ["registry"],
    ["files", "openapi", "records"],
    ["ledger", "misc"],
    ["work"],
    ["catalog", "deliveries", "items", "jobs", "orders"],
    ["subscriptions"],
    ["app"],
    ["server"],
    ["cli", "__init__"],
]


def floor(name: str) -> int:
    (found,) = [number for number, rooms in enumerate(FLOORS) if name in rooms]
    return found


@pytest.mark.parametrize("path", sorted(HOME.glob("*.py")), ids=lambda path: path.stem)
def test_arrows_point_down(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in names:
                assert floor(name.partition(".")[0]) < floor(path.stem), f"{path.stem} imports {name}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("geopera"):
            assert (path.stem, node.module) == ("contract", "geopera.manifest")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("geopera") for alias in node.names)
