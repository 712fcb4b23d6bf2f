"""A forked child opens connections of its own and leaves its parent's alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import warnings

import pytest
from faults import LedgerServer
from faults.flavours import Caller

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.parametrize("flavour", ["sync", "async"]),
]

READ = ("orders.get", {"order_id": "o"})


def in_child(work) -> int:
    """The exit status of a forked child that runs `work`: 0 when it returned, 1 when it raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads: the server's, here
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001  the child must not go on as a second test run
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.fixture
def server():
    with LedgerServer() as running:
        yield running


def call_in_child(flavour, client, *, close=False):
    def work():
        if flavour == "sync":
            client.orders.get(READ[1])
            if close:
                client.close()
            return

        async def main():
            await client.orders.get(READ[1])
            if close:
                await client.aclose()

        asyncio.set_event_loop(None)
        asyncio.events._set_running_loop(None)
        asyncio.run(main())

    return work


def test_a_child_does_not_use_its_parents_connection(flavour, server):
    with Caller(flavour, server.url) as caller:
        caller(*READ)
        assert in_child(call_in_child(flavour, caller.client)) == 0
        caller(*READ)
        caller(*READ)
    first, child, *after = server.peers
    assert child != first
    assert after == [first, first]  # the parent's connection is as it was
    assert server.connections == 2


def test_a_child_that_closes_its_client_does_not_close_its_parents(flavour, server):
    with Caller(flavour, server.url) as caller:
        caller(*READ)
        assert in_child(call_in_child(flavour, caller.client, close=True)) == 0
        if flavour == "sync":
            assert in_child(caller.client.close) == 0
        caller(*READ)
    assert server.peers[-1] == server.peers[0]


def test_a_client_made_and_not_used_before_the_fork(flavour, server):
    with Caller(flavour, server.url) as caller:
        assert in_child(call_in_child(flavour, caller.client)) == 0
        caller(*READ)
    assert len(set(server.peers)) == 2


@pytest.mark.slow
def test_a_fork_beside_a_first_call_does_not_hang(flavour, server):
    """Another thread imports what its first call needs while the process forks; the children call too."""
    import subprocess

    source = f"""
import asyncio, os, sys, threading, warnings
warnings.simplefilter("ignore")
from geopera import AsyncGeopera, Geopera

def call():
    if {flavour!r} == "sync":
        Geopera("test-token", {server.url!r}).orders.get(order_id="o")
    else:
        async def main():
            async with AsyncGeopera("test-token", {server.url!r}) as client:
                await client.orders.get(order_id="o")

        asyncio.run(main())

thread = threading.Thread(target=call)
thread.start()
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            call()
            status = 0
        finally:
            os._exit(status)
    children.append(pid)
thread.join()
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""
    done = subprocess.run([sys.executable, "-c", source], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["call", "typo", "unknown", "wait", "map", "iter", "pages", "preview", "download"]
)
def test_a_first_call_imports_under_the_lock(flavour, kind, sandbox):
    program = [
        sys.executable,
        "-m",
        "tests.transport.unlocked_imports",
        flavour,
        kind,
        sandbox.url,
        sandbox.token,
    ]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.stdout.split()) == ("", [])
