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
    entry, its key plain ASCII without escapes. A document in another layout is parsed in full.
    """
    lines = data.split(b"\n")
    if lines[0] != b"{" or lines[-1] != b"" or lines[-2] != b"}":
        return None
    head: dict[str, Any] = {}
    sections: dict[str, dict[str, bytes]] = {}
    section: dict[str, bytes] | None = None
    for line in lines[1:-2]:
        if line[:1] != b'"':
            if line not in (b"},", b"}") or section is None:
                return None
            section = None
            continue
        key, found, value = line.partition(b'": ')
        if not found or b"\\" in key:
            return None
        name = key[1:].decode("ascii", "replace")
        if section is not None:
            section[name] = value[:-1] if value[-1:] == b"," else value
        elif value == b"{":
            section = sections[name] = {}
        else:
            value = value.rstrip(b",")
            if value[:1] == b'"' and value[-1:] == b'"' and b"\\" not in value:
                head[name] = value[1:-1].decode("utf-8", "replace")
            elif value.isdigit() and len(value) < 10:
                head[name] = int(value)
            else:
                return None
    if section is not None or sections.keys() - {"docs"} != {"operations", "schemas"}:
        return None
    return head, sections["operations"], sections["schemas"], sections.get("docs", {})
