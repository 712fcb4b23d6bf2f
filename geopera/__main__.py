"""``python -m geopera``: the command line.

Errors are one readable line on standard error and an exit status by their kind; see `geopera._cli.errors`.
"""

from __future__ import annotations

import sys

from ._cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
