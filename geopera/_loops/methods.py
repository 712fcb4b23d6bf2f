"""What an operation can do beside being called: pages, records, waits, files, and many bodies.

Only the methods are here, so that importing them costs nothing; what they do is in the modules beside this one.
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

    def map(
        self,
        bodies: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        concurrency: int = 8,
        ordered: bool = True,
        errors: str = "return",
        pairs: bool = False,
        idempotency_key: Callable[[Any], str] | str | None = None,
        journal: str | PathLike[str] | None = None,
        executor: Any = None,
        progress: bool = False,
        rate_limit: str | None = "auto",
    ) -> Any:
        """Call the operation for each of many bodies, several at a time; yields the results.

        Args:
            bodies: Any iterable; on an async client an async one as well. It is read as the run goes on: at most
                `concurrency` bodies are under way or waiting to be yielded.
            concurrency: From 1 to 100; with an executor to 10,000.
            ordered: False yields results as they finish.
            errors: "return" yields the exception of a call that fails in its place, and goes on; "raise"
                raises the first one.
            pairs: Yield ``(body, result)``.
            idempotency_key: A function of a body that returns its key. An operation that spends needs one, or
                a journal, so that a run that broke off can be run again; "random" does without.
            journal: A file that makes the run resumable: the next run with it sends again, under the same key,
                what had been begun or failed, and yields the recorded result of what is done.
            executor: A ``concurrent.futures.Executor`` that makes the calls, in other processes or on other
                machines; a worker takes its token from its own environment.
            rate_limit: "auto" keeps these calls under the documented limits, together with all other processes of
                this machine, by waiting; None does not.
            progress: Show a bar (needs the extra ``geopera[progress]``).

        Returns:
            An iterator, async on an async client. Exceptions of the bodies themselves are raised after the
            results of the bodies that were taken.

        Raises:
            TypeError: If an option is wrong, or the operation spends and the run has no keys of its own.
            ValueError: If an option has an invalid value, or the journal belongs to another operation or API.
        """
        from .bulk import map_bodies

        return map_bodies(
            self._client,
            self._id,
            bodies,
            concurrency=concurrency,
            ordered=ordered,
            errors=errors,
            pairs=pairs,
            idempotency_key=idempotency_key,
            journal=journal,
            executor=executor,
            progress=progress,
            rate_limit=rate_limit,
        )


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
        ordered: bool = True,
        errors: str = "return",
        pairs: bool = False,
        idempotency_key: Callable[[Any], str] | str | None = None,
        journal: str | PathLike[str] | None = None,
        executor: Any = None,
        progress: bool = False,
        rate_limit: str | None = "auto",
    ) -> Any:
        """Call an operation for each of many bodies, several at a time; yields the results.

        Args:
            operation_id: The dotted id of the operation.
            bodies: Any iterable; on an async client an async one as well. It is read as the run goes on: at most
                `concurrency` bodies are under way or waiting to be yielded.
            concurrency: From 1 to 100; with an executor to 10,000.
            ordered: False yields results as they finish.
            errors: "return" yields the exception of a call that fails in its place, and goes on; "raise"
                raises the first one.
            pairs: Yield ``(body, result)``.
            idempotency_key: A function of a body that returns its key. An operation that spends needs one, or
                a journal, so that a run that broke off can be run again; "random" does without.
            journal: A file that makes the run resumable: the next run with it sends again, under the same key,
                what had been begun or failed, and yields the recorded result of what is done.
            executor: A ``concurrent.futures.Executor`` that makes the calls, in other processes or on other
                machines; a worker takes its token from its own environment.
            rate_limit: "auto" keeps these calls under the documented limits, together with all other processes of
                this machine, by waiting; None does not.
            progress: Show a bar (needs the extra ``geopera[progress]``).

        Returns:
            An iterator, async on an async client. Exceptions of the bodies themselves are raised after the
            results of the bodies that were taken.

        Raises:
            TypeError: If an option is wrong, or the operation spends and the run has no keys of its own.
            ValueError: If an option has an invalid value, or the journal belongs to another operation or API.
        """
        from .bulk import map_bodies

        caller: Any = self
        return map_bodies(
            caller,
            operation_id,
            bodies,
            concurrency=concurrency,
            ordered=ordered,
            errors=errors,
            pairs=pairs,
            idempotency_key=idempotency_key,
            journal=journal,
            executor=executor,
            progress=progress,
            rate_limit=rate_limit,
        )
