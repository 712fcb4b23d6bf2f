"""What the stubs cost: a checker's time, and the size of the wheel."""

from __future__ import annotations

import sys
import zipfile

import pytest
from bench import checkers

pytestmark = pytest.mark.slow


@pytest.mark.skipif(sys.platform == "win32", reason="the CPU time of other processes is not known there")
@pytest.mark.parametrize("checker", checkers.COMMANDS)
def test_one_resource_costs_little_more_than_what_it_stands_on(out_of_the_box, tmp_path, checker):
    pytest.importorskip(checker, reason=f"{checker} is not installed")
    ours, theirs = checkers.in_turns(checker, out_of_the_box, tmp_path, rounds=1)
    # Idle, this is near 1.3; other processes and a cold disk are in it.
    assert ours[0] / theirs[0] < 1.25 * checkers.TARGETS[checker]


def test_the_stubs_are_a_small_part_of_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = [info for info in archive.infolist() if info.filename.startswith("geopera-stubs/")]
    assert sum(info.file_size for info in found) < 930_000
    # With what an archive says of each file.
    assert sum(info.compress_size + 200 for info in found) < 87_000
