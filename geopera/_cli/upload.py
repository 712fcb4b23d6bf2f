"""``upload``: a file to a project."""

from __future__ import annotations

import argparse

from . import show
from .call import add_client, open_client


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "upload",
        help="upload a file to a project",
        description="Upload a file: uploads.initiate, a PUT to the signed URL, uploads.complete.",
    )
    command.add_argument("file", help="the file")
    command.add_argument("--project", required=True, metavar="ID", help="the project's id")
    command.add_argument("--content-type", metavar="TYPE", help="by default by the name of the file")
    add_client(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Upload the file and print its item."""
    with open_client(args) as client:
        upload = client.uploads.initiate.upload
        item = upload(args.file, project_id=args.project, content_type=args.content_type)
    show.write_result(item, "auto")
    return 0
