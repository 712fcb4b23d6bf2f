"""Streams of typed records: the plan, and what turns bytes into models."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .._call.steps import _caller_level
from .._decoding.decoders import DecodeError, message_of
from .._decoding.inflate import BodyError
from .._decoding.records import Records
from .._http import transport_errors
from ..errors import ResponseError, ResponseMismatchWarning, StreamError
from ..schema import Model
from ..types import open_json
from .drive import iterate
from .progress import needs_tqdm, progress_bar
from .todo import Call, Emit, Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .._call.endpoint import Endpoint, Reply
    from .._secrets import Redactor
    from ..types import Response
    from .drive import AsyncIteration, Caller, Iteration, Plan


def stream(
    caller: Caller,
    endpoint: Endpoint,
    body: Any,
    fields: dict[str, Any],
    key: str | None = None,
    *,
    max_items: int | None = None,
    progress: Any = False,
) -> Iteration | AsyncIteration:
    """An iterator over the records of a streaming operation. Nothing is sent before the first step."""
    if max_items is not None and (isinstance(max_items, bool) or not isinstance(max_items, int)):
        raise TypeError(f"max_items must be a whole number or None, not {max_items!r}")
    if max_items is not None and max_items < 0:
        raise ValueError(f"max_items must not be negative: {max_items}")
    steps = caller._steps(endpoint, body, fields, key, stream=True, finish=_unread)
    id = endpoint.operation.id
    needs_tqdm(progress)
    plan = _receive(caller, endpoint, steps, max_items, progress)
    return iterate(plan, caller, f"the stream of {id}", release=True)


def _unread(reply: Reply) -> Reply:
    return reply


def _receive(caller: Caller, endpoint: Endpoint, steps: Any, left: int | None, progress: Any) -> Plan:
    bar = progress_bar(progress, endpoint.operation.id, "records", total=left)
    try:
        if left == 0:
            return
        response = yield Call(steps)
        reply = response.parsed
        paging = endpoint.operation.paging
        decoder = Records(response.headers.get("content-type", ""), paging.records if paging else None)
        context = caller._context()
        reader = _Reader(endpoint, response, context.redactor(), strict=context.strict_responses)
        body = Read(reply.http)
        more = True
        while more:
            try:
                chunk = yield body
            except BodyError as exc:
                raise reader.failed(str(exc)) from None
            except transport_errors(OSError) as exc:
                chunk = None  # the one before: an error tracker sends local variables
                failure = reader.failed(f"the stream was cut: {type(exc).__name__}: {exc}")
                reader.clean(exc)
                raise failure from None
            more = chunk is not None
            found: Iterable[Any] = reader.read(decoder.feed(chunk) if more else decoder.close())
            if left is not None:
                found = islice(found, left)
            before = reader.count
            yield Emit(found)
            if left is not None:
                left -= reader.count - before
                more = more and left > 0
            bar.update(reader.count - before)
    finally:
        bar.close()


class _Reader:
    """Turns decoded records into what the operation returns, and faults into errors that name it."""

    __slots__ = ("_endpoint", "_redactor", "_response", "_strict", "_warned", "count")

    def __init__(
        self, endpoint: Endpoint, response: Response[Any], redactor: Redactor, *, strict: bool
    ) -> None:
        self._redactor = redactor
        self._endpoint = endpoint
        self._response = response
        self._strict = strict
        self._warned = False
        self.count = 0

    def read(self, records: Iterator[Any]) -> Iterator[Any]:
        validate: Callable[..., Any] = self._endpoint.adapter.validator.validate_python
        count = self.count
        failure: StreamError | None = None
        try:
            for record in records:
                try:
                    value, matches = validate(record, strict=True, by_alias=True, by_name=False), True
                except ValidationError:
                    matches = False
                if not matches:  # outside of the handler, as below
                    self.count = count
                    value = self._other(record)
                    if type(value) is StreamError:
                        failure, record = value, None
                        break
                count += 1
                yield value if isinstance(value, Model) else open_json(value)
        except DecodeError as exc:
            self.count = count
            # Redacted first, then shortened: half of a token would not be recognised, and shown.
            text = message_of(self._redactor.text(exc.message), self._redactor.content(exc.quoted))
            failure = self.failed(text, exc.problem)
        finally:
            self.count = count
        if failure is not None:
            raise failure  # outside of the handler: the other exception quotes the server

    def _other(self, record: Any) -> Any:
        """A record that is not what the operation returns: an error that the server reports, or a variant."""
        if isinstance(record, dict) and "id" not in record and _is_problem(record):
            said = record.get("detail") or record.get("title") or record.get("error")
            said = self._redactor.text(str(said))[:300]
            return self.failed(f"the server ended the stream with an error: {said}", record)
        value, mismatches = self._endpoint.typed(record)
        id = self._endpoint.operation.id
        message = f"{id}: record {self.count} does not match the manifest: {'; '.join(mismatches[:3])}"
        message = self._redactor.text(message)
        if self._strict:
            raise ResponseError(message, **self._details())
        if not self._warned:
            self._warned = True
            warnings.warn(message, ResponseMismatchWarning, stacklevel=_caller_level())
        return value

    def failed(self, message: str, problem: Any = None) -> StreamError:
        id = self._endpoint.operation.id
        error = None
        if isinstance(problem, dict):
            from pydantic_core import to_json

            error = self._endpoint.error(to_json(self._redactor.data(problem)))
        text = self._redactor.text(message)
        return StreamError(f"{id}: {text} (after {self.count} records)", error=error, **self._details())

    def clean(self, exc: BaseException) -> BaseException:
        """An exception of the transport without request, frames and secrets."""
        return self._redactor.exception(exc)

    def _details(self) -> dict[str, Any]:
        response, operation = self._response, self._endpoint.operation
        return {
            "status_code": response.status_code,
            "operation": operation.id,
            "idempotency_key": response.idempotency_key,
            "request_id": response.request_id,
            "attempts": response.attempts,
            "elapsed": response.elapsed,
            "may_have_acted": not operation.read_only,
        }


def _is_problem(record: dict[str, Any]) -> bool:
    return "error" in record or ("title" in record and ("status" in record or "detail" in record))
