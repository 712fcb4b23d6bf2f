"""`Given`: the arguments of a fluent client, and the client that is made from them, at once or at first use."""

from __future__ import annotations

import os

from ._forks import first_time
from ._secrets import Secret
from .client import DEFAULT_BASE_URL, AuthenticatedClient, Client, shown
from .manifest import default

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Given:
    """The base URL, the profile and the options of a fluent client, and the client once it is made.

    If no argument names the credentials, the environment and the profiles are read when the client is first used.
    """

    __slots__ = ("base_url", "made", "options", "profile")

    def __init__(self, base_url: str | None, profile: str | None, options: dict[str, Any]) -> None:
        self.made: Client | None = None
        self.base_url = base_url or None
        self.profile = profile
        self.options = options

    def __repr__(self) -> str:
        named = (("base_url", self.base_url), ("profile", self.profile))
        return ", ".join(f"{name}={shown(value)!r}" for name, value in named if value)

    def start(self, token: Secret, *, asynchronous: bool) -> None:
        """Check the arguments, and make the client if they are sufficient."""
        if self.profile is not None and (not isinstance(self.profile, str) or not self.profile):
            raise TypeError(f"profile must be the name of a profile, not {self.profile!r}")
        if token != Secret(None):
            from ._auth.credentials import credential_of

            credential = credential_of(token, asynchronous=asynchronous)
            url = self.base_url or os.environ.get("GEOPERA_API_URL") or DEFAULT_BASE_URL
            self.made = AuthenticatedClient(url, Secret(credential), **self.options)
        elif self.profile is not None:
            self.find()
        elif self.base_url or self.options:
            self._anonymous(self.base_url or DEFAULT_BASE_URL)
        elif self.options.get("manifest") is None:
            default()  # read at import; an unusable one raises here, where callers can catch it

    def find(self) -> Client:
        """The client, made at the first call of this."""
        from ._auth.sources import find

        with first_time():
            if self.made is None:
                found = find(DEFAULT_BASE_URL, self.base_url, self.profile)
                if found.credential is None:
                    client = self._anonymous(found.base_url)
                    client._note = found.note
                else:
                    client = AuthenticatedClient(found.base_url, Secret(found.credential), **self.options)
                self.made = client
            return self.made

    def _anonymous(self, url: str) -> Client:
        # The options of a token are valid without one: it may come from the environment.
        options = {n: v for n, v in self.options.items() if n not in ("prefix", "auth_header_name")}
        return Client(url, **options)
