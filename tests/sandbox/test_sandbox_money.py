"""Credits and idempotency: every effect once, and nothing halfway, even when the process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers.sandbox_api import ORDER, Api

from geopera.sandbox import Sandbox


@pytest.fixture
def bank(make_sandbox: Callable[..., Sandbox]) -> Iterator[Api]:
    with Api(make_sandbox(credits=1000, speed=100)) as api:
        yield api


def ledger(api: Api, reason: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(100):
        body = {"limit": 500, "offset": 500 * page, "reason": reason}
        rows = api("billing.credits.transactions", body)["transactions"]
        found += rows
        if len(rows) < 500:
            return found
    raise AssertionError("the ledger does not end")


def test_an_order_debits_and_a_topup_credits(bank: Api) -> None:
    order = bank("orders.archive.place", ORDER)
    assert order["credits"] == 100
    topup = bank("billing.topup", {"amount": 250, "currency": "usd"})
    assert topup["balance"] == 1000 - 100 + 250
    assert bank("billing.credits.balance")["credits"] == 1150
    assert [(row["amount"], row["reason"], row["balance_after"]) for row in ledger(bank)] == [
        (250, "topup", 1150),
        (-100, "order", 900),
        (1000, "grant", 1000),
    ]
    assert [row["reference"] for row in ledger(bank, "order")] == [order["id"]]


def test_prices(bank: Api) -> None:
    item = ORDER["item_ids"][0]
    assert bank("orders.archive.place", {**ORDER, "item_ids": [item] * 3})["credits"] == 300
    assert bank("orders.place", {"workspaceId": "w", "dataProduct": "d"})["credits"] == 100
    assert bank("processing.create", {"job_type": "ndvi"})["credits"] == 10
    assert bank("clip.create_from_item", {"item_id": item})["credits"] == 20
    estimate = bank("orders.tasking.estimate", {"groups": [{}, {}]})
    assert (estimate["totalCredits"], estimate["totalAud"]) == (10_000, 100.0)
    assert bank("orders.archive.estimate", {"captures": [{}, {}]})["total_credits"] == 200


def test_without_credits_the_response_is_402_and_nothing_happens(bank: Api) -> None:
    problem = bank.problem(402, "orders.tasking.place", {"groups": [{}]}, Idempotency_Key="k")
    assert (problem["credits_required"], problem["credits_available"]) == (5000, 1000)
    assert len(ledger(bank)) == 1
    assert bank("orders.list")["orders"] == []
    bank("billing.topup", {"amount": 5000})
    # An error is not stored: the same key works once there is money.
    assert bank("orders.tasking.place", {"groups": [{}]}, Idempotency_Key="k")["status"] == "awaiting_data"
    assert bank("billing.credits.balance")["credits"] == 1000


def test_a_second_factor_is_a_402_with_a_client_secret(bank: Api) -> None:
    body = {"amount": 5000, "currency": "aud", "payment_method": "pm_requires_action"}
    assert bank.problem(402, "billing.topup", body)["client_secret"].startswith("pi_")
    assert "decline_code" in bank.problem(
        402, "billing.topup", {"amount": 5, "payment_method": "pm_declined"}
    )
    assert len(ledger(bank)) == 1


def test_both_spellings_of_auto_topup(bank: Api) -> None:
    money = {"enabled": True, "threshold": 1000, "amount": 5000, "currency": "usd"}
    reply = bank("billing.set_auto_topup", money)
    assert reply == {**money, "threshold_credits": 1000, "topup_amount_credits": 5000}
    credits = {"enabled": True, "threshold_credits": 7, "topup_amount_credits": 8}
    assert bank("billing.set_auto_topup", credits) == credits
    assert bank("billing.auto_topup.get") == credits
    assert bank("billing.set_auto_topup", {"enabled": False})["topup_amount_credits"] == 8
    bank.problem(422, "billing.set_auto_topup", {"enabled": True})


def test_the_same_key_and_body_replay_byte_for_byte(bank: Api) -> None:
    first = bank.raw("orders.archive.place", ORDER, Idempotency_Key="one")
    shuffled = dict(reversed(ORDER.items()))
    again = bank.raw("orders.archive.place", shuffled, Idempotency_Key="one")
    assert first.status_code == again.status_code == 202
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(ledger(bank, "order")) == 1
    bank.problem(409, "orders.archive.place", {**ORDER, "delivery": {}}, Idempotency_Key="one")
    other = bank("orders.archive.place", ORDER, Idempotency_Key="two")
    assert other["id"] != first.json()["id"]
    assert len(ledger(bank, "order")) == 2


def test_a_key_belongs_to_its_operation_and_organisation(make_sandbox: Callable[..., Sandbox]) -> None:
    server = make_sandbox(tokens={"other-token": {"organization": "org-other"}})
    with Api(server) as mine, Api(server, "other-token") as theirs:
        ids = {
            mine("orders.archive.place", ORDER, Idempotency_Key="k")["id"],
            theirs("orders.archive.place", ORDER, Idempotency_Key="k")["id"],
            mine("processing.create", {"job_type": "ndvi"}, Idempotency_Key="k")["id"],
            mine("processing.create_and_dispatch", {"job_type": "ndvi"}, Idempotency_Key="k")["id"],
        }
        assert len(ids) == 4


def test_operations_without_effects_on_money_ignore_the_key(bank: Api) -> None:
    body = {"name": "one", "project_id": "example-project", "type": "clip"}
    first = bank("items.create", body, Idempotency_Key="k")
    assert bank("items.create", {**body, "name": "two"}, Idempotency_Key="k")["id"] != first["id"]


def test_every_spending_operation_replays(bank: Api) -> None:
    from geopera.sandbox import example_body

    contract = bank_contract()
    bank("billing.topup", {"amount": 100_000})
    spending = [one for one in contract["operations"].values() if one["side_effect"] == "external_spend"]
    assert len(spending) == 17
    for id_, entry in contract["operations"].items():
        if entry["side_effect"] == "external_spend":
            body = example_body(id_, contract)
            first = bank.raw(id_, body, Idempotency_Key="all")
            assert first.status_code == entry["success_status"], first.text
            assert bank.raw(id_, body, Idempotency_Key="all").content == first.content
            assert "idempotent-replayed" not in first.headers


def bank_contract() -> dict[str, Any]:
    from geopera.sandbox.wire.contract import Contract

    contract = Contract.load()
    return {
        "operations": {k: one.entry for k, one in contract.operations.items()},
        "schemas": contract.schemas,
    }


@pytest.mark.parametrize("key", ["a" * 256, "tab\tbed", ""])
def test_a_key_that_is_no_key_is_a_400(bank: Api, key: str) -> None:
    bank.problem(400, "orders.archive.place", ORDER, Idempotency_Key=key)


def test_keys_are_forgotten_after_a_day(make_sandbox: Callable[..., Sandbox]) -> None:
    server = make_sandbox(speed=100)
    with Api(server) as api:
        first = api("orders.archive.place", ORDER, Idempotency_Key="k")["id"]
        now = server.state.clock()
        server.state.clock = lambda: now + 24 * 3600 + 1
        assert api("orders.archive.place", ORDER, Idempotency_Key="k")["id"] != first


@pytest.mark.slow
def test_many_callers_at_once(make_sandbox: Callable[..., Sandbox]) -> None:
    """64 callers, 8 of them with each key: one order per key, and the ledger adds up."""
    server = make_sandbox(speed=100)
    start = threading.Barrier(64)

    def place(number: int) -> str:
        with Api(server) as api:
            start.wait(30)
            return str(api("orders.archive.place", ORDER, Idempotency_Key=f"key-{number % 8}")["id"])

    with ThreadPoolExecutor(64) as pool:
        ids = list(pool.map(place, range(64)))
    assert Counter(ids).most_common()[0][1] == 8
    assert len(set(ids)) == 8
    with Api(server) as api:
        assert {row["reference"] for row in ledger(api, "order")} == set(ids)
        assert len(ledger(api, "order")) == 8


@contextmanager
def process(db: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-W", "error", "-m", "geopera", "sandbox", "--port", "0", "--db", str(db)]
    with subprocess.Popen([*command, "--speed", "50"], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline().split()[-1]
        finally:
            child.kill()


@pytest.mark.slow
def test_a_killed_server_has_done_all_or_nothing(tmp_path: Path) -> None:
    """SIGKILL in the middle of many orders, twice: after a replay of every key, one debit and one order each."""
    keys = [f"key-{number}" for number in range(120)]
    replies: dict[str, bytes] = {}
    for cut in (0.10, 0.12, None):
        with process(tmp_path / "state.db") as (child, url):
            timer = threading.Timer(cut or 60, os.kill, (child.pid, signal.SIGKILL))
            try:
                with ThreadPoolExecutor(8) as pool, Api(url) as api:
                    if cut:
                        timer.start()

                    def place(key: str, api: Api = api) -> tuple[str, bytes | None]:
                        try:
                            reply = api.raw("orders.archive.place", ORDER, Idempotency_Key=key)
                        except httpx.TransportError:
                            return key, None
                        return key, reply.content if reply.status_code == 202 else None

                    for key, content in pool.map(place, keys):
                        if content is not None:
                            assert replies.setdefault(key, content) == content
                    if cut is None:
                        assert set(replies) == set(keys)
                        debits = ledger(api, "order")
                        assert len(debits) == len(keys)
                        orders = {row["reference"] for row in debits}
                        assert len(orders) == len(keys)
                        balance = api("billing.credits.balance")["credits"]
                        assert balance == sum(row["amount"] for row in ledger(api))
            finally:
                timer.cancel()
