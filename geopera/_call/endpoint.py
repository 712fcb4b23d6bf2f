"""`Endpoint`: one operation, compiled: its body is validated and its response parsed here."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from .._forks import first_time
from ..errors import InvalidInputError, ManifestError
from ..manifest import PREFIX
from ..manifest._operation import Operation
from ..schema import Model, best_effort
from ..types import Content, JSONArray, JSONObject, open_json
from .body import Input, error_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..manifest import Manifest

MAX_RESPONSE = 256 << 20
_ACCEPT_STREAM = "application/x-ndjson, text/event-stream;q=0.9, application/json;q=0.8"


class Request:
    """A request to send: a POST of `content` to an operation.

    `stream` leaves the body of a success unread. `timeout` is None for the client's own. `deadline` is the time of the
    monotonic clock at which the call ends, or None. `limit` is the largest response in bytes. The transport sets `place`
    if sending fails.
    """

    __slots__ = ("content", "deadline", "endpoint", "headers", "limit", "place", "stream", "timeout")

    def __init__(
        self,
        endpoint: Endpoint,
        content: bytes,
        headers: tuple[tuple[str, Any], ...],
        timeout: Any,
        stream: bool,
        deadline: float | None = None,
        limit: int = MAX_RESPONSE,
    ) -> None:
        self.endpoint = endpoint
        self.content = content
        self.headers = headers
        self.timeout = timeout
        self.stream = stream
        self.deadline = deadline
        self.limit = limit
        self.place: Any = None

    @property
    def alone(self) -> bool:
        """Whether it needs a connection of its own: a call that spends or destroys, or of unknown effect."""
        return self.endpoint.operation.side_effect not in ("read", "compute", "share_export")


class Reply:
    """A response as it was received. If `content` is None, the body of a stream is still to be read from `http`."""

    __slots__ = ("content", "headers", "http", "status")

    def __init__(self, status: int, headers: Any, content: bytes | None, http: Any = None) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.http = http


class Endpoint:
    """One operation of one manifest, compiled: how its body is validated and its response parsed."""

    __slots__ = ("__weakref__", "_validate", "accept", "adapter", "input", "manifest", "operation", "path", "streams", "warm")  # fmt: skip

    def __init__(self, operation: Operation, manifest: Manifest) -> None:
        self.operation = operation
        self.manifest = manifest
        self.warm = False  # whether a response was parsed: later calls make nothing for the first time
        self.streams = operation.streaming
        self.path = path_of(manifest.path, operation.id)
        self.input = Input(operation, manifest)
        self.adapter = manifest.registry.adapter(operation.output, operation.id + ".output")
        self._validate = self.adapter.validator.validate_python
        anything = operation.binary or operation.side_effect is None
        self.accept = _ACCEPT_STREAM if operation.streaming else "*/*" if anything else operation.media_type

    def parse(self, reply: Reply) -> tuple[Any, list[str]]:
        """(the typed result, the mismatches with the manifest). Raises ValueError if it is not JSON."""
        operation, content = self.operation, reply.content or b""
        if operation.binary or (operation.side_effect is None and not _is_json(reply)):
            return Content(content, reply.headers.get("content-type", operation.media_type)), []
        if operation.streaming:
            return self._records(reply)
        if not content:
            return None, [] if reply.status == 204 else ["the body is empty"]
        if len(content) < _LARGE:
            value, mismatches = self.typed(decode(content))
        else:
            with _collector_at_rest():
                value, mismatches = self.typed(decode(content))
        if isinstance(value, Model | JSONObject):
            paging = operation.paging  # read by `records`
            source = paging is not None, paging.records if paging else None, operation.id
            object.__setattr__(value, "_page", source)
        return value, mismatches

    def typed(self, data: Any) -> tuple[Any, list[str]]:
        """JSON data as the operation's output, typed as far as possible, with the mismatches."""
        try:
            value = self._validate(data, strict=True, by_alias=True, by_name=False)
        except ValidationError:
            value, problems = best_effort(self.adapter, data)
            mismatches = [f"{'.'.join(map(str, loc)) or 'the body'}: {msg}" for loc, msg in problems]
        else:
            mismatches = []
        return presentable(value), mismatches

    def _records(self, reply: Reply) -> tuple[list[Any], list[str]]:
        from .._decoding.records import Records

        decoder = Records(reply.headers.get("content-type", ""))
        found = [self.typed(data) for data in (*decoder.feed(reply.content or b""), *decoder.close())]
        return [value for value, _ in found], [line for _, lines in found for line in lines]

    def error(self, content: bytes) -> Any:
        """The problem detail or validation error in the body of an error, or None.

        Its shape decides which: a 422 comes as either.
        """
        try:
            data = decode(content)
        except ValueError:
            return None
        if not isinstance(data, dict):
            return None
        if isinstance(data.get("detail"), list):
            name = "HTTPValidationError"
        elif data.keys() & {"title", "detail", "type", "status"}:
            name = "Problem"
        else:
            return None
        with first_time():
            adapter = error_registry(self.manifest, name).adapter({"$ref": PREFIX + name}, name)
        return best_effort(adapter, data)[0]


