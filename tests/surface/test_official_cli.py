"""The official command line, geopera-cli 0.2.0, installed beside this package, against the sandbox."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.sandbox_api import AOI, ORDER, SCENE, Api

import geopera
from geopera.sandbox import Sandbox

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parent.parent.parent
CLI = "geopera-cli==0.2.0"
TOKEN = "gpra_test-token"
_WARNINGS = (
    "error,ignore::ResourceWarning"  # the command line leaves its connections to the end of the process
)


def run(*command: object, env: dict[str, str], timeout: float = 60, given: str | None = None) -> Any:
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=env["HOME"],
    )


class Shell:
    """The command line in its own environment and its own home."""

    def __init__(self, place: Path, home: Path) -> None:
        self.bin = place / ("Scripts" if os.name == "nt" else "bin")
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("GEOPERA_", "PYTHON"))}
        folders = {
            f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "CACHE", "DATA", "STATE")
        }
        self.env = {
            **keep,
            **folders,
            "HOME": str(home),
            "USERPROFILE": str(home),
            "PYTHONWARNINGS": _WARNINGS,
        }
        self.env |= {"NO_COLOR": "1", "TERM": "dumb", "no_proxy": "*", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.home = home
        home.mkdir()

    def python(self, *arguments: object, **how: Any) -> Any:
        return run(self.bin / "python", *arguments, **{"env": self.env, **how})

    def __call__(self, *arguments: str, given: str | None = None) -> Any:
        """The JSON, or else the text, that a command prints; its failure is the test's."""
        done = run(self.bin / "geopera", *arguments, env=self.env, given=given)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    def error(self, *arguments: str) -> str:
        """What a command that fails says. Whether it exits with 0 is up to the version of its own libraries."""
        done = run(self.bin / "geopera", *arguments, env=self.env)
        assert done.stderr.startswith("Error: "), (arguments, done.stdout, done.stderr)
        assert not done.stdout
        return str(done.stderr)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A fresh environment with the command line and this package. Skipped where the registry is out of reach."""
    root = tmp_path_factory.mktemp("cli")
    place = root / "venv"
    venv.create(place, symlinks=os.name != "nt")
    shell = Shell(place, root / "home")
    # The pip of this environment fills the new one; without one here, Python's own does.
    if importlib.util.find_spec("pip") is None:
        venv.create(place, with_pip=True)
        pip: list[object] = [shell.bin / "python", "-m", "pip"]
    else:
        pip = [sys.executable, "-m", "pip", "--python", shell.bin / "python"]
    env = {key: value for key, value in shell.env.items() if key != "PYTHONWARNINGS"}
    env.pop("no_proxy")  # the registry may be behind a proxy
    env |= {
        k: os.environ[k] for k in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "no_proxy") if k in os.environ
    }
    reached = run(*pip, "install", "--quiet", "--no-deps", "--retries", "1", CLI, env=env, timeout=120)
    if reached.returncode:
        pytest.skip(f"{CLI} cannot be had from the package registry: {reached.stderr[-300:]}")
    for command in (["install", "--quiet", str(REPOSITORY), CLI], ["check"]):
        done = run(*pip, *command, env=env, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return shell


def test_the_command_line_and_this_package_agree(shell: Shell) -> None:
    code = "import geopera, importlib.metadata as m; print(m.version('geopera'), geopera.__file__)"
    version, file = shell.python("-c", code).stdout.split()
    assert version == geopera.__version__
    assert Path(file).is_relative_to(shell.bin.parent)
    owner = "import importlib.metadata as m; print([e.dist.name for e in m.entry_points(name='geopera')])"
    assert shell.python("-c", owner).stdout.strip() == "['geopera-cli']"


def test_login_and_a_dozen_commands(shell: Shell, make_sandbox: Callable[..., Sandbox]) -> None:
    server = make_sandbox(token=TOKEN, speed=1000, credits=10_000)
    with Api(server, TOKEN) as api:
        use(shell, server, api)


def use(shell: Shell, server: Sandbox, api: Api) -> None:
    # Logging in stores the key in the profile folder; a wrong key is refused and stores nothing.
    assert "validation failed" in shell.error("login", "--api-key", "gpra_wrong", "--api-url", server.url)
    assert "Not logged in" in shell.error("whoami")
    assert "Logged in" in shell("login", "--api-key", "-", "--api-url", server.url, given=f"{TOKEN}\n")
    stored = json.loads((shell.home / ".config" / "geopera" / "credentials.json").read_text())
    assert stored["default"]["auth"] == {"type": "api_key", "api_key": TOKEN}
    who = shell("whoami", "--json")
    assert who["geopera_org_id"] == "org-sandbox"
    assert who["sub"] in shell("whoami")

    # Reading.
    assert "catalog.search" in shell("op", "--list").split()
    page = shell(
        *("catalog", "search", "--host-name", "earthsearch-aws", "--collections", "sentinel-2-l2a"),
        *("--limit", "3", *(part for edge in AOI for part in ("--bbox", str(edge)))),
    )
    assert len(page["features"]) == 3
    assert page["next"]
    nested = {"host_name": "earthsearch-aws", "query": {"eo:cloud_cover": {"LT": 20}}, "limit": 100}
    clear = shell("catalog", "search", "--json", json.dumps(nested))
    assert all(feature["properties"]["eo:cloud_cover"] < 20 for feature in clear["features"])
    assert shell("op", "catalog.hosts.list")
    assert shell("billing", "credits", "balance")["credits"] == 10_000
    assert len(shell("items", "list", "--project-id", "example-project", "--limit", "5")["items"]) == 5

    # Spending: what is printed is what the server holds, and each is booked once.
    order = shell("orders", "archive", "place", "--json", json.dumps(ORDER))
    assert order["status"] == "awaiting_data"
    assert shell("orders", "get", "--order-id", order["id"])["id"] == order["id"]
    file = shell.home / "job.json"
    file.write_text(json.dumps({"job_type": "ndvi", "inputs": {"item_ids": [SCENE]}}))
    job = shell("op", "processing.create", "--file", str(file))
    assert shell("processing", "job", "get", "--job-id", job["id"])["id"] == job["id"]
    topup = shell("op", "billing.topup", "-", given='{"amount": 5000, "currency": "aud"}')
    assert topup["status"] == "succeeded"
    hook = shell(
        *("event-subscriptions", "create", "--event-type", "order.fulfilled"),
        *("--endpoint-url", "https://example.com/hook"),
    )
    assert hook["secret"].startswith("whsec_")

    booked = [entry["amount"] for entry in api("billing.credits.transactions")["transactions"]]
    assert sorted(booked) == [-100, -10, 5000, 10_000]
    assert (
        shell("billing", "credits", "balance")["credits"]
        == api("billing.credits.balance")["credits"]
        == 14_890
    )
    assert api("orders.get", {"order_id": order["id"]})["id"] == order["id"]
    subscriptions = api("event_subscriptions.list")["subscriptions"]
    assert [one["event_type"] for one in subscriptions] == ["order.fulfilled"]

    # Failing, and leaving.
    assert "[404]" in shell.error("orders", "get", "--order-id", "no-such-order")
    assert "[422]" in shell.error("catalog", "search")
    assert "Logged out" in shell("logout")
    assert "Not logged in" in shell.error("whoami")


def test_the_whole_sign_in(
    shell: Shell, make_sandbox: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_sandbox(token=TOKEN, approve=True, token_ttl=31)
    store = shell.home / ".config" / "geopera" / "credentials.json"

    def auth() -> Any:
        return json.loads(store.read_text())["person"].get("auth")

    monkeypatch.setitem(shell.env, "GEOPERA_PROFILE", "person")
    done = shell("login", "--no-browser", "--api-url", server.url)
    assert "Logged in as user-sandbox" in done
    first = auth()
    assert first["type"] == "oauth"
    who = shell("whoami", "--json")
    assert who["geopera_principal_type"] == "user"
    assert shell("billing", "credits", "balance")["credits"] > 0
    # Within thirty seconds of its end the command line refreshes first, and writes both new tokens.
    entry = json.loads(store.read_text())
    entry["person"]["auth"]["expires_at"] -= 29
    store.write_text(json.dumps(entry))
    assert shell("billing", "credits", "balance")["credits"] > 0
    second = auth()
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert "Logged out" in shell("logout")
    assert auth() is None
    assert "Not logged in" in shell.error("whoami")
    with Api(server, second["access_token"]) as api:
        api.problem(401, "billing.credits.balance")
