"""`Context`: the settings of a client that its calls need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._secrets import Redactor, protected, secrets_of
from .endpoint import MAX_RESPONSE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._auth.credentials import Credential
    from .._secrets import Secret
    from .limits import RateLimiter
    from .retry import RetryPolicy


_PLAIN = ("timeout", "total_timeout", "max_response_size")


class Context:
    """The settings of a client for its calls: timeouts, retries, limits, checks and secrets."""

    __slots__ = (
        "_redactor",
        "credential",
        "extra_fields",
        "headers",
        "limiter",
        "max_response_size",
        "middleware",
        "note",
        "on_limit",
        "on_retry",
        "policy",
        "raise_on_unexpected_status",
        "secrets",
        "strict_responses",
        "timeout",
        "total_timeout",
    )

    def __init__(
        self,
        *,
        policy: RetryPolicy,
        limiter: RateLimiter | None = None,
        secrets: tuple[Secret, ...] = (),
        credential: Credential | None = None,
        note: str = "",
        strict_responses: bool = False,
        raise_on_unexpected_status: bool = False,
        timeout: Any = None,
        extra_fields: str = "forbid",
        total_timeout: float | None = None,
        max_response_size: int = MAX_RESPONSE,
        headers: tuple[tuple[str, Any], ...] = (),
        middleware: tuple[Any, ...] = (),
        on_retry: Callable[[Any], Any] | None = None,
        on_limit: Callable[[float], None] | None = None,
    ) -> None:
        self._redactor: tuple[Any, Redactor] | None = None
        self.middleware = middleware
        self.on_retry = on_retry
        self.on_limit = on_limit
        self.headers = headers
        self.policy = policy
        self.limiter = limiter
        self.secrets = secrets
        self.credential = credential
        self.note = note  # why there are no credentials
        self.strict_responses = strict_responses
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self.timeout = timeout
        self.extra_fields = extra_fields
        self.total_timeout = total_timeout
        self.max_response_size = max_response_size

    def watched(self, on_retry: Callable[[Any], Any], on_limit: Callable[[float], None]) -> Context:
        """This context with other hooks."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "_redactor"}
        return Context(**{**values, "on_retry": on_retry, "on_limit": on_limit})

    def replace(self, overrides: Mapping[str, Any]) -> Context:
        """This context with the options of one ``with_options``. Raises ValueError or TypeError for an invalid one."""
        new = {name: getattr(self, name) for name in self.__slots__ if name != "_redactor"}
        policy = overrides.get("retry") or self.policy
        if overrides.get("max_retries") is not None:
            policy = policy.replace(max_retries=overrides["max_retries"])
        new["policy"] = policy
        new["headers"] = (*self.headers, *protected(overrides.get("headers")).items())
        if overrides.get("extra_fields", "forbid") not in ("allow", "forbid"):
            raise ValueError(f"extra_fields is 'allow' or 'forbid', not {overrides['extra_fields']!r}")
        for name in (*_PLAIN, "extra_fields", "strict_responses", "limiter"):
            new[name] = overrides.get(name, new[name])
        return Context(**new)

    @property
    def authenticated(self) -> bool:
        """Whether requests carry a credential, in whichever header."""
        return self.credential is not None or bool(self.secrets or secrets_of(self.headers))

    def redactor(self, headers: tuple[tuple[str, Any], ...] = ()) -> Redactor:
        """The `Redactor` for every secret of a call; `headers`: those that only the call sends."""
        known: Any = () if self.credential is None else self.credential.known
        made = self._redactor
        if made is None or made[0] is not known:  # the list of known tokens is replaced when one is added
            made = self._redactor = (known, Redactor((*known, *self.secrets, *secrets_of(self.headers))))
        return made[1].also(secrets_of(headers))
