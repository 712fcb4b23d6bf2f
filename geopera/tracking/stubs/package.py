"""Writing types for editors and type checkers: a stub package for the manifest in use.

What the package makes at run time (the tree of a client, the models, the low-level modules) no checker can
see. The stubs spell it out. They are partial in the sense of PEP 561: what they do not have is read from the
package's own, typed source. They are written for one manifest, whole, and never read by the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import GeoperaError
from ...manifest import Manifest

FOLDER = "geopera-stubs"
_MARK = "partial\n"


def files(manifest: Manifest, *, deep: bool = True) -> Iterator[tuple[str, str]]:
    """(path inside the stub package, text) of every file.

    Without `deep` there are no files for the modules of single models and operations, which are as many as all
    others five times over: a wheel packs each file alone. `from geopera.models import X` and
    `from geopera.api.operations import x` are the same without them.
    """
    from ..._names import segment_name
    from . import calls as call_stubs
    from . import client as client_stubs
    from . import helpers as helper_stubs
    from . import lowlevel as lowlevel_stubs
    from . import models as model_stubs
    from .types import HEADER, Classes, Given, Result, module

    classes = Classes(manifest)
    given, result = Given(classes), Result(classes)
    calls = call_stubs.Calls(manifest, given, result)
    yield "py.typed", _MARK
    yield "__init__.pyi", client_stubs.package_module()
    yield "_stub_helpers.pyi", _join(helper_stubs.helpers_module())
    yield "fluent.pyi", _join(client_stubs.client_module(manifest, calls))
    yield "_calls/__init__.pyi", HEADER
    for name in client_stubs.resources(manifest):
        lines = call_stubs.calls_module(name, manifest.tree[name], calls)
        yield f"_calls/{segment_name(name)}.pyi", module(lines)
    yield "models/__init__.pyi", module(model_stubs.models_module(classes, given))
    if deep:
        for name, text in model_stubs.deep_modules(classes).items():
            yield f"models/{name}", text
    # Last, since the other files determine which dicts are needed.
    yield "bodies.pyi", module(model_stubs.bodies_module(classes, given))
    yield "api/__init__.pyi", HEADER
    if not deep:
        yield "api/operations/__init__.pyi", module(lowlevel_stubs.package_module(calls, classes))
        return
    yield "api/operations/__init__.pyi", HEADER
    for call in calls.values():
        yield (
            f"api/operations/{call.operation.module_name}.pyi",
            lowlevel_stubs.operation_module(call, classes),
        )


def parsed_files(manifest: Manifest, *, deep: bool = True) -> list[tuple[str, str]]:
    """All files, each of them read by Python's compiler. Raises `GeoperaError`: if one of them is not Python."""
    found = list(files(manifest, deep=deep))
    for path, text in found:
        if path.endswith(".pyi"):
            try:
                compile(text, path, "exec", dont_inherit=True)  # quicker than a tree of Python objects
            except (SyntaxError, ValueError) as exc:
                raise GeoperaError(
                    f"the manifest cannot be described: {path} would be no Python: {exc}"
                ) from exc
    return found


def outdated(manifest: Manifest) -> list[str]:
    """The files of the installed stubs that are not those of `manifest`; all of them if none are installed."""
    target = Path(site_packages(), FOLDER)
    installed = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    wrong: list[str] = []
    for deep in (False, True):  # as the wheel has them, as `install` writes them
        made = dict(files(manifest, deep=deep))
        wrong = [
            path
            for path in sorted(made.keys() | installed)
            if path not in made
            or path not in installed
            or (target / path).read_text(encoding="utf-8") != made[path]
        ]
        if not wrong:
            break
    return wrong


def _join(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def write(manifest: Manifest, folder: str | os.PathLike[str], *, deep: bool = True) -> str:
    """Write the stub package into `folder`. Returns the package's own folder.

    A stub package that is there already is replaced as a whole. Raises `GeoperaError` where something else
    is in the way, OSError where the folder cannot be written.
    """
    from shutil import rmtree
    from tempfile import mkdtemp

    folder = os.path.abspath(folder)
    target = os.path.join(folder, FOLDER)
    if os.path.lexists(target) and not _is_ours(target):
        raise GeoperaError(f"{target} is there and was not written by this command; it is left as it is")
    os.makedirs(folder, exist_ok=True)
    # Everything is written beside its place first, so that a failure leaves what was there.
    temporary = mkdtemp(dir=folder, prefix=".geopera-stubs-")
    try:
        for path, text in parsed_files(manifest, deep=deep):
            place = os.path.join(temporary, "new", *path.split("/"))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        if os.path.lexists(target):
            os.rename(target, os.path.join(temporary, "old"))
        os.rename(os.path.join(temporary, "new"), target)
    finally:
        rmtree(temporary, ignore_errors=True)
    return target


def _is_ours(folder: str) -> bool:
    try:
        with open(os.path.join(folder, "fluent.pyi"), encoding="utf-8") as file:
            return "python -m geopera stubs" in file.readline()
    except OSError:
        return False


def site_packages() -> str:
    """The folder of installed packages that checkers of this Python look into."""
    import sysconfig

    return sysconfig.get_path("purelib")


def install(manifest: Manifest) -> str:
    """Write the stub package beside the installed packages. Returns its folder."""
    return write(manifest, site_packages())


def uninstall() -> str | None:
    """Remove what `install` wrote. Returns its folder, or None where there was none."""
    from shutil import rmtree

    target = os.path.join(site_packages(), FOLDER)
    if not _is_ours(target):
        return None
    rmtree(target)
    return target
