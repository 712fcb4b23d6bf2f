"""The bars: in a notebook where there is one, and never in the way."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from geopera._loops.progress import Silent, needs_tqdm, progress_bar


def test_no_bar_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress_bar(False, "label", "records", total=5)
    assert type(bar) is Silent
    bar.total(3)
    bar.move(1)
    bar.update(1)
    bar.tell("state")
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_a_bar_counts_and_tells(capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress_bar(True, "orders.get", "responses", total=4)
    bar.update(1)
    bar.tell("processing")
    bar.move(2)
    bar.total(3)
    bar.close()
    shown = capsys.readouterr().err
    assert "orders.get" in shown
    assert "processing" in shown
    assert "3/3" in shown


def test_the_notebooks_bar_is_used_in_a_notebook() -> None:
    """In a kernel with widgets, the bar is the one of `tqdm.notebook`."""
    code = """
import sys, types, warnings

class Shell:
    config = {"IPKernelApp": {}}
    kernel = True

class Widget:
    def __init__(self, *args, **settings):
        self.__dict__.update(settings)
        self.layout = self.style = types.SimpleNamespace()
        self.value = 0

names = dict.fromkeys(("HBox", "HTML", "FloatProgress", "IntProgress", "Text"), Widget)
sys.modules["ipywidgets"] = widgets = types.ModuleType("ipywidgets")
widgets.__dict__.update(names, __version__="8.1")
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")  # how tqdm knows a notebook
import IPython
IPython.get_ipython = lambda: Shell()
sys.modules["IPython"].get_ipython = IPython.get_ipython
warnings.simplefilter("ignore")
from tqdm.auto import tqdm
from geopera._loops.progress import needs_tqdm
needs_tqdm(True)
print([cls.__module__ for cls in tqdm.__mro__])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "tqdm.notebook" in done.stdout


def test_without_tqdm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: Any = sys.modules
    monkeypatch.setitem(modules, "tqdm.auto", None)
    needs_tqdm(False)
    with pytest.raises(ImportError, match=r"pip install 'geopera\[progress\]>=3'"):
        needs_tqdm(True)
