"""The TLS contexts of clients: which certificates are trusted."""

from __future__ import annotations

import os
import ssl
from typing import Any

# Reading all authorities takes longer than a call, so clients that trust the same ones share a context.
_contexts: dict[Any, ssl.SSLContext] = {}


def context_of(library: Any, verify: Any, cert: Any, *, trust_env: bool) -> ssl.SSLContext:
    """The context for ``verify_ssl`` (or ``httpx_args["verify"]``) and a client certificate.

    Raises ValueError, with the name of the file, for a file that holds no certificates or cannot be read.
    """
    if isinstance(verify, ssl.SSLContext) or hasattr(verify, "wrap_socket"):
        found: ssl.SSLContext = verify
        return found
    if verify is True and not cert:
        key = (library.__name__, trust_env, *map(_state, ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")))
        shared = _contexts.get(key)
        if shared is None:
            if len(_contexts) > 8:
                _contexts.clear()
            shared = _contexts[key] = _made(library, verify, trust_env)
        return shared
    context = _made(library, verify, trust_env)
    if cert:
        files = (cert,) if isinstance(cert, str | os.PathLike) else tuple(cert)
        try:
            context.load_cert_chain(*files)
        except (OSError, ssl.SSLError) as exc:
            raise ValueError(f"httpx_args['cert']: {os.fspath(files[0])!r} cannot be used: {exc}") from None
    return context


def _state(variable: str) -> Any:
    """The file that a variable names and its state: a file of authorities that was replaced is read again."""
    path = os.environ.get(variable)
    if not path or variable == "SSLKEYLOGFILE":
        return path
    try:
        return path, os.stat(path).st_mtime_ns
    except OSError:
        return path, None


def _made(library: Any, verify: Any, trust_env: bool) -> ssl.SSLContext:
    if verify == "system":
        import truststore

        system: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return system
    if isinstance(verify, str | os.PathLike):
        path = os.fspath(verify)
        try:
            if os.path.isdir(path):
                return ssl.create_default_context(capath=path)
            return ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError) as exc:
            raise ValueError(f"verify_ssl: {path!r} cannot be read as certificates: {exc}") from None
    if verify is True and trust_env:
        for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            named = os.environ.get(variable)
            if named and not os.path.exists(named):
                raise ValueError(f"{variable} names {named!r}, which does not exist")
    made: ssl.SSLContext = library.create_ssl_context(verify=verify, trust_env=trust_env)
    return made
