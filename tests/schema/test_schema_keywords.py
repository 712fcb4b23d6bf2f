"""The table of keywords, held against the draft that others know."""

from __future__ import annotations

from jsonschema import Draft202012Validator
from jsonschema_specifications import REGISTRY

from geopera import _keywords as table

_VOCABULARY = "https://json-schema.org/draft/2020-12/meta/"


def test_every_keyword_of_the_draft_that_constrains_is_there() -> None:
    beside_contains = {"minContains", "maxContains"}
    assert {*table.CONSTRAINTS, "format"} - beside_contains == set(Draft202012Validator.VALIDATORS)


def test_the_vocabularies_are_those_of_the_draft() -> None:
    for name in ("applicator", "unevaluated", "validation", "content"):
        published = set(REGISTRY.contents(_VOCABULARY + name)["properties"])
        mine = {word for word, vocabulary in table.VOCABULARIES.items() if vocabulary == name}
        assert mine <= published, name
        assert name == "content" or mine == published, name


def test_what_holds_schemas_is_what_the_draft_says() -> None:
    for name in ("core", "applicator", "unevaluated", "content"):
        for word, rule in REGISTRY.contents(_VOCABULARY + name)["properties"].items():
            inner = rule.get("additionalProperties", {})
            form = (
                "schema"
                if "$dynamicRef" in rule
                else "map"
                if "$dynamicRef" in inner
                else "list"
                if rule.get("$ref") == "#/$defs/schemaArray"
                else "data"
            )
            holds = table.FORMS.get(word, "data")
            assert (holds if holds in ("schema", "list", "map") else "data") == form, word
