"""The parts of a schema that pydantic cannot say, held against the value by jsonschema.

jsonschema is imported at the first check, not before; its validators are kept per document. Patterns
and `multipleOf` are ours there too, so that a keyword means the same wherever it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic_core import MISSING, InitErrorDetails, PydanticCustomError, ValidationError

from ._budget import bounded, too_deep
from ._document import Document, Loc, fragment
from ._plain import plain
from ._quick import quick_check
from ._spec import Rest

__all__ = ["Check", "validator_for"]


class Check:
    """A function for a core schema: returns its argument, or raises its problems."""

    __slots__ = ("_run", "rests")

    def __init__(self, rests: list[Rest]) -> None:
        self.rests = rests
        self._run: list[_Part] | None = None

    def __call__(self, value: Any) -> Any:
        self._check(value)
        return value

    def fields(
        self, state: tuple[dict[str, Any], dict[str, Any] | None, set[str]], names: Mapping[str, str]
    ) -> Any:
        """The same for the inside of a model: (fields, extras, names of the fields that were given)."""
        fields, extra, given = state
        self._check(
            {
                **{names[n]: fields[n] for n in given if n in names and fields[n] is not MISSING},
                **(extra or {}),
            }
        )
        return state

    def _check(self, value: Any) -> None:
        if self._run is None:
            self._run = list(map(_Part, self.rests))
        try:
            problems = bounded(self._problems, value)
        except RecursionError:
            raise too_deep() from None
        if problems:
            raise ValidationError.from_exception_data("schema", problems)

    def _problems(self, value: Any) -> list[InitErrorDetails]:
        instance = plain(value)
        problems: list[InitErrorDetails] = []
        for part in self._run or ():
            if isinstance(instance, dict) and part.rest.unless in instance:
                continue
            if part.fits is None or not part.fits(instance):
                problems += islice(map(_problem, part.validator().iter_errors(instance)), 20)
        return problems


class _Part:
    """One of the checks: a quick yes where there is one, and what decides, made when it is needed."""

    __slots__ = ("_validator", "fits", "rest")

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.fits = quick_check(rest)
        self._validator: Any = None

    def validator(self) -> Any:
        if self._validator is None:
            self._validator = validator_for(self.rest.loc, self.rest.keywords)
        return self._validator


def _problem(error: Any) -> InitErrorDetails:
    kind = PydanticCustomError("json_schema", "{reason}", {"reason": _reason(error)})
    return InitErrorDetails(type=kind, loc=tuple(error.absolute_path), input=error.instance)


def _reason(error: Any) -> str:
    """The problem in a short sentence; jsonschema's own repeat the whole instance."""
    message = str(error.message)
    return message if len(message) <= 300 else f"{message[:140]} ... {message[-140:]}"


# -- jsonschema -------------------------------------------------------------------------------------------

_dialects: dict[bool, Any] = {}


def _validator_class(document: Document) -> Any:
    remembers = True
    for ancestor in document.reaches():
        ancestor.index()
        remembers &= not ancestor.dynamic
    if remembers not in _dialects:
        from ._dialect import make

        _dialects[remembers] = make(remembers=remembers)
    return _dialects[remembers]


def _containers(document: Document) -> dict[str, Any]:
    """The definitions of `document`, laid out so that pointers find them."""
    result: dict[str, Any] = {}
    if document.definitions is not None:
        for prefix in document.prefixes:
            inside = result
            for part in prefix[:-1]:
                inside = inside.setdefault(part, {})
            inside[prefix[-1]] = document.definitions
        document.index()
        if document._anchors or len(document._resources or ()) > 1:
            result["$defs"] = dict(document.definitions)
    return result


def _root(document: Document) -> Any:
    root: Any = document.root if document.definitions is None else {}
    if isinstance(root, Mapping):
        for ancestor in document.reaches():
            for name, value in _containers(ancestor).items():
                own = root.get(name)
                root = {**root, name: {**value, **own} if isinstance(own, Mapping) else value}
    return root


def _root_validator(document: Document) -> Any:
    if document.validator is None:
        from jsonschema_specifications import REGISTRY as specifications  # type: ignore[import-untyped]
        from referencing.jsonschema import DRAFT202012

        root = _root(document)
        registry = specifications
        for ancestor in document.reaches():
            if ancestor is not document and ancestor.definitions is not None:
                registry = registry.with_resource("", DRAFT202012.create_resource(_root(ancestor)))
            for key in ancestor.definitions or ():
                if "://" in key:
                    resource = DRAFT202012.create_resource((ancestor.definitions or {})[key])
                    registry = registry.with_resource(key, resource)
        # The validator adds the root by itself, and would look through it again at each check.
        if isinstance(root, Mapping):
            registry = registry.with_resource(document.base, DRAFT202012.create_resource(root))
        document.validator = _validator_class(document)(root, registry=registry.crawl())
    return document.validator


def validator_for(loc: Loc, keywords: frozenset[str] | None) -> Any:
    """A jsonschema validator for the schema at `loc`, or for just some of its keywords."""
    root = _root_validator(loc.doc)
    if not loc.pointer and keywords is None:
        return root
    if keywords is None or loc.base != loc.doc.base:
        return root.evolve(schema={"$ref": fragment(loc.pointer)})
    return root.evolve(schema={key: loc.schema[key] for key in keywords})
