"""Reading an OpenAPI 3.0 or 3.1 document: its operations and schemas.

Only facts of the document are passed on, so that the compiler can fall back on other sources. The URLs in ``servers``
are not read: a document must not be able to send a client's token to another host. An unusable operation or schema is
left out and reported; the others stay.
"""

from __future__ import annotations

from ..errors import ManifestError
from ..manifest._trust import is_id, shown
from ._components import Components, LeftOut, at, by_direction, pointer
from ._prose import text_of
from ._schemas import REF_PREFIX, measure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

OPERATION_PATH = "/v1/op/"
COMPONENT_PREFIX = "#/components/schemas/"
OPEN_BODY: dict[str, Any] = {"anyOf": [{"type": "object"}, {"type": "null"}]}
SIDE_EFFECTS = ("read", "compute", "external_spend", "destructive", "share_export")
_MAX_TAGS = 20


def is_openapi(source: dict[str, Any]) -> bool:
    """Whether `source` is an OpenAPI document, rather than the facts file or a manifest."""
    return "openapi" in source or "paths" in source


def read_openapi(document: dict[str, Any], left_out: LeftOut) -> dict[str, Any]:
    """The facts in an OpenAPI `document`: ``api_version``, ``operations`` by id, ``schemas`` by key.

    An operation is a ``post`` under ``/v1/op/``; every other path is ignored. An operation has only the fields that the
    document states.

    Args:
        document: An OpenAPI 3.0 or 3.1 document.
        left_out: Receives unusable parts, with their location and the reason.

    Returns:
        The facts. References in them have the form ``#/schemas/<key>``.

    Raises:
        ManifestError: If it is not OpenAPI 3, or no operation in it can be used.
    """
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        raise ManifestError(f"not an OpenAPI 3 document: openapi is {_short(version)}")
    old = version.startswith("3.0")
    paths = _object(document.get("paths"), "paths")
    _object(document.get("components") or {}, "components")
    reader = _Reader(document, Components(document, left_out, old=old))
    operations: dict[str, dict[str, Any]] = {}
    for path, item in paths.items():
        name = path.removeprefix(OPERATION_PATH)
        if name == path or not name or "/" in name or "{" in name:
            continue
        place = f"operations.{shown(name)}"
        try:
            if not is_id(name):
                raise ManifestError("the id is not made of lower-case words with dots between")
            measure(item, "the path")
            found = reader.path(item, place)
        except ManifestError as exc:
            left_out.add(place, exc)
            continue
        if found is not None:
            operations[name] = found
    if not operations:
        reasons = "".join(f"; {line}" for line in left_out.lines()[:3])
        raise ManifestError(f"the document has no operation under {OPERATION_PATH}{reasons}")
    schemas = reader.components.finish()
    if old:
        by_direction(schemas, operations)
    facts: dict[str, Any] = {"operations": operations, "schemas": schemas}
    info = document.get("info")
    if isinstance(info, dict) and isinstance(info.get("version"), str):
        number = info["version"].strip()[:100]
        if number and number.isprintable():
            facts["api_version"] = number
    return facts


def manifest_reference(ref: str) -> str:
    """``#/components/schemas/X`` as ``#/schemas/X``; any other reference as it is."""
    if not ref.startswith(COMPONENT_PREFIX):
        return ref
    return REF_PREFIX + "/".join(pointer(ref)[2:])


