"""`Holder`: the credential of a client. It is sent, changed, redacted, and left out of pickles."""

from __future__ import annotations

from .._secrets import Secret, reveal, secrets_of
from .._secrets.settings import left_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .credentials import Credential


class Holder:
    """The part of a client that holds secrets. Its attributes are those of `Client`."""

    _base_url: str
    _headers: dict[str, Any]
    _cookies: Any
    _httpx_args: dict[str, Any]
    _credential: Credential | None = None
    _lookup: str | None = None  # set by unpickling: the profile to look for, or "" for any source
    _missing: tuple[str, ...] = ()  # what a pickle left behind
    _note = ""  # why no credentials were found
    prefix: str
    auth_header_name: str

    def _credentials(self) -> Credential | None:
        """The credential, or None. After unpickling it is looked up in this process, at first use."""
        if self._lookup is not None:
            from ..errors import CredentialsError
            from .sources import find, hint

            found = find(self._base_url, self._base_url, self._lookup or None)
            if found.credential is None:
                raise CredentialsError(
                    f"the client came out of a pickle, which holds no token; {hint(found.note)}"
                )
            self._adopt(found.credential)
        if self._missing:
            raise ValueError(
                f"the client came out of a pickle, which holds no secrets: it misses {', '.join(self._missing)}; "
                "make a new client, or set headers and cookies with with_headers() and with_cookies()"
            )
        return self._credential

    def _adopt(self, credential: Credential) -> None:
        """Send this credential from the next request on."""
        before = self._credential
        if before is not None:
            credential.known = [*before.known, *(one for one in credential.known if one not in before.known)]
            before.followers.discard(self)
        values = self.__dict__
        values["_credential"], values["_lookup"] = credential, None
        if credential.api_key:
            values["prefix"], values["auth_header_name"] = "", "X-API-Key"
        else:
            values.setdefault("prefix", "Bearer")
            values.setdefault("auth_header_name", "Authorization")
        if getattr(credential, "post", self) is None:
            credential.post = self._post_form  # type: ignore[attr-defined]
        credential.followers.add(self)
        self._rearm()

    @property
    def token(self) -> Secret | None:
        """The token, as a `Secret`: ``get_secret_value()`` is the text. None until a token function was called.

        A new value applies from the next call on, also to open connections.

        Raises:
            AttributeError: If the client has no credentials.
        """
        credential = self._credentials()
        if credential is None:
            raise AttributeError(
                f"a {type(self).__name__} without credentials has no token", name="token", obj=self
            )
        return credential.current

    @token.setter
    def token(self, value: Any) -> None:
        value = Secret(value)
        from .credentials import credential_of

        self._adopt(credential_of(value))

    def _auth_header(self) -> dict[str, Secret]:
        """The header of the credential, its value in a `Secret`; empty without one."""
        credential = self._credentials()
        if credential is None or credential.current is None:
            return {}
        return {self.auth_header_name: _headed(self.prefix, credential.current)}

    # The secrets are set on HTTP clients that were made: as arguments they would be local variables.

    def _arm(self, http: Any) -> None:
        """Give an HTTP client for the API the headers and cookies that are secret."""
        for name, value in {**self._headers, **self._auth_header()}.items():
            if isinstance(value, Secret):
                http.headers[name] = value.get_secret_value()
        cookies = reveal(self._cookies)
        if isinstance(cookies, dict):
            for name, value in cookies.items():
                http.cookies.set(name, reveal(value))

    def _rearm(self) -> None:
        """The credential has changed: connections that are open carry it from now on."""
        for http in self._live():
            for name, value in self._auth_header().items():
                http.headers[name] = value.get_secret_value()

    def _live(self) -> list[Any]:
        raise NotImplementedError

    def _post_form(self, url: str, form: dict[str, Any]) -> tuple[int, bytes]:
        raise NotImplementedError

    def _secrets(self) -> list[Secret]:
        """The secrets beside the credential: in headers, cookies and HTTP settings."""
        from .._secrets.redaction import user_info

        found = secrets_of(self._headers)
        args = self._httpx_args
        for place in (self._cookies, args.get("cookies"), args.get("headers"), args.get("params")):
            values = reveal(place)
            if isinstance(values, dict):
                found += [Secret(reveal(one)) for one in values.values() if isinstance(reveal(one), str)]
        for place in (args.get("proxy"), args.get("proxies")):
            found += user_info(place) if place is not None else []
        auth = reveal(args.get("auth"))
        if isinstance(auth, tuple):
            found += [Secret(one) for one in auth if isinstance(one, str)]
        return found

    def _state(self, without: tuple[str, ...]) -> dict[str, Any]:
        """The content of a pickle: all settings but the secrets, and the names of those."""
        state = {
            name: value for name, value in self.__dict__.items() if name not in (*without, "_credential")
        }
        headers, missing = left_behind(self._headers, "header {!r}")
        args, more = left_behind(self._httpx_args, "httpx_args[{!r}]")
        missing += more
        if reveal(self._cookies):
            missing.append("cookies")
        state.update(_headers=headers, _httpx_args=args, _cookies={}, _missing=(*self._missing, *missing))
        credential = self._credential
        if credential is not None:
            state["_lookup"] = credential.profile or ""
            if credential.api_key:
                del state["prefix"], state["auth_header_name"]
        return state


def _headed(prefix: str, token: Secret) -> Secret:
    return Secret(f"{prefix} {token.get_secret_value()}" if prefix else token.get_secret_value())
