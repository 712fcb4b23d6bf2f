"""What the pages say of the sandbox and its commands is whole: examples, controls, options, the container file."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from geopera._cli.main import parser
from geopera.sandbox import Controls
from geopera.sandbox.app import HANDLERS
from geopera.sandbox.cli import add_arguments
from geopera.sandbox.control.endpoints import CONTROLS
from geopera.sandbox.wire.contract import Contract

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def options(help: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", help)) - {"--help"}


def test_the_page_lists_the_examples() -> None:
    listed = re.findall(r"`([\w.]+)`", PAGE.partition("\n## Examples\n")[2].partition(":")[2])
    assert listed == sorted(Contract.load().operations.keys() - HANDLERS.keys())


def test_every_control_is_documented_with_its_http_form() -> None:
    table = PAGE.partition("\n## Controls\n")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[2])} >= CONTROLS.keys()
    methods = {name for name in vars(Controls) if not name.startswith("_")} - {"control"}
    assert methods <= {name for row in rows for name in re.findall(r"`(\w+)", row[1])}


def test_every_option_is_documented() -> None:
    command = argparse.ArgumentParser()
    add_arguments(command)
    assert options(command.format_help()) <= options(PAGE)
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    commands = parser().parse_args(["completion", "bash"]).parsers
    for name in ("call", "wait", "download", "upload", "ops", "describe", "doctor", "completion"):
        assert options(commands[name].format_help()) - options(page) == set(), name
        assert f"`{name}" in page


def test_an_option_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "0", "SPEED": "9.5", "APPROVE": "1", "RATE_LIMITS": "0"}.items():
        monkeypatch.setenv(f"GEOPERA_SANDBOX_{name}", value)
    monkeypatch.setenv("GEOPERA_SANDBOX_ALLOWED_HOST", "one two")
    command = argparse.ArgumentParser()
    add_arguments(command)
    found = command.parse_args(["--allowed-host", "three"])
    assert (found.port, found.speed, found.approve, found.rate_limits) == (0, 9.5, True, False)
    assert found.allowed_host == ["one", "two", "three"]
    assert command.parse_args(["--speed", "2"]).speed == 2
    monkeypatch.setenv("GEOPERA_SANDBOX_PORT", "many")
    command = argparse.ArgumentParser()
    add_arguments(command)
    with pytest.raises(SystemExit):
        command.parse_args([])


def test_the_container_file_and_the_command_agree() -> None:
    text = (ROOT / "docs" / "examples" / "Containerfile").read_text()
    command = argparse.ArgumentParser()
    add_arguments(command)
    known = {option.removeprefix("--").upper().replace("-", "_") for option in options(command.format_help())}
    services = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    for name in re.findall(r"GEOPERA_SANDBOX_([A-Z_]+)", text + services):
        assert name in known | {"SECRET"}, name


@pytest.mark.slow
def test_the_image_can_be_built_and_serves() -> None:
    builder = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    if builder is None or subprocess.run([builder, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no builder of images is running here")
    build = [
        builder,
        "build",
        "-f",
        "docs/examples/Containerfile",
        "--build-arg",
        "PACKAGE=/src[sandbox]",
        ".",
    ]
    done = subprocess.run([*build, "-q"], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    image = done.stdout.strip().splitlines()[-1]
    run = [builder, "run", "--rm", image, "--help"]
    assert "--record" in subprocess.run(run, capture_output=True, text=True, timeout=120, check=True).stdout
