"""Texts about resources and operations for the REPL.

They are made from the manifest at each use; nothing is cached and no model is built.
"""

from __future__ import annotations

from .._display.safe import cut, one_line, safe
from .._display.text import encodable
from .._names import call_path, segment_name
from . import field_types
from .field_types import Annotator

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping
    from typing import Any

    from ..manifest import Manifest, Operation
    from .field_types import Field

_EFFECTS = {
    "read": "reads only; retried after a lost connection",
    "compute": "changes or computes data; not retried once it was sent",
    "external_spend": "may cost credits or money; one idempotency key covers all attempts",
    "destructive": "deletes or cancels; not retried once it was sent",
    "share_export": "shares or exports data; not retried once it was sent",
}
_UNKNOWN_EFFECT = "of unknown effect; not retried once it was sent"
REFERENCE = "https://docs.geopera.com/api-reference"
"""Where the operations are documented. The anchor of one is its id."""
_MAX_ROWS = 60
_MAX_LINE = 200
_MAX_VALUES = 200
_MAX_WORDS = 100


# Resources.


def resource_repr(manifest: Manifest, prefix: str) -> str:
    """The operations and resources below `prefix`, one a line, with their summaries."""
    node = manifest.node(prefix)
    if not isinstance(node, dict):
        return f"<resource {prefix}, no longer in the manifest>"
    rows = resource_rows(manifest, prefix)
    width = min(44, max((len(name) for name, _ in rows), default=0))
    title = f"{prefix or 'the API'}: {_count(operation_ids(node), 'operation')}"
    shown = rows[:_MAX_ROWS]
    lines = [title, *(cut(f"  {name:<{width}}  {text}".rstrip(), _MAX_LINE) for name, text in shown)]
    if len(rows) > len(shown):
        lines.append(f"  … {len(rows) - len(shown)} more")
    return encodable("\n".join(lines))


def resource_rows(manifest: Manifest, prefix: str) -> list[tuple[str, str]]:
    """(attribute name, summary) of the children of `prefix`, resources last."""
    node = manifest.node(prefix)
    calls, resources = [], []
    for name, child in sorted((node or {}).items()):
        if isinstance(child, dict):
            ids = operation_ids(child)
            shown = ", ".join(sorted(child)[:6]) + (", …" if len(child) > 6 else "")
            name = call_path(name) if not prefix else segment_name(name)
            resources.append((f"{name}.", f"{_count(ids, 'operation')}: {shown}"))
        else:
            calls.append(
                (f"{segment_name(name)}({_gist(manifest, child)})", manifest.operations[child].summary)
            )
    return calls + resources


def _gist(manifest: Manifest, id: str) -> str:
    """The required fields of an operation, and whether it has others."""
    found = fields(manifest, manifest.operations[id])
    required = [field.name for field in found if field.required]
    return ", ".join([*required[:3], *(["…"] if len(found) > len(required[:3]) else [])])


def operation_ids(node: Any) -> list[str]:
    """The ids of all operations in a part of the tree."""
    if not isinstance(node, dict):
        return [node]
    return [id for child in node.values() for id in operation_ids(child)]


def _count(items: list[Any], what: str) -> str:
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"


def resource_doc(manifest: Manifest, prefix: str) -> str:
    """The docstring of a resource: its children."""
    return (
        resource_repr(manifest, prefix) + "\n\nCall an operation with a dict, a model or keyword arguments."
    )


# Operations.


def fields(manifest: Manifest, operation: Operation) -> list[Field]:
    """The fields of an operation's input, required ones first; empty if it takes any JSON object."""
    described = _body_schema(manifest, operation, described=True) if manifest.docs else None
    return field_types.fields(_body_schema(manifest, operation), manifest.schemas, described)


def _body_schema(manifest: Manifest, operation: Operation, *, described: bool = False) -> dict[str, Any]:
    """The schema of the body itself, where the input is that or null; `described`: with the words in it."""
    schemas = manifest.described if described else manifest.schemas
    schema = field_types.resolve(
        manifest.described_body(operation) if described else operation.input, schemas
    )
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, list):
            objects = [field_types.resolve(branch, schemas) for branch in branches]
            found = [branch for branch in objects if branch.get("type") == "object" or "properties" in branch]
            if len(found) == 1:
                return found[0]
    return schema


def takes_anything(manifest: Manifest, operation: Operation) -> bool:
    """Whether the body may hold fields beyond the described ones."""
    schema = _body_schema(manifest, operation)
    return not schema.get("properties") or schema.get("additionalProperties") not in (None, False)


def result_type(manifest: Manifest, operation: Operation) -> str:
    """The result of a call, as an annotation."""
    if operation.binary:
        return "bytes"
    text = Annotator(manifest.schemas).text(operation.output)
    text = {"Any": "JSON", "dict": "JSONObject"}.get(text, text)
    return f"a stream of {text}" if operation.streaming else text


