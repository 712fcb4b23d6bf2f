"""A client that follows the API by itself: ``manifest="auto"``."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers.changed_api import NEW, changed_manifest, openapi
from helpers.small_manifest import small_manifest

from geopera.manifest import Manifest, _manifest
from geopera.tracking import auto, cache
from geopera.tracking.compile import dump

CHANGED = changed_manifest(small_manifest())
DOCUMENT = json.dumps(openapi(CHANGED)).encode()


class Api:
    """An API that counts who asks for its description."""

    def __init__(self) -> None:
        self.described: list[str | None] = []  # the condition of each request
        self.calls: list[str] = []
        self.delay = 0.0
        self.status = 200
        self.body = DOCUMENT
        self.headers = {"ETag": '"e1"', "Content-Type": "application/json"}
        self.open = threading.Event()
        self.open.set()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body leave in two writes

            def log_message(self, *args: Any) -> None:
                pass

            def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                condition = self.headers.get("If-None-Match")
                api.described.append(condition)
                api.open.wait(20)
                if api.status == 200 and condition == api.headers["ETag"]:
                    self.reply(304, b"", api.headers)
                else:
                    self.reply(api.status, api.body, api.headers)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                api.calls.append(self.path.rpartition("/")[2])
                self.reply(200, b'{"clouds": []}', {"Content-Type": "application/json"})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GEOPERA_MANIFEST", raising=False)
    monkeypatch.setattr(auto, "_watches", {})
    monkeypatch.setattr(auto, "LIMIT", 60.0)  # a machine under load compiles slowly
    monkeypatch.setattr(_manifest, "_by_url", {})
    found = Api()
    yield found
    found.close()
    settled()


@pytest.fixture
def follower(flavour: Any, api: Api) -> Any:
    return flavour.client("t", api.url, manifest="auto")


def settled() -> None:
    """Wait until no thread of following is at work; one may start another."""
    for _ in range(10):
        working = [one for one in threading.enumerate() if one.name == "geopera-manifest"]
        for thread in working:
            thread.join(20)
        if not working:
            return


def kept(api: Api, *, age: float = 0.0, etag: str = '"e1"', version: str = "99") -> None:
    """A cached description of this API."""
    from geopera.tracking.refresh import _origin

    document = {**CHANGED, "api_version": version}
    facts = {**_origin(), "etag": etag, "api_version": version, "refreshed": f"{time.time() - age:.0f}"}
    cache.install(api.url, dump(document), facts)


def test_an_unknown_attribute_asks_the_api(flavour: Any, api: Api, follower: Any) -> None:
    if flavour.asynchronous:
        with pytest.raises(AttributeError, match=r"await client\.invoke\('weather\.…'"):
            _ = follower.weather
        settled()
    flavour(follower.weather.forecast.get(place="Sydney"))
    assert api.described == [None]
    assert api.calls == [NEW]
    assert NEW in follower.manifest.operations
    assert cache.read(api.url) is not None


def test_invoke_of_an_unknown_id_asks_the_api(flavour: Any, api: Api, follower: Any) -> None:
    result = flavour(follower.invoke(NEW, {"place": "Sydney"}))
    assert type(result).__name__ == "ForecastGetOutput"
    assert api.described == [None]
    assert api.calls == [NEW]


def test_map_over_an_unknown_id_asks_the_api(flavour: Any, api: Api, follower: Any) -> None:
    results = flavour.collect(follower.map(NEW, [{"place": "Sydney"}, {"place": "x"}], concurrency=1))
    assert type(results[0]).__name__ == "ForecastGetOutput"
    assert "place" in str(results[1])  # checked by the schema that came
    assert api.described == [None]


def test_resource_asks_too(flavour: Any, api: Api, follower: Any) -> None:
    if not flavour.asynchronous:
        assert follower.resource("weather.forecast.get").operation.id == NEW


@pytest.mark.parametrize("name", ["_weather", "__weather__", "_repr_html_", "_ipython_display_"])
def test_a_name_with_an_underscore_asks_nobody(api: Api, follower: Any, name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(follower, name)
    settled()
    assert api.described == []


def test_without_auto_nobody_is_asked(flavour: Any, api: Api) -> None:
    client = flavour.client("t", api.url)
    with pytest.raises(AttributeError):
        _ = client.weather
    flavour(client.catalog.hosts.list())
    settled()
    assert api.described == []


def test_at_most_once_in_ten_minutes(
    flavour: Any, api: Api, follower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = flavour.client("t", api.url + "/", manifest="auto")
    for client in (follower, other):
        for name in ("nope", "nor_this"):
            with pytest.raises(AttributeError, match=name):
                getattr(client, name)
            settled()
    assert len(api.described) == 1
    now = time.monotonic()
    monkeypatch.setattr(auto.time, "monotonic", lambda: now + 700)
    with pytest.raises(AttributeError):
        _ = follower.nope
    settled()
    assert len(api.described) == 2
    assert api.described[1] == '"e1"'


def test_an_odd_part_of_the_description_is_no_obstacle(flavour: Any, api: Api, follower: Any) -> None:
    document = json.loads(DOCUMENT)
    document["paths"]["/v1/op/Odd.Id"] = document["paths"]["/v1/op/orders.get"]
    api.body = json.dumps(document).encode()
    flavour(follower.invoke(NEW, {"place": "Sydney"}))  # warnings are errors here
    assert NEW in follower.manifest.operations


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    flavour: Any, api: Api, follower: Any, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file in the place of the folder")
    flavour(follower.invoke(NEW, {"place": "Sydney"}))
    assert NEW in follower.manifest.operations


@pytest.mark.slow
def test_another_client_takes_what_one_has_found(flavour: Any, api: Api, follower: Any) -> None:
    flavour(follower.invoke(NEW, {"place": "Sydney"}))
    other = flavour.client("t", api.url, manifest="auto")
    assert NEW not in other.manifest.operations
    assert other.weather.forecast.get.operation.id == NEW
    assert len(api.described) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (304, b""),
        (500, b"oops"),
        (404, b"{}"),
        (200, b"<html>"),
        (200, DOCUMENT[:-50]),
        (200, b"[1]"),
        (302, b""),
    ],
)
def test_whatever_comes_is_never_fatal(
    flavour: Any, api: Api, follower: Any, status: int, body: bytes
) -> None:
    api.status, api.body = status, body
    before = follower.manifest
    with pytest.raises(AttributeError, match="weather"):
        _ = follower.weather
    settled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flavour(follower.invoke("weather.other.get", {}))
    assert api.calls == ["weather.other.get"]
    assert follower.manifest is before
    assert len(api.described) == 1
    assert cache.read(api.url) is None


def test_no_network_is_never_fatal(flavour: Any, api: Api) -> None:
    client = flavour.client("t", "http://127.0.0.1:1", manifest="auto")
    with pytest.raises(AttributeError, match="weather"):
        _ = client.weather
    settled()


def test_a_slow_api_is_not_waited_for(
    flavour: Any, api: Api, follower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "LIMIT", 0.3)
    api.open.clear()
    began = time.monotonic()
    with pytest.raises(AttributeError):
        _ = follower.weather
    flavour(follower.catalog.hosts.list())
    assert time.monotonic() - began < 4
    assert api.calls == ["catalog.hosts.list"]


def test_a_known_call_does_not_wait(flavour: Any, api: Api, follower: Any) -> None:
    api.open.clear()
    for _ in range(3):
        flavour(follower.catalog.hosts.list())
    assert len(api.calls) == 3  # and the description has not come yet
    deadline = time.monotonic() + 10
    while not api.described and time.monotonic() < deadline:
        time.sleep(0.01)
    assert api.described == [None]
    api.open.set()
    settled()
    assert NEW in follower.manifest.operations


def test_a_loop_counts_as_calls(flavour: Any, api: Api, follower: Any) -> None:
    flavour.collect(follower.map("catalog.hosts.list", [{}] * 3, concurrency=1))
    settled()
    assert api.described == [None]


@pytest.mark.parametrize(
    ("age", "asked"), [(100.0, []), (80_000.0, []), (90_000.0, ['"e1"']), (-90_000.0, ['"e1"'])]
)
def test_the_first_call_checks_the_age_of_the_cache(
    flavour: Any, api: Api, age: float, asked: list[str]
) -> None:
    kept(api, age=age)
    client = flavour.client("t", api.url, manifest="auto")
    assert NEW in client.manifest.operations
    for _ in range(2):
        flavour(client.catalog.hosts.list())
    settled()
    assert api.described == asked
    entry = cache.read(api.url)
    assert entry is not None
    if asked:  # what has not changed is new again
        assert abs(time.time() - int(entry.facts["refreshed"])) < 100
        assert api.calls


def test_the_environment_can_name_auto(
    flavour: Any, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEOPERA_MANIFEST", "auto")
    monkeypatch.chdir(tmp_path)
    assert _manifest._choose().source == "the package"  # no file of that name is looked for
    client = flavour.client("t", api.url)
    flavour(client.invoke(NEW, {"place": "Sydney"}))
    assert api.described == [None]
    fixed = flavour.client("t", api.url, manifest=Manifest.from_dict(_manifest.bundled().to_dict()))
    assert not fixed.client._auto


def test_concurrent_lookups_of_threads_share_one_request(api: Api) -> None:
    from geopera import Geopera

    api.open.clear()
    found: list[Any] = []
    with Geopera("t", api.url, manifest="auto") as client:
        threads = [
            threading.Thread(target=lambda: found.append(client.weather.forecast.get)) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        api.open.set()
        for thread in threads:
            thread.join(20)
        settled()
    assert len(found) == 6
    assert len(api.described) == 1


def test_concurrent_lookups_of_tasks_share_one_request(api: Api) -> None:
    from geopera import AsyncGeopera

    async def run() -> list[Any]:
        async with AsyncGeopera("t", api.url, manifest="auto") as client:
            return await asyncio.gather(*(client.invoke(NEW, {"place": "Sydney"}) for _ in range(5)))

    results = asyncio.run(run())
    settled()
    assert {type(one).__name__ for one in results} == {"ForecastGetOutput"}
    assert len(api.described) == 1


def test_a_child_process_has_no_part_in_what_its_parent_does(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geopera import Geopera

    with Geopera("t", api.url, manifest="auto") as client:
        watch = auto._watch(client.client)
        with watch.lock, monkeypatch.context() as child:  # as a thread would hold it at the moment of a fork
            child.setattr(os, "getpid", lambda: -1)
            own = auto._watch(client.client)
        assert own is not watch
        assert own.lock.acquire(blocking=False)


def test_an_interpreter_that_ends_starts_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from geopera import Geopera

    def refuse(self: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    client = Geopera("t", api.url, manifest="auto")
    began = time.monotonic()
    with pytest.raises(AttributeError):
        _ = client.weather
    assert time.monotonic() - began < 3
    client.close()
