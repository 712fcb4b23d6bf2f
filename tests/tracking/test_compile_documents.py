"""What OpenAPI documents of other generators say, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from geopera.errors import InvalidInputError
from geopera.manifest import Manifest, bundled
from geopera.tracking._components import LeftOut
from geopera.tracking.check import check_manifest
from geopera.tracking.compile import compile_manifest, dump


def content(schema: Any, media: str = "application/json") -> dict[str, Any]:
    return {"content": {media: {"schema": schema}}}


def ref(key: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{key}"}


def post(schema: Any = None, output: Any = None, **more: Any) -> dict[str, Any]:
    body = {"requestBody": {"required": True, **content(schema)}} if schema is not None else {}
    return {**body, "responses": {"200": content(output if output is not None else {})}, **more}


def document(
    schemas: dict[str, Any] | None = None, version: str = "3.1.0", **posts: dict[str, Any]
) -> dict[str, Any]:
    paths = {f"/v1/op/{name.replace('__', '.')}": {"post": operation} for name, operation in posts.items()}
    return {
        "openapi": version,
        "info": {"version": "3"},
        "paths": paths,
        "components": {"schemas": schemas or {}},
    }


def compiled(doc: dict[str, Any]) -> Manifest:
    odd = LeftOut()
    made = compile_manifest(doc, overlay={}, left_out=odd)
    assert not odd, odd
    assert check_manifest(made) == []
    manifest = Manifest.from_bytes(dump(made))
    assert manifest.to_dict() == made
    for operation in manifest.operations.values():  # all of it can be built
        manifest.registry.adapter(operation.input, operation.id)
        manifest.registry.adapter(operation.output, operation.id)
    return manifest


OBJECT = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}


def test_path_items_by_reference() -> None:
    doc = document()
    doc["components"]["pathItems"] = {"T": {"post": post(OBJECT)}, "a/b%": {"post": post(OBJECT)}}
    doc["paths"] = {
        "/v1/op/tides.get": {"$ref": "#/components/pathItems/T", "summary": "beside"},
        "/v1/op/tides.list": {"$ref": "#/components/pathItems/a~1b%25"},
        "/v1/op/tides.more": {"$ref": "#/paths/~1v1~1op~1tides.get"},
    }
    assert list(compiled(doc).operations) == ["tides.get", "tides.list", "tides.more"]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("#/components/schemas/A/properties/a", {"type": "string", "minLength": 2}),
        ("#/components/schemas/L/items", {"type": "integer"}),
        ("#/components/schemas/L/$defs/In", {"type": "boolean"}),
        ("#/components/schemas/U/anyOf/1", {"type": "null"}),
        ("#/components/schemas/a~1b%20%7E0c", {"type": "number"}),
        ("#/components/responses/R/content/application~1json/schema", {"type": "null"}),
        ("#/components/responses/R/content/application~1problem%2Bjson/schema/items", {"type": "string"}),
    ],
)
def test_references_into_the_middle(reference: str, expected: dict[str, Any]) -> None:
    schemas = {
        "A": OBJECT,
        "L": {"type": "array", "items": {"type": "integer"}, "$defs": {"In": {"type": "boolean"}}},
        "U": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "a/b ~c": {"type": "number"},
    }
    doc = document(schemas, tides__get=post({"type": "object", "properties": {"x": {"$ref": reference}}}))
    doc["components"]["responses"] = {
        "R": {
            "content": {
                "application/json": {"schema": {"type": "null"}},
                "application/problem+json": {"schema": {"type": "array", "items": {"type": "string"}}},
            }
        }
    }
    manifest = compiled(doc)
    target = manifest.operations["tides.get"].input["properties"]["x"]["$ref"]
    assert manifest.schemas[target.removeprefix("#/schemas/")] == expected


def test_a_reference_into_the_middle_of_what_refers_back_to_it() -> None:
    schemas = {
        "A": {
            "type": "object",
            "properties": {
                "kids": {"type": "array", "items": {"$ref": "#/components/schemas/A/properties/kid"}},
                "kid": {"type": "object", "properties": {"up": ref("A")}},
            },
        }
    }
    manifest = compiled(document(schemas, tides__get=post(ref("A"))))
    assert sorted(manifest.schemas) == ["A", "A_kid"]


@pytest.mark.parametrize("place", ["component", "body"])
def test_definitions_inside_a_schema(place: str) -> None:
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/X"}, "y": {"$ref": "#/$defs/Y~1Z"}},
        "$defs": {"X": {"type": "integer"}, "Y/Z": {"type": "array", "items": {"$ref": "#/$defs/X"}}},
    }
    if place == "component":
        manifest = compiled(document({"A": schema, "B": OBJECT}, tides__get=post(ref("A"))))
        assert sorted(manifest.schemas) == ["A", "X", "Y_Z"]
        assert "$defs" not in manifest.schemas["A"]
    else:
        manifest = compiled(document(tides__get=post(schema)))
        assert sorted(manifest.schemas) == ["X", "Y_Z"]
    assert manifest.schemas["Y_Z"] == {"items": {"$ref": "#/schemas/X"}, "type": "array"}


@pytest.mark.parametrize(
    ("schemas", "reference"),
    [
        ({"A": {"$anchor": "a", "type": "integer"}}, "#a"),
        ({"A": {"$dynamicAnchor": "a", "type": "integer"}}, "#a"),
        ({"A": {"properties": {"x": {"$anchor": "a", "type": "integer"}}}}, "#a"),
        ({"A": {"$defs": {"x": {"items": {"$anchor": "a", "type": "integer"}}}}}, "#a"),
        (
            {"A": {"$id": "https://x.example/a", "$defs": {"x": {"$anchor": "a", "type": "integer"}}}},
            "https://x.example/a#a",
        ),
        (
            {"A": {"$id": "https://x.example/a", "$defs": {"x": {"type": "integer"}}}},
            "https://x.example/a#/$defs/x",
        ),
        ({"A": {"$id": "urn:a", "type": "integer"}}, "urn:a#"),
        (
            {
                "A": {"$id": "urn:a", "$anchor": "a", "type": "string"},
                "B": {"$anchor": "a", "type": "integer"},
            },
            "#a",
        ),
        ({"A": {"$id": "urn:a", "$ref": "#a", "$defs": {"x": {"$anchor": "a", "type": "integer"}}}}, "urn:a"),
    ],
)
def test_references_to_anchors_of_components(schemas: dict[str, Any], reference: str) -> None:
    inside = {"type": "object", "properties": {"p": {"$ref": reference}}}
    manifest = compiled(document(schemas, tides__get=post(inside, {"$ref": reference})))
    adapter = manifest.registry.adapter(manifest.operations["tides.get"].output, "Output")
    assert adapter.validate_python(1) == 1
    with pytest.raises(ValueError):
        adapter.validate_python("a")


@pytest.mark.parametrize("takes", [True, False])
def test_a_component_may_be_a_boolean(takes: bool) -> None:
    manifest = compiled(document({"B": takes}, tides__get=post(OBJECT, {"type": "array", "items": ref("B")})))
    adapter = manifest.registry.adapter(manifest.operations["tides.get"].output, "Output")
    assert adapter.validate_python([]) == []
    if takes:
        assert adapter.validate_python([1]) == [1]
    else:
        with pytest.raises(ValueError):
            adapter.validate_python([1])


@pytest.mark.parametrize("reference", ["#nowhere", "urn:a#nowhere", "urn:b", "#b"])
def test_references_to_anchors_that_are_not_there(reference: str) -> None:
    schemas = {"A": {"$id": "urn:a", "$defs": {"x": {"$anchor": "b", "type": "integer"}}}}
    odd = LeftOut()
    compile_manifest(
        document(schemas, tides__get=post(OBJECT, {"$ref": reference})), overlay={}, left_out=odd
    )
    assert any("refers to" in line for line in odd.lines())


def test_a_component_that_says_what_it_is_called() -> None:
    schema = {
        "$id": "https://a.example/tide.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"Level": {"type": "array", "items": [{"type": "number"}]}},
        "properties": {"level": {"$ref": "#/definitions/Level"}, "next": {"$ref": "#"}},
    }
    other = {"type": "object", "properties": {"tide": {"$ref": "https://a.example/tide.json"}}}
    manifest = compiled(document({"Tide": schema, "O": other}, tides__get=post(ref("O"))))
    assert manifest.schemas["O"]["properties"]["tide"] == {"$ref": "#/schemas/Tide"}
    assert manifest.schemas["Tide"]["properties"]["next"] == {"$ref": "#/schemas/Tide"}
    assert manifest.schemas["Level"] == {"prefixItems": [{"type": "number"}], "type": "array"}


@pytest.mark.parametrize(
    ("name", "key", "cls"),
    [
        ("3DModel", "_3DModel", "Model3DModel"),
        ("A B", "A_B", "AB"),
        ("Page[Item]", "Page_Item", "PageItem"),
        ("Größe", "Groe", "Groe"),
        ("日本", "Schema", "Schema"),
        ("x" * 300, "x" * 190, "X" + "x" * 189),
    ],
)
def test_names_of_components_that_are_no_keys(name: str, key: str, cls: str) -> None:
    manifest = compiled(document({name: OBJECT, "Other": OBJECT}, tides__get=post(ref(name))))
    assert list(manifest.schemas) == [key]
    assert manifest.models.__dir__() == [cls]
    assert getattr(manifest.models, cls)(a="xx").a == "xx"


def test_names_that_become_the_same_key_stay_apart() -> None:
    schemas = {"A B": {"type": "integer"}, "A[B]": {"type": "string"}, "A_B": {"type": "boolean"}}
    fields = {name: ref(name) for name in schemas}
    manifest = compiled(document(schemas, tides__get=post({"type": "object", "properties": fields})))
    found = manifest.operations["tides.get"].input["properties"]
    kinds = {n: manifest.schemas[f["$ref"].removeprefix("#/schemas/")]["type"] for n, f in found.items()}
    assert kinds == {name: schema["type"] for name, schema in schemas.items()}


def test_ranges_of_statuses() -> None:
    error, odd = {"type": "object", "properties": {"e": {}}}, {"type": "object", "properties": {"o": {}}}
    responses = {"2XX": content(ref("A")), "4xx": content(ref("E")), "default": content(ref("O"))}
    doc = document(
        {"A": OBJECT, "E": error, "O": odd},
        tides__get=post(OBJECT, responses=responses),
        tides__list=post(OBJECT, responses={**responses, "201": content(OBJECT), "404": content(ref("O"))}),
        tides__only=post(OBJECT, responses={"default": content(ref("O"))}),
    )
    operations = compiled(doc).operations
    assert operations["tides.get"].output == {"$ref": "#/schemas/A"}
    assert operations["tides.get"].errors == {"4XX": "E", "default": "O"}
    assert operations["tides.list"].output == OBJECT
    assert operations["tides.list"].success_status == 201
    assert operations["tides.list"].errors == {"404": "O", "4XX": "E", "default": "O"}
    assert operations["tides.only"].output == {"$ref": "#/schemas/O"}
    get = operations["tides.list"]
    assert [get.error_key(status) for status in (404, 422, 500)] == ["O", "E", "O"]
    assert operations["tides.only"].error_key(404) == "O"


@pytest.mark.parametrize("media", ["multipart/form-data", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_that_is_no_json_is_kept_and_not_sent(flavour: Any, media: str) -> None:
    operation = {**post(), "requestBody": {"required": True, **content(ref("A"), media)}}
    manifest = compiled(document({"A": OBJECT}, tides__upload=operation, tides__get=post(OBJECT)))
    found = manifest.operations["tides.upload"]
    assert (found.request_media_type, found.callable) == (media, False)
    assert manifest.operations["tides.get"].callable
    client = flavour.client("t", "http://127.0.0.1:9", manifest=manifest)
    assert "not callable" in client.tides.upload.__doc__
    for call in (lambda: client.tides.upload(a="xx"), lambda: client.invoke("tides.upload", {"a": "xx"})):
        with pytest.raises(InvalidInputError, match=media) as caught:
            flavour(call())
        assert not caught.value.may_have_acted


def test_json_goes_before_a_form() -> None:
    operation = post(OBJECT)
    operation["requestBody"]["content"]["multipart/form-data"] = {"schema": {"type": "object"}}
    assert compiled(document(tides__get=operation)).operations["tides.get"].callable


def test_open_api_3_0_says_null_and_bounds_in_its_own_words() -> None:
    schemas = {
        "A": {
            "type": "object",
            "properties": {
                "a": {"type": "string", "nullable": True},
                "b": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
                "c": {"type": "number", "maximum": 9, "exclusiveMaximum": False},
                "d": {"type": "string", "enum": ["x"], "nullable": True},
                "e": {"allOf": [ref("B")], "nullable": True},
                "f": {**ref("B"), "minProperties": 9, "nullable": True},
                "g": {"type": "string", "nullable": False},
            },
        },
        "B": {"type": "object", "properties": {"nullable": {"type": "boolean"}}},
    }
    new = compiled(document(schemas, tides__get=post(ref("A")), version="3.0.3")).schemas
    assert new["A"]["properties"] == {
        "a": {"type": ["string", "null"]},
        "b": {"exclusiveMinimum": 0, "type": "number"},
        "c": {"maximum": 9, "type": "number"},
        "d": {"enum": ["x", None], "type": ["string", "null"]},
        "e": {"anyOf": [{"allOf": [{"$ref": "#/schemas/B"}]}, {"type": "null"}]},
        "f": {"$ref": "#/schemas/B"},
        "g": {"type": "string"},
    }
    assert new["B"]["properties"] == {"nullable": {"type": "boolean"}}


READ_ONLY = {
    "type": "object",
    "required": ["id", "name", "secret"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string"},
        "secret": {"type": "string", "writeOnly": True},
    },
}


def test_what_is_read_only_is_not_required_of_a_body_in_3_0() -> None:
    holder = {"type": "object", "properties": {"pet": ref("Pet")}}
    schemas = {"Pet": READ_ONLY, "Holder": holder, "Plain": OBJECT}
    doc = document(
        schemas, version="3.0.3", pets__put=post(ref("Holder"), ref("Holder")), pets__x=post(ref("Plain"))
    )
    manifest = compiled(doc)
    assert sorted(manifest.schemas) == ["Holder", "Holder-Input", "Pet", "Pet-Input", "Plain"]
    assert manifest.operations["pets.put"].input == {"$ref": "#/schemas/Holder-Input"}
    assert manifest.schemas["Pet-Input"]["required"] == ["name", "secret"]
    assert manifest.schemas["Pet"]["required"] == ["id", "name"]
    sent = compiled(document(schemas, version="3.0.3", pets__put=post(ref("Pet"))))
    assert sent.schemas["Pet"]["required"] == ["name", "secret"]
    inline = compiled(document(version="3.0.3", pets__put=post(READ_ONLY)))
    assert inline.operations["pets.put"].input["required"] == ["name", "secret"]


def test_in_3_1_read_only_is_as_the_schema_says() -> None:
    manifest = compiled(document({"Pet": READ_ONLY}, pets__put=post(ref("Pet"), ref("Pet"))))
    assert manifest.schemas["Pet"]["required"] == ["id", "name", "secret"]


def test_a_discriminator_has_every_tag() -> None:
    kind = {"type": "object", "properties": {"t": {"type": "string"}}, "required": ["t"]}
    union = {
        "oneOf": [ref("A"), ref("B B"), ref("C")],
        "discriminator": {
            "propertyName": "t",
            "mapping": {"a": "#/components/schemas/A", "b": "B B", "also-a": "A", "gone": "#/x"},
        },
    }
    manifest = compiled(
        document({"A": kind, "B B": kind, "C": kind, "U": union}, tides__get=post(OBJECT, ref("U")))
    )
    assert manifest.schemas["U"]["discriminator"] == {
        "mapping": {
            "a": "#/schemas/A",
            "b": "#/schemas/B_B",
            "also-a": "#/schemas/A",
            "C": "#/schemas/C",
        },
        "propertyName": "t",
    }


def test_words_are_kept_beside_the_schemas() -> None:
    def described(text: str) -> Manifest:
        field = {"type": "string", "description": text, "examples": ["Metres"], "deprecated": True}
        body = {"type": "object", "properties": {"a": field, "b/c": {"description": text}}}
        inline = {"type": "object", "properties": {"d": {"type": "integer", "description": text}}}
        told = {"description": text, "deprecated": True, "tags": ["tides", "sea"]}
        return compiled(document({"A": body}, tides__get=post(ref("A"), **told), tides__list=post(inline)))

    manifest = described("Metres.\n\nAbove \x1b[2Jdatum")
    clean = "Metres.\n\nAbove  [2Jdatum"
    assert manifest.schemas["A"] == {
        "properties": {"a": {"type": "string"}, "b/c": {}},
        "type": "object",
    }
    assert manifest.docs["schemas/A"] == {
        "/properties/a": {"description": clean, "deprecated": True, "examples": ["Metres"]},
        "/properties/b~1c": {"description": clean},
    }
    found = manifest.operations["tides.get"]
    assert (found.description, found.deprecated, found.tags) == (clean, True, ("sea",))
    assert manifest.described["A"]["properties"]["a"]["description"] == clean
    body = manifest.described_body(manifest.operations["tides.list"])
    assert body["properties"]["d"]["description"] == clean
    other = Manifest.from_dict(described("Feet").to_dict())
    assert other.succeed(manifest).models.A is manifest.models.A


def test_the_bundled_manifest_says_what_it_said() -> None:
    assert "docs" not in bundled().to_dict()
