"""The sandbox as a process of its own on a database file: it can be killed and started again."""

from __future__ import annotations

import json
import selectors
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from .flavours import TOKEN, Caller

PATIENCE = 60.0


class SandboxProcess:
    """`with SandboxProcess(directory) as sandbox:`; `sandbox.port` changes with each start."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.db = directory / "sandbox.db"
        self.options = options
        self.port = 0
        self.starts = 0
        self._log = directory / "sandbox.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> SandboxProcess:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on a free port; returns when it accepts connections."""
        command = [sys.executable, "-m", "geopera", "sandbox", "--port", "0", "--token", TOKEN]
        command += ["--db", str(self.db), *self.options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        line = self._first_line().decode().strip()
        if not line.startswith("Geopera sandbox on "):
            self.kill()
            raise RuntimeError(f"the sandbox said {line!r} and {self._log.read_text()[-2000:]!r}")
        self.port = int(line.rpartition(":")[2])
        self.starts += 1

    def _first_line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(PATIENCE):
                return b""
        return self._process.stdout.readline()

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def balance(self) -> int:
        """The credits of the token's organisation, as the server tells."""
        with Caller("sync", self.url) as caller:
            credits: int = caller("billing.credits.balance")["credits"]
        return credits

    def ledger(self) -> Ledger:
        """What the database says now."""
        return Ledger(self.db)


class Ledger:
    """The effects that the database holds, by the mark that each call carries.

    An order's mark is the `reference` in its body; a top-up's is its amount. `ids` lists, for each mark,
    the ids of all orders or top-ups that were made for it; `balance` is the account's, `booked` the sum of
    all lines of the ledger, and `orphans` counts debits without an order and orders without a debit.
    """

    def __init__(self, db: Path) -> None:
        self.ids: dict[str, list[str]] = defaultdict(list)
        connection = sqlite3.connect(db, timeout=10)
        try:
            orders = {
                id_: json.loads(body)["reference"]
                for id_, body in connection.execute("SELECT id, body FROM work")
            }
            debits: dict[str, int] = defaultdict(int)
            lines = connection.execute("SELECT reason, reference, amount FROM ledger").fetchall()
            for reason, reference, amount in lines:
                if reason == "order":
                    debits[reference] += 1
                    self.ids[orders.get(reference, "orphan")].append(reference)
                elif reason == "topup":
                    self.ids[str(amount)].append(reference)
            (self.balance,) = connection.execute("SELECT balance FROM accounts").fetchone()
        finally:
            connection.close()
        self.booked = sum(amount for _, _, amount in lines)
        self.orphans = sum(count != 1 for count in debits.values()) + len(orders.keys() ^ debits.keys())


def wait_until(condition, timeout: float = PATIENCE) -> None:
    """Return when `condition()` is true; bounded."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("it did not happen in time")
        time.sleep(0.01)
