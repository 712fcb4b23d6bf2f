"""Short tracebacks: IPython and pytest fold the frames of this package and of the transport.

Both skip a frame that has `__tracebackhide__` among its variables; Python itself, loggers and error reports show
every frame. Only the errors of this package are folded; a bug in it shows all frames.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

__all__ = ["folded"]

_OURS = (
    "geopera",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "anyio",
    "h11",
    "h2",
    "ssl",
    "asyncio",
    "pydantic",
)
_MOST = 200


class _Folded:
    """A context manager that marks the frames of an error that leaves it."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is None:
            return
        from .errors import GeoperaError

        if not isinstance(exc, GeoperaError):
            return
        outer = trace.tb_frame.f_back if trace is not None else None
        while outer is not None and _is_ours(outer, ("geopera",)):
            _mark(outer)
            outer = outer.f_back
        seen: set[int] = set()
        one: BaseException | None = exc
        while one is not None and id(one) not in seen and len(seen) < _MOST:
            seen.add(id(one))
            step = one.__traceback__
            while step is not None:
                if _is_ours(step.tb_frame, _OURS):
                    _mark(step.tb_frame)
                step = step.tb_next
            one = one.__cause__ or one.__context__


folded = _Folded()


def _is_ours(frame: FrameType, packages: tuple[str, ...]) -> bool:
    name: Any = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and name.partition(".")[0] in packages


def _mark(frame: FrameType) -> None:
    frame.f_locals["__tracebackhide__"] = True
