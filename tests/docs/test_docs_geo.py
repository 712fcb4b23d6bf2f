"""The tables of the page about geometries and datetimes: each row is run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from geopera._call.endpoint import endpoint
from geopera.errors import InvalidInputError
from geopera.manifest import default

PAGE = (Path(__file__).parent.parent.parent / "docs" / "geo.md").read_text(encoding="utf-8")
TABLES = re.findall(r"\| Given.*\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
FIELDS = ("intersects", "bbox", "datetime")
ROWS = [
    (field, *(cell.strip() for cell in line.strip("|").split("|")))
    for field, table in zip(FIELDS, TABLES, strict=True)
    for line in table.splitlines()
]


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """What the page calls its values."""
    from datetime import UTC, date, datetime

    from shapely.geometry import box

    names = {"box": box, "harbour": box(151.18, -33.92, 151.30, -33.84), "numpy": numpy, "pandas": pandas}
    names |= {"date": date, "datetime": datetime, "UTC": UTC}
    code = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "unclosed" in block)
    exec(code, names)
    return names


@pytest.mark.parametrize(("field", "given", "sent"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_a_row_of_the_table(values: dict[str, Any], field: str, given: str, sent: str) -> None:
    value = eval(given.strip("`"), values)
    body = {"host_name": "h", field: value}
    encode = endpoint(default(), "catalog.search").input.encode
    if sent.startswith("refused"):
        with pytest.raises(InvalidInputError, match=field):
            encode(body, {})
        return
    found = json.loads(encode(body, {}))[field]
    if field == "datetime":
        assert found == sent.strip("`")
    elif field == "bbox":
        assert len(found) == 4
        assert all(abs(number) <= 180 for number in found)
    else:
        assert found["type"] == "Polygon"
        assert all(150 < west < 152 and -35 < north < -33 for west, north in found["coordinates"][0])


def test_all_tables_are_run() -> None:
    assert len(ROWS) == 15 + 9 + 13
