"""Modules without files: ``geopera.models.<class>`` and ``geopera.api.operations.<operation>``.

Python finds the modules of a package through the entries of its ``__path__``, which ``sys.path_hooks`` read. The
finder for the virtual packages is here. So every way of importing works, and ``pkgutil``, ``help`` and tab completion
see the modules, without one line per module.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec

from .. import manifest as _manifest
from .._names import module_name, snake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

_ENTRY = "<geopera virtual modules>/"


class _Finder:
    """Finds the modules of one virtual package: a path entry finder (PEP 302, PEP 451)."""

    def __init__(self, entry: str) -> None:
        if not entry.startswith(_ENTRY):
            raise ImportError(f"{entry!r} is not an entry of virtual modules")
        self._package = entry.removeprefix(_ENTRY)

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package != self._package or name not in modules(package):
            return None
        return ModuleSpec(fullname, _Loader(), origin="geopera manifest")

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        for name in sorted(modules(self._package)):
            yield prefix + name, False

    def invalidate_caches(self) -> None:
        """Nothing is cached: the manifest of the process does not change."""


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        package, _, name = module.__name__.rpartition(".")
        target = modules(package)[name]
        manifest = _manifest.default()
        if package.endswith(".models"):
            module.__doc__ = f"The model `{target}`, made from the manifest."
            setattr(module, target, manifest.registry.model(target))
            module.__dict__["__all__"] = [target]
        else:
            from ._functions import NAMES, functions

            operation = manifest.operations[target]
            module.__doc__ = f"The operation {target}: {operation.summary}."
            module.__dict__.update(functions(operation, manifest, module.__name__))
            module.__dict__["__all__"] = list(NAMES)


def modules(package: str) -> Mapping[str, str]:
    """The modules of a virtual package: name -> class name or operation id."""
    found = _modules.get(package)
    if found is None:
        manifest = _manifest.default()
        if package.endswith(".models"):
            found = {snake(name): name for name in manifest.registry.names()}
        else:
            found = {module_name(id): id for id in manifest.operations}
        _modules[package] = found
    return found


_modules: dict[str, dict[str, str]] = {}


def path(package: str) -> list[str]:
    """The ``__path__`` of the virtual package called `package`."""
    if _Finder not in sys.path_hooks:
        sys.path_hooks.append(_Finder)
    return [_ENTRY + package]
