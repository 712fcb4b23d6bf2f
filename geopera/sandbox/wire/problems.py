"""Error responses: problem documents (RFC 9457) and the shape of failed input validation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

PROBLEM = "application/problem+json"


class ProblemError(Exception):
    """Ends a call with a problem document.

    `extra` are members beside the four of the RFC, `headers` those of the response.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title or phrase(status)
        self.headers = dict(headers or {})
        self.extra = extra

    def response(self) -> Response:
        """The HTTP response."""
        document = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }
        return Response(dump(document), self.status, self.headers, media_type=PROBLEM)


class InputError(Exception):
    """Ends a call with the 422 of input validation: a list of locations, messages and types."""

    def __init__(self, details: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("input validation failed")
        self.details = list(details)

    def response(self) -> Response:
        """The HTTP response."""
        return Response(dump({"detail": self.details}), 422, media_type="application/json")


def phrase(status: int) -> str:
    """The standard words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def unprocessable(detail: str, **extra: Any) -> ProblemError:
    """The 422 problem of a violated domain rule."""
    return ProblemError(422, detail, title="Unprocessable Entity", **extra)


def not_found(what: str, id_: str) -> ProblemError:
    """The 404 problem of an id that is unknown or another organisation's; the API does not distinguish them."""
    return ProblemError(404, f"No {what} with the id {id_!r}.")


def dump(value: object) -> bytes:
    """Compact JSON in UTF-8; NaN and infinity are refused (ValueError)."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
