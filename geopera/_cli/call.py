"""``call``: one operation from a shell."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from . import show
from .errors import UsageError
from .explore import in_use, unknown

MAX_BODY = 64 << 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "call",
        help="call an operation",
        description="Call an operation. The token is read from GEOPERA_API_TOKEN.",
    )
    command.add_argument("operation", help="an operation's id, such as catalog.search")
    command.add_argument(
        "--json", metavar="BODY", help="the body: JSON, @FILE for a file, or - for standard input"
    )
    command.add_argument("--idempotency-key", metavar="KEY", help="sent with an operation that spends")
    command.add_argument("--base-url", metavar="URL", help="by default GEOPERA_API_URL, then the real API")
    command.add_argument("--output", metavar="FILE", help="write the answer to a file")
    command.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long to wait for an answer")
    command.add_argument(
        "--format", choices=("auto", "json"), default="auto", help="json: also in a terminal"
    )
    command.add_argument("--dry-run", action="store_true", help="print the request and send nothing")
    command.add_argument("--unlisted", action="store_true", help="call it although no manifest knows it")
    command.set_defaults(run=run)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("it has to be a number of seconds above zero")
    return value


def run(args: argparse.Namespace) -> int:
    """Call the operation and write what it returned."""
    from ..fluent import Geopera

    manifest = in_use(args.base_url)
    operation = manifest.operations.get(args.operation)
    if operation is None and not args.unlisted:
        raise unknown(args.operation, manifest)
    body = read_body(args.json)
    options: dict[str, Any] = {} if args.timeout is None else {"timeout": args.timeout}
    with Geopera(base_url=args.base_url, **options) as client:
        if args.dry_run:
            from .._loops.preview import preview

            endpoint = client._any_endpoint(args.operation)
            plan = preview(client, endpoint, body, {}, key=args.idempotency_key, estimate=False)
            print(f"{plan!r}\n{plan.curl()}")
            return 0
        result = client.invoke(args.operation, body, idempotency_key=args.idempotency_key)
        if args.output:
            return _save(args.output, result)
        if hasattr(result, "__next__"):
            for record in result:
                show.write_json_line(record)
                sys.stdout.flush()
        else:
            show.write_result(result, args.format == "json")
    return 0


def read_body(text: str | None) -> Any:
    """The body that ``--json`` stands for. Raises `UsageError` where it is no JSON object."""
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
    print(f"{len(data)} bytes in {path}", file=sys.stderr)
    return 0
