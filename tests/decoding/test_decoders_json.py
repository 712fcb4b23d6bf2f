"""JSON lines and plain JSON taken apart, at every place where the bytes may be cut."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest

from geopera._decoding.decoders import DecodeError, LineRecords
from geopera._decoding.records import JSONRecords, Records, kind_of

NASTY = [
    {"id": "a", "text": 'quote " brace } bracket ] comma , colon : slash \\', "list": [[1, 2], [], [{}]]},
    {"id": "\\", "nested": {"features": [1, 2], "deep": {"a": [{"b": "]}"}]}}, "end": "\\\\"},
    {
        "id": "u",
        "text": "a\u2028b\u2029c\x85 é 😀",
        "escaped": "\n\r\t\u0000",
        "n": -1.5e10,
        "t": True,
        "x": None,
    },
    {},
]


def dump(value: object, **options: object) -> bytes:
    return json.dumps(value, **{"ensure_ascii": False, **options}).encode()  # type: ignore[arg-type]


def run(decoder, *chunks: bytes) -> list[object]:
    found = [record for chunk in chunks for record in decoder.feed(chunk)]
    found += decoder.close()
    return found


def everywhere(make, data: bytes, expected: list[object]) -> None:
    assert run(make(), data) == expected
    for at in range(len(data) + 1):
        assert run(make(), data[:at], data[at:]) == expected, data[:at]
    assert run(make(), *(data[i : i + 1] for i in range(len(data)))) == expected
    assert run(make(), *(data[i : i + 7] for i in range(0, len(data), 7))) == expected


LINES = {
    "line feeds": b"".join(dump(r) + b"\n" for r in NASTY),
    "CR LF": b"".join(dump(r) + b"\r\n" for r in NASTY),
    "no last line end": b"\n".join(dump(r) for r in NASTY),
    "blank lines": b"\n \n" + b"\n\n\r\n\t\n".join(dump(r) for r in NASTY) + b"\n\n",
    "byte order mark": b"\xef\xbb\xbf" + b"\n".join(dump(r) for r in NASTY),
    "text sequence": b"".join(b"\x1e" + dump(r) + b"\n" for r in NASTY),
    "escaped": b"\n".join(dump(r, ensure_ascii=True) for r in NASTY),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_whole_and_cut_at_every_place(name: str) -> None:
    everywhere(LineRecords, LINES[name], NASTY)


def test_lines_cut_anywhere_deliver_what_was_whole_and_then_raise() -> None:
    rows = [{"id": n, "s": "a\u2028b"} for n in range(3)]
    data = b"".join(dump(r) + b"\n" for r in rows)
    line = len(data) // 3
    for at in range(len(data) + 1):
        decoder, found, cut = LineRecords(), [], False
        try:
            for record in decoder.feed(data[:at]):
                found.append(record)
            for record in decoder.close():
                found.append(record)
        except DecodeError as exc:
            cut = True
            assert "cut" in str(exc)
        inside = at % line
        whole = at // line + (inside == line - 1)
        assert found == rows[:whole]
        assert cut is (0 < inside < line - 1)


def test_a_number_that_may_have_been_cut_is_not_believed() -> None:
    assert run(LineRecords(), b"12\n") == [12]
    with pytest.raises(DecodeError, match="cut"):
        run(LineRecords(), b"12")


@pytest.mark.parametrize(
    "bad", [b"<html>", b"{", b'{"a": 1} {"b": 2}', b"\xff\xfe", b"undefined", b'{"a": 1},']
)
def test_a_line_that_is_not_json_raises_after_the_records_before_it(bad: bytes) -> None:
    decoder, found = LineRecords(), []
    with pytest.raises(DecodeError, match="not JSON"):
        for record in decoder.feed(b'{"id": 1}\n' + bad + b'\n{"id": 2}\n'):
            found.append(record)
    assert found == [{"id": 1}]


def test_json_that_only_the_standard_parser_takes_is_taken() -> None:
    deep = b"[" * 300 + b"]" * 300
    assert run(LineRecords(), b'"\\ud800"\n' + deep + b'\n"\\ud800"') == [
        "\ud800",
        json.loads(deep),
        "\ud800",
    ]
    assert run(JSONRecords(), b'["\\ud800",' + deep + b"]") == ["\ud800", json.loads(deep)]


DOCUMENTS = {
    "array": dump(NASTY),
    "pretty array": b"\n  " + dump(NASTY, indent=2) + b"\n",
    "collection": dump({"type": "FeatureCollection", "features": NASTY}),
    "members around": dump(
        {
            "type": "FeatureCollection",
            "bbox": [1, 2, 3, 4],
            "context": {"features": [0], "note": '"features": ['},
            "features": NASTY,
            "links": [{"rel": "next", "features": [9]}],
        },
        indent=1,
    ),
    "features is also a value": dump(
        {"a": "features", "b": [], "features": NASTY, "c": "features", "d": [5]}
    ),
    "byte order mark": b"\xef\xbb\xbf" + dump(NASTY),
    "two documents": dump({"features": NASTY[:2]}) + b"\n" + dump({"features": NASTY[2:]}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_whole_and_cut_at_every_place(name: str) -> None:
    everywhere(JSONRecords, DOCUMENTS[name], NASTY)


def test_other_documents() -> None:
    def read(data: bytes, member: str | None = None) -> list[object]:
        everywhere(lambda: JSONRecords(member), data, found := run(JSONRecords(member), data))
        return found

    assert read(b"[]") == []
    assert read(b" [ ] ") == []
    assert read(b'{"features": []}') == []
    assert read(b'[1, "a", null, [2, 3], {"a": [4]}, true]') == [1, "a", None, [2, 3], {"a": [4]}, True]
    assert read(b'{"items": [1, 2], "total": 2}') == [1, 2]
    assert read(b'{"items": [1], "others": [2]}', "items") == [1]
    assert read(b'{"type": "Feature", "bbox": [1, 2], "id": "a"}') == [
        {"type": "Feature", "bbox": [1, 2], "id": "a"}
    ]
    lines = b'{"type": "Feature", "id": 1}\n{"type": "Feature", "id": 2}\n'
    assert read(lines) == [{"type": "Feature", "id": 1}, {"type": "Feature", "id": 2}]


@pytest.mark.parametrize(
    ("data", "before"),
    [
        (b"[1, 2", [1]),
        (b"[1, 2,", [1, 2]),
        (b"[1, 2,]", [1, 2]),
        (b"[1,, 2]", [1]),
        (b"[,1]", []),
        (b"[1 2]", []),
        (b'["a, b]', []),
        (b"[1}", []),
        (b"[{]]", []),
        (b'{"features": [1, 2]', [1, 2]),
        (b'{"features": [1, 2], ', [1, 2]),
        (b'{"features": [1, 2], "x"}', [1, 2]),
        (b'{"features": [1, {"a": ', [1]),
        (b'{"features" [1, 2]}', [1, 2]),
        (b"{}", []),
        (b'{"a": [1], "b": [2]}', []),
        (b'{"features": null}', []),
        (b"null", []),
        (b'"text"', []),
        (b"]", []),
        (b"[1]]", [1]),
        (b"[1] x", [1]),
        (b"", []),
        (b"<html>", []),
    ],
)
def test_a_damaged_document_raises_after_the_records_before(data: bytes, before: list[object]) -> None:
    for size in (1, 2, 5, 1000):
        decoder, found = Records("application/json"), []
        with pytest.raises(DecodeError):
            for i in range(0, len(data), size):
                for record in decoder.feed(data[i : i + size]):
                    found.append(record)
            for record in decoder.close():
                found.append(record)
        assert found == before


def test_a_document_cut_anywhere_raises() -> None:
    data = DOCUMENTS["members around"]
    for at in range(len(data)):
        decoder, found = JSONRecords(), []
        with pytest.raises(DecodeError):
            for record in decoder.feed(data[:at]):
                found.append(record)
            for record in decoder.close():
                found.append(record)
            if not at:
                raise DecodeError("an empty document")
        assert found == NASTY[: len(found)]


def test_elements_come_before_the_document_ends() -> None:
    decoder = JSONRecords()
    assert list(decoder.feed(b'{"features": [{"id": 1}')) == []
    assert list(decoder.feed(b",")) == [{"id": 1}]
    assert list(decoder.feed(b'{"id": 2}]')) == [{"id": 2}]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/event-stream", "sse"),
        ("text/event-stream; charset=utf-8", "sse"),
        ("Text/Event-Stream", "sse"),
        ("application/x-ndjson", "lines"),
        ("application/ndjson;charset=UTF-8", "lines"),
        ("application/jsonl", "lines"),
        ("application/geo+json-seq", "lines"),
        ("application/json", "json"),
        ("application/geo+json", "json"),
        ("application/problem+json", "json"),
        ("", None),
        ("text/plain", None),
        ("application/octet-stream", None),
    ],
)
def test_the_content_type_decides(content_type: str, kind: str | None) -> None:
    assert kind_of(content_type) == kind


ROWS = [{"type": "Feature", "id": "a", "bbox": [1, 2]}, {"type": "Feature", "id": "b", "bbox": [3, 4]}]
AS_SSE = b"".join(b"data: " + dump(r) + b"\n\n" for r in ROWS)
AS_LINES = b"".join(dump(r) + b"\n" for r in ROWS)
AS_ARRAY = dump(ROWS)
AS_COLLECTION = dump({"type": "FeatureCollection", "features": ROWS}, indent=1)


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("text/event-stream", AS_SSE),
        ("text/event-stream", AS_LINES),  # mislabelled: as events, all of it would be ignored
        ("text/event-stream", AS_COLLECTION),
        ("text/event-stream", b"\xef\xbb\xbf: hi\n\n" + AS_SSE),
        ("application/x-ndjson", AS_LINES),
        ("application/x-ndjson", b"\xef\xbb\xbf\n" + AS_LINES),
        ("application/json", AS_ARRAY),
        ("application/json", AS_COLLECTION),
        ("application/json", AS_LINES),
        ("application/geo+json", AS_COLLECTION),
        ("", AS_SSE),
        ("", b": hi\n\nevent: feature\n" + AS_SSE),
        ("text/plain", AS_LINES),
        ("application/octet-stream", AS_ARRAY),
    ],
)
def test_each_form_is_read_by_its_type_at_every_cut(content_type: str, data: bytes) -> None:
    everywhere(lambda: Records(content_type), data, ROWS)


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/x-ndjson", ""])
def test_an_empty_stream_holds_nothing(content_type: str) -> None:
    assert run(Records(content_type)) == []
    assert run(Records(content_type), b"\n", b"", b"\n") == []


def test_a_page_of_html_is_no_stream() -> None:
    with pytest.raises(DecodeError, match="<html>"):
        run(Records("text/html"), b"<html>oops</html>")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content_type", "head", "row", "tail"),
    [
        ("text/event-stream", b"", b"data: %s\n\n", b""),
        ("application/x-ndjson", b"", b"%s\n", b""),
        ("application/json", b'{"features": [0', b",%s", b"]}"),
    ],
)
def test_memory_stays_flat(content_type: str, head: bytes, row: bytes, tail: bytes) -> None:
    chunk = (row % dump({"id": "x" * 500})) * 20

    def peak(chunks: int) -> int:
        decoder, count = Records(content_type), 0
        tracemalloc.start()
        try:
            count += sum(1 for _ in decoder.feed(head))
            for _ in range(chunks):
                count += sum(1 for _ in decoder.feed(chunk))
            count += sum(1 for _ in decoder.feed(tail))
            count += sum(1 for _ in decoder.close())
            assert count == chunks * 20 + bool(head)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(3)
    assert peak(300) < peak(30) * 1.5 + 20_000


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json"])
def test_a_record_has_a_bound(content_type: str) -> None:
    decoder = Records(content_type, max_record=1000)
    with pytest.raises(DecodeError, match="larger than 1000"):
        list(decoder.feed(b'["'))
        for _ in range(100):
            list(decoder.feed(b"x" * 100))


@pytest.mark.slow
@pytest.mark.parametrize("byte", [b"x", b"\\\\", b'\\"', "é".encode()])
def test_a_long_string_is_not_looked_at_again_with_every_piece(byte: bytes) -> None:
    # In pieces of 997 bytes, which cut escapes and characters; looking again would be 16 billion bytes.
    data = b'{"comment": "' + byte * 200_000 + b'", "features": [{"id": "' + byte * 4_000_000 + b'"}]}'
    decoder, found = Records("application/json"), []
    started = time.perf_counter()
    for start in range(0, len(data), 997):
        found += decoder.feed(data[start : start + 997])
    found += decoder.close()
    assert time.perf_counter() - started < 20
    assert found == json.loads(data)["features"]
