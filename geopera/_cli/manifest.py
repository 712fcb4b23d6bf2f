"""``manifest``: compile, refresh, compare, check, show and reset."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ..manifest._manifest import named_file
from . import show
from .errors import UsageError, report
from .explore import in_use

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..client import Client
    from ..tracking._components import LeftOut

_FAIL_ON = ("breaking", "any", "never")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with its own commands."""
    manifest = commands.add_parser(
        "manifest", help="compile, refresh, compare, check, show or reset the manifest"
    )
    own = manifest.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(manifest))

    def action(name: str, run: Callable[[argparse.Namespace], int], help: str, text: str = "") -> Any:
        parser = own.add_parser(name, help=help, description=text or help[0].upper() + help[1:] + ".")
        parser.set_defaults(run=run)
        return parser

    compile = action("compile", compile_source, "make a manifest from a description of the API")
    compile.add_argument("source", help="an OpenAPI document, a facts file or a manifest")
    compile.add_argument(
        "--output", metavar="FILE", help="by default the source tree's bundled file; - prints"
    )
    compile.add_argument("--overlay", metavar="FILE", help="an overlay instead of the package's own")

    refresh = action("refresh", refresh_manifest, "read the API's live description and use it from now on")
    refresh.add_argument("--base-url", metavar="URL", help="by default GEOPERA_API_URL, then the real API")
    refresh.add_argument(
        "--from", dest="source", metavar="FILE", help="a file instead of the server's description"
    )
    refresh.add_argument(
        "--dry-run", action="store_true", help="show the difference without changing anything"
    )
    refresh.add_argument("--output", metavar="FILE", help="write the manifest there, not into the cache")
    _add_format(
        refresh, "text", "the difference as text, as JSON, or as Markdown for a pull request", "markdown"
    )

    differ = action(
        "diff",
        diff_manifests,
        "show what changed from one manifest to another",
        "Show what changed. Exit status: 0 where nothing breaks callers, 1 where something does (see "
        "--fail-on), 2 where the two cannot be compared.",
    )
    differ.add_argument("old", help="a manifest, an OpenAPI document, 'bundled' or 'current'")
    differ.add_argument("new", help="the same")
    _add_format(
        differ, "text", "the difference as text, as JSON, or as Markdown for a pull request", "markdown"
    )
    differ.add_argument("--fail-on", choices=_FAIL_ON, default="breaking", help="when the status is 1")

    check = action("check", check_file, "check a manifest or a description; status 3 where it is unusable")
    check.add_argument("file")

    shown = action("show", show_manifest, "show which manifest is in use, and its source")
    shown.add_argument("--base-url", metavar="URL", help="of which API")
    _add_format(shown, "auto", "json: also in a terminal")
    shown.add_argument("--content", action="store_true", help="print the manifest itself")

    reset = action("reset", reset_manifest, "forget refreshed manifests; the bundled one is used again")
    reset.add_argument("--base-url", metavar="URL", help="only that of this API; by default all")


def _add_format(command: argparse.ArgumentParser, default: str, text: str, *more: str) -> None:
    command.add_argument("--format", choices=(default, "json", *more), default=default, help=text)


# Making.


def compile_source(args: argparse.Namespace) -> int:
    from ..tracking.compile import compile_file, dump

    if args.output == "-":
        made = compile_file(args.source, overlay=args.overlay)
        sys.stdout.write(dump(made).decode("ascii"))
        return 0
    output = args.output or _bundled_file()
    made = compile_file(args.source, output, overlay=args.overlay)
    counts = f"{len(made['operations'])} operations, {len(made['schemas'])} schemas"
    print(f"{output}: API {made['api_version']}, {counts}", file=sys.stderr)
    return 0


def _bundled_file() -> str:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.path.join(os.path.dirname(package), "manifest", "geopera.json")
    if not os.path.exists(path) or os.path.exists(os.path.join(package, "_data", "manifest.json")):
        raise UsageError("this is an installed package, not a source tree; name the file with --output FILE")
    return path


def _client(base_url: str | None) -> Client:
    """A client that fetches the description of an API, with the token of the environment if there is one."""
    from ..fluent import Geopera

    return Geopera(base_url=base_url).client


def refresh_manifest(args: argparse.Namespace) -> int:
    from ..tracking import refresh as refreshing
    from ..tracking._components import LeftOut
    from ..tracking.diff import diff

    client = _client(args.base_url)
    with client:
        if args.output:
            data = _read(args.source) if args.source else refreshing.fetch(client).data
            assert data is not None  # the request was not conditional
            odd = LeftOut()
            document, raw = refreshing.compiled(data, args.source or client.base_url, left_out=odd)
            found = diff(client.manifest.to_dict(), document, odd.lines())
            if not args.dry_run:
                _write(args.output, raw)
            done = args.output
        else:
            if args.source:
                result = refreshing.refresh_from_file(client, args.source, dry_run=args.dry_run)
            else:
                result = refreshing.refresh(client, dry_run=args.dry_run, must_keep=True)
            found, done = result.diff, result.installed
    _print_diff(found, args.format)
    if args.dry_run:
        print("nothing was changed (--dry-run)", file=sys.stderr)
    else:
        print(f"{'kept in' if not args.output else 'written to'} {done}", file=sys.stderr)
        if found and not args.output:
            print("for editors and type checkers run: python -m geopera stubs --install", file=sys.stderr)
        _note_override(args)
    return 0


