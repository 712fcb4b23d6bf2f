"""The operation reference: a Markdown page for each resource, made from a manifest.

Anchors are operation ids, on the page of the resource and on the index (``#orders.archive.place``), so links stay valid
across releases.
"""

from __future__ import annotations

from keyword import iskeyword

from .._names import call_path
from . import field_types, operations
from .field_types import Annotator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ..manifest import Manifest, Operation

    Bodies = Callable[[str], Any]

_DEPTH = 4
_MAX_LINES = 400


def pages(manifest: Manifest, body_of: Bodies) -> Iterator[tuple[str, str]]:
    """(file name, text) of the reference: an index, then a page for each resource.

    Args:
        manifest: The manifest to describe.
        body_of: Makes an example body from an operation's id.
    """
    tree = manifest.node("")
    resources = sorted(tree) if isinstance(tree, dict) else []
    yield "index.md", _index(manifest, resources)
    for name in resources:
        yield f"{name}.md", _page(manifest, name, body_of)


def link(id: str) -> str:
    """The link to an operation, relative to the reference."""
    return f"{id.partition('.')[0]}.md#{id}"


def _index(manifest: Manifest, resources: list[str]) -> str:
    lines = [
        "# Operation reference",
        "",
        f"All {len(manifest.operations)} operations of the API by resource. `client.<id>(…)` calls one.",
        "",
    ]
    for name in resources:
        lines += [f"## {name}", "", "| operation | effect | summary |", "|---|---|---|"]
        for id in sorted(operations.operation_ids(manifest.node(name))):
            operation = manifest.operations[id]
            effect = operation.side_effect or "unknown"
            lines.append(f"| [{id}]({link(id)}){{#{id}}} | {effect} | {_cell(operation.summary)} |")
        lines.append("")
    return "\n".join(lines)


def _page(manifest: Manifest, name: str, body_of: Bodies) -> str:
    ids = sorted(operations.operation_ids(manifest.node(name)))
    count = "1 operation" if len(ids) == 1 else f"{len(ids)} operations"
    parts = [f"# {name}", f"`client.{call_path(name)}`: {count}. [All resources](index.md)."]
    parts += [_operation(manifest, manifest.operations[id], body_of(id)) for id in ids]
    return "\n\n".join(parts) + "\n"


def _operation(manifest: Manifest, operation: Operation, body: Any) -> str:
    parts = [
        f"## {operation.id} {{#{operation.id}}}",
        _sentence(operation.summary or operation.id),
        *(["**Deprecated**: the API's description marks it so."] if operation.deprecated else []),
        *(
            [f"**Not callable**: its body is `{operation.request_media_type}`."]
            if not operation.callable
            else []
        ),
        *([_text(operation.description)] if operation.description else []),
        _effect(manifest, operation),
        _access(operation),
        "**Fields**",
        _fields(manifest, operation),
        f"**Response**: {operation.success_status}, {_returns(manifest, operation)}",
    ]
    tree = [] if operation.binary else _lines(_tree(operation.output, Annotator(manifest.schemas), ""))
    if tree:
        parts.append("```text\n" + "\n".join(tree) + "\n```")
    parts += [*_loops(operation), _errors(operation), "**Calls**", *_calls(manifest, operation, body)]
    return "\n\n".join(parts)


def _effect(manifest: Manifest, operation: Operation) -> str:
    effect, _, retries = operations.effect_in_words(operation).partition("; ")
    text = f"{effect[0].upper()}{effect[1:]}."
    if operation.spends or operation.side_effect == "destructive":
        text = f"**{text}**"
    estimate = f"{operation.id.rpartition('.')[0]}.estimate"
    if operation.spends and estimate in manifest.operations:
        retries += f". [{estimate}]({link(estimate)}) gives the price"
    return f"{text} {retries[0].upper()}{retries[1:]}."


def _access(operation: Operation) -> str:
    if operation.public:
        return "No token needed."
    return f"Needs a token with scope `{operation.scope}`." if operation.scope else "Needs a token."


def _fields(manifest: Manifest, operation: Operation) -> str:
    found = operations.fields(manifest, operation)
    annotator = Annotator(manifest.schemas)
    lines = []
    if found:
        lines = ["| field | type | limits | description |", "|---|---|---|---|"]
        for field in found:
            text = _cell(_description(field.words))
            type_text = _cell(annotator.text(field.schema))
            limits = _cell("; ".join(operations._remarks(field)))
            lines.append(f"| `{field.name}` | `{type_text}` | {limits} | {text} |")
    if operations.takes_anything(manifest, operation):
        lines += ["", "Further JSON fields are sent as given."] if found else ["Any JSON object."]
    return "\n".join(lines) or "None."


def _description(words: Mapping[str, Any]) -> str:
    examples = words.get("examples")
    shown = f" Example: `{examples[0]!r:.200}`." if isinstance(examples, list) and examples else ""
    return f"{_text(words.get('description'))}{shown}".strip()


def _text(words: Any) -> str:
    """Text of a description, with HTML escaped."""
    return words.replace("<", "&lt;") if isinstance(words, str) else ""


def _returns(manifest: Manifest, operation: Operation) -> str:
    text = operations.result_type(manifest, operation).removeprefix("a stream of ")
    if operation.streaming:
        return f"a stream of `{text}`, as `{operation.media_type}`."
    suffix = f", as `{operation.media_type}`" if operation.binary else ""
    return f"`{text}`{suffix}."


