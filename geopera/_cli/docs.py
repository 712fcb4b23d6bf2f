"""``docs``: the operation reference of the manifest in use, as Markdown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .explore import in_use


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "docs",
        help="write the operation reference",
        description="Write the operation reference of the manifest in use: a Markdown page for each resource.",
    )
    command.add_argument(
        "--out", metavar="DIR", required=True, help="the folder to write to; made if missing"
    )
    command.add_argument("--base-url", metavar="URL", help="by default GEOPERA_API_URL, then the real API")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the pages."""
    from .._repl import reference
    from ..sandbox import example_body

    manifest = in_use(args.base_url)
    document = manifest.to_dict()

    def body_of(id: str) -> Any:
        return example_body(id, document)

    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, text in reference.pages(manifest, body_of):
        (folder / name).write_text(text, encoding="utf-8")
        count += 1
    print(f"{count} pages for {len(manifest.operations)} operations in {folder}", file=sys.stderr)
    return 0
