"""The steps that a plan may yield to its driver (see `drive.py`). A number is a pause in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .._transport.bodies import Body


class Emit:
    """Hand these values to the caller, one by one."""

    __slots__ = ("values",)

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = values


class Call:
    """Carry out the steps of one call; the result is its `Response`."""

    __slots__ = ("steps",)

    def __init__(self, steps: Any) -> None:
        self.steps = steps


class Read:
    """The next bytes of a body that is still being received, None at its end. The body is closed with the plan."""

    __slots__ = ("chunks", "file", "http")

    def __init__(self, http: Body, *, file: bool = False) -> None:
        self.http = http
        self.file = file  # see `Decoder`
        self.chunks: Any = None


class LastCall:
    """Carry out one call although the task that waits for it is being cancelled, for at most `seconds`."""

    __slots__ = ("seconds", "steps")

    def __init__(self, steps: Any, seconds: float) -> None:
        self.steps = steps
        self.seconds = seconds


class Fetch:
    """GET a URL outside the API, without token, cookies or headers of the client; the result is a `Read`.

    With content it is a PUT of it: an object whose `chunks` and `achunks` iterate over the bytes.
    """

    __slots__ = ("content", "headers", "url")

    def __init__(self, url: str, headers: dict[str, str], content: Any = None) -> None:
        self.url = url
        self.headers = headers
        self.content = content


class Work:
    """Run a function that may block for long, on a disk for example; the result is what it returns."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function


class Start:
    """Begin a call in the background, `width` at a time; the result is a handle for `Join`."""

    __slots__ = ("steps", "width")

    def __init__(self, steps: Any, width: int) -> None:
        self.steps = steps
        self.width = width


class Fork:
    """Run a whole plan in the background, `width` at a time; the result is a handle, its value what it emits."""

    __slots__ = ("plan", "width")

    def __init__(self, plan: Any, width: int) -> None:
        self.plan = plan
        self.width = width


class Submit:
    """Run a function in an executor of the caller's; the result is a handle for `Join`."""

    __slots__ = ("arguments", "executor", "function")

    def __init__(self, executor: Any, function: Callable[..., Any], *arguments: Any) -> None:
        self.executor = executor
        self.function = function
        self.arguments = arguments


class Join:
    """Wait for what runs in the background; the result is its result, or what it raised."""

    __slots__ = ("handle",)

    def __init__(self, handle: Any) -> None:
        self.handle = handle


class FirstDone:
    """Wait for the first of several handles; the result is the list of those that are done."""

    __slots__ = ("handles",)

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = handles


class Pull:
    """The next value of an iterator, or of an async one in the event loop; `END` at its end."""

    __slots__ = ("source",)

    def __init__(self, source: Any) -> None:
        self.source = source


END = object()
