"""Redaction: secrets are taken out of text, bytes, headers and parsed JSON."""

from __future__ import annotations

from .secret import Secret, reveal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar

    E = TypeVar("E", bound=BaseException)

# A shorter value occurs in ordinary words.
SHORTEST = 6
# The beginning of a secret is redacted if it has this length, or is half of it.
_PART = 12
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


class Redactor:
    """Redacts the values of some secrets in texts of a server or a transport.

    A value is found as it is, percent-encoded, escaped as in JSON or HTML, and inside base64 at any position; its
    first half is found too, since texts are cut. Redact first, then shorten.
    """

    __slots__ = ("_needles", "_secrets")

    def __init__(self, secrets: Iterable[Any]) -> None:
        self._secrets = tuple(Secret(one) for one in secrets)
        self._needles: Secret | None = None

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def also(self, secrets: Iterable[Any]) -> Redactor:
        """A redactor that knows these secrets too."""
        more = tuple(secrets)
        return Redactor((*self._secrets, *more)) if more else self

    def text(self, text: str) -> str:
        """`text` without the secrets."""
        if not text or not self._may_hold(text):
            return text
        for secret in self._secrets:
            for value in _values(secret):
                text = _plain(text, value)
                text = _encoded(text, value)
        return text

    def _may_hold(self, text: str) -> bool:
        """Whether a text holds the beginning of a secret, in plain or in base64, or anything escaped."""
        needles = self._needles
        if needles is None:
            values = [value for secret in self._secrets for value in _values(secret)]
            found = {value[: _least(value)] for value in values}.union(*map(_forms, values))
            needles = self._needles = Secret(tuple(found))
        if any(sign in text for sign in ("%", "\\", "&")):
            return bool(self._secrets)
        return any(needle in text for needle in needles.get_secret_value())

    def content(self, content: bytes) -> bytes:
        """Bytes without the secrets."""
        if not content or not self._secrets:
            return content
        before = content.decode("latin-1")
        after = self.text(before)
        return content if after == before else after.encode("latin-1")

    def data(self, data: Any) -> Any:
        """JSON data without the secrets, in keys and in values."""
        if not self._secrets:
            return data
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, dict):
            return {self.data(key): self.data(value) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self.data(value) for value in data]
        return data

    def headers(self, headers: Any) -> Any:
        """Response headers without the secrets; the same object if they hold none."""
        if not self._secrets:
            return headers
        pairs = list(headers.multi_items() if hasattr(headers, "multi_items") else headers.items())
        whole = "\n".join([part for pair in pairs for part in pair])
        if self.text(whole) == whole:  # nearly always, and every response comes by here
            return headers
        return type(headers)([(self.text(name), self.text(value)) for name, value in pairs])

    def exception(self, exc: E) -> E:
        """An exception of a transport, made safe to keep: without request, frames and chain, its text redacted.

        Its frames hold the head of the request as text.
        """
        exc.__traceback__ = exc.__cause__ = exc.__context__ = None
        exc.args = tuple(self.text(one) if isinstance(one, str) else one for one in exc.args)
        for name in ("request", "response"):
            try:
                if getattr(exc, name, None) is not None:
                    setattr(exc, name, None)
            except (AttributeError, RuntimeError):
                continue
        return exc


def _values(secret: Secret) -> list[str]:
    """The texts to search for: the value, and the part after a scheme (``Bearer …``, ``name=…; …``)."""
    value = secret.get_secret_value() if secret.known else ""
    value = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(value, str):
        return []
    parts = [value]
    scheme, space, rest = value.partition(" ")
    if space and scheme.isalpha():
        parts.append(rest.strip())
    return sorted({part for part in parts if len(part) >= SHORTEST}, key=len, reverse=True)


def _plain(text: str, value: str) -> str:
    """`text` without the value, whole, cut or escaped, character by character."""
    if value in text:
        text = text.replace(value, "***")
    least = _least(value)
    if value[:least] not in text and not any(sign in text for sign in ("%", "\\", "&")):
        return text
    out: list[str] = []
    start = 0
    first = value[0]
    for place in _starts(text, first):
        if place < start:
            continue
        matched, end = _match(text, place, value)
        if matched >= least:
            out += (text[start:place], "***")
            start = end
    return text if not out else "".join(out) + text[start:]


def _least(value: str) -> int:
    """How many of its first characters count as the value."""
    return max(_PART, (len(value) + 1) // 2) if len(value) > _PART else len(value)


def _starts(text: str, character: str) -> list[int]:
    """Where `character` may begin in `text`, in any spelling."""
    import re

    escapes = f"%{ord(character):02x}|\\\\u{ord(character):04x}|&#x?[0-9a-f]+;|&amp;"
    return [one.start() for one in re.finditer(f"{re.escape(character)}|\\\\.|(?i:{escapes})", text)]


def _match(text: str, place: int, value: str) -> tuple[int, int]:
    """How many characters of `value` stand at `place`, and where they end."""
    matched = 0
    for character in value:
        end = _one(text, place, character)
        if end is None:
            break
        matched, place = matched + 1, end
    return matched, place


def _one(text: str, place: int, character: str) -> int | None:
    """Where `character` ends, if it stands at `place` as itself or escaped."""
    sign = text[place : place + 1]
    if sign == "%" and text[place : place + 3].lower() == f"%{ord(character):02x}":
        return place + 3
    if sign == "\\":
        if text[place : place + 6].lower() == f"\\u{ord(character):04x}":
            return place + 6
        if text[place + 1 : place + 2] == character:
            return place + 2
    if sign == "&":
        from html import unescape

        end = text.find(";", place, place + 10)
        if end > 0 and unescape(text[place : end + 1]) == character:
            return end + 1
    return place + 1 if sign == character or (sign == "+" and character == " ") else None


def _forms(value: str) -> set[str]:
    """How the beginning of the value looks in base64: three ways, by where it stands, in two alphabets."""
    from base64 import b64encode

    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raw = value.encode()
    found = set()
    for shift in range(3):
        coded = b64encode(b"\0" * shift + raw).decode()
        # The first and last characters depend on what stands around the value.
        core = coded[(0, 2, 3)[shift] :].rstrip("=")
        if (shift + len(raw)) % 3:
            core = core[:-1]
        least = core[: _least(core)]
        if len(least) >= SHORTEST:
            found |= {least, least.replace("+", "-").replace("/", "_")}
    return found


def _encoded(text: str, value: str) -> str:
    """`text` without the runs of base64 that hold the value."""
    for form in _forms(value):
        while form in text:
            start = text.index(form)
            end = start + len(form)
            while start and ord(text[start - 1]) < 128 and ord(text[start - 1]) in _BASE64:
                start -= 1
            while end < len(text) and ord(text[end]) < 128 and ord(text[end]) in _BASE64:
                end += 1
            text = text[:start] + "***" + text[end:].lstrip("=")
    return text


def user_info(url: Any) -> list[Secret]:
    """The user name and password of a URL, as secrets."""
    text = str(reveal(url))
    rest = text.partition("://")[2] or text
    head = rest.partition("/")[0]
    user, found, _ = head.rpartition("@")
    if not found:
        return []
    name, colon, password = user.partition(":")
    from urllib.parse import unquote

    return [
        Secret(one)
        for part in ((name, password) if colon else (name,))
        for one in {part, unquote(part)}
        if one
    ]
