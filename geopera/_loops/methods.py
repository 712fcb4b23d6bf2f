"""Methods of an operation beside the call: pages, records, waits, files, and many bodies.

Only the methods are here, so that importing them costs nothing; what they do is in the modules beside this one.
"""

from __future__ import annotations

from .._forks import first_time

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
            TypeError: If an estimate is requested and no operation gives one.
        """
        with first_time():
            from .preview import preview

        endpoint = self._client._any_endpoint(self._id)
        return preview(self._client, endpoint, body, fields, key=idempotency_key, estimate=estimate)

    def pages(
        self, body: Any = None, /, *, max_items: int | None = None, progress: bool = False, **fields: Any
    ) -> Any:
        """The pages of a list, one by one, as the operation returns them.

        Args:
            body: Request body, as in a call; its ``limit`` or ``size`` is the size of a page.
            max_items: No page is fetched once so many records were returned; the last page is yielded whole.
            progress: Show a bar (needs the extra ``geopera[progress]``).
            **fields: Fields of the body.

        Returns:
            An iterator, which is lazy and a context manager.

        Raises:
            TypeError: If the operation returns no pages.
            InvalidInputError: If the body is invalid.
            PagingError: While iterating, if the server repeats a page or a token.
        """
        with first_time():
            from .pages import pages

        return pages(self._client, self._id, body, fields, max_items=max_items, progress=progress)

    def iter(
        self, body: Any = None, /, *, max_items: int | None = None, progress: bool = False, **fields: Any
    ) -> Any:
        """The records of a list or a stream, one by one, across its pages.

        Args:
            body: Request body, as in a call.
            max_items: The number of records to stop after.
            progress: Show a bar, as in `pages`.
            **fields: Fields of the body.

        Returns:
            An iterator, as of `pages`.
        """
        with first_time():
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
        """Poll the operation until its status is final.

        Polls at once, after 2, 4, 8 and 16 seconds, then every 30. Network errors, 429 and 5xx do not end the wait, and a
        ``Retry-After`` is honoured.

        Args:
            body: Request body, as in a call.
            timeout: Seconds for the whole wait; None waits forever.
            until: A predicate on the response. It replaces the manifest's statuses of success; a failed or cancelled
                status still ends the wait. An operation without final statuses needs it.
            raise_on_failure: Raise if the final status is a failure.
            delays: Seconds between the polls; the last one is used again and again.
            progress: Show a bar with the status (needs the extra ``geopera[progress]``).
            **fields: Fields of the body.

        Returns:
            The last response.

        Raises:
            WaitTimeoutError: If the timeout expires; ``last`` holds the last response.
            OperationFailedError: If it failed and `raise_on_failure` is true.
            TypeError: If a call of the operation has a side effect.
        """
        with first_time():
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
        body: Any = None,
        /,
        path: Any = None,
        *,
        to: Any = None,
        existing: str = "replace",
        idempotency_key: str | None = None,
        concurrency: int = 4,
        progress: bool = False,
        **fields: Any,
    ) -> Any:
        """Write the file of the operation to a file, a folder or elsewhere, or the files that it lists.

        A binary response is written as it is. A response in JSON has to name a URL, as that of
        ``items.asset.download`` does: it is fetched without the token, and requested again when it has expired. A
        list of assets, as that of ``orders.list_assets``, is downloaded as `download_many` does. The target is
        whole or as it was before; a download that is cut goes on where it ended, if the server can do that.

        Args:
            body: As in calling the operation. Fields may be given as keywords instead.
            path: A path; a folder that exists or ends in a slash, where the server names the file; a
                binary file object; an fsspec URL (needs the extra ``geopera[cloud]``).
            to: The same, by name.
            existing: What happens to a file that is there: "replace", "skip" or "error".
            idempotency_key: As in calling the operation.
            concurrency: How many files of a list are fetched at once.
            progress: Show a bar in bytes (needs the extra ``geopera[progress]``).

        Returns:
            The path, URL or file object; for a list of assets, a list with one of them for each, or the
            exception in its place.

        Raises:
            OSError: If the target cannot be written; FileExistsError for ``existing="error"``.
            ResponseError: If the response names no URL, or the file is not as long as announced or has
                another checksum.
        """
        with first_time():
            from .many import download

        return download(
            self._client,
            self._id,
            body,
            fields,
            path,
            to,
            existing=existing,
            key=idempotency_key,
            concurrency=concurrency,
            progress=progress,
        )

    def download_many(
        self,
        bodies: Iterable[Any],
        /,
        to: str | PathLike[str],
        *,
        concurrency: int = 4,
        existing: str = "replace",
        progress: bool = False,
    ) -> Any:
        """Write the files of many bodies to a folder, several at a time.

        The server names the files; two of one name are both kept. Run again with ``existing="skip"`` after an
        interrupt, it fetches what is missing.

        Args:
            bodies: Any iterable.
            to: The folder, or the fsspec URL of one. It is created.
            concurrency: How many files are fetched at once, from 1 to 100.
            existing: As in `download`.
            progress: Show one bar, in bytes, for all files.

        Returns:
            A list with a path or URL for each body, or the exception in its place.
        """
        with first_time():
            from .many import download_many

        return download_many(
            self._client,
            self._id,
            bodies,
            to,
            concurrency=concurrency,
            existing=existing,
            progress=progress,
        )

    def upload(
        self,
        file: Any,
        body: Any = None,
        /,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        progress: bool = False,
        **fields: Any,
    ) -> Any:
        """Upload a file, and return the item that it became. Of ``uploads.initiate`` alone.

        Initiates the upload, has a URL signed, sends the file there as it is read, and completes the upload. The
        store sees neither the token nor the headers and cookies of the client. A transfer that is cut is
        retried, from where it ended if the store takes parts. If the file cannot be brought there, also
        after an interrupt, the upload is reported as failed.

        Args:
            file: A path, or a binary file object that can seek; it is read from where it stands, and stays open.
            body: Body of the operation; ``total_bytes`` is filled in.
            file_name: The name to upload it under; by default that of the file.
            content_type: Its media type; by default by its name.
            progress: Show a bar in bytes (needs the extra ``geopera[progress]``).

        Returns:
            The item.

        Raises:
            OSError: If the file cannot be read.
            TypeError: If the operation uploads nothing, or the file object is not a binary one.
        """
        with first_time():
            from .uploads import upload

        return upload(
            self._client,
            self._id,
            file,
            body,
            fields,
            file_name=file_name,
            content_type=content_type,
            progress=progress,
        )

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
        with first_time():
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

    def sign(self, value: Any, /, assets: Iterable[str] | None = None) -> Any:
        """Sign the URLs of assets, in place.

        Of an item each asset is signed, with ``items.asset.download``; an asset that the API does not have, as that of a
        public catalogue, stays as it is. A URL is returned as it is unless it belongs to an item that this client has
        signed: then it is returned signed, and requested again if it has expired. So it fits pystac-client's
        ``modifier=`` and, for items that were signed before, odc-stac's ``patch_url=``.

        Args:
            value: An item, an asset, a collection of items, a page or list of them, as an object of this client, of
                pystac or a dict; or a URL.
            assets: The names of the assets to sign; a call is made for each.

        Returns:
            The same object; of a URL, a URL.

        Raises:
            TypeError: If `value` is something else.
            ValueError: If it is an asset whose item is not known.
        """
        with first_time():
            from .signing import Known, sign

        caller: Any = self
        known = caller.__dict__.setdefault("_known", None) or Known()
        caller.__dict__["_known"] = known
        return sign(caller, known, value, assets)

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
        """Call an operation, given by its dotted id, for each of many bodies; yields the results.

        Options, results and exceptions are those of the operation's own ``map``.
        """
        with first_time():
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
