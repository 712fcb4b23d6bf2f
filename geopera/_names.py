"""Names: from the wire to Python, and from an operation id to the names made from it.

The rules are those that users of the generated SDK know, so that their code keeps working:
snake_case attributes, a trailing underscore for a word that Python or its builtins own,
PascalCase classes, and one module per operation.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_cache: dict[str, str] = {}
_reserved: frozenset[str] = frozenset()


def _reserved_words() -> frozenset[str]:
    global _reserved
    if not _reserved:
        import builtins
        import keyword

        words = {*dir(builtins), *keyword.kwlist, "self", "true", "false", "datetime"}
        # `id` keeps its name: every second schema has a field `id`, and the builtin is rarely used.
        _reserved = frozenset(words - {"id"})
    return _reserved


def as_parsed(name: str) -> str:
    """`name` as Python's parser reads it in source code: in normal form KC, in which ``µ`` and ``μ`` are one letter."""
    if name.isascii():
        return name
    from unicodedata import normalize

    return normalize("NFKC", name)


def _words(text: str) -> list[str]:
    """Split at separators and changes of case: ``totalAud``, ``HTTPValidationError``, ``Type0``."""
    text = as_parsed(text)
    words: list[str] = []
    start = 0
    kinds = ["d" if c.isdigit() else "U" if c.isupper() else "l" if c.isalnum() else "-" for c in text]
    for i, kind in enumerate(kinds):
        before = kinds[i - 1] if i else "-"
        after = kinds[i + 1] if i + 1 < len(kinds) else "-"
        starts = kind == "U" and (before in "ld" or (before == "U" and after == "l"))
        if kind == "-" or starts:
            if start < i:
                words.append(text[start:i])
            start = i + (kind == "-")
    if start < len(text):
        words.append(text[start:])
    return words


def python_name(wire: str) -> str:
    """The attribute name of the wire field `wire`.

    ``datetime`` becomes ``datetime_``, ``totalAud`` ``total_aud``, ``filter-lang`` ``filter_lang``. A name without
    letters becomes ``field`` or ``field_<digits>``.
    """
    name = _cache.get(wire)
    if name is None:
        # An all-lower name is only split at separators; its runs of underscores mean nothing.
        name = as_parsed("_".join(_words(wire)).lower())
        if not name.isidentifier():
            name = f"field_{name}".rstrip("_") if f"field_{name}".isidentifier() else "field"
        if name in _reserved_words():
            name += "_"
        if len(_cache) < 50_000:
            _cache[wire] = name
    return name


#: Attributes of every model class, which a field must not hide. A list, so that names are made without pydantic.
TAKEN = frozenset(
    [
        *("explore", "quicklooks"),
        *(
            "additional_keys",
            "additional_properties",
            "from_dict",
            "get",
            "items",
            "keys",
            "model_computed_fields",
        ),
        *("model_config", "model_construct", "model_copy", "model_dump", "model_dump_json", "model_extra"),
        *(
            "model_fields",
            "model_fields_set",
            "model_json_schema",
            "model_parametrized_name",
            "model_post_init",
        ),
        *(
            "model_rebuild",
            "model_validate",
            "model_validate_json",
            "model_validate_strings",
            "mro",
            "records",
        ),
        *(
            "register",
            "to_arrow",
            "to_dataframe",
            "to_dict",
            "to_geodataframe",
            "to_parquet",
            "to_pystac",
            "values",
        ),
    ]
)


