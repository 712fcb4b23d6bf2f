"""One schema and all that it pulls in by `allOf` and `$ref`, merged into what pydantic can say, and the rest.

A `Spec` holds every keyword once. Keywords that the merge cannot hold are left as `Rest`s: a place and
the keywords of it that somebody else must check.
"""

from __future__ import annotations

from typing import Any

from .._keywords import ABOUT, CONSTRAINTS
from ._document import MAPPING, Loc
from ._dynamic import settled

__all__ = ["ANNOTATIONS", "ARRAY", "NUMBER", "OBJECT", "STRING", "Rest", "Spec", "constraints"]
__all__ += ["reference", "spec_of"]

NUMBER, STRING, ARRAY, OBJECT = (ABOUT[kind] for kind in ("number", "string", "array", "object"))
#: Keywords that say nothing about which instances are valid.
ANNOTATIONS = frozenset(
    ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"]
)
#: What depends on its neighbours, and so is checked with the whole of them.
_WHOLE = frozenset(["unevaluatedProperties", "unevaluatedItems", "$dynamicRef"])


def constraints(schema: Any) -> frozenset[str]:
    """The keywords of a schema that constrain instances."""
    return CONSTRAINTS.intersection(schema) if isinstance(schema, MAPPING) else frozenset()


def reference(loc: Loc) -> Loc | None:
    """The target of a schema that is a reference and says nothing beside it that the target does not say."""
    if not isinstance(loc.schema, MAPPING) or "$ref" not in loc.schema:
        return None
    keys = constraints(loc.schema)
    target = loc.doc.resolve(loc.schema["$ref"], loc)
    if keys == {"$ref"}:
        return target
    said = target.schema
    same = isinstance(said, MAPPING) and all(
        key in _PLAIN_WORDS and key in said and said[key] == loc.schema[key] for key in keys - {"$ref"}
    )
    return target if same else None


#: Keywords that mean the same wherever they stand, and whose values are compared as they are written.
_PLAIN_WORDS = frozenset(["type", "minLength", "maxLength", "pattern", "minItems", "maxItems"])


class Rest:
    """Keywords of `loc` that are not part of the typed form; None stands for the whole schema.

    They do not concern objects that have the property `unless`: the tag of a union, which decides where it is given.
    """

    __slots__ = ("keywords", "loc", "unless")

    def __init__(self, loc: Loc, keywords: frozenset[str] | None, unless: str | None = None) -> None:
        self.loc = loc
        self.keywords = keywords
        self.unless = unless

    def __repr__(self) -> str:
        return f"Rest({self.loc!r}, {sorted(self.keywords) if self.keywords is not None else 'all'})"


class Spec:
    """`base`: keywords with plain values. `subs`: keywords with one subschema. `props`: name -> the places
    that say something about the property. `unions`: the `anyOf` and `oneOf` that apply. `never`: nothing fits."""

    __slots__ = ("base", "extras_of", "has_props", "never", "props", "rests", "subs", "unions")

    def __init__(self) -> None:
        self.base: dict[str, Any] = {}
        self.subs: dict[str, Loc] = {}
        self.props: dict[str, list[Loc]] = {}
        self.unions: list[tuple[Loc, str]] = []
        self.rests: list[Rest] = []
        self.never = False
        self.has_props = False

    def keywords(self) -> set[str]:
        found = {*self.base, *self.subs}
        if self.has_props:
            found.add("properties")
        return found


def _atoms(start: Loc) -> list[tuple[Loc, frozenset[str]]]:
    """The places that all apply: `start`, and what its references and `allOf`s lead to, each once."""
    found: list[tuple[Loc, frozenset[str]]] = []
    seen = set()
    stack = [start]
    while stack:
        loc = stack.pop()
        if loc.key in seen:
            continue
        seen.add(loc.key)
        schema = loc.schema
        if isinstance(schema, bool):
            if not schema:
                found.append((loc, frozenset()))
            continue
        keys = constraints(schema)
        target = settled(loc) if "$dynamicRef" in keys else None
        if target is not None:
            keys -= {"$dynamicRef"}
        if keys & _WHOLE:
            found.append((loc, keys))  # kept whole: what it evaluates depends on all of it
            continue
        if own := keys - {"$ref", "allOf"}:
            found.append((loc, own))
        inner = [loc.sub("allOf", str(i)) for i in range(len(schema["allOf"]))] if "allOf" in keys else []
        if "$ref" in keys:
            inner.append(loc.doc.resolve(schema["$ref"], loc))
        if target is not None:
            inner.append(target)
        stack.extend(reversed(inner))
    return found


