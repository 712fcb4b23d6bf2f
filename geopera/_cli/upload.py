"""``upload``: a file to a project."""

from __future__ import annotations

import argparse
import mimetypes
import os

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
    """Upload the file and write what the API says of it."""
    import httpx

    from ..errors import APIConnectionError, for_status

    size = os.path.getsize(args.file)
    kind = args.content_type or mimetypes.guess_type(args.file)[0] or "application/octet-stream"
    name = os.path.basename(args.file)
    with open_client(args) as client, open(args.file, "rb") as file:
        made = client.uploads.initiate(project_id=args.project, transfer_method="cli", total_bytes=size)
        signed = client.uploads.signed_url(upload_id=made.id, file_name=name, content_type=kind)
        # The store is not the API: no token goes there.
        with httpx.Client(timeout=None) as store:
            try:
                headers = {"Content-Type": kind, "Content-Length": str(size)}
                response = store.put(signed.upload_url, content=file, headers=headers)
            except httpx.HTTPError as problem:
                raise APIConnectionError(
                    f"the upload of {name} was cut: {type(problem).__name__}"
                ) from problem
        if not response.is_success:
            raise for_status(response.status_code)(f"the store refused {name}: {response.status_code}")
        show.write_result(client.uploads.complete({"upload_id": made.id}), "auto")
    return 0
