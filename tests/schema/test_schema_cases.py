"""What each keyword of the draft means: the table in suite/, against the adapter and the judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from geopera.schema import type_adapter

GROUPS = sorted((Path(__file__).parent / "suite").glob("*.json"))
CASES = [
    pytest.param(group.stem, case, id=f"{group.stem}: {case['name']}")
    for group in GROUPS
    for case in json.loads(group.read_text(encoding="utf-8"))
]
#: Where jsonschema departs from the draft or from ECMA-262, and we do not follow it.
NOT_JUDGED = {
    "a multiple of a tenth",
    "a multiple of a small fraction",
    "a large number, a small step",
    "large multiples",
    "patterns and the rest",
}


def accepts(adapter: Any, instance: Any, **options: Any) -> bool:
    try:
        adapter.validate_python(instance, **options)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("group", "case"), CASES)
def test_case(group: str, case: dict[str, Any]) -> None:
    adapter = type_adapter(case["schema"])
    for instance, expected in [(i, True) for i in case["valid"]] + [(i, False) for i in case["invalid"]]:
        assert accepts(adapter, instance, strict=True) is expected, instance
        assert accepts(adapter, instance) is expected, instance
        if "\\ud8" not in json.dumps(instance) or "\\ude" in json.dumps(instance):
            text = json.dumps(instance)
            try:
                adapter.validate_json(text)
                taken = True
            except ValidationError:
                taken = False
            assert taken is expected, text


@pytest.mark.parametrize(("group", "case"), CASES)
def test_the_table_agrees_with_the_judge(group: str, case: dict[str, Any]) -> None:
    if group == "strings" or case["name"] in NOT_JUDGED:
        pytest.skip("jsonschema takes Python's patterns, and divides floats")
    judge = Draft202012Validator(case["schema"])
    assert all(judge.is_valid(instance) for instance in case["valid"])
    assert not any(judge.is_valid(instance) for instance in case["invalid"])


@pytest.mark.parametrize(("group", "case"), CASES)
def test_what_was_taken_comes_out_again(group: str, case: dict[str, Any]) -> None:
    adapter = type_adapter(case["schema"])
    for instance in case["valid"]:
        result = adapter.validate_python(instance)
        assert adapter.dump_python(result, by_alias=True, exclude_unset=True) == instance
