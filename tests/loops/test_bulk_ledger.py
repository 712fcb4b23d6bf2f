"""A bulk run on the sandbox's ledger: killed in the middle, at one moment or another, and run again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import geopera
from geopera.sandbox import Sandbox

_COUNT = 40
_RUN = """
import sys
from geopera import Geopera
url, token, journal, *scenes = sys.argv[1:]
bodies = [{"collection": "sentinel-2-l2a", "item_ids": [scene]} for scene in scenes]
with Geopera(token, url) as client:
    for order in client.orders.archive.place.map(bodies, concurrency=4, journal=journal, rate_limit=None):
        print(order.id, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 3])
def test_a_killed_run_is_charged_once(
    make_sandbox: Callable[..., Sandbox], tmp_path: Path, kills: int
) -> None:
    sandbox = make_sandbox(credits=1_000_000)
    with geopera.Geopera(sandbox.token, sandbox.url) as client:
        page = client.catalog.search(
            host_name="earthsearch-aws", collections=["sentinel-2-l2a"], limit=_COUNT
        )
        scenes = [one.id for one in page.features]
        assert len(set(scenes)) == _COUNT
        sandbox.slow("orders.archive.place", 0.05, times=None, after_commit=True)
        journal = tmp_path / "run.jsonl"
        command = [sys.executable, "-c", _RUN, sandbox.url, sandbox.token, str(journal), *scenes]
        for number in range(kills):
            run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert run.stdout is not None
            for _ in range(5):
                assert run.stdout.readline()
            time.sleep(random.Random(number).uniform(0, 0.1))  # anywhere between two lines of the journal
            run.kill()
            run.communicate()
        bought = len(list(client.billing.credits.transactions.iter(reason="order")))
        assert 5 <= bought < _COUNT
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        orders = done.stdout.split()
        assert len(set(orders)) == _COUNT
        found = client.billing.credits.transactions.iter(reason="order")
        debits = [row["reference"] for row in found]
        assert sorted(debits) == sorted(orders)
        again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert again.stdout.split() == orders
        assert len(list(client.billing.credits.transactions.iter(reason="order"))) == _COUNT
