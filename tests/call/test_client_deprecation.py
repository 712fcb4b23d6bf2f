"""Responses that announce the end of an operation: one warning for each operation."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
import pytest

from geopera._call import deprecation
from geopera.errors import DeprecatedOperationWarning, GeoperaError


@pytest.fixture(autouse=True)
def _nothing_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecation, "_warned", set())


@pytest.fixture
def replying(flavour: Any) -> Any:
    def make(headers: dict[str, str], status: int = 200) -> Any:
        def reply(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, json={}, headers=headers)

        return flavour.client(
            "gpra_secret",
            "http://127.0.0.1:9",
            httpx_args={"transport": httpx.MockTransport(reply)},
            max_retries=0,
        )

    return make


SUNSET = "Wed, 11 Nov 2026 23:59:59 GMT"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"Deprecation": "@1688169599"},
            "catalog.hosts.list is deprecated since 2023-06-30",
        ),
        ({"deprecation": "true"}, "catalog.hosts.list is deprecated"),
        ({"Deprecation": "@" + "9" * 5000}, "catalog.hosts.list is deprecated"),
        (
            {"Deprecation": "Fri, 30 Jun 2023 23:59:59 GMT"},
            "catalog.hosts.list is deprecated since 2023-06-30",
        ),
        ({"Sunset": SUNSET}, "catalog.hosts.list will stop working on 2026-11-11"),
        ({"Sunset": "soon"}, "catalog.hosts.list will stop working"),
        (
            {"Deprecation": "@0", "Sunset": SUNSET, "Link": '<https://x.example/d>; rel="deprecation"'},
            (
                "catalog.hosts.list is deprecated since 1970-01-01; it will stop working on "
                "2026-11-11 (see https://x.example/d)"
            ),
        ),
        (
            {
                "Deprecation": "@0",
                "Link": '<javascript:x>; rel="deprecation", <https://x.example>; rel="next"',
            },
            "catalog.hosts.list is deprecated since 1970-01-01",
        ),
    ],
)
def test_one_warning_an_operation(flavour: Any, replying: Any, headers: dict[str, str], message: str) -> None:
    client = replying(headers)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(3):
            flavour(client.catalog.hosts.list())
    told = [one for one in found if issubclass(one.category, DeprecatedOperationWarning)]
    assert [str(one.message) for one in told] == [message]
    assert issubclass(DeprecatedOperationWarning, DeprecationWarning)
    assert told[0].filename == __file__ or client._asynchronous


def test_each_operation_warns_and_a_response_without_the_headers_does_not(
    flavour: Any, replying: Any
) -> None:
    client = replying({"Deprecation": "@0"})
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        flavour(client.catalog.hosts.list())
        flavour(client.catalog.collections.list())
    assert len([one for one in found if one.category is DeprecatedOperationWarning]) == 2
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        flavour(replying({}).catalog.hosts.list())
    assert not [one for one in found if one.category is DeprecatedOperationWarning]


def test_an_error_warns_too(flavour: Any, replying: Any) -> None:
    with pytest.warns(DeprecatedOperationWarning), pytest.raises(GeoperaError):
        flavour(replying({"Sunset": SUNSET}, 410).catalog.hosts.list())


def test_a_token_in_the_headers_is_not_repeated(flavour: Any, replying: Any) -> None:
    client = replying({"Deprecation": "@0", "Link": '<https://x.example/gpra_secret>; rel="sunset"'})
    with pytest.warns(DeprecatedOperationWarning) as found:
        flavour(client.catalog.hosts.list())
    assert all("gpra_secret" not in str(one.message) for one in found)
