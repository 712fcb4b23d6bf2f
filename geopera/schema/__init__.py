"""JSON Schema (draft 2020-12) to pydantic: models, adapters, and exactly what the schema accepts."""

from __future__ import annotations

from . import _pickle as _pickle  # how classes made at run time are pickled
from ._adhoc import type_adapter
from ._errors import SchemaError
from ._inspect import unknown_fields
from ._model import Model
from ._registry import Registry
from ._salvage import best_effort

__all__ = ["Model", "Registry", "SchemaError", "best_effort", "type_adapter", "unknown_fields"]
