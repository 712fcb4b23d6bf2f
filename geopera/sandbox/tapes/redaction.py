"""The redaction of a cassette: headers, members, texts and queries that hold secrets.

Only headers with known names are kept. Members of JSON are redacted by their names, and every text by its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

REDACTED = "***"

RESPONSE_HEADERS = frozenset(
    {
        *("accept-ranges", "cache-control", "content-disposition", "content-range", "content-type", "etag"),
        *("idempotent-replayed", "last-modified", "location", "retry-after", "x-sandbox"),
    }
)

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset({"secret", "token", "tokens", "password", "passphrase", "passcode", "signature"})
_SECRET_WORDS |= {"authorization", "cookie", "credential", "credentials", "jwt", "bearer", "apikey"}
_SECRET_PAIRS = frozenset({("api", "key"), ("private", "key"), ("access", "key"), ("signing", "key")})
_SECRET_PAIRS |= {("device", "code"), ("user", "code"), ("code", "verifier"), ("session", "id")}
# Credentials that are known by their form: API keys, webhook and payment secrets, JSON Web Tokens.
_FORMS = re.compile(
    r"\b(?:gpra|whsec|sk_live|sk_test|rk_live)_[A-Za-z0-9_\-]{6,}|\b(?:pi|seti)_\w+_secret_\w+"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{20,}"
)
_URL = re.compile(r"https?://[^\s\"'<>\\]+")
_SIGNED = re.compile(
    r"(?:^|[&;])(?:sig|signature|token|\w+_token|api_?key|key|code|\w+_code|x-amz-[\w-]+|x-goog-[\w-]+|key-pair-id)=",
    re.IGNORECASE,
)


def is_signed(url: str) -> bool:
    """Whether the query of a URL gives access to something."""
    return bool(_SIGNED.search(urlsplit(url).query))


def in_urls(text: str, change: Callable[[str], str]) -> str:
    """The text with every URL in it changed."""
    return _URL.sub(lambda found: change(found[0]), text)


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """JSON data with every text in it changed, except names."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {name: each_text(one, change) for name, one in value.items()}
    return value


class Redaction:
    """Redacts the contents of a cassette."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def know(self, secret: str) -> None:
        """Redact a text everywhere, such as the token of the recorded program."""
        if len(secret) >= 8:  # a shorter one would be found in words
            self._known.add(secret)

    def text(self, text: str) -> str:
        """A text without known secrets, credentials of a known form, and queries of signed URLs."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return _FORMS.sub(REDACTED, in_urls(text, _without_secrets))

    def data(self, value: Any, *, keys: bool = False) -> Any:
        """JSON data without secrets; with `keys` a member `key` is a secret."""
        if isinstance(value, list):
            return [self.data(one, keys=keys) for one in value]
        if not isinstance(value, dict):
            return self.text(value) if isinstance(value, str) else value
        return {
            self.text(name): _hidden(one) if _is_secret(name, keys) else self.data(one, keys=keys)
            for name, one in value.items()
        }

    def lines(self, text: str, *, keys: bool = False) -> str:
        """Lines of which some are JSON, as of NDJSON or server-sent events."""
        return "".join(self._line(line, keys) for line in text.splitlines(keepends=True))

    def form(self, text: str) -> str:
        """The body of a form: names, and values that are not secret."""
        pairs = parse_qsl(text, keep_blank_values=True)
        return urlencode([(k, REDACTED if _is_secret(k, True) else self.text(v)) for k, v in pairs])

    def query(self, text: str) -> list[list[str]]:
        """A query in order, without secrets."""
        pairs = parse_qsl(text, keep_blank_values=True)
        return sorted([k, REDACTED if _is_secret(k, True) else self.text(v)] for k, v in pairs)

    def _line(self, line: str, keys: bool) -> str:
        begin = re.search(r"[{\[]", line)
        start = begin.start() if begin else -1
        if start >= 0 and line[:start].strip() in ("", "data:"):
            try:
                data = self.data(json.loads(line[start:]), keys=keys)
            except (ValueError, RecursionError):
                return self.text(line)
            end = line[len(line.rstrip("\r\n")) :]
            return line[:start] + json.dumps(data, separators=(",", ":")) + end
        return self.text(line)


def _is_secret(name: str, keys: bool) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(words) and (
        words[-1] in _SECRET_WORDS
        or tuple(words[-2:]) in _SECRET_PAIRS
        or (
            keys and (words in (["key"], ["sig"], ["code"]) or name.lower().startswith(("x-amz-", "x-goog-")))
        )
    )


def _hidden(value: Any) -> Any:
    """A redacted value: texts and numbers are replaced, their containers kept."""
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    if isinstance(value, dict):
        return {name: _hidden(one) if name != "type" else one for name, one in value.items()}
    return value if value is None or isinstance(value, bool) else REDACTED


def _without_secrets(url: str) -> str:
    """A URL without the user and password, and without the query where that is signed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return REDACTED
    if "@" in parts.netloc:
        parts = parts._replace(netloc=f"{REDACTED}@{parts.netloc.rpartition('@')[2]}")
    if is_signed(url):
        parts = parts._replace(query=REDACTED)
    return parts.geturl()