def operation_line(operation: Operation, manifest: Manifest) -> str:
    """The operation on one line: its id, its fields and what it returns."""
    names = [f.name if f.required else f"{f.name}=" for f in fields(manifest, operation)]
    shown = ", ".join([*names[:6], *(["…"] if len(names) > 6 else [])])
    text = f"operation {operation.id}({shown}) -> {result_type(manifest, operation)}"
    return encodable(f"<{one_line(text, _MAX_LINE - 2)}>")


def operation_text(operation: Operation, manifest: Manifest) -> str:
    """The operation with its fields, one a line: names, types, defaults and limits."""
    title = f"{operation.id} -> {result_type(manifest, operation)}"
    title += " (deprecated)" if operation.deprecated else ""
    title += "" if operation.callable else f" (not callable: takes {operation.request_media_type})"
    lines = [title, *([f"  {operation.summary}"] if operation.summary else [])]
    return encodable(safe("\n".join([*lines, *_field_lines(manifest, operation, "  ")])))


def field_rows(manifest: Manifest, operation: Operation) -> list[tuple[str, str, str]]:
    """(name, type, remark) of every field of the input."""
    annotator = Annotator(manifest.schemas)
    return [
        (field.name, annotator.text(field.schema), "; ".join(_remarks(field)))
        for field in fields(manifest, operation)
    ]


def _remarks(field: Field) -> list[str]:
    remarks = ["required"] if field.required else []
    if field.words.get("deprecated") is True:
        remarks.append("deprecated")
    if field.has_default and field.default is not None:
        remarks.append(f"default {field.default!r}"[:80])
    remarks += field_types.limits(field.schema)
    if field.wire != field.name:
        remarks.append(f"sent as {field.wire!r}")
    return remarks


def _field_lines(
    manifest: Manifest, operation: Operation, indent: str, *, described: bool = False
) -> list[str]:
    rows = field_rows(manifest, operation)
    words = (
        [_first_line(f.words.get("description")) for f in fields(manifest, operation)] if described else []
    )
    names = min(30, max((len(name) for name, _, _ in rows), default=0))
    types = min(36, max((len(text) for _, text, _ in rows), default=0))
    lines = []
    for number, (n, t, r) in enumerate(rows[:_MAX_ROWS]):
        lines.append(cut(f"{indent}{n:<{names}}  {t:<{types}}  {r}".rstrip(), _MAX_LINE))
        if described and words[number]:
            lines.append(f"{indent}    {words[number]}")
    if len(rows) > _MAX_ROWS:
        lines.append(f"{indent}… {len(rows) - _MAX_ROWS} more")
    if takes_anything(manifest, operation):
        lines.append(f"{indent}… any JSON fields" if rows else f"{indent}any JSON object as the body")
    elif not rows:
        lines.append(f"{indent}no fields")
    return lines


def _first_line(text: Any) -> str:
    """The first line of a description, of at most 100 characters."""
    lines = text.splitlines() if isinstance(text, str) else []
    return cut(lines[0].strip(), _MAX_WORDS) if lines else ""


def operation_doc(operation: Operation, manifest: Manifest) -> str:
    """The docstring of an operation: summary, fields, result, scope, effect, errors, and an example."""
    parts = [operation.summary or operation.id, ""]
    if operation.deprecated:
        parts += ["Deprecated: the API's description marks it so.", ""]
    if not operation.callable:
        parts += [f"It is not callable: its body is {operation.request_media_type}, not JSON.", ""]
    if operation.description and operation.description != operation.summary:
        parts += [operation.description, ""]
    lines = _field_lines(manifest, operation, "    ", described=True)
    parts += ["Fields, as keywords or in the body:", *lines, ""]
    parts.append(f"Returns {result_type(manifest, operation)}, status {operation.success_status}.")
    if operation.media_type != "application/json":
        parts.append(f"The response is {operation.media_type}.")
    parts.append(f"Operation {operation.id}; {_needs(operation)}; {effect(operation)}.")
    if operation.idempotent:
        parts.append("Takes idempotency_key: a retry with the same key and body has no second effect.")
    parts += [_paging(operation)] if operation.paging else []
    if operation.polling:
        ends = ", ".join((*operation.polling.success, *operation.polling.failure))
        parts.append(f"Wait with .wait(): {operation.polling.state} is final when it is {ends}.")
    raised = ", ".join(sorted(operation.errors))
    if operation.tags:
        parts.append(f"Tags: {', '.join(operation.tags)}.")
    parts.append(
        "Raises a geopera.errors.GeoperaError" + (f"; documented statuses: {raised}." if raised else ".")
    )
    parts.append(f"Reference: {reference_url(operation.id)}")
    return safe("\n".join([*parts, "", "Example:", f"    {example(operation, manifest)}"]))


def reference_url(id: str) -> str:
    """The URL of an operation's documentation."""
    return f"{REFERENCE}#{id}"


def _needs(operation: Operation) -> str:
    if operation.public:
        return "public"
    return f"scope {operation.scope}" if operation.scope else "scope unknown"


def _paging(operation: Operation) -> str:
    assert operation.paging is not None
    return f"Pages by {operation.paging.convention.replace('_', ' ')}: .pages() and .iter() walk all of them."


