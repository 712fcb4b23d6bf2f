"""A request that is ready and not sent: what it is, what it may cost, and how to send it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from .._call.endpoint import check_key
from .._display.text import short
from .._repl.operations import effect
from .drive import run
from .todo import Call, Emit

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._call.endpoint import Endpoint
    from .drive import Caller, Plan

__all__ = ["AsyncPreview", "Preview", "preview"]

# Headers whose values are not secret; what somebody set by hand may be one, whatever its name.
_PUBLIC = frozenset({"accept", "content-type", "idempotency-key", "user-agent"})
_REDACTED = "***"


def preview(
    caller: Caller, endpoint: Endpoint, body: Any, fields: dict[str, Any], *, key: str | None, estimate: bool
) -> Preview:
    """The request of a call, its body checked and made bytes; nothing is sent.

    Raises:
        InvalidInputError: If a call would refuse the body or the key.
        TypeError: If an estimate is wanted of an operation that has none.
    """
    operation = endpoint.operation
    if estimate and operation.estimate is None:
        raise TypeError(f"{operation.id} has no operation that estimates it")
    content = caller._content(endpoint, body, fields)
    if key is not None:
        check_key(endpoint, key)
    elif operation.spends:
        from uuid import uuid4

        key = str(uuid4())
    cls = AsyncPreview if caller._asynchronous else Preview
    return cls(caller, endpoint, content, key, estimate)


class Preview:
    """A request that `send` sends. It keeps its body and its key, whatever happens to what it was made of.

    Attributes:
        method: ``POST``.
        url: Where it goes, without credentials.
        headers: What it carries; secrets are ``***``.
        content: The bytes of the body.
        idempotency_key: The key of every `send`, or None where the operation has none.
        operation: The manifest's record of the operation.
        effect: What it may cost or change, by the manifest.
        estimate: The response of the operation that estimates this one; None if it was not requested.
    """

    method = "POST"

    def __init__(
        self, caller: Caller, endpoint: Endpoint, content: bytes, key: str | None, estimate: bool
    ) -> None:
        self._caller = caller
        self._endpoint = endpoint
        self._context = caller._context()
        self.content = content
        self.idempotency_key = key
        self.operation = endpoint.operation
        self.effect = effect(endpoint.operation)
        self.estimate: Any = None
        self.url = _without_credentials(caller._client.base_url).rstrip("/") + endpoint.path
        self.headers = self._shown_headers()
        self._wanted = estimate
        self._ask()

    def _ask(self) -> None:
        if self._wanted:
            self.estimate = run(self._estimate(), self._caller)

    def _shown_headers(self) -> dict[str, str]:
        client = self._caller._client
        found = {"Accept": self._endpoint.accept, "Content-Type": "application/json"}
        found.update(client._headers)
        found.update(self._context.headers)
        if self.idempotency_key is not None:
            found["Idempotency-Key"] = self.idempotency_key
        secret = getattr(client, "auth_header_name", None)
        if secret is not None:
            found[secret] = " ".join(filter(None, (getattr(client, "prefix", ""), _REDACTED)))
        if client._cookies:
            found["Cookie"] = _REDACTED
        return {
            name: value if name.lower() in _PUBLIC or name == secret else _REDACTED
            for name, value in found.items()
        }

    @property
    def body(self) -> Any:
        """The body as plain JSON, as it will be sent; a new object each time."""
        return from_json(self.content)

    def send(self) -> Any:
        """Send it, with the same body and the same key each time. Returns and raises what a call does."""
        if self._endpoint.streams:
            from .streams import stream

            return stream(self._caller, self._endpoint, self.body, {}, self.idempotency_key)
        return run(self._send(), self._caller)

    def _send(self) -> Plan:
        steps = self._caller._steps(
            self._endpoint, None, {}, self.idempotency_key, context=self._context, content=self.content
        )
        response = yield Call(steps)
        yield Emit((response.parsed,))

    def _estimate(self) -> Plan:
        assert self.operation.estimate is not None
        sibling = self._caller._any_endpoint(self.operation.estimate)
        steps = self._caller._steps(sibling, None, {}, context=self._context, content=self.content)
        response = yield Call(steps)
        yield Emit((response.parsed,))

    def curl(self) -> str:
        """The request as a line for a shell. Secrets are variables, the token ``$GEOPERA_API_TOKEN``."""
        from shlex import quote

        words = ["curl", "--request", self.method, quote(self.url)]
        for name, value in self.headers.items():
            if value.endswith(_REDACTED):
                variable = re.sub(r"\W", "_", name).upper()
                if name == getattr(self._caller._client, "auth_header_name", None):
                    variable = "GEOPERA_API_TOKEN"
                start = quote(f"{name}: {value.removesuffix(_REDACTED)}")
                words += ["--header", f'{start}"${variable}"']
            else:
                words += ["--header", quote(f"{name}: {value}")]
        words += ["--data-raw", quote(self.content.decode("utf-8", "surrogateescape"))]
        return " ".join(words)

    def __repr__(self) -> str:
        lines = [f"{self.method} {self.url}", f"  {self.operation.id}: {self.effect}"]
        lines += [f"  {name}: {value}" for name, value in self.headers.items()]
        lines.append(f"  {short(self.body)}")
        if self.estimate is not None:
            lines.append(f"  estimate: {short(self.estimate)}")
        return "\n".join(lines)


class AsyncPreview(Preview):
    """A `Preview` whose `send` is awaited. Awaiting the preview itself requests the estimate, if one is wanted."""

    def _ask(self) -> None:
        pass

    def __await__(self) -> Generator[Any, None, AsyncPreview]:
        return self._complete().__await__()

    async def _complete(self) -> AsyncPreview:
        if self._wanted and self.estimate is None:
            self.estimate = await run(self._estimate(), self._caller)
        return self


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
