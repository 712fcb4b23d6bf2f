"""Imported before the package: no test reads or writes what the user of this machine has set up."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

CACHE = tempfile.mkdtemp(prefix="geopera-tests-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
os.environ["XDG_CACHE_HOME"] = CACHE
for _name in ("GEOPERA_MANIFEST", "GEOPERA_API_URL", "GEOPERA_API_TOKEN"):
    os.environ.pop(_name, None)
