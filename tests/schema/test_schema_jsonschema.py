"""JSON Schema out of models: as it was written, and complete in the document that it is put into."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pydantic
import pytest

from geopera import models
from geopera.schema import type_adapter

TREE = {
    "title": "tree",
    "type": "object",
    "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}, "p": {"$ref": "#/$defs/P"}},
}
DEFINITIONS = {
    "P": {"type": "object", "properties": {"q": {"$ref": "#/$defs/Q"}}},
    "Q": {"type": "object", "properties": {"p": {"$ref": "#/$defs/P"}, "d": {"$ref": "#/$defs/D"}}},
    "D": {"type": "string", "maxLength": 3},
}


def resolved(node: Any, root: Any) -> int:
    """How many references there are below `node`; each has to lead somewhere in the document."""
    if isinstance(node, list):
        return sum(resolved(item, root) for item in node)
    if not isinstance(node, dict):
        return 0
    if isinstance(node.get("$ref"), str):
        target = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
    return ("$ref" in node) + sum(resolved(value, root) for value in node.values())


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("name", ["CatalogSearchInput", "CatalogSearchOutput", "HTTPValidationError"])
def test_every_reference_leads_somewhere(name: str, mode: Any) -> None:
    cls = getattr(models, name)
    inside = pydantic.create_model("Inside", one=(cls, ...), many=(list[cls], []), maybe=(cls | None, None))
    before = cls.model_json_schema(mode=mode)
    for schema in (
        inside.model_json_schema(mode=mode),
        pydantic.TypeAdapter(list[cls]).json_schema(mode=mode),
        pydantic.TypeAdapter(dict[str, cls]).json_schema(mode=mode),
    ):
        assert resolved(schema, schema)
        assert name in schema["$defs"]
    assert cls.model_json_schema(mode=mode) == before, "it does not matter who asked first"
    assert resolved(before, before)


def test_it_is_the_schema_itself() -> None:
    limit = models.CatalogSearchInput.model_json_schema()["properties"]["limit"]
    assert limit == {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}
    assert models.CatalogSearchInput.model_json_schema()["required"] == ["host_name"]


def test_circles() -> None:
    adapter = type_adapter(TREE, definitions=DEFINITIONS)
    cls = type(adapter.validate_python({}))
    inside = pydantic.create_model("Inside", x=(list[cls], ...))
    through = pydantic.create_model("Through", x=(adapter.type, ...))
    for schema in (cls.model_json_schema(), inside.model_json_schema(), through.model_json_schema()):
        assert resolved(schema, schema) >= 5
        assert schema["$defs"]["D"] == {"type": "string", "maxLength": 3}


def test_inside_a_users_model_it_writes_what_was_given() -> None:
    inside = pydantic.create_model("Inside", x=(models.CatalogSearchInput, ...))
    made = inside(x={"host_name": "h", "datetime": "2024-01-01T00:00:00Z"})
    assert made.model_dump()["x"] == {"host_name": "h", "datetime": "2024-01-01T00:00:00Z"}
    with pytest.raises(pydantic.ValidationError, match="at most 500"):
        inside(x={"host_name": "h", "limit": 5000})


def test_fastapi_serves_models() -> None:
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()

    def find(query: models.CatalogSearchInput) -> Any:
        return {"features": [{"type": "Feature", "id": query.host_name, "geometry": None}]}

    find.__annotations__ = {"query": models.CatalogSearchInput}
    app.post("/search", response_model=models.CatalogSearchOutput)(find)

    async def use() -> None:
        # Starlette's own test client warns where httpx2 is missing; this needs neither it nor another package.
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            document = (await client.get("/openapi.json")).json()
            assert resolved(document, document) > 4
            assert {"CatalogSearchInput", "StacFeature", "CloudQuery"} <= set(
                document["components"]["schemas"]
            )
            found = (await client.post("/search", json={"host_name": "h"})).json()
            assert found == {"features": [{"type": "Feature", "id": "h", "geometry": None}]}
            refused = await client.post("/search", json={"host_name": "h", "limit": 5000})
            assert refused.status_code == 422

    asyncio.run(use())


def test_the_mapping_of_a_discriminator_names_what_is_there() -> None:
    tagged = {"type": "object", "properties": {"t": {"type": "string"}}}
    union = {
        "oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}],
        "discriminator": {
            "propertyName": "t",
            "mapping": {"a": "A", "b": "#/$defs/B", "c": "Nowhere", "d": 5},
        },
    }
    owner = {"type": "object", "properties": {"u": union}}
    cls = type(type_adapter(owner, definitions={"A": tagged, "B": tagged}).validate_python({}))
    made = pydantic.create_model("Mine", owner=(cls, ...)).model_json_schema()
    (found,) = (
        definition["properties"]["u"]
        for definition in made["$defs"].values()
        if "u" in definition["properties"]
    )
    assert found["discriminator"]["mapping"] == {"a": "#/$defs/A", "b": "#/$defs/B"}


@pytest.mark.parametrize("keyword", ["x-more", "default", "examples", "const", "enum"])
def test_data_that_looks_like_a_reference_is_left_out(keyword: str) -> None:
    data = {"a": {"$ref": "#/nowhere"}}
    inner = {keyword: [data] if keyword in ("enum", "examples") else data}
    fields = {"f": inner, "g": {"$ref": "#/$defs/D"}, "$ref": {"type": "string"}}
    adapter: Any = type_adapter({"type": "object", "properties": fields}, definitions=DEFINITIONS)
    cls = adapter.type.unit.cls
    Mine = pydantic.create_model("Mine", own=(cls, ...))
    for model in (Mine, cls):
        written = model.model_json_schema()
        assert "nowhere" not in str(written)
        assert resolved(written, written) >= 1
