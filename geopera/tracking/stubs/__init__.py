"""Type stubs for editors and type checkers, written from a manifest.

What the package makes at run time (the tree of a client, the models, the low-level modules) no checker can
see; these modules spell it out as a partial stub package (PEP 561). They read a manifest and write text: they
never import what they describe, and the package never reads what they write.
"""

from __future__ import annotations

from .package import FOLDER, files, install, outdated, parsed_files, site_packages, uninstall, write

__all__ = ["FOLDER", "files", "install", "outdated", "parsed_files", "site_packages", "uninstall", "write"]
