"""``stubs``: types for editors and type checkers."""

from __future__ import annotations

import argparse
import sys

from .explore import in_use


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "stubs",
        help="write types for editors and type checkers",
        description="Write a stub package (PEP 561) that describes every operation of the manifest in use.",
    )
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--install", action="store_true", help="beside the installed packages of this Python")
    where.add_argument("--out", metavar="DIR", help="as DIR/geopera-stubs")
    where.add_argument("--uninstall", action="store_true", help="remove what --install wrote")
    where.add_argument(
        "--check",
        action="store_true",
        help="check that the installed stubs match the manifest in use; status 1 if not",
    )
    command.add_argument("--base-url", metavar="URL", help="the API whose refreshed manifest is used")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or remove the package, and print its path."""
    from ..tracking import stubs

    if args.uninstall:
        gone = stubs.uninstall()
        print(f"removed {gone}" if gone else "there were no stubs", file=sys.stderr)
        return 0
    manifest = in_use(args.base_url)
    if args.check:
        wrong = stubs.outdated(manifest)
        if wrong:
            print("the installed stubs do not match the manifest in use;", end=" ", file=sys.stderr)
            print("run: python -m geopera stubs --install", file=sys.stderr)
        return 1 if wrong else 0
    folder = stubs.install(manifest) if args.install else stubs.write(manifest, args.out)
    print(f"{len(manifest.operations)} operations in {folder}", file=sys.stderr)
    return 0
