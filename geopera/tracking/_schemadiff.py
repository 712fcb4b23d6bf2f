"""The differences of two JSON Schemas for a caller: does the second require more, or promise less?

Every difference narrows or widens the set of values. A narrowed input and a widened output break callers; the other two
do not. References are followed on both sides, each pair once, and the work has bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "#/schemas/"
_MAX_DEPTH = 100
_MAX_STEPS = 100_000
_MAX_FOUND = 500

_ANY = "any"
_COVERED = frozenset(
    [
        "$ref",
        "type",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "default",
        "title",
        "description",
        "examples",
        "example",
        "deprecated",
        "discriminator",
        "readOnly",
        "writeOnly",
        "$comment",
    ]
)
# Keyword -> 1 if a larger value allows less, -1 if it allows more.
_BOUNDS = {
    "minimum": 1,
    "exclusiveMinimum": 1,
    "minLength": 1,
    "minItems": 1,
    "minProperties": 1,
    "maximum": -1,
    "exclusiveMaximum": -1,
    "maxLength": -1,
    "maxItems": -1,
    "maxProperties": -1,
}


@dataclass(frozen=True, slots=True)
class Found:
    """One difference of two schemas: its location, a code, a message, and whether it breaks callers."""

    where: str
    code: str
    message: str
    breaking: bool


def compare_schemas(
    old: Any,
    new: Any,
    schemas: tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    sends: bool,
    where: str,
) -> list[Found]:
    """The differences from `old` to `new`.

    Args:
        old: A schema.
        new: A schema.
        schemas: The targets of references, for either side.
        sends: Whether callers send such values (an input) or receive them (an output).
        where: The prefix of every location.
    """
    comparison = _Comparison(schemas, sends)
    comparison.compare(old, new, where, 0)
    unique = dict.fromkeys(comparison.found)
    return list(unique)


class _Comparison:
    def __init__(self, schemas: tuple[Mapping[str, Any], Mapping[str, Any]], sends: bool) -> None:
        self.old, self.new = schemas
        self.sends = sends
        self.found: list[Found] = []
        self.seen: set[tuple[str, str]] = set()
        self.steps = 0
        self.stopped = False

    # Findings.

    def narrowed(self, where: str, code: str, message: str) -> None:
        self.add(where, code, message, self.sends)

    def widened(self, where: str, code: str, message: str) -> None:
        self.add(where, code, message, not self.sends)

    def add(self, where: str, code: str, message: str, breaking: bool) -> None:
        if len(self.found) < _MAX_FOUND:
            self.found.append(Found(where, code, message, breaking))

    # The walk.

    def compare(self, a: Any, b: Any, where: str, depth: int) -> None:
        self.steps += 1
        if depth > _MAX_DEPTH or self.steps > _MAX_STEPS:
            if not self.stopped:
                self.stopped = True
                self.add(where, "not-compared", "too large to be compared further", True)
            return
        x, y = _default(a, self.old), _default(b, self.new)
        if x != y:
            self.add(where, "default-changed", f"the default {x!r:.80} became {y!r:.80}", False)
        if _ref(a) or _ref(b):
            key = (repr(a), repr(b))
            if key in self.seen:
                return
            self.seen.add(key)
        olds, news = _branches(a, self.old), _branches(b, self.new)
        for one, other in self.pairs(olds, news, where):
            self.branch(one, other, where, depth)

    def pairs(
        self, olds: list[dict[str, Any]], news: list[dict[str, Any]], where: str
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Branches that belong together; a branch without a partner is a type that came or went."""
        left, right = list(olds), list(news)
        for same in (_equal, _same_kind, _widens, _narrows):
            for one in list(left):
                other = next((x for x in right if same(one, x)), None)
                if other is not None:
                    left.remove(one)
                    right.remove(other)
                    if same is _widens:
                        self.widened(where, "type-widened", f"{_kind(one)} became {_kind(other)}")
                    elif same is _narrows:
                        self.narrowed(where, "type-narrowed", f"{_kind(one)} became {_kind(other)}")
                    elif same is _same_kind:
                        yield one, other
        if news and any(_kind(x) == _ANY for x in olds):
            left = []
        for one in left:
            self.narrowed(where, "type-removed", f"{_kind(one)} is no longer possible")
        for other in right:
            if not any(_kind(x) == _ANY for x in olds):
                self.widened(where, "type-added", f"{_kind(other)} is possible now")

    def branch(self, a: dict[str, Any], b: dict[str, Any], where: str, depth: int) -> None:
        self.values(a, b, where)
        self.bounds(a, b, where)
        self.rest(a, b, where)
        if "properties" in a or "properties" in b:
            self.properties(a, b, where, depth)
        self.extra(a, b, where, depth)
        if "items" in a or "items" in b:
            self.compare(a.get("items", {}), b.get("items", {}), f"{where}[]", depth + 1)

    def values(self, a: dict[str, Any], b: dict[str, Any], where: str) -> None:
        before, after = _values(a), _values(b)
        if before is None and after is not None:
            self.narrowed(where, "enum-added", f"only {_listed(after)} are possible now")
        elif after is None and before is not None:
            self.widened(where, "enum-removed", "the list of possible values is gone")
        elif before is not None and after is not None:
            if gone := [v for v in before if v not in after]:
                self.narrowed(where, "enum-narrowed", f"{_listed(gone)} no longer possible")
            if came := [v for v in after if v not in before]:
                self.widened(where, "enum-widened", f"{_listed(came)} possible now")

    def bounds(self, a: dict[str, Any], b: dict[str, Any], where: str) -> None:
        a, b = _whole_bounds(a), _whole_bounds(b)
        for name, sign in _BOUNDS.items():
            x, y = a.get(name), b.get(name)
            if x == y:
                continue
            if x is None:
                self.narrowed(where, "bound-tightened", f"{name} {y!r:.80} is required now")
            elif y is None:
                self.widened(where, "bound-loosened", f"{name} {x!r:.80} is gone")
            elif isinstance(x, int | float) and isinstance(y, int | float):
                report, word = (
                    (self.narrowed, "tightened") if (y - x) * sign > 0 else (self.widened, "loosened")
                )
                report(where, f"bound-{word}", f"{name} {x!r:.80} became {y!r:.80}")

    def rest(self, a: dict[str, Any], b: dict[str, Any], where: str) -> None:
        """Keywords whose change may allow more or less."""
        for name in sorted({*a, *b} - _COVERED - set(_BOUNDS)):
            x, y = a.get(name), b.get(name)
            if name.startswith("x-") or x == y:
                continue
            if x is None:
                self.narrowed(where, "constraint-added", f"{name} {y!r:.80} is required now")
            elif y is None:
                self.widened(where, "constraint-removed", f"{name} {x!r:.80} is gone")
            else:
                self.add(where, "constraint-changed", f"{name} {x!r:.80} became {y!r:.80}", True)
        if a.get("prefixItems") != b.get("prefixItems"):
            self.add(where, "constraint-changed", "the items by position changed", True)

    def properties(self, a: dict[str, Any], b: dict[str, Any], where: str, depth: int) -> None:
        before, after = _mapping(a.get("properties")), _mapping(b.get("properties"))
        asked, asks = _names(a), _names(b)
        for name in before:
            place = f"{where}.{name}"
            if name not in after:
                # A removed input field is refused or ignored; callers miss a removed output field.
                self.add(place, "field-removed", "the field is gone", True)
                continue
            if name in asks and name not in asked:
                self.narrowed(place, "required-added", "the field is required now")
            elif name in asked and name not in asks:
                message = "the field may be left out now" if self.sends else "the field may be missing now"
                self.widened(place, "required-removed", message)
            self.compare(before[name], after[name], place, depth + 1)
        for name in after:
            if name not in before:
                required = name in asks
                message = f"a new {'required ' if required else ''}field"
                code = "required-field-added" if required else "field-added"
                self.add(f"{where}.{name}", code, message, self.sends and required)

    def extra(self, a: dict[str, Any], b: dict[str, Any], where: str, depth: int) -> None:
        x, y = a.get("additionalProperties"), b.get("additionalProperties")
        if x == y and not isinstance(x, dict):
            return
        if isinstance(x, dict) and isinstance(y, dict):
            self.compare(x, y, f"{where}.*", depth + 1)
        elif isinstance(x, dict) or isinstance(y, dict):
            left, right = (v if isinstance(v, dict) else {} for v in (x, y))
            self.compare(left, right, f"{where}.*", depth + 1)
        elif y is False or x is False:
            message = f"fields beyond the described ones are {'no longer' if y is False else 'now'} possible"
            self.add(where, "closed" if y is False else "opened", message, self.sends and y is False)
        elif x is True and self.sends and (_mapping(b.get("properties")) or y is False):
            self.narrowed(where, "closed", "fields beyond the described ones are refused now")
        elif y is True and self.sends:
            self.widened(where, "opened", "fields beyond the described ones are taken now")


