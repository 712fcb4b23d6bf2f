"""A session in IPython and one in plain Python, typed key by key into a terminal."""

from __future__ import annotations

import os
import re
import sys

import pytest
from helpers.changed_api import NEW, changed_manifest

pexpect = pytest.importorskip("pexpect", reason="pexpect is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a POSIX terminal")

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-B]?)")


class Session:
    """Types into a terminal and reads what a person would see there."""

    def __init__(self, command, arguments, **env):
        settings = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "PAGER": "cat", **env}
        self.child = pexpect.spawn(
            command,
            arguments,
            env=settings,
            encoding="utf-8",
            timeout=60,
            dimensions=(200, 160),
            codec_errors="replace",
        )
        self.seen = ""

    def wait_for(self, text):
        """Reads until `text` is on the screen; returns what came since the last wait, without escapes."""
        fresh = ""
        while text not in fresh:
            try:
                fresh += self.child.read_nonblocking(65_536, timeout=60)
            except (pexpect.TIMEOUT, pexpect.EOF) as exc:
                raise AssertionError(
                    f"{text!r} did not come; seen: {ESCAPES.sub('', self.seen + fresh)[-3000:]}"
                ) from exc
            fresh = ESCAPES.sub("", fresh)
        self.seen += fresh
        return fresh

    def type(self, keys):
        self.child.send(keys)

    def run(self, line, until="done-mark"):
        """Runs a line and returns what it shows. The mark is put together, so that the echo is not taken for it."""
        self.type(f"{line}\r")
        self.type("print('done-' + 'mark')\r")
        return self.wait_for(until)

    def close(self):
        self.child.close(force=True)


@pytest.fixture
def session():
    opened = []

    def start(command, arguments, **env):
        opened.append(Session(command, arguments, **env))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.slow
def test_a_session_in_ipython(session, make_sandbox, tmp_path):
    pytest.importorskip("IPython", reason="IPython is not installed")
    server = make_sandbox()
    server.use_manifest(changed_manifest())
    shell = session(
        sys.executable,
        [
            "-m",
            "IPython",
            "--no-banner",
            "--no-confirm-exit",
            "--colors=nocolor",
            "--HistoryManager.enabled=False",
        ],
        IPYTHONDIR=str(tmp_path / "ipython"),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )
    shell.wait_for("In [1]")
    shell.run(f"from geopera import Geopera; client = Geopera({server.token!r}, {server.url!r})")

    # Tab completes resources, operations and keywords.
    shell.type("x = client.catal\t")
    shell.wait_for("catalog")
    shell.type(".sear\t")
    shell.wait_for("search_stream")
    shell.type("\x15")  # clears the line
    shell.type("y = client.orders.archive.pl\t")
    shell.wait_for("place")
    shell.type("\x15")

    shown = shell.run("client.catalog")
    assert "search(host_name" in shown
    assert "catalog: " in shown
    shown = shell.run("client.catalog.search")
    assert "default 100" in shown
    shown = shell.run("client.catalog.search?")
    for part in ("host_name", "catalog:read", "Example:", "OperationCall"):
        assert part in shown
    shown = shell.run("page = client.catalog.search(host_name='earthsearch-aws', limit=200); page")
    assert "200 features, the first 60 shown" in shown
    assert "more columns: " in shown
    assert len(shown) < 12_000

    # One line, and what is new is there: shown, completed, callable.
    shown = shell.run("client.refresh_manifest()")
    assert "2 added, 1 removed" in shown
    shell.type("z = client.weath\t")
    shell.wait_for("weather")
    shell.type(".\t")
    shell.wait_for("forecast")
    shell.type("\x15")
    shown = shell.run(f"print(client.{NEW}(place='Sydney').clouds)")
    assert re.search(r"^\[[\d., ]+\]", shown, re.M)
    assert "Traceback" not in shell.seen
    assert "Error" not in shell.seen.replace("GeoperaError", "").replace("HTTPValidationError", "").replace(
        "errors.", ""
    )


def test_a_session_in_plain_python(session):
    pytest.importorskip("readline", reason="this Python has no readline")
    shell = session(
        sys.executable, ["-q", "-i", "-c", "import readline, rlcompleter; readline.parse_and_bind('tab: complete')"],
        PYTHON_BASIC_REPL="1", PYTHONSTARTUP="", TERM="dumb",
    )  # fmt: skip
    shell.wait_for(">>> ")
    shell.run("from geopera import Geopera; client = Geopera()")
    shell.type("client.catal\t")
    shell.wait_for("client.catalog")
    shell.type(".federated_s\t")
    shell.wait_for("federated_search")
    shell.type("\x15")
    shown = shell.run("client.glossary")
    assert "collections." in shown
    shown = shell.run("client.catalog.serch")
    assert "did you mean 'search'" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("client.cat", "catalog"),
        ("client.catalog.sear", "search"),
        ("client.orders.archive.pl", "place"),
        ("client.catalog.search.pag", "pages"),
        ("client.catalog.search(host", "host_name="),
        ("client.refresh_m", "refresh_manifest"),
        ("other.processing.jo", "job"),
        ("geopera.models.CatalogSearchI", "CatalogSearchInput"),
        ("models.CatalogSearchI", "CatalogSearchInput"),
        ("from geopera.models import CatalogSearchI", "CatalogSearchInput"),
        ("from geopera.api.operations import catalog_sea", "catalog_search"),
    ],
)
def test_tab_in_ipython_and_jupyter(text, completed, tmp_path, monkeypatch):
    """What IPython's completer offers; Jupyter asks the same one."""
    core = pytest.importorskip("IPython.core.interactiveshell", reason="IPython is not installed")
    completer = pytest.importorskip("IPython.core.completer")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setattr(
        sys, "ps1", "", raising=False
    )  # the shell sets it: other tests must not be interactive
    shell = core.InteractiveShell()
    import geopera

    shell.user_ns.update(
        geopera=geopera, models=geopera.models, client=geopera.Geopera(), other=geopera.AsyncGeopera()
    )
    with completer.provisionalcompleter():
        assert completed in [found.text for found in shell.Completer.completions(text, len(text))]
    shell.history_manager.end_session()
