"""The house: a file imports only from floors below its own, and no file grows past 500 lines."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "geopera"

# Ground floor first. A name with a slash at its end is a whole folder, with arrows of its own inside.
FLOORS: list[list[str]] = [
    [
        "_version",
        "_names",
        "_decoders",
        "_geo",
        "_cache_path",
        "_footprint",
        "_references",
        "_redirects",
        "_writes",
    ],
    ["_show", "_connections"],
    ["types", "_records"],
    ["errors", "_retry", "_limits", "schema/"],
    ["_operation"],
    ["manifest"],
    ["_body", "_context"],
    ["_endpoint"],
    ["_failures", "_paging", "_waiting"],
    ["_call", "_http"],
    ["client"],
    ["_annotations"],
    ["_display"],
    ["tracking/"],
    ["_drive", "_progress"],
    ["_streams"],
    ["_pages", "_downloads", "_bulk"],
    ["_loops"],
    ["fluent", "_lowlevel", "webhooks"],
    ["_virtual"],
    ["models/", "api/", "bodies"],
    ["_cli/", "__init__"],
    ["__main__"],
]
# A server of its own, which only the command line knows.
APART = {"sandbox/": "_cli/"}


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.parts)


def room(module: str) -> str:
    """The room that a module below the package belongs to: a file's name or a folder's with a slash."""
    head, _, rest = module.partition(".")
    return f"{head}/" if rest or (PACKAGE / head).is_dir() else head


def floor(name: str) -> int | None:
    return next((number for number, rooms in enumerate(FLOORS, 1) if name in rooms), None)


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere in it, relative to the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    package = list(parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module.split(".") if node.module else [])]
            if node.module is None or (PACKAGE.joinpath(*target)).is_dir():
                found |= {
                    ".".join([*target, alias.name]) if is_module([*target, alias.name]) else ".".join(target)
                    for alias in node.names
                }
            else:
                found.add(".".join(target))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("geopera"):
            found.add(node.module.partition(".")[2])
        elif isinstance(node, ast.Import):
            found |= {a.name.partition(".")[2] for a in node.names if a.name.partition(".")[0] == "geopera"}
    return {name or "__init__" for name in found}


def is_module(parts: list[str]) -> bool:
    place = PACKAGE.joinpath(*parts)
    return place.is_dir() or place.with_suffix(".py").exists()


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_down(path: Path) -> None:
    own = room(
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") or "__init__"
    )
    if path == PACKAGE / "__init__.py":
        own = "__init__"
    here = floor(own)
    assert here is not None, f"{own} is on no floor"
    for module in imports(path):
        other = room(module) if module != "__init__" else "__init__"
        if other == own or other == "_version":
            continue
        if other in APART:
            assert own == APART[other], f"{own} imports {other}"
            continue
        there = floor(other)
        assert there is not None, f"{path.name} imports {other}, which is on no floor"
        assert there < here, f"{own} (floor {here}) imports {other} (floor {there})"


def test_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    for path in files():
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = {m for m in imports(path) if m != name}
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, [*trail, name])
            done.add(name)

    for name in graph:
        visit(name, [])


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500
