"""Checking a manifest: its format, its names, and every schema in it.

A manifest may come from an untrusted server, so sizes and depths are bounded, and checked first, without recursion. The
schema compiler then builds every schema, so that a manifest that passes can be used.
"""

from __future__ import annotations

from ..errors import ManifestError
from ..manifest import _trust
from ..manifest._trust import MAX_NAME, MAX_OPERATIONS, MAX_SCHEMAS
from ..manifest._trust import shown as _cut
from ._components import at, pointer
from ._schemas import measure

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

    Checks the format (``format.schema.json``), the names, that no operation's id is the beginning of another's, that
    each schema can be compiled, that references are local and resolve without a cycle, and bounds: 5,000 operations,
    20,000 schemas, names of 200 characters.

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
    from copy import deepcopy

    try:
        measure(manifest, "the manifest")
    except ManifestError:
        return manifest
    made = {**manifest, "operations": dict(manifest["operations"]), "schemas": deepcopy(manifest["schemas"])}
    operations = made["operations"]
    for id, fault in {fault.key: fault for fault in _entry_faults(made, list(_format(made)))}.items():
        left_out.add(fault.place, fault.text)
        operations.pop(id, None)
    for id in list(operations):
        operations[id] = {**operations[id], **{f: deepcopy(operations[id][f]) for f in _SCHEMAS}}
        operations[id]["errors"] = {s: k for s, k in operations[id]["errors"].items() if k in made["schemas"]}
    for number, fault in enumerate(_schema_faults(operations, made["schemas"])):
        if number == MAX_PROBLEMS:
            raise ManifestError(f"more than {MAX_PROBLEMS} schemas cannot be used, the first: {fault}")
        left_out.add(fault.place, fault.text)
    return made


def _faults(manifest: object, *, built: bool = False) -> Iterator[Fault]:
    if not isinstance(manifest, dict):
        yield Fault("", "", (), "the manifest is not an object")
        return
    try:
        measure(manifest, "the manifest")
    except ManifestError as exc:
        yield Fault("", "", (), str(exc))
        return
    operations, schemas = manifest.get("operations"), manifest.get("schemas")
    if not isinstance(operations, dict) or not isinstance(schemas, dict):
        yield Fault("", "", (), "the manifest has no operations or no schemas")
        return
    if len(operations) > MAX_OPERATIONS or len(schemas) > MAX_SCHEMAS:
        text = f"{len(operations):,} operations and {len(schemas):,} schemas are more than any API has"
        yield Fault("", "", (), text)
        return
    if not built:
        from copy import deepcopy

        entries = {
            id: {field: deepcopy(entry[field]) for field in _SCHEMAS if field in entry}
            for id, entry in operations.items()
            if isinstance(entry, dict)
        }
        yield from _schema_faults(entries, deepcopy(schemas))
    misformed = list(_format(manifest))
    yield from _head_faults(manifest, misformed)
    yield from _entry_faults(manifest, misformed)
    for id, entry in operations.items():
        errors = entry.get("errors") if isinstance(entry, dict) else None
        for status, key in errors.items() if isinstance(errors, dict) else ():
            if not isinstance(key, str) or key not in schemas:
                yield Fault("operations", id, ("errors", status), f"there is no schema {_cut(key)!r}")


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
        if not isinstance(holder[name], (dict, bool)):
            yield Fault(section, key, before, f"{_cut(holder[name])!r} is not a schema")
            holder[name] = {}
        for way, text in _trust.text_faults(holder[name]):
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
                registry = Registry(
                    schemas, module=None
                )  # the old one has already built parts of the replaced schema
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
    value = at(holder, before)
    if isinstance(value, list):
        value[int(last)] = {}
    else:
        value[last] = {}


# Everything else.


def _head_faults(manifest: dict[str, Any], misformed: list[Fault]) -> Iterator[Fault]:
    found = [fault for fault in misformed if not fault.section]
    yield from found
    if not found:  # the checks of loading go beyond that: a line break at an end, a path that leads elsewhere
        for problem in _trust.problems(manifest, (), ()):
            yield Fault("", "", (), problem)


def _entry_faults(manifest: dict[str, Any], misformed: list[Fault]) -> Iterator[Fault]:
    """The faults of ids, keys and entries, except for the schemas in them."""
    operations, schemas = manifest["operations"], manifest["schemas"]
    odd: set[str] = set()
    for fault in misformed:
        if fault.section:
            odd.add(fault.key)
            yield fault
    for section, named, fits in (
        ("operations", operations, _trust.is_id),
        ("schemas", schemas, _trust.is_key),
    ):
        for key in named:
            if key not in odd and not fits(key):
                yield Fault(section, key, (), "the name is not valid in a manifest")
    for id, entry in operations.items():
        if id not in odd:
            for name, text in _trust.entry_faults(entry):
                yield Fault("operations", id, name, text)
        start = id.find(".")
        while start > 0:
            if id[:start] in operations:
                text = f"lies below another operation, {_cut(id[:start])!r}"
                yield Fault("operations", id, (), text)
            start = id.find(".", start + 1)


def _format(manifest: dict[str, Any]) -> Iterator[Fault]:
    from json import loads

    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    from ..manifest import bundled_bytes

    validator = Draft202012Validator(loads(bundled_bytes("format.schema.json")))
    for error in validator.iter_errors(manifest):
        path = list(error.absolute_path)
        named = path in (["operations"], ["schemas"]) and "propertyNames" in error.absolute_schema_path
        if named:
            name = error.instance
            text = (
                "is too long"
                if len(name) > MAX_NAME
                else f"{name!r} does not match {error.validator_value!r}"
            )
            yield Fault(path[0], name, (), f"the name {text}")
        elif len(path) > 1 and path[0] in ("operations", "schemas"):
            yield Fault(path[0], path[1], path[2:], error.message)
        else:
            yield Fault("", "", path or ["the manifest"], error.message)
