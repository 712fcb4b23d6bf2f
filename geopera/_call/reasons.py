"""Why there is no response, in a sentence: the host, the proxy, the phase and the time.

It holds no secret: URLs lose user, password and query, and a header's value is never shown.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Place:
    """Where a request went, or should have gone.

    Args:
        url: The URL of the request.
        timeouts: Its timeouts by phase: connect, read, write, pool.
        proxy: The proxy that was configured, or None.
        trust_env: Whether a proxy of the environment may have been used.
        headers: Its headers, as bytes.
    """

    __slots__ = ("headers", "proxy", "timeouts", "trust_env", "url")

    def __init__(
        self,
        url: str,
        timeouts: dict[str, Any],
        proxy: str | None,
        trust_env: bool,
        headers: Mapping[bytes, bytes],
    ) -> None:
        self.url = url
        self.timeouts = timeouts
        self.proxy = proxy
        self.trust_env = trust_env
        self.headers = headers

    @property
    def host(self) -> str:
        return address(self.url)

    def through(self) -> str:
        """The proxy of the request, with the setting that names it; empty without one."""
        if self.proxy:
            return f" through the proxy {address(self.proxy)} (httpx_args['proxy'])"
        if not self.trust_env:
            return ""
        found = environment_proxy(self.url)
        return f" through the proxy {address(found[1])} ({found[0]})" if found else ""


def address(url: str) -> str:
    """Host and port of a URL."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "an address that cannot be read"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def environment_proxy(url: str) -> tuple[str, str] | None:
    """(variable, proxy) of the environment for a URL, or None."""
    import os
    from urllib.request import proxy_bypass

    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name.upper(), name):
            if os.environ.get(variable):
                return variable, os.environ[variable]
    return None


def sentence(failure: BaseException, place: Place | None, started: float) -> str:
    """The failure in one sentence. `started`: the seconds since the call began."""
    name = type(failure).__name__
    host = place.host if place is not None else "the server"
    through = place.through() if place is not None else ""
    seconds = {} if place is None else place.timeouts

    def after(phase: str) -> str:
        value = seconds.get(phase)
        return "in time" if value is None else f"within {value:.3g} s ({phase} timeout)"

    if name in ("TotalTimeout", "NotSentInTime"):
        return f"the call to {host}{through} timed out after {started:.3g} s: {_text(failure)}"
    if name in ("ClosedBeforeSending", "ClosedWhileSending"):
        return _text(failure)
    if name == "ConnectTimeout":
        return f"cannot connect to {host}{through} {after('connect')}"
    if name == "PoolTimeout":
        return f"no connection to {host} became free {after('pool')}"
    if name == "ReadTimeout":
        return f"no response from {host}{through} {after('read')}"
    if name == "WriteTimeout":
        return f"the request could not be written to {host}{through} {after('write')}"
    if name == "ProxyError":
        return f"the proxy refused to connect to {host}{through}: {_text(failure)}"
    if name == "ConnectError":
        return _no_connection(failure, host, through)
    if name == "LocalProtocolError":
        return f"the request to {host} cannot be sent: {_bad_header(place)}"
    if name in ("UnsupportedProtocol", "InvalidURL"):
        return f"the request to {host} cannot be sent: {_text(failure)}"
    return f"the connection to {host}{through} was lost: {_text(failure) or name}"


def _no_connection(failure: BaseException, host: str, through: str) -> str:
    text = _text(failure)
    for cause in chain(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {host}{through} is not trusted: {cause.verify_message} (CERTIFICATE_VERIFY_FAILED); "
                "verify_ssl= takes a file of authorities, or 'system'"
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in (
            "WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG",
        ):  # fmt: skip
            return f"{host}{through} does not speak TLS; is it http:// rather than https://? ({text})"
        if isinstance(cause, ConnectionRefusedError):
            return f"cannot connect to {host}{through}: connection refused"
    return f"cannot connect to {host}{through}: {text}"


def chain(failure: BaseException | None) -> list[BaseException]:
    """An exception, its causes and contexts, and the members of groups among them."""
    found: list[BaseException] = []
    todo = [failure]
    while todo and len(found) < 50:
        one = todo.pop()
        if one is None or any(one is seen for seen in found):
            continue
        found.append(one)
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return found


def _text(failure: BaseException) -> str:
    text = str(failure).strip()
    return text.partition("] ")[2] or text if text.startswith("[Errno") else text


def _bad_header(place: Place | None) -> str:
    """The header that HTTP cannot carry; the library's own message holds its value."""
    for name, value in (place.headers if place is not None else {}).items():
        text = value.decode("latin-1")
        if text != text.strip() or not text.replace("\t", " ").isprintable():
            return f"header {name.decode('latin-1')!r} holds a character that a header cannot carry (its value is not shown)"
    return "a header is malformed (its value is not shown)"


def unusable_settings(failure: BaseException, arguments: Mapping[str, Any]) -> str:
    """Why no HTTP client could be made: an argument or a variable of the environment is at fault."""
    import os

    text = str(failure)
    if isinstance(failure, ImportError):
        if "socks" in text.lower():
            return f"a SOCKS proxy{_of_environment('socks')} needs socksio; install it with: pip install 'httpx[socks]'"
        return text.partition(". ")[0]
    if "proxy" in text.lower() or "scheme" in text.lower():
        if "proxy" in arguments and arguments["proxy"] is not None:
            return "httpx_args['proxy'] cannot be used: its scheme is not http, https, socks5 or socks5h"
        return (
            f"the proxy{_of_environment('')} cannot be used: its scheme is not http, https, socks5 or socks5h"
        )
    for variable in (
        "NO_PROXY",
        "no_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        if os.environ.get(variable):
            if variable.lower() == "no_proxy" and "[" not in os.environ[variable]:
                continue
            return f"{variable} in the environment cannot be read as addresses"
    return f"the HTTP client cannot be made: {text}"


def _of_environment(scheme: str) -> str:
    import os

    for variable in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        value = os.environ.get(variable, "")
        if (
            value
            and value.startswith(scheme)
            and (scheme or not value.startswith(("http://", "https://", "socks5")))
        ):
            return f" of {variable}"
    return ""
