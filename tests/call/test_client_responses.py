"""Responses: typed or open, whole or around a mismatch, binary, detailed."""

from __future__ import annotations

import copy
import json
import pickle
import time
import warnings
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, json_reply
from pytest_httpx import HTTPXMock

import geopera
from geopera.errors import ResponseError, ResponseMismatchWarning
from geopera.models import CatalogSearchOutput, StacFeature
from geopera.types import Content, JSONObject, Response

URL = "https://geopera.test"
FEATURE = {
    "id": "scene-1",
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [151.2, -33.9]},
    "bbox": [151.2, -33.9, 151.2, -33.9],
    "properties": {"eo:cloud_cover": 3.5, "datetime": "2024-01-15T00:00:00Z"},
    "assets": {"red": {"href": "https://data.example.com/red.tif"}},
    "links": [{"rel": "self", "href": "https://data.example.com"}],
    "collection": "sentinel-2-l2a",
    "stac_version": "1.0.0",
    "newerThanTheManifest": {"a": [1, {"b": 2}]},
}
PAGE = {"features": [FEATURE], "type": "FeatureCollection", "next": "token-2", "numberMatched": 7}
SEARCH = {"host_name": "a"}


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.client("test-token", URL)


@pytest.fixture
def page(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> Any:
    httpx_mock.add_response(json=PAGE)
    return flavour(client.catalog.search(SEARCH))


def test_a_typed_model_reads_by_attribute_and_by_key(page: Any) -> None:
    assert isinstance(page, CatalogSearchOutput)
    assert isinstance(page.features[0], StacFeature)
    assert page.next_ == page["next"] == page["next_"] == "token-2"
    scene = page.features[0]
    assert scene.id == scene["id"] == page["features"][0]["id"] == "scene-1"
    assert scene.type_ == scene["type"] == scene["type_"] == "Feature"
    assert scene.properties["eo:cloud_cover"] == 3.5
    assert scene.bbox == FEATURE["bbox"]
    assert scene.geometry["coordinates"] == [151.2, -33.9]
    assert scene.geometry.type_ == "Point"
    assert scene.assets["red"]["href"].endswith("red.tif")
    assert scene.assets.red.href.endswith("red.tif")
    assert scene.links[0]["rel"] == "self"
    assert (scene.collection, scene.stac_version) == ("sentinel-2-l2a", "1.0.0")


def test_what_the_schema_does_not_know_is_kept(page: Any) -> None:
    assert page.additional_properties == {"numberMatched": 7}
    assert page["numberMatched"] == page.numberMatched == 7
    scene = page.features[0]
    assert scene["newerThanTheManifest"] == {"a": [1, {"b": 2}]}
    assert scene.newerThanTheManifest.a[1].b == 2
    assert page.to_dict() == PAGE
    assert json.loads(json.dumps(page.to_dict())) == PAGE
    assert CatalogSearchOutput.from_dict(PAGE) == page
    assert "numberMatched" in page
    assert "next" in page
    assert "nothing" not in page
    assert page.get("nothing") is None
    assert page.get("nothing", 3) == 3
    assert page.get("next") == page.get("next_") == "token-2"
    with pytest.raises(KeyError):
        page["nothing"]
    with pytest.raises(AttributeError):
        page.nothing  # noqa: B018


def test_a_model_copies_and_pickles(page: Any) -> None:
    for again in (copy.copy(page), copy.deepcopy(page), pickle.loads(pickle.dumps(page))):
        assert again == page
        assert again.to_dict() == PAGE
        assert type(again) is type(page)


def test_an_optional_field_that_is_absent_reads_as_none(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json={"features": [{"id": "a"}]})
    page = flavour(client.catalog.search(SEARCH))
    assert page.next_ is None
    assert page.features[0].bbox is None
    assert page.to_dict() == {"features": [{"id": "a"}]}


def test_an_open_response_is_a_dict_that_reads_by_attribute(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock
) -> None:
    document = {
        "id": "ord-1",
        "status": "fulfilled",
        "items": [{"type": "a", "nested": {"deep": 1}}],
        "totalAud": 3,
        "error": None,
    }
    httpx_mock.add_response(content=json.dumps(document).encode())
    order = flavour(client.orders.get(order_id="ord-1"))
    assert isinstance(order, dict)
    assert order == document
    assert order["id"] == order.id == "ord-1"
    assert order.get("error") is None
    assert order.get("absent", "default") == "default"
    assert order["items"][0].nested.deep == 1
    assert order["items"][0].type_ == "a"
    assert order.total_aud == 3
    assert pickle.loads(pickle.dumps(order)) == order
    assert {**order} == document
    with pytest.raises(AttributeError, match="'status'"):
        order.statsu  # noqa: B018
    assert not hasattr(order, "absent")


@pytest.mark.parametrize("document", [[], [{"id": 1}], "text", 5, 1.5, True, None, {}])
def test_an_open_response_may_be_any_json(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, document: Any
) -> None:
    httpx_mock.add_response(content=json.dumps(document).encode())
    assert flavour(client.orders.get(order_id="a")) == document


MISMATCHES = [
    ({"features": "none"}, "features"),
    ({"features": None}, "features"),
    ({"features": [{"id": 5}]}, "features.0.id"),
    ({"features": [{"id": "a"}, {"type": "Feature"}]}, "features.1.id"),
    ({"features": [], "next": 5}, "next"),
    ([FEATURE], "body"),
    ("text", "body"),
    (None, "body"),
]


@pytest.mark.parametrize(("document", "field"), MISMATCHES)
def test_a_success_survives_a_mismatch(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, document: Any, field: str
) -> None:
    httpx_mock.add_response(content=json.dumps(document).encode())
    with pytest.warns(ResponseMismatchWarning) as caught:
        reply = flavour(client.catalog.search(SEARCH))
    (warning,) = caught.list
    assert str(warning.message).startswith("catalog.search: ")
    assert field in str(warning.message)
    assert (reply.to_dict() if hasattr(reply, "to_dict") else reply) == document
    if isinstance(document, dict) and "features" in document:
        assert reply["features"] == reply.features == reply.get("features")


def test_the_warning_points_at_the_callers_line(client: Any, flavour: Flavour, httpx_mock: HTTPXMock) -> None:
    if flavour.asynchronous:
        pytest.skip("the caller's frame is not on the stack of a task")
    httpx_mock.add_response(json={"next": 5})
    with pytest.warns(ResponseMismatchWarning) as caught:
        client.catalog.search(SEARCH)
    assert caught.list[0].filename == __file__


@pytest.mark.parametrize("where", ["client", "with_options"])
@pytest.mark.parametrize(("document", "field"), MISMATCHES)
def test_strict_responses_raise_and_lose_nothing(
    flavour: Flavour, httpx_mock: HTTPXMock, document: Any, field: str, where: str
) -> None:
    httpx_mock.add_response(content=json.dumps(document).encode())
    if where == "client":
        client = flavour.client("test-token", URL, strict_responses=True)
    else:
        client = flavour.client("test-token", URL).with_options(strict_responses=True)
    with pytest.raises(ResponseError, match=r"catalog\.search") as caught:
        flavour(client.catalog.search(SEARCH))
    error = caught.value
    assert field in str(error)
    assert error.status_code == 200
    assert error.response is not None
    assert json.loads(error.response.content) == document
    assert error.operation == "catalog.search"


def test_an_order_is_not_lost_to_the_type_of_a_field(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json={"enabled": "yes", "threshold_credits": "a lot", "receipt": "R-1"})
    with pytest.warns(ResponseMismatchWarning, match=r"billing\.set_auto_topup"):
        reply = flavour(client.billing.set_auto_topup(enabled=True, threshold=1, amount=1))
    assert reply["receipt"] == "R-1"
    assert reply["enabled"] == "yes"


@pytest.mark.parametrize(
    "content", [b"<html>hello</html>", b'{"features": [', b"\xff\xfe", b"not json at all"]
)
def test_a_success_that_is_no_json(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, content: bytes
) -> None:
    httpx_mock.add_response(content=content)
    with pytest.raises(ResponseError, match="not usable JSON") as caught:
        flavour(client.catalog.search(SEARCH))
    assert caught.value.response is not None
    assert caught.value.response.content == content


def test_an_empty_success(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=204)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResponseMismatchWarning)
        assert flavour(client.catalog.search(SEARCH)) is None


