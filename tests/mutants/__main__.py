"""``python -m tests.mutants [part of a module's path]``: changes that no test notices, and exit status 1 if there are some."""

from __future__ import annotations

import importlib
import inspect
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.mutants.changes import Change, changes

ROOT = Path(__file__).parent.parent.parent
EQUIVALENT = Path(__file__).parent / "equivalent.txt"
SECONDS = 60  # for the tests of one change; one that makes an endless loop is noticed by this
# Module -> its tests.
RULES: dict[str, list[str]] = {
    "geopera/_call/retry.py": ["tests/call/test_retry_rules.py"],
    "geopera/_loops/paging.py": ["tests/loops/test_paging_rules.py"],
    "geopera/_loops/waiting.py": ["tests/loops/test_waiting_rules.py"],
    "geopera/webhooks/signature.py": [
        "tests/webhooks/test_webhooks_secrets.py",
        "tests/webhooks/test_webhooks_parse.py",
    ],
    "geopera/webhooks/parsing.py": [
        "tests/webhooks/test_webhooks_parse.py",
        "tests/webhooks/test_webhooks_secrets.py",
    ],
    "geopera/webhooks/receiver.py": [
        "tests/webhooks/test_webhooks_receiver.py",
        "tests/webhooks/test_webhooks_secrets.py",
    ],
    "geopera/tracking/diff.py": ["tests/tracking/test_diff_rules.py"],
}


def functions(module: Any) -> dict[tuple[str, int], FunctionType]:
    """The functions of a module and of its classes, by name and line."""
    found: dict[tuple[str, int], FunctionType] = {}

    def look(owner: Any) -> None:
        for value in list(vars(owner).values()):
            for inner in (value, getattr(value, "fget", None), getattr(value, "__func__", None)):
                inner = inspect.unwrap(inner) if callable(inner) else inner
                if isinstance(inner, FunctionType) and inner.__module__ == module.__name__:
                    found[inner.__qualname__, inner.__code__.co_firstlineno] = inner
            if isinstance(value, type) and value.__module__ == module.__name__:
                look(value)

    look(module)
    return found


def codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from codes(one)


def apply(change: Change, module: Any) -> bool:
    """Put the code of a change into the running functions. False if none of them is changed."""
    known, applied = functions(module), False
    for code in codes(compile(change.tree, module.__file__, "exec", dont_inherit=True)):
        function = known.get((code.co_qualname, code.co_firstlineno))
        if function is not None and code != function.__code__:
            function.__code__ = code
            applied = True
    return applied


class Mutants:
    """A pytest plugin: the tests are collected once, and run once for each change, in a fork."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.survivors: list[str] = []
        self.count = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        module = importlib.import_module(self.path.removesuffix(".py").replace("/", "."))
        if self._noticed(session, None, module):
            raise pytest.UsageError(f"the tests of {self.path} fail without any change")
        seen: Counter[str] = Counter()
        for change in changes((ROOT / self.path).read_text(encoding="utf-8")):
            name = f"{self.path} {change}"
            seen[name] += 1
            name += f"  #{seen[name]}" if seen[name] > 1 else ""
            self.count += 1
            if not self._noticed(session, change, module):
                self.survivors.append(name)
                print(f"survived: {name}", flush=True)
        return True

    def _noticed(self, session: pytest.Session, change: Change | None, module: Any) -> bool:
        child = os.fork()
        if child:
            return os.waitpid(child, 0)[1] != 0
        signal.alarm(SECONDS)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        status = 0
        try:
            if change is None or apply(change, module):
                failed = _Failed()
                session.config.pluginmanager.register(failed)
                for item, after in zip(session.items, [*session.items[1:], None], strict=True):
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                    if failed.any:
                        status = 1
                        break
        except BaseException:  # noqa: BLE001 - whatever it is, the change was noticed
            status = 1
        os._exit(status)


class _Failed:
    any = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.any = self.any or report.failed


def main(wanted: str = "") -> int:
    listed = {}
    for line in EQUIVALENT.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, mark, reason = line.partition("  | ")
            assert mark, f"no reason: {line}"
            listed[name] = reason
    chosen = {path: tests for path, tests in RULES.items() if wanted in path}
    survivors: list[str] = []
    for path, tests in chosen.items():
        started, plugin = time.monotonic(), Mutants(path)
        options = ["-o", "addopts=", "-m", "not slow", "--capture=no"]
        options += ["-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:terminal"]
        status = pytest.main([*options, *(str(ROOT / test) for test in tests)], plugins=[plugin])
        assert status == 0, f"{path}: pytest ended with {status}"
        survivors += plugin.survivors
        print(
            f"{path}: {plugin.count} changes, {len(plugin.survivors)} survived, {time.monotonic() - started:.0f} s"
        )
    unknown = [name for name in survivors if name not in listed]
    stale = [name for name in listed if name.partition(" ")[0] in chosen and name not in survivors]
    for title, names in (
        ("No test notices:", unknown),
        ("Listed as equivalent, and gone or noticed:", stale),
    ):
        if names:
            print(title, *names, sep="\n  ")
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
