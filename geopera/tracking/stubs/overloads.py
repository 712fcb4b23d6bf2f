"""The ways to give an operation its body, as overloads of the methods that take one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAPPING = "_t.Mapping[str, object]"


class Body:
    """What an operation takes.

    text: The type of a body that is right; empty where nothing is known of it.
    keywords: The fields as parameters.
    optional: Whether the body may be left out.
    checked: Whether a dict with other fields is wrong.
    """

    def __init__(self, text: str, keywords: list[str], *, optional: bool, checked: bool) -> None:
        self.text = text
        self.keywords = keywords
        self.optional = optional
        self.checked = checked

    def variants(self, own: str) -> Iterator[tuple[str, bool]]:
        """(parameters after `self`, whether they are wrong) of every way; `own` belongs to the method."""
        tail = f", *, {own}" if own else ""
        if not self.text and self.optional:
            fields = ", ".join(self.keywords) or "**fields: _t.Any"
            front = f"*, {own}, " if own else "*, " if not fields.startswith("**") else ""
            yield f"body: {MAPPING} | None = ..., /, {front}{fields}", False
            return
        if self.text:
            yield f"body: {self.text}{' | None' if self.optional else ''}, /{tail}", False
            if self.checked:
                yield f"body: _h.OtherDict, /{tail}", True
        yield f"body: {MAPPING}, /{tail}", False
        pieces = ", ".join(part for part in (own, *self.keywords) if part)
        yield f"{'' if pieces.startswith('**') or not pieces else '*, '}{pieces}", False


class Way(NamedTuple):
    """One result of a method.

    kind: The protocol that `self` has, which has the type of the result; empty in a class of one flavour.
    own: The options with which it is.
    result: The result, in a class of one flavour.
    """

    kind: str
    own: str
    result: str = "_h.C"


def overloads(
    name: str, body: Body, ways: Sequence[Way], *, word: str = "", doc: str = "..."
) -> Iterator[str]:
    """The overloads of a method.

    Those for a dict that is written in place and is not what the operation takes return nothing that can be used. A
    dict that has a name is accepted: its fields are not known.

    Args:
        name: Its name.
        body: What its operation takes.
        ways: What it may return.
        word: What stands before `def`.
        doc: The docstring.
    """
    found: list[tuple[str, str, str]] = []
    for many in zip(*(body.variants(way.own) for way in ways), strict=True):
        if many[0][1]:
            # Whatever the options are: those of the first way are those of all, but for their types.
            parameters = many[0][0].replace("detailed: _t.Literal[False]", "detailed: bool")
            found += [(f"self: {flavour}", parameters, result) for flavour, result in _WRONG.items()]
        else:
            found += [
                (f"self: {way.kind}[_h.C]" if way.kind else "self", parameters, way.result)
                for (parameters, _), way in zip(many, ways, strict=True)
            ]
    for index, (first, parameters, result) in enumerate(found):
        if len(found) > 1:
            yield "    @_t.overload"
        before = "" if result in _WRONG.values() else word
        given = f"{first}, {parameters}" if parameters else first
        yield f"    {before}def {name}({given}) -> {result}: {'...' if index else doc}"


_WRONG = {"_h.SyncCall": "_h.Wrong[_h.T]", "_h.AsyncCall": "_h.BodyDoesNotMatch"}
