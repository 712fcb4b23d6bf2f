"""Every operation, model or page in the slow tests, and some of them in the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

EVERY = 8


def sampled(values: Iterable[Any]) -> list[Any]:
    """`values` as parameters: one in eight is tested each time, all of them are by the slow tests."""
    return [
        pytest.param(value, marks=[pytest.mark.slow] if number % EVERY else [])
        for number, value in enumerate(values)
    ]
