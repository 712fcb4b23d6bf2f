"""The file of a recorded run: a head, then one exchange per line, in the order in which they ended.

URLs of the API begin with `BASE` in it, so that the file does not depend on the machine that recorded it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from .redaction import RESPONSE_HEADERS, Redaction, each_text, in_urls

BASE = "https://recorded.invalid"  # a name that RFC 2606 keeps free
SIGNED = "/__signed__/"  # the path of signed URLs of other hosts in a cassette
_HEAD = {"format": "geopera-cassette", "version": 1}
_TEXT = ("text/", "application/xml", "application/x-ndjson", "application/x-www-form-urlencoded")


class CassetteError(ValueError):
    """A file is not a cassette, or cannot be written."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request in a cassette, without secrets. Equal requests are the same for a replay."""

    method: str
    path: str
    query: list[list[str]]
    range: str | None
    body: Any

    @property
    def key(self) -> str:
        """The identity of a request."""
        return json.dumps([self.method, self.path, self.query, self.range, self.body], sort_keys=True)

    @property
    def operation(self) -> str:
        """The operation's id, or the method and the path."""
        return self.path.removeprefix("/v1/op/") if "/v1/op/" in self.path else f"{self.method} {self.path}"


def request_of(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, redaction: Redaction
) -> Request:
    """A request without its secrets."""
    kept = encoded(body, headers.get("content-type", ""), path, redaction)
    return Request(
        method, redaction.text(path), redaction.query(query), headers.get("range"), kept if body else None
    )


def encoded(body: bytes, content_type: str, path: str, redaction: Redaction) -> dict[str, Any]:
    """A body as JSON, text or base64, without its secrets."""
    kind = content_type.partition(";")[0].strip().lower()
    keys = "api_key" in path or "protocol/openid-connect" in path
    if kind.endswith("json") and kind != "application/x-ndjson":
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            return {"text": redaction.text(body.decode("utf-8", "replace"))}
        if path == "/openapi.json":  # its members are names of fields, not values
            return {"json": each_text(data, redaction.text)}
        return {"json": redaction.data(data, keys=keys)}
    if kind.startswith(_TEXT):
        text = body.decode("utf-8", "replace")
        form = kind == "application/x-www-form-urlencoded"
        return {"text": redaction.form(text) if form else redaction.lines(text, keys=keys)}
    return {"base64": base64.b64encode(body).decode("ascii")}


def decoded(body: Mapping[str, Any], base: str) -> bytes:
    """The bytes of a body, with the URLs of a server instead of the cassette's."""

    def moved(text: str) -> str:
        return in_urls(text, lambda url: base + url.removeprefix(BASE) if url.startswith(BASE) else url)

    if "json" in body:
        return json.dumps(each_text(body["json"], moved), separators=(",", ":")).encode()
    if "text" in body:
        return moved(str(body["text"])).encode()
    return base64.b64decode(body.get("base64", ""))


class Writer:
    """Writes a new cassette, readable by its owner only. Each exchange is written when it ends."""

    def __init__(self, path: str | Path) -> None:
        if os.path.lexists(path):
            raise CassetteError(f"{path} exists already; record into another file, or remove it")
        self._path = path
        self._file: TextIO | None = None

    def add(self, request: Request, status: int, headers: Mapping[str, str], body: dict[str, Any]) -> None:
        """Add an exchange."""
        kept = {name: value for name, value in headers.items() if name in RESPONSE_HEADERS}
        asked = {
            "method": request.method,
            "path": request.path,
            **({"query": request.query} if request.query else {}),
            **({"range": request.range} if request.range else {}),
            **({"body": request.body} if request.body is not None else {}),
        }
        self._write({"request": asked, "response": {"status": status, "headers": kept, "body": body}})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._file = open(descriptor, "w", encoding="utf-8")  # noqa: SIM115 (it stays open)
            self._file.write(json.dumps(_HEAD) + "\n")
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def read(path: str | Path) -> Iterator[tuple[Request, dict[str, Any]]]:
    """The exchanges of a cassette: each request, and its response as `status`, `headers` and `body`.

    Raises:
        CassetteError: If the file is not a cassette; the message names the line.
    """
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                found = json.loads(line)
                if number == 1:
                    if found != _HEAD:
                        raise ValueError(line)
                    continue
                asked, response = found["request"], found["response"]
                request = Request(
                    asked["method"],
                    asked["path"],
                    asked.get("query", []),
                    asked.get("range"),
                    asked.get("body"),
                )
                if not 100 <= response["status"] <= 599 or not isinstance(response["headers"], dict):
                    raise ValueError(line)
                decoded(response["body"], "")
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
                raise CassetteError(f"{path} is not a cassette of this version: line {number}") from problem
            yield request, response
        if file.tell() == 0:
            raise CassetteError(f"{path} is not a cassette: it is empty")