def test_detailed(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=PAGE, headers={"X-Request-ID": "req-1", "X-Custom": "yes"})
    response = flavour(client.catalog.search(SEARCH, detailed=True))
    assert isinstance(response, Response)
    assert response.status_code == 200
    assert type(response.status_code) is int
    assert response.headers["x-custom"] == response.headers["X-CUSTOM"] == "yes"
    assert json.loads(response.content) == PAGE
    assert response.parsed.features[0].id == "scene-1"
    assert (response.request_id, response.attempts, response.idempotency_key) == ("req-1", 1, None)
    assert response.elapsed >= 0
    assert "test-token" not in repr(response)


def test_binary_responses_are_bytes_with_a_media_type(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock
) -> None:
    picture = bytes(range(256))
    httpx_mock.add_response(content=picture, headers={"Content-Type": "image/PNG; q=1"}, is_reusable=True)
    result = flavour(client.cog.thumbnail(url="https://example.com/scene.tif"))
    assert result == picture
    assert isinstance(result, Content)
    assert (result.content_type, result.media_type) == ("image/PNG; q=1", "image/png")
    response = flavour(client.cog.thumbnail(url="https://example.com/scene.tif", detailed=True))
    assert response.parsed == response.content == picture
    assert pickle.loads(pickle.dumps(result)).media_type == "image/png"


def test_every_binary_operation_gives_bytes(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    from geopera.manifest import default
    from geopera.sandbox import example_body

    httpx_mock.add_response(content=b"\x89\xff\x00", headers={"Content-Type": "image/webp"}, is_reusable=True)
    manifest = default()
    document = manifest.to_dict()
    binary = [id for id, operation in manifest.operations.items() if operation.binary]
    assert len(binary) == 10
    for id in binary:
        assert flavour(client.invoke(id, example_body(id, document))) == b"\x89\xff\x00"


def test_json_objects_nest(page: Any) -> None:
    assert isinstance(page.features[0].properties, JSONObject)
    assert isinstance(page.features[0].properties, dict)


def test_the_elapsed_time_is_that_of_the_whole_call(flavour: Flavour, serve: Any) -> None:
    """From the first attempt to the response, pauses included."""

    def reply(asked: Asked) -> Reply:
        time.sleep(0.1)
        return json_reply({"title": "later"}, 503) if len(wire.asked) == 1 else json_reply({"credits": 1})

    wire = serve(reply)
    policy = geopera.RetryPolicy(base=0.0)
    client = flavour.client("test-token", wire.url, retry=policy)
    began = time.monotonic()
    response = flavour(client.billing.credits.balance(detailed=True))
    assert response.attempts == 2
    assert 0.2 <= response.elapsed <= time.monotonic() - began
    began = time.monotonic()
    assert 0.1 <= flavour(client.billing.credits.balance(detailed=True)).elapsed <= time.monotonic() - began
