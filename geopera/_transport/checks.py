"""Checks of the settings of a client when it is made. Importing this module imports nothing else."""

from __future__ import annotations

import os

from .._http import check_name
from .._names import did_you_mean
from .._secrets import header_fault, reveal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The arguments that both `httpx.Client` and `httpx.AsyncClient` take.
_ARGUMENTS = (
    "auth", "base_url", "cert", "cookies", "default_encoding", "event_hooks", "follow_redirects", "headers",
    "http1", "http2", "limits", "max_redirects", "mounts", "params", "proxy", "timeout", "transport",
    "trust_env", "verify",
)  # fmt: skip
# A transport has its own connections, so these would have no effect beside one.
_OF_A_TRANSPORT = ("cert", "http1", "http2", "limits", "proxy", "verify")


def check_base_url(url: Any, *, token: bool = False, allow_http: bool = False) -> None:
    """Raise ValueError for a base URL that cannot be used, or that would expose a token."""
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        shown = url if isinstance(url, str) and "@" not in url else type(url).__name__
        raise ValueError(f"base_url has to start with https:// or http://, not {shown!r}")
    scheme, _, rest = url.partition("://")
    authority = rest
    for mark in "/?#\\":
        authority = authority.partition(mark)[0]
    if "@" in authority:
        raise ValueError(
            "base_url holds a user name or a password (not shown); a request would be sent with it in place of the "
            "token. Leave it out, and give credentials as token= or httpx_args={'auth': ...}"
        )
    for mark, name in (("?", "a query"), ("#", "a fragment")):
        if mark in rest:
            raise ValueError(
                f"base_url has {name}; paths of operations are appended to it, so it can have none"
            )
    host = _host(authority)
    port = authority.rpartition("]")[2].partition(":")[2]
    fits = not port or (port.isascii() and port.isdigit() and int(port[:6]) < 65536)
    closed = ("[" in authority) == ("]" in authority) == (authority.count(":") > 1)
    if not host or not fits or not closed or not rest.isprintable() or " " in rest or "\\" in rest:
        raise ValueError(f"base_url is not a URL: {url!r}")
    if any(part.lower().replace("%2e", ".") in (".", "..") for part in rest.split("/")):
        raise ValueError(f"the path of base_url leads upwards: {url!r}")
    if token and not allow_http and scheme.lower() == "http" and not is_loopback(host):
        raise ValueError(
            f"base_url is http:// to {host}: the token would be sent unencrypted. Use https://, or set allow_http=True"
        )


