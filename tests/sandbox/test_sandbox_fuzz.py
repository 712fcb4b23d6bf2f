"""Odd but valid bodies: the sandbox responds to every one of them, and never with a bug of its own."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.sample import sampled
from helpers.sandbox_api import Api

from geopera.sandbox import example_body, running
from geopera.sandbox.wire.contract import Contract

CONTRACT = Contract.load()
MANIFEST = {
    "operations": {k: one.entry for k, one in CONTRACT.operations.items()},
    "schemas": CONTRACT.schemas,
}
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    5.0,
    1e300,
    2**63,
    10**400,
    "",
    "\x00",
    "\u2028",
    "🛰" * 300,
    "../../etc/passwd",
    "' OR 1=1 --",
    "..",
    "2024-13-45T99:99:99Z",
    [],
    [None],
    [[]],
    [1, 2, 3, 4],
    ["a"],
    {},
    {"": None},
    {"type": "Polygon"},
    {"type": "Polygon", "coordinates": [[[0, 0]]]},
    {"type": "GeometryCollection", "geometries": [{}]},
    {"eo:cloud_cover": {"lt": "x"}},
    {"eo:cloud_cover": {"in": 5}},
    {"a": {"b": {"c": [1, {"d": None}]}}},
]
HALVES = 2


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with running(speed=1000, download_size=1000) as server, Api(server) as api:
        yield api


def bodies(id_: str, count: int) -> Iterator[Any]:
    dice = random.Random(id_)
    whole = example_body(id_, MANIFEST, full=True)
    if not isinstance(whole, dict):
        return
    names = [*whole, "item_ids", "inputs", "groups", "amount", "limit", "status"]
    for _ in range(count):
        body = dict(whole)
        for name in dice.sample(names, min(HALVES, len(names))):
            if dice.random() < 0.2:
                body.pop(name, None)
            else:
                body[name] = dice.choice(ODD)
        yield body


@pytest.mark.slow
@pytest.mark.parametrize("id_", sampled(sorted(CONTRACT.operations), 24))
def test_no_body_is_a_bug(api: Api, id_: str) -> None:
    operation = CONTRACT.operations[id_]
    for body in bodies(id_, 12):
        reply = api.http.post(operation.path, content=json.dumps(body))
        assert reply.status_code in (operation.status, 402, 403, 404, 409, 422), (body, reply.text)


@pytest.mark.slow
def test_what_odd_bodies_left_behind_can_be_read_and_delivered(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    hook = {"event_type": "*", "endpoint_url": "https://example.com/"}
    api("event_subscriptions.create", {**hook, "filter_config": {"collection": 5}})
    spending = [id_ for id_, one in CONTRACT.operations.items() if one.side_effect == "external_spend"]
    for id_ in spending:
        for body in bodies(id_, 60):
            api.http.post(f"/v1/op/{id_}", content=json.dumps(body))
    time.sleep(0.3)
    assert api("orders.list", {"size": 1000})["orders"]
    assert api("processing.jobs.list", {"limit": 1000})["jobs"]
    assert api("clip.jobs.list", {"limit": 1000, "organization_id": "org-sandbox"})["jobs"]
    assert "a delivery of webhooks failed" not in caplog.text
