"""What one schema compiles to, and the small nodes: anything, nothing, numbers, strings, fixed values.

Every node means the same in pydantic's strict and default mode: a string is not a number, a boolean not an
integer, and 1.0 is the integer 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from enum import Enum
from fractions import Fraction
from math import ceil, floor, inf, isfinite
from typing import Any, Literal, NoReturn

from pydantic import BaseModel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .regex.pattern import Pattern

__all__ = [
    "KINDS",
    "Node",
    "any_node",
    "array_node",
    "fixed_node",
    "kind_of",
    "never_node",
    "null_node",
    "number_node",
]
__all__ += [
    "KEYS",
    "boolean_node",
    "enum_words",
    "has_surrogate",
    "is_multiple",
    "json_key",
    "object_node",
    "plain_node",
    "same",
    "string_node",
]

KINDS = frozenset(["array", "boolean", "null", "number", "object", "string"])
_BY_TYPE = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean"}
_BY_TYPE[type(None)] = "null"
#: The keys of a dict; pydantic's str refuses lone surrogates.
KEYS = core_schema.json_or_python_schema(core_schema.str_schema(), core_schema.is_instance_schema(str))


_MOST_PARTS = 100


def _short(hint: Any) -> Any:
    """`hint`, or a coarser type where it is made of very many parts: types that name each other twice double."""
    if isinstance(hint, type):
        return hint
    stack, left = [hint], _MOST_PARTS
    while stack:
        left -= 1
        if left < 0:
            coarse: dict[Any, Any] = {list: list[Any], dict: dict[str, Any]}
            return coarse.get(getattr(hint, "__origin__", None), Any)
        stack.extend(getattr(stack.pop(), "__args__", ()))
    return hint


class Node:
    """A compiled schema.

    `core` is what pydantic validates with, `hint` the Python type for readers, `kinds` the JSON types
    that can pass, `open` whether a value can hold plain dicts (they are opened at access), `size` about
    how many core schemas it is made of.
    """

    __slots__ = ("core", "hint", "kinds", "open", "size")

    def __init__(
        self, core: CoreSchema, hint: Any, kinds: frozenset[str] = KINDS, *, open: bool = False, size: int = 1
    ) -> None:
        self.core = core
        self.hint = _short(hint)
        self.kinds = kinds
        self.open = open
        self.size = size


def kind_of(value: Any) -> str:
    """The JSON type of a Python value (``number`` for integers too); ``other`` where it has none."""
    kind = _BY_TYPE.get(type(value))
    if kind is None:
        if isinstance(value, dict | BaseModel):
            return "object"
        for base in (str, bool, int, float, list):
            if isinstance(value, base):
                return _BY_TYPE[base]
        return "other"
    return kind


def json_key(value: Any) -> Any:
    """A hashable key, equal for values that are equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, dict):
        return (dict, frozenset((key, json_key(item)) for key, item in value.items()))
    if isinstance(value, list):
        return (list, tuple(map(json_key, value)))
    return value


def same(one: Any, other: Any) -> bool:
    """Equal as JSON."""
    return bool(json_key(one) == json_key(other))


# -- anything, nothing, null, booleans -------------------------------------------------------------------


def any_node() -> Node:
    return Node(core_schema.any_schema(), Any, open=True)


def _refuse(value: Any) -> NoReturn:
    raise PydanticCustomError("never", "No value is allowed here")


def never_node() -> Node:
    from typing import Never

    return Node(core_schema.no_info_plain_validator_function(_refuse), Never, frozenset())


def null_node() -> Node:
    return Node(core_schema.none_schema(), None, frozenset(["null"]))


def boolean_node() -> Node:
    return Node(core_schema.bool_schema(strict=True), bool, frozenset(["boolean"]))


# -- numbers ---------------------------------------------------------------------------------------------


