"""Server-sent events: what the standard says, at every place where the bytes may be cut."""

from __future__ import annotations

import json

import pytest

from geopera._decoding.decoders import DecodeError, SSEDecoder, SSERecords


def events(*chunks: bytes) -> list[tuple[str, bytes, str, int | None]]:
    decoder = SSEDecoder()
    found = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [(e.event, e.data, e.id, e.retry) for e in found]


def records(*chunks: bytes) -> list[object]:
    decoder = SSERecords()
    found = [record for chunk in chunks for record in decoder.feed(chunk)]
    found += decoder.close()
    return found


def message(data: bytes, event: str = "message", id: str = "", retry: int | None = None):
    return event, data, id, retry


CASES = {
    "one event": (b"data: a\n\n", [message(b"a")]),
    "two events": (b"data: a\n\ndata: b\n\n", [message(b"a"), message(b"b")]),
    "several data lines": (b"data: a\ndata:b\ndata:  c\n\n", [message(b"a\nb\n c")]),
    "comments": (b": hello\n\n:\ndata: a\n: between\ndata: b\n\n", [message(b"a\nb")]),
    "CR LF": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [message(b"a\nb"), message(b"c")]),
    "CR": (b"data: a\rdata: b\r\rdata: c\r\r", [message(b"a\nb"), message(b"c")]),
    "mixed ends": (b"data: a\r\ndata: b\n\rdata: c\r\r\n", [message(b"a\nb"), message(b"c")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [message(b"a")]),
    "a second mark is no mark": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [message(b"b")]),
    "event type": (b"event: feature\ndata: a\n\ndata: b\n\n", [message(b"a", "feature"), message(b"b")]),
    "id stays": (b"id: 7\ndata: a\n\ndata: b\n\n", [message(b"a", id="7"), message(b"b", id="7")]),
    "id is emptied": (b"id: 7\ndata: a\n\nid\ndata: b\n\n", [message(b"a", id="7"), message(b"b")]),
    "id with NUL": (
        b"id: 7\ndata: a\n\nid: 8\x00\ndata: b\n\n",
        [message(b"a", id="7"), message(b"b", id="7")],
    ),
    "retry": (
        b"retry: 1500\ndata: a\n\nretry: soon\ndata: b\n\n",
        [message(b"a", retry=1500), message(b"b")],
    ),
    "empty data": (b"data\n\ndata:\ndata\n\n", [message(b""), message(b"\n")]),
    "no data": (b"event: ping\nid: 3\n\ndata: a\n\n", [message(b"a", id="3")]),
    "unknown fields": (b"color: red\n{}\ndata: a\ndatax: b\n\n", [message(b"a")]),
    "a colon in data": (b"data: a: b\n\n", [message(b"a: b")]),
    "line separators in a string": (
        'data: "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"\n\n'.encode(),
        [message('"a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"'.encode())],
    ),
    "not ended": (b"data: a\n\ndata: b\n", [message(b"a")]),
    "blank lines": (b"\n\n\r\n\r\rdata: a\n\n\n\n", [message(b"a")]),
}


@pytest.mark.parametrize("name", CASES)
def test_events_whole_and_cut_at_every_place(name: str) -> None:
    data, expected = CASES[name]
    assert events(data) == expected
    for at in range(len(data) + 1):
        assert events(data[:at], data[at:]) == expected, data[:at]
        assert events(data[:at], b"", data[at:]) == expected, data[:at]
    assert events(*(data[i : i + 1] for i in range(len(data)))) == expected
    assert events(*(data[i : i + 3] for i in range(0, len(data), 3))) == expected


def test_every_pair_of_cuts_of_a_stream_with_all_line_ends() -> None:
    data = b'\xef\xbb\xbfid: 1\r\nevent: x\rdata: {"a":\r\ndata: 1}\n\r\ndata: 2\r\r'
    whole = events(data)
    assert [e[1] for e in whole] == [b'{"a":\n1}', b"2"]
    for first in range(len(data)):
        for second in range(first, len(data)):
            assert events(data[:first], data[first:second], data[second:]) == whole


