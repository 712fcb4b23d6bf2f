"""The classes: names, reading and writing, construction, and what is told to the caller."""

from __future__ import annotations

import inspect
import unicodedata
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from geopera._names import TAKEN
from geopera._repl.field_types import fields
from geopera.schema import Model, Registry, best_effort, type_adapter, unknown_fields
from geopera.schema._model import DEPRECATED, ModelMeta
from geopera.types import UNSET, JSONObject

SCHEMAS: dict[str, Any] = {
    "_Area": {"type": "object", "properties": {"area": {"type": "number"}}, "required": ["area"]},
    "Region": {"type": "string", "enum": ["asia-southeast1", "eu", ""]},
    "Tree": {
        "type": "object",
        "description": "A tree.",
        "properties": {
            "kids": {"type": "array", "items": {"$ref": "#/schemas/Tree"}},
            "id": {"type": "integer"},
            "area": {"anyOf": [{"$ref": "#/schemas/_Area"}, {"type": "null"}]},
        },
        "required": ["id"],
    },
    "Search": {
        "type": "object",
        "properties": {
            "limit": {"type": "integer", "minimum": 1, "default": 100},
            "host-name": {"type": "string"},
            "datetime": {"type": "string"},
            "query": {"anyOf": [{"type": "object"}, {"type": "null"}]},
            "sort": {"type": "array", "items": {"type": "object"}},
            "region": {"$ref": "#/schemas/Region"},
            "mode": {"type": "string", "enum": ["fast", "slow"]},
            "total_aud": {"type": "integer"},
            "totalAud": {"type": "integer"},
            "inner": {"type": "object", "properties": {"featureCollection": {"type": "object"}}},
        },
        "required": ["host-name"],
    },
    "Open": {"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": True},
    "Ids": {"type": "array", "items": {"type": "string"}},
    "a__b__ListInput": {"type": "object", "properties": {"x": {}}},
    "a__c__ListInput": {"type": "object", "properties": {"y": {}}},
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(
        SCHEMAS, inline={"TopupBody": {"anyOf": [{"type": "object"}, {"type": "null"}]}}, module="tests.made"
    )


def taken(adapter: Any, value: Any) -> Any:
    return adapter.validator.validate_python(value, by_alias=True, by_name=False)


def body(adapter: Any, value: Any) -> Any:
    return adapter.validator.validate_python(value, strict=True, by_alias=True, by_name=True)


def test_names(registry: Registry) -> None:
    names = registry.names()
    assert names == sorted(names)
    for name in (
        *("Area", "Region", "Tree", "Search", "Open", "Ids", "ListInput", "CListInput"),
        *("SearchQueryType0", "SearchSortItem", "SearchMode", "SearchInner", "SearchInnerFeaturecollection"),
        "TopupBodyType0",
    ):
        assert name in names
    with pytest.raises(KeyError):
        registry.model("Nothing")


def test_only_what_is_needed_is_built() -> None:
    registry = Registry(SCHEMAS)
    registry.names()
    assert not registry._units
    registry.model("Tree")
    built = {unit.name for unit in registry._units.values() if unit.done}
    assert built == {"Tree", "Area"}


def test_a_class_is_what_its_schema_says(registry: Registry) -> None:
    search = registry.model("Search")
    assert issubclass(search, Model)
    assert search.__name__ == search.__qualname__ == "Search"
    assert registry.model("Tree").__doc__ == "A tree."
    assert registry.model("Search") is search
    assert list(inspect.signature(search).parameters)[:4] == ["host_name", "limit", "datetime_", "query"]
    assert {"total_aud", "totalAud"} <= search.model_fields.keys()
    assert inspect.signature(search).parameters["inner"].annotation is registry.model("SearchInner")
    assert registry.model("SearchMode").FAST.value == "fast"


def test_enums(registry: Registry) -> None:
    region = registry.model("Region")
    assert issubclass(region, str)
    assert issubclass(region, Enum)
    assert region.ASIA_SOUTHEAST1.value == "asia-southeast1"
    assert str(region.EU) == "eu"
    assert region("") is region.EMPTY
    made = registry.model("Search")(host_name="h", region=region.EU, mode="fast")
    assert made.region is region.EU
    assert made.mode is registry.model("SearchMode").FAST
    assert made.to_dict() == {"host-name": "h", "region": "eu", "mode": "fast"}
    with pytest.raises(ValidationError, match='"asia-southeast1", "eu" or ""'):
        registry.model("Search")(host_name="h", region="mars")


def test_absent_and_null(registry: Registry) -> None:
    search = registry.model("Search")
    made = search("h", 5, datetime_=UNSET)
    assert (made.limit, made.datetime_, made.query) == (5, None, None)
    assert made.model_fields_set == {"host_name", "limit"}
    assert made.to_dict() == {"host-name": "h", "limit": 5}
    assert search(**{"host-name": "h"}, query=None).to_dict() == {"host-name": "h", "query": None}
    assert "limit" in made
    assert "datetime" not in made
    assert made.get("datetime") is None
    assert made.get("datetime", 7) == 7
    with pytest.raises(KeyError):
        made["datetime"]
    assert repr(made) == "Search(host_name='h', limit=5)"


@pytest.mark.parametrize(
    ("args", "fields", "words"),
    [
        ((), {"host_name": "h", "limt": 1}, "did you mean 'limit'"),
        ((), {"host_name": "h", "datetime": "a", "datetime_": "b"}, "both of its names"),
        (("h",), {"host_name": "h"}, "twice"),
        (tuple(range(30)), {}, "positional"),
    ],
)
def test_wrong_constructor_names(registry: Registry, args: Any, fields: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        registry.model("Search")(*args, **fields)


def test_wrong_values_name_the_wire(registry: Registry) -> None:
    with pytest.raises(ValidationError) as caught:
        registry.model("Search")(host_name=1, limit=0)
    assert {error["loc"] for error in caught.value.errors()} == {("host-name",), ("limit",)}
    assert "an integer, at least 1" in str(caught.value)
    with pytest.raises(ValidationError, match="host-name"):
        registry.model("Search")()


def test_reading_and_writing(registry: Registry) -> None:
    made = registry.model("Search").from_dict(
        {"host-name": "h", "query": {"a": {"b": [{"c": 1}]}}, "more": {"x": 1}}
    )
    assert made["host-name"] == made["host_name"] == made.host_name == "h"
    assert made.query.a.b[0].c == 1
    assert isinstance(made.query, JSONObject)
    made.query["new"] = 2
    assert made.to_dict()["query"]["new"] == 2
    assert made.more.x == 1
    assert made.additional_keys == ["more"]
    made.additional_properties["k"] = 1
    assert made["k"] == 1
    made["z"] = 2
    made["datetime"] = "now"
    assert made.datetime_ == "now"
    del made["k"], made["datetime"], made.query
    assert made.to_dict() == {"host-name": "h", "more": {"x": 1}, "z": 2}
    assert made.query is None
    made.limit = 3
    with pytest.raises(ValidationError, match="limit"):
        made.limit = "x"
    with pytest.raises(AttributeError, match="did you mean 'limit'"):
        made.limt = 4
    with pytest.raises(AttributeError, match="did you mean 'limit'"):
        made.limt  # noqa: B018
    with pytest.raises(KeyError):
        made["nothing"]
    assert dict(made)["limit"] == 3


def test_open_classes_stand_for_dicts(registry: Registry) -> None:
    query = registry.model("SearchQueryType0")(**{"eo:cloud_cover": {"lt": 5}})
    query["more"] = 1
    made = registry.model("Search")(
        host_name="h", query=query, sort=[registry.model("SearchSortItem").from_dict({"a": 1})]
    )
    assert made.to_dict() == {
        "host-name": "h",
        "query": {"eo:cloud_cover": {"lt": 5}, "more": 1},
        "sort": [{"a": 1}],
    }
    topup = registry.model("TopupBodyType0")(amount=5)
    adapter = registry.adapter({"anyOf": [{"type": "object"}, {"type": "null"}]}, "TopupBody")
    assert adapter.dump_python(adapter.validate_python(topup), mode="json") == {"amount": 5}


def test_other_schemas_have_a_type_for_annotations(registry: Registry) -> None:
    adapter = TypeAdapter(registry.model("Ids"))
    assert adapter.validate_python(["a"]) == ["a"]
    with pytest.raises(ValidationError):
        adapter.validate_python([1])


def test_responses_know_wire_names_only(registry: Registry) -> None:
    adapter = registry.adapter({"$ref": "#/schemas/Search"}, "x")
    value = {"host-name": "h", "datetime_": 5, "query": {}}
    got = taken(adapter, value)
    assert got.additional_properties == {"datetime_": 5}
    assert got.datetime_ is None
    assert got.to_dict() == value
    assert got["datetime_"] == 5
    assert "datetime" not in got
    assert repr(got) == "Search(host_name='h', query={}, datetime_=5)"
    both = taken(adapter, {**value, "datetime": "d"})
    assert both.to_dict() == {**value, "datetime": "d"}


def test_bodies_take_both_names(registry: Registry) -> None:
    adapter = registry.adapter({"$ref": "#/schemas/Search"}, "x")
    assert body(adapter, {"host_name": "h", "datetime_": "d"}).to_dict() == {
        "host-name": "h",
        "datetime": "d",
    }
    assert unknown_fields(body(adapter, {"host_name": "h"})) == []
    found = unknown_fields(body(adapter, {"host_name": "h", "limt": 1, "inner": {"featurecolection": {}}}))
    assert [(loc, name) for loc, name, _ in found] == [((), "limt"), (("inner",), "featurecolection")]
    assert found[0][2] == ["limit"]
    both = unknown_fields(body(adapter, {"host_name": "h", "datetime": "a", "datetime_": "b"}))
    assert both == [((), "datetime_", ["datetime"])]
    assert unknown_fields(body(registry.adapter({"$ref": "#/schemas/Open"}, "x"), {"anything": 1})) == []


def test_best_effort(registry: Registry) -> None:
    adapter = registry.adapter({"type": "array", "items": {"$ref": "#/schemas/Tree"}}, "Trees")
    result, problems = best_effort(adapter, [{"id": 1}])
    assert problems == []
    assert result[0].id == 1
    value = [
        {"id": "one", "kids": [{"area": {"area": 1.5}}, {"id": 2, "area": {"area": "x", "more": 1}}, 5]},
        7,
    ]
    result, problems = best_effort(adapter, value)
    assert [loc for loc, _ in problems] == [
        (0, "id"),
        (0, "kids", 0, "id"),
        (0, "kids", 1, "area", "area"),
        (0, "kids", 2),
        (1,),
    ]
    tree = registry.model("Tree")
    assert isinstance(result[0], tree)
    assert result[0].id == "one"
    assert isinstance(result[0].kids[1], tree)
    assert result[0].kids[0].area.area == 1.5
    assert result[0].kids[0].id is None
    assert result[0].kids[1].area.more == 1
    assert result[1] == 7
    assert adapter.dump_python(result, mode="json", by_alias=True, exclude_unset=True) == value


def test_built_classes_in_other_pydantic_models(registry: Registry) -> None:
    tree = registry.model("Tree")

    class Forest(BaseModel):
        trees: list[tree]  # type: ignore[valid-type]

    forest = Forest(trees=[{"id": 1, "kids": [{"id": 2}]}])
    assert isinstance(forest.trees[0].kids[0], tree)
    assert forest.model_dump(exclude_unset=True) == {"trees": [{"id": 1, "kids": [{"id": 2}]}]}


def test_subclasses(registry: Registry) -> None:
    class Named(registry.model("Open")):  # type: ignore[misc]
        title: str | None = None

        def shout(self) -> str:
            return self.id.upper()

    made = Named(id="a", title="t")
    assert made.shout() == "A"
    assert made.to_dict() == {"id": "a", "title": "t"}


def test_union_of_objects_takes_the_best_fit() -> None:
    adapter = type_adapter(
        {
            "anyOf": [
                {"type": "object", "title": "A", "properties": {"a": {"type": "integer"}}},
                {
                    "type": "object",
                    "title": "B",
                    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                },
            ]
        }
    )
    assert adapter.validate_python({"a": 1, "b": 2}).b == 2


def test_whole_floats_become_integers() -> None:
    adapter = type_adapter(
        {"type": "object", "properties": {"n": {"type": "integer"}, "x": {"type": "number"}}}
    )
    got = adapter.validate_python({"n": 2.0, "x": 3})
    assert type(got.n) is int
    assert type(got.x) is int


def test_adapters_tell_their_schema() -> None:
    schema = {"title": "Point", "type": "object", "properties": {"x": {"type": "number"}}}
    adapter = type_adapter(schema)
    assert adapter.json_schema() == schema
    assert repr(adapter) == "TypeAdapter(Point)"
    assert type(adapter.validate_python({})).__name__ == "Point"


def test_definitions_and_their_prefixes() -> None:
    definitions = {
        "Id": {"type": "integer"},
        "http://example.com/s": {"type": "string", "$defs": {"x": {"const": 1}}},
    }
    for ref in ("#/$defs/Id", "#/schemas/Id", "#/definitions/Id", "#/components/schemas/Id"):
        assert type_adapter({"$ref": ref}, definitions=definitions).validate_python(1) == 1
    remote = type_adapter({"properties": {"a": {"$ref": "http://example.com/s"}}}, definitions=definitions)
    with pytest.raises(ValidationError):
        remote.validate_python({"a": 1})
    part = type_adapter({"not": {"$ref": "http://example.com/s#/$defs/x"}}, definitions=definitions)
    with pytest.raises(ValidationError):
        part.validate_python(1)


def test_errors_from_checks_have_places() -> None:
    adapter = type_adapter(
        {"title": "Thing", "properties": {"a": {"contains": {"const": 1}, "items": {"not": {"const": 2}}}}}
    )
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"a": [1, 2]})
    assert caught.value.title == "Thing"
    assert caught.value.errors()[0]["loc"][-2:] == ("a", 1)


