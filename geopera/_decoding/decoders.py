"""Streams of records: server-sent events and JSON lines.

A decoder is fed with bytes as they arrive, cut anywhere, and holds at most one incomplete record. `feed` and `close`
yield the parsed records; a damaged record raises `DecodeError` after the records before it were yielded. `close` ends
the stream: the rest is then the last record, or shows that the stream was cut.

Lines are split on bytes. A JSON string may hold U+2028 and its like, where text lines would break.

Sources: server-sent events, the WHATWG HTML standard, section 9.2; JSON text sequences, RFC 7464 (read
as lines).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["DecodeError", "LineRecords", "SSEDecoder", "SSERecords", "ServerEvent"]

MAX_RECORD = 64 * 1024 * 1024
_MOST_REPORTED = 10_000  # characters of an error in a stream, before it is redacted and shortened
BOM = b"\xef\xbb\xbf"

# Events about the stream itself, which carry no record.
_SIGNALS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive", "start", "open", "done", "end", "complete", "close"})  # fmt: skip
_END_MARKS = (b"[DONE]", b'"[DONE]"')


class DecodeError(ValueError):
    """The stream was cut, or holds something other than records.

    Args:
        message: The fault; `quoted` follows it, shortened.
        quoted: Bytes of the stream. Message and bytes are kept whole, since they are redacted before they are shortened.
        problem: The error that the stream reported itself.
    """

    def __init__(self, message: str, quoted: bytes = b"", *, problem: Any = None) -> None:
        super().__init__(message_of(message, quoted))
        self.message = message
        self.quoted = quoted
        self.problem = problem


def message_of(message: str, quoted: bytes) -> str:
    """The text of an error: the fault, and the start of the quoted bytes."""
    message = message if len(message) <= 400 else message[:399] + "…"
    return f"{message} {start_of(quoted)}" if quoted else message


def start_of(data: bytes, size: int = 80) -> str:
    text = data[: size * 4].decode("utf-8", "replace")
    return repr(text[:size]) + ("…" if len(text) > size or len(data) > size * 4 else "")


def parser() -> Callable[[bytes], Any]:
    """The quick parser. The standard one is its fallback, for deep nesting and lone surrogates."""
    from pydantic_core import from_json

    return from_json


def parse_slowly(data: bytes) -> Any:
    from json import loads

    try:
        return loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        reason = str(exc)
    # Outside of the handler: its exception holds all of the data, and would stay in the chain.
    raise DecodeError(f"this is not JSON ({reason}):", data)


class ServerEvent:
    """One server-sent event: `event` its type, `data` its bytes (UTF-8), `id` the last id, `retry` in ms."""

    __slots__ = ("data", "event", "id", "retry")

    def __init__(self, event: str, data: bytes, id: str, retry: int | None) -> None:
        self.event = event
        self.data = data
        self.id = id
        self.retry = retry

    def __repr__(self) -> str:
        return f"ServerEvent({self.event!r}, {start_of(self.data)}, id={self.id!r}, retry={self.retry!r})"


class SSEDecoder:
    """Decodes server-sent events. Lines end in LF, CR or CRLF, and may be cut in between.

    Comments and events without data are dropped. The default type of an event is "message".
    """

    __slots__ = ("_after_cr", "_data", "_event", "_head", "_max", "_retry", "_size", "_tail", "last_id")

    def __init__(self, max_record: int = MAX_RECORD) -> None:
        self._head: bytes | None = b""  # the first bytes, while they may still be a byte order mark
        self._tail: list[bytes] = []  # an unfinished line, in chunks
        self._size = 0
        self._after_cr = False
        self._event = ""
        self._data: list[bytes] = []
        self._retry: int | None = None
        self._max = max_record
        self.last_id = ""

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The events that `data` completes."""
        if self._head is not None:
            data = self._head + data
            if len(data) < 3 and BOM.startswith(data):
                self._head = data
                return
            self._head = None
            data = data.removeprefix(BOM)
        if not data:
            return
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        if data:
            self._after_cr = data.endswith(b"\r")
        else:
            self._after_cr = False
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._tail:
            self._tail.append(lines[0])
            lines[0] = b"".join(self._tail)
            self._tail.clear()
            self._size = sum(map(len, self._data))
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event
        if rest:
            self._tail.append(rest)
            self._count(len(rest))

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._max:
            raise DecodeError(f"an event is larger than {self._max} bytes")

    def _line(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            self._data.append(value)
            self._count(len(value))
        elif field == b"event":
            self._event = value.decode("utf-8", "replace")
        elif field == b"id":
            if b"\0" not in value:
                self.last_id = value.decode("utf-8", "replace")
        elif field == b"retry" and value.isdigit() and len(value) < 12:
            self._retry = int(value)
        return None

    def _dispatch(self) -> ServerEvent | None:
        event, data, retry = self._event, self._data, self._retry
        self._event, self._data, self._retry, self._size = "", [], None, 0
        if not data:
            return None
        return ServerEvent(event or "message", b"\n".join(data), self.last_id, retry)

    def close(self) -> ServerEvent | None:
        """The event without its closing blank line, or None.

        The standard discards such an event; here the caller decides, since it may have to report a loss.
        """
        if self._head:
            self._tail.append(self._head)
            self._head = None
        if self._tail:
            line = b"".join(self._tail)
            self._tail.clear()
            self._line(line)
        return self._dispatch()


class SSERecords:
    """Decodes the records of server-sent events: the JSON of each event's data.

    Events such as "ping" and "done" and the mark ``[DONE]`` are not records. An event of type "error" raises
    `DecodeError` with its data in `problem`; so does a stream that ends inside an event.
    """

    __slots__ = ("_events", "_parse")

    def __init__(self, max_record: int = MAX_RECORD) -> None:
        self._events = SSEDecoder(max_record)
        self._parse = parser()

    def feed(self, data: bytes) -> Iterator[Any]:
        """The records that `data` completes."""
        for event in self._events.feed(data):
            kind, text = event.event, event.data
            if kind == "error":
                raise _reported(text)
            if kind in _SIGNALS or text in _END_MARKS or not text.strip():
                continue
            try:
                record = self._parse(text)
            except ValueError:
                record = parse_slowly(text)
            yield record

    def close(self) -> Iterator[Any]:
        """Yields nothing; raises if the stream ended inside an event."""
        event = self._events.close()
        if event is not None and event.data.strip() and event.data not in _END_MARKS:
            if event.event == "error":
                raise _reported(event.data)
            if event.event not in _SIGNALS:
                raise DecodeError("the stream was cut inside the event", event.data)
        yield from ()


def _reported(data: bytes) -> DecodeError:
    """The error that a stream reports itself."""
    try:
        problem = parser()(data)
    except ValueError:
        problem = data.decode("utf-8", "replace")
    message = problem
    if isinstance(problem, dict):
        message = next(
            (problem[k] for k in ("detail", "title", "message", "error") if problem.get(k)), problem
        )
    return DecodeError(
        f"the server ended the stream with an error: {str(message)[:_MOST_REPORTED]}", problem=problem
    )


class LineRecords:
    """Decodes JSON lines. Blank lines are skipped; a complete last line needs no line end."""

    __slots__ = ("_first", "_max", "_parse", "_size", "_tail")

    def __init__(self, max_record: int = MAX_RECORD) -> None:
        self._tail: list[bytes] = []
        self._size = 0
        self._first = True
        self._max = max_record
        self._parse = parser()

    def feed(self, data: bytes) -> Iterator[Any]:
        """The records that `data` completes."""
        lines = data.split(b"\n")
        rest = lines.pop()
        if not lines:
            self._keep(rest)
            return
        if self._tail:
            self._tail.append(lines[0])
            lines[0] = b"".join(self._tail)
            self._tail.clear()
            self._size = 0
        if self._first:
            self._first = False
            lines[0] = lines[0].removeprefix(BOM)
        parse = self._parse
        for line in lines:
            try:
                record = parse(line)
            except ValueError:
                line = line.strip(b" \t\r\x1e")
                if not line:
                    continue
                record = parse_slowly(line)
            yield record
        self._keep(rest)

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._tail.append(rest)
            self._size += len(rest)
            if self._size > self._max:
                raise DecodeError(f"a line is larger than {self._max} bytes")

    def close(self) -> Iterator[Any]:
        """The last record, if its line had no end; raises if it is incomplete."""
        line = b"".join(self._tail)
        self._tail.clear()
        if self._first:
            line = line.removeprefix(BOM)
        line = line.strip(b" \t\r\x1e")
        if not line:
            return
        try:
            record = parse_slowly(line)
        except DecodeError as exc:
            raise DecodeError("the stream was cut inside the line", line) from exc
        # A number may be cut and still be one; an object, a list or a string may not.
        if isinstance(record, (int, float)) and not isinstance(record, bool):
            raise DecodeError("the stream was cut at", line)
        yield record
