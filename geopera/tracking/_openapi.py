"""Reading an OpenAPI 3.1 document: the operations and schemas in it, and nothing else.

Only what the document says is passed on. What it leaves out is left out here too, so that the compiler can
fall back on what is known already. The addresses in ``servers`` are not read: a document must not be able to
send a client's token to another host.
"""

from __future__ import annotations

from ..errors import ManifestError
from ._schemas import REF_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

OPERATION_PATH = "/v1/op/"
COMPONENT_PREFIX = "#/components/schemas/"
OPEN_BODY: dict[str, Any] = {"anyOf": [{"type": "object"}, {"type": "null"}]}
SIDE_EFFECTS = ("read", "compute", "external_spend", "destructive", "share_export")


def is_openapi(source: dict[str, Any]) -> bool:
    """Whether `source` is an OpenAPI document, rather than the facts file or a manifest."""
    return "openapi" in source or "paths" in source


def read_openapi(document: dict[str, Any]) -> dict[str, Any]:
    """The facts in an OpenAPI 3.1 `document`: ``api_version``, ``operations`` by id, ``schemas`` by key.

    An operation is a ``post`` under ``/v1/op/``; every other path is passed over. An operation has only
    those fields that the document gives. References to ``#/components/schemas/`` become ``#/schemas/``.
    Raises :class:`ManifestError` for a document that is not OpenAPI 3 or that refers to elsewhere.
    """
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        raise ManifestError(f"not an OpenAPI 3 document: openapi is {_short(version)}")
    reader = _Reader(document)
    paths = _object(document.get("paths"), "paths")
    operations = {}
    for path, item in paths.items():
        name = path.removeprefix(OPERATION_PATH)
        if name == path or not name or "/" in name or "{" in name:
            continue
        where = f"paths.{path[:200]}"
        post = _object(item, where).get("post")
        if post is not None:
            operations[name] = reader.operation(_object(post, where), _list(item.get("parameters")), where)
    if not operations:
        raise ManifestError(f"the document has no operation under {OPERATION_PATH}")
    facts: dict[str, Any] = {"operations": operations, "schemas": reader.schemas()}
    info = document.get("info")
    if isinstance(info, dict) and isinstance(info.get("version"), str) and info["version"].strip():
        facts["api_version"] = info["version"].strip()[:100]
    return facts


def manifest_reference(ref: str) -> str:
    """``#/components/schemas/X`` as ``#/schemas/X``; any other reference as it is."""
    if not ref.startswith(COMPONENT_PREFIX):
        return ref
    key = ref.removeprefix(COMPONENT_PREFIX)
    if "%" in key:
        from urllib.parse import unquote

        key = unquote(key)
    return REF_PREFIX + key.replace("~1", "/").replace("~0", "~")


class _Reader:
    """One document, with its shared components."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = _object(document.get("components") or {}, "components")

    def schemas(self) -> dict[str, Any]:
        return dict(_object(self._components.get("schemas") or {}, "components.schemas"))

    def operation(self, post: dict[str, Any], shared: list[Any], where: str) -> dict[str, Any]:
        """The facts about one operation, without those that the document does not state."""
        facts: dict[str, Any] = {}
        summary = post.get("summary")
        if isinstance(summary, str) and summary.strip():
            facts["document_summary"] = summary
        scope = post.get("x-required-scope")
        if isinstance(scope, list):
            scope = " ".join(part for part in scope if isinstance(part, str)) or None
        if isinstance(scope, str) and scope.strip():
            facts["scope"] = scope.strip()[:200]
        if isinstance(post.get("x-side-effect"), str):
            # A word that this library does not know is not a promise that a repeat is harmless.
            effect = post["x-side-effect"]
            facts["side_effect"] = effect if effect in SIDE_EFFECTS else None
        if isinstance(post.get("x-public"), bool):
            facts["public"] = post["x-public"]
        elif post.get("security") == []:
            facts["likely_public"] = True
        if isinstance(post.get("x-produces"), list):
            facts["produces"] = [name for name in post["x-produces"] if isinstance(name, str)]
        if any(
            name.lower() == "idempotency-key"
            for name in self._headers([*shared, *_list(post.get("parameters"))])
        ):
            facts["idempotent"] = True
        self._body(post, facts, where)
        self._responses(post, facts, where)
        media = post.get("x-output-media-type")
        if isinstance(media, str) and media.strip():
            facts["media_type"] = _media_type(media)
        return facts

    def _headers(self, parameters: list[Any]) -> Iterator[str]:
        for parameter in parameters:
            found = self._resolve(parameter, "parameters")
            if found.get("in") == "header" and isinstance(found.get("name"), str):
                yield found["name"]

    def _body(self, post: dict[str, Any], facts: dict[str, Any], where: str) -> None:
        body = post.get("requestBody")
        if body is None:
            facts["input"], facts["body_required"] = OPEN_BODY, False
            return
        body = self._resolve(_object(body, f"{where}.requestBody"), "requestBodies")
        schema = _json_schema(body.get("content"))
        facts["input"] = OPEN_BODY if schema is None else schema
        facts["body_required"] = body.get("required") is True

    def _responses(self, post: dict[str, Any], facts: dict[str, Any], where: str) -> None:
        responses = _object(post.get("responses") or {}, f"{where}.responses")
        errors: dict[str, str] = {}
        successes: dict[int, dict[str, Any]] = {}
        for status, response in responses.items():
            if len(status) != 3 or not (status.isascii() and status.isdigit()):
                continue
            response = self._resolve(_object(response, f"{where}.responses.{status}"), "responses")
            if status[0] == "2":
                successes[int(status)] = response
            elif status[0] in "45":
                ref = (_json_schema(response.get("content")) or {}).get("$ref")
                if isinstance(ref, str) and ref.startswith(COMPONENT_PREFIX):
                    errors[status] = manifest_reference(ref).removeprefix(REF_PREFIX)
        if errors:
            facts["errors"] = errors
        if successes:
            status_code = min(successes)
            facts["success_status"] = status_code
            content = successes[status_code].get("content")
            facts["output"] = _json_schema(content) or {}
            other = [m for m in content if not _is_json(m)] if isinstance(content, dict) else []
            if other and _json_schema(content) is None and "*" not in other[0]:
                facts["media_type"] = _media_type(other[0])

    def _resolve(self, item: Any, kind: str) -> dict[str, Any]:
        """A shared response, body or parameter in the place of the reference to it."""
        prefix = f"#/components/{kind}/"
        for _ in range(10):
            if not isinstance(item, dict) or "$ref" not in item:
                break
            ref = item["$ref"]
            shared = self._components.get(kind)
            if not isinstance(ref, str) or not ref.startswith(prefix) or not isinstance(shared, dict):
                raise ManifestError(f"the document refers to {_short(ref)}, which is not in it")
            item = shared.get(ref.removeprefix(prefix))
        if not isinstance(item, dict) or "$ref" in item:
            raise ManifestError(f"the document has a reference to one of its {kind} that leads nowhere")
        return item


def _json_schema(content: object) -> dict[str, Any] | None:
    """The schema of the JSON form of some content, or None where it has no JSON form."""
    if isinstance(content, dict):
        for media in sorted(content, key=lambda m: _media_type(m) != "application/json"):
            if _is_json(media) and isinstance(content[media], dict):
                schema = content[media].get("schema")
                return schema if isinstance(schema, dict) else {}
    return None


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()[:100]


def _is_json(media: str) -> bool:
    return _media_type(media) == "application/json" or _media_type(media).endswith("+json")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(f"{where} is not an object, but {_short(value)}")
    return value


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return text if len(text) <= 100 else text[:97] + "..."
