"""The rate limits of the sandbox, and its command line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.sandbox_api import ORDER, Api

from geopera.sandbox import Sandbox
from geopera.sandbox.wire.auth import Caller
from geopera.sandbox.wire.contract import Operation
from geopera.sandbox.wire.limits import RateLimits
from geopera.sandbox.wire.problems import ProblemError


def passed(limits: RateLimits, operation: Operation, caller: Caller, now: float, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            limits.take(operation, caller, now)
        except ProblemError as problem:
            assert problem.status == 429
            assert 1 <= int(problem.headers["Retry-After"]) <= 60
        else:
            count += 1
    return count


@pytest.mark.parametrize(
    ("id_", "side_effect", "anonymous", "limit"),
    [
        ("catalog.search", "read", False, 600),
        ("items.create", "compute", False, 600),
        ("orders.archive.place", "external_spend", False, 60),
        ("billing.topup", "external_spend", False, 30),
        ("billing.plans.list", "read", True, 60),
    ],
)
def test_the_documented_limits(id_: str, side_effect: str, anonymous: bool, limit: int) -> None:
    limits = RateLimits()
    operation = Operation(id_, {"side_effect": side_effect}, {})
    caller = Caller("org", principal="1.2.3.4", anonymous=anonymous)
    assert passed(limits, operation, caller, 119.0, 700) == limit
    assert passed(limits, operation, caller, 119.9, 5) == 0
    assert passed(limits, operation, caller, 120.0, 700) == limit
    neighbour = Caller("other", principal="5.6.7.8", anonymous=anonymous)
    assert passed(limits, operation, neighbour, 121.0, 700) == limit


def test_every_call_counts_towards_the_organisation() -> None:
    limits = RateLimits(limits={"organisation": 50})
    order = Operation("orders.place", {"side_effect": "external_spend"}, {})
    read = Operation("orders.get", {"side_effect": "read"}, {})
    assert passed(limits, order, Caller("org"), 0.0, 40) == 40
    assert passed(limits, read, Caller("org"), 0.0, 40) == 10
    assert passed(limits, order, Caller("org"), 0.0, 5) == 0


def test_a_refused_call_says_when_to_come_back(make_sandbox: Callable[..., Sandbox]) -> None:
    server = make_sandbox(rate_limits=True, rate_window=1.0, rate_limit_counts={"placement": 3}, speed=100)
    with Api(server) as api:
        replies = [api.raw("orders.archive.place", ORDER) for _ in range(12)]
        refused = [reply for reply in replies if reply.status_code == 429]
        assert refused
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["status"] == 429
        time.sleep(1.05)
        assert api.raw("orders.archive.place", ORDER).status_code == 202
        placed = sum(reply.status_code == 202 for reply in replies) + 1
        assert len(api("orders.list", {"size": 100})["orders"]) == placed


def test_without_the_option_there_are_no_limits(sandbox: Sandbox) -> None:
    with Api(sandbox) as api:
        assert all(api.raw("billing.topup", {"amount": 1}).status_code == 201 for _ in range(80))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "geopera", "sandbox", *arguments]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_cleanly(stop: signal.Signals, tmp_path: Path) -> None:
    options = ["--port", "0", "--token", "other-token", "--db", str(tmp_path / "a.db"), "--credits", "123"]
    options += ["--speed", "9", "--rate-limits"]
    with subprocess.Popen(
        command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert line.startswith("Geopera sandbox on http://127.0.0.1:")
            with Api(line.split()[-1], "other-token") as api:
                assert api("billing.credits.balance")["credits"] == 123
                child.send_signal(stop)
                rest, errors = child.communicate(timeout=20)
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, "")
    assert "secret" not in rest.replace("GEOPERA_SANDBOX_SECRET", "").lower()


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("--port", str(port)), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--speed", "0"],
        ["--speed", "fast"],
        ["--speed", "inf"],
        ["--credits", "-1"],
        ["--credits", "many"],
        ["--port", "99999"],
        ["--port", "-1"],
        ["--token", ""],
        ["--token", "two\nlines"],
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_refused(options: list[str]) -> None:
    done: Any = subprocess.run(command(*options), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert options[0] in done.stderr
    assert "_" not in done.stderr, "the name of a function says nothing to anybody"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a folder", "another file"])
def test_an_unusable_database_is_reported_before_anything_is_served(kind: str, tmp_path: Path) -> None:
    place = tmp_path
    if kind == "another file":
        place = tmp_path / "notes.txt"
        place.write_text("not a database, and nothing that should become one\n" * 50)
    done: Any = subprocess.run(
        command("--port", "0", "--db", str(place)), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert str(place) in done.stderr
    assert len(done.stderr.splitlines()) == 1
