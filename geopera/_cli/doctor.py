"""``doctor``: the facts for a problem report, without secrets."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from . import show
from .call import add_client, open_client

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "doctor",
        help="check the installation, the credentials and the connection",
        description="Check versions, manifest, credentials and connection. The output holds no secrets.",
    )
    command.add_argument(
        "--format", choices=("auto", "json"), default="auto", help="json: also in a terminal"
    )
    add_client(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings. Status 10 if the API cannot be reached, 4 if it refuses the credentials."""
    url = args.base_url or os.environ.get("GEOPERA_API_URL")
    found: dict[str, str] = dict(_versions())
    found["base URL"] = (
        f"{without_secrets(url)} ({'--base-url' if args.base_url else 'GEOPERA_API_URL'})"
        if url
        else "default"
    )
    found["credentials"] = _credentials(args)
    for name in (*_PROXIES, *(name.lower() for name in _PROXIES), *_CERTIFICATES):
        if os.environ.get(name):
            value = os.environ[name]
            found[name] = without_secrets(value) if "proxy" in name.lower() else value
    found["manifest"], status = _manifest(args)
    if status == 0:
        status = _ask(args, found)
    if args.format == "json" or not show.to_person():
        show.write_json(found)
    else:
        show.write("\n".join(f"{name:<14}  {value}" for name, value in found.items()))
    return status


def without_secrets(url: str) -> str:
    """A URL without its user, password, query and fragment; another text is not shown at all."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return "(not a URL)"
    if not host:
        return "(not a URL)"
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    user = "***@" if "@" in parts.netloc else ""
    query = "?***" if parts.query else ""
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}{user}{host}{f':{port}' if port else ''}{parts.path}{query}"


def _versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    from .._version import __version__

    yield "geopera", __version__
    yield "python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "platform", platform.platform()
    for name in ("httpx", "pydantic", "jsonschema", "starlette", "uvicorn"):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"
    import ssl

    yield "TLS", ssl.OPENSSL_VERSION


def _credentials(args: argparse.Namespace) -> str:
    """The source of the credentials, never their value."""
    if args.profile is not None:
        return "--profile"
    if os.environ.get("GEOPERA_API_TOKEN", "").strip():
        return "GEOPERA_API_TOKEN"
    return (
        "GEOPERA_PROFILE" if os.environ.get("GEOPERA_PROFILE") else "the profile 'default', if there is one"
    )


def _manifest(args: argparse.Namespace) -> tuple[str, int]:
    from ..errors import ManifestError
    from .errors import USAGE, UsageError
    from .explore import in_use

    try:
        manifest = in_use(args.base_url)
    except UsageError:
        return "the base URL cannot be used: it starts with http:// or https://", USAGE
    except ManifestError as problem:
        return f"unusable: {type(problem).__name__}", 3
    return f"{len(manifest.operations)} operations, API {manifest.api_version}", 0


def _ask(args: argparse.Namespace, found: dict[str, str]) -> int:
    """Request the identity of the caller; record reachability, clock and credentials."""
    from .._http import transport_errors
    from ..errors import GeoperaError

    try:
        with open_client(args, timeout=10.0) as client:
            http = client.client.get_httpx_client()
            begun = time.monotonic()
            response = http.get("/realms/public/protocol/openid-connect/userinfo")
            found["reachable"] = f"yes, in {(time.monotonic() - begun) * 1000:.0f} ms"
    except transport_errors(OSError, GeoperaError, ValueError) as problem:
        # The text of the problem may quote a URL; its class is enough.
        cause: Any = problem.__cause__ or problem.__context__ or problem
        found["reachable"] = f"no: {type(problem).__name__} ({type(cause).__name__})"
        return 10
    found["clock"] = _clock(response.headers.get("date"))
    accepted = {200: "accepted", 401: "refused", 403: "refused"}.get(response.status_code)
    found["token"] = accepted or f"unknown: status {response.status_code}"
    return 4 if accepted == "refused" else 0


def _clock(date: str | None) -> str:
    from email.utils import parsedate_to_datetime

    try:
        skew = time.time() - parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return "unknown: the response has no Date"
    return (
        "right" if abs(skew) < 5 else f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server"
    )