def _whole_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an integer with its exclusive bounds as inclusive ones: above 0 is at least 1."""
    if schema.get("type") != "integer":
        return schema
    made = dict(schema)
    for bound, exclusive, step in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        limit = made.get(exclusive)
        if type(limit) is int:
            del made[exclusive]
            given = made.get(bound)
            nearest = max if step > 0 else min
            made[bound] = nearest(limit + step, given) if type(given) is int else limit + step
    return made


def _branches(schema: Any, schemas: Mapping[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    """The alternatives of a schema: references followed, types separated, allOf merged."""
    schema = _followed(schema, schemas)
    if schema is False:
        return []
    if not isinstance(schema, dict) or depth > 20:
        return [{}]
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, list) and branches:
            common = {
                k: v for k, v in schema.items() if k not in (keyword, "title", "description", "default")
            }
            return [
                {**common, **found}
                for branch in branches[:200]
                for found in _branches(branch, schemas, depth + 1)
            ]
    if isinstance(schema.get("allOf"), list):
        return [_merged(schema, schemas, depth)]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    values = _values(schema)
    if "type" not in schema and values:
        return [{**schema, "type": kind} for kind in dict.fromkeys(_kind_of_value(v) for v in values)]
    return [schema]


def _merged(schema: dict[str, Any], schemas: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The parts of an allOf as one: fields and required names combined, of other keywords the first."""
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"][:200]:
        for found in _branches(part, schemas, depth + 1)[:1]:
            properties = {**_mapping(found.get("properties")), **_mapping(whole.get("properties"))}
            required = sorted(_names(whole) | _names(found))
            whole = {**found, **whole}
            whole |= {"properties": properties} if properties else {}
            whole |= {"required": required} if required else {}
    return whole