def field_names(wires: Iterable[str]) -> dict[str, str]:
    """Wire name -> Python name of the fields of one object, in order; used by the classes, help and the stubs.

    Names are unique, and none is another field's wire name or in `TAKEN`. Required fields come first.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    known = set(wires := list(wires))
    for wire in wires:
        name = python_name(wire)
        candidates = [name, f"{name}_"]
        if wire.isidentifier() and not wire.startswith("_") and wire == as_parsed(wire):
            candidates.insert(1, wire)
        number = 2
        while True:
            choice = candidates.pop(0) if candidates else f"{name}_{number}"
            is_free = choice not in taken and choice not in TAKEN and not choice.startswith("_")
            if is_free and (choice == wire or choice not in known):
                break
            number += not candidates
        names[wire] = choice
        taken.add(choice)
    return names


def enum_members(values: Iterable[str]) -> dict[str, str]:
    """Member name -> value of an enumeration, with unique names; used by the classes and the stubs."""
    members: dict[str, str] = {}
    for value in dict.fromkeys(values):
        name = python_name(value).upper().rstrip("_") or "EMPTY"
        if not value.strip():
            name = "EMPTY"
        elif name == "FIELD" or name.startswith("FIELD_"):
            name = name.replace("FIELD", "VALUE", 1)
        bare, number = name, 2
        while name in members or name in ("MRO", "NAME", "VALUE") or not name.isidentifier():
            name, number = f"{bare}_{number}", number + 1
        members[name] = value
    return members


def pascal(text: str) -> str:
    """PascalCase of `text`, its existing capitals kept: ``CollectionDTO`` + ``render_params`` style parts."""
    return "".join(word[:1].upper() + word[1:] for word in _words(text))


def class_name(key: str) -> str:
    """The class name for the schema `key`, before clashes are resolved.

    For a key with a server's module path (``a__b__Name``) it is made from the last part.
    """
    if key.isalnum() and key.isascii() and key[0].isupper():
        return key  # nearly every key is a class name already
    name = pascal(key.rpartition("__")[2].strip("_"))
    if not name.isidentifier():
        name = f"Model{name}" if f"Model{name}".isidentifier() else "Model"
    return name


def class_names(keys: Iterable[str]) -> dict[str, str]:
    """Class name -> schema key, with unique names.

    On a clash the first key in sorted order keeps the bare name; a later one gets the distinguishing part of its module
    path as a prefix (``GlossaryCollectionsListInput``), at worst a number.
    """
    names: dict[str, str] = {}
    alike: dict[str, list[str]] = {}
    for key in sorted(keys):
        name = bare = class_name(key)
        earlier = alike.setdefault(bare, [])
        if name in names:
            theirs = {part for other in earlier for part in other.split("__")}
            own = [part for part in key.split("__")[:-1] if part and part not in theirs]
            name = "".join(pascal(part) for part in own) + bare
        number = 2
        while name in names or not name.isidentifier():
            name, number = f"{bare}{number}", number + 1
        names[name] = key
        earlier.append(key)
    return names


#: Attributes of a client beside the resources of the API; a test compares them with the classes.
CLIENT_ATTRIBUTES = frozenset(
    "aclose client close invoke manifest map refresh_manifest resource sign whoami with_options".split()  # noqa: SIM905
)


def segment_name(segment: str) -> str:
    """The attribute name for a segment of an operation's id: ``import_`` for ``import``."""
    import keyword

    return f"{segment}_" if keyword.iskeyword(segment) else segment


def call_path(path: str) -> str:
    """The expression that reaches the resource or operation at a dotted path: ``resource("manifest").list``."""
    first, *rest = path.split(".")
    start = f'resource("{first}")' if first in CLIENT_ATTRIBUTES else segment_name(first)
    return ".".join([start, *map(segment_name, rest)])


def segment_of(name: str, siblings: Mapping[str, object]) -> str:
    """The segment among `siblings` whose attribute name is `name`; `name` itself if there is none."""
    bare = name.removesuffix("_")
    return bare if name not in siblings and bare in siblings and segment_name(bare) == name else name


def snake(name: str) -> str:
    """The module of a class: ``CatalogSearchInputQueryType0`` is in ``catalog_search_input_query_type_0``."""
    parts: list[str] = []
    for word in _words(name):
        digits = len(word) - len(word.rstrip("0123456789"))
        parts += [word[:-digits], word[-digits:]] if 0 < digits < len(word) else [word]
    return "_".join(parts).lower()


def module_name(operation_id: str) -> str:
    """The module of an operation: ``catalog.search`` is in ``catalog_search``."""
    return operation_id.replace(".", "_").replace("-", "_")


def nearest(name: str, candidates: Iterable[str], count: int = 3) -> list[str]:
    """At most `count` of `candidates` that resemble `name`, the nearest first."""
    from difflib import get_close_matches

    known = {c.lower(): c for c in candidates}
    return [known[match] for match in get_close_matches(name.lower()[:200], known, count, 0.6)]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """``"; did you mean 'a' or 'b'?"``, or an empty string if no candidate is close."""
    found = nearest(name, candidates)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


def near(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` misspells: another case, singular, order of words, or a typo."""
    bare, known = _bare(name), list(known)
    for one in known:
        other = _bare(one)
        if bare == other or sorted(_parts(name)) == sorted(_parts(one)):
            return str(one)
    for one in known:
        other = _bare(one)
        slips = 2 if min(len(bare), len(other)) > 6 else 1
        if min(len(bare), len(other)) > 2 and _distance(bare, other, slips) <= slips:
            return str(one)
        # An abbreviation: `geom`, `host`.
        if len(bare) > 3 and other.startswith(bare):
            return str(one)
    return None


def _bare(name: str) -> str:
    return "".join(c for c in name.lower()[:100] if c.isalnum())


def _parts(name: str) -> list[str]:
    return python_name(name).strip("_").split("_")


def _distance(a: str, b: str, most: int) -> int:
    """The edit distance, with swaps of neighbours; any number above `most` if it is larger."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
