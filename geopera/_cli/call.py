"""``call``, ``wait`` and ``download``: one operation from a shell."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

from . import show
from .errors import UsageError
from .explore import in_use, unknown
from .fields import body_of
from .text import note

MAX_BODY = 64 << 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    command = commands.add_parser(
        "call",
        help="call an operation",
        description="Call an operation. The token is read from GEOPERA_API_TOKEN.",
    )
    _add_body(command)
    _add_output(command)
    command.add_argument("--all", action="store_true", help="the records of all pages of a list")
    command.add_argument(
        "--max-items", type=_count, metavar="N", help="of all pages, at most so many records"
    )
    command.add_argument("--idempotency-key", metavar="KEY", help="sent with an operation that spends")
    command.add_argument("--output", metavar="FILE", help="write the response to a file")
    command.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="how long to wait for the response"
    )
    command.add_argument("--dry-run", action="store_true", help="print the request without sending it")
    command.add_argument(
        "--unlisted", action="store_true", help="call an operation that the manifest does not have"
    )
    add_client(command)
    command.set_defaults(run=run)

    command = commands.add_parser(
        "wait",
        help="poll an operation until its status is final",
        description="Poll an operation such as orders.get until its status is final. Exit status 8 if it"
        " failed, or if the time is over.",
    )
    _add_body(command)
    _add_output(command)
    command.add_argument(
        "--timeout",
        type=seconds,
        default=1800.0,
        metavar="SECONDS",
        help="for the whole wait (default: 1800)",
    )
    add_client(command)
    command.set_defaults(run=run_wait)

    command = commands.add_parser(
        "download",
        help="write the file of an operation",
        description="Write what an operation returns, or the file of the URL that it returns.",
    )
    _add_body(command)
    command.add_argument("--output", "-o", metavar="DIR|FILE", default=".", help="where to (default: here)")
    add_client(command)
    command.set_defaults(run=run_download)


def add_client(command: argparse.ArgumentParser) -> None:
    """Add the options that every command with a client has."""
    command.add_argument("--base-url", metavar="URL", help="by default GEOPERA_API_URL, then the real API")
    command.add_argument("--profile", metavar="NAME", help="a profile of the official command line's login")


def _add_body(command: argparse.ArgumentParser) -> None:
    command.add_argument("operation", help="an operation's id, such as catalog.search")
    command.add_argument("fields", nargs="*", metavar="KEY=VALUE", help="fields of the body; lists are JSON")
    command.add_argument(
        "--json", metavar="BODY", help="the body: JSON, @FILE for a file, or - for standard input"
    )


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format",
        choices=("auto", *show.FORMATS),
        default="auto",
        help="auto: a table in a terminal, JSON in a pipe",
    )
    command.add_argument("--query", metavar="JMESPATH", help="print what the expression finds in the result")


def seconds(text: str) -> float:
    """A number of seconds above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("it has to be a number of seconds above zero")
    return value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("it has to be a whole number above zero")
    return int(text)


@contextmanager
def open_client(args: argparse.Namespace, **options: Any) -> Iterator[Any]:
    """A client with the command's base URL and profile."""
    from ..fluent import Geopera

    if args.profile is not None:
        options["profile"] = args.profile
    with Geopera(base_url=args.base_url, **options) as client:
        yield client


def _body(args: argparse.Namespace) -> Any:
    """The body of a command's arguments. Raises `UsageError` for an unknown operation."""
    manifest = in_use(args.base_url)
    operation = manifest.operations.get(args.operation)
    if operation is None and not getattr(args, "unlisted", False):
        raise unknown(args.operation, manifest)
    return body_of(args.fields, read_body(args.json), operation, manifest)


def _proxy(client: Any, id: str) -> Any:
    return reduce(getattr, id.split("."), client)


def run(args: argparse.Namespace) -> int:
    """Call the operation and write what it returned."""
    body = _body(args)
    options: dict[str, Any] = {} if args.timeout is None else {"timeout": args.timeout}
    with open_client(args, **options) as client:
        if args.dry_run:
            from .._loops.preview import preview

            endpoint = client._any_endpoint(args.operation)
            plan = preview(client, endpoint, body, {}, key=args.idempotency_key, estimate=False)
            print(f"{plan!r}\n{plan.curl()}")
            return 0
        if args.all or args.max_items is not None:
            if args.unlisted:
                raise UsageError("--all needs an operation that the manifest knows")
            try:
                result = _proxy(client, args.operation).iter(body, max_items=args.max_items)
            except TypeError as problem:
                raise UsageError(f"{args.operation}: {problem}") from problem
        else:
            result = client.invoke(args.operation, body, idempotency_key=args.idempotency_key)
        if args.output:
            return _save(args.output, result)
        if not hasattr(result, "__next__"):
            show.write_result(result, args.format, args.query)
        elif args.query is not None:
            show.write_result(list(result), args.format, args.query)
        elif args.format == "auto" and show.to_person() and args.operation != "catalog.search_stream":
            show.write_result(list(result))
        else:
            show.write_stream(result, args.format)
    return 0


def run_wait(args: argparse.Namespace) -> int:
    """Poll the operation and write its last response."""
    body = _body(args)
    with open_client(args) as client:
        try:
            result = _proxy(client, args.operation).wait(body, timeout=args.timeout, raise_on_failure=True)
        except TypeError as problem:
            raise UsageError(f"{args.operation}: {problem}") from problem
        show.write_result(result, args.format, args.query)
    return 0


def run_download(args: argparse.Namespace) -> int:
    """Download the file of the operation."""
    body = _body(args)
    target = args.output
    if os.path.isdir(target) or target.endswith(os.sep):
        os.makedirs(target, exist_ok=True)
        target = os.path.join(target, _file_name(args.operation, body))
    with open_client(args) as client:
        path = _proxy(client, args.operation).download(body, target)
    note(f"{os.path.getsize(path)} bytes in {path}")
    return 0


def _file_name(id: str, body: Any) -> str:
    """A name for the file of a call: its ids, without characters that have a meaning in a path."""
    ids = [str(value) for name, value in (body or {}).items() if name.endswith("_id") or name == "id"]
    name = "-".join(ids) or id
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:150].lstrip(".") or "file"


def read_body(text: str | None) -> Any:
    """The body of ``--json``. Raises `UsageError` if it is not a JSON object."""
    import sys

    if text is None:
        return None
    what = "--json"
    if text == "-":
        what, data = "standard input", sys.stdin.buffer.read(MAX_BODY + 1)
    elif text.startswith("@"):
        what = text[1:]
        with open(what, "rb") as file:
            data = file.read(MAX_BODY + 1)
    else:
        data = text.encode("utf-8", "surrogateescape")
    if len(data) > MAX_BODY:
        raise UsageError(f"{what} is larger than {MAX_BODY >> 20} MiB")
    from json import loads

    try:
        body = loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{what} is not JSON: {exc}") from exc
    if body is not None and not isinstance(body, dict):
        raise UsageError(f"{what} is not a JSON object")
    return body


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} has no JSON form")


def _save(path: str, result: Any) -> int:
    from json import dumps

    if hasattr(result, "__next__"):
        data = b"".join(dumps(show.to_plain(one)).encode() + b"\n" for one in result)
    else:
        data = (
            result if isinstance(result, bytes) else dumps(show.to_plain(result), indent=2).encode() + b"\n"
        )
    with open(path, "wb") as file:
        file.write(data)
    note(f"{len(data)} bytes in {path}")
    return 0
