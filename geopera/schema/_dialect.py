"""jsonschema's validator with our reading of the keywords where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._budget import keep, recall, visit
from ._node import is_multiple, json_key
from .regex.pattern import compile_pattern

__all__ = ["make"]

_MOST_KEPT = 20  # problems of one reference


def make(*, remembers: bool) -> Any:
    """The validator class: draft 2020-12, ECMA patterns in bounded time, decimal `multipleOf`.

    Args:
        remembers: Whether a value is held against a reference once a validation. Not right where the meaning of a
            schema depends on who refers to it.
    """
    from jsonschema import Draft202012Validator, ValidationError, validators  # type: ignore[import-untyped]

    def pattern(validator: Any, text: str, instance: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(instance, "string") and not compile_pattern(text).matches(instance):
            yield ValidationError(f"{instance[:100]!r} does not match {text[:100]!r}")

    def multiple_of(validator: Any, step: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(instance, "number") and not is_multiple(instance, step):
            yield ValidationError(f"{instance!r} is not a multiple of {step}")

    def pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(instance, "object"):
            for text, subschema in patterns.items():
                compiled = compile_pattern(text)
                for key, value in instance.items():
                    if compiled.matches(key):
                        yield from validator.descend(value, subschema, path=key, schema_path=text)

    def additional_properties(validator: Any, extra: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if not validator.is_type(instance, "object"):
            return
        known = schema.get("properties", {})
        patterns = [compile_pattern(text) for text in schema.get("patternProperties", ())]
        for key, value in instance.items():
            if key in known or any(p.matches(key) for p in patterns):
                continue
            if extra is False:
                yield ValidationError(f"{key[:100]!r} is not allowed here", path=[key])
            elif extra is not True:
                yield from validator.descend(value, extra, path=key)

    def unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if (
            wanted
            and validator.is_type(instance, "array")
            and len(set(map(json_key, instance))) < len(instance)
        ):
            yield ValidationError("the items are not unique")

    follow = {name: Draft202012Validator.VALIDATORS[name] for name in ("$ref", "$dynamicRef")}

    def ref(validator: Any, target: Any, instance: Any, schema: Any) -> Iterator[Any]:
        visit(10)
        errors = follow["$ref"](validator, target, instance, schema)
        if not remembers or not isinstance(instance, dict | list):
            yield from errors
            return
        known = recall(schema, instance)
        if known is not None:
            for message, path in known:
                yield ValidationError(message, path=path)
            return
        found: list[tuple[str, tuple[Any, ...]]] = []
        for error in errors:
            if len(found) < _MOST_KEPT:
                found.append((error.message, tuple(error.path)))
                if len(found) == 1:  # it is known to fail, also for who wants to know no more
                    keep(schema, instance, found)
            yield error
        if not found:
            keep(schema, instance, found)

    def dynamic_ref(validator: Any, target: Any, instance: Any, schema: Any) -> Iterator[Any]:
        visit(10)
        yield from follow["$dynamicRef"](validator, target, instance, schema)

    return validators.extend(
        Draft202012Validator,
        {
            "$ref": ref,
            "$dynamicRef": dynamic_ref,
            "pattern": pattern,
            "multipleOf": multiple_of,
            "patternProperties": pattern_properties,
            "additionalProperties": additional_properties,
            "uniqueItems": unique_items,
        },
    )
