"""The difference of two manifests: operations added, removed and changed, and the changes that break callers.

A change is breaking if code that worked against the first manifest can fail against the second: an input requires
more, or an output promises less. Pure: two documents in, a `Diff` out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .._display.safe import safe
from .._references import references
from ..manifest import PREFIX
from ._schemadiff import compare_schemas

_DANGER = {"read": 0, "compute": 1, "share_export": 2, "destructive": 3, "external_spend": 4}
_DEPRECATED = {True: "the operation is deprecated now", False: "the operation is no longer deprecated"}
_HEAD = ("api_version", "base_url", "path")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        kind: ``"added"``, ``"removed"`` or ``"changed"``.
        operation: The id, or None for the manifest itself.
        where: The location inside the operation (``input.groups[].sensor``, ``side_effect``).
        code: The kind of change, a fixed word for scripts.
        message: The change in words.
        breaking: Whether code that worked can fail.
    """

    kind: str
    operation: str | None
    where: str
    code: str
    message: str
    breaking: bool

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return safe(f"{'breaking  ' if self.breaking else '          '}{place}{self.message}")


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences of two manifests, in the order of the operations' ids. False if there are none.

    Attributes:
        changes: The differences.
        left_out: The unusable parts of the second description, one line each; they are not differences.
    """

    changes: tuple[Change, ...]
    left_out: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def added(self) -> list[str]:
        """The ids of new operations."""
        return self._ids("added")

    @property
    def removed(self) -> list[str]:
        """The ids of operations that are gone."""
        return self._ids("removed")

    @property
    def changed(self) -> list[str]:
        """The ids of operations that are in both and differ."""
        return self._ids("changed")

    @property
    def breaking(self) -> list[Change]:
        """The changes after which a caller can fail."""
        return [change for change in self.changes if change.breaking]

    def _ids(self, kind: str) -> list[str]:
        return sorted({c.operation for c in self.changes if c.kind == kind and c.operation is not None})

    def summary(self) -> str:
        """One line: how many operations were added, removed, changed, and how many changes break."""
        if not self:
            return "no changes"
        counts = f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed"
        return f"{counts}; {len(self.breaking)} breaking {'change' if len(self.breaking) == 1 else 'changes'}"

    def text(self) -> str:
        """The differences for people, grouped by operation; ends in the summary."""
        lines: list[str] = []
        last: Any = ""
        for change in self.changes:
            if change.operation != last:
                last = change.operation
                sign = {"added": "+", "removed": "-"}.get(change.kind, "~")
                lines.append(f"{sign} {change.operation or 'the manifest'}")
            lines.append(f"    {change}")
        lines += [f"! left out: {line}" for line in self.left_out]
        return "\n".join([*lines, self.summary()])

    def markdown(self) -> str:
        """The differences for the text of a pull request: breaking changes first, then operations by kind.

        It has at most 60,000 characters. Text of the API's description is escaped: it makes no links and no mentions.
        """
        lines = ["# Changes of the API", "", f"{_escaped(self.summary())}.", ""]
        titles = {
            "added": "New operations",
            "removed": "Operations that are gone",
            "changed": "Other changes",
        }
        groups: list[tuple[str, list[str]]] = [
            ("Breaking changes", [_item(change) for change in self.changes if change.breaking]),
            *(
                (title, [_item(c) for c in self.changes if c.kind == kind and not c.breaking])
                for kind, title in titles.items()
            ),
            ("Left out of the description", [f"- {_escaped(line)}" for line in self.left_out]),
        ]
        left = _MAX_MARKDOWN
        for title, items in groups:
            if not items:
                continue
            lines += [f"## {title}", ""]
            for number, item in enumerate(items):
                left -= len(item) + 1
                if left < 0:
                    lines.append(f"- … {len(items) - number} more")
                    break
                lines.append(item)
            lines.append("")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The differences for scripts: ids by kind, and every change with its fields."""
        return {
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "breaking": bool(self.breaking),
            "changes": [asdict(change) for change in self.changes],
            "left_out": list(self.left_out),
        }

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Diff: {self.summary()}>"


_MAX_MARKDOWN = 58_000


def _item(change: Change) -> str:
    place = ", ".join(f"`{part}`" for part in (change.operation, _plain(change.where)) if part)
    return f"- {place}: {_escaped(change.message)}" if place else f"- {_escaped(change.message)}"


def _plain(text: str) -> str:
    return text.replace("`", "'")[:300]


def _escaped(text: str) -> str:
    """Text in which nothing is Markdown, HTML or a mention, on one line."""
    line = " ".join(text[:1_000].split())
    line = "".join(f"\\{c}" if c in "\\`*_[]#|!~" else c for c in line)
    for mark, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        ("@", "&#64;"),
        ("://", "&#58;//"),
        ("www.", "www&#46;"),
    ):
        line = line.replace(mark, entity)
    return line


