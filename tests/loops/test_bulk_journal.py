"""Bulk runs that can be run again: keys of one's own, and the journal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.lazily import leave_early
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera.errors import GeoperaError, InvalidInputError, ServerError

Serve = Callable[[Callable[[Asked], Reply]], Wire]
PLACE = "orders.archive.place"
TOKEN = "test-token-that-is-secret"


def orders(count: int) -> list[dict[str, Any]]:
    return [{"collection": "c", "item_ids": [f"i{n}"]} for n in range(count)]


def accept(asked: Asked) -> Reply:
    return json_reply({"id": f"order-{asked.body['item_ids'][0]}", "status": "awaiting_data"}, 202)


def keys(wire: Wire) -> list[str]:
    return [asked.headers["idempotency-key"] for asked in wire.asked]


def ids(results: list[Any]) -> list[str]:
    return [one.id for one in results]


# Keys of one's own.


def test_the_key_of_each_body(flavour: Flavour, serve: Serve) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    own = {"idempotency_key": lambda body: "k-" + body["item_ids"][0]}
    found = flavour.collect(client.orders.archive.place.map(orders(4), **own))
    assert ids(found) == [f"order-i{n}" for n in range(4)]
    flavour.collect(client.map(PLACE, orders(4), **own))
    assert Counter(keys(wire)) == {f"k-i{n}": 2 for n in range(4)}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "without buying twice"),
        ({"idempotency_key": "order-1"}, "one key for many"),
        ({"idempotency_key": ""}, "one key for many"),
        ({"idempotency_key": 5}, "function of a body"),
    ],
)
def test_a_run_that_spends_without_keys_is_refused(
    flavour: Flavour, serve: Serve, options: dict[str, Any], match: str
) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    with pytest.raises(TypeError, match=match):
        client.map(PLACE, orders(3), **options)
    assert wire.asked == []


@pytest.mark.parametrize("bad", [None, 7, "", "ü", "a\nb", " a", "x" * 256, b"key", KeyError("order")])
def test_an_unusable_key_is_refused_in_its_place(flavour: Flavour, serve: Serve, bad: Any) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)

    def key(body: dict[str, Any]) -> Any:
        if body["item_ids"] != ["i1"]:
            return "k-" + body["item_ids"][0]
        if isinstance(bad, Exception):
            raise bad
        return bad

    found = flavour.collect(client.map(PLACE, orders(3), idempotency_key=key))
    assert isinstance(found[1], InvalidInputError)
    assert [found[0].id, found[2].id] == ["order-i0", "order-i2"]
    assert sorted(keys(wire)) == ["k-i0", "k-i2"]


def test_one_key_for_two_bodies_is_refused(flavour: Flavour, serve: Serve) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    found = flavour.collect(client.map(PLACE, orders(3), idempotency_key=lambda body: "always"))
    assert [type(one).__name__ for one in found[1:]] == ["InvalidInputError"] * 2
    assert keys(wire) == ["always"]


# Shapes of the results.


def test_pairs_and_failed_bodies_again(flavour: Flavour, serve: Serve) -> None:
    broken = {"i1", "i3"}

    def reply(asked: Asked) -> Reply:
        if asked.body["item_ids"][0] in broken:
            return json_reply({"title": "no", "status": 402}, 402)
        return accept(asked)

    wire = serve(reply)
    client = flavour.client(TOKEN, wire.url)
    how = {"pairs": True, "idempotency_key": lambda body: body["item_ids"][0]}
    given = orders(5)
    found = flavour.collect(client.map(PLACE, given, **how))
    assert all(body is mine for (body, _), mine in zip(found, given, strict=True))
    failed = [body for body, result in found if isinstance(result, Exception)]
    assert failed == [given[1], given[3]]
    broken.clear()
    again = flavour.collect(client.map(PLACE, failed, **how))
    assert [result.id for _, result in again] == ["order-i1", "order-i3"]
    assert len(set(keys(wire))) == 5


def test_as_they_finish(flavour: Flavour, serve: Serve) -> None:
    gate = threading.Event()

    def reply(asked: Asked) -> Reply:
        if asked.body["order_id"] == "o0":
            gate.wait(10)
        return json_reply({"id": asked.body["order_id"]})

    client = flavour.client(TOKEN, serve(reply).url)
    given = [{"order_id": f"o{n}"} for n in range(8)]
    results = client.orders.get.map(given, ordered=False, concurrency=2)
    first = [step_id(flavour, results) for _ in range(7)]
    assert sorted(first) == [f"o{n}" for n in range(1, 8)]
    gate.set()
    assert ids(flavour.collect(results)) == ["o0"]


def step_id(flavour: Flavour, results: Any) -> str:
    from helpers.lazily import step

    found: str = step(flavour, results).id
    return found


def test_the_first_failure_raised(flavour: Flavour, serve: Serve) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.body["order_id"] == "o2":
            return json_reply({"title": "boom", "status": 500}, 500)
        return json_reply({"id": asked.body["order_id"]})

    client = flavour.client(TOKEN, serve(reply).url, max_retries=0)
    results = client.map("orders.get", ({"order_id": f"o{n}"} for n in range(50)), errors="raise")
    assert [step_id(flavour, results) for _ in range(2)] == ["o0", "o1"]
    with pytest.raises(ServerError):
        step_id(flavour, results)


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"errors": "rais"}, ValueError, "errors"),
        ({"ordered": "no"}, TypeError, "ordered"),
        ({"pairs": 1}, TypeError, "pairs"),
        ({"executor": "processes"}, TypeError, "executor"),
        ({"idempotency_key": "k"}, TypeError, "one key"),
        ({"journal": "no/such/folder/run.jsonl"}, FileNotFoundError, "folder"),
    ],
)
def test_a_wrong_option_is_refused_at_once(
    flavour: Flavour, serve: Serve, options: dict[str, Any], kind: type[Exception], match: str
) -> None:
    client = flavour.client(TOKEN, serve(accept).url)
    with pytest.raises(kind, match=match):
        client.orders.get.map([], **options)


def test_an_operation_is_not_an_id(flavour: Flavour, serve: Serve) -> None:
    client = flavour.client(TOKEN, serve(accept).url)
    with pytest.raises(TypeError, match=r"client\.catalog\.search\.map\(bodies\)"):
        client.map(client.catalog.search, [])
    with pytest.raises(TypeError, match="iterable of bodies"):
        client.orders.get.map({"order_id": "o"})


# The journal.


def test_a_second_run_sends_what_is_not_done(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    broken = {"i1", "i3"}

    def reply(asked: Asked) -> Reply:
        if asked.body["item_ids"][0] in broken:
            return json_reply({"title": "later", "status": 500}, 500)
        return accept(asked)

    wire = serve(reply)
    client = flavour.client(TOKEN, wire.url, max_retries=0)
    journal = tmp_path / "run.jsonl"
    first = flavour.collect(client.map(PLACE, orders(5), journal=journal))
    assert [isinstance(one, GeoperaError) for one in first] == [False, True, False, True, False]
    broken.clear()
    second = flavour.collect(client.map(PLACE, orders(5), journal=journal))
    assert ids(second) == [f"order-i{n}" for n in range(5)]
    assert len(wire.asked) == 7
    sent = [(asked.body["item_ids"][0], asked.headers["idempotency-key"]) for asked in wire.asked]
    assert len(set(sent)) == 5  # what failed went out under the key that it had
    third = flavour.collect(client.map(PLACE, orders(6), journal=journal, ordered=False))
    assert sorted(ids(third)) == [f"order-i{n}" for n in range(6)]
    assert len(wire.asked) == 8
    assert TOKEN not in journal.read_text()
    assert journal.stat().st_mode & 0o777 == 0o600


def test_two_equal_bodies_are_two_orders(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    same = orders(1) * 3
    for _ in range(2):
        assert len(flavour.collect(client.map(PLACE, same, journal=tmp_path / "run.jsonl"))) == 3
    assert len(set(keys(wire))) == len(wire.asked) == 3


def test_a_key_is_on_the_disk_before_it_is_sent(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"

    def reply(asked: Asked) -> Reply:
        assert asked.headers["idempotency-key"] in journal.read_text()
        return accept(asked)

    client = flavour.client(TOKEN, serve(reply).url, max_retries=0)
    found = flavour.collect(client.map(PLACE, orders(6), journal=journal, errors="raise"))
    assert len(found) == 6


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_torn_end_is_cut_off(flavour: Flavour, serve: Serve, tmp_path: Path, cut: int) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    journal = tmp_path / "run.jsonl"
    flavour.collect(client.map(PLACE, orders(3), journal=journal, concurrency=1))
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert len(flavour.collect(client.map(PLACE, orders(3), journal=journal))) == 3
    assert len(wire.asked) == 4
    assert len(set(keys(wire))) == 3
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_files_that_are_no_journal_of_this_run(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    mine = tmp_path / "notes.txt"
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for text in ("my notes", '{"a": 1}\n', "[1]\n"):
        mine.write_text(text)
        with pytest.raises(ValueError, match="not a journal"):
            client.map(PLACE, orders(1), journal=mine)
        assert mine.read_text() == text
    journal = tmp_path / "run.jsonl"
    flavour.collect(client.map(PLACE, orders(1), journal=journal))
    with pytest.raises(ValueError, match=r"orders\.archive\.place"):
        client.map("orders.get", [], journal=journal)
    elsewhere = flavour.client(TOKEN, serve(accept).url)
    with pytest.raises(ValueError, match="API"):
        elsewhere.map(PLACE, orders(1), journal=journal)
    before = len(wire.asked)
    slash = flavour.client(TOKEN, f"{wire.url}/")
    assert len(flavour.collect(slash.map(PLACE, orders(1), journal=journal))) == 1
    assert len(wire.asked) == before, "the same API, with a slash"
    for device in (os.devnull, fifo):
        with pytest.raises(ValueError, match="a device or a pipe"):
            client.map(PLACE, orders(1), journal=device)
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([lines[0], "\n", *lines[1:]]))
    assert len(flavour.collect(client.map(PLACE, orders(1), journal=journal))) == 1
    assert len(wire.asked) == before
    journal.write_text("".join([lines[0], "{broken\n", *lines[1:]]))
    with pytest.raises(ValueError, match="line 2"):
        flavour.collect(client.map(PLACE, orders(1), journal=journal))


def test_two_runs_do_not_share_a_journal(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    from helpers.lazily import shut, step

    client = flavour.client(TOKEN, serve(accept).url)
    journal = tmp_path / "run.jsonl"
    first = client.map(PLACE, orders(9), journal=journal, concurrency=1)
    step(flavour, first)
    with pytest.raises(RuntimeError, match="another run"):
        flavour.collect(client.map(PLACE, orders(9), journal=journal))
    shut(flavour, first)
    assert len(flavour.collect(client.map(PLACE, orders(9), journal=journal))) == 9


def test_an_expired_key_is_not_sent_again(
    flavour: Flavour, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = serve(lambda asked: json_reply({"title": "boom", "status": 500}, 500))
    client = flavour.client(TOKEN, wire.url, max_retries=0)
    journal = tmp_path / "run.jsonl"
    flavour.collect(client.map(PLACE, orders(1), journal=journal))
    later = time.time() + 25 * 3600
    monkeypatch.setattr("geopera._loops.journal.time.time", lambda: later)
    [found] = flavour.collect(client.map(PLACE, orders(1), journal=journal))
    assert "24 hours" in str(found)
    assert found.idempotency_key == keys(wire)[0]
    assert len(wire.asked) == 1


def test_a_loop_that_is_left_goes_on(flavour: Flavour, serve: Serve, tmp_path: Path) -> None:
    wire = serve(accept)
    client = flavour.client(TOKEN, wire.url)
    journal = tmp_path / "run.jsonl"
    assert len(leave_early(flavour, client.map(PLACE, orders(9), journal=journal, concurrency=3), 2)) == 2
    assert len(flavour.collect(client.map(PLACE, orders(9), journal=journal))) == 9
    assert len(set(keys(wire))) == 9


_RUN = """
import sys
from geopera import Geopera
bodies = [{"collection": "sentinel-2-l2a", "item_ids": [f"i{n}"]} for n in range(12)]
client = Geopera(sys.argv[1], sys.argv[2])
for order in client.orders.archive.place.map(bodies, concurrency=3, journal=sys.argv[3]):
    print(order, flush=True)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_buys_nothing_twice(serve: Serve, tmp_path: Path) -> None:
    """The server carries out what came in, also where nobody waits for its response any more."""
    bought: dict[str, str] = {}
    lock = threading.Lock()

    def reply(asked: Asked) -> Reply:
        with lock:
            bought.setdefault(asked.headers["idempotency-key"], asked.body["item_ids"][0])
        if not again.is_set():
            time.sleep(0.1)
        return accept(asked)

    again = threading.Event()
    wire = serve(reply)
    command = [sys.executable, "-c", _RUN, TOKEN, wire.url, str(tmp_path / "run.jsonl")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while len(wire.asked) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert 6 <= len(bought) < 12
    again.set()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert len(done.stdout.splitlines()) == 12
    assert sorted(bought.values()) == sorted(f"i{n}" for n in range(12))