def effect(operation: Operation) -> str:
    """The operation's side effect, and its meaning."""
    return f"{operation.side_effect or 'unknown'}: {effect_in_words(operation)}"


def effect_in_words(operation: Operation) -> str:
    """What the operation may change or cost, and when it is retried."""
    return _EFFECTS.get(operation.side_effect or "", _UNKNOWN_EFFECT)


def example(operation: Operation, manifest: Manifest) -> str:
    """A call with made-up values for the required fields."""
    given = [field for field in fields(manifest, operation) if field.required]
    body = ", ".join(f"{f.name}={_example(f, manifest)!r}" for f in given)
    if not given and takes_anything(manifest, operation):
        known = [field.name for field in fields(manifest, operation)]
        body = ", ".join(f"{name}=..." for name in known[:4]) or "{...}"
    return f"client.{call_path(operation.id)}({body})"


def _example(field: Field, manifest: Manifest) -> Any:
    examples = field.words.get("examples")
    return examples[0] if examples else example_value(field.schema, manifest.described)


def example_value(
    schema: Any, schemas: Mapping[str, Any], depth: int = 0, left: list[int] | None = None
) -> Any:
    """A small value for `schema`, as an illustration.

    left: A list with the number of values that may still be made.
    """
    schema = field_types.resolve(schema, schemas)
    left = [_MAX_VALUES] if left is None else left
    left[0] -= 1
    if depth > 6 or left[0] < 0:
        return None
    for keyword in ("examples", "enum"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            return schema[keyword][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("default") is not None:
        return schema["default"]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            return example_value(schema[keyword][0], schemas, depth + 1, left)
    kind = schema.get("type")
    if kind == "object" or (kind is None and "properties" in schema):
        found = field_types.fields(schema, schemas)
        return {f.wire: example_value(f.schema, schemas, depth + 1, left) for f in found if f.required}
    if kind == "array":
        count = schema.get("minItems")
        items = example_value(schema.get("items"), schemas, depth + 1, left)
        if count is None and items == 1:
            count = 4  # numbers are most often those of a bounding box
        return [items] * (min(count, 4) if isinstance(count, int) else 1)
    if kind in ("integer", "number"):
        return _example_number(schema)
    return {"boolean": True, "null": None}.get(kind, "…")


def _example_number(schema: dict[str, Any]) -> int | float:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    number = low if isinstance(low, int | float) else above + 1 if isinstance(above, int | float) else 1
    return int(number) if float(number).is_integer() else number


class _Text(str):
    """An annotation whose repr is its text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def operation_signature(operation: Operation, manifest: Manifest) -> inspect.Signature:
    """The parameters of a call: the body, or every field as a keyword, and the options of the call."""
    from inspect import Parameter, Signature

    from ..types import UNSET

    annotator = Annotator(manifest.schemas)
    taken = {"body", "idempotency_key", "detailed"}
    keywords = []
    for field in fields(manifest, operation):
        name = f"{field.name}_" if field.name in taken else field.name
        if name.isidentifier():
            # A required field has a default here: it may be given in the body instead.
            default = Parameter.empty if field.required else UNSET
            text = _Text(annotator.text(field.schema))
            keywords.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=text))
    parameters = [
        Parameter("body", Parameter.POSITIONAL_ONLY, default=None, annotation=_Text("dict | Model | None")),
        *keywords,
        Parameter("idempotency_key", Parameter.KEYWORD_ONLY, default=None, annotation=_Text("str | None")),
        Parameter("detailed", Parameter.KEYWORD_ONLY, default=False, annotation=_Text("bool")),
    ]
    if takes_anything(manifest, operation):
        parameters.append(Parameter("fields", Parameter.VAR_KEYWORD, annotation=_Text("Any")))
    return Signature(parameters, return_annotation=_Text(result_type(manifest, operation)))


# Notebooks.


def resource_html(manifest: Manifest, prefix: str) -> str:
    """The operations below `prefix` as a table."""
    from .._display.notebook import escaped, framed, table

    title = escaped(
        f"{prefix or 'the API'}: {_count(operation_ids(manifest.node(prefix) or {}), 'operation')}"
    )
    rows = map(list, resource_rows(manifest, prefix))
    return framed(f"<p><b>{title}</b></p>" + table(["call", "summary"], rows))


def operation_html(operation: Operation, manifest: Manifest) -> str:
    """The operation with its fields as a table."""
    from .._display.notebook import escaped, framed, table

    title = escaped(f"{operation.id} -> {result_type(manifest, operation)}")
    found = field_rows(manifest, operation)
    fields = table(["field", "type", ""], map(list, found[:_MAX_ROWS])) if found else ""
    more = f"<p>… {len(found) - _MAX_ROWS} more</p>" if len(found) > _MAX_ROWS else ""
    about = f"{escaped(operation.summary)}<br />{escaped(effect(operation))}"
    return framed(f"<p><b>{title}</b><br />{about}</p>{fields}{more}")