def _ref(schema: Any) -> str:
    ref = schema.get("$ref") if isinstance(schema, dict) else None
    return ref[len(PREFIX) :] if isinstance(ref, str) and ref.startswith(PREFIX) else ""


def _followed(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """`schema` with the references at its top followed; siblings of a reference are kept."""
    for _ in range(_MAX_DEPTH):
        key = _ref(schema)
        if not key:
            return schema
        target, beside = schemas.get(key), {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**target, **beside} if isinstance(target, dict) else beside
    return {}


def _default(schema: Any, schemas: Mapping[str, Any]) -> Any:
    found = _followed(schema, schemas)
    return found.get("default") if isinstance(found, dict) else None


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else _ANY


def _kind_of_value(value: Any) -> str:
    if value is None:
        return "null"
    for kind, type_ in (
        ("boolean", bool),
        ("integer", int),
        ("number", float),
        ("string", str),
        ("array", list),
    ):
        if isinstance(value, type_):
            return kind
    return "object"


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    # Equal text with a reference in it may still differ behind the reference.
    return a == b and "$ref" not in repr(a)


def _same_kind(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return _kind(a) == _kind(b)


def _widens(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return _kind(b) == _ANY or (_kind(a), _kind(b)) == ("integer", "number")


def _narrows(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return _kind(a) == _ANY or (_kind(a), _kind(b)) == ("number", "integer")


def _values(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _listed(values: list[Any]) -> str:
    shown = ", ".join(f"{v!r:.60}" for v in values[:8])
    return shown + (f" and {len(values) - 8} more" if len(values) > 8 else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(schema: dict[str, Any]) -> set[str]:
    required = schema.get("required")
    return {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
