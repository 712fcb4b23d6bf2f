"""Records of a response: plain JSON parsed as it arrives, and the decoder for a content type.

Plain JSON is not held in memory: the elements of an array are yielded one by one, as their last byte arrives.

Source: JSON, RFC 8259.
"""

from __future__ import annotations

from .decoders import BOM, MAX_RECORD, DecodeError, LineRecords, SSERecords, parse_slowly, parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from re import Pattern
    from typing import Any, Protocol

    class Decoder(Protocol):
        """The interface of all decoders."""

        def feed(self, data: bytes) -> Iterator[Any]: ...
        def close(self) -> Iterator[Any]: ...


__all__ = ["JSONRecords", "Records", "kind_of"]

SSE, LINES, JSON = "sse", "lines", "json"
_LINE_TYPES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
        "application/json-lines",
        "application/json-seq",
        "application/geo+json-seq",
        "application/x-json-stream",
        "application/stream+json",
        "text/ndjson",
        "text/x-ndjson",
    }
)

_patterns: tuple[Pattern[bytes], Pattern[bytes], Pattern[bytes]] | None = None


def _tokens() -> tuple[Pattern[bytes], Pattern[bytes], Pattern[bytes]]:
    """Patterns of the tokens inside and between elements: whole strings, brackets, commas, an open quote.

    The third pattern matches the inside of a string, up to its end or that of the bytes.
    """
    global _patterns
    if _patterns is None:
        import re

        string = rb'"(?:[^"\\]++|\\.)*+"'
        _patterns = (
            re.compile(string + rb'|[{}\[\]]|"', re.DOTALL),
            re.compile(string + rb'|[{}\[\],]|"', re.DOTALL),
            re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL),
        )
    return _patterns


class JSONRecords:
    """Decodes plain JSON: the elements of an array, or of the array in an object, as they complete.

    The array of an object is its member `member` ("features" by default). Without that member, it is the only array
    in the object; a GeoJSON Feature is a record itself. Several values may follow each other. Only the text around the
    array is kept, and must be valid JSON in the end: a document that stops before its last bracket was cut.
    """

    __slots__ = ("_base", "_buffer", "_count", "_depth", "_found", "_key", "_max", "_member", "_parse", "_pos", "_quote", "_seen", "_shell", "_start")  # fmt: skip

    def __init__(self, member: str | None = None, max_record: int = MAX_RECORD) -> None:
        from json import dumps

        self._member = dumps(member or "features").encode()
        self._max = max_record
        self._parse = parser()
        self._buffer = bytearray()  # grows and shrinks in place: a large record arrives in many chunks
        self._start = 0  # where the current element, or the text not yet in the shell, begins
        self._pos = 0  # how far the buffer was scanned
        self._quote = -1  # where the string begins that the scan stopped in, else -1
        self._depth = 0
        self._base = 0  # the depth of the records' array while inside it, else 0
        self._count = 0  # elements of the current array
        self._found = False  # whether the current value had its array
        self._key = b""
        self._shell = bytearray()  # the document without its records
        self._seen = False

    def feed(self, data: bytes) -> Iterator[Any]:
        """The records that `data` completes."""
        buffer = self._buffer
        del buffer[: self._start]
        self._pos -= self._start
        self._quote -= self._start
        self._start = 0
        if len(buffer) > self._max:
            raise DecodeError(f"a record is larger than {self._max} bytes")
        buffer += data
        if not self._seen:
            if len(buffer) < 3 and BOM.startswith(bytes(buffer)):
                return
            self._seen = True
            if buffer.startswith(BOM):
                del buffer[:3]
        inner, outer, string = _tokens()
        if self._quote >= 0 and not self._string(string):
            return
        while True:
            between = self._base and self._depth == self._base
            match = (outer if between else inner).search(buffer, self._pos)
            if match is None:
                self._pos = len(buffer)
                break
            token = match.group()
            if token == b'"':  # a string that goes on in the next bytes
                self._quote = match.start()
                self._string(string)
                break
            self._pos = match.end()
            if token[0] == 0x22:
                if self._depth == 1 and not self._base:
                    self._key = token
            elif token == b",":
                yield self._element(match.start())
            elif token in (b"{", b"["):
                self._open(token)
            else:
                yield from self._shut(token, match)
        if not self._base:
            self._to_shell(self._pos if self._quote < 0 else self._quote)

    def _string(self, inside: Pattern[bytes]) -> bool:
        """Continue inside a string; returns whether it has ended. No byte is scanned twice."""
        found = inside.match(self._buffer, max(self._pos, self._quote + 1))
        assert found is not None
        self._pos = found.end()
        if self._buffer[self._pos : self._pos + 1] != b'"':
            return False
        self._pos += 1
        if self._depth == 1 and not self._base:
            self._key = bytes(self._buffer[self._quote : self._pos])
        self._quote = -1
        return True

    def _open(self, token: bytes) -> None:
        self._depth += 1
        if token != b"[" or self._base or self._found:
            return
        # At depth 2 the document is an object: an array would have been taken at depth 1. The last
        # string that stood directly in the object is then the name of this member.
        if self._depth == 1 or (self._depth == 2 and self._key == self._member):
            self._base, self._count, self._found = self._depth, 0, True
            self._to_shell(self._pos)

    def _shut(self, token: bytes, match: Any) -> Iterator[Any]:
        if self._base and self._depth == self._base:
            if token != b"]":
                raise DecodeError("the array of records is not closed by ']'")
            if self._count or self._buffer[self._start : match.start()].strip():
                yield self._element(match.start())
            self._start = match.start()
            self._base = 0
        self._depth -= 1
        if self._depth < 0:
            raise DecodeError(f"this is not JSON: it closes with {token.decode()!r} what was never opened")
        if self._depth == 0:
            self._to_shell(self._pos)
            yield from self._value()

    def _element(self, end: int) -> Any:
        text = bytes(self._buffer[self._start : end]).strip()
        self._start = self._pos
        self._count += 1
        try:
            return self._parse(text)
        except ValueError:
            if not text:
                raise DecodeError("the array of records has an empty place") from None
            return parse_slowly(text)

    def _to_shell(self, end: int) -> None:
        self._shell += self._buffer[self._start : end]
        self._start = end
        if len(self._shell) > self._max:
            raise DecodeError(f"what surrounds the records is larger than {self._max} bytes")

    def _value(self) -> Iterator[Any]:
        """At the end of one top-level value: check what surrounded the records; find them if they are in it."""
        shell = bytes(self._shell).strip(b" \t\r\n\x1e")
        found, self._found, self._key = self._found, False, b""
        self._shell.clear()
        try:
            value = self._parse(shell)
        except ValueError:
            value = parse_slowly(shell)
        if found:
            return
        if value.get("type") == "Feature":
            yield value
            return
        arrays = [member for member in value.values() if isinstance(member, list)]
        if len(arrays) != 1:
            fields = ", ".join(map(str, list(value)[:8])) or "nothing"
            raise DecodeError(
                f"the response holds {len(arrays)} arrays that could be the records; it has {fields}"
            )
        yield from arrays[0]

    def close(self) -> Iterator[Any]:
        """Yields nothing; raises if the document is incomplete."""
        rest = bytes(self._shell) + self._buffer[self._start :]
        if self._depth or rest.strip(b" \t\r\n\x1e"):
            where = f"inside a document after {self._count} records" if self._depth else "at"
            raise DecodeError(f"the stream was cut, or is not JSON, {where}", b"" if self._depth else rest)
        yield from ()


