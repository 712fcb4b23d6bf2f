"""A client that follows the API: new operations, fields and removals, after one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from helpers.changed_api import NEW, NEW_SPENDING, REMOVED, changed_manifest, openapi
from helpers.sample import sampled
from helpers.small_manifest import small_manifest

import geopera
from geopera.errors import APIConnectionError, InvalidInputError, ManifestError
from geopera.manifest import Manifest, bundled
from geopera.sandbox import running
from geopera.tracking import cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def _server():
    with running(speed=100) as server:
        yield server


@pytest.fixture
def server(_server):
    yield _server
    _server.use_manifest(bundled().to_dict())
    _server.openapi = None


@pytest.fixture
def follower(flavour, server):
    return flavour.client(server.token, server.url)


def move_on(server, document=None):
    server.use_manifest(document or changed_manifest(small_manifest()))


@pytest.mark.slow
def test_new_operation_and_field_are_there_after_one_line(flavour, follower, server):
    catalog, weather_before = follower.catalog, dir(follower)
    assert "weather" not in weather_before
    with pytest.raises(AttributeError, match="weather"):
        _ = follower.weather
    search = catalog.search
    move_on(server, changed_manifest())
    with pytest.raises(InvalidInputError, match="season"):
        flavour(search(host_name="earthsearch-aws", season="summer"))

    result = flavour(follower.refresh_manifest())

    assert result.changed
    assert result.diff.added == [NEW, NEW_SPENDING]
    assert result.diff.removed == [REMOVED]
    assert "catalog.search" in result.diff.changed
    assert NEW in str(result)
    # Callable, typed, documented; also through proxies that were made before.
    reply = flavour(follower.weather.forecast.get(place="Sydney", days=2))
    assert isinstance(reply, follower.manifest.models.ForecastGetOutput)
    assert all(isinstance(share, float | int) for share in reply.clouds)
    assert "weather" in dir(follower)
    assert "cloud forecast" in repr(follower.weather.forecast)
    assert "days" in follower.weather.forecast.get.__doc__
    flavour(search(host_name="earthsearch-aws", season="summer", limit=1))
    with pytest.raises(InvalidInputError, match="place"):
        flavour(follower.weather.forecast.get(place="x"))


@pytest.mark.slow
def test_a_removed_operation_is_gone_also_through_an_old_proxy(flavour, follower, server):
    old = follower.glossary.providers.list
    glossary = follower.glossary
    move_on(server, changed_manifest())
    flavour(follower.refresh_manifest())
    with pytest.raises(AttributeError, match="list"):
        _ = glossary.providers.list
    with pytest.raises(AttributeError, match="no longer"):
        flavour(old())
    assert "no longer" in repr(old)


def test_no_other_client_and_no_module_changes(flavour, follower, server):
    other = flavour.client(server.token, server.url)
    before = other.manifest
    move_on(server)
    flavour(follower.refresh_manifest())
    assert NEW in follower.manifest.operations
    assert other.manifest is before
    assert NEW not in geopera.manifest.default().operations
    assert "ForecastGetInput" not in dir(geopera.models)


@pytest.mark.slow
def test_models_keep_their_identity_where_the_schema_did_not_change(flavour, follower, server):
    before = follower.manifest.models
    same, changed = before.StacFeature, before.CatalogSearchInput
    move_on(server, changed_manifest())
    flavour(follower.refresh_manifest())
    after = follower.manifest.models
    assert after.StacFeature is same
    assert after.SubscriptionOutput is before.SubscriptionOutput
    assert after.CatalogSearchOutput is before.CatalogSearchOutput
    assert after.CatalogSearchInput is not changed
    assert after.ForecastGetInput(place="Sydney").to_dict() == {"place": "Sydney"}
    page = flavour(follower.catalog.search(host_name="earthsearch-aws", limit=1))
    assert type(page.features[0]) is same


@pytest.mark.slow
def test_what_the_bundle_knows_survives_a_document_that_says_little(flavour, follower, server):
    server.openapi = openapi(changed_manifest())
    flavour(follower.refresh_manifest())
    old, new = bundled().operations, follower.manifest.operations
    for id in ("orders.archive.place", "catalog.search", "orders.get", "items.asset.download"):
        if id in old:
            for fact in ("side_effect", "idempotent", "media_type", "summary"):
                assert getattr(new[id], fact) == getattr(old[id], fact), (id, fact)
    assert new["catalog.search"].paging.records == "features"
    assert new["orders.get"].polling.success == ("fulfilled",)


def test_an_operation_nobody_knows_is_never_retried(flavour, follower, server):
    server.openapi = openapi(changed_manifest(small_manifest()))
    flavour(follower.refresh_manifest())
    operation = follower.manifest.operations[NEW_SPENDING]
    assert operation.side_effect is None
    assert not operation.read_only
    assert "not retried" in follower.weather.report.order.__doc__


def test_a_dry_run_changes_nothing(flavour, follower, server):
    before = follower.manifest
    move_on(server)
    result = flavour(follower.refresh_manifest(dry_run=True))
    assert result.diff.added == [NEW, NEW_SPENDING]
    assert result.installed is None
    assert follower.manifest is before
    assert cache.read(server.url) is None


@pytest.mark.slow
def test_a_refresh_without_change_is_conditional_and_cheap(flavour, follower, server):
    seen = []
    client = flavour.client(
        server.token,
        server.url,
        on_response=lambda response: seen.append((response.status_code, response.num_bytes_downloaded)),
    )
    move_on(server)
    first = flavour(client.refresh_manifest())
    manifest = client.manifest
    second = flavour(client.refresh_manifest())
    assert [status for status, _ in seen] == [200, 304]
    assert first.changed
    assert not second.changed
    assert second.diff.text() == "no changes"
    assert client.manifest is manifest
    # A client that does not have it yet gets it from the cache, by the same 304.
    third = flavour(follower.refresh_manifest())
    assert third.changed
    assert NEW in follower.manifest.operations


def test_another_bundle_or_overlay_asks_without_condition(flavour, follower, server, monkeypatch):
    from geopera.tracking import refresh

    move_on(server)
    flavour(follower.refresh_manifest())
    assert refresh._validator(follower.client)
    monkeypatch.setattr(refresh, "__version__", "99.0")
    assert refresh._validator(follower.client) == ""


@pytest.mark.slow
def test_the_next_import_uses_it_and_reset_goes_back(flavour, follower, server):
    move_on(server, changed_manifest())
    flavour(follower.refresh_manifest())
    code = (
        "import geopera, json\n"
        "c = geopera.Geopera()\n"
        "print(json.dumps([len(c.manifest.operations), 'weather' in dir(c), geopera.manifest.default().source,"
        " 'ForecastGetInput' in dir(geopera.models)]))"
    )

    def fresh(**env):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "GEOPERA_API_URL": server.url, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout)

    count, weather, source, models = fresh()
    assert (count, weather, models) == (len(bundled().operations) + 1, True, True)
    assert source == cache.read(server.url).file
    # Another API's clients are not touched by it.
    assert fresh(GEOPERA_API_URL="https://api.geopera.com")[1:3] == [False, "the package"]
    # An explicit file goes before it.
    path = os.path.join(os.environ["XDG_CACHE_HOME"], "own.json")
    with open(path, "w") as file:
        json.dump(bundled().to_dict(), file)
    assert fresh(GEOPERA_MANIFEST=path)[1:3] == [False, path]
    assert cache.reset(server.url)
    assert fresh()[1:3] == [False, "the package"]


def test_a_new_client_of_that_base_url_uses_it(flavour, follower, server):
    move_on(server)
    flavour(follower.refresh_manifest())
    code = (
        "from geopera import Geopera\n"
        f"assert 'weather' in dir(Geopera(base_url={server.url!r}))\n"
        "assert 'weather' not in dir(Geopera())\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], timeout=60, check=True)


def test_a_manifest_can_be_given(flavour, server, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(changed_manifest()))
    assert NEW in flavour.client(manifest=path).manifest.operations
    assert NEW in flavour.client(manifest=str(path)).manifest.operations
    given = Manifest.from_dict(changed_manifest())
    assert flavour.client(manifest=given).manifest is given


@pytest.mark.slow
@pytest.mark.parametrize("section", ["operations", "schemas"])
def test_a_refresh_replaces_a_manifest_with_a_faulty_entry(flavour, server, section):
    document = small_manifest()
    first = next(iter(document[section]))
    document[section][first] = {"type": "object", "description": "\x1b"}
    client = flavour.client(server.token, server.url, manifest=Manifest.from_dict(document))
    with pytest.raises(ManifestError):
        client.manifest.to_dict()
    flavour(client.refresh_manifest())
    assert client.manifest.to_dict()
    assert client.manifest.models.CatalogSearchInput


BAD = {
    "html": b"<html><body>Bad gateway</body></html>",
    "empty": b"",
    "cut": None,
    "array": b"[1, 2]",
    "other openapi": b'{"openapi": "3.1.0", "paths": {}}',
    "swagger": b'{"swagger": "2.0", "paths": {"/v1/op/a.b": {"post": {}}}}',
    "deep": b'{"openapi": "3.1.0", "paths": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "nan": b'{"openapi": "3.1.0", "paths": {"/v1/op/a.b": {"post": {"x": NaN}}}}',
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(BAD))
def test_a_damaged_document_changes_nothing(flavour, follower, server, kind):
    server.openapi = (
        BAD[kind]
        if BAD[kind] is not None
        else json.dumps(openapi(changed_manifest(small_manifest()))).encode()[:-40]
    )
    before = follower.manifest
    with pytest.raises(ManifestError, match=r"openapi\.json.*nothing was changed") as caught:
        flavour(follower.refresh_manifest())
    assert len(str(caught.value)) < 1_500
    assert server.token not in str(caught.value)
    assert follower.manifest is before
    assert cache.read(server.url) is None


HOSTILE = {
    "ids that clash": {"operations": {"orders.get.more": {}}},
    "an id that is none": {"operations": {"Orders.Get": {}}},
    "a reference to elsewhere": {"schemas": {"OrderGetInput": {"$ref": "https://example.com/x.json"}}},
    "a circle": {"schemas": {"OrderGetInput": {"$ref": "#/schemas/OrderGetInput"}}},
    "no schema": {"schemas": {"OrderGetInput": {"type": "strin"}}},
    "a pattern that is none": {
        "schemas": {
            "OrderGetInput": {
                "type": "object",
                "properties": {"order_id": {"type": "string", "pattern": "("}},
            }
        }
    },
}


@pytest.mark.parametrize("kind", sampled(sorted(HOSTILE), 4))
def test_a_hostile_part_of_a_document_is_left_out(flavour, follower, server, kind):
    document = small_manifest()
    for id, change in HOSTILE[kind].get("operations", {}).items():
        document["operations"][id] = {**document["operations"]["orders.get"], **change}
    document["schemas"].update(HOSTILE[kind].get("schemas", {}))
    document["operations"]["tides.get"] = document["operations"]["orders.get"]
    server.openapi = openapi(document)
    with pytest.warns(RuntimeWarning, match="left out: .*rder") as caught:
        result = flavour(follower.refresh_manifest())
    assert len(caught) == 1
    assert "! left out: " in str(result)
    assert len(result.diff.to_dict()["left_out"]) == 1
    assert result.diff.added == ["tides.get"]
    assert follower.manifest.operations["orders.get"].input == {"$ref": "#/schemas/OrderGetInput"}
    assert follower.manifest.models.StacFeature is bundled_models().StacFeature
    assert cache.read(server.url) is not None


def bundled_models():
    return geopera.manifest.default().models


def test_an_oversized_document_is_not_read_to_its_end(flavour, follower, server, monkeypatch):
    from geopera.tracking import refresh

    monkeypatch.setattr(refresh, "MAX_BYTES", 100_000)
    with pytest.raises(ManifestError, match="larger than"):
        flavour(follower.refresh_manifest())
    assert cache.read(server.url) is None


def test_errors_of_the_server_and_of_the_network_are_named(flavour, server):
    wrong_place = flavour.client(server.token, server.url + "/nowhere")
    with pytest.raises(ManifestError, match="status 404") as caught:
        flavour(wrong_place.refresh_manifest())
    assert caught.value.status_code == 404
    nobody = flavour.client("gpra_test", "http://127.0.0.1:9")
    with pytest.raises(APIConnectionError, match="cannot be reached") as refused:
        flavour(nobody.refresh_manifest())
    assert "gpra_test" not in str(refused.value)


def test_an_unwritable_cache_is_a_warning(flavour, follower, server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    move_on(server)
    with pytest.warns(RuntimeWarning, match="cannot be kept"):
        result = flavour(follower.refresh_manifest())
    assert result.installed is None
    assert NEW in follower.manifest.operations
