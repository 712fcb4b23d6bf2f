"""``ops`` and ``describe``: the operations of the API."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from . import show
from .errors import UsageError
from .text import error

if TYPE_CHECKING:
    from ..manifest import Manifest, Operation


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    ops = commands.add_parser("ops", help="list the operations", description="List the operations.")
    ops.add_argument(
        "pattern", nargs="?", help="a part of the id or summary, or a pattern such as 'orders.*'"
    )
    ops.set_defaults(run=list_operations)
    describe = commands.add_parser(
        "describe", help="show one operation", description="Show an operation: fields, limits, an example."
    )
    describe.add_argument("operation", help="an operation's id, such as catalog.search, or a resource's")
    describe.set_defaults(run=describe_operation)
    for command in (ops, describe):
        command.add_argument("--base-url", metavar="URL", help="the API whose refreshed manifest is used")
        command.add_argument(
            "--format", choices=("auto", "json"), default="auto", help="json: also in a terminal"
        )


def in_use(base_url: str | None = None) -> Manifest:
    """The manifest that a client of `base_url` would use."""
    from ..client import DEFAULT_BASE_URL
    from ..manifest import for_url

    url = base_url or os.environ.get("GEOPERA_API_URL") or DEFAULT_BASE_URL
    if not url.startswith(("http://", "https://")):
        name = "--base-url" if base_url else "GEOPERA_API_URL"
        raise UsageError(f"{name} must start with http:// or https://, not {url[:100]!r}")
    return for_url(url)


def list_operations(args: argparse.Namespace) -> int:
    """Print the operations that match. Status 1 if there is none."""
    manifest = in_use(args.base_url)
    found = [op for op in manifest.operations.values() if _matches(op, args.pattern)]
    if args.format == "json" or not show.to_person():
        show.write_json_lines([_brief(op) for op in found])
    elif found:
        ids = min(50, max(len(op.id) for op in found))
        lines = [show.shortened(f"{op.id:<{ids}}  {op.summary}", show.width()) for op in found]
        show.write("\n".join(lines))
        show.write(f"{len(found)} of {len(manifest.operations)} operations")
    if not found:
        error(f"no operation matches {args.pattern!r}")
    return 0 if found else 1


def _matches(operation: Operation, pattern: str | None) -> bool:
    from fnmatch import fnmatchcase

    if not pattern:
        return True
    pattern = pattern.lower()
    if any(c in pattern for c in "*?["):
        return fnmatchcase(operation.id.lower(), pattern)
    return pattern in operation.id.lower() or pattern in operation.summary.lower()


def _brief(operation: Operation) -> dict[str, Any]:
    names = ("id", "summary", "description", "scope", "side_effect", "idempotent", "public", "media_type")
    more = [name for name in ("deprecated", "tags") if getattr(operation, name)]
    return {name: getattr(operation, name) for name in (*names, *more)}


def describe_operation(args: argparse.Namespace) -> int:
    """Print one operation, or the operations of one resource."""
    from .._repl import operations

    manifest = in_use(args.base_url)
    operation = manifest.operations.get(args.operation)
    if operation is None:
        if not isinstance(manifest.node(args.operation), dict):
            raise unknown(args.operation, manifest)
        if args.format == "json" or not show.to_person():
            ids = operations.operation_ids(manifest.node(args.operation))
            show.write_json_lines([_brief(manifest.operations[id]) for id in sorted(ids)])
        else:
            show.write(operations.resource_repr(manifest, args.operation))
    elif args.format == "json" or not show.to_person():
        show.write_json(_whole(operation, manifest))
    else:
        show.write(f"{operation.id}\n\n{operations.operation_doc(operation, manifest)}")
        show.write(f"    {_command(operation, manifest)}")
    return 0


def _command(operation: Operation, manifest: Manifest) -> str:
    """A command to paste, with the required fields as arguments, or an empty body."""
    from json import dumps
    from shlex import quote

    from .._repl import operations

    words = ["python", "-m", "geopera", "call", operation.id]
    for field in operations.fields(manifest, operation):
        if field.required:
            value = operations.example_value(field.schema, manifest.schemas)
            text = value if isinstance(value, str) else dumps(value)
            words.append(quote(f"{field.wire}={text}"))
    if len(words) == 5 and operations.takes_anything(manifest, operation):
        words.append("--json '{}'")
    return " ".join(words)


def unknown(id: str, manifest: Manifest) -> UsageError:
    """The message about an operation that the manifest does not have."""
    from .._names import did_you_mean

    if isinstance(manifest.node(id), dict):
        from .._repl.operations import operation_ids

        ids = sorted(operation_ids(manifest.node(id)))
        shown = ", ".join(ids[:12]) + (f" and {len(ids) - 12} more" if len(ids) > 12 else "")
        return UsageError(f"{id!r} is a resource with the operations {shown}")
    hint = did_you_mean(id, manifest.operations)
    return UsageError(f"no operation {id[:200]!r}{hint} (python -m geopera ops lists them)")


def _whole(operation: Operation, manifest: Manifest) -> dict[str, Any]:
    from .._repl import field_types, operations

    annotator = field_types.Annotator(manifest.schemas)
    fields = [
        {
            "name": field.name,
            "wire": field.wire,
            "type": annotator.text(field.schema),
            "required": field.required,
            **({"default": field.default} if field.has_default else {}),
            "limits": field_types.limits(field.schema),
            **{
                name: field.words[name]
                for name in ("description", "deprecated", "examples")
                if name in field.words
            },
        }
        for field in operations.fields(manifest, operation)
    ]
    paging, polling = operation.paging, operation.polling
    return {
        **_brief(operation),
        "effect": operations.effect(operation),
        "success_status": operation.success_status,
        "fields": fields,
        "open": operations.takes_anything(manifest, operation),
        "returns": operations.result_type(manifest, operation),
        "errors": operation.errors,
        "paging": paging and {"convention": paging.convention, "records": paging.records},
        "polling": polling
        and {"state": polling.state, "success": list(polling.success), "failure": list(polling.failure)},
        "example": operations.example(operation, manifest),
        "reference": operations.reference_url(operation.id),
        "input": operation.input,
        "output": operation.output,
    }
