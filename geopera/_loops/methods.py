"""What an operation can do beside being called: pages, records, waits, downloads; and one for many bodies.

Only the entrances are here, so that importing them costs nothing; what they do is in `_pages.py`,
`_downloads.py` and `_bulk.py`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from os import PathLike
    from typing import Any

__all__ = ["Loops", "Many"]

_DELAYS = (2.0, 4.0, 8.0, 16.0, 30.0)


class Loops:
    """The loops over one operation. On an async client, iterators are async and the rest is awaited."""

    __slots__ = ()

    _client: Any
    _id: str

    def preview(
        self,
        body: Any = None,
        /,
        *,
        idempotency_key: str | None = None,
        estimate: bool = False,
        **fields: Any,
    ) -> Any:
        """The request that a call would send, without sending it.

        Args:
            body: Request body, as in a call. Fields may be given as keywords instead.
            idempotency_key: The key of the request; one is made for an operation that spends.
            estimate: Ask the operation that estimates this one for the price, and nothing else. On an async client
                the preview is then awaited.

        Returns:
            A `Preview`: `url`, `headers` without secrets, `body`, `idempotency_key`, `effect` (what it may cost or
            change), `curl()`, and `send()`, which sends this body with this key.

        Raises:
            InvalidInputError: If a call would refuse the body.
            TypeError: If an estimate is wanted and there is none.
        """
        from .preview import preview

        endpoint = self._client._any_endpoint(self._id)
        return preview(self._client, endpoint, body, fields, key=idempotency_key, estimate=estimate)

    def pages(
        self, body: Any = None, /, *, max_items: int | None = None, progress: bool = False, **fields: Any
    ) -> Any:
        """The pages of a list, one by one, as the operation returns them.

        body, fields: as in calling the operation; its ``limit`` or ``size`` stays the size of a page.
        max_items: no page is fetched once so many records came; the last page is handed out whole.
        progress: show a bar (needs the extra ``geopera[progress]``).

        Returns an iterator, which is lazy and a context manager. Raises TypeError for an operation that
        returns no pages, `InvalidInputError` for a bad body, and while iterating what a call may raise
        and `PagingError` for a server that repeats a page or a token.
        """
        from .pages import pages

        return pages(self._client, self._id, body, fields, max_items=max_items, progress=progress)

    def iter(
        self, body: Any = None, /, *, max_items: int | None = None, progress: bool = False, **fields: Any
    ) -> Any:
        """The records of a list or a stream, one by one, whatever pages they come in.

        max_items: end after so many. Everything else is as in `pages`.
        """
        from .pages import records

        return records(self._client, self._id, body, fields, max_items=max_items, progress=progress)

    def wait(
        self,
        body: Any = None,
        /,
        *,
        timeout: float | None = 1800.0,
        until: Callable[[Any], Any] | None = None,
        raise_on_failure: bool = False,
        delays: Iterable[float] = _DELAYS,
        progress: bool = False,
        **fields: Any,
    ) -> Any:
        """Call the operation again and again until what it tells of has ended; returns the last answer.

        timeout: seconds for the whole wait; None waits for ever.
        until: a predicate on the answer, in the place of the manifest's states of success. A failed or
          cancelled state ends the wait all the same. An operation without known end states needs it.
        raise_on_failure: raise `OperationFailedError` for a failed or cancelled end.
        delays: the seconds between the looks; the last one is repeated.
        progress: show a bar with the state (needs the extra ``geopera[progress]``).

        A lost connection, a timeout, 429 and 5xx do not end the wait, and a ``Retry-After`` is kept to.
        Raises `WaitTimeoutError`, with the last answer as ``last``; TypeError for an operation whose
        repetition would change something; every other error of the call at once.
        """
        from .pages import wait

        return wait(
            self._client,
            self._id,
            body,
            fields,
            timeout=timeout,
            until=until,
            raise_on_failure=raise_on_failure,
            delays=delays,
            progress=progress,
        )

    def download(
        self,
        body: Any,
        path: str | PathLike[str],
        *,
        idempotency_key: str | None = None,
        progress: bool = False,
    ) -> Any:
        """Write what the operation returns to the file `path`; returns the path.

        A binary answer is written as it is. An answer in JSON has to name a URL, as that of
        ``items.asset.download`` does: it is fetched without the token. Nothing is held in memory. The file
        appears at `path` once it is whole; a failure leaves there what was there before, and nothing else.
        What is cut is taken up where it ended, where the server can do that.

        Raises OSError for what the disk refuses, `ResponseError` for an answer without a URL or of
        another length than announced, and what a call may raise.
        """
        from .downloads import download

        return download(self._client, self._id, body, path, key=idempotency_key, progress=progress)


class Many:
    """One operation over many bodies."""

    __slots__ = ()

    def map(
        self,
        operation_id: str,
        bodies: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        concurrency: int = 8,
        progress: bool = False,
        rate_limit: str | None = "auto",
    ) -> Any:
        """Call an operation for each of many bodies, several at a time; yields the results in their order.

        bodies: any iterable; on an async client an async one as well. A body is taken when its turn
          comes: at most `concurrency` are under way or waiting to be handed out.
        concurrency: from 1 to 100.
        rate_limit: "auto" keeps these calls under the documented limits, by waiting; None does not.
        progress: show a bar (needs the extra ``geopera[progress]``).

        Returns an iterator, async on an async client. Where a call fails, its result is the exception
        (a `GeoperaError`, with everything on it), and the others go on. What the bodies themselves
        raise comes after the results of those that were taken.
        """
        from .bulk import map_bodies

        caller: Any = self
        return map_bodies(
            caller, operation_id, bodies, concurrency=concurrency, progress=progress, rate_limit=rate_limit
        )
