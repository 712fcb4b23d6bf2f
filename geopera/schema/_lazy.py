"""The validator of a class, made when somebody first uses the class directly.

A class in a circle of schemas needs a validator of the whole circle. Made for each class up front, a circle of n
classes would cost n times what it holds; most classes are only ever validated inside of another.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

from pydantic_core import SchemaValidator

from ._budget import whole

__all__ = ["LazyValidator"]

_building = RLock()


class LazyValidator:
    """Stands in a class for its validator: reading it from the class, or any use of it, makes the real one."""

    def __init__(self, cls: Any, *, metered: bool) -> None:
        self._cls = cls
        self._metered = metered

    def __get__(self, instance: Any, owner: type) -> SchemaValidator:
        return self._real()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> SchemaValidator:
        cls = self._cls
        with _building:
            made = cls.__dict__["__pydantic_validator__"]
            if not isinstance(made, SchemaValidator):
                core = cls.__pydantic_core_schema__
                made = cls.__pydantic_validator__ = SchemaValidator(whole(core) if self._metered else core)
                # Not before: pydantic asks a complete class for its validator while it builds another.
                cls.__pydantic_complete__ = True
        return made
