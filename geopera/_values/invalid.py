"""The error of an invalid value: a geometry, a box or a datetime."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["InvalidValueError"]


class InvalidValueError(ValueError):
    """A geometry, bounding box or datetime that is invalid.

    Attributes:
        path: Where inside the value, as keys and indexes; empty for the value itself.
        kind: A short identifier, as in the `type` of an error detail.
    """

    def __init__(self, message: str, *path: str | int, kind: str = "geometry") -> None:
        super().__init__(message)
        self.path: Sequence[str | int] = path
        self.kind = kind

    def below(self, *path: str | int) -> InvalidValueError:
        """The same error, with its path below `path`."""
        return InvalidValueError(str(self), *path, *self.path, kind=self.kind)
