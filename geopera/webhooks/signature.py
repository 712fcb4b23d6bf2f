"""Secrets and signatures: HMAC-SHA256 (RFC 2104) of the raw body.

The secret is a local variable only of functions that raise nothing: error trackers send local variables.
"""

from __future__ import annotations

from .._secrets import Secret, reveal
from ..errors import WebhookError, WebhookSignatureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIGNATURE = "x-geopera-signature"
SHORTEST = 16  # bytes of a secret; HMAC pads a short key with zeros


class Keys:
    """The secrets of a subscription, checked."""

    __slots__ = ("_held",)

    def __init__(self, held: list[Secret]) -> None:
        self._held = held

    def __repr__(self) -> str:
        return f"<{len(self._held)} secrets: ***>" if len(self._held) != 1 else "<secret: ***>"

    def fit(self, raw: bytes, given: str) -> bool:
        """Whether one of the secrets makes this signature. All are tried, so that the time reveals nothing."""
        import hmac

        matches = [hmac.compare_digest(given, _signature(raw, secret)) for secret in self._held]
        return any(matches)


def held(secret: Any) -> Keys | tuple[type[Exception], str]:
    """The secrets, or the error to raise; a `Keys` is returned as it is."""
    if isinstance(secret, Keys):
        return secret
    several = isinstance(secret, (list, tuple, set, frozenset))
    found = []
    for one in secret if several else (secret,):
        key = _key(one)
        if isinstance(key, tuple):
            return key
        found.append(key)
    if not found:
        return ValueError, "there is no secret to check the signature with: the list is empty"
    return Keys(found)


def keys_of(secret: Keys | tuple[type[Exception], str]) -> Keys:
    """The result of `held`; its error is raised here, outside the function that has the secret."""
    if isinstance(secret, tuple):
        error, message = secret
        raise error(message)
    return secret


def _key(secret: Any) -> Secret | tuple[type[Exception], str]:
    secret = reveal(secret)
    if isinstance(secret, str):
        try:
            value = secret.removesuffix("\n").removesuffix("\r").encode()
        except UnicodeEncodeError:
            return ValueError, "the secret holds half of a surrogate pair, which is not text"
    elif isinstance(secret, (bytes, bytearray, memoryview)):
        value = bytes(secret)
    else:
        return TypeError, (
            f"a secret must be text or bytes, or a list of those during a rotation, not {type(secret).__name__}"
        )
    if len(value) < SHORTEST:
        return ValueError, f"the secret has {len(value)} bytes; one of fewer than {SHORTEST} can be guessed"
    return Secret(value)


def _signature(raw: bytes, secret: Secret) -> str:
    import hmac

    return "sha256=" + hmac.digest(secret.get_secret_value(), raw, "sha256").hex()


def sign(body: bytes | str, secret: str | bytes | Secret) -> str:
    """Sign a body as the API does, to test a receiver.

    Args:
        body: The raw body; text is encoded as UTF-8.
        secret: One secret, of at least 16 bytes.

    Returns:
        The value of the header ``X-Geopera-Signature``.

    Raises:
        TypeError: If the secret is neither text nor bytes.
        ValueError: If the secret is shorter than 16 bytes.
    """
    key = _key(secret)
    secret = ""
    if isinstance(key, tuple):
        error, message = key
        raise error(message)
    return _signature(raw_body(body), key)


def check(raw: bytes, signature: str | None, keys: Keys) -> None:
    """Raises `WebhookSignatureError` if none of the secrets makes this signature of the body."""
    if signature is None:
        raise WebhookSignatureError(f"the delivery has no {SIGNATURE} header; do not act on it")
    given = signature.strip().lower()
    if not given.isascii() or not given.startswith("sha256="):
        raise WebhookSignatureError(
            "the delivery's signature is not of the form sha256=<hex>; do not act on it"
        )
    if not keys.fit(raw, given):
        raise WebhookSignatureError(
            "the delivery's signature does not match its body and the secret; do not act on it"
        )


def raw_body(body: Any) -> bytes:
    """The bytes that are signed."""
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError as exc:
            raise WebhookError(f"the delivery's body is not UTF-8: {exc}") from None
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise TypeError(
        f"the body must be the raw bytes, not a {type(body).__name__}: parsed JSON has another signature"
    )
