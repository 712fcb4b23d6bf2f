"""Checking a manifest: its format, its names, and every schema in it.

A manifest may come from an untrusted server, so sizes and depths are bounded, and checked first, without recursion. The
schema compiler then builds every schema, so that a manifest that passes can be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from ..errors import ManifestError
from ..manifest import _trust
from ..manifest._trust import MAX_OPERATIONS, MAX_SCHEMAS
from ..manifest._trust import shown as _cut
from ._components import at, pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ._components import LeftOut

MAX_PROBLEMS = 100
_SCHEMAS = ("input", "output")


class Fault:
    """One fault: its location (a section, a key and the path below it) and a message."""

    __slots__ = ("key", "section", "text", "way")

    def __init__(self, section: str, key: str, way: Iterable[object], text: str) -> None:
        self.section = section
        self.key = key
        self.way = tuple(map(str, way))
        self.text = text

    @property
    def place(self) -> str:
        """The location as the prefix of a problem."""
        head = (self.section, self.key) if self.section else ()
        return ".".join((*map(_cut, head), _cut(".".join(self.way)))).rstrip(".")

    def __str__(self) -> str:
        return f"{self.place}{': ' if self.place else ''}{self.text}"[:500]


def check_manifest(manifest: dict[str, Any]) -> list[str]:
    """The problems of `manifest`.

    Checks what loading and use check: the head, the names, that no operation's id is the beginning of another's, the
    entries, that each schema can be compiled, that references are local and resolve without a cycle, and bounds: 5,000
    operations, 20,000 schemas, names of 200 characters.

    Args:
        manifest: The document as Python objects; it is not changed.

    Returns:
        One line for each problem, its location first, at most 100; empty if there is none.
    """
    return _lines(_faults(manifest))


def check_the_rest(manifest: dict[str, Any]) -> list[str]:
    """`check_manifest` of the result of `leave_out`, which has built its schemas one by one."""
    return _lines(_faults(manifest, built=True))


def _lines(faults: Iterator[Fault]) -> list[str]:
    problems: dict[str, None] = {}
    for fault in faults:
        problems[str(fault)] = None
        if len(problems) == MAX_PROBLEMS:
            break
    return list(problems)


def leave_out(manifest: dict[str, Any], left_out: LeftOut) -> dict[str, Any]:
    """`manifest` without the faults that `check_manifest` finds: a faulty schema is open, a faulty operation removed.

    Args:
        manifest: A compiled manifest; it is not changed.
        left_out: Receives the faults, by their location.

    Returns:
        A manifest that can have faults only in its head or its size.

    Raises:
        ManifestError: If there are more than 100 faults.
    """
    operations = dict(manifest["operations"])
    schemas = {key: _copied(schema) for key, schema in manifest["schemas"].items()}
    made = {**manifest, "operations": operations, "schemas": schemas}
    for fault in list(_unbuilt_faults(made)):
        of_a_status = fault.way[:1] == ("errors",) and len(fault.way) > 1  # the status is dropped, no more
        if fault.section == "operations" and fault.key in operations and not of_a_status:
            left_out.add(fault.place, fault.text)
            del operations[fault.key]
    for id, entry in operations.items():
        errors = {status: key for status, key in entry["errors"].items() if key in schemas}
        operations[id] = {**entry, **{field: _copied(entry[field]) for field in _SCHEMAS}, "errors": errors}
    for number, fault in enumerate(_schema_faults(operations, schemas)):
        if number == MAX_PROBLEMS:
            raise ManifestError(f"more than {MAX_PROBLEMS} schemas cannot be used, the first: {fault}")
        left_out.add(fault.place, fault.text)
    return made


def _faults(manifest: object, *, built: bool = False) -> Iterator[Fault]:
    if not isinstance(manifest, Mapping):
        yield Fault("", "", (), "the manifest is not an object")
        return
    operations, schemas = manifest.get("operations"), manifest.get("schemas")
    if isinstance(operations, Mapping) and isinstance(schemas, Mapping) and not built:
        if len(operations) > MAX_OPERATIONS or len(schemas) > MAX_SCHEMAS:
            text = f"{len(operations):,} operations and {len(schemas):,} schemas are more than any API has"
            yield Fault("", "", (), text)
            return
        entries = {
            id: {field: _copied(entry[field]) for field in _SCHEMAS if field in entry}
            for id, entry in operations.items()
            if isinstance(entry, dict)
        }
        named = {key: _copied(schema) for key, schema in schemas.items() if isinstance(key, str)}
        yield from _schema_faults(entries, named)
    yield from _unbuilt_faults(manifest)


def _unbuilt_faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """The faults that loading, and use, find in a manifest before they build a schema."""
    operations, schemas = manifest.get("operations"), manifest.get("schemas")
    docs = manifest.get("docs", {})
    for way, text in _trust.faults(manifest, operations, schemas, docs, strict=True):
        yield Fault(*way, (), text) if len(way) == 2 else Fault("", "", way, text)
    if not isinstance(operations, Mapping) or not isinstance(schemas, Mapping):
        return
    for id, entry in operations.items():
        for way, text in _trust.entry_faults(entry, schemas, strict=True):
            yield Fault("operations", id, way, text)
        start = id.find(".") if isinstance(id, str) else -1
        while start > 0:
            if id[:start] in operations:
                yield Fault("operations", id, (), f"lies below another operation, {_cut(id[:start])!r}")
            start = id.find(".", start + 1)
    for key, entry in docs.items() if isinstance(docs, Mapping) else ():
        for way, text in _trust.doc_faults(entry):
            yield Fault("docs", key, way, text)


def _copied(schema: Any) -> Any:
    from copy import deepcopy

    return schema if _trust.json_fault(schema) else deepcopy(schema)


# Schemas.


def _schema_faults(operations: dict[str, Any], schemas: dict[str, Any]) -> Iterator[Fault]:
    """The faults of the schemas. They are changed: an open schema replaces each fault, and the check goes on."""
    from ..schema import Registry, SchemaError
    from ..schema._document import Document

    roots: list[tuple[str, str, dict[str, Any], str, tuple[str, ...]]] = [
        ("schemas", key, schemas, key, ()) for key in schemas
    ]
    roots += [
        ("operations", id, entry, field, (field,))
        for id, entry in operations.items()
        for field in _SCHEMAS
        if field in entry
    ]
    for section, key, holder, name, before in roots:
        for way, text in _trust.schema_faults(holder[name]):
            yield Fault(section, key, (*before, *way), text)
            _open(holder, (name, *way))
    registry = Registry(schemas, module=None)
    for section, key, holder, name, before in roots:
        for _ in range(MAX_PROBLEMS + 1):
            loc = (
                registry.document.definition(key)
                if section == "schemas"
                else Document(holder[name], parent=registry.document).top
            )
            try:
                registry.build(loc)
                break
            except SchemaError as exc:
                # The old one has already built parts of the replaced schema.
                registry = Registry(schemas, module=None)
                parts = pointer(exc.pointer) if exc.pointer != "#" else []
                if parts[:1] == ["schemas"]:
                    yield Fault("schemas", parts[1], parts[2:], exc.reason or "")
                    _open(schemas, parts[1:])
                else:
                    yield Fault(section, key, (*before, *parts), exc.reason or "")
                    _open(holder, (name, *parts))


def _open(holder: dict[str, Any], way: Iterable[str]) -> None:
    """Replace the value at `way` by an open schema."""
    *before, last = way
    with suppress(LookupError):  # what is around it is open already
        value = at(holder, before)
        key = int(last) if isinstance(value, list) else last
        if value[key] == {} and before:  # not even an open schema is allowed there: too deep
            _open(holder, before)
        else:
            value[key] = {}
