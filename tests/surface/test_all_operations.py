"""All 229 operations can be called against the sandbox: fluent and low-level, blocking and awaited."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.sample import sampled

from geopera import AuthenticatedClient
from geopera.manifest import default
from geopera.sandbox import Sandbox, example_body
from geopera.types import Content, Response

MANIFEST = default()
DOCUMENT = MANIFEST.to_dict()
IDS = sorted(MANIFEST.operations)


@pytest.fixture(scope="module")
def own(make_module_sandbox: Sandbox) -> Sandbox:
    return make_module_sandbox


@pytest.fixture(scope="module")
def make_module_sandbox() -> Iterator[Sandbox]:
    """A server of this file's own: some of the operations change what others would find."""
    from geopera.sandbox import running

    with running(speed=1000, credits=1_000_000_000) as server:
        yield server


def body_of(id: str) -> Any:
    return example_body(id, DOCUMENT)


def check(id: str, response: Any) -> None:
    operation = MANIFEST.operations[id]
    assert isinstance(response, Response)
    assert response.status_code == operation.success_status
    if operation.binary:
        assert isinstance(response.parsed, Content)
        assert response.parsed == response.content
        assert response.parsed.media_type == operation.media_type.partition(";")[0]
    elif operation.streaming:
        assert isinstance(response.parsed, list)
        assert response.parsed[0].id
    else:
        assert response.parsed is not None
        assert response.media_type == "application/json"
    assert (response.idempotency_key is not None) is operation.spends


def test_there_are_229() -> None:
    assert len(IDS) == 229


@pytest.mark.parametrize("id", sampled(IDS))
def test_fluent(flavour: Flavour, own: Sandbox, id: str) -> None:
    client = flavour.client(own.token, own.url, strict_responses=True)
    call = functools.reduce(getattr, id.split("."), client)
    check(id, flavour(call(body_of(id), detailed=True)))


@pytest.mark.parametrize("id", sampled(IDS))
def test_low_level(flavour: Flavour, own: Sandbox, id: str) -> None:
    module = importlib.import_module("geopera.api.operations." + id.replace(".", "_"))
    client = flavour.low_level(AuthenticatedClient, base_url=own.url, token=own.token, strict_responses=True)
    check(id, flavour.detailed(module, client=client, body=body_of(id)))
