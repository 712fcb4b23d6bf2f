"""Measure everything and print the ratios: ``python -m tests.bench [--peers] [--rounds N] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from . import cold, models, peers, schemas, server, warm


class Row:
    """One line of the table: a ratio round by round, and what it should stay under."""

    def __init__(
        self, what: str, target: float | None, ours: Sequence[float], theirs: Sequence[float]
    ) -> None:
        self.what, self.target = what, target
        self.ours, self.theirs = median(ours), median(theirs)
        self.ratios = [a / b for a, b in zip(ours, theirs, strict=True)]

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "target": self.target,
            "ratio": median(self.ratios),
            "least": min(self.ratios),
            "most": max(self.ratios),
            "ours": self.ours,
            "theirs": self.theirs,
            "rounds": len(self.ratios),
        }

    def __str__(self) -> str:
        ratio = median(self.ratios)
        mark = (
            "" if self.target is None else f"{self.target:.2f} {'ok' if ratio <= self.target else 'MISSED'}"
        )
        return f"{self.what:<62} {ratio:6.2f}  {min(self.ratios):5.2f} to {max(self.ratios):5.2f}  {mark}"


def warm_rows(url: str, quick: bool, rounds: int) -> Iterator[Row]:
    size = {"small": 20, "page": 5} if quick else {"small": 300, "page": 60}
    found = {**warm.calls(url, **size, rounds=rounds), **warm.async_calls(url, **size, rounds=rounds)}
    targets = {"small": 0.75, "page": 0.85, "async small": 0.80, "async page": 0.90}
    for name, times in found.items():
        yield Row(f"warm call, {name} / httpx", targets[name], times["geopera"], times["httpx"])
    if not quick:
        times = warm.stream(url, rounds=rounds)
        yield Row("100,000 features streamed / httpx.stream + json", 0.90, times["geopera"], times["httpx"])


def cold_rows(url: str, quick: bool, rounds: int, with_peers: bool) -> Iterator[Row]:
    python = peers.python("ours") if with_peers else sys.executable

    contestants = [
        [cold.IMPORT_OURS.under(python), cold.IMPORT_HTTPX.under(python)],
        [cold.FIRST_PAGE_OURS.under(python), cold.FIRST_PAGE_HTTPX.under(python)],
    ]
    if with_peers:
        for group, program in zip(contestants, cold.official(peers.python("official")), strict=True):
            group.append(program)
    for group, against_httpx, against_sdk in zip(contestants, (0.45, 1.55), (0.40, 0.60), strict=True):
        found = cold.in_turns(group, rounds, url)
        mine, httpx, *others = [[seconds for seconds, _ in found[program.name]] for program in group]
        yield Row(f"{group[0].name} / {group[1].name}", against_httpx, mine, httpx)
        for times in others:
            yield Row(f"{group[0].name} / generated SDK", against_sdk, mine, times)
            if against_sdk == 0.40:
                memory = [[float(kib) for _, kib in found[p.name]] for p in (group[0], group[2])]
                yield Row("peak memory of that process / generated SDK", 0.75, *memory)


def manifest_row(quick: bool, rounds: int) -> Row:
    from geopera.manifest import bundled
    from geopera.tracking.compile import dump

    document = bundled().to_dict()
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for times in (1, 10):
            files[times] = Path(folder, f"{times}.json")
            files[times].write_bytes(dump(models.enlarged(document, times)))
        found: dict[int, list[float]] = {1: [], 10: []}
        for number in range(rounds + 1):
            for times, file in files.items():
                seconds, _ = cold.run(cold.IMPORT_OURS, extra={"GEOPERA_MANIFEST": str(file)})
                if number:
                    found[times].append(seconds)
    return Row("import with 10 times the operations / with today's", 2.0, found[10], found[1])


def build_row(rounds: int) -> Row:
    from geopera.manifest import bundled

    python = peers.python("json-schema-to-pydantic")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "schemas.json")
        file.write_text(json.dumps(models.documents(bundled().to_dict())))
        found: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(rounds):
            for who, executable in (("ours", sys.executable), ("theirs", python)):
                command = [executable, models.__file__, who, str(file)]
                environment = {**os.environ, "PYTHONPATH": str(peers.ROOT) if who == "ours" else ""}
                done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
                found[who].append(float(done.stdout))
    return Row("building all models / json-schema-to-pydantic", 2.5, found["ours"], found["theirs"])


def schema_rows(quick: bool, rounds: int) -> Iterator[Row]:
    """Schemas against targets in seconds and megabytes, and against twice as many of them."""
    for case, size, seconds, megabytes in (
        ("circle", 400, 0.5, 40.0),
        ("settings", 132, 3.0, 200.0),
        ("grammar", 60, 0.5, 40.0),
    ):
        size = size // 10 if quick else size
        found = [schemas.cost(case, size) for _ in range(rounds)]
        what = f"{case} of {size} schemas" if case != "grammar" else f"{case}, a value of depth {size}"
        yield Row(f"{what}, s", seconds, [s for s, _ in found], [1.0] * rounds)
        yield Row(f"{what}, MB", megabytes, [mb for _, mb in found], [1.0] * rounds)
    if quick:
        return
    pairs = [(schemas.cost("circle", 800)[0], schemas.cost("circle", 400)[0]) for _ in range(rounds)]
    yield Row("circle of 800 / circle of 400", 2.5, [a for a, _ in pairs], [b for _, b in pairs])


def described_rows(rounds: int) -> Iterator[Row]:
    from geopera.sandbox.core.openapi import document
    from geopera.sandbox.wire.contract import Contract

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "openapi.json")
        file.write_text(json.dumps(document(Contract.load())))
        mine = cold.DESCRIBED_OURS.under(peers.python("ours"))
        theirs = cold.aiopenapi3(peers.python("aiopenapi3"))
        found = cold.in_turns([mine, theirs], rounds, extra={"BENCH_OPENAPI": str(file)})
    seconds, memory = (
        [[float(result[at]) for result in found[p.name]] for p in (mine, theirs)] for at in (0, 1)
    )
    yield Row("know all operations / aiopenapi3", None, *seconds)
    yield Row("peak memory of that / aiopenapi3", None, *memory)


def machine() -> dict[str, Any]:
    packages = ("httpx", "httpcore", "pydantic", "pydantic-core", "jsonschema", "anyio")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in packages},
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="measure other clients too (installs them)")
    parser.add_argument(
        "--quick", action="store_true", help="few rounds: shows that it works, no figures to quote"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else max(arguments.rounds, 7)
    rows: list[Row] = []

    def add(found: Iterator[Row]) -> None:
        for row in found:
            rows.append(row)
            print(row, flush=True)

    print(f"{'':<62} {'ratio':>6}  {'spread':>13}  target", flush=True)
    with server.running() as url:
        add(cold_rows(url, arguments.quick, rounds, arguments.peers))
        add(warm_rows(url, arguments.quick, rounds))
        if not arguments.quick:
            early, peak = warm.stream_memory(url)
            print(
                f"stream memory: {early / 1e6:.2f} MB over the first tenth, {peak / 1e6:.2f} MB over the rest"
            )
    add(iter([manifest_row(arguments.quick, rounds)]))
    add(schema_rows(arguments.quick, min(rounds, 3)))
    if arguments.peers:
        add(iter([build_row(rounds)]))
        add(described_rows(rounds))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {"machine": machine(), "rows": [row.as_dict() for row in rows]}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
