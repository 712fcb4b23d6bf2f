"""Measure everything and print the ratios: ``python -m tests.bench [--peers] [--rounds N] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from . import checkers, cold, models, peers, schemas, server, tables, warm


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
    targets = {"small": 1.10, "page": 1.05, "async small": 1.15, "async page": 1.10}
    for name, times in found.items():
        yield Row(f"warm call, {name} / httpx", targets[name], times["geopera"], times["httpx"])
    times = warm.tasks(url, tasks=8 if quick else 64, calls=4 if quick else 20, rounds=rounds)
    for name, library, target in (("geopera over httpx2", "httpx2", 0.60), ("geopera", "httpx", None)):
        yield Row(
            f"64 tasks over {library} / 64 tasks of httpx.AsyncClient", target, times[name], times["httpx"]
        )
    if not quick:
        times = warm.stream(url, rounds=rounds)
        yield Row("100,000 features streamed / httpx.stream + json", 0.90, times["geopera"], times["httpx"])


def cold_rows(rounds: int, with_peers: bool) -> Iterator[Row]:
    python = peers.python("ours") if with_peers else sys.executable

    contestants = [
        [cold.IMPORT_OURS.under(python), cold.IMPORT_HTTPX.under(python)],
        [cold.FIRST_PAGE_OURS.under(python), cold.FIRST_PAGE_HTTPX.under(python)],
    ]
    if with_peers:
        for group, program in zip(contestants, cold.official(peers.python("official")), strict=True):
            group.append(program)
    # The first page comes over TLS, with the certificates of all authorities loaded on both sides.
    for group, against_httpx, against_sdk in zip(contestants, (0.45, 1.55), (0.40, 0.70), strict=True):
        with server.running_tls() as (tls, environment):
            found = cold.in_turns(group, rounds, tls, environment)
        mine, httpx, *others = [[seconds for seconds, _ in found[program.name]] for program in group]
        yield Row(f"{group[0].name} / {group[1].name}", against_httpx, mine, httpx)
        for times in others:
            yield Row(f"{group[0].name} / generated SDK", against_sdk, mine, times)
            if against_sdk == 0.40:
                memory = [[float(kib) for _, kib in found[p.name]] for p in (group[0], group[2])]
                yield Row("peak memory of that process / generated SDK", 0.75, *memory)


def table_rows(quick: bool, rounds: int) -> Iterator[Row]:
    most, rounds = rounds, min(rounds, 3)
    times = tables.frames(rounds)
    yield Row("to_geodataframe / GeoDataFrame.from_features", 0.80, times["geopera"], times["geopandas"])
    if quick:
        return
    with tables.running() as url:
        times = tables.searches(url, rounds)
        yield Row(
            "20,000 items to a table / pystac-client and geopandas",
            0.35,
            times["geopera"],
            times["pystac-client"],
        )
        times = tables.downloads(url, most)
        if times:
            yield Row("a file of 512 MB / curl", 1.25, times["geopera"], times["curl"])
            yield Row("the same, async / curl", 1.25, times["async"], times["curl"])
            yield Row("the same with httpx.stream alone / curl", None, times["httpx"], times["curl"])


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


def checker_rows(rounds: int) -> Iterator[Row]:
    """Type checkers, in an environment with the wheel as it is installed."""
    from ..helpers.environments import environment

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(command, cwd=peers.ROOT, check=True, capture_output=True)
        python, site = environment(Path(folder, "env"))
        (wheel,) = Path(folder).glob("*.whl")
        shutil.unpack_archive(wheel, site, "zip")
        for checker, target in checkers.TARGETS.items():
            ours, theirs = checkers.in_turns(checker, python, Path(folder), rounds)
            yield Row(f"{checker}, CPU: a file with one resource / with its imports", target, ours, theirs)


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
    for case, (size, seconds, megabytes, what) in schemas.TARGETS.items():
        if case == "filters" and find_spec("cql2") is None:
            print(f"{what.format(size)}: the cql2 package is not installed", flush=True)
            continue
        size = size // 10 if quick else size
        what = what.format(size)
        found = [schemas.cost(case, size) for _ in range(rounds)]
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
        add(cold_rows(rounds, arguments.peers))
        add(warm_rows(url, arguments.quick, rounds))
        if not arguments.quick:
            early, peak = warm.stream_memory(url)
            print(
                f"stream memory: {early / 1e6:.2f} MB over the first tenth, {peak / 1e6:.2f} MB over the rest"
            )
    add(table_rows(arguments.quick, rounds))
    if not arguments.quick:
        seconds, early, late = tables.parquet(1_000_000)
        print(
            f"1,000,000 features to GeoParquet: {seconds:.0f} s, peak {early:.0f} MB early, {late:.0f} MB late"
        )
    if not arguments.quick:
        add(checker_rows(rounds=3))
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
