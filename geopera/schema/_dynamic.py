"""``$dynamicRef``: where it leads for sure, and which schemas depend on who refers to them."""

from __future__ import annotations

from collections.abc import Mapping

from ._document import Loc, children

__all__ = ["depends_on_caller", "settled"]

_PUBLISHED = "https://json-schema.org/"


def settled(loc: Loc) -> Loc | None:
    """The one place that the ``$dynamicRef`` at `loc` can mean; None where that depends on the caller."""
    reference = loc.schema["$dynamicRef"]
    target = loc.doc.resolve(reference, loc)
    name = reference.rpartition("#")[2]
    if not isinstance(target.schema, Mapping) or target.schema.get("$dynamicAnchor") != name:
        return target  # no dynamic anchor there: it is an ordinary reference
    if target.doc.base.startswith(_PUBLISHED):
        return None  # the metaschemas are many documents that extend each other this way
    documents = {id(d): d for d in (*loc.doc.reaches(), *target.doc.reaches())}
    for document in documents.values():
        document.index()
    return target if sum(len(d.dynamic.get(name, ())) for d in documents.values()) == 1 else None


def depends_on_caller(start: Loc) -> bool:
    """Whether an unsettled ``$dynamicRef`` can be reached from `start`."""
    seen = set()
    stack = [start]
    while stack:
        loc = stack.pop()
        schema = loc.schema
        if loc.key in seen or not isinstance(schema, Mapping):
            continue
        seen.add(loc.key)
        if "$dynamicRef" in schema:
            target = settled(loc)
            if target is None:
                return True
            stack.append(target)
        if "$ref" in schema:
            stack.append(loc.doc.resolve(schema["$ref"], loc))
        stack.extend(loc.sub(*parts) for parts, _ in children(schema))
    return False
