"""The parser, and the end of a command."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from .._version import __version__
from . import errors, text


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and that takes no abbreviated options."""

    def __init__(self, **options: object) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        line = text.hide_token(" ".join(f"{self.prog}: {message} (see {self.prog} --help)".split()))
        print(text.safe(line, sys.stderr, keep=""), file=sys.stderr)
        raise SystemExit(errors.USAGE)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(
        prog="python -m geopera",
        description="Explore and call the Geopera API, follow its changes, and run a sandbox of it.",
        epilog="The token is read from GEOPERA_API_TOKEN, the base URL from GEOPERA_API_URL.",
    )
    top.add_argument("--version", action="version", version=f"geopera {__version__}")
    commands: argparse._SubParsersAction[argparse.ArgumentParser] = top.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=_Parser
    )

    from . import call, completion, docs, doctor, explore, login, manifest, stubs, upload

    explore.add(commands)
    call.add(commands)
    upload.add(commands)
    manifest.add(commands)
    stubs.add(commands)
    docs.add(commands)
    login.add(commands)
    doctor.add(commands)
    completion.add(commands)
    _add_sandbox(commands)
    return top


def _add_sandbox(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from ..sandbox import cli

    command = commands.add_parser("sandbox", help="run a server that behaves like the API")
    cli.add_arguments(command)
    command.set_defaults(run=cli.main)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    text.error(f"warning: {message}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status; raises nothing but SystemExit of the parser."""
    if sys.stdout is None:  # closed by the shell, as with >&-
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open until the end
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            top = parser()
            args = top.parse_args(arguments)
            if args.command is None:  # without a command, show the commands
                top.print_help()
                return errors.USAGE
            status: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return errors.INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has gone, as `head` does
        _abandon_output()
        return errors.BROKEN_PIPE
    except Exception as exc:  # noqa: BLE001 - whatever it is, a shell gets one line and a status
        status = errors.report(exc)
        _abandon_output()
    return status


def _abandon_output() -> None:
    """Discard the output if it cannot be written, as on a full disk, so that the exit does not write it again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
