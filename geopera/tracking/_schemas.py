"""Walking, cleaning and ordering JSON Schemas.

Not every dict in a schema is a schema: a property may be called ``properties`` and a default may be an object. The
table of the keywords distinguishes them. Depths are checked without recursion first, so the recursive functions cannot
run out of stack.
"""

from __future__ import annotations

from .._keywords import ABOUT, ARRAYS, MAPS, SINGLES
from ..errors import ManifestError
from ..manifest._trust import ENTRY_DEPTH, MAX_VALUES, json_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

REF_PREFIX = "#/schemas/"

#: The deepest nesting of a schema, as JSON. That of the API is 8.
MAX_DEPTH = 64

IN_MAP, IN_LIST, IN_PLACE = MAPS, ARRAYS, SINGLES
#: Annotations of a schema, which do not change what it accepts.
PROSE = frozenset(
    {
        "title",
        "description",
        "examples",
        "example",
        "$comment",
        "$schema",
        "externalDocs",
        "xml",
        "deprecated",
    }
)
LIMITS = ABOUT["number"]


def count(value: object, what: str) -> None:
    """Check, without recursion, that `value` is not too large. Raises `ManifestError` otherwise."""
    waiting: list[object] = [value]
    left = MAX_VALUES
    while waiting:
        item = waiting.pop()
        left -= 1
        if left < len(waiting):
            raise ManifestError(f"{what}: more than {MAX_VALUES:,} values")
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)


def measure(value: object, what: str, *, depth: int = ENTRY_DEPTH + 2) -> None:
    """Raise `ManifestError` if `value` is not JSON, too deep or too large."""
    if fault := json_fault(value, depth):
        raise ManifestError(f"{what}: {fault}")


def subschemas(schema: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """The schemas directly inside `schema`, each with the keywords and names that lead to it."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in IN_MAP and isinstance(value, dict):
            for name, inner in value.items():
                yield (keyword, name), inner
        elif keyword in IN_LIST and isinstance(value, list):
            for index, inner in enumerate(value):
                yield (keyword, str(index)), inner
        elif keyword in IN_PLACE and isinstance(value, (dict, bool)):
            yield (keyword,), value


def references(schema: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every ``$ref`` in `schema`, with the path of the schema that holds it. No recursion."""
    waiting: list[tuple[tuple[str, ...], object]] = [((), schema)]
    while waiting:
        way, inner = waiting.pop()
        if isinstance(inner, dict) and "$ref" in inner:
            yield way, inner["$ref"]
        waiting.extend(((*way, *step), each) for step, each in subschemas(inner))


def _whole(value: object) -> object:
    """`500` for `500.0`: JSON has one kind of number, and an integer is easier to read."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def sorted_data(value: Any) -> Any:
    """A copy of JSON data with the keys of every object sorted."""
    if isinstance(value, dict):
        return {key: sorted_data(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [sorted_data(item) for item in value]
    return value


def tidy(schema: Any, rename: Callable[[str], str], order: Sequence[str] = ()) -> Any:
    """A clean copy of `schema`: no prose, references through `rename`, keywords in canonical order.

    Keywords are sorted; properties keep a meaningful order: the required ones first, then those that
    `order` lists (for the outermost object only), then the rest as they came.
    """
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        return schema
    clean: dict[str, Any] = {}
    for keyword in sorted(schema):
        value = schema[keyword]
        if keyword in PROSE or keyword.startswith("x-"):
            continue
        if keyword == "$ref" and isinstance(value, str):
            clean[keyword] = rename(value)
        elif keyword == "discriminator" and isinstance(value, dict):
            clean[keyword] = _discriminator(value, rename)
        elif keyword == "properties" and isinstance(value, dict):
            names = arranged(list(value), schema.get("required"), order)
            clean[keyword] = {name: tidy(value[name], rename) for name in names}
        elif keyword in IN_MAP and isinstance(value, dict):
            clean[keyword] = {name: tidy(value[name], rename) for name in sorted(value)}
        elif keyword in IN_LIST and isinstance(value, list):
            clean[keyword] = [tidy(item, rename) for item in value]
        elif keyword in ("additionalProperties", "unevaluatedProperties") and isinstance(value, bool):
            clean[keyword] = value
        elif keyword in IN_PLACE:
            clean[keyword] = tidy(value, rename)
        elif keyword in LIMITS:
            clean[keyword] = _whole(value)
        else:
            clean[keyword] = sorted_data(value)
    return clean


def _discriminator(value: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    mapping = value.get("mapping")
    if not isinstance(mapping, dict):
        return {"propertyName": value.get("propertyName")}
    targets = {tag: rename(ref) if isinstance(ref, str) else ref for tag, ref in mapping.items()}
    return {"mapping": targets, "propertyName": value.get("propertyName")}


def arranged(names: list[str], required: object, order: Sequence[str]) -> list[str]:
    """`names`, the required ones first, each group in the order of `order`, then as it came."""
    needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    place = {name: index for index, name in reversed(list(enumerate([*order, *needed, *names])))}
    return sorted(names, key=lambda name: (name not in needed, place[name]))
