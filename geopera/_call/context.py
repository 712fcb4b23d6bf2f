"""`Context`: what a client says about its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .endpoint import MAX_RESPONSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .limits import RateLimiter
    from .retry import RetryPolicy


_PLAIN = ("timeout", "total_timeout", "max_response_size")


class Context:
    """What a client says about a call: how patient it is, what it checks, what it keeps secret."""

    __slots__ = (
        "extra_fields",
        "headers",
        "limiter",
        "max_response_size",
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
        secrets: tuple[str, ...] = (),
        strict_responses: bool = False,
        raise_on_unexpected_status: bool = False,
        timeout: Any = None,
        extra_fields: str = "forbid",
        headers: tuple[tuple[str, str], ...] = (),
        total_timeout: float | None = None,
        max_response_size: int = MAX_RESPONSE,
    ) -> None:
        self.headers = headers
        self.policy = policy
        self.limiter = limiter
        self.secrets = secrets
        self.strict_responses = strict_responses
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self.timeout = timeout
        self.extra_fields = extra_fields
        self.total_timeout = total_timeout
        self.max_response_size = max_response_size

    def replace(self, overrides: Mapping[str, Any]) -> Context:
        """This context with the options of one ``with_options``. Raises ValueError or TypeError for a bad one."""
        new = {name: getattr(self, name) for name in self.__slots__}
        policy = overrides.get("retry") or self.policy
        if overrides.get("max_retries") is not None:
            policy = policy.replace(max_retries=overrides["max_retries"])
        new["policy"] = policy
        new["headers"] = (*self.headers, *(overrides.get("headers") or {}).items())
        if overrides.get("extra_fields", "forbid") not in ("allow", "forbid"):
            raise ValueError(f"extra_fields is 'allow' or 'forbid', not {overrides['extra_fields']!r}")
        for name in (*_PLAIN, "extra_fields", "strict_responses", "limiter"):
            new[name] = overrides.get(name, new[name])
        return Context(**new)
