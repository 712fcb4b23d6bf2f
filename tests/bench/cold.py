"""Fresh interpreters that run a few lines: the time to their result or to their end, and their peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Program:
    """A program to time: the interpreter that runs it, and its source."""

    name: str
    source: str
    python: str = sys.executable
    to_result: bool = False  # whether the clock stops at the result and not at the end of the process

    def under(self, python: str) -> Program:
        """The same with another interpreter."""
        return replace(self, python=python)


IMPORT_HTTPX = Program("import httpx", "import httpx")
IMPORT_OURS = Program("import geopera, make a client", "from geopera import Geopera; Geopera(token='x')")

BODY = '{"host_name": "earthsearch-aws", "collections": ["sentinel-2-l2a"], "limit": 100}'

FIRST_PAGE_HTTPX = Program(
    "first page, httpx and json",
    f"""
import os, json, httpx
client = httpx.Client(base_url=os.environ["BENCH_URL"], headers={{"Authorization": "Bearer x"}})
page = json.loads(client.post("/v1/op/catalog.search", json={BODY}).content)
assert len(page["features"]) == 100
""",
    to_result=True,
)
FIRST_PAGE_OURS = Program(
    "first page, typed",
    f"""
import os
from geopera import Geopera
client = Geopera(token="x", base_url=os.environ["BENCH_URL"])
page = client.catalog.search({BODY})
assert len(page.features) == 100 and page.features[0].collection
""",
    to_result=True,
)


def official(python: str) -> tuple[Program, Program]:
    """The same two programs for the generated SDK, in the environment that `python` belongs to."""
    return (
        Program("generated SDK: import, make a client", IMPORT_OURS.source, python),
        Program(
            "generated SDK: first page",
            f"""
import os
from geopera.api.operations import catalog_search
from geopera.models import CatalogSearchInput
from geopera import AuthenticatedClient
client = AuthenticatedClient(base_url=os.environ["BENCH_URL"], token="x")
page = catalog_search.sync(client=client, body=CatalogSearchInput.from_dict({BODY}))
assert len(page.to_dict()["features"]) == 100
""",
            python,
            to_result=True,
        ),
    )


DESCRIBED_OURS = Program(
    "know all operations, list those of the catalogue",
    """
from geopera import Geopera
client = Geopera(token="x")
assert len(client.manifest.operations) == 229 and dir(client.catalog)
""",
)


def aiopenapi3(python: str) -> Program:
    """The other client made at run time: it loads the OpenAPI document that ``BENCH_OPENAPI`` names."""
    return Program(
        "aiopenapi3: load the description",
        """
import os
from aiopenapi3 import OpenAPI
try:
    import httpx2 as httpx
except ImportError:
    import httpx
def session(**options) -> httpx.Client:
    return httpx.Client(**options)
with open(os.environ["BENCH_OPENAPI"]) as file:
    api = OpenAPI.loads("http://127.0.0.1/openapi.json", file.read(), session_factory=session)
assert api.paths
""",
        python,
    )


# The peak of the program itself. What wait4 tells also counts the fork of the process that measures.
_PEAK = """
print("result", flush=True)
try:
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")).split()[1])
except OSError:
    print(0)
"""


def run(program: Program, url: str = "", extra: dict[str, str] | None = None) -> tuple[float, int]:
    """(seconds, peak memory in KiB) of one run; the memory is 0 where the system does not tell it."""
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")}
    environment = {**keep, "BENCH_URL": url, "NO_PROXY": "*", **(extra or {})}
    command = [program.python, "-c", program.source + _PEAK]
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        to_result = time.perf_counter() - started
        printed, errors = process.stdout.read(), process.stderr.read()
        process.wait()
        seconds = to_result if program.to_result else time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{program.name} failed:\n{errors}")
    return seconds, int(printed or 0)


def in_turns(
    programs: list[Program], rounds: int, url: str = "", extra: dict[str, str] | None = None
) -> dict[str, list[tuple[float, int]]]:
    """Each program once a round, after one round that does not count."""
    found: dict[str, list[tuple[float, int]]] = {program.name: [] for program in programs}
    for number in range(rounds + 1):
        for program in programs:
            result = run(program, url, extra)
            if number:
                found[program.name].append(result)
    return found