class _Reader:
    """One document, with its shared components."""

    def __init__(self, document: dict[str, Any], components: Components) -> None:
        self.document = document
        self.components = components

    def path(self, item: Any, place: str) -> dict[str, Any] | None:
        """The facts about the operation of one path; None if it has no ``post``."""
        whole = self._resolve(item)
        if isinstance(item, dict) and "$ref" in item:
            whole = {**whole, **{name: value for name, value in item.items() if name != "$ref"}}
        post = whole.get("post")
        if post is None:
            return None
        return self.operation(_object(post, "post"), _list(whole.get("parameters")), place)

    def operation(self, post: dict[str, Any], shared: list[Any], place: str) -> dict[str, Any]:
        """The facts about one operation, without those that the document does not state."""
        facts: dict[str, Any] = {}
        summary = post.get("summary")
        if isinstance(summary, str) and summary.strip():
            facts["document_summary"] = summary
        description = text_of(post.get("description"))
        if description:
            facts["description"] = description
        if post.get("deprecated") is True:
            facts["deprecated"] = True
        tags = [text_of(tag)[:100] for tag in _list(post.get("tags"))[:_MAX_TAGS] if isinstance(tag, str)]
        resource = place.removeprefix("operations.").partition(".")[0]
        if tags := [tag for tag in dict.fromkeys(tags) if tag and tag != resource and tag.isprintable()]:
            facts["tags"] = tags
        scope = post.get("x-required-scope")
        if isinstance(scope, list):
            scope = " ".join(part for part in scope if isinstance(part, str)) or None
        if isinstance(scope, str) and scope.strip():
            facts["scope"] = scope.strip()[:200]
        if isinstance(post.get("x-side-effect"), str):
            # An unknown side effect does not promise that a retry is harmless.
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
        self._body(post, facts, place)
        self._responses(post, facts, place)
        media = post.get("x-output-media-type")
        if isinstance(media, str) and media.strip():
            facts["media_type"] = _media_type(media)
        return facts

    def _headers(self, parameters: list[Any]) -> Iterator[str]:
        for parameter in parameters:
            found = self._resolve(parameter)
            if found.get("in") == "header" and isinstance(found.get("name"), str):
                yield found["name"]

    def _body(self, post: dict[str, Any], facts: dict[str, Any], place: str) -> None:
        body = post.get("requestBody")
        if body is None:
            facts["input"], facts["body_required"] = OPEN_BODY, False
            return
        body = self._resolve(_object(body, "requestBody"))
        content = body.get("content")
        schema = self._json_schema(content, f"{place}.input")
        if schema is None and isinstance(content, dict) and content:
            media = min(content, key=lambda one: "*" not in one)
            if "*" not in media:  # a form or a file: listed, but not callable
                facts["request_media_type"] = _media_type(media)
            schema = self.components.schema(_schema_in(content[media]), f"{place}.input")
        facts["input"] = schema if isinstance(schema, dict) and schema else OPEN_BODY
        facts["body_required"] = body.get("required") is True

    def _responses(self, post: dict[str, Any], facts: dict[str, Any], place: str) -> None:
        """The responses by precedence: an exact status, then a range (``2XX``), then ``default``."""
        found = {
            status.upper() if status != "default" else status: self._resolve(_object(response, status))
            for status, response in _object(post.get("responses") or {}, "responses").items()
            if _is_status(status)
        }
        errors: dict[str, str] = {}
        for status, response in found.items():
            if status[0] in "45" or status == "default":
                schema = self._json_schema(response.get("content"), f"{place}.errors.{status}")
                ref = schema.get("$ref") if isinstance(schema, dict) else None
                if isinstance(ref, str):
                    errors[status] = ref.removeprefix(REF_PREFIX)
        if errors:
            facts["errors"] = errors
        exact = sorted(status for status in found if status[0] == "2" and status.isdigit())
        success = (*exact, *(status for status in ("2XX", "default") if status in found))
        if not success:
            return
        if exact:
            facts["success_status"] = int(exact[0])
        content = found[success[0]].get("content")
        schema = self._json_schema(content, f"{place}.output")
        facts["output"] = schema if isinstance(schema, dict) else {}
        other = [media for media in content if not _is_json(media)] if isinstance(content, dict) else []
        if other and schema is None and "*" not in other[0]:
            facts["media_type"] = _media_type(other[0])

    def _json_schema(self, content: object, place: str) -> Any:
        """The schema of the JSON form of some content, or None if it has no JSON form."""
        if isinstance(content, dict):
            for media in sorted(content, key=lambda m: _media_type(m) != "application/json"):
                if _is_json(media) and isinstance(content[media], dict):
                    return self.components.schema(_schema_in(content[media]), place)
        return None

    def _resolve(self, item: Any) -> dict[str, Any]:
        """The shared path, response, body or parameter of a reference; anything else as it is."""
        for _ in range(10):
            if not isinstance(item, dict) or "$ref" not in item:
                break
            ref = item["$ref"]
            if not isinstance(ref, str) or not ref.startswith("#/"):
                raise ManifestError(f"the document refers to {_short(ref)}, which is not in it")
            try:
                item = at(self.document, pointer(ref))
            except LookupError:
                raise ManifestError(f"the document refers to {_short(ref)}, which is not in it") from None
        if not isinstance(item, dict) or "$ref" in item:
            raise ManifestError("the document has a reference that leads nowhere")
        return item


def _schema_in(media: Any) -> Any:
    """The schema of one media type, with its examples."""
    schema = media.get("schema") if isinstance(media, dict) else None
    if not isinstance(schema, dict):
        return {}
    examples = [media["example"]] if "example" in media else []
    named = media.get("examples")
    for one in named.values() if isinstance(named, dict) else ():
        if isinstance(one, dict) and "value" in one:
            examples.append(one["value"])
    if examples and "examples" not in schema and "$ref" not in schema:
        return {**schema, "examples": examples}
    return schema


def _is_status(status: str) -> bool:
    if status == "default":
        return True
    return (
        len(status) == 3
        and status.isascii()
        and status[0] in "245"
        and (status.isdigit() or status[1:].upper() == "XX")
    )


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
