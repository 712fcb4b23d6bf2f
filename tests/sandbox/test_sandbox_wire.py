"""The sandbox's outside: tokens, scopes, errors, request ids, the live description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from helpers.sandbox_api import AOI, ORDER, SCENE, Api

from geopera.sandbox import Sandbox

USERINFO = "/realms/public/protocol/openid-connect/userinfo"


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


@pytest.fixture(scope="module")
def towns() -> Iterator[Sandbox]:
    from geopera.sandbox import running

    tokens = {
        "other-token": {"organization": "org-other"},
        "reader-token": {"scopes": ["catalog:read", "orders:read"], "principal": "user-1", "type": "user"},
        "family-token": {"scopes": ["orders:*"]},
    }
    with running(tokens=tokens, speed=100) as server:
        yield server


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong-token"},
        {"Authorization": "Basic c2FuZGJveC10b2tlbg=="},
        {"Authorization": "Bearer"},
        {"X-API-Key": "wrong-token"},
    ],
)
def test_a_missing_or_wrong_token_is_a_401(sandbox: Sandbox, headers: dict[str, str]) -> None:
    with Api(sandbox, token=None, **headers) as api:
        api.problem(401, "billing.credits.balance")
        assert api.raw("billing.credits.balance").headers["www-authenticate"] == "Bearer"


def test_an_api_key_header_does_instead_of_a_bearer_token(sandbox: Sandbox) -> None:
    with Api(sandbox, token=None, **{"X-API-Key": "sandbox-token"}) as api:
        assert api("billing.credits.balance")["organization_id"] == "org-sandbox"


def test_public_operations_need_no_token_but_refuse_a_wrong_one(sandbox: Sandbox) -> None:
    with Api(sandbox, token=None) as api:
        assert api("billing.plans.list")
    with Api(sandbox, token="wrong-token") as api:
        api.problem(401, "billing.plans.list")


def test_scopes(towns: Sandbox) -> None:
    with Api(towns, "reader-token") as api:
        assert api("catalog.search", {"host_name": "earthsearch-aws", "limit": 1})["features"]
        assert api.problem(403, "orders.archive.place", ORDER)["required_scope"] == "orders:write"
    with Api(towns, "family-token") as api:
        assert api("orders.archive.place", ORDER)["id"]
        api.problem(403, "catalog.search", {"host_name": "earthsearch-aws"})


def test_organisations_do_not_see_each_other(towns: Sandbox) -> None:
    with Api(towns) as mine, Api(towns, "other-token") as theirs:
        order = mine("orders.archive.place", ORDER)["id"]
        job = mine("processing.create", {"job_type": "ndvi"})["id"]
        sub = mine("event_subscriptions.create", {"event_type": "x", "endpoint_url": "https://example.com"})[
            "id"
        ]
        item = mine("items.list", {"project_id": "example-project", "limit": 1})["items"][0]["id"]
        for operation, body in [
            ("orders.get", {"order_id": order}),
            ("orders.cancel", {"order_id": order}),
            ("processing.job.get", {"job_id": job}),
            ("event_subscriptions.get", {"subscription_id": sub}),
            ("event_subscriptions.delete", {"subscription_id": sub}),
            ("items.get", {"item_id": item}),
        ]:
            theirs.problem(404, operation, body)
            assert mine.raw(operation, body).status_code in (200, 409)
        assert theirs("orders.list")["orders"] == []
        theirs.problem(403, "usage.current", {"organization_id": "org-sandbox"})
        assert mine("billing.credits.balance")["credits"] < theirs("billing.credits.balance")["credits"]


def test_userinfo(towns: Sandbox) -> None:
    with Api(towns, "reader-token") as api:
        assert api.http.get(USERINFO).json() == {
            "sub": "user-1",
            "geopera_principal_id": "user-1",
            "geopera_principal_type": "user",
            "geopera_org_id": "org-sandbox",
        }
    with Api(towns, token=None) as api:
        assert api.http.get(USERINFO).status_code == 401
        assert (
            api.http.get(USERINFO, headers={"X-API-Key": "other-token"}).json()["geopera_org_id"]
            == "org-other"
        )


def test_every_response_has_a_request_id(api: Api) -> None:
    replies = [
        api.raw("catalog.hosts.list"),
        api.raw("no.such.operation"),
        api.http.get("/v1/op/catalog.search"),
        api.http.get("/nowhere"),
        api.http.get("/openapi.json"),
        api.raw("catalog.search", {}),
    ]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == len(ids)
    assert api.raw("catalog.hosts.list", None, X_Request_ID="mine-7").headers["x-request-id"] == "mine-7"
    assert api.raw("catalog.hosts.list", None, X_Request_ID="not fit").headers["x-request-id"] != "not fit"


def test_unknown_places_and_methods(api: Api) -> None:
    api.problem(404, "no.such.operation")
    for reply, status in [
        (api.http.get("/v1/op/catalog.search"), 405),
        (api.http.delete("/v1/op/catalog.search"), 405),
        (api.http.get("/nowhere"), 404),
    ]:
        assert reply.status_code == status
        assert reply.json()["status"] == status
        assert reply.headers["content-type"].startswith("application/problem+json")
    assert api.http.get("/v1/op/catalog.search").headers["allow"] == "POST"
    assert api.http.head("/v1/op/catalog.search").status_code == 405


@pytest.mark.parametrize(
    "text",
    [
        '{"host_name": ',
        "nonsense",
        '{"a": NaN}',
        '{"a": 1e999}',
        b"\xff\xfe\x00",
        '{"a": "\\ud800"}',
        "[" * 100_000,
    ],
)
def test_a_body_that_is_not_json_is_a_400(api: Api, text: str | bytes) -> None:
    reply = api.http.post("/v1/op/catalog.search", content=text)
    assert reply.status_code == 400
    assert reply.json()["title"] == "Bad Request"


def test_a_body_that_is_too_large_is_a_413(api: Api) -> None:
    reply = api.http.post("/v1/op/catalog.search", content=b'"' + b"a" * (17 << 20) + b'"')
    assert reply.status_code == 413


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({}, ["body", "host_name"], "missing"),
        ({"host_name": 5}, ["body", "host_name"], "string_type"),
        ({"host_name": "h", "limit": 0}, ["body", "limit"], "greater_than_equal"),
        ({"host_name": "h", "limit": 501}, ["body", "limit"], "less_than_equal"),
        ({"host_name": "h", "bbox": ["a"]}, ["body", "bbox", 0], "number_type"),
        (
            {"host_name": "h", "query": {"eo:cloud_cover": {"LT": "x"}}},
            ["body", "query", "eo:cloud_cover", "LT"],
            "number_type",
        ),
        ([], ["body"], "object_type"),
    ],
)
def test_input_validation_names_the_place(api: Api, body: Any, loc: list[Any], kind: str) -> None:
    reply = api.raw("catalog.search", body)
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/json"
    first = reply.json()["detail"][0]
    assert first["loc"] == loc
    assert first["type"] == kind
    assert first["msg"]


def test_formats_and_patterns_are_checked(api: Api) -> None:
    body = {"target_type": "item", "target_id": "x", "password": "long enough", "expires_at": "tomorrow"}
    assert api.raw("share.link.create", body).json()["detail"][0]["loc"] == ["body", "expires_at"]
    assert api.raw("share.link.create", {**body, "expires_at": "2026-01-01T00:00:00Z"}).status_code == 200
    wrong = {"quotation_id": "q", "decision": "PERHAPS"}
    assert (
        api.raw("orders.tasking.quotation_decide", wrong).json()["detail"][0]["type"]
        == "string_pattern_mismatch"
    )


def test_bodies_that_may_be_left_out(api: Api) -> None:
    def bare(operation: str, content: bytes) -> httpx.Response:
        return api.http.post(f"/v1/op/{operation}", content=content)

    assert bare("uploads.complete", b"").status_code == 200
    assert bare("uploads.complete", b"null").status_code == 200
    missing = bare("catalog.search", b"")
    assert missing.status_code == 422
    assert missing.json()["detail"] == [{"loc": ["body"], "msg": "Field required", "type": "missing"}]


def test_an_unknown_field_is_ignored(api: Api) -> None:
    body = {"host_name": "earthsearch-aws", "limit": 1, "datetime_": "1990-01-01T00:00:00Z"}
    assert api("catalog.search", body)["features"]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("catalog.search", {"host_name": "no-such-host"}),
        ("catalog.search", {"host_name": "earthsearch-aws", "bbox": [1, 2, 3]}),
        ("catalog.search", {"host_name": "earthsearch-aws", "bbox": [0, 5, 1, 0]}),
        ("catalog.search", {"host_name": "earthsearch-aws", "bbox": [-999, 0, 5, 1]}),
        ("catalog.search", {"host_name": "earthsearch-aws", "bbox": AOI, "intersects": {"type": "Point"}}),
        (
            "catalog.search",
            {"host_name": "earthsearch-aws", "intersects": {"type": "Polygon", "coordinates": 3}},
        ),
        ("catalog.search", {"host_name": "earthsearch-aws", "datetime": "yesterday"}),
        (
            "catalog.search",
            {"host_name": "earthsearch-aws", "datetime": "2024-02-01T00:00:00Z/2024-01-01T00:00:00Z"},
        ),
        ("catalog.search", {"host_name": "earthsearch-aws", "query": {"eo:cloud_cover": {"near": 3}}}),
        ("catalog.search", {"host_name": "earthsearch-aws", "next": "made-up"}),
        ("catalog.search_stream", {}),
        ("orders.archive.place", {}),
        ("orders.archive.place", {**ORDER, "item_ids": []}),
        ("orders.archive.place", {**ORDER, "item_ids": ["no-such-item"]}),
        ("orders.archive.place", {**ORDER, "collection": "no-such-collection"}),
        ("orders.archive.place", {**ORDER, "collection": "landsat-c2-l2"}),
        ("orders.tasking.place", {"groups": []}),
        ("processing.create", {"job_type": "no-such-type"}),
        ("processing.create", {"job_type": "ndvi", "inputs": {"item_ids": ["no-such-item"]}}),
        ("billing.topup", {}),
        ("billing.topup", {"amount": 50.5}),
        ("billing.topup", {"amount": -1}),
        ("event_subscriptions.create", {"event_type": "x", "endpoint_url": "http://example.com/"}),
        ("event_subscriptions.create", {"event_type": "x", "endpoint_url": "ftp://127.0.0.1/"}),
        ("orders.list", {"page": -1}),
        ("orders.list", {"size": 0}),
    ],
)
def test_domain_rules_respond_with_a_problem(api: Api, operation: str, body: Any) -> None:
    reply = api.raw(operation, body)
    assert reply.status_code == 422, reply.text
    assert reply.json()["detail"]


def test_openapi_describes_every_operation(sandbox: Sandbox, api: Api) -> None:
    reply = api.http.get("/openapi.json")
    document = reply.json()
    assert document["openapi"].startswith("3.1")
    operations = {path.removeprefix("/v1/op/") for path in document["paths"] if path.startswith("/v1/op/")}
    assert operations == set(sandbox.state.contract.operations)
    assert len(document["paths"]) > len(operations)
    place = document["paths"]["/v1/op/orders.archive.place"]["post"]
    assert place["x-required-scope"] == "orders:write"
    assert place["x-side-effect"] == "external_spend"
    assert "202" in place["responses"]
    assert "#/schemas/" not in reply.text.replace("#/components/schemas/", "")


def test_openapi_responds_to_conditional_requests(api: Api) -> None:
    first = api.http.get("/openapi.json")
    again = api.http.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert api.http.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_changed_document_can_be_served(make_sandbox: Callable[..., Sandbox]) -> None:
    def grown(document: dict[str, Any]) -> dict[str, Any]:
        document["paths"]["/v1/op/weather.now"] = {"post": {"responses": {}}}
        return document

    server = make_sandbox(openapi=grown)
    with Api(server) as api:
        first = api.http.get("/openapi.json")
        assert "/v1/op/weather.now" in first.json()["paths"]
        server.openapi = b"{ not json"
        assert api.http.get("/openapi.json").content == b"{ not json"
        server.openapi = {"openapi": "3.1.0", "paths": {}}
        assert api.http.get("/openapi.json").json()["paths"] == {}
        server.openapi = None
        plain = api.http.get("/openapi.json")
        assert "/v1/op/weather.now" not in plain.json()["paths"]
        assert plain.headers["etag"] != first.headers["etag"]


def test_another_manifest_makes_other_operations(make_sandbox: Callable[..., Sandbox]) -> None:
    entry = {
        "input": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
        "output": {"$ref": "#/schemas/Weather"},
        "side_effect": "read",
    }
    schema = {"type": "object", "properties": {"place": {"type": "string"}, "celsius": {"type": "number"}}}
    server = make_sandbox(manifest={"operations": {"weather.now": entry}, "schemas": {"Weather": schema}})
    with Api(server) as api:
        assert api("weather.now", {"place": "Sydney"}) == {"place": "Sydney", "celsius": 0}
        assert api.raw("weather.now", {}).status_code == 422
        api.problem(404, "catalog.search", {"host_name": "earthsearch-aws"})
        server.use_manifest(None)
        assert api("catalog.search", {"host_name": "earthsearch-aws", "ids": [SCENE]})["features"]


def test_a_response_that_breaks_its_schema_is_a_500(
    make_sandbox: Callable[..., Sandbox], caplog: pytest.LogCaptureFixture
) -> None:
    entry = {"input": {}, "output": {"type": "object", "required": ["unheard_of"]}, "side_effect": "read"}
    server = make_sandbox(manifest={"operations": {"catalog.hosts.list": entry}, "schemas": {}})
    with Api(server) as api:
        assert "unheard_of" in api.problem(500, "catalog.hosts.list")["detail"]
    assert "a bug in the sandbox" in caplog.text


def test_the_description_says_what_the_official_one_says(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    operations = {p: path["post"] for p, path in document["paths"].items() if p.startswith("/v1/op/")}
    assert document["security"] == [{"bearerAuth": []}]
    assert {name for one in operations.values() for name in one["security"][0]} == {"HTTPBearer"}
    assert {"HTTPBearer", "bearerAuth"} <= document["components"]["securitySchemes"].keys()
    assert sum(one["x-raw-response"] for one in operations.values()) == 144
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert all(one["parameters"][0]["schema"] == nullable for one in operations.values())
