"""2,000 orders and top-ups over a network that fails, and a server that is killed: the ledger is right.

Each logical call carries a mark that ends up in the server's database. A call that returned must have
exactly one effect there, under the id that it returned; a call that raised at most one, none when its error
says that the server did not act, and exactly one after its key was replayed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import httpx
import pytest

from faults import FAULTS, FaultProxy, Plan
from faults.flavours import TOKEN
from faults.sandbox import SandboxProcess, wait_until
from geopera import AsyncGeopera, Geopera, RetryPolicy, errors

pytestmark = pytest.mark.slow

CALLS = 2_000
THREADS = 8
TASKS = 64
TIMEOUT = httpx.Timeout(5, read=0.8)
QUICK = RetryPolicy(2, base=0.02, cap=0.2)
# While the server is away, attempts fail at once: a little more patience, or nothing would get through.
PATIENT = RetryPolicy(6, base=0.1, cap=0.4)


class Call:
    """One logical call and what became of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.order = number % 2 == 0
        self.mark = f"order {number}" if self.order else str(100_000 + number)
        # Most keys are given, so that the plan of faults is the same in every run; some are made.
        self.key = None if number % 5 == 4 else f"key {number}"
        self.result: str | None = None
        self.error: errors.GeoperaError | None = None

    def start(self, client: Any, key: str | None) -> Any:
        if self.order:
            body = {"collection": "sentinel-2-l2a", "item_ids": ["example-1"], "reference": self.mark}
            return client.orders.archive.place(body, idempotency_key=key)
        return client.billing.topup({"amount": int(self.mark)}, idempotency_key=key)

    def blocking(self, client: Geopera, key: str | None) -> None:
        try:
            self.result = self.start(client, key)["id"]
        except errors.GeoperaError as error:
            self.error = error

    async def waiting(self, client: AsyncGeopera, key: str | None) -> None:
        try:
            self.result = (await self.start(client, key))["id"]
        except errors.GeoperaError as error:
            self.error = error


def from_threads(url: str, calls: list[Call], **options: Any) -> None:
    """All calls through one client, from 8 threads."""
    todo = iter(calls)
    lock = threading.Lock()
    problems: list[BaseException] = []

    def work(client: Geopera) -> None:
        while True:
            with lock:
                call = next(todo, None)
            if call is None:
                return
            try:
                call.blocking(client, call.key)
            except BaseException as problem:
                problems.append(problem)
                raise

    with Geopera(TOKEN, url, **options) as client:
        threads = [threading.Thread(target=work, args=(client,), daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
    assert not problems


def from_tasks(url: str, calls: list[Call], **options: Any) -> None:
    """All calls through one client, from 64 tasks."""

    async def main() -> None:
        todo = iter(calls)

        async def work(client: AsyncGeopera) -> None:
            for call in todo:
                await call.waiting(client, call.key)

        async with (
            asyncio.timeout(120),
            AsyncGeopera(TOKEN, url, **options) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(TASKS):
                group.create_task(work(client))

    asyncio.run(main())


RUNS = {"threads": from_threads, "tasks": from_tasks}


def check(sandbox: SandboxProcess, proxy: FaultProxy, calls: list[Call], start: int) -> None:
    proxy.settle()
    ledger = sandbox.ledger()
    raised = [call for call in calls if call.error is not None]
    assert len(raised) < len(calls) / 2
    for call in calls:
        ids = ledger.ids[call.mark]
        if call.error is None:
            assert ids == [call.result]
            continue
        assert len(ids) <= 1
        error = call.error
        assert error.idempotency_key
        if call.key is not None:
            assert error.idempotency_key == call.key
        if not error.may_have_acted:
            assert ids == []
        assert 1 <= error.attempts <= 7
        assert isinstance(error, (errors.APIConnectionError, errors.ServerError, errors.RateLimitError))
    assert ledger.orphans == 0
    # Every repeat of a key carried the same bytes.
    bodies: dict[str, set[bytes]] = {}
    for seen in proxy.seen:
        bodies.setdefault(seen.key, set()).add(seen.body)
    assert "" not in bodies
    assert {len(found) for found in bodies.values()} == {1}
    # The keys of the errors finish what was begun.
    proxy.plan = Plan()
    with Geopera(TOKEN, proxy.url) as client:
        for call in raised:
            before = ledger.ids[call.mark]
            assert call.error is not None
            error, call.error = call.error, None
            call.blocking(client, error.idempotency_key)
            assert call.error is None
            assert before in ([], [call.result])
    ledger = sandbox.ledger()
    assert all(ledger.ids[call.mark] == [call.result] for call in calls)
    assert set(ledger.ids) == {call.mark for call in calls}
    assert ledger.orphans == 0
    spent = 100 * sum(call.order for call in calls)
    assert ledger.balance == start - spent + sum(int(call.mark) for call in calls if not call.order)


@pytest.mark.parametrize("run", RUNS)
def test_one_effect_for_each_call(run, tmp_path):
    calls = [Call(number) for number in range(CALLS)]
    with SandboxProcess(tmp_path) as sandbox:
        start = sandbox.balance()
        with FaultProxy(sandbox.port, Plan.evenly(20_240_115, 0.4), delay=1.2) as proxy:
            RUNS[run](proxy.url, calls, retry=QUICK, timeout=TIMEOUT)
            assert set(proxy.faults) == set(FAULTS)  # everything that can go wrong did
            assert Counter(call.error is None for call in calls)[False] > 20
            check(sandbox, proxy, calls, start)


@pytest.mark.parametrize("run", RUNS)
def test_one_effect_for_each_call_of_a_server_that_is_killed(run, tmp_path):
    calls = [Call(number) for number in range(CALLS)]
    with SandboxProcess(tmp_path) as sandbox:
        start = sandbox.balance()
        with FaultProxy(sandbox.port, Plan.evenly(7, 0.1), delay=1.2) as proxy:
            done = threading.Event()

            def kill_twice() -> None:
                for share in (0.3, 0.6):
                    wait_until(lambda: len(proxy.seen) > share * CALLS or done.is_set())  # noqa: B023
                    sandbox.kill()
                    sandbox.start()
                    proxy.target = sandbox.port

            killer = threading.Thread(target=kill_twice)
            killer.start()
            try:
                RUNS[run](proxy.url, calls, retry=PATIENT, timeout=TIMEOUT)
            finally:
                done.set()
                killer.join(120)
            assert not killer.is_alive()
            assert sandbox.starts == 3
            check(sandbox, proxy, calls, start)
