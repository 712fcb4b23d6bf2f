"""Where a client's base URL and credentials come from, in their documented order."""

from __future__ import annotations

import os

from .._secrets import Secret
from ..errors import CredentialsError
from . import store
from .credentials import Credential, credential_of

TYPE_CHECKING = False

TOKEN, URL, PROFILE = "GEOPERA_API_TOKEN", "GEOPERA_API_URL", "GEOPERA_PROFILE"


class Found:
    """The base URL, the credential or None, and a note why there is none."""

    __slots__ = ("base_url", "credential", "note")

    def __init__(self, base_url: str, credential: Credential | None, note: str = "") -> None:
        self.base_url = base_url
        self.credential = credential
        self.note = note


def find(default_url: str, base_url: str | None = None, profile: str | None = None) -> Found:
    """The credentials for a client without ``token=``.

    The order: `profile`, ``GEOPERA_API_TOKEN``, ``GEOPERA_PROFILE``, the profile ``default`` of the store, none. The
    base URL: `base_url`, ``GEOPERA_API_URL``, that of a profile whose credentials are used, `default_url`.

    Raises:
        CredentialsError: If a requested profile is missing, signed out, or of another server.
        ValueError: If the token of the environment cannot be sent in a header.
    """
    variable = os.environ.get(URL) or None
    if profile is None and os.environ.get(TOKEN):
        token = credential_of(Secret(os.environ.get(TOKEN)), TOKEN)
        return Found(base_url or variable or default_url, token)
    named = profile or os.environ.get(PROFILE) or None
    profiles, fault = store.read()
    found = profiles.get(named or "default")
    token_there = found is not None and found.token is not None
    if named is not None and not token_there:
        raise CredentialsError(_missing(named, "profile=" if profile else PROFILE, profiles, fault))
    if found is None or found.token is None:
        return Found(base_url or variable or default_url, None, fault or "")
    home = found.url or default_url
    given = base_url or variable
    if given is not None and origin(given) != origin(home) and not (profile and base_url):
        where = "base_url=" if base_url else URL
        text = f"the credentials of profile {found.name!r} are for {public(home)}, and {where} is {public(given)}"
        if base_url and named is None:
            return Found(base_url, None, f"{text}, so they were not sent")
        raise CredentialsError(
            f"{text}; they are sent to no other server. Sign in there with geopera login, or unset {where if not base_url else PROFILE}"
        )
    return Found(given or home, _of_profile(found, profile))


def _of_profile(found: store.Profile, named: str | None) -> Credential:
    source = f"profile {found.name!r}"
    if found.is_api_key:
        assert found.token is not None
        credential = Credential(
            credential_of(found.token, f"the API key of {source}").current, source, api_key=True
        )
    else:
        from .signin import SignIn

        credential = SignIn(found, source)
    credential.profile = named
    return credential


def _missing(name: str, where: str, profiles: dict[str, store.Profile], fault: str | None) -> str:
    login = f"geopera login --profile {name}"
    if fault is not None:
        return f"{where} names profile {name!r}, but {fault}"
    if name in profiles:
        return f"{where} names profile {name!r}, which is signed out; run '{login}'"
    there = ", ".join(map(repr, sorted(profiles))) or "no profile at all"
    return f"{where} names profile {name!r}, which does not exist; there is {there}. Run '{login}' to make it"


def origin(url: str) -> tuple[str, str, str]:
    """Scheme, host and port of a URL."""
    scheme, _, rest = url.partition("://")
    authority = rest
    for mark in "/?#\\":
        authority = authority.partition(mark)[0]
    authority = authority.rpartition("@")[2].lower()
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    scheme = scheme.lower()
    return scheme, host.rstrip("."), port or {"http": "80", "https": "443"}.get(scheme, "")


def public(url: str) -> str:
    """A URL without user name and password."""
    scheme, found, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{found}{host.rpartition('@')[2]}{slash}{path}"


def hint(note: str) -> str:
    """What to do about a 401 if no credentials were sent."""
    why = f"; {note}" if note else ""
    return f"no credentials were sent{why}: run 'geopera login', set {TOKEN}, or pass token="