def _note_override(args: argparse.Namespace) -> None:
    path = named_file()
    if path and not args.output:
        print(f"note: GEOPERA_MANIFEST={path} is set and is used instead", file=sys.stderr)


def _read(path: str) -> bytes:
    from ..errors import ManifestError
    from ..tracking.compile import MAX_BYTES

    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{path} is larger than {MAX_BYTES >> 20} MiB; nothing was changed")
    return data


def _write(path: str, data: bytes) -> None:
    from ..tracking.compile import _replace

    _replace(path, data)


# Comparing and checking.


def _print_diff(found: Any, format: str) -> None:
    if format == "json":
        show.write_json(found.to_dict())
    else:
        show.write(found.markdown() if format == "markdown" else found.text())


def diff_manifests(args: argparse.Namespace) -> int:
    from ..errors import GeoperaError
    from ..tracking._components import LeftOut
    from ..tracking.diff import diff

    odd = LeftOut()
    try:
        found = diff(_document(args.old, LeftOut()), _document(args.new, odd), odd.lines())
    except (GeoperaError, OSError) as exc:
        report(exc)
        return 2
    _print_diff(found, args.format)
    failed = {"never": False, "any": bool(found), "breaking": bool(found.breaking)}[args.fail_on]
    return 1 if failed else 0


def _document(name: str, left_out: LeftOut) -> dict[str, Any]:
    """A manifest as a document, from the name of one or a file; an OpenAPI document is compiled first."""
    from ..errors import ManifestError
    from ..manifest import bundled, load
    from ..tracking.check import check_manifest
    from ..tracking.compile import compile_file

    if name == "bundled":
        return bundled().to_dict()
    if name == "current":
        return in_use().to_dict()
    with open(name, "rb") as file:
        start = file.read(4096)
    if b'"format"' in start and b'"openapi"' not in start:
        document = load(name).to_dict()
        if problems := check_manifest(document):
            raise ManifestError(f"{name} is not a valid manifest: {'; '.join(problems[:3])}")
        return document
    return compile_file(name, left_out=left_out)


def check_file(args: argparse.Namespace) -> int:
    from json import loads

    from ..errors import ManifestError
    from ..tracking.check import check_manifest
    from ..tracking.refresh import compiled

    data = _read(args.file)
    try:
        document = loads(data)
    except (ValueError, RecursionError) as exc:
        raise ManifestError(f"{args.file} is not JSON: {exc}") from exc
    if isinstance(document, dict) and "openapi" in document:
        document = compiled(data, args.file)[0]
    problems = check_manifest(document)
    for problem in problems:
        show.write(problem)
    if problems:
        word = "problem" if len(problems) == 1 else "problems"
        print(f"geopera: {args.file}: {len(problems)} {word}", file=sys.stderr)
        return 3
    counts = f"{len(document['operations'])} operations, {len(document['schemas'])} schemas"
    show.write(f"{args.file}: a valid manifest of API {document['api_version']}, {counts}")
    return 0


# Show and reset.


def show_manifest(args: argparse.Namespace) -> int:
    manifest = in_use(args.base_url)
    if args.content:
        from ..tracking.compile import dump

        sys.stdout.write(dump(manifest.to_dict()).decode("ascii"))
        return 0
    facts = _facts(args.base_url, manifest)
    if args.format == "json" or not show.to_person():
        show.write_json(facts)
    else:
        show.write("\n".join(f"{key:<12}  {value}" for key, value in facts.items() if value is not None))
    return 0


def _facts(base_url: str | None, manifest: Any) -> dict[str, Any]:
    from ..manifest import _cache as _cache_path
    from ..tracking import cache

    url = base_url or os.environ.get("GEOPERA_API_URL") or manifest.base_url
    entry = cache.read(url)
    try:
        slot = _cache_path.slot(url)
    except RuntimeError:  # a user without a home folder
        slot = None
    return {
        "source": manifest.source,
        "api_version": manifest.api_version,
        "base_url": _cache_path.public_url(url),
        "operations": len(manifest.operations),
        "schemas": len(manifest.schemas),
        "refreshed": _when(entry.facts.get("refreshed", "")) if entry else None,
        "etag": entry.facts.get("etag") if entry else None,
        "cached_file": entry.file if entry else None,
        "cache": slot,
    }


def _when(seconds: str) -> str | None:
    from datetime import UTC, datetime

    if not seconds.isdigit():
        return None
    return datetime.fromtimestamp(int(seconds[:12]), UTC).isoformat(timespec="seconds")


def reset_manifest(args: argparse.Namespace) -> int:
    from ..tracking import cache

    gone = cache.reset(args.base_url)
    for folder in gone:
        print(f"removed {folder}", file=sys.stderr)
    if not gone:
        print("there was no refreshed manifest", file=sys.stderr)
    if named_file():
        print(f"note: GEOPERA_MANIFEST={named_file()} is still set", file=sys.stderr)
    return 0
