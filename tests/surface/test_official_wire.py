"""Every operation, low-level: what is sent, and what comes back, is what the generated SDK 2.1.0 sends and returns.

The facts in the fixture were measured: both packages ran the same calls against a recorder on loopback.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.official import FURTHER_MODULES, MODULES, WIRE, Recorder
from helpers.sample import sampled

from geopera import models
from geopera.manifest import default
from geopera.sandbox import example, example_body

MANIFEST = default().to_dict()
FACTS: dict[str, Any] = WIRE["operations"]
IDS = {id.replace(".", "_"): id for id in default().operations}
PROBLEM = {"type": "about:blank", "title": "T", "detail": "D", "instance": "/x"}
INVALID = {"detail": [{"loc": ["body", "a", 0], "msg": "m", "type": "t", "ctx": {"n": 1}}]}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


@pytest.fixture
def client(flavour: Flavour, recorder: Recorder) -> Any:
    return flavour.low_level(base_url=recorder.url, token="test-token", max_retries=0)


def module(name: str) -> Any:
    return importlib.import_module(f"geopera.api.operations.{name}")


def body(name: str, *, full: bool) -> Any:
    return example_body(IDS[name], MANIFEST, full=full)


def reply(name: str, *, full: bool) -> Any:
    """A response that fits the operation's output; more than one where the output says nothing."""
    output, schemas = default().operations[IDS[name]].output, MANIFEST["schemas"]
    if not output:
        return {"id": "x", "items": [1, {"type": None}], "totalAud": 1.5} if full else [{"id": "a"}]
    value = example(output, schemas, full=full)
    if full and isinstance(value, dict):
        value["brand_new_member"] = {"k": [1, None]}
    return value


def plain(value: Any) -> Any:
    """What `to_dict` gives, at any depth."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_the_fixture_covers_every_operation() -> None:
    assert sorted([*FACTS, *FURTHER_MODULES]) == MODULES
    assert set(FACTS) <= set(IDS)


@pytest.mark.parametrize("name", sampled(MODULES))
def test_what_is_sent_and_what_comes_back(
    flavour: Flavour, client: Any, recorder: Recorder, name: str
) -> None:
    facts = FACTS.get(name, {"path": f"/v1/op/{IDS[name]}", "input": None, "status": 200, "output": None})
    operation = default().operations[IDS[name]]
    json_reply_of = not (operation.binary or operation.streaming)
    for full in (False, True):
        given = body(name, full=full)
        sent = given if facts["input"] is None else getattr(models, facts["input"]).from_dict(given)
        value = reply(name, full=full) if json_reply_of else b""
        media_type = operation.media_type
        recorder.replies(value, facts["status"], media_type)
        response = flavour.detailed(module(name), client=client, body=sent)

        method, path, headers, _ = recorder.seen[-1]
        assert (method, path) == (WIRE["method"], facts["path"])
        assert {key: headers[key] for key in WIRE["headers"]} == WIRE["headers"]
        assert recorder.body == given
        assert repr(recorder.body) == repr({key: given[key] for key in recorder.body})  # 1 is not 1.0 or True

        assert response.status_code == facts["status"]
        if json_reply_of:
            assert plain(response.parsed) == value
            if facts["output"] not in (None, "unreadable"):
                assert type(response.parsed) is getattr(models, facts["output"])


@pytest.mark.parametrize("name", sampled(MODULES))
def test_errors_come_back_as_the_same_classes(
    client: Any, recorder: Recorder, flavour: Flavour, name: str
) -> None:
    given = body(name, full=False)
    declared = default().operations[IDS[name]].errors
    for text, kind in WIRE["errors"].items():
        status = int(text)
        value = INVALID if kind == "HTTPValidationError" else {**PROBLEM, "status": status}
        recorder.replies(value, status, "application/problem+json")
        response = flavour.detailed(module(name), client=client, body=given)
        assert response.status_code == status
        if name in FACTS or text in declared:
            assert (type(response.parsed).__name__ if response.parsed is not None else None) == kind
            assert plain(response.parsed) == (value if kind else None)


def test_a_dict_is_sent_as_the_class_of_it_is(client: Any, recorder: Recorder, flavour: Flavour) -> None:
    recorder.replies({"type": "FeatureCollection", "features": []})
    given = {"host_name": "h", "datetime": "2024-01-01T00:00:00Z", "next": None, "limit": 1}
    for sent in (given, {**given}, models.CatalogSearchInput.from_dict(given)):
        flavour.parsed(module("catalog_search"), client=client, body=sent)
        assert recorder.body == given
    del given["datetime"], given["next"]
    flavour.parsed(
        module("catalog_search"),
        client=client,
        body={**given, "datetime_": "2024-01-01T00:00:00Z", "next_": None},
    )
    assert recorder.body == {**given, "datetime": "2024-01-01T00:00:00Z", "next": None}


def test_a_subclass_of_a_model_is_a_body_too(client: Any, recorder: Recorder, flavour: Flavour) -> None:
    class Mine(models.CatalogSearchInput):  # type: ignore[name-defined, misc]
        pass

    recorder.replies({"type": "FeatureCollection", "features": []})
    flavour.parsed(module("catalog_search"), client=client, body=Mine(host_name="h", limit=1))
    assert recorder.body == {"host_name": "h", "limit": 1}


def test_no_defaults_are_added(client: Any, recorder: Recorder, flavour: Flavour) -> None:
    recorder.replies({"type": "FeatureCollection", "features": []})
    flavour.parsed(module("catalog_search"), client=client, body=models.CatalogSearchInput("h"))
    assert recorder.body == {"host_name": "h"}