def is_multiple(value: float, step: float) -> bool:
    """Whether `value` is a whole multiple of `step`, both taken as the decimal numbers they were written as."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    if isinstance(value, float) and not isfinite(value):
        return False
    try:
        return not _DECIMAL.remainder(Decimal(repr(value)), Decimal(repr(step)))
    except (InvalidOperation, ValueError):  # more digits than the context, or than Python likes to print
        return (_exact(value) / _exact(step)).denominator == 1


_DECIMAL = Context(prec=60, Emax=999_999, Emin=-999_999, traps=[InvalidOperation])


def _exact(value: float) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _whole(value: float) -> int:
    if not value.is_integer():
        raise PydanticCustomError("integer", "Input should be an integer")
    return int(value)


def _number_words(spec: Mapping[str, Any], what: str) -> str:
    words = [what]
    for keyword, word in (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
    ):
        if keyword in spec:
            bound = spec[keyword]
            words.append(f"{word} {int(bound) if bound == int(bound) else bound}")
    return f"Input should be {', '.join(words)}"


class _Multiple:
    """The check for steps that pydantic cannot take (fractions) or takes roughly (floats)."""

    __slots__ = ("step",)

    def __init__(self, step: float) -> None:
        self.step = step

    def __call__(self, value: float) -> float:
        if not is_multiple(value, self.step):
            raise PydanticCustomError(
                "multiple_of", "Input should be a multiple of {step}", {"step": self.step}
            )
        return value


def number_node(spec: Mapping[str, Any], *, integer: bool) -> Node:
    """`spec` may hold the five numeric keywords; bounds beyond 2**53 are compared exactly."""
    what = "an integer" if integer else "a number"
    if any(abs(spec[keyword]) >= _EXACT for keyword in spec if keyword != "multipleOf"):
        exact = core_schema.no_info_plain_validator_function(_Exact(spec, integer, _number_words(spec, what)))
        return Node(exact, int if integer else float, frozenset(["number"]))
    for_int: dict[str, Any] = {}
    for_float: dict[str, Any] = {}
    for keyword, name, inward in (
        ("minimum", "ge", ceil),
        ("exclusiveMinimum", "gt", floor),
        ("maximum", "le", floor),
        ("exclusiveMaximum", "lt", ceil),
    ):
        if keyword in spec:
            bound = spec[keyword]
            for_int[name] = inward(bound)
            for_float[name] = float(bound)
    step = spec.get("multipleOf")
    ints: CoreSchema
    if isinstance(step, float) and step.is_integer() and step < _EXACT:
        step = int(step)
    if isinstance(step, int):
        ints = core_schema.int_schema(strict=True, multiple_of=step, **for_int)
    else:
        ints = core_schema.int_schema(strict=True, **for_int)
        if step is not None:
            ints = core_schema.no_info_after_validator_function(_Multiple(step), ints)
    floats: CoreSchema = core_schema.float_schema(strict=True, allow_inf_nan=False, **for_float)
    if not integer or spec:
        # pydantic takes an int for a float: those are the other branch's business.
        floats = core_schema.chain_schema([_FLOATS, floats]) if spec else floats
    if step is not None:
        floats = core_schema.no_info_after_validator_function(_Multiple(step), floats)
    if integer:
        floats = core_schema.no_info_after_validator_function(_whole, floats)
    core = core_schema.union_schema(
        [ints, floats] if integer else [floats, ints],
        mode="left_to_right" if integer or spec else "smart",
        custom_error_type="integer" if integer else "number",
        custom_error_message=_number_words(spec, what),
    )
    return Node(core, int if integer else float, frozenset(["number"]), size=3)


_FLOATS = core_schema.json_or_python_schema(
    core_schema.chain_schema([core_schema.any_schema(), core_schema.is_instance_schema(float)]),
    core_schema.is_instance_schema(float),
)


class _Exact:
    """The slow path for bounds beyond 2**53, where doubles have gaps: compared as Python compares."""

    __slots__ = ("integer", "spec", "words")

    def __init__(self, spec: Mapping[str, Any], integer: bool, words: str) -> None:
        self.spec = dict(spec)
        self.integer = integer
        self.words = words

    def __call__(self, value: Any) -> Any:
        if kind_of(value) == "number" and isfinite_number(value):
            spec = self.spec
            fits = (
                value >= spec.get("minimum", -inf)
                and value <= spec.get("maximum", inf)
                and ("exclusiveMinimum" not in spec or value > spec["exclusiveMinimum"])
                and ("exclusiveMaximum" not in spec or value < spec["exclusiveMaximum"])
                and ("multipleOf" not in spec or is_multiple(value, spec["multipleOf"]))
                and (not self.integer or value == int(value))
            )
            if fits:
                return int(value) if self.integer else value
        raise PydanticCustomError("number", "{words}", {"words": self.words})


def isfinite_number(value: float) -> bool:
    return isinstance(value, int) or isfinite(value)


_EXACT = 2**53


# -- strings ---------------------------------------------------------------------------------------------


class _AnyText:
    """The slow twin of pydantic's str: takes lone surrogates, and patterns that need backtracking."""

    __slots__ = ("longest", "pattern", "reason", "shortest")

    def __init__(self, shortest: int, longest: int | None, pattern: Pattern | None, reason: str) -> None:
        self.reason = reason
        self.shortest = shortest
        self.longest = longest
        self.pattern = pattern

    def __call__(self, value: Any) -> str:
        if isinstance(value, str):
            text = str(value.value) if isinstance(value, Enum) else str(value)
            if self._fits(text):
                return text
        raise PydanticCustomError("string", "{reason}", {"reason": self.reason})

    def _fits(self, text: str) -> bool:
        if len(text) < self.shortest or (self.longest is not None and len(text) > self.longest):
            return False
        return self.pattern is None or self.pattern.matches(text)