def _types(value: Any) -> set[str]:
    names = {value} if isinstance(value, str) else set(value)
    if "number" in names:
        names.discard("integer")
    return names


def _meet(one: set[str], two: set[str]) -> set[str]:
    both = one & two
    if ("integer" in one and "number" in two) or ("number" in one and "integer" in two):
        both.add("integer")
    return both


_TYPED_OBJECT = frozenset(["properties", "required", "additionalProperties"])
_PLAIN = NUMBER | STRING | frozenset(["minItems", "maxItems", "uniqueItems", "enum", "const"])


def spec_of(start: Loc) -> Spec:
    """The merged form of the schema at `start`."""
    spec = Spec()
    atoms = _atoms(start)
    objects = sum(1 for _, keys in atoms if keys & OBJECT)
    for loc, keys in atoms:
        schema = loc.schema
        if isinstance(schema, bool):
            spec.never = True
            continue
        if "type" in keys:
            types = _types(schema["type"])
            known = spec.base.get("type")
            spec.base["type"] = types if known is None else _meet(known, types)
            if not spec.base["type"]:
                spec.never = True
        left = set(keys - {"type", *_TYPED_OBJECT, "anyOf", "oneOf", "minContains", "maxContains"})
        if "contains" in keys:
            left |= keys & {"minContains", "maxContains"}
        for keyword in keys & _PLAIN:
            value = schema[keyword]
            if keyword not in spec.base:
                spec.base[keyword] = value
            elif spec.base[keyword] != value or keyword in ("enum", "const"):
                continue
            left.discard(keyword)
        if "items" in keys and "items" not in spec.subs and "prefixItems" not in keys:
            spec.subs["items"] = loc.sub("items")
            left.discard("items")
        left |= _merge_object(spec, loc, keys, objects)
        for keyword in keys & {"anyOf", "oneOf"}:
            spec.unions.append((loc, keyword))
        if keys & {"unevaluatedProperties", "unevaluatedItems", "$dynamicRef"}:
            spec.rests.append(Rest(loc, None))
            continue
        if "if" in left:
            left |= schema.keys() & {"then", "else"}
        if "patternProperties" in left and "additionalProperties" in keys:
            left |= {"properties", "additionalProperties"} & keys
        if "prefixItems" in left and "items" in keys:
            left.add("items")
        if left:
            spec.rests.append(Rest(loc, frozenset(left)))
    return spec


def _merge_object(spec: Spec, loc: Loc, keys: frozenset[str], objects: int) -> set[str]:
    """Take the object keywords of `loc` in; returns those that stay to be checked."""
    left: set[str] = set()
    schema = loc.schema
    if "properties" in keys:
        spec.has_props = True
        for name in schema["properties"]:
            spec.props.setdefault(name, []).append(loc.sub("properties", name))
    if "required" in keys:
        spec.base["required"] = [*spec.base.get("required", ()), *schema["required"]]
    if "additionalProperties" in keys:
        # It speaks of what its neighbours `properties` and `patternProperties` leave over: where other
        # places add properties of their own, or patterns apply, only a check can tell.
        trivial = schema["additionalProperties"] in (True, {})
        if trivial:
            spec.base.setdefault("open", True)
        elif objects == 1 and "patternProperties" not in keys:
            spec.subs["additionalProperties"] = loc.sub("additionalProperties")
        else:
            left |= keys & {"additionalProperties", "properties", "patternProperties"}
            spec.base.setdefault("open", True)
    return left