def _lines(found: Iterator[str]) -> list[str]:
    """The first lines of a text."""
    lines = [line for line, _ in zip(found, range(_MAX_LINES), strict=False)]
    return [*lines, "…"] if len(lines) == _MAX_LINES else lines


def _tree(schema: Any, annotator: Annotator, indent: str) -> Iterator[str]:
    """The fields of a schema and those below them, one a line."""
    inner = _object_in(schema, annotator.schemas)
    if inner is None or len(indent) >= 2 * _DEPTH:
        return
    for field in field_types.fields(inner, annotator.schemas):
        mark = "" if field.required else "?"
        yield f"{indent}{field.name}{mark}: {annotator.text(field.schema)}"
        yield from _tree(field.schema, annotator, indent + "  ")


def _object_in(schema: Any, schemas: Any, depth: int = 0) -> Any:
    """The object in a schema: itself, the items of an array, or the alternative to null."""
    found = field_types.resolve(schema, schemas)
    if found.get("properties") or depth > 3:
        return found if found.get("properties") else None
    if isinstance(found.get("items"), dict):
        return _object_in(found["items"], schemas, depth + 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in found.get(keyword) or ():
            inner = _object_in(branch, schemas, depth + 1)
            if inner is not None:
                return inner
    return None


def _loops(operation: Operation) -> Iterator[str]:
    if operation.paging is not None:
        convention = operation.paging.convention.replace("_", " ")
        yield f"**Paging**: by {convention}. `.pages(…)` yields pages, `.iter(…)` yields records."
    if operation.polling is not None:
        good, bad = ", ".join(operation.polling.success), ", ".join(operation.polling.failure)
        yield (
            f"**Waiting**: `.wait(…)` polls until `{operation.polling.state}` is final. "
            f"Success: {good or 'none named'}. Failure: {bad or 'none named'}."
        )
    if operation.streaming:
        yield "**Streaming**: a call returns an iterator over the records, as they arrive."
    if operation.binary:
        yield "**Download**: `.download(path, …)` writes the body to disk."


def _errors(operation: Operation) -> str:
    from ..errors import for_status

    named = [
        f"{status} `{for_status(int(status)).__name__}`" if status.isdigit() else status
        for status in sorted(operation.errors)
    ]
    return "**Errors**: " + (", ".join(named) or "none declared") + "."


def _calls(manifest: Manifest, operation: Operation, body: Any) -> Iterator[str]:
    from json import dumps

    call = f"client.{call_path(operation.id)}({_arguments(manifest, operation, body)})"
    yield "Sync:"
    if operation.streaming:
        yield f"```python\nfor record in {call}:\n    print(record)\n```"
    else:
        yield f"```python\nresult = {call}\n```"
    yield "Async, with `AsyncGeopera`:"
    if operation.streaming:
        yield f"```python\nasync for record in {call}:\n    print(record)\n```"
    else:
        yield f"```python\nresult = await {call}\n```"
    text = dumps(body if body is not None else {})
    shell = "'" + text.replace("'", "'\"'\"'") + "'"
    option = f" --json {shell}" if body else ""
    yield "Command line:"
    yield f"```sh\npython -m geopera call {operation.id}{option}\n```"
    token = "" if operation.public else '  -H "Authorization: Bearer $GEOPERA_API_TOKEN" \\\n'
    key = '  -H "Idempotency-Key: $(uuidgen)" \\\n' if operation.spends else ""
    yield "curl:"
    yield (
        f'```sh\ncurl -X POST "$GEOPERA_API_URL/v1/op/{operation.id}" \\\n{token}{key}'
        f"  -H 'Content-Type: application/json' \\\n  -d {shell}\n```"
    )


def _arguments(manifest: Manifest, operation: Operation, body: Any) -> str:
    """A body as keyword arguments; as a dict if a name is not a Python identifier."""
    if not body:
        return ""
    names = {field.wire: field.name for field in operations.fields(manifest, operation)}
    taken = {"body", "idempotency_key", "detailed"}
    given = {names.get(name, name): value for name, value in body.items()}
    if any(not name.isidentifier() or iskeyword(name) or name in taken for name in given):
        return _literal(body, 0)
    lines = [f"{name}={_literal(value, 1)}" for name, value in given.items()]
    one = ", ".join(lines)
    if len(one) + len(operation.id) < 80 and "\n" not in one:
        return one
    return "\n" + "".join(f"    {line},\n" for line in lines)


def _literal(value: Any, depth: int) -> str:
    """JSON as a Python literal, on several lines if it is long."""
    from json import dumps

    if isinstance(value, str):
        return dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        start, end = "{", "}"
        parts = [f"{_literal(name, 0)}: {_literal(inner, depth + 1)}" for name, inner in value.items()]
    elif isinstance(value, list):
        start, end = "[", "]"
        parts = [_literal(inner, depth + 1) for inner in value]
    else:
        return repr(value)
    one = f"{start}{', '.join(parts)}{end}"
    if len(one) + 4 * depth < 90 and "\n" not in one:
        return one
    indent = "    " * (depth + 1)
    return f"{start}\n" + "".join(f"{indent}{part},\n" for part in parts) + "    " * depth + end


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def _cell(text: str) -> str:
    """Text for a cell of a table: on one line, with its separators escaped."""
    return " ".join(text.split()).replace("|", "\\|")
