"""The manifest as the server reads it: the validation of requests and responses.

Validation uses jsonschema (draft 2020-12) rather than the models of the client, so that each implementation tests the
other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]

_FORMATS = FormatChecker(formats=())

# The failed keyword -> its code in an input validation error.
_KINDS = {
    "required": "missing",
    "enum": "enum",
    "const": "literal_error",
    "pattern": "string_pattern_mismatch",
    "minLength": "string_too_short",
    "maxLength": "string_too_long",
    "minimum": "greater_than_equal",
    "maximum": "less_than_equal",
    "exclusiveMinimum": "greater_than",
    "exclusiveMaximum": "less_than",
    "minItems": "too_short",
    "maxItems": "too_long",
    "additionalProperties": "extra_forbidden",
    "format": "value_error",
}


@_FORMATS.checks("date-time", raises=ValueError)  # type: ignore[untyped-decorator]
def _is_date_time(value: object) -> bool:
    if isinstance(value, str):
        if len(value) < 19 or value[10] not in "Tt ":
            raise ValueError("not an RFC 3339 date and time")
        datetime.fromisoformat(value)
    return True


class Operation:
    """One operation of the manifest, with its two validators (made at first use)."""

    __slots__ = (
        "_definitions",
        "_input_check",
        "_output_check",
        "body_required",
        "convention",
        "entry",
        "id",
        "idempotent",
        "input",
        "media_type",
        "output",
        "path",
        "public",
        "records",
        "scope",
        "side_effect",
        "status",
    )

    def __init__(self, id_: str, entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
        self.id = id_
        self.entry = entry
        self.input: dict[str, Any] = dict(entry.get("input") or {})
        self.output: dict[str, Any] = dict(entry.get("output") or {})
        self.scope: str | None = entry.get("scope")
        self.side_effect: str | None = entry.get("side_effect")
        self.idempotent: bool = bool(entry.get("idempotent", self.side_effect == "external_spend"))
        self.status: int = int(entry.get("success_status") or 200)
        self.media_type: str = entry.get("media_type") or "application/json"
        self.public: bool = bool(entry.get("public"))
        self.body_required: bool = bool(entry.get("body_required"))
        paging = entry.get("paging") or {}
        self.records: str | None = paging.get("records")
        self.convention: str | None = paging.get("convention")
        self.path = f"/v1/op/{id_}"
        self._definitions = definitions
        self._input_check: Draft202012Validator | None = None
        self._output_check: Draft202012Validator | None = None

    @property
    def json(self) -> bool:
        """Whether the response is one JSON document."""
        return self.media_type == "application/json"

    @property
    def streaming(self) -> bool:
        """Whether the response is a stream of records."""
        return self.media_type in ("text/event-stream", "application/x-ndjson")

    @property
    def writes(self) -> bool:
        """Whether the work needs a transaction."""
        return self.side_effect != "read"

    def input_errors(self, body: object) -> list[dict[str, Any]]:
        """The violations of a body, as items of an `HTTPValidationError`; empty if it is valid."""
        if self._input_check is None:
            self._input_check = _validator(self.input, self._definitions)
        return [_detail(error) for error in _leaves(self._input_check.iter_errors(body))]

    def output_error(self, value: object) -> str | None:
        """The first violation in a response (for a stream: in one record), or None."""
        if not self.output:
            return None
        if self._output_check is None:
            self._output_check = _validator(self.output, self._definitions)
        error = best_match(self._output_check.iter_errors(value))
        return None if error is None else f"{error.json_path}: {error.message[:300]}"


class Contract:
    """All operations and schemas of one manifest."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.schemas: Mapping[str, Any] = document.get("schemas") or {}
        self.api_version: str = document.get("api_version", "0")
        self.operations: dict[str, Operation] = {
            id_: Operation(id_, entry, self.schemas) for id_, entry in document["operations"].items()
        }

    @classmethod
    def load(cls, source: object = None) -> Contract:
        """From a manifest object, a dict in the manifest format, a path, or (None) the default manifest."""
        if source is None:
            from geopera.manifest import bundled_bytes, default

            source = default()
            if source.source == "the package":  # parsed at once, which is many times as fast
                source = json.loads(bundled_bytes())
        if isinstance(source, Contract):
            return source
        if isinstance(source, (str, Path)):
            source = json.loads(Path(source).read_bytes())
        if not isinstance(source, Mapping):
            source = source.to_dict()  # type: ignore[attr-defined]
        return cls(source)  # type: ignore[arg-type]


def _validator(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Draft202012Validator:
    # "#/schemas/Name" resolves inside the one document that is validated.
    return Draft202012Validator({**schema, "schemas": definitions}, format_checker=_FORMATS)


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """One error per location: of alternatives, that of the closest branch."""
    for error in errors:
        leaf = error
        while leaf.context:
            leaf = max(leaf.context, key=_closeness)
        yield leaf


def _closeness(error: ValidationError) -> tuple[int, bool]:
    """How close an alternative is: the deeper it failed, the closer; `null` comes last."""
    depth = len(error.absolute_path)
    for inner in error.context:
        depth = max(depth, len(inner.absolute_path))
    return depth, error.validator_value != "null"


def _detail(error: ValidationError) -> dict[str, Any]:
    loc: list[Any] = ["body", *error.absolute_path]
    keyword = error.validator
    if keyword == "required":
        for name in error.validator_value:
            if name not in error.instance:
                loc.append(name)
                break
        return {"loc": loc, "msg": "Field required", "type": "missing"}
    if keyword == "type":
        expected = error.validator_value
        word = expected if isinstance(expected, str) else "|".join(expected)
        return {"loc": loc, "msg": f"Input should be a valid {word}", "type": f"{word}_type"}
    return {"loc": loc, "msg": error.message[:300], "type": _KINDS.get(keyword, "value_error")}