def _host(authority: str) -> str:
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address only."""
    parts = host.split(".")
    address = len(parts) == 4 and all(part.isdigit() for part in parts) and parts[0] == "127"
    return address or host in ("localhost", "::1")


def check_timeout(value: Any) -> None:
    """Raise TypeError or ValueError for a value other than seconds, an ``httpx.Timeout``, its tuple, or None."""
    if value is None or isinstance(value, tuple) or hasattr(value, "as_dict"):
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout must be a number of seconds or an httpx.Timeout, not {value!r}")
    if not value > 0:
        raise ValueError(f"timeout must be more than 0 seconds, not {value!r}")


def check_limits(total_timeout: Any, max_response_size: Any) -> None:
    """Raise TypeError or ValueError for an invalid total timeout or size."""
    if total_timeout is not None:
        if isinstance(total_timeout, bool) or not isinstance(total_timeout, int | float):
            raise TypeError(f"total_timeout must be a number of seconds or None, not {total_timeout!r}")
        if not total_timeout > 0:
            raise ValueError(f"total_timeout must be more than 0 seconds, not {total_timeout!r}")
    if isinstance(max_response_size, bool) or not isinstance(max_response_size, int):
        raise TypeError(f"max_response_size must be a whole number of bytes, not {max_response_size!r}")
    if max_response_size < 1:
        raise ValueError(f"max_response_size must be at least 1 byte, not {max_response_size}")


def check_policy(retry: Any, rate_limit: Any = None) -> None:
    """Raise TypeError or ValueError for an invalid policy or limiter."""
    if retry is not None and not hasattr(retry, "retry_after_max"):
        raise TypeError(
            f"retry must be a RetryPolicy, not {retry!r}; for a number of retries use max_retries="
        )
    if isinstance(rate_limit, str):
        if rate_limit != "auto":
            raise ValueError(f"rate_limit is 'auto' or None, not {rate_limit!r}")
    elif rate_limit is not None and not hasattr(rate_limit, "reserve"):
        raise TypeError(f"rate_limit is 'auto', a RateLimiter or None, not {rate_limit!r}")


def check_transport(settings: Mapping[str, Any], *, token_header: str | None) -> None:
    """Check HTTP settings: known, of the right type, not contradicting each other, their files and libraries present.

    Args:
        settings: The settings by name: httpx_args, headers, cookies, timeout, verify, follow_redirects, http2,
            http_library, on_request, on_response. A secret value is a `Secret`.
        token_header: The header that carries the token, or None without one.

    Raises:
        TypeError: For a value of the wrong kind, and for two settings that contradict each other, with both names.
        ValueError: For a value that cannot be used.
        FileNotFoundError: For a certificate file that does not exist.
        ImportError: For a library that is not installed, with the extra to install.
    """
    check_name(settings["http_library"])
    for name in ("on_request", "on_response"):
        if settings[name] is not None and not callable(settings[name]):
            raise TypeError(f"{name} must be a function, not {settings[name]!r}")
    check_verify(settings["verify"])
    _refuse(_cookie_fault(settings["cookies"], "cookies"))
    if token_header is not None:
        _refuse(_token_conflict(settings["headers"], "headers", token_header), TypeError)
    args = settings["httpx_args"]
    if args:
        _check_args(args, settings, token_header)
    if settings["http2"] or args.get("http2"):
        _needs("h2", "http2", "http2=True")


def check_verify(value: Any) -> None:
    """Check a value that names the certificates to trust."""
    if isinstance(value, bool) or hasattr(value, "wrap_socket"):
        return
    if value == "system":
        _needs("truststore", "truststore", "verify_ssl='system'")
        return
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"verify_ssl must be True, False, 'system', a path or an ssl.SSLContext, not {value!r}"
        )
    if not os.path.exists(value):
        raise FileNotFoundError(f"verify_ssl: no file {os.fspath(value)!r}")


def _needs(module: str, extra: str, setting: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ImportError(
            f"{setting} needs {module}; install it with: pip install 'geopera[{extra}]>=3'", name=module
        )


def _check_args(args: Mapping[str, Any], settings: Mapping[str, Any], token_header: str | None) -> None:
    for name in args:
        if name not in _ARGUMENTS:
            raise TypeError(f"httpx_args has no {name!r}{did_you_mean(name, _ARGUMENTS)}")
    contradictions = {
        "base_url": ("base_url", True),
        "timeout": ("timeout", settings["timeout"] is not None),
        "verify": ("verify_ssl", settings["verify"] is not True),
        "follow_redirects": ("follow_redirects", settings["follow_redirects"] is True),
        "http2": ("http2", settings["http2"] is True),
        "auth": ("token", token_header is not None),
    }
    for name, (setting, given) in contradictions.items():
        if given and args.get(name) is not None and args[name] is not settings.get(setting):
            raise TypeError(f"httpx_args[{name!r}] and {setting} contradict each other; give one of them")
    context = args.get("verify") if hasattr(args.get("verify"), "wrap_socket") else settings["verify"]
    if args.get("cert") is not None and hasattr(context, "wrap_socket"):
        raise TypeError(
            "httpx_args['cert'] and verify_ssl as an SSLContext contradict each other; load the certificate into the "
            "context with load_cert_chain()"
        )
    if "verify" in args:
        check_verify(args["verify"])
    if args.get("transport") is not None:
        for name in _OF_A_TRANSPORT:
            if args.get(name) is not None:
                raise TypeError(
                    f"httpx_args['transport'] and httpx_args[{name!r}] contradict each other; the transport decides"
                )
        if settings["verify"] is not True:
            raise TypeError(
                "httpx_args['transport'] and verify_ssl contradict each other; the transport decides"
            )
    theirs = args.get("headers")
    _refuse(_header_faults(theirs, "httpx_args['headers']"))
    _refuse(_header_conflict(settings["headers"], theirs), TypeError)
    if token_header is not None:
        _refuse(_token_conflict(theirs, "httpx_args['headers']", token_header), TypeError)
    _refuse(_cookie_fault(args.get("cookies"), "httpx_args['cookies']"))


def _refuse(fault: str | None, kind: type[Exception] = ValueError) -> None:
    if fault is not None:
        raise kind(fault)


# Secret values are local variables of these alone, and they raise nothing: a traceback shows local variables.


def _pairs(values: Any) -> list[tuple[Any, Any]]:
    values = reveal(values)
    if values is None:
        return []
    return list(values.items()) if hasattr(values, "items") else list(values)


def _header_faults(headers: Any, where: str) -> str | None:
    for name, value in _pairs(headers):
        fault = header_fault(name, value)
        if fault is not None:
            return f"{where}: {fault}"
    return None


def _cookie_fault(cookies: Any, where: str) -> str | None:
    if hasattr(reveal(cookies), "extract_cookies"):
        return None
    for name, value in _pairs(cookies):
        text = reveal(value)
        if header_fault("Cookie", text) is not None or ";" in text:
            return f"{where}: {name!r} holds a character that a cookie cannot carry (its value is not shown)"
    return None


def _header_conflict(headers: Any, given: Any) -> str | None:
    own = {str(name).lower(): reveal(value) for name, value in _pairs(headers)}
    for name, value in _pairs(given):
        if own.get(str(name).lower(), value) != value:
            return f"headers and httpx_args['headers'] both set {name!r}, to different values"
    return None


def _token_conflict(headers: Any, where: str, token_header: str) -> str | None:
    for name, _ in _pairs(headers):
        if str(name).lower() == token_header.lower():
            return f"token= and {where}[{name!r}] both set the header {token_header}; give one of them"
    return None
