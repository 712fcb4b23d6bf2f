"""The schemas of an OpenAPI document, as schemas of a manifest.

Every reference becomes ``#/schemas/<key>``: an invalid key is replaced by a valid one, and the target of a reference
into the middle of a schema gets a key of its own. The keywords of OpenAPI 3.0 (``nullable``, boolean bounds,
``readOnly`` of a required field) become those of JSON Schema.
"""

from __future__ import annotations

from .._keywords import FORMS, step
from ..errors import ManifestError
from ..manifest._trust import MAX_NAME, is_key
from ._schemas import IN_LIST, IN_MAP, IN_PLACE, REF_PREFIX, measure, references, subschemas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_HOME = ("components", "schemas")
_DEFINITIONS = ("$defs", "definitions")
_ELSEWHERE = ("$dynamicRef", "$recursiveRef")
_ROOT_ALONE = frozenset({"$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", *_DEFINITIONS})
#: Parts of a pointer that do not describe their target.
_SILENT = frozenset(
    {*_HOME, *_DEFINITIONS, "properties", "content", "schema", "responses", "requestBodies", "paths"}
)


class LeftOut(dict[str, str]):
    """The parts of a description that cannot be used: location -> reason."""

    def add(self, place: str, reason: object) -> None:
        """Add a part; a location that is already there keeps its reason."""
        self.setdefault(place, str(reason))

    def within(self, schemas: Iterable[str]) -> LeftOut:
        """These parts without the schemas that are not among `schemas`, since nothing refers to them."""
        kept = LeftOut()
        for place, reason in self.items():
            section, _, rest = place.partition(".")
            if section != "schemas" or any(rest == key or rest.startswith(f"{key}.") for key in schemas):
                kept[place] = reason
        return kept

    def lines(self) -> list[str]:
        """One line for each part: its location and the reason."""
        return [f"{place}: {reason}" for place, reason in self.items()]


