"""The body of a response: received in chunks, decoded, and closed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from .._call.stops import TotalTimeout
from .._decoding.inflate import BodyCut, Decoder
from .direct import rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx

    from .direct import Rest
    from .guard import Reception


class Body:
    """A response whose body is still to be received. It has to be closed, with `close` or `aclose`.

    Iterating (`chunks`, `achunks`) raises the library's exceptions, `BodyError` for a coding that was not requested,
    and `TotalTimeout`.
    """

    __slots__ = (
        "_at_end",
        "_deadline",
        "_direct",
        "_late",
        "_library",
        "_reception",
        "_timer",
        "arrived",
        "headers",
        "http",
        "status_code",
    )

    def __init__(
        self,
        http: httpx.Response,
        library: Any,
        reception: Reception,
        deadline: float | None = None,
        at_end: Callable[[], Any] | None = None,
        *,
        direct: bool = False,
    ) -> None:
        self.http = http
        self.headers = http.headers
        self.status_code = http.status_code
        self._library = library
        self._reception = reception
        self._deadline = deadline
        self._at_end = at_end
        self._direct = direct  # whether nothing stands between the response and its connection
        self._timer: Any = None
        self._late = False
        self.arrived = 0  # bytes, before they are decoded

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def chunks(self, *, file: bool = False) -> Iterator[bytes]:
        """The body, decoded. `file`: see `Decoder`."""
        http = self.http
        if http.is_stream_consumed:  # a hook has read it, or the transport, and httpx has decoded it then
            yield http.content
            return
        decoder = Decoder(self.headers.get("content-encoding"), file=file)
        self._watch()
        pieces = http.iter_raw()  # lives until the end: the connection would be closed with it
        try:
            for raw in pieces:
                self._reception.note()
                if self._reception.surplus:
                    http.extensions["network_stream"].close()
                self._check()
                self.arrived += len(raw)
                yield from decoder.feed(raw)
                left, self._direct = self._rest(len(raw), decoder, file), False
                if left is not None:
                    for piece in left.chunks():
                        self._check()
                        yield piece
                    break
            if self._late:  # a body without a length seems to end where the socket was shut down
                raise TotalTimeout("the body did not end in time")
            decoder.close()
        except BodyCut as exc:
            raise self._library.DecodingError(str(exc)) from None
        except self._library.HTTPError as exc:
            if self._late:
                raise TotalTimeout("the body did not end in time") from exc
            raise

    async def achunks(self, *, file: bool = False) -> AsyncIterator[bytes]:
        """`chunks`, in an event loop."""
        http = self.http
        if http.is_stream_consumed:
            yield http.content
            return
        decoder = Decoder(self.headers.get("content-encoding"), file=file)
        # Not `aiter_raw`, which closes the response after the last piece, where a cancelled task loses its connection.
        pieces: AsyncIterator[bytes] = aiter(cast("Any", http.stream))
        try:
            while (raw := await self._within(anext(pieces, None))) is not None:
                self._reception.note()
                if self._reception.surplus:
                    await http.extensions["network_stream"].aclose()
                self.arrived += len(raw)
                for piece in decoder.feed(raw):
                    yield piece
                left, self._direct = self._rest(len(raw), decoder, file), False
                if left is not None:
                    async for piece in left.achunks(self._within):
                        yield piece
                    break
            await self.aclose()
            decoder.close()
        except BodyCut as exc:
            raise self._library.DecodingError(str(exc)) from None

    def _rest(self, arrived: int, decoder: Decoder, file: bool) -> Rest | None:
        """The rest of a file's body that may be read from the connection itself, after the first piece."""
        if not (file and self._direct and decoder.plain):
            return None
        return rest(self.http, self._library, arrived)

    async def _within(self, step: Any) -> Any:
        if self._deadline is None:
            return await step
        from anyio import move_on_after

        with move_on_after(max(self._deadline - time.monotonic(), 0)):
            return await step
        raise TotalTimeout("the body did not end in time")

    def _check(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TotalTimeout("the body did not end in time")

    def _watch(self) -> None:
        """At the deadline, end a read that waits. Closing a socket does not wake a reader; shutting it down does."""
        stream = self.http.extensions.get("network_stream")
        if self._deadline is None or stream is None:
            return
        from threading import Timer

        from .streams import shut

        def end() -> None:
            self._late = True
            shut(stream)

        self._timer = Timer(max(self._deadline - time.monotonic(), 0), end)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            self.http.close()
        finally:
            if self._at_end is not None:
                self._at_end()

    async def aclose(self) -> None:
        """Close it, also if the caller's task is cancelled: it is closed in a task of its own.

        Releasing a connection takes a turn of the event loop. A task that is cancelled in that turn would leave the
        connection marked as in use.
        """
        try:
            await for_sure(self.http.aclose())
        finally:
            if self._at_end is not None:
                self._at_end()


_closing: set[Any] = set()  # the event loop itself holds its tasks weakly


async def for_sure(work: Any) -> None:
    """Await `work` to its end, whatever happens to the task that waits for it."""
    from .streams import running_loop

    if running_loop() is None:
        await work
        return
    from asyncio import shield

    await shield(in_background(work))


def in_background(work: Any) -> Any:
    """A task that needs no other reference to stay alive."""
    from asyncio import ensure_future

    task = ensure_future(work)
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    return task
