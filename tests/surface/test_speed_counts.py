"""What speed rests on, counted rather than timed: imports, models built, requests made, work prepared once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import models, server

ROOT = Path(__file__).parent.parent.parent
HEAVY = {"httpx", "httpcore", "pydantic", "pydantic_core", "jsonschema", "asyncio", "ssl", "platformdirs"}
# Small, and none of them is wanted for reading a manifest.
LIGHT = {"json", "re", "typing", "dataclasses", "inspect", "logging", "threading", "uuid", "random"}


def run(source: str, **environment: str) -> str:
    """What a fresh interpreter, isolated from the site's own hooks, prints."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(source: str) -> set[str]:
    """The top-level modules that `source` brings in, beyond those the interpreter starts with."""
    before, after = "import sys; before = set(sys.modules)", "print(*sorted(set(sys.modules) - before))"
    return {name.partition(".")[0] for name in run(f"{before}\n{source}\n{after}").split()}


@pytest.mark.parametrize(
    "source",
    [
        "import geopera",
        "from geopera import Geopera; Geopera(token='test-token')",
        "from geopera import AsyncGeopera; AsyncGeopera()",
        "from geopera import Geopera; dir(Geopera().catalog); Geopera().orders.archive.place",
        "import geopera.errors, geopera.types, geopera.manifest, geopera.client",
    ],
)
def test_importing_brings_in_nothing_heavy(source: str) -> None:
    assert not imported(source) & (HEAVY | LIGHT)


def test_looking_at_an_operation_brings_in_no_http_and_no_pydantic() -> None:
    source = "from geopera import Geopera; c = Geopera(); c.manifest.operations['catalog.search'].input"
    assert not imported(source) & HEAVY


@pytest.mark.slow
def test_a_call_brings_in_no_judge_and_no_event_loop() -> None:
    with server.running() as url:
        source = f"""
from geopera import Geopera
with Geopera(token="test-token", base_url={url!r}) as client:
    assert len(client.catalog.search(host_name="h").features) == 100
"""
        assert not imported(source) & {"jsonschema", "referencing", "platformdirs", "asyncio"}


def test_no_entry_is_decoded_at_import() -> None:
    source = """
import geopera
from geopera.manifest import default
print(len(default().operations), len(default().operations._made), len(default().schemas._made))
"""
    assert run(source).split()[1:] == ["0", "0"]


def test_a_larger_manifest_is_indexed_without_being_parsed(tmp_path: Path) -> None:
    from geopera.manifest import Manifest, bundled
    from geopera.tracking.compile import dump

    data = dump(models.enlarged(bundled().to_dict(), 10))
    manifest = Manifest.from_bytes(data)
    assert len(manifest.operations) == 10 * len(bundled().operations)
    file = tmp_path / "large.json"
    file.write_bytes(data)
    source = """
import sys; before = set(sys.modules)
import geopera
from geopera.manifest import default
assert "json" not in set(sys.modules) - before
print(len(default().operations), len(default().operations._made), len(default().schemas._made))
"""
    assert run(source, GEOPERA_MANIFEST=str(file)).split() == [str(len(manifest.operations)), "0", "0"]


@pytest.mark.slow
def test_only_the_models_that_a_call_uses_are_built() -> None:
    with server.running() as url:
        source = f"""
from geopera import Geopera
from geopera.schema import Model
with Geopera(token="test-token", base_url={url!r}) as client:
    client.catalog.search(host_name="h")
print(*sorted(c.__name__ for c in Model.__subclasses__()))
"""
        built = set(run(source).split())
    assert {"CatalogSearchInput", "CatalogSearchOutput", "StacFeature"} <= built
    assert built <= {"CatalogSearchInput", "CatalogSearchOutput", "StacFeature", "CloudQuery"}, built


def test_preparing_happens_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from geopera import Geopera
    from geopera._call.endpoint import Endpoint
    from geopera._transport.base import Pool

    made: list[str] = []
    for cls, name in ((Endpoint, "__init__"), (Pool, "_prepare")):
        original = getattr(cls, name)

        def counted(self, *args, _original=original, _label=f"{cls.__name__}.{name}", **kwargs):  # type: ignore[no-untyped-def]
            made.append(_label)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(cls, name, counted)
    from geopera.manifest import bundled

    with server.running() as url, Geopera(token="test-token", base_url=url, manifest=bundled()) as client:
        for _ in range(5):
            client.catalog.search(host_name="h")
        client.client.get_httpx_client().headers["X-Team"] = "coast"
        client.catalog.search(host_name="h")
    assert made.count("Endpoint.__init__") == 1
    assert made.count("Pool._prepare") == 2  # once more for the header that changed


def test_one_call_is_one_request_over_one_connection(sandbox) -> None:  # type: ignore[no-untyped-def]
    import httpx

    from geopera import Geopera

    sent: list[httpx.Request] = []
    with Geopera(token=sandbox.token, base_url=sandbox.url, on_request=sent.append) as client:
        client.catalog.search(host_name="earthsearch-aws", limit=1)
        assert len(sent) == 1


@pytest.mark.slow
def test_the_benchmark_works(tmp_path: Path) -> None:
    """It runs and writes figures; none of them is judged here, on a machine that others use too."""
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--json", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_text())
    assert len(figures["rows"]) >= 7
    assert all(row["ratio"] > 0 for row in figures["rows"])
    assert figures["machine"]["packages"]["httpx"]


@pytest.mark.slow
@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_at_rest_while_a_page_is_taken_apart_and_as_before_afterwards(enabled: bool) -> None:
    import gc

    from geopera import Geopera

    runs: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        runs.append(phase)

    with server.running() as url, Geopera(token="test-token", base_url=url) as client:
        endpoint = client.client._endpoint("catalog.search")
        reply = client.client._sync().send(_request(endpoint))
        gc.collect()
        (gc.enable if enabled else gc.disable)()
        gc.callbacks.append(note)
        try:
            page, mismatches = endpoint.parse(reply)
            assert gc.isenabled() is enabled
            reply.content = b"[" + b" " * 20_000
            with pytest.raises(ValueError, match="Expecting value"):
                endpoint.parse(reply)
            assert gc.isenabled() is enabled
        finally:
            gc.callbacks.remove(note)
            gc.enable()
    assert len(page.features) == 100
    assert not mismatches
    assert len(runs) <= 2  # none while the page is made; one may follow


def _request(endpoint: object) -> object:
    from geopera._call.endpoint import Request

    return Request(endpoint, b"{}", (), None, False)  # type: ignore[arg-type]
