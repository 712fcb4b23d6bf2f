"""The error for a schema that cannot be used, and the bounds on schemas and validations."""

from __future__ import annotations

from ..errors import GeoperaError

__all__ = ["MAX_CHAIN", "MAX_DEPTH", "MAX_HEIGHT", "MAX_LEVEL", "MAX_REPEATS", "MAX_VISITS"]
__all__ += ["MAX_WAYS", "SchemaError"]

#: How deep subschemas may nest inside one another (references do not count).
MAX_DEPTH = 100
#: How deep a value may nest by schemas that do not refer to themselves, references included.
MAX_HEIGHT = 1_000
#: From which depth on subschemas are compiled on their own. pydantic takes 255 of those inside one another
#: where they recur, so that a value's nesting stays within what the stack of a thread holds.
MAX_LEVEL = 8
#: How many in-place subschemas one value may have to be held against (`allOf` of `$ref` of `allOf` ...).
MAX_REPEATS = 20_000
#: The longest chain of references that is followed before the rest is compiled on its own.
MAX_CHAIN = 12
#: How often one validation may enter schemas that members of a union multiply: those that refer to
#: themselves from several members, and those with more than `MAX_WAYS` ways through what they refer to.
MAX_VISITS = 100_000
MAX_WAYS = 8


class SchemaError(GeoperaError, ValueError):
    """The JSON Schema itself cannot be used: it is malformed, refers to itself without end, or refers to nothing.

    Attributes:
        reason: The fault, without the place.
        pointer: The place, as a JSON pointer fragment (``#/properties/a``).
    """

    def __init__(self, message: str, pointer: str = "#") -> None:
        super().__init__(f"{message} (at {pointer[:300]})" if pointer != "#" else message)
        self.reason = message
        self.pointer = pointer

    def __reduce__(self) -> tuple[type[SchemaError], tuple[str, str]]:
        return SchemaError, (self.reason or "", self.pointer)
