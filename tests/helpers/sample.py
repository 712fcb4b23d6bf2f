"""Every operation, model or page in the slow tests, and some of them in the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(values: Iterable[Any], every: int = 8) -> list[Any]:
    """`values` as parameters: one in `every` is tested each time, all of them are by the slow tests."""
    return [
        pytest.param(value, marks=[pytest.mark.slow] if number % every else [])
        for number, value in enumerate(values)
    ]
