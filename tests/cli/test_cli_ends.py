"""The command line in odd surroundings: interrupted, without a reader, without room, with broken settings."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from geopera._cli.main import main
from geopera.manifest import bundled_bytes

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and devices")


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("GEOPERA_API_TOKEN", "GEOPERA_API_URL", "GEOPERA_MANIFEST"):
        monkeypatch.delenv(name, raising=False)


def command(*arguments):
    return [sys.executable, "-m", "geopera", *arguments]


def done(*arguments, **options):
    return subprocess.run(
        command(*arguments), stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options
    )


@pytest.mark.parametrize(
    "arguments", [["ops"], ["manifest", "show", "--content"], ["describe", "catalog.search"]]
)
def test_a_closed_pipe_is_quiet(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    ended = done(*arguments, stdout=writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


@posix
@pytest.mark.parametrize("arguments", [["ops"], ["manifest", "show", "--content"], ["manifest", "show"]])
def test_a_full_disk_is_one_line_and_an_error(arguments):
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("there is no /dev/full here")
    with full.open("wb") as file:
        ended = done(*arguments, stdout=file)
    assert ended.returncode == 1
    assert ended.stderr.startswith("geopera: ")
    assert len(ended.stderr.splitlines()) == 1


@posix
def test_standard_output_can_be_closed():
    shell = subprocess.run(
        ["sh", "-c", '"$0" -m geopera ops >&-', sys.executable],
        stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (shell.returncode, shell.stderr) == (0, "")


@pytest.mark.slow
@posix
def test_ctrl_c_ends_with_130(wire_that_waits):
    # A test run in the background may ignore the signal, and what it starts would inherit that. A signal that
    # has a handler here has the default one there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command("call", "orders.get", "--json", '{"order_id": "x"}', "--base-url", wire_that_waits.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            assert wire_that_waits.asked.wait(30)
            process.send_signal(signal.SIGINT)
            printed, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert (printed, said) == (b"", b"interrupted\n")


@pytest.fixture
def wire_that_waits():
    """A server that never responds."""

    class Waits:
        def __init__(self):
            self.asked = threading.Event()
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.socket.settimeout(60)
            self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
            self.thread = threading.Thread(target=self.serve, daemon=True)
            self.thread.start()

        def serve(self):
            try:
                connection, _ = self.socket.accept()
                with connection:
                    connection.settimeout(60)
                    connection.recv(1000)
                    self.asked.set()
                    connection.recv(100_000)
            except OSError:
                pass

    waits = Waits()
    yield waits
    waits.socket.close()
    waits.thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize("content", [None, b"", b"{", b'{"format": 99, "operations": {}, "schemas": {}}'])
def test_an_unusable_manifest_of_the_environment_is_one_line(tmp_path, monkeypatch, content):
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("GEOPERA_MANIFEST", str(path))
    ended = done("ops", stdout=subprocess.PIPE)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert str(path) in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    # What does not need a manifest works, and a program can catch the error where it makes a client.
    assert done("manifest", "reset", stdout=subprocess.PIPE).returncode == 0
    source = (
        "import geopera, geopera.errors\n"
        "try: geopera.Geopera().manifest\n"
        "except geopera.errors.ManifestError as error: print(error)\n"
    )
    caught = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True
    )
    assert str(path) in caught.stdout


@pytest.mark.slow
@posix
def test_a_manifest_is_written_to_a_pipe_or_a_device_and_not_in_its_place(tmp_path, capsys):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = tmp_path / "source.json"
    source.write_bytes(bundled_bytes())
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert main(["manifest", "refresh", "--from", str(source), "--output", str(pipe)]) == 0
    reader.join(30)
    assert pipe.is_fifo()
    assert len(json.loads(read[0])["operations"]) >= 229
    capsys.readouterr()


@pytest.mark.slow
@posix
def test_a_link_to_a_manifest_stays_a_link(tmp_path, capsys):
    real, link, source = tmp_path / "real.json", tmp_path / "link.json", tmp_path / "source.json"
    real.write_text("what was there")
    link.symlink_to(real)
    source.write_bytes(bundled_bytes())
    assert main(["manifest", "compile", str(source), "--output", str(link)]) == 0
    assert link.is_symlink()
    assert "operations" in json.loads(real.read_bytes())
    capsys.readouterr()
