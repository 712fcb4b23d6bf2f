"""``login``: how to sign in."""

from __future__ import annotations

import argparse

from .text import note


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser("login", help="how to sign in", description="Show how to sign in.")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Refer to the official command line. Status 2, since no sign-in happened."""
    note(
        "Sign in with the official command line, in an environment of its own:\n"
        "    pipx install geopera-cli\n"
        "    geopera login\n"
        "Its profiles are read with --profile NAME. Or set GEOPERA_API_TOKEN to an API key."
    )
    return 2
