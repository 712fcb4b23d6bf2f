"""Every way into the library takes the same manifests: loading and use, the check, a refresh and the published format."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from geopera.errors import GeoperaError, ManifestError
from geopera.manifest import Manifest, bundled_bytes
from geopera.tracking.check import check_manifest
from geopera.tracking.compile import compile_manifest, dump

SCHEMAS: dict[str, Any] = {
    "Problem": {"type": "object", "properties": {"title": {"type": "string"}}},
    "Tide": {
        "type": "object",
        "properties": {"at": {"type": "string", "pattern": "^a"}, "next": {"$ref": "#/schemas/Tide"}},
        "required": ["at"],
    },
}
ENTRY: dict[str, Any] = {
    "summary": "Get tides",
    "description": "In metres.",
    "deprecated": False,
    "tags": ["sea"],
    "scope": None,
    "side_effect": None,
    "idempotent": False,
    "success_status": 200,
    "media_type": "application/json",
    "request_media_type": "application/json",
    "public": False,
    "body_required": True,
    "input": {"$ref": "#/schemas/Tide"},
    "output": {},
    "errors": {"404": "Problem", "default": "Problem"},
    "produces": ["tide"],
    "estimate": "tides.get",
    "paging": {"convention": "page", "records": None},
    "polling": {"state": "state", "success": ["done"], "failure": []},
}
BASE: dict[str, Any] = {
    "format": 1,
    "api_version": "1",
    "base_url": "https://api.example",
    "path": "/v1/op/{operation_id}",
    "note": "one of ours",
    "operations": {"tides.get": ENTRY},
    "schemas": SCHEMAS,
    "docs": {"schemas/Tide": {"/properties/at": {"description": "When", "examples": ["a"]}}},
}
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 200.0, 0.5, 2**70, 10**5000, float("nan"), float("inf")),
    *("", "x", "a\n", "\x1b", "\ud800", "\u2028", "x" * 91, "x" * 201, "../x", "tides.get", "#/schemas/Tide"),
    *([], [1], ["a", 5], {}, {"a": 1}, {"": {}}, [[]], {"\ud800": 1}, {"type": 5}, {"$id": "x"}),
]


def odd_depths() -> Iterator[Any]:
    for depth in (60, 150, 5_000):
        deep: Any = {}
        for _ in range(depth):
            deep = {"items": deep}
        yield deep


def used(manifest: Manifest) -> None:
    """Use everything in a manifest."""
    assert manifest.tree is not None
    for operation in manifest.operations.values():
        manifest.registry.adapter(operation.input, "Input")
        manifest.registry.adapter(operation.output, "Output")
    for key in manifest.schemas:
        manifest.registry.adapter({"$ref": f"#/schemas/{key}"})
    list(manifest.docs.values())
    manifest.to_dict()


def takes(what: Any, *arguments: Any) -> bool:
    try:
        result = what(*arguments)
        if isinstance(result, Manifest):
            used(result)
    except GeoperaError:
        return False
    return True


def verdicts(document: Any) -> dict[str, bool]:
    """By entrance: whether it takes the document. One without a JSON form, or without a format, has fewer entrances."""
    found = {"check": not check_manifest(document), "from_dict": takes(Manifest.from_dict, document)}
    if "format" in document:
        found["refresh"] = takes(lambda: compile_manifest(document, overlay={}))
    try:
        texts = {"plain": json.dumps(document), "a value a line": json.dumps(document, indent=0) + "\n"}
        texts["canonical"] = dump(document).decode()
    except (ValueError, ManifestError, RecursionError, TypeError):
        pass
    else:
        if json.loads(texts["plain"]) != document:
            return found
        found |= {name: takes(Manifest.from_bytes, text.encode()) for name, text in texts.items()}
    return found


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from places(value[key], (*way, key))


def changed(way: tuple[Any, ...], how: str, value: Any) -> Any:
    """The base with something else at a place: another value, another key beside it, or nothing."""
    document = copy.deepcopy(BASE)
    holder: Any = document
    for step in way[:-1]:
        holder = holder[step]
    if how == "set":
        holder[way[-1]] = value
    elif how == "gone":
        del holder[way[-1]]
    elif isinstance(holder, dict) and isinstance(value, str):
        holder[value] = copy.deepcopy(holder[way[-1]])
    return document


ALL = list(places(BASE))[1:]
FORMAT = Draft202012Validator(json.loads(bundled_bytes("format.schema.json")))


# What the check and a refresh refuse, and loading ignores.
IGNORED = (
    "is not a field of a manifest of this format",
    "is missing",
    "is not a printable text, an integer, a boolean or null",
    "ends with a slash",
)


def agree(document: Any) -> None:
    found = verdicts(document)
    problems = check_manifest(document)
    if problems and all(problem.endswith(IGNORED) for problem in problems):
        found = {name: taken for name, taken in found.items() if name not in ("check", "refresh")}
    assert len(set(found.values())) == 1, (found, problems)
    if not problems:
        assert not list(FORMAT.iter_errors(document))


def test_what_is_changed_is_a_manifest() -> None:
    assert set(verdicts(BASE).values()) == {True}
    assert len(verdicts(BASE)) == 6


def test_the_format_names_the_fields_that_are_checked() -> None:
    from geopera.manifest import _trust

    published = FORMAT.schema["$defs"]["operation"]
    assert set(published["properties"]) == set(_trust._ENTRY)
    assert set(published["required"]) == set(_trust._REQUIRED)
    assert set(FORMAT.schema["properties"]) == {*_trust._HEAD, "operations", "schemas", "docs"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("format", odd) for odd in (1.0, True, 2, "1", None)),
        *(
            ("docs", odd)
            for odd in (None, [], 0, "", {"x": {}}, {"schemas/A": {"": {"description": "\x1b"}}})
        ),
        *(("docs", {"schemas/A": {"": words}}) for words in ({"type": "string"}, {"deprecated": 1})),
        *(("note", odd) for odd in ({}, [], 1.5, "\x1b", b"x")),
        *(("schemas", odd) for odd in ({**SCHEMAS, "A": True}, {**SCHEMAS, "A": b"{}"}, {**SCHEMAS, 5: {}})),
        *(("schemas", {**SCHEMAS, "A": {"default": odd}}) for odd in (float("nan"), (), {1, 2}, b"x")),
        *(("operations", odd) for odd in ({5: ENTRY}, {"a.b": b"{}"}, {"a.b": ENTRY, "a.b.c": ENTRY}, [])),
        ("operations", {"a.b": {**ENTRY, "errors": {"404": "Nowhere"}}}),
        ("operations", {"a.b": {**ENTRY, "success_status": 200.0}}),
        ("operations", {"a.b": {**ENTRY, "sumary": "x"}}),
        ("operations", {"a.b": {"input": {}}}),
        ("path", "/{operation_id}/run"),
        ("base_url", "https://api.example/"),
        (5, "x"),
    ],
)
def test_known_disagreements(name: Any, value: Any) -> None:
    agree({**BASE, name: value})


@pytest.mark.parametrize("deep", list(odd_depths()), ids=["60", "150", "5000"])
@pytest.mark.parametrize(
    "way", [("schemas", "X"), ("operations", "tides.get", "input"), ("docs", "schemas/Tide")]
)
def test_depths(way: tuple[str, ...], deep: Any) -> None:
    document = copy.deepcopy(BASE)
    holder: Any = document
    for step in way[:-1]:
        holder = holder[step]
    holder[way[-1]] = deep
    agree(document)


@pytest.mark.parametrize("count", [25, pytest.param(1_000, marks=pytest.mark.slow)])
def test_one_odd_value_anywhere(count: int) -> None:
    chosen = random.Random(count)
    for _ in range(count):
        agree(changed(chosen.choice(ALL), chosen.choice(["set", "set", "key", "gone"]), chosen.choice(ODD)))


def parsed(text: bytes) -> bool:
    try:
        return takes(Manifest.from_dict, json.loads(text))
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("start", "fits"),
    [
        (b'{\n"format": 1,\n"note": "a",\n', True),
        (b'{\n"format": 1,\n"note": "\\u00e4 \xc3\xa4",\n', True),
        (b'{\n"format": 01,\n', False),
        (b'{\n"format": 1,\n"note": "a"b",\n', False),
        (b'{\n"format": 1,\n"no"te": "a",\n', False),
        (b'{\n"format": 1,\n"note": "\xff",\n', False),
        (b'{\n"format": 1,\n"note": "a\tb",\n', False),
        (b'{\n"format": 1,,\n', False),
        (b'{\n"format": 1\n', False),
        (b'{\n"format": 1,\n"n\x00te": "a",\n', False),
    ],
)
def test_the_index_of_lines_reads_what_a_parser_reads(start: bytes, fits: bool) -> None:
    text = start + dump(BASE).partition(b'"format": 1,\n')[2]
    assert parsed(text) is fits
    assert takes(Manifest.from_bytes, text) is fits


@pytest.mark.parametrize(
    ("old", "new"), [(b"},\n}", b"}\n}"), (b"}\n}", b"},\n}"), (b"},\n", b"}\n"), (b"}\n},", b"}\n}")]
)
def test_a_comma_too_many_or_too_few(old: bytes, new: bytes) -> None:
    text = dump(BASE)
    for start in range(len(text)):
        if text.startswith(old, start):
            odd = text[:start] + new + text[start + len(old) :]
            assert takes(Manifest.from_bytes, odd) is parsed(odd)