def test_fields_are_called_as_the_parser_reads_their_names() -> None:
    """In source code ``v.µm`` (micro sign) is ``v.μm`` (the Greek letter): the parser normalises names."""
    wires = ["µm", "ﬁ", "fi", "nº", "ª", "ｃlass", "ｆｏｏ"]
    adapter = type_adapter({"type": "object", "properties": {wire: {} for wire in wires}})
    given = {wire: number for number, wire in enumerate(wires)}
    value = adapter.validate_python(given)
    assert value.to_dict() == given
    assert [value[wire] for wire in wires] == list(range(len(wires)))
    for source, number in (("µm", 0), ("ﬁ", 2), ("fi", 2), ("nº", 3), ("ª", 4), ("class_", 5), ("ｆｏｏ", 6)):
        assert eval(f"value.{source}") == number, source
    assert type(value)(μm=1).to_dict() == {"µm": 1}
    names = list(type(value).model_fields)
    assert len(set(names)) == len(wires)
    assert all(name == unicodedata.normalize("NFKC", name) and name.isidentifier() for name in names)


def test_the_names_that_fields_must_not_hide_are_those_of_the_classes() -> None:
    """They are written down, so that help and stubs name fields as the classes do, without pydantic."""
    used = {name for name in (*dir(Model), *dir(ModelMeta)) if not name.startswith("_")}
    assert used - DEPRECATED <= TAKEN


def test_help_names_fields_as_the_class_does() -> None:
    wires = ["values", "a-b", "a_b", "copy", "keys", "model_dump", "values_", "µm", "class"]
    schema = {"type": "object", "properties": {wire: {} for wire in wires}, "required": ["a_b", "class"]}
    cls = type(type_adapter(schema).validate_python({"a_b": 1, "class": 2}))
    layout = {field.alias or name: name for name, field in cls.model_fields.items()}
    assert {field.wire: field.name for field in fields(schema, {})} == layout


@pytest.mark.parametrize("pattern", [r"^\d{4}$", r"^(?!a)\d{4}$", r"^(?=[{])\{reason\}{2}$", r"(.)\1{3}"])
@pytest.mark.parametrize("value", ["x", "\ud800", 5])
def test_a_pattern_is_named_as_it_was_written(pattern: str, value: Any) -> None:
    adapter = type_adapter({"type": "string", "pattern": pattern, "minLength": 2})
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    expected = f"Input should be a string, of at least 2 characters, matching {pattern!r}"
    assert [error["msg"] for error in caught.value.errors()] == [expected]
