"""Entries that are decoded at first use, and how the canonical layout is cut into them without parsing."""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class Entries(Mapping[str, "Any"]):
    """Entries by key, each made at first access and then kept.

    Two threads that race to one entry both get the value that was stored first.
    """

    __slots__ = ("_made", "_make", "_raw")

    def __init__(self, raw: Mapping[str, Any], make: Callable[[str, Any], Any]) -> None:
        self._raw = raw
        self._make = make
        self._made: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        try:
            return self._made[key]
        except KeyError:
            return self._made.setdefault(key, self._make(key, self._raw[key]))

    def __contains__(self, key: object) -> bool:
        return key in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __repr__(self) -> str:
        return f"<{len(self)} entries, {', '.join(list(self)[:3])}, …>"


def index(
    data: bytes,
) -> tuple[dict[str, Any], dict[str, bytes], dict[str, bytes], dict[str, bytes]] | None:
    """(head, operations, schemas, docs) of a document in the canonical layout, entries as bytes; else None.

    Canonical: ``{`` alone on the first line, one line per scalar of the head, ``"operations": {``, then one line per
    entry, its key plain ASCII without escapes. A document in another layout is parsed in full, and so is one that may
    not be JSON: what is taken here is what a parser takes.
    """
    lines = data.split(b"\n")
    if lines[0] != b"{" or lines[-1] != b"" or lines[-2] != b"}" or b"\0" in data:
        return None
    head: dict[str, Any] = {}
    sections: dict[str, dict[str, bytes]] = {}
    section: dict[str, bytes] | None = None
    comma = True  # whether the line before ends with one, as it must before another one
    for line in lines[1:-2]:
        if line[:1] != b'"':
            if line not in (b"},", b"}") or section is None or (comma and section):
                return None
            section, comma = None, line == b"},"
            continue
        key, found, value = line[1:].partition(b'": ')
        name = key.decode("ascii", "replace")
        if (
            not found
            or b"\\" in key
            or b'"' in key
            or not key.isascii()
            or not name.isprintable()
            or not comma
        ):
            return None
        comma = value[-1:] == b","
        if comma:
            value = value[:-1]
        if section is not None:
            if value[:1] != b"{" or value[-1:] != b"}" or len(value) < 2:
                return None
            section[name] = value
        elif value == b"{" and not comma:
            section, comma = sections.setdefault(name, {}), True
            section.clear()
        elif value.isdigit() and len(value) < 10 and (value[:1] != b"0" or value == b"0"):
            head[name] = int(value)
        else:
            text = value[1:-1].decode("ascii", "replace")
            if (
                value != b'"%b"' % text.encode("ascii", "replace")
                or not text.isprintable()
                or {'"', "\\"} & {*text}
            ):
                return None
            head[name] = text
    if section is not None or comma or sections.keys() - {"docs"} != {"operations", "schemas"}:
        return None
    return head, sections["operations"], sections["schemas"], sections.get("docs", {})
