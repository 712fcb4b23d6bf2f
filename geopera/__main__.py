"""`python -m geopera`: the command line."""

from __future__ import annotations

import argparse
import sys


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m geopera", description="Tools around the Geopera API.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    from .sandbox import cli as sandbox

    one = commands.add_parser("sandbox", help="run a server that behaves like the API")
    sandbox.add_arguments(one)
    one.set_defaults(run=sandbox.main)

    args = parser.parse_args(arguments)
    status: int = args.run(args)
    return status


if __name__ == "__main__":
    sys.exit(main())
