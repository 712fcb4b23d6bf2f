"""Every class of the generated SDK 2.1.0 exists under its name and is used the same way."""

from __future__ import annotations

import copy
import enum
import importlib
import inspect
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from helpers.official import AUTO_TOPUP, CLASSES, ENUMS, MODELS, NAMES, OPEN_MODELS, fresh
from helpers.sample import sampled
from pydantic import ValidationError

import geopera.models as models
from geopera.manifest import default
from geopera.sandbox import example
from geopera.schema import Model
from geopera.types import UNSET


def facts_of(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = CLASSES[name]
    return facts


def examples(name: str) -> list[dict[str, Any]]:
    """A body with the required fields and one with all of them, under wire names."""
    manifest = default()
    schema = manifest.schemas[next(k for k in manifest.schemas if k.rpartition("__")[2].strip("_") == name)]
    return [example(schema, manifest.schemas, full=full) for full in (False, True)]


def test_the_counts_are_those_of_the_generated_sdk() -> None:
    assert len(NAMES["models"]) == 256
    assert len(CLASSES) == 325
    assert len(ENUMS) == 8


@pytest.mark.parametrize("name", sampled(CLASSES))
def test_the_class_and_its_module_exist(name: str) -> None:
    cls = getattr(models, name)
    assert isinstance(cls, type)
    assert cls.__name__ == name
    assert cls.__doc__
    module = importlib.import_module(f"geopera.models.{facts_of(name)['module']}")
    assert getattr(module, name) is cls
    assert module.__all__ == [name]


def test_all_of_them_are_listed() -> None:
    assert set(CLASSES) <= set(dir(models))
    assert set(CLASSES) <= set(models.__all__)


@pytest.mark.parametrize("name", sampled(MODELS))
def test_attributes_wire_names_order_and_required_ones(name: str) -> None:
    facts, parameters = facts_of(name), inspect.signature(getattr(models, name)).parameters
    named = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    wires = {p.name: getattr(models, name).model_fields[p.name].alias or p.name for p in named}
    required = [p.name for p in named if p.default is p.empty]
    if name == "CatalogSearchOutput":  # there without attributes
        assert wires == {"type_": "type", "features": "features", "next_": "next"}
        assert required == []
    elif name in AUTO_TOPUP:
        # What is there by position is at the same position; nothing but `enabled` is required.
        assert list(facts["attributes"]) == list(wires)[: len(facts["attributes"])]
        assert list(wires)[len(facts["attributes"]) :] == ["threshold", "amount", "currency"]
        assert required == ["enabled"]
    else:
        assert wires == facts["attributes"]
        assert list(wires) == list(facts["attributes"])
        assert required == facts["required"]


@pytest.mark.parametrize("name", sampled(MODELS))
def test_dicts_in_and_out(name: str) -> None:
    cls = getattr(models, name)
    for body in examples(name):
        model = cls.from_dict(body)
        assert type(model) is cls
        assert model.to_dict() == body
        assert model.additional_properties == {
            k: v for k, v in body.items() if k not in facts_of(name)["attributes"].values()
        } or name in (*AUTO_TOPUP, "CatalogSearchOutput")
        assert cls.from_dict(model.to_dict()) == model
        assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model


@pytest.mark.parametrize("name", sampled(MODELS))
def test_by_position_as_by_keyword(name: str) -> None:
    if name in (*AUTO_TOPUP, "CatalogSearchOutput"):
        return  # their attributes are more; see above
    cls, body = getattr(models, name), examples(name)[1]
    attributes = facts_of(name)["attributes"]
    given = [body[wire] for wire in attributes.values()]
    assert cls(*given) == cls(**dict(zip(attributes, given, strict=True))) == cls.from_dict(body)
    # And once more from what the attributes read: classes, members of enums, moments.
    read = [getattr(cls.from_dict(body), attribute) for attribute in attributes]
    again = cls(*read)
    assert [getattr(again, attribute) for attribute in attributes] == read
    assert set(again.to_dict()) == set(body)


def values_of(cls: type[Model]) -> list[Any]:
    """Three values that the class takes under names that it does not know."""
    for values in ([[1, {"a": None}], 1, "x"], ["a", "b", "c"], [1, 2, 3], [{"LT": 1}, {"GT": 2}, {}]):
        try:
            cls.from_dict({str(n): value for n, value in enumerate(values)})
        except ValidationError as error:
            if not all(str(entry["loc"][0]).isdigit() for entry in error.errors()):
                return values  # required fields are missing, and nothing else
        else:
            return values
    raise AssertionError(f"{cls.__name__} takes nothing")


@pytest.mark.parametrize("name", sampled([*MODELS, *OPEN_MODELS]))
def test_additional_properties(name: str) -> None:
    cls = getattr(models, name)
    one, two, three = values_of(cls)
    body = examples(name)[0] if name in MODELS else {}
    model = cls.from_dict({**body, "brand_new": one, "another": two})
    assert model.additional_keys == ["brand_new", "another"]
    if name not in (
        "CatalogSearchInputQueryType0",
        "FederatedSearchInputQueryType0",
    ):  # classes, there as here
        assert model.additional_properties == {"brand_new": one, "another": two}
        assert model["another"] == two
    assert "another" in model
    assert "absent" not in model
    with pytest.raises(KeyError):
        model["absent"]
    model["third"] = three
    del model["another"]
    model.additional_properties["fourth"] = one
    assert model.additional_keys == ["brand_new", "third", "fourth"]
    assert model.to_dict() == {**body, "brand_new": one, "third": three, "fourth": one}
    model.additional_properties = {"only": one}
    assert model.to_dict() == {**body, "only": one}


@pytest.mark.parametrize("name", sampled(OPEN_MODELS))
def test_open_classes_take_no_arguments_and_names_of_methods(name: str) -> None:
    cls = getattr(models, name)
    assert issubclass(cls, Model)
    assert cls().to_dict() == {}
    value = values_of(cls)[0]
    assert cls.from_dict({"items": value, "type": value}).to_dict() == {"items": value, "type": value}


@pytest.mark.parametrize("name", ENUMS)
def test_enums(name: str) -> None:
    cls = getattr(models, name)
    assert issubclass(cls, str)
    assert issubclass(cls, enum.Enum)
    assert {member.name: member.value for member in cls} == facts_of(name)["enum"]
    for member in cls:
        assert cls(member.value) is member
        assert str(member) == f"{member}" == member == member.value
        assert pickle.loads(pickle.dumps(member)) is member


def test_keywords_unset_and_null() -> None:
    search = models.CatalogSearchInput(
        host_name="h", limit=UNSET, next_=None, datetime_="2024-01-01T00:00:00Z"
    )
    assert search.to_dict() == {"host_name": "h", "datetime": "2024-01-01T00:00:00Z", "next": None}
    search.limit = 5
    search.next_ = UNSET
    assert search.to_dict() == {"host_name": "h", "datetime": "2024-01-01T00:00:00Z", "limit": 5}
    assert search.bbox is None


def test_enum_members_and_nested_classes_as_arguments() -> None:
    item = models.ItemCreateInput(
        models.ItemType.CLIP,
        "a clip",
        "project",
        properties=models.ItemCreateInputProperties.from_dict({"platform": "sentinel-2a"}),
        geometry=models.ItemCreateInputGeometryType0.from_dict({"type": "Point", "coordinates": [1, 2]}),
    )
    assert item.type_ is models.ItemType.CLIP
    assert item.to_dict() == {
        "type": "clip",
        "name": "a clip",
        "project_id": "project",
        "properties": {"platform": "sentinel-2a"},
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    rule = models.AlertRuleOutput.from_dict({"alert_rule": {"id": "r", "conditions": [{"a": 1}]}}).alert_rule
    assert rule["id"] == "r"
    assert "id" in rule
    assert rule.additional_keys == ["id", "conditions"]
    assert rule.additional_properties["conditions"][0]["a"] == 1
    assert rule.to_dict() == {"id": "r", "conditions": [{"a": 1}]}


def test_nested_classes_come_back_as_classes() -> None:
    problem = models.HTTPValidationError.from_dict(
        {"detail": [{"loc": ["body", 0], "msg": "m", "type": "t", "ctx": {"n": 1}}]}
    )
    assert type(problem.detail[0]) is models.ValidationError
    assert problem.detail[0].loc == ["body", 0]
    query = models.CatalogSearchInputQueryType0.from_dict({"eo:cloud_cover": {"LT": 20}})
    assert query["eo:cloud_cover"] == models.CloudQuery(lt=20)
    search = models.CatalogSearchInput(host_name="h", query=query)
    assert search.query["eo:cloud_cover"].lt == 20
    assert search.to_dict() == {"host_name": "h", "query": {"eo:cloud_cover": {"LT": 20}}}


def test_date_times_are_datetimes_and_keep_their_text() -> None:
    body = {"id": "c", "project_id": "p", "name": "n", "created_at": "2024-01-15T00:02:41Z"}
    body["updated_at"] = "2024-01-15T10:02:41.250+10:00"
    collection = models.CollectionResponse.from_dict(body)
    assert collection.created_at == datetime(2024, 1, 15, 0, 2, 41, tzinfo=UTC)
    assert collection["updated_at"].isoformat() == "2024-01-15T10:02:41.250000+10:00"
    assert collection.deleted_at is None
    assert collection.to_dict() == body
    link = models.ShareLinkCreate("item", "i", "a long example", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert link.to_dict()["expires_at"] == "2030-01-01T00:00:00+00:00"
    link.expires_at = datetime(2031, 1, 1)
    assert link.to_dict()["expires_at"] == "2031-01-01T00:00:00Z"
    assert models.CollectionResponse.from_dict({**body, "created_at": "soon"}).created_at == "soon"


IMPORTS = """
from geopera.models import CatalogSearchInput
import geopera.models.catalog_search_input
import geopera.models.catalog_search_input as m
from geopera.models.catalog_search_input import CatalogSearchInput as C
from geopera.models import catalog_search_input as n
import importlib, importlib.util, sys
assert C is CatalogSearchInput is m.CatalogSearchInput and m is n
assert importlib.import_module("geopera.models.catalog_search_input") is m
assert sys.modules["geopera.models.catalog_search_input"] is m
assert importlib.util.find_spec("geopera.models.item_type").name == "geopera.models.item_type"
assert importlib.util.find_spec("geopera.models.nothing_like_it") is None
assert importlib.reload(m).CatalogSearchInput is C
"""


@pytest.mark.slow
def test_every_way_to_import_in_a_fresh_process() -> None:
    fresh(IMPORTS)
    fresh(
        "from geopera.models.http_validation_error import HTTPValidationError as E\nprint(E(detail=[]).to_dict())"
    )


@pytest.mark.slow
def test_a_star_import_brings_them_all() -> None:
    names = fresh("from geopera.models import *\nprint(*sorted(globals()))").split()
    assert set(CLASSES) <= set(names)
