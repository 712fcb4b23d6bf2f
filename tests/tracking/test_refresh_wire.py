"""Descriptions as they come over a bad or hostile wire; and how unknown operations are treated on it."""

from __future__ import annotations

import gzip
import itertools
import json
import time

import pytest
from helpers.changed_api import NEW, NEW_SPENDING, changed_manifest, openapi
from helpers.small_manifest import small_manifest
from helpers.wire import Reply, Wire, json_reply

from geopera.errors import APIConnectionError, ManifestError, ServerError
from geopera.manifest import Manifest
from geopera.tracking import cache, refresh

DOCUMENT = json.dumps(openapi(changed_manifest(small_manifest()))).encode()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def serve():
    opened = []

    def start(reply):
        opened.append(Wire(reply if callable(reply) else lambda asked: reply))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def refused(flavour, url, error=ManifestError, **options):
    client = flavour.client("gpra_test", url, **options)
    before = client.manifest
    with pytest.raises(error) as caught:
        flavour(client.refresh_manifest())
    assert client.manifest is before
    assert cache.read(url) is None
    assert "nothing was changed" in str(caught.value)
    assert "gpra_test" not in str(caught.value)
    return str(caught.value)


def test_a_document_that_is_cut(flavour, serve):
    text = refused(flavour, serve(Reply(DOCUMENT[:5_000], length=len(DOCUMENT), cut=True)).url)
    assert "cut or damaged" in text
    refused(flavour, serve(Reply([DOCUMENT[:5_000]], cut=True)).url)


def test_a_document_that_announces_too_much_is_not_read(flavour, serve):
    text = refused(flavour, serve(Reply(b"{", length=65 << 20, cut=True)).url)
    assert "larger than 64 MiB" in text


def test_a_document_that_never_ends(flavour, serve, monkeypatch):
    monkeypatch.setattr(refresh, "MAX_BYTES", 1 << 20)
    server = serve(lambda asked: Reply(itertools.repeat(b" " * 65_536)))
    assert "larger than" in refused(flavour, server.url)
    assert server.hung_up.wait(20)


@pytest.mark.slow
def test_a_small_document_that_unpacks_to_a_huge_one(flavour, serve, monkeypatch):
    monkeypatch.setattr(refresh, "MAX_BYTES", 1 << 20)
    packed = gzip.compress(b" " * (64 << 20))
    assert len(packed) < 100_000
    refused(flavour, serve(Reply(packed, headers={"Content-Encoding": "gzip"})).url)


def test_a_document_that_is_not_what_its_encoding_says(flavour, serve):
    refused(flavour, serve(Reply(b"not gzip", headers={"Content-Encoding": "gzip"})).url)


def test_a_document_that_trickles(flavour, serve, monkeypatch):
    monkeypatch.setattr(refresh, "MAX_SECONDS", 0.3)

    def drops():
        for _ in range(200):
            time.sleep(0.05)
            yield b" "

    assert "took longer than 0.3 s" in refused(flavour, serve(lambda asked: Reply(drops())).url)


def test_a_server_that_does_not_respond(flavour, serve):
    def silence(asked):
        time.sleep(2)
        return Reply(b"{}")

    text = refused(flavour, serve(silence).url, APIConnectionError, timeout=0.2)
    assert "cannot be reached" in text


@pytest.mark.parametrize("status", [204, 301, 401, 403, 404, 429, 500, 503])
def test_any_other_status(flavour, serve, status):
    headers = {"Location": "https://example.com/"} if status == 301 else {}
    text = refused(flavour, serve(Reply(b"", status=status, length=0, headers=headers)).url)
    assert f"status {status}" in text


def test_304_without_a_question(flavour, serve):
    assert "status 304" in refused(flavour, serve(Reply(b"", status=304, length=0)).url)


def test_the_question_and_the_headers(flavour, serve):
    server = serve(Reply(DOCUMENT, headers={"ETag": '"v1"'}))
    client = flavour.client("gpra_test", server.url + "/", headers={"X-Team": "maps"})
    flavour(client.refresh_manifest())
    flavour(client.refresh_manifest())
    first, second = server.asked
    assert (first.method, first.path) == ("GET", "/openapi.json")
    assert first.headers["authorization"] == "Bearer gpra_test"
    assert first.headers["x-team"] == "maps"
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"] == '"v1"'


def test_a_compressed_document_is_read(flavour, serve):
    server = serve(Reply(gzip.compress(DOCUMENT), headers={"Content-Encoding": "gzip"}))
    client = flavour.client(None, server.url)
    assert NEW in flavour(client.refresh_manifest()).diff.added


@pytest.mark.parametrize("failure", [503, "cut"])
def test_an_operation_of_unknown_effect_is_sent_once(flavour, serve, failure):
    document = changed_manifest(small_manifest())
    document["operations"][NEW]["side_effect"] = "read"

    def fail(asked):
        return (
            Reply(b"{", cut=True)
            if failure == "cut"
            else json_reply({"title": "x"}, failure, Retry_After="0")
        )

    server = serve(fail)
    client = flavour.client("gpra_test", server.url, manifest=Manifest.from_dict(document), max_retries=2)
    for id, times in ((NEW_SPENDING, 1), (NEW, 3)):
        before = len(server.asked)
        with pytest.raises((ServerError, APIConnectionError)):
            flavour(client.invoke(id, {"place": "Sydney"}))
        assert len(server.asked) - before == times
