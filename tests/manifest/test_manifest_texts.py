"""Texts made from schemas have a bound: a few schemas that refer twice to each other double with each step."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from geopera import Geopera
from geopera._repl import reference
from geopera.manifest import Manifest, bundled
from geopera.tracking.stubs.package import files

LAYERS = 24
KINDS = ["array", "map", "prefix", "union", "both", "object", "wide"]


def layer(kind: str, number: int) -> dict[str, Any]:
    following = {"$ref": f"#/schemas/L{number + 1}"}
    if kind == "array":
        return {"type": "array", "items": {"anyOf": [following, {"type": "array", "items": following}]}}
    if kind == "map":
        inner = {"type": "object", "additionalProperties": following}
        return {"type": "object", "additionalProperties": {"oneOf": [following, inner]}}
    if kind == "prefix":
        return {"type": "array", "prefixItems": [following, {"type": "array", "items": following}]}
    if kind == "union":
        return {"anyOf": [{"minLength": number, "anyOf": [following, {"items": following}]}, following]}
    if kind == "both":
        return {"allOf": [following, {"allOf": [following]}]}
    names = [f"f{index}" for index in range(2 if kind == "object" else 12)]
    return {"type": "object", "required": names, "properties": dict.fromkeys(names, following)}


def doubling(kind: str) -> Manifest:
    document = bundled().to_dict()
    document["schemas"] |= {f"L{number}": layer(kind, number) for number in range(LAYERS)}
    document["schemas"][f"L{LAYERS}"] = {"type": "string", "minLength": 1}
    first = {"$ref": "#/schemas/L0"}
    body = {"type": "object", "properties": {"x": first}, "required": ["x"]}
    entry = {**document["operations"]["catalog.search"], "input": body, "output": first}
    return Manifest.from_dict({**document, "operations": {"a.b": entry}})


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_doubling_schemas_are_short(kind: str) -> None:
    manifest = doubling(kind)
    operation = Geopera("t", "http://127.0.0.1:9", manifest=manifest).a.b
    for text in (repr(operation), operation.__doc__, str(operation.__signature__), operation._repr_html_()):
        assert text is not None
        assert len(text) < 20_000
    for _, page in reference.pages(manifest, lambda id: {}):
        assert len(page) < 40_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_stubs_of_doubling_schemas_are_short(kind: str) -> None:
    for name, text in files(doubling(kind), deep=False):
        if name.endswith(("models.pyi", "bodies.pyi", "a.pyi")) or "models" in name:
            ast.parse(text)
            assert max(map(len, text.splitlines())) < 50_000, name