def kind_of(content_type: str) -> str | None:
    """The decoder for a ``Content-Type``: "sse", "lines", "json", or None if the type does not tell."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "text/event-stream":
        return SSE
    if media_type in _LINE_TYPES:
        return LINES
    if media_type == "application/json" or media_type.endswith("+json"):
        return JSON
    return None


class Records:
    """Decodes the records of a response, by its content type.

    The first byte decides if the type does not, or cannot be right: an event stream never begins with ``{`` or ``[``,
    and such a body, read as events, would silently lose every record.

    An empty body holds no records; in plain JSON an empty body is an error.
    """

    __slots__ = ("_args", "_decoder", "_head", "_kind")

    def __init__(self, content_type: str, member: str | None = None, max_record: int = MAX_RECORD) -> None:
        self._kind = kind_of(content_type)
        self._args = (member, max_record)
        self._decoder: Decoder | None = None
        self._head = b""

    @property
    def kind(self) -> str | None:
        """The format: "sse", "lines", "json"; None while it is not known."""
        return self._kind if self._decoder is not None else None

    def feed(self, data: bytes) -> Iterator[Any]:
        """The records that `data` completes, parsed."""
        return self._decoder.feed(data) if self._decoder is not None else self._begin(data)

    def _begin(self, data: bytes) -> Iterator[Any]:
        self._head += data
        first = self._head.removeprefix(BOM).lstrip(b" \t\r\n\x1e")[:1]
        if first and not (first == b"\xef" and len(self._head) < 3):
            self._decoder = self._choose(first)
            data, self._head = self._head, b""
            yield from self._decoder.feed(data)

    def _choose(self, first: bytes) -> Decoder:
        member, max_record = self._args
        kind = self._kind
        if first in (b"[", b"{"):
            kind = LINES if kind == LINES else JSON
        elif kind is None:
            if first not in b"deir:":  # data, event, id, retry, a comment
                raise DecodeError("this is not a stream of records:", bytes(self._head))
            kind = SSE
        self._kind = kind
        if kind == SSE:
            return SSERecords(max_record)
        return LineRecords(max_record) if kind == LINES else JSONRecords(member, max_record)

    def close(self) -> Iterator[Any]:
        """The last record, if it was still open; raises `DecodeError` if the stream was cut."""
        if self._decoder is not None:
            yield from self._decoder.close()
        elif self._kind == JSON:
            raise DecodeError("the response is empty")
        elif self._head.strip(b" \t\r\n\x1e" + BOM):
            raise DecodeError("the stream was cut at", bytes(self._head))
