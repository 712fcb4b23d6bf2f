"""The store of the official command line: ``~/.config/geopera/credentials.json``.

An unreadable file counts as empty when it is read, and is never written to.
"""

from __future__ import annotations

import os

from .._secrets import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SECRETS = ("access_token", "refresh_token", "api_key")


def path() -> str:
    """The path of the store, the same on every operating system; no variable moves it."""
    return os.path.join(os.path.expanduser("~"), ".config", "geopera", "credentials.json")


class Profile:
    """One entry of the store."""

    __slots__ = ("auth", "name", "url")

    def __init__(self, name: str, entry: Any) -> None:
        entry = entry if isinstance(entry, dict) else {}
        url, auth = entry.get("api_url"), entry.get("auth")
        self.name = name
        self.url = url.rstrip("/") if isinstance(url, str) and url else None
        self.auth: dict[str, Any] = dict(auth) if isinstance(auth, dict) else {}
        for field in _SECRETS:
            value = self.auth.get(field)
            self.auth[field] = Secret(value) if isinstance(value, str) and value else None

    def __repr__(self) -> str:
        return f"<profile {self.name!r} of {self.url}>"

    @property
    def is_api_key(self) -> bool:
        """Whether it holds an API key rather than a sign-in."""
        return self.auth.get("type") == "api_key"

    @property
    def token(self) -> Secret | None:
        """The API key or the access token, or None."""
        found: Secret | None = self.auth["api_key" if self.is_api_key else "access_token"]
        return found

    @property
    def refresh_token(self) -> Secret | None:
        """The refresh token of a sign-in, or None."""
        found: Secret | None = None if self.is_api_key else self.auth["refresh_token"]
        return found

    @property
    def expires_at(self) -> float | None:
        """When the access token ends, in seconds since the epoch, or None."""
        value = self.auth.get("expires_at")
        return None if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)

    @property
    def issuer(self) -> str | None:
        """The API URL that issued the tokens: where they are refreshed."""
        value = self.auth.get("issuer")
        return value.rstrip("/") if isinstance(value, str) and value else self.url


def read() -> tuple[dict[str, Profile], str | None]:
    """(the profiles, the fault of the file or None). A missing file is an empty store."""
    data, fault = _data()
    return {name: Profile(name, entry) for name, entry in data.items()}, fault


def _data() -> tuple[dict[str, Any], str | None]:
    try:
        with open(path(), "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return {}, None
    except OSError as exc:
        return {}, f"{path()} cannot be read: {exc.strerror or type(exc).__name__}"
    from json import loads

    try:
        data = loads(raw)
    except (ValueError, RecursionError):
        return {}, f"{path()} is not JSON"
    return (data, None) if isinstance(data, dict) else ({}, f"{path()} is not a JSON object")


def update(name: str, changes: dict[str, Any]) -> str | None:
    """Change fields of a profile's ``auth``, and keep everything else in the store as it is.

    The file is replaced as a whole, mode 0600 from its creation. Returns the fault, or None.
    """
    data, fault = _data()
    if fault is not None:
        return fault
    entry = data.get(name)
    if not isinstance(entry, dict) or not isinstance(entry.get("auth"), dict):
        return f"{path()} has no sign-in of profile {name!r} any more"
    entry["auth"].update(
        {
            field: value.get_secret_value() if isinstance(value, Secret) else value
            for field, value in changes.items()
        }
    )
    try:
        _write(data)
    except OSError as exc:
        return f"{path()} cannot be written: {exc.strerror or type(exc).__name__}"
    return None


def _write(data: dict[str, Any]) -> None:
    from contextlib import suppress
    from json import dumps

    file, folder = path(), os.path.dirname(path())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with suppress(OSError):
        os.chmod(folder, 0o700)
    raw = (dumps(data, indent=2, sort_keys=True) + "\n").encode()
    # Another name than that of the command line, which writes to credentials.json.tmp.
    made = f"{file}.{os.getpid()}-{os.urandom(6).hex()}.new"
    number = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(number, 0o600)
            with open(number, "wb", closefd=False) as stream:
                stream.write(raw)
            os.fsync(number)
        finally:
            os.close(number)
        os.replace(made, os.path.realpath(file))
    except BaseException:
        with suppress(OSError):
            os.unlink(made)
        raise