def path_of(template: str, id: str) -> str:
    """The path of an operation. Raises `ManifestError` if the template or the id is invalid."""
    if "{operation_id}" not in template or not template.startswith("/") or template.startswith("//"):
        raise ManifestError(f"the manifest's path {template!r} must be a path with {{operation_id}} in it")
    if not all(part.isascii() and part.replace("-", "_").isidentifier() for part in id.split(".")):
        raise ManifestError(f"{id!r} is not an operation id; one looks like 'catalog.search'")
    return template.replace("{operation_id}", id)


def _is_json(reply: Reply) -> bool:
    """Whether the content type of a response is JSON, or missing."""
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return not media_type or media_type == "application/json" or media_type.endswith("+json")


def presentable(value: Any) -> Any:
    """A response whose lists, at the top or one level down, have short reprs and are tables in a notebook."""
    if isinstance(value, list):
        return JSONArray(open_json(value))
    if not isinstance(value, Model):
        value = open_json(value)
        if not isinstance(value, dict):
            return value
    held = value.__dict__ if isinstance(value, Model) else value
    for name, item in held.items():
        # A model opens lists of plain JSON by itself, at first access.
        if type(item) is list and item and (held is value or isinstance(item[0], Model)):
            held[name] = JSONArray(item)
    return value


def endpoint(manifest: Manifest, id: str) -> Endpoint:
    """The operation `id` of `manifest`, compiled at first use. Raises KeyError for an unknown one."""
    found = manifest.compiled.get(id)
    if found is None:
        found = manifest.compiled.setdefault(id, Endpoint(manifest.operations[id], manifest))
    compiled: Endpoint = found
    return compiled


def unknown_endpoint(manifest: Manifest, id: str) -> Endpoint:
    """An operation that is in no manifest: open input, open output, never retried once it was sent."""
    if not (isinstance(id, str) and id and all(part.isidentifier() for part in id.split("."))):
        raise ValueError(f"{id!r} is not an operation id; one looks like 'catalog.search'")
    return Endpoint(Operation.from_entry(id, {"input": {"type": "object"}}), manifest)


# Bytes; the objects of a larger body make the garbage collector run.
_LARGE = 16_384


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No garbage collection while one response is parsed.

    A page of features is some thousands of objects, none of them garbage. The collector would traverse all of them
    several times, which takes longer than validating them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def decode(content: bytes) -> Any:
    """JSON bytes as Python objects. Raises ValueError if they are not JSON."""
    try:
        return from_json(content)
    except ValueError:
        # The quick parser refuses deep nesting and lone surrogates; the standard one accepts them.
        from json import loads

        try:
            return loads(content)
        except RecursionError:
            reason = "the body is nested too deeply"
        except ValueError as exc:
            reason = str(exc)
    # Outside of the handlers: their exceptions hold the whole body, and a chain of exceptions carries it on.
    raise ValueError(reason)


def check_key(endpoint: Endpoint, key: Any) -> None:
    """Refuse an idempotency key that a header cannot hold as it is.

    Raises `InvalidInputError` unless it is a string of 1 to 255 printable ASCII characters.
    """
    fault = None
    if not isinstance(key, str):
        fault = f"the key must be a string, not {type(key).__name__}"
    elif not 1 <= len(key) <= 255:
        fault = f"the key has {len(key)} characters; 1 to 255 are possible"
    elif not (key.isascii() and key.isprintable()) or key != key.strip():
        fault = "the key may hold printable ASCII characters alone, and no space at its ends"
    if fault is not None:
        error: InvalidInputError = endpoint.input.refusal(
            [(("Idempotency-Key",), fault, "idempotency_key")], where="header"
        )
        raise error
