"""Tracebacks: frames of this package and of the transport are folded, those of the caller and of bugs are not."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback

import pytest

from geopera._folding import folded
from geopera.errors import APIConnectionError, GeoperaError, InvalidInputError

NOWHERE = "http://127.0.0.1:9"
OURS = ("geopera", "httpx", "httpcore", "httpx2", "httpcore2", "anyio")


def frames(exc):
    """The frames of an exception and of its causes."""
    while exc is not None:
        yield from (frame for frame, _ in traceback.walk_tb(exc.__traceback__))
        exc = exc.__cause__ or exc.__context__


CALLS = {
    "input": lambda client, _: client.catalog.search(limit=10_000),
    "call": lambda client, _: client.orders.get(order_id="o"),
    "iter": lambda client, flavour: flavour.collect(client.catalog.search.iter(host_name="h")),
    "wait": lambda client, _: client.orders.get.wait(order_id="o", timeout=0),
}


@pytest.mark.parametrize("name", CALLS)
def test_frames_are_marked(flavour, name):
    client = flavour.client("token", NOWHERE).with_options(max_retries=0)
    with pytest.raises(GeoperaError) as caught:
        flavour(CALLS[name](client, flavour))
    seen = 0
    for frame in frames(caught.value):
        module = frame.f_globals["__name__"].partition(".")[0]
        if module in OURS:
            seen += 1
            assert frame.f_locals.get("__tracebackhide__") is True, frame
        elif module == "test_tracebacks":
            assert "__tracebackhide__" not in frame.f_locals
    assert seen > 2
    assert "geopera/" in "".join(traceback.format_exception(caught.value)).replace("\\", "/")


def test_a_bug_shows_whole():
    with pytest.raises(ZeroDivisionError) as caught, folded:
        1 / 0  # noqa: B018
    assert not any("__tracebackhide__" in frame.f_locals for frame in frames(caught.value))


def test_an_exception_that_refers_to_itself():
    error = InvalidInputError("x")
    error.__cause__ = other = APIConnectionError("y")
    other.__cause__ = error
    with pytest.raises(InvalidInputError), folded:
        raise error


_CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from geopera import Geopera, AsyncGeopera")
for cell in CELLS:
    print("=====")
    shell.run_cell(cell)
"""


@pytest.mark.slow
def test_ipython_shows_a_screen():
    cells = [
        "Geopera().catalog.search(limit=10_000)",
        f"Geopera(base_url={NOWHERE!r}, max_retries=0).orders.get(order_id='o')",
        f"await AsyncGeopera(base_url={NOWHERE!r}, max_retries=0).orders.get(order_id='o')",
    ]
    done = subprocess.run(
        [sys.executable, "-c", _CELLS.replace("CELLS", repr(cells))],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    shown = re.sub(r"\x1b\[[\d;]*m", "", done.stdout).split("=====")[1:]
    assert len(shown) == 3
    for text in shown:
        assert "skipping hidden" in text
        assert len(text.strip().splitlines()) <= 25, text
