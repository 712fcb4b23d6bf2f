"""Models as mappings of wire names: in dict, json, pandas and pystac, and the records of pages."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from helpers.scenes import PAGE, SCENE, says, search

from geopera.schema import type_adapter
from geopera.types import JSONArray


def test_a_model_is_a_mapping_of_its_wire_names() -> None:
    page = search()
    scene = page.features[0]
    assert isinstance(scene, Mapping)
    assert set(scene) == set(SCENE) == set(scene.keys()) == set({**scene}) == set(dict(scene))
    assert len(scene) == len(SCENE)
    assert len(page) == len(PAGE)
    assert dict(scene)["properties"] == SCENE["properties"]
    assert dict(scene.items()) == dict(zip(scene.keys(), scene.values(), strict=True)) == dict(scene)
    assert json.loads(json.dumps(page.to_dict())) == PAGE
    assert bool(page)


def test_absent_is_no_key_and_null_is_one() -> None:
    scene = search({"features": [{"type": "Feature", "id": "a", "geometry": None}]}).features[0]
    assert "geometry" in dict(scene)
    assert "collection" not in dict(scene)
    assert scene.collection is None
    assert scene.get("collection", 5) == 5


def test_dumps_write_wire_names_and_what_was_given() -> None:
    page = search()
    assert json.loads(page.model_dump_json()) == PAGE
    assert page.model_dump()["features"][0]["type"] == "Feature"
    assert "type_" in page.model_dump(by_alias=False)


def test_pandas_and_pystac_take_models() -> None:
    pandas = pytest.importorskip("pandas")
    pystac = pytest.importorskip("pystac")
    page = search()
    frame = pandas.DataFrame(page.features)
    assert {"id", "properties", "geometry"} <= set(frame.columns)
    assert list(frame["id"]) == [scene.id for scene in page.features]
    assert pystac.Item.from_dict(page.features[0].to_dict()).id == SCENE["id"]
    assert pystac.Item.from_dict(page.features[0]).id == SCENE["id"]


@pytest.mark.parametrize(
    ("key", "words"), [(0, r"use page.records\[0\]"), (slice(0, 2), r"use page.records\[0:2\]")]
)
def test_an_index_of_a_page_says_what_to_write(key: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        search()[key]
    with pytest.raises(TypeError, match="is a mapping of its fields"):
        search().features[0][key]


def test_wrong_keys_and_attributes_have_hints() -> None:
    page = search()
    with pytest.raises(KeyError, match="did you mean 'features'"):
        page["feature"]
    for ask in (lambda: page.features[0].cloud_cover, lambda: page.features[0]["cloud_cover"]):
        with pytest.raises((AttributeError, KeyError), match=r"\.properties\['eo:cloud_cover'\]"):
            ask()


@pytest.mark.parametrize("name", ["keys", "values", "items", "get", "records", "model_dump"])
def test_a_field_that_is_called_like_a_method_keeps_its_key(name: str) -> None:
    adapter = type_adapter({"title": "A", "type": "object", "properties": {name: {"type": "string"}}})
    model = adapter.validate_python({name: "k"})
    assert model[name] == getattr(model, f"{name}_") == "k"
    assert dict(model) == model.to_dict() == {name: "k"}
    assert type(model)(**{name: "k"}) == model


def test_names_with_an_underscore_are_data_by_key_alone() -> None:
    odd = {"__deepcopy__": "x", "__array__": "y", "_ipython_canary_method_should_not_exist_": 1, "id": 1}
    value = says(odd).orders.get(order_id="o")
    model = type_adapter({"type": "object", "properties": {"id": {"type": "integer"}}}).validate_python(odd)
    for thing in (value, model):
        assert copy.deepcopy(thing) == thing
        for name in list(odd)[:3]:
            assert thing[name] == odd[name]
            assert getattr(thing, name, None) != odd[name]


@pytest.mark.parametrize(
    ("page", "count"),
    [
        (PAGE, 2),
        ({"type": "FeatureCollection", "features": []}, 0),
        ({"type": "FeatureCollection"}, 0),
        ({"features": [], "links": []}, 0),
    ],
)
def test_the_records_of_a_typed_page(page: dict[str, Any], count: int) -> None:
    assert len(search(page).records) == count


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ({"items": [{"id": 1}], "total": 1}, 1),
        ([{"id": 1}, {"id": 2}], 2),
        ([], 0),
        ({"tags": ["a", "b"], "items": [{"id": 1}]}, 1),
        ({"items": [], "total": 0}, 0),
    ],
)
def test_the_records_of_an_open_page(page: Any, count: int) -> None:
    found = says(page).items.list(project_id="p")
    for each in (found, copy.copy(found), copy.deepcopy(found)):
        assert len(each.records) == count
        assert isinstance(each.records, list)
    if page:
        assert "records" in dir(found)


def test_an_object_with_an_id_is_no_page() -> None:
    order = says({"id": "o", "history": [{"status": "new"}]}).orders.archive.place({"x": 1})
    assert not hasattr(order, "records")
    assert "records" not in dir(order)
    with pytest.raises(AttributeError, match="not a page"):
        _ = search().features[0].records


def test_copies_equality_and_hash() -> None:
    scene = search().features[0]
    for again in (copy.copy(scene), copy.deepcopy(scene), scene.model_copy()):
        assert again == scene
        assert type(again.properties) is type(scene.properties)
    assert scene != scene.to_dict()
    with pytest.raises(TypeError, match="unhashable"):
        hash(scene)


def test_completion_offers_data() -> None:
    page = search()
    assert set(page._ipython_key_completions_()) == set(PAGE)
    names = dir(page.features[0])
    assert {"id", "properties", "to_dict", "keys"} <= set(names)
    assert not {"parse_obj", "from_orm", "construct", "schema_json", "records"} & set(names)
    assert "datetime" in page.features[0].properties
    assert isinstance(page.records, JSONArray)
