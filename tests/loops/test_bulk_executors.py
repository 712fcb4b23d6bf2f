"""Bulk calls in executors: threads, spawned processes, loky, Dask. One rate limit for all of them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera._call.shared_limits import SharedRateLimiter, shared_limiter
from geopera.errors import APIConnectionError, NotFoundError

Serve = Callable[[Callable[[Asked], Reply]], Wire]
TOKEN = "test-token"


def reply(asked: Asked) -> Reply:
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return json_reply({"title": "who?", "status": 401}, 401)
    if asked.body["order_id"] == "o3":
        return json_reply({"title": "No such order", "status": 404}, 404)
    time.sleep(0.02 if asked.body["order_id"][-1] in "02468" else 0)
    return json_reply({"id": asked.body["order_id"], "status": "fulfilled"})


def check(flavour: Flavour, client: Any, executor: Executor, **options: Any) -> None:
    given = [{"order_id": f"o{n}"} for n in range(12)]
    found = flavour.collect(client.orders.get.map(given, executor=executor, **options))
    assert isinstance(found.pop(3), NotFoundError)
    assert [one.id for one in found] == [f"o{n}" for n in range(12) if n != 3]


def test_threads(flavour: Flavour, serve: Serve) -> None:
    wire = serve(reply)
    with ThreadPoolExecutor(3) as executor:
        check(flavour, flavour.client(TOKEN, wire.url), executor, concurrency=50)
    assert wire.most <= 3


class Dying(Executor):
    """Its workers are gone."""

    def submit(self, *_: Any, **__: Any) -> Any:
        from concurrent.futures import Future

        future: Any = Future()
        future.set_exception(RuntimeError("the worker was killed"))
        return future


def test_a_worker_that_dies(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    client = flavour.client(TOKEN, serve(reply).url)
    options = {"executor": Dying(), "idempotency_key": lambda body: "key-1"}
    [found] = flavour.collect(client.orders.archive.place.map([{"a": 1}], **options))
    assert isinstance(found, APIConnectionError)
    assert found.may_have_acted
    assert found.idempotency_key == "key-1"


@pytest.mark.slow
def test_spawned_processes(flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    client = flavour.client(TOKEN, serve(reply).url)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        check(flavour, client, executor)
        check(flavour, client.with_options(max_retries=0), executor)


@pytest.mark.slow
def test_loky(flavour: Flavour, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    loky = pytest.importorskip("joblib.externals.loky")
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    executor = loky.ProcessPoolExecutor(2)
    try:
        check(flavour, flavour.client(TOKEN, serve(reply).url), executor)
    finally:
        executor.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dask(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("GEOPERA_API_TOKEN", TOKEN)
    flavour = Flavour("sync")
    client = flavour.client(TOKEN, serve(reply).url)
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as dask:
        check(flavour, client, dask.get_executor())
    flavour.close()


# One limit for all processes of a machine.


def test_two_limiters_of_one_file_count_together(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "limits.json"
    first, second = (SharedRateLimiter(path, {"organisation": 2}, window=10) for _ in range(2))
    assert [one.reserve("a.b", 100.0) for one in (first, second)] == [0, 0]
    assert first.reserve("a.b", 101.0) == pytest.approx(9.0)
    assert second.reserve("a.b", 101.0) == pytest.approx(9.0)
    assert pickle.loads(pickle.dumps(first)).reserve("a.b", 101.0) == pytest.approx(19.0)


def test_a_damaged_file_or_one_of_another_boot(tmp_path: Path) -> None:
    path = tmp_path / "limits.json"
    limiter = SharedRateLimiter(path, {"organisation": 1}, window=10)
    for content in (b"", b"{", b"[]", b'{"offset": 5, "taken": {"organisation": [1e12]}}', b'{"taken": 5}'):
        path.write_bytes(content)
        assert limiter.reserve("a.b", 100.0) == 0
        assert limiter.reserve("a.b", 100.0) == pytest.approx(10.0)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    limiter = SharedRateLimiter(tmp_path / "file" / "limits.json", {"organisation": 1}, window=10)
    assert limiter.reserve("a.b", 100.0) == 0
    assert limiter.reserve("a.b", 100.0) == pytest.approx(10.0)


def test_the_token_is_not_in_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for token in ("secret-one", "secret-two"):
        shared_limiter("https://api.geopera.com", (token,)).reserve("a.b", 1.0)
    files = [os.path.join(base, name) for base, _, names in os.walk(tmp_path) for name in names]
    assert len(files) == 2
    assert not any("secret" in file or "secret" in Path(file).read_text() for file in files)


def _reserve(path: str) -> float:
    return SharedRateLimiter(path, {"organisation": 5}, window=60).reserve("a.b", time.monotonic())


@pytest.mark.slow
def test_processes_share_it(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        delays = list(pool.map(_reserve, [str(tmp_path / "limits.json")] * 10))
    assert sum(delay == 0 for delay in delays) == 5
