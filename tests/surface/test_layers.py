"""The layout: a module imports only from layers below its own, no imports are circular, no file is large."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "geopera"

# The lowest layer first; a folder is one name. Members of a layer do not import each other.
LAYERS = {
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
# The sandbox is a program of its own: it imports the manifest and nothing else of the client.
APART = {("_cli", "sandbox"), ("sandbox", "manifest"), ("sandbox", "fluent"), ("sandbox", "__init__")}


def files(tree: str) -> list[Path]:
    inside = sorted((PACKAGE / tree).rglob("*.py"))
    return [path for path in inside if tree or path.relative_to(PACKAGE).parts[0] != "sandbox"]


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


def member_of(tree: str, name: str) -> str | None:
    """The member of a layer that a module belongs to, or None if it is outside of the tree."""
    parts = name.split(".")
    if tree:
        return (parts[1] if len(parts) > 1 else "__init__") if parts[0] == tree else None
    return parts[0]


@pytest.mark.parametrize("tree", LAYERS)
def test_imports_point_down(tree: str) -> None:
    layers = {name: number for number, line in enumerate(LAYERS[tree]) for name in line.split()}
    for path in files(tree):
        own = member_of(tree, name_of(path)) if path.parent != PACKAGE / tree else path.stem
        assert own in layers, f"{own} is in no layer"
        for module in imports(path):
            other = member_of(tree, module)
            if (tree or own, module.partition(".")[0]) in APART or other == own or module == "_version":
                continue
            assert other is not None, f"{name_of(path)} imports {module}, which is outside of its tree"
            assert other in layers, f"{name_of(path)} imports {module}, which is in no layer"
            assert layers[other] < layers[own], f"{own} (layer {layers[own]}) imports {module}"


def test_every_member_exists() -> None:
    for tree, lines in LAYERS.items():
        for name in " ".join(lines).split():
            place = PACKAGE / tree / name
            assert place.is_dir() or place.with_suffix(".py").exists(), place


@pytest.mark.slow
def test_no_circular_imports() -> None:
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


def test_files_stay_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name_of(path): length for path, length in lengths.items() if length > 500} == {}


def test_every_folder_has_a_description() -> None:
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        text = (folder / "__init__.py").read_text()
        assert ast.get_docstring(ast.parse(text)), f"{folder.name} has no description"
