"""The layout: a module imports only from floors below its own, nothing runs in circles, no file is large."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "geopera"

# Ground floor first; a folder is one name. Rooms of one floor do not import each other.
FLOORS = {
    "": [
        "_drivers _keywords _names _references _version _forks _http _values _decoding _secrets",
        "_display geo",
        "types",
        "errors",
        "schema",
        "manifest webhooks _auth",
        "middleware _folding",
        "_call _repl bodies",
        "_transport",
        "client",
        "_loops tracking api _given",
        "_proxies",
        "fluent models",
        "_cli __init__",
        "__main__",
    ],
    "sandbox": [
        "wire",
        "catalogue",
        "core",
        "work",
        "operations control",
        "tapes",
        "connections controls inprocess app",
        "server",
        "cli plugin __init__",
    ],
}
# The sandbox is a program of its own: it knows the manifest and nothing else of the client.
APART = {("_cli", "sandbox"), ("sandbox", "manifest"), ("sandbox", "fluent"), ("sandbox", "__init__")}


def files(house: str) -> list[Path]:
    inside = sorted((PACKAGE / house).rglob("*.py"))
    return [path for path in inside if house or path.relative_to(PACKAGE).parts[0] != "sandbox"]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def is_module(name: str) -> bool:
    place = PACKAGE.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere in it, relative to the package."""
    package = ["geopera", *path.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{target}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    ours = {name.partition(".")[2] for name in found if name.partition(".")[0] == "geopera"}
    return {name if is_module(name) else name.rpartition(".")[0] or "__init__" for name in ours}


def room(house: str, name: str) -> str | None:
    """The room of a house that a module belongs to, or None if it is outside of the house."""
    parts = name.split(".")
    if house:
        return (parts[1] if len(parts) > 1 else "__init__") if parts[0] == house else None
    return parts[0]


@pytest.mark.parametrize(("house", "path"), [(h, p) for h in FLOORS for p in files(h)], ids=str)
def test_arrows_point_down(house: str, path: Path) -> None:
    floors = {name: number for number, line in enumerate(FLOORS[house]) for name in line.split()}
    own = room(house, name_of(path)) if path.parent != PACKAGE / house else path.stem
    assert own in floors, f"{own} is on no floor"
    for module in imports(path):
        other = room(house, module)
        if (house or own, module.partition(".")[0]) in APART or other == own or module == "_version":
            continue
        assert other is not None, f"{name_of(path)} imports {module}, which is outside of its house"
        assert other in floors, f"{name_of(path)} imports {module}, which is on no floor"
        assert floors[other] < floors[own], f"{own} (floor {floors[own]}) imports {module}"


def test_every_room_exists() -> None:
    for house, lines in FLOORS.items():
        for name in " ".join(lines).split():
            place = PACKAGE / house / name
            assert place.is_dir() or place.with_suffix(".py").exists(), place


def test_no_circles() -> None:
    graph = {name_of(path): imports(path) - {name_of(path)} for path in PACKAGE.rglob("*.py")}
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, [*trail, name])
            done.add(name)

    for name in graph:
        visit(name, [])


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


@pytest.mark.parametrize("folder", sorted({p.parent for p in PACKAGE.rglob("*.py")}), ids=lambda p: p.name)
def test_every_folder_says_what_lives_there(folder: Path) -> None:
    text = (folder / "__init__.py").read_text()
    assert ast.get_docstring(ast.parse(text)), f"{folder.name} has no description"