def diff(old: Mapping[str, Any], new: Mapping[str, Any], left_out: Iterable[str] = ()) -> Diff:
    """The differences of two manifests.

    Args:
        old: A manifest document.
        new: A manifest document.
        left_out: The unusable parts of the description of `new`, one line each.

    Returns:
        The `Diff` from `old` to `new`.
    """
    changes = [
        Change("changed", None, name, name, f"{old.get(name)!r} became {new.get(name)!r}", name == "path")
        for name in _HEAD
        if old.get(name) != new.get(name)
    ]
    before, after = old.get("operations") or {}, new.get("operations") or {}
    schemas = (old.get("schemas") or {}, new.get("schemas") or {})
    tainted = _tainted(*schemas)
    # All operations share the schemas of errors: a change in one is reported once.
    for key in sorted(_problems(before) & _problems(after) & tainted):
        problem = {"$ref": f"#/schemas/{key}"}
        for found in compare_schemas(problem, problem, schemas, sends=False, where=f"errors.{key}"):
            changes.append(Change("changed", None, found.where, found.code, found.message, found.breaking))
    for id in sorted({*before, *after}):
        if id not in after:
            changes.append(Change("removed", id, "", "operation-removed", "the operation is gone", True))
        elif id not in before:
            summary = after[id].get("summary") or "a new operation"
            changes.append(Change("added", id, "", "operation-added", summary, False))
        else:
            changes += _operation(id, before[id], after[id], schemas, tainted)
    changes += _words(old, new)
    return Diff(tuple(changes), tuple(left_out))


def _words(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """The changed descriptions of operations and schemas that both manifests have."""
    before, after = old.get("docs") or {}, new.get("docs") or {}
    for key in sorted({*before, *after}):
        a, b = before.get(key) or {}, after.get(key) or {}
        section, _, name = key.partition("/")
        known = name in (old.get("schemas") or {}) and name in (new.get("schemas") or {})
        id, _, field = name.rpartition("/")
        if section == "operations":
            known = id in (old.get("operations") or {}) and id in (new.get("operations") or {})
        if a == b or not known:
            continue
        count = sum(a.get(way) != b.get(way) for way in {*a, *b})
        gone = [
            way
            for way, words in b.items()
            if words.get("deprecated") and not a.get(way, {}).get("deprecated")
        ]
        message = f"{count} description{'' if count == 1 else 's'} changed"
        if gone:
            named = ", ".join(way.rpartition("/")[2] or "itself" for way in gone[:8])
            message += f"; deprecated now: {named}"
        operation, where = (id, field) if section == "operations" else (None, f"schemas.{name}")
        yield Change("changed", operation, where, "description-changed", message, False)


def _operation(
    id: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    schemas: tuple[Mapping[str, Any], Mapping[str, Any]],
    tainted: set[str],
) -> Iterator[Change]:
    for where, code, message, breaking in _facts(old, new):
        yield Change("changed", id, where, code, message, breaking)
    for where in ("input", "output"):
        a, b = old.get(where, {}), new.get(where, {})
        if a == b and not (references(a, PREFIX) & tainted):
            continue
        named, renamed = _name(a), _name(b)
        if renamed and named not in ("", renamed) and named not in schemas[1]:
            message = f"the model {named} is called {renamed} now"
            yield Change("changed", id, where, "model-renamed", message, True)
        for found in compare_schemas(a, b, schemas, sends=where == "input", where=where):
            yield Change("changed", id, found.where, found.code, found.message, found.breaking)


def _facts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """(location, code, message, breaking) of the differences beside the schemas."""
    defaults: dict[str, Any] = {"idempotent": False, "public": False, "body_required": True, "errors": {}}
    defaults |= {"success_status": 200, "media_type": "application/json", "produces": [], "summary": ""}
    defaults |= {"request_media_type": "application/json", "description": "", "deprecated": False, "tags": []}
    for name in (*defaults, "side_effect", "scope", "paging", "polling"):
        a, b = old.get(name, defaults.get(name)), new.get(name, defaults.get(name))
        if a == b:
            continue
        message = f"{_shown(a)} became {_shown(b)}"
        if name in ("description", "deprecated"):
            message = "the description changed" if name == "description" else _DEPRECATED[bool(b)]
        yield name, name.replace("_", "-") + "-changed", message, _breaks(name, a, b)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _breaks(name: str, a: Any, b: Any) -> bool:
    if name in ("summary", "description", "deprecated", "tags"):
        return False
    if name == "request_media_type":
        return bool(b != "application/json")
    if name == "side_effect":
        # An unknown side effect ranks with the worst, except that knowing it to be harmless is an improvement.
        return _DANGER.get(b, 5) > _DANGER.get(a, 5)
    if name in ("idempotent", "public"):
        return bool(a) and not b
    if name == "body_required":
        return bool(b) and not a
    if name == "scope":
        return b is not None
    if name in ("paging", "polling"):
        return a is not None
    if name == "produces":
        return bool(set(a or ()) - set(b or ()))
    if name == "errors":
        return any(status in b and b[status] != key for status, key in (a or {}).items())
    return True


def _problems(operations: Mapping[str, Any]) -> set[str]:
    """The keys of the schemas of errors."""
    return {key for entry in operations.values() for key in (entry.get("errors") or {}).values()}


def _name(schema: Any) -> str:
    ref = schema.get("$ref") if isinstance(schema, Mapping) else None
    return ref.rpartition("/")[2] if isinstance(ref, str) else ""


def _tainted(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """The schema keys whose content differs, themselves or through what they refer to."""
    keys = {*old, *new}
    tainted = {key for key in keys if old.get(key) != new.get(key)}
    users: dict[str, set[str]] = {}
    for key in keys:
        for target in references(old.get(key), PREFIX) | references(new.get(key), PREFIX):
            users.setdefault(target, set()).add(key)
    stack = list(tainted)
    while stack:
        for user in users.get(stack.pop(), set()) - tainted:
            tainted.add(user)
            stack.append(user)
    return tainted
