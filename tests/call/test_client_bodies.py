"""Bodies: what is refused before anything is sent, and what goes on the wire of what is not."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import json
import types
import uuid
from decimal import Decimal
from typing import Any

import numpy
import pytest
from helpers.flavour import Flavour
from pytest_httpx import HTTPXMock

from geopera.errors import GeoperaError, InvalidInputError
from geopera.models import CatalogSearchInput, HTTPValidationError, OrderGetInput
from geopera.types import UNSET

URL = "https://geopera.test"
HOST = {"host_name": "earthsearch-aws"}


@pytest.fixture
def client(flavour: Flavour) -> Any:
    return flavour.client("test-token", URL)


@pytest.fixture
def sent(httpx_mock: HTTPXMock) -> Any:
    """What the last request held, parsed."""
    httpx_mock.add_response(json={"features": []}, is_reusable=True, is_optional=True)

    def last() -> Any:
        return json.loads(httpx_mock.get_requests()[-1].content)

    return last


def refused(flavour: Flavour, make: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        flavour(make())
    return caught.value


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({**HOST, "limti": 3}, "limti", "did you mean 'limit'"),
        ({**HOST, "colections": []}, "colections", "did you mean 'collections'"),
        ({**HOST, "xyzzy": 1}, "xyzzy", "unknown field"),
        ({**HOST, "query": {"eo:cloud_cover": {"ltt": 3}}}, "query.eo:cloud_cover.ltt", "did you mean 'lt'"),
        ({}, "host_name", "required"),
        ({"host_name": 7}, "host_name", "string"),
        ({"host_name": None}, "host_name", "string"),
        ({**HOST, "limit": "25"}, "limit", "integer"),
        ({**HOST, "limit": True}, "limit", "integer"),
        ({**HOST, "limit": 2.5}, "limit", "integer"),
        ({**HOST, "limit": 501}, "limit", "500"),
        ({**HOST, "limit": 0}, "limit", "1"),
        ({**HOST, "bbox": "151,-34,152,-33"}, "bbox", "list"),
        ({**HOST, "bbox": [151.18, "south", 151.3, -33.84]}, "bbox.1", "number"),
        ({**HOST, "collections": "sentinel-2-l2a"}, "collections", "list"),
        ({**HOST, "datetime_": "2024-01-15", "datetime": "2024-01-15"}, "datetime", "given twice"),
        ({**HOST, "next_": "a", "next": "a"}, "next", "given twice"),
        ({**HOST, "bbox": [float("nan"), 0, 1, 1]}, "bbox.0", "nan"),
        ({**HOST, "bbox": [0, 0, float("inf"), 1]}, "bbox.2", "inf"),
        ({**HOST, "bbox": [0, Decimal("NaN"), 1, 1]}, "bbox.1", "NaN"),
        ({**HOST, "bbox": numpy.array([0, 0, 1, -numpy.inf])}, "bbox", "inf"),
        ({**HOST, "collections": [b"sentinel"]}, "collections.0", "bytes"),
        ({**HOST, "intersects": {"type": object()}}, "intersects.type", "object"),
        ({**HOST, 5: "five"}, "5", "string"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_refused_before_anything_is_sent(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, body: Any, field: str, said: str
) -> None:
    error = refused(flavour, lambda: client.catalog.search(body))
    assert httpx_mock.get_requests() == []
    assert str(error).startswith("catalog.search: ")
    assert field in str(error)
    assert said in str(error)
    # The same kind as a server's 422, without a response.
    assert isinstance(error, GeoperaError)
    assert isinstance(error, ValueError)
    assert isinstance(error.error, HTTPValidationError)
    assert [error.status_code, error.response, error.idempotency_key] == [None, None, None]
    assert (error.operation, error.attempts, error.may_have_acted) == ("catalog.search", 0, False)
    assert any(
        ".".join(map(str, d.loc)).startswith(f"body.{field.split('.')[0]}") for d in error.error.detail
    )
    assert all(d.msg and d.type_ for d in error.error.detail)


def test_all_faults_are_reported_at_once(flavour: Flavour, client: Any) -> None:
    error = refused(flavour, lambda: client.catalog.search(host_nam="x", limit="many", bbox=[1, "2"]))
    assert {d.loc[1] for d in error.error.detail} == {"host_name", "host_nam", "limit", "bbox"}


def test_the_same_in_keywords(flavour: Flavour, client: Any, httpx_mock: HTTPXMock) -> None:
    error = refused(flavour, lambda: client.catalog.search(host_name="a", limti=3))
    assert "did you mean 'limit'" in str(error)
    assert httpx_mock.get_requests() == []


@pytest.mark.parametrize("body", [[], ["a"], "text", 7, b"{}", True], ids=repr)
def test_a_body_is_an_object(flavour: Flavour, client: Any, body: Any) -> None:
    assert "object" in str(refused(flavour, lambda: client.catalog.search(body)))
    assert "object" in str(refused(flavour, lambda: client.orders.archive.place(body)))


def test_a_model_of_another_operation_is_refused(flavour: Flavour, client: Any) -> None:
    error = refused(flavour, lambda: client.catalog.search(OrderGetInput(order_id="a")))
    assert "OrderGetInput" in str(error)
    assert "CatalogSearchInput" in str(error)


def test_a_body_that_contains_itself_is_refused(flavour: Flavour, client: Any) -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert "itself" in str(refused(flavour, lambda: client.orders.archive.place(endless)))


def test_a_body_and_keywords_are_one_too_many(flavour: Flavour, client: Any) -> None:
    with pytest.raises(TypeError, match="not both"):
        flavour(client.catalog.search({"host_name": "a"}, limit=3))
    with pytest.raises(TypeError):
        flavour(client.catalog.search({"host_name": "a"}, {"limit": 3}))


@pytest.mark.parametrize(
    "give",
    [
        lambda search: search({"host_name": "a", "datetime_": "2024-01-15T00:00:00Z", "next_": "t"}),
        lambda search: search({"host_name": "a", "datetime": "2024-01-15T00:00:00Z", "next": "t"}),
        lambda search: search(host_name="a", datetime_="2024-01-15T00:00:00Z", next_="t"),
        lambda search: search(host_name="a", datetime="2024-01-15T00:00:00Z", next="t"),
        lambda search: search(CatalogSearchInput(host_name="a", datetime_="2024-01-15T00:00:00Z", next_="t")),
        lambda search: search(
            CatalogSearchInput.from_dict({"host_name": "a", "datetime": "2024-01-15T00:00:00Z", "next": "t"})
        ),
        lambda search: search(
            types.MappingProxyType({"host_name": "a", "datetime_": "2024-01-15T00:00:00Z", "next": "t"})
        ),
    ],
    ids=["python", "wire", "keywords", "wire-keywords", "model", "from_dict", "mapping"],
)
def test_every_form_of_a_body_is_the_same_on_the_wire(
    flavour: Flavour, client: Any, sent: Any, give: Any
) -> None:
    flavour(give(client.catalog.search))
    assert sent() == {"host_name": "a", "datetime": "2024-01-15T00:00:00Z", "next": "t"}


def test_nothing_is_added_and_null_is_not_unset(flavour: Flavour, client: Any, sent: Any) -> None:
    # `limit` has a default of 100 in the schema; the server knows it too.
    flavour(client.catalog.search(HOST))
    assert sent() == HOST
    flavour(client.catalog.search(host_name="a", bbox=None, limit=UNSET))
    assert sent() == {"host_name": "a", "bbox": None}
    flavour(client.catalog.search(CatalogSearchInput(host_name="a", bbox=None, limit=UNSET)))
    assert sent() == {"host_name": "a", "bbox": None}


def test_no_body_is_an_empty_object(flavour: Flavour, client: Any, sent: Any) -> None:
    for give in ((), (None,), ({},)):
        flavour(client.billing.credits.balance(*give))
        assert sent() == {}


def test_the_callers_body_is_left_alone(flavour: Flavour, client: Any, sent: Any) -> None:
    body = {"host_name": "a", "datetime_": "2024-01-15T00:00:00Z", "bbox": (1, 2, 3, 4), "collections": {"b"}}
    before = dict(body)
    flavour(client.catalog.search(body))
    assert body == before


class Format(enum.Enum):
    GEOTIFF = "geotiff"


class Level(enum.IntEnum):
    HIGH = 3


KEY = uuid.UUID("0b5e2f7e-6b1c-4b2e-9a57-5a8f0a6d3c11")
SYDNEY_TIME = dt.timezone(dt.timedelta(hours=10))


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ((1, 2), [1, 2]),
        ({"a"}, ["a"]),
        (frozenset({"a"}), ["a"]),
        (range(3), [0, 1, 2]),
        (collections.deque([1]), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        ({"a": {"b": ((1,),)}}, {"a": {"b": [[1]]}}),
        (dt.datetime(2024, 1, 15, 9, 30, tzinfo=dt.UTC), "2024-01-15T09:30:00+00:00"),
        (dt.datetime(2024, 1, 15, 9, 30, tzinfo=SYDNEY_TIME), "2024-01-15T09:30:00+10:00"),
        (dt.datetime(2024, 1, 15, 9, 30, 0, 250000, dt.UTC), "2024-01-15T09:30:00.250000+00:00"),
        (dt.date(2024, 1, 15), "2024-01-15"),
        (KEY, str(KEY)),
        (Format.GEOTIFF, "geotiff"),
        (Level.HIGH, 3),
        (Decimal("12.5"), 12.5),
        (Decimal("100"), 100),
        (numpy.float32(0.5), 0.5),
        (numpy.int64(7), 7),
        (numpy.bool_(True), True),
        (numpy.str_("a"), "a"),
        (numpy.array([[1.5, 2.0]]), [[1.5, 2.0]]),
        (numpy.datetime64("2024-01-15T09:30", "ns"), "2024-01-15T09:30:00Z"),
        (numpy.datetime64("2024-01-15"), "2024-01-15"),
        (numpy.array(["2024-01-15", "2024-01-16"], "datetime64[D]"), ["2024-01-15", "2024-01-16"]),
        (CatalogSearchInput(host_name="a", next_="t"), {"host_name": "a", "next": "t"}),
        (None, None),
        (True, True),
        ("ünïcode \u2028", "ünïcode \u2028"),
        (10**20, 10**20),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_with_one_obvious_json_form(
    flavour: Flavour, client: Any, sent: Any, value: Any, wire: Any
) -> None:
    flavour(client.orders.archive.place({"value": value, "in": [value]}))
    assert sent() == {"value": wire, "in": [wire]}
    assert type(sent()["value"]) is type(wire)


@pytest.mark.parametrize(
    "value",
    [
        {...},
        object(),
        b"bytes",
        bytearray(b"x"),
        dt.timedelta(1),
        1j,
        numpy.complex64(1),
        float("nan"),
        float("-inf"),
        numpy.float64("nan"),
        Decimal("Infinity"),
        {"deep": [{"er": float("inf")}]},
        {1: "a"},
        lambda: None,
        (x for x in "ab"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_without_one_are_refused(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, value: Any
) -> None:
    error = refused(flavour, lambda: client.orders.archive.place({"value": value}))
    assert "value" in str(error)
    assert httpx_mock.get_requests() == []


def test_python_values_in_typed_fields(flavour: Flavour, client: Any, sent: Any) -> None:
    flavour(
        client.catalog.search(
            host_name="a",
            collections={"sentinel-2-l2a"},
            bbox=(Decimal("151.18"), numpy.float64(-33.92), 151, -33),
            limit=numpy.int32(5),
            datetime_=dt.datetime(2024, 1, 15, tzinfo=SYDNEY_TIME),
            query={"eo:cloud_cover": {"lt": Decimal(20)}},
        )
    )
    assert sent() == {
        "host_name": "a",
        "collections": ["sentinel-2-l2a"],
        "bbox": [151.18, -33.92, 151, -33],
        "limit": 5,
        "datetime": "2024-01-15T00:00:00+10:00",
        "query": {"eo:cloud_cover": {"LT": 20}},
    }


def test_unknown_fields_when_they_are_allowed(flavour: Flavour, sent: Any) -> None:
    client = flavour.client("test-token", URL, extra_fields="allow")
    flavour(client.catalog.search(host_name="a", brand_new={"x": (1,)}))
    assert sent() == {"host_name": "a", "brand_new": {"x": [1]}}
    flavour(client.catalog.search({"host_name": "a", "query": {"c": {"lt": 1, "brandNew": 2}}}))
    assert sent() == {"host_name": "a", "query": {"c": {"LT": 1, "brandNew": 2}}}
    # Still refused: a wrong type, a missing field, a field given twice.
    for body in ({"host_name": 1}, {"limit": 1}, {**HOST, "next": "a", "next_": "a"}):
        with pytest.raises(InvalidInputError):
            flavour(client.catalog.search(body))


def test_allowed_fields_are_not_blamed_for_others(flavour: Flavour) -> None:
    client = flavour.client("test-token", URL, extra_fields="allow")
    error = refused(flavour, lambda: client.catalog.search(host_name=5, brand_new=1))
    assert [d.loc for d in error.error.detail] == [["body", "host_name"]]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"host_name": "a", "timeout": 3}, r"timeout: unknown field; .* with_options\(timeout=\.\.\.\)"),
        ({"timeout": 3}, r"timeout: unknown field; .* with_options\(timeout=\.\.\.\)"),
        ({"body": {"host_name": "a"}}, r"body: unknown field; the body is the first argument"),
    ],
)
def test_settings_of_a_call_are_distinguished_from_fields(
    flavour: Flavour, client: Any, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        flavour(client.catalog.search(**fields))


def test_unknown_fields_for_some_calls(flavour: Flavour, client: Any, sent: Any) -> None:
    flavour(client.with_options(extra_fields="allow").catalog.search(host_name="a", brand_new=1))
    assert sent()["brand_new"] == 1
    with pytest.raises(InvalidInputError):
        flavour(client.catalog.search(host_name="a", brand_new=1))


@pytest.mark.parametrize(
    "operation",
    [
        "billing.topup",
        "clip.create_from_item",
        "orders.archive.place",
        "orders.tasking.place",
        "processing.create",
        "processing.create_and_dispatch",
        "reports.generate",
        "uploads.complete",
    ],
)
def test_open_bodies_take_any_object(flavour: Flavour, client: Any, sent: Any, operation: str) -> None:
    place = client
    for name in operation.split("."):
        place = getattr(place, name)
    flavour(place({"anything": {"at_all_": [1, None]}, "type_": "kept as it is"}))
    assert sent() == {"anything": {"at_all_": [1, None]}, "type_": "kept as it is"}


def test_the_datetime_of_an_open_body_has_its_wire_name(flavour: Flavour, client: Any, sent: Any) -> None:
    for body in (
        {**HOST, "datetime_": (dt.date(2024, 1, 1), None)},
        {**HOST, "datetime": (dt.date(2024, 1, 1), None), "datetime_": UNSET},
    ):
        for stream in (client.catalog.search_stream(body), client.catalog.search_stream(**body)):
            assert flavour.collect(stream) == []
            assert sent() == {**HOST, "datetime": "2024-01-01T00:00:00Z/.."}
    with pytest.raises(InvalidInputError, match="given twice"):
        client.catalog.search_stream(datetime="2024-01-01", datetime_="2024-01-02")


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold_credits": 1000, "topup_amount_credits": 5000},
        {"threshold": 1000, "amount": 5000, "currency": "usd"},
    ],
    ids=["snapshot", "page"],
)
def test_both_spellings_of_automatic_top_up(
    flavour: Flavour, client: Any, httpx_mock: HTTPXMock, fields: dict[str, Any]
) -> None:
    httpx_mock.add_response(
        json={"enabled": True, "threshold_credits": 1000, "topup_amount_credits": 5000, "status": "ok"}
    )
    flavour(client.with_options(strict_responses=False).billing.set_auto_topup(enabled=True, **fields))
    assert json.loads(httpx_mock.get_requests()[0].content) == {"enabled": True, **fields}


@pytest.mark.parametrize("word", ["lt", "LT", "lte", "LTE", "gt", "GTE"])
def test_cloud_queries_in_either_case(flavour: Flavour, client: Any, sent: Any, word: str) -> None:
    flavour(client.catalog.search(host_name="a", query={"eo:cloud_cover": {word: 20}}))
    assert sent()["query"] == {"eo:cloud_cover": {word.upper(): 20}}  # the wire's names are in capitals
