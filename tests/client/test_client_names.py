"""The tree of attributes: what exists is found, what does not is named where it was written."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

import geopera
from geopera.fluent import OperationCall, Resource

pytestmark = pytest.mark.parametrize("cls", [geopera.Geopera, geopera.AsyncGeopera])


@pytest.fixture
def client(cls: Any) -> Any:
    return cls("test-token", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("path", "wrong", "near"),
    [
        ("", "catlog", "'catalog'"),
        ("", "order", "'orders'"),
        ("catalog", "serach", "'search'"),
        ("orders.archive", "plaec", "'place'"),
        ("event_subscriptions", "lists", "'list'"),
        ("catalog", "Search", "'search'"),
    ],
)
def test_a_typo_fails_at_the_attribute_and_names_the_nearest(
    client: Any, path: str, wrong: str, near: str
) -> None:
    place = client
    for name in path.split(".") if path else ():
        place = getattr(place, name)
    with pytest.raises(AttributeError, match="did you mean") as caught:
        getattr(place, wrong)
    assert near in str(caught.value)
    assert repr(wrong) in str(caught.value)
    assert not hasattr(place, wrong)
    assert getattr(place, wrong, "default") == "default"


def test_a_name_that_resembles_nothing_shows_what_there_is(client: Any) -> None:
    with pytest.raises(AttributeError, match="hosts") as caught:
        client.catalog.xyzzy  # noqa: B018
    assert "search" in str(caught.value)


def test_below_an_operation_there_is_nothing_unknown(client: Any) -> None:
    with pytest.raises(AttributeError):
        client.catalog.search.deeper  # noqa: B018
    with pytest.raises(TypeError):
        client.catalog()


@pytest.mark.parametrize("name", ["_private", "__wrapped__", "__len__", "_ipython_display_x", "_repr_x_"])
def test_underscored_names_are_never_looked_up(client: Any, name: str) -> None:
    for place in (client, client.catalog, client.catalog.search):
        assert not hasattr(place, name)


def test_every_operation_is_where_its_id_says(client: Any) -> None:
    for id in client.manifest.operations:
        place = client
        for name in id.split("."):
            assert name in dir(place)
            place = getattr(place, name)
        assert isinstance(place, OperationCall)
        assert place.operation.id == id
        assert callable(place)


def test_dir_holds_names_and_nothing_else(client: Any) -> None:
    assert set(dir(client.catalog)) == set(client.manifest.tree["catalog"])
    assert {"catalog", "orders", "client", "manifest", "invoke", "with_options"} <= set(dir(client))


def test_resources_named_like_methods_are_resources(client: Any) -> None:
    assert isinstance(client.items, Resource)
    assert isinstance(client.items.get, OperationCall)
    assert isinstance(client.orders.list, OperationCall)


def test_proxies_compare_copy_and_pickle(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOPERA_API_TOKEN", "test-token")
    for proxy in (client.catalog, client.catalog.search):
        assert copy.copy(proxy) is proxy
        assert copy.deepcopy(proxy) is proxy
        again = pickle.loads(pickle.dumps(proxy))
        assert type(again) is type(proxy)
        assert b"test-token" not in pickle.dumps(proxy)
    assert client.catalog == client.catalog
    assert client.catalog.search == client.catalog.search
    assert client.catalog != client.orders
    assert len({client.catalog.search, client.catalog.search, client.catalog.hosts}) == 2


def test_documentation_is_live(client: Any) -> None:
    assert "catalog.search" in repr(client.catalog.search)
    assert "search" in repr(client.catalog)
    assert "host_name" in inspect.signature(client.catalog.search).parameters
    assert client.manifest.operations["catalog.search"].summary in (client.catalog.search.__doc__ or "")


def test_an_unknown_option_is_named(cls: Any, client: Any) -> None:
    with pytest.raises(TypeError, match=r"'time_out'.*did you mean 'timeout'"):
        cls("test-token", time_out=3)
    with pytest.raises(TypeError, match=r"'max_retrys'.*did you mean 'max_retries'"):
        client.with_options(max_retrys=3)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"base_url": "api.example.com"}, ValueError),
        ({"extra_fields": "perhaps"}, ValueError),
        ({"rate_limit": "slow"}, ValueError),
        ({"max_retries": -1}, ValueError),
        ({"max_retries": 1.5}, TypeError),
        ({"max_retries": True}, TypeError),
        ({"token": "two\nlines"}, ValueError),
        ({"token": "umlaut-ä"}, ValueError),
        ({"token": " padded "}, ValueError),
        ({"token": b"bytes"}, TypeError),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_used_is_refused_at_once(
    cls: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        cls(**{"token": "test-token", **options})
    assert "lines" not in str(caught.value)  # no part of a token is shown
    assert "umlaut" not in str(caught.value)
