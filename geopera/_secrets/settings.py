"""The settings of a client that hold secrets: wrapped when they are given, left out of pickles."""

from __future__ import annotations

from .checks import protected
from .secret import Secret, reveal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# Arguments of an HTTP client that may hold a secret: a proxy may have a password in its URL.
ARGUMENTS = ("auth", "cert", "cookies", "headers", "params", "proxies", "proxy")


def concealed(options: dict[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Options with secret values in a `Secret`. Raises nothing, since they are local variables until then.

    An option with an unknown name is treated as secret: it may be ``api_key=``.
    """
    known = tuple(known)
    return {
        name: Secret(value) if name in ("headers", "cookies") and value is not None
        else _arguments(value) if name == "httpx_args"
        else value if name in known
        else Secret(value)
        for name, value in options.items()
    }  # fmt: skip


def _arguments(args: Any) -> Any:
    if isinstance(args, Secret) or not isinstance(args, dict):
        return args
    return {
        name: Secret(value) if name in ARGUMENTS and value is not None else value
        for name, value in args.items()
    }


def conceal_arguments(args: Any) -> Any:
    """``httpx_args`` with its secrets wrapped."""
    return dict(_arguments(reveal(args)) or {})


def open_headers(headers: Any) -> Any:
    """Headers, given plain or as one `Secret`, as names and values; secret values are in a `Secret`."""
    wrapped: Any = Secret(reveal(headers))
    headers = None
    return protected(wrapped)


def revealed(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their values."""
    return {name: reveal(value) for name, value in settings.items()}


def left_behind(settings: dict[str, Any], what: str) -> tuple[dict[str, Any], list[str]]:
    """(settings without their secrets, what was left out), for a pickle."""
    kept = {name: value for name, value in settings.items() if not isinstance(value, Secret)}
    return kept, [what.format(name) for name in settings if name not in kept]
