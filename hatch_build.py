"""Writes the type stubs of the bundled manifest into the wheel, and into an editable install."""

from __future__ import annotations

import atexit
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubsHook(BuildHookInterface):
    """Adds ``geopera-stubs`` beside the package; nothing of it is in the source tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        try:
            from geopera.manifest import bundled
            from geopera.tracking import stubs

            folder = mkdtemp(prefix="geopera-stubs-")
            atexit.register(rmtree, folder, ignore_errors=True)
            written = Path(stubs.write(bundled(), folder, deep=False))
        finally:
            sys.path.remove(self.root)
        key = "force_include_editable" if version == "editable" else "force_include"
        build_data.setdefault(key, {})[str(written)] = written.name