def test_an_event_is_there_as_soon_as_its_blank_line_is() -> None:
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data: a\n")) == []
    assert [e.data for e in decoder.feed(b"\n")] == [b"a"]
    assert [e.data for e in decoder.feed(b"data: b\r\r")] == [b"b"]  # without waiting for a line feed
    assert list(decoder.feed(b"\n")) == []


def test_records_are_the_json_of_the_data() -> None:
    data = b': hi\n\nevent: feature\ndata: {"id":\ndata: "a"}\n\ndata: [1, 2]\n\n'
    assert records(data) == [{"id": "a"}, [1, 2]]


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b"data: [DONE]", b"event: done\ndata: {}\n\n", b"event: end\ndata\n\n", b": bye", b"id: 9\n"])  # fmt: skip
@pytest.mark.parametrize(
    "begin", [b"", b"event: ping\ndata: {}\n\n", b"data\n\n", b"event: heartbeat\ndata: 1\n\n"]
)
def test_signals_are_no_records(begin: bytes, end: bytes) -> None:
    assert records(begin + b'data: {"id": "a"}\n\n' + end) == [{"id": "a"}]


FEATURES = [{"id": f"scene-{n}", "properties": {"note": "a\u2028b"}} for n in range(3)]
STREAM = b"".join(b"data: " + json.dumps(f, ensure_ascii=False).encode() + b"\n\n" for f in FEATURES)


def test_a_stream_cut_anywhere_delivers_what_was_whole_and_then_raises() -> None:
    ends = [0]
    while (end := STREAM.find(b"\n\n", ends[-1])) >= 0:
        ends.append(end + 2)
    for at in range(len(STREAM) + 1):
        decoder, found, cut = SSERecords(), [], False
        try:
            for record in decoder.feed(STREAM[:at]):
                found.append(record)
            found += decoder.close()
        except DecodeError as exc:
            cut = True
            assert "cut" in str(exc)
        whole = sum(end <= at for end in ends[1:])
        assert found == FEATURES[:whole]
        # Nothing is lost yet where the event so far has no data.
        assert cut is (len(STREAM[ends[whole] : at]) > len(b"data: "))


def test_data_that_is_not_json_raises_after_the_records_before_it() -> None:
    decoder, found = SSERecords(), []
    with pytest.raises(DecodeError, match="not JSON") as caught:
        for record in decoder.feed(b'data: {"id": 1}\n\ndata: <html>\n\ndata: {"id": 2}\n\n'):
            found.append(record)
    assert found == [{"id": 1}]
    assert "<html>" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said", "problem"),
    [
        (b'{"title": "Gone wrong", "status": 500}', "Gone wrong", {"title": "Gone wrong", "status": 500}),
        (
            b'{"detail": "host is down", "title": "x"}',
            "host is down",
            {"detail": "host is down", "title": "x"},
        ),
        (b"no json", "no json", "no json"),
    ],
)
def test_an_error_event_raises_with_what_it_says(text: bytes, said: str, problem: object) -> None:
    data = b'data: {"id": 1}\n\nevent: error\ndata: ' + text + b"\n\n"
    for ended in (data, data[:-2]):
        decoder, found = SSERecords(), []
        with pytest.raises(DecodeError, match=said) as caught:
            for record in decoder.feed(ended):
                found.append(record)
            list(decoder.close())
        assert found == [{"id": 1}]
        assert caught.value.problem == problem


def test_memory_has_a_bound() -> None:
    decoder = SSERecords(max_record=1000)
    assert list(decoder.feed((b"data: " + b"1" * 90 + b"\n\n") * 100))
    with pytest.raises(DecodeError, match="larger than 1000"):
        for _ in range(100):
            list(decoder.feed(b"data: 11111111111111\n"))
    decoder = SSERecords(max_record=1000)
    with pytest.raises(DecodeError, match="larger than 1000"):
        for _ in range(100):
            list(decoder.feed(b"11111111111111"))