def pointer(reference: str) -> list[str]:
    """The parts of a reference such as ``#/components/schemas/A``."""
    from urllib.parse import unquote

    return [unquote(part).replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")]


def at(value: Any, parts: Iterable[str]) -> Any:
    """The value at `parts` below `value`. Raises LookupError if there is none."""
    for part in parts:
        if isinstance(value, list):
            value = value[int(part)] if part.isdecimal() and len(part) < 10 else value[len(value)]
        elif isinstance(value, dict):
            value = value[part]
        else:
            raise LookupError(part)
    return value


def _is_schema_place(parts: list[str]) -> bool:
    """Whether `parts`, below a schema, lead to a schema."""
    state = "schema"
    for part in parts:
        state = step(state, FORMS.get(part))
    return state == "schema"


class Components:
    """The schemas of one document by key, with the references of a manifest.

    schemas: complete after `finish`. left_out: unusable parts, with their location.
    """

    def __init__(self, document: dict[str, Any], left_out: LeftOut, *, old: bool) -> None:
        self.left_out = left_out
        self.old = old
        self.schemas: dict[str, Any] = {}
        self._moved: dict[tuple[int, tuple[str, ...]], str] = {}
        self._anchors: dict[int, dict[str, tuple[str, ...]]] = {}
        self._inline: list[Any] = []  # kept, since what is known of a schema is found by its identity
        components = document.get("components")
        components = components if isinstance(components, dict) else {}
        named = components.get("schemas")
        named = named if isinstance(named, dict) else {}
        self._named: dict[str, Any] = {
            name: self._read(schema, f"schemas.{name}") for name, schema in named.items()
        }
        self.document = {**document, "components": {**components, "schemas": self._named}}
        self._keys: dict[str, str] = {name: name for name in self._named if is_key(name)}
        for name in self._named:
            if name not in self._keys:
                self._keys[name] = self._free([name])
        self._ids: dict[str, str] = {
            schema["$id"]: name
            for name, schema in self._named.items()
            if isinstance(schema, dict) and isinstance(schema.get("$id"), str)
        }
        self._waiting: list[tuple[str, Any, Any]] = [(self._keys[n], s, s) for n, s in self._named.items()]

    def finish(self) -> dict[str, Any]:
        """All schemas by key, also the targets of references into the middle of a schema."""
        while self._waiting:
            key, schema, root = self._waiting.pop()
            found = self._converted(schema, f"schemas.{key}", root)
            # The schemas of a manifest are objects.
            self.schemas[key] = {True: {}, False: {"not": {}}}[found] if isinstance(found, bool) else found
        return self.schemas

    def schema(self, schema: Any, place: str) -> Any:
        """A schema with the references of a manifest; unusable parts are open (``{}``)."""
        schema = self._read(schema, place)
        self._inline.append(schema)
        return self._converted(schema, place, schema)

    def _read(self, schema: Any, place: str) -> Any:
        """A schema within the bounds; what declares an older draft in it is converted."""
        try:
            measure(schema, "the schema")
        except ManifestError as exc:
            self.left_out.add(place, exc)
            return {}
        from ..schema._drafts import converted

        return converted(schema)

    def _converted(self, schema: Any, place: str, root: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        for keyword in ("$ref", *_ELSEWHERE):
            if keyword in schema:
                key = self._key(schema[keyword], root) if keyword == "$ref" else None
                if key is None:
                    self.left_out.add(
                        place,
                        f"refers to {str(schema[keyword])[:200]!r}, which is not a schema of the document",
                    )
                    return {}
                if self.old:  # siblings of a reference are ignored in 3.0
                    return {"$ref": REF_PREFIX + key}
        made: dict[str, Any] = {}
        for keyword, value in schema.items():
            below = f"{place}.{keyword}"
            if keyword == "$ref":
                made["$ref"] = REF_PREFIX + str(self._key(value, root))
            elif keyword in _ROOT_ALONE:
                continue
            elif keyword in IN_MAP and isinstance(value, dict):
                made[keyword] = {
                    name: self._converted(inner, f"{below}.{name}"[:MAX_NAME], root)
                    for name, inner in value.items()
                }
            elif keyword in IN_LIST and isinstance(value, list):
                made[keyword] = [
                    self._converted(inner, f"{below}.{n}", root) for n, inner in enumerate(value)
                ]
            elif keyword in IN_PLACE:
                made[keyword] = self._converted(value, below, root)
            elif keyword == "discriminator":
                made |= self._discriminator(value, schema, root)
            else:
                made[keyword] = value
        return _modern(made) if self.old else made

    def _discriminator(self, value: Any, schema: dict[str, Any], root: Any) -> dict[str, Any]:
        """A discriminator with every tag in its mapping; the name of a schema is a tag, too."""
        if not isinstance(value, dict) or not isinstance(value.get("propertyName"), str):
            return {}
        mapping: dict[str, str] = {}
        given = value.get("mapping")
        for tag, target in given.items() if isinstance(given, dict) else ():
            key = self._keys.get(target) if isinstance(target, str) else None
            key = key or self._key(target, root)
            if key is not None:
                mapping[tag] = REF_PREFIX + key
        for keyword in ("oneOf", "anyOf"):
            branches = schema.get(keyword)
            for branch in branches if isinstance(branches, list) else ():
                ref = branch.get("$ref") if isinstance(branch, dict) else None
                key = self._key(ref, root)
                if isinstance(ref, str) and key is not None and REF_PREFIX + key not in mapping.values():
                    mapping.setdefault(pointer(ref)[-1], REF_PREFIX + key)
        found: dict[str, Any] = {"propertyName": value["propertyName"]}
        return {"discriminator": {**found, **({"mapping": mapping} if mapping else {})}}

    # References.

    def _key(self, reference: object, root: Any) -> str | None:
        """The key of a reference's target, or None."""
        if not isinstance(reference, str):
            return None
        uri, _, fragment = reference.partition("#")
        if uri:
            if uri not in self._ids:
                return None
            root = self._named[self._ids[uri]]
        if not fragment:
            return next((self._keys[name] for name, schema in self._named.items() if schema is root), None)
        if not fragment.startswith("/"):
            return self._anchored(fragment, root)
        parts = pointer(f"#{fragment}")
        if tuple(parts[:2]) == _HOME and len(parts) == 3:
            return self._keys.get(parts[2])
        own = isinstance(root, dict) and "$id" in root
        for start in (root, self.document) if own else (self.document, root):
            try:
                found = at(start, parts)
            except LookupError:
                continue
            if isinstance(found, (dict, bool)) and self._leads_to_schema(start, parts):
                return self._move(start, parts, found, root)
        return None

    def _anchored(self, anchor: str, root: Any) -> str | None:
        """The key of the schema with an ``$anchor``: in `root`, or in any component if `root` has no ``$id``."""
        own = isinstance(root, dict) and "$id" in root
        for start in (root,) if own else (root, self.document):
            found = self._anchors_in(start).get(anchor)
            if found is not None:
                return self._place(start, list(found), root)
        return None

    def _anchors_in(self, start: Any) -> dict[str, tuple[str, ...]]:
        known = self._anchors.get(id(start))
        if known is None:
            known = self._anchors[id(start)] = {}
            named = [((*_HOME, name), schema) for name, schema in self._named.items()]
            waiting = named if start is self.document else [((), start)]
            while waiting:
                way, inner = waiting.pop()
                if not isinstance(inner, dict) or ("$id" in inner and inner is not start):
                    continue
                for keyword in ("$anchor", "$dynamicAnchor"):
                    if isinstance(inner.get(keyword), str):
                        known.setdefault(inner[keyword], way)
                waiting.extend(((*way, *step), each) for step, each in subschemas(inner))
        return known

    def _place(self, start: Any, parts: list[str], root: Any) -> str:
        """The key of what lies at `parts` below `start`: that of a component, or one of its own."""
        if tuple(parts[:2]) == _HOME and len(parts) == 3:
            return self._keys[parts[2]]
        if not parts:
            named = [self._keys[name] for name, schema in self._named.items() if schema is start]
            if named:
                return named[0]
        return self._move(start, parts, at(start, parts), root)

    def _leads_to_schema(self, start: Any, parts: list[str]) -> bool:
        if start is not self.document:
            return _is_schema_place(parts)
        if tuple(parts[:2]) == _HOME:
            return _is_schema_place(parts[3:])
        return "schema" in parts and _is_schema_place(parts[parts.index("schema") + 1 :])

    def _move(self, start: Any, parts: list[str], found: Any, root: Any) -> str:
        """A key of its own for a schema in the middle of another one."""
        if start is not self.document:
            names = [name for name, schema in self._named.items() if schema is start]
            parts, start = ([*_HOME, names[0], *parts], self.document) if names else (parts, start)
        known = id(start), tuple(parts)
        key = self._moved.get(known)
        if key is None:
            last = parts[-1:] if len(parts) > 1 and parts[-2] in _DEFINITIONS else []
            names = ["item" if part == "items" else part for part in parts if part not in _SILENT]
            key = self._moved[known] = self._free(last, names)
            inside = self._named.get(parts[2]) if tuple(parts[:2]) == _HOME and len(parts) > 2 else root
            self.schemas[key] = {}
            self._waiting.append((key, found, inside))
        return key

    def _free(self, *candidates: list[str]) -> str:
        """The first free key of `candidates`, else one with a number."""
        taken = {*self._keys.values(), *self._moved.values()}
        keys = [_key_of(names) for names in candidates if names] or ["Schema"]
        for key in keys:
            if key not in taken:
                return key
        number = 2
        while f"{keys[-1]}_{number}" in taken:
            number += 1
        return f"{keys[-1]}_{number}"


def _key_of(names: list[str]) -> str:
    from unicodedata import normalize

    text = normalize("NFKD", "_".join(names)).encode("ascii", "ignore").decode()
    words = "".join(c if c.isalnum() or c in "-." else " " for c in text).split()
    key = "_".join(words)[: MAX_NAME - 10] or "Schema"
    return key if is_key(key) else f"_{key}"


# Keywords of OpenAPI 3.0.


def _modern(schema: dict[str, Any]) -> dict[str, Any]:
    """One schema of OpenAPI 3.0, without those inside it, as JSON Schema."""
    for bound, word in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(word), bool) and schema.pop(word) and bound in schema:
            schema[word] = schema.pop(bound)
    nullable = schema.pop("nullable", None)
    if nullable is not True:
        return schema
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def by_direction(schemas: dict[str, Any], operations: dict[str, dict[str, Any]]) -> None:
    """Require no ``readOnly`` field in a body, and no ``writeOnly`` field in a response.

    That is the meaning of ``required`` in OpenAPI 3.0. A schema that occurs in both directions becomes two.
    """
    marked = {key for key, schema in schemas.items() if any(map(_directed, _within(schema)))}
    users: dict[str, set[str]] = {}
    for key, schema in schemas.items():
        for target in _targets(schema):
            users.setdefault(target, set()).add(key)
    waiting = list(marked)
    while waiting:
        for user in users.get(waiting.pop(), set()) - marked:
            marked.add(user)
            waiting.append(user)
    sent = _reached(schemas, [entry.get("input") for entry in operations.values()])
    errors = [
        {"$ref": REF_PREFIX + key} for e in operations.values() for key in (e.get("errors") or {}).values()
    ]
    received = _reached(schemas, [*(entry.get("output") for entry in operations.values()), *errors])
    renamed: dict[str, str] = {}
    for key in sorted(marked & sent & received):
        name, number = f"{key}-Input", 2
        while name in schemas or name in renamed.values():
            name, number = f"{key}-Input{number}", number + 1
        renamed[key] = name
    for key in marked & sent:
        schemas[renamed.get(key, key)] = _one_way(schemas[key], "readOnly", renamed)
    for key in marked & received:
        schemas[key] = _one_way(schemas[key], "writeOnly", {})
    for entry in operations.values():
        entry["input"] = _one_way(entry.get("input"), "readOnly", renamed)
        entry["output"] = _one_way(entry.get("output"), "writeOnly", {})


def _within(schema: Any) -> Iterable[Any]:
    waiting = [schema]
    while waiting:
        inner = waiting.pop()
        yield inner
        waiting.extend(each for _, each in subschemas(inner))


def _required_of(schema: Any, mark: str) -> set[str]:
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return set()
    required = schema.get("required")
    names = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    return {
        name
        for name, field in schema["properties"].items()
        if name in names and isinstance(field, dict) and field.get(mark) is True
    }


def _directed(schema: Any) -> bool:
    return bool(_required_of(schema, "readOnly") or _required_of(schema, "writeOnly"))


def _targets(schema: Any) -> set[str]:
    return {ref.removeprefix(REF_PREFIX) for _, ref in references(schema) if isinstance(ref, str)}


def _reached(schemas: dict[str, Any], roots: list[Any]) -> set[str]:
    waiting = [key for root in roots for key in _targets(root)]
    found: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key in schemas and key not in found:
            found.add(key)
            waiting.extend(_targets(schemas[key]))
    return found


def _one_way(schema: Any, mark: str, renamed: dict[str, str]) -> Any:
    """A copy of `schema` that does not require what `mark` excludes, its references through `renamed`."""
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in IN_MAP and isinstance(value, dict):
            made[keyword] = {name: _one_way(inner, mark, renamed) for name, inner in value.items()}
        elif keyword in IN_LIST and isinstance(value, list):
            made[keyword] = [_one_way(inner, mark, renamed) for inner in value]
        elif keyword in IN_PLACE:
            made[keyword] = _one_way(value, mark, renamed)
        elif keyword == "$ref" and isinstance(value, str):
            key = value.removeprefix(REF_PREFIX)
            made[keyword] = REF_PREFIX + renamed.get(key, key)
        else:
            made[keyword] = value
    excluded = _required_of(schema, mark)
    if excluded:
        made["required"] = [name for name in made["required"] if name not in excluded]
        if not made["required"]:
            del made["required"]
    return made
