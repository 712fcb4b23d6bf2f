"""Whatever JSON there is, cut wherever: the decoders read what a parser of the whole reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geopera._decoding.records import JSONRecords, Records

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("features"), inner, max_size=4)
    ),
    max_leaves=12,
)
layouts = st.sampled_from([None, 1, "\t"])


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        chunks.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return chunks


def read(decoder: Any, chunks: list[bytes]) -> list[Any]:
    found = [record for chunk in chunks for record in decoder.feed(chunk)]
    return [*found, *decoder.close()]


sizes_of_chunks = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, max_size=6), st.booleans(), layouts, sizes_of_chunks)
@pytest.mark.slow
def test_arrays(rows: list[Any], ascii: bool, indent: Any, sizes: list[int]) -> None:
    data = json.dumps(rows, ensure_ascii=ascii, indent=indent).encode("utf-8", "surrogatepass")
    assert read(JSONRecords(), cut(data, sizes)) == rows


@settings(max_examples=150, deadline=None)
@given(
    st.lists(values, max_size=4),
    st.dictionaries(st.text().filter(lambda name: name != "features"), values, max_size=4),
    st.dictionaries(st.text().filter(lambda name: name != "features"), values, max_size=4),
    st.booleans(),
    layouts,
    sizes_of_chunks,
)
@pytest.mark.slow
def test_objects_with_an_array(
    rows: list[Any], before: dict[str, Any], after: dict[str, Any], ascii: bool, indent: Any, sizes: list[int]
) -> None:
    document = {**before, "features": rows, **{k: v for k, v in after.items() if k not in before}}
    data = json.dumps(document, ensure_ascii=ascii, indent=indent).encode()
    assert read(JSONRecords(), cut(data, sizes)) == rows


@settings(max_examples=150, deadline=None)
@given(st.lists(values, max_size=6), st.booleans(), sizes_of_chunks, st.sampled_from(["\n", "\r\n", "\n\n"]))
@pytest.mark.slow
def test_lines_and_events(rows: list[Any], ascii: bool, sizes: list[int], end: str) -> None:
    texts = [json.dumps(row, ensure_ascii=ascii) for row in rows]
    lines = "".join(text + end for text in texts).encode()
    assert read(Records("application/x-ndjson"), cut(lines, sizes)) == rows
    for ends in ("\n", "\r\n", "\r"):
        events = "".join(f"data: {text}{ends}{ends}" for text in texts).encode()
        assert read(Records("text/event-stream"), cut(events, sizes)) == rows
