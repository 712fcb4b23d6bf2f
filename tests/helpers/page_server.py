"""Runs the code of documentation pages, each page in a forked process: ``python page_server.py``.

The libraries that pages use are imported once, before the forks, so a page costs its own work alone. A job is a
line of JSON on standard input; the exit status of the page is a line on standard output. Pauses are shortened, so
that a page may show the seconds that a reader would write.
"""

from __future__ import annotations

import ast
import asyncio
import gc
import json
import os
import runpy
import sys
import time
import warnings
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

SHORTER = 50
LIBRARIES = ("numpy", "shapely", "pandas", "pystac", "httpx", "pydantic", "jsonschema", "uvicorn")


def preload() -> None:
    """Import the libraries that are there, and all modules of the package but those that run when imported."""
    import geopera

    modules = [found.name for found in walk_packages(geopera.__path__, "geopera.")]
    for name in [*LIBRARIES, *modules]:
        if not name.endswith("__main__") and not name.startswith("geopera.api.operations."):
            with suppress(ImportError):
                import_module(name)


def shorten_pauses() -> None:
    sleep, async_sleep = time.sleep, asyncio.sleep
    time.sleep = lambda seconds: sleep(seconds / SHORTER)
    asyncio.sleep = lambda delay, result=None: async_sleep(delay / SHORTER, result)  # type: ignore[assignment]


def run_page(source: str, name: str) -> None:
    """Run the blocks of a page in one namespace. Top-level `await` works, as in a notebook."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for part in source.split("\0"):
            line, _, code = part.partition(":")
            tree = ast.parse(code, name)
            ast.increment_lineno(tree, int(line) - 1)
            made = eval(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), namespace)
            if made is not None:
                runner.run(made)
        for value in list(namespace.values()):
            if type(value).__module__.startswith("geopera") and hasattr(value, "aclose"):
                runner.run(value.aclose())


def run_notebook(path: str) -> None:
    """Run the code cells of a notebook in IPython."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            shell.run_cell("".join(cell["source"]), store_history=True).raise_error()


def run(job: dict[str, Any]) -> None:
    """Become the process of a page: its folder, environment and standard streams."""
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = [job["name"]]
    if job["kind"] == "notebook":
        run_notebook(job["source"])
    elif job["kind"] == "script":
        runpy.run_path(job["source"], run_name="__main__")
    else:
        run_page(job["source"], job["name"])


def main() -> None:
    shorten_pauses()
    # What one library deprecates in its use by another is no fault of a page.
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(odc|affine|pystac)\b")
    preload()
    gc.collect()
    gc.freeze()  # the children leave what was imported alone
    print("ready", flush=True)
    while (
        line := sys.stdin.buffer.raw.readline()
    ):  # unbuffered: a child must not inherit lines that were read ahead
        job = json.loads(line)
        child = os.fork()
        if not child:
            run(job)
            return
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)


if __name__ == "__main__":
    main()