def string_node(spec: Mapping[str, Any], pattern: Pattern | None) -> Node:
    """`spec` may hold minLength and maxLength (in code points)."""
    shortest = int(spec.get("minLength", 0))
    longest = int(spec["maxLength"]) if "maxLength" in spec else None
    limits: dict[str, Any] = {}
    words = ["Input should be a string"]
    if shortest:
        limits["min_length"] = min(shortest, _LARGEST)
        words.append(f"of at least {shortest} character{'s' * (shortest != 1)}")
    if longest is not None:
        limits["max_length"] = min(longest, _LARGEST)
        words.append(f"of at most {longest} character{'s' * (longest != 1)}")
    if pattern is not None:
        limits["pattern"] = pattern.rust
        words.append(f"matching {pattern.text[:100]!r}")
    reason = ", ".join(words)
    slow = core_schema.no_info_plain_validator_function(_AnyText(shortest, longest, pattern, reason))
    core: CoreSchema = slow
    if pattern is None or pattern.rust is not None:
        core = core_schema.union_schema(
            [core_schema.str_schema(strict=True, **limits), slow],
            mode="left_to_right",
            custom_error_type="string",
            custom_error_message=reason,
        )
    return Node(core, str, frozenset(["string"]), size=3)


_LARGEST = 2**62


_plain: dict[str, Node] = {}


def plain_node(types: Any) -> Node | None:
    """A node for a type of scalars and nothing else, which nearly every field is; its core is made once."""
    if not isinstance(types, str) or types not in _PLAIN:
        return None
    known = _plain.get(types)
    if known is None:
        known = _plain[types] = _PLAIN[types]()
    return Node(known.core, known.hint, known.kinds, size=known.size)


_PLAIN: dict[str, Callable[[], Node]] = {
    "string": lambda: string_node({}, None),
    "integer": lambda: number_node({}, integer=True),
    "number": lambda: number_node({}, integer=False),
    "boolean": boolean_node,
    "null": null_node,
}


# -- fixed values ----------------------------------------------------------------------------------------


class _OneOf:
    """Membership by JSON equality."""

    __slots__ = ("keys", "words")

    def __init__(self, values: Sequence[Any], words: str) -> None:
        self.keys = frozenset(map(json_key, values))
        self.words = words

    def __call__(self, value: Any) -> Any:
        try:
            if json_key(value) in self.keys:
                return value
        except (TypeError, RecursionError):  # a key that no JSON value has, or none of this depth
            pass
        raise PydanticCustomError("enum", "Input should be {expected}", {"expected": self.words})


def enum_words(values: Sequence[Any]) -> str:
    import json

    texts = (json.dumps(value, ensure_ascii=False, default=repr)[:60] for value in values[:20])
    shown = [text.encode("utf-8", "backslashreplace").decode() for text in texts]
    if len(values) > 20:
        return f"one of {', '.join(shown)} or {len(values) - 20} more"
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else "nothing"


def fixed_node(values: Sequence[Any], members: Sequence[Any] | None = None) -> Node:
    """`enum` and `const`. `members` are what strings become (an Enum's members), if given."""
    kinds = frozenset(map(kind_of, values))
    words = enum_words(values)
    if kinds == {"string"} and not any(map(has_surrogate, values)):
        literal: CoreSchema = core_schema.literal_schema(list(members or values))
        core: CoreSchema = core_schema.custom_error_schema(
            literal,
            "enum_value",
            custom_error_message="Input should be {expected}",
            custom_error_context={"expected": words},
        )
        hint: Any = str
        if members:
            hint = type(members[0])
        elif len(values) <= 20:
            hint = Literal[tuple(values)]
        return Node(core, hint, kinds, size=2)
    plain = {"null": None, "boolean": bool, "number": float, "string": str}
    hint = Any
    if len(kinds) == 1 and (only := next(iter(kinds))) in plain:
        hint = plain[only]
        if only == "number" and all(isinstance(v, int) or v.is_integer() for v in values):
            hint = int
    core = core_schema.no_info_plain_validator_function(_OneOf(values, words))
    return Node(core, hint, kinds, open=bool(kinds & {"array", "object"}))


def has_surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


# -- open arrays and objects -----------------------------------------------------------------------------


def object_node() -> Node:
    """An open object: the dict itself, not a copy, or any model."""
    core = core_schema.json_or_python_schema(
        core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()), _OBJECT
    )
    return Node(core, dict[str, Any], frozenset(["object"]), open=True, size=2)


_OBJECT = core_schema.custom_error_schema(
    core_schema.is_instance_schema((dict, BaseModel)),
    "object",
    custom_error_message="Input should be an object",
)


def array_node(spec: Mapping[str, Any], items: Node | None) -> Node:
    """`spec` may hold minItems and maxItems."""
    limits: dict[str, Any] = {}
    if spec.get("minItems"):
        limits["min_length"] = int(min(spec["minItems"], _LARGEST))
    if "maxItems" in spec and spec["maxItems"] < _LARGEST:
        limits["max_length"] = int(spec["maxItems"])
    core = core_schema.list_schema(items.core if items else None, strict=True, **limits)
    hint = list[items.hint] if items else list[Any]  # type: ignore[name-defined]
    is_open = items is None or items.open
    return Node(core, hint, frozenset(["array"]), open=is_open, size=1 + (items.size if items else 0))
