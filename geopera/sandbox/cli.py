"""`python -m geopera sandbox`."""

from __future__ import annotations

import argparse
import os
import shlex
import sqlite3
import sys
from collections.abc import Callable
from typing import Any, TypeVar

N = TypeVar("N", int, float)
_API = "https://api.geopera.com"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to a parser; variables `GEOPERA_SANDBOX_…` set their defaults."""
    add = parser.add_argument
    for name, kind, default, metavar, text in (
        ("host", str, "127.0.0.1", None, "the address to listen on (default: %(default)s)"),
        ("port", _port, 8787, None, "0 for a free port (default: %(default)s)"),
        (
            "token",
            _token,
            None,
            None,
            "the token to accept (default: sandbox-token; beyond loopback a random one)",
        ),
        ("db", str, ":memory:", "FILE", "keep the state in an SQLite file"),
        ("speed", _positive, 1.0, "X", "orders and jobs run X times as fast"),
        ("credits", _amount, None, "N", "the credits of a new organisation"),
        (
            "token-ttl",
            _positive,
            3600.0,
            "SECONDS",
            "lifetime of the access tokens of a sign-in (default: %(default)s)",
        ),
        ("public-url", str, None, "URL", "the base of the URLs in responses"),
    ):
        add(f"--{name}", type=kind, default=_set(name, default), metavar=metavar, help=text)
    for name, text in (
        ("approve", "approve every sign-in at once, without a page"),
        ("rate-limits", "apply the documented rate limits"),
        ("remote-control", "serve the control endpoints beyond this machine too"),
    ):
        add(f"--{name}", action="store_true", default=_set(name, "") not in ("", "0", "false"), help=text)
    hosts = _set("allowed-host", "").split()
    add(
        "--allowed-host",
        action="append",
        default=hosts,
        metavar="NAME",
        help="another name in the Host header",
    )
    tape = parser.add_mutually_exclusive_group()
    tape.add_argument(
        "--record",
        metavar="FILE",
        help="forward requests to the real API and record them, without secrets, in a new file",
    )
    tape.add_argument("--replay", metavar="FILE", help="serve a recorded run; other requests are errors")
    parser.add_argument("--upstream", metavar="URL", help=f"the API that --record records (default: {_API})")


def main(args: argparse.Namespace) -> int:
    """Run the server until SIGINT or SIGTERM; returns the exit status."""
    if args.upstream is not None and args.record is None:
        print("--upstream needs --record", file=sys.stderr)
        return 2
    try:
        from .core.state import DEFAULT_CREDITS
        from .server import is_loopback, run
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        print('The sandbox needs its extra: pip install "geopera[sandbox]>=3"', file=sys.stderr)
        return 1
    if not is_loopback(args.host):
        print(
            f"warning: {args.host} can be reached from other machines; anybody with the token can use it",
            file=sys.stderr,
        )
    if args.record is not None or args.replay is not None:
        return _recorded(args)
    try:
        run(
            host=args.host,
            port=args.port,
            token=args.token,
            db=args.db,
            speed=args.speed,
            credits=DEFAULT_CREDITS if args.credits is None else args.credits,
            rate_limits=args.rate_limits,
            token_ttl=args.token_ttl,
            approve=args.approve,
            allowed_hosts=tuple(args.allowed_host),
            public_url=args.public_url,
            remote_control=args.remote_control,
            secret=os.environ.get("GEOPERA_SANDBOX_SECRET") or None,
            started=_print_address,
        )
    except OSError as problem:
        if problem.filename is not None:
            print(
                f"The sandbox cannot keep its state in {problem.filename}: {problem.strerror}",
                file=sys.stderr,
            )
            return 1
        return _cannot_listen(args, problem)
    except sqlite3.Error as problem:
        print(f"The sandbox cannot keep its state in {args.db}: {problem}", file=sys.stderr)
        return 1
    return 0


def _recorded(args: argparse.Namespace) -> int:
    """Run the server of `--record` or `--replay`; returns the exit status."""
    from .server import serve_app
    from .tapes.cassette import CassetteError
    from .tapes.player import create_player
    from .tapes.recorder import create_recorder

    hosts = tuple(args.allowed_host)
    try:
        if args.record is not None:
            app = create_recorder(args.upstream or _API, args.record, host=args.host, allowed_hosts=hosts)
        else:
            app = create_player(args.replay, host=args.host, allowed_hosts=hosts)
    except (CassetteError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"{problem.filename}: {problem.strerror}", file=sys.stderr)
        return 1

    def started(url: str) -> None:
        what = f"records {args.upstream or _API}" if args.record else f"plays {args.replay}"
        token = "" if args.record else "\nexport GEOPERA_API_TOKEN=replayed"
        print(f"Geopera sandbox on {url} {what}\nexport GEOPERA_API_URL={url}{token}", flush=True)

    try:
        serve_app(app, args.host, args.port, started)
    except OSError as problem:
        return _cannot_listen(args, problem)
    return 1 if args.replay is not None and app.state.player.unknown else 0


def _cannot_listen(args: argparse.Namespace, problem: OSError) -> int:
    reason = problem.strerror or problem
    print(f"The sandbox cannot listen on {args.host}:{args.port}: {reason}", file=sys.stderr)
    return 1


def _print_address(url: str, token: str, secret: str) -> None:
    """Print the address, and the variables that a shell needs to use it."""
    lines = [f"Geopera sandbox on {url}", f"export GEOPERA_API_URL={url}"]
    lines += [
        f"export GEOPERA_API_TOKEN={shlex.quote(token)}",
        f"export GEOPERA_SANDBOX_SECRET={shlex.quote(secret)}",
    ]
    print("\n".join(lines), flush=True)


def _set(option: str, default: Any) -> Any:
    """The value of the variable of an option, as text; or the default."""
    return os.environ.get("GEOPERA_SANDBOX_" + option.upper().replace("-", "_")) or default


def _positive(text: str) -> float:
    value = _number(float, text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def _amount(text: str) -> int:
    value = _number(int, text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, got {text!r}")
    return value


def _port(text: str) -> int:
    value = _number(int, text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, got {text!r}")
    return value


def _token(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError("expected printable ASCII text without spaces around it")
    return text


def _number(kind: Callable[[str], N], text: str) -> N:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
