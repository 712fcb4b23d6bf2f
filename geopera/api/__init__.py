"""The low-level surface: one module of functions per operation, under ``geopera.api.operations``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if name == "operations":
        from importlib import import_module

        return import_module(f"{__name__}.operations")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return ["operations"]
