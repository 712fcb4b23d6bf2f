"""The manifest: the API as data.

A manifest is one JSON document: the operations by id, and the JSON Schemas that they refer to. The bundled one is read
when the package is imported. Its layout, one entry per line, is indexed without parsing: an entry is decoded at first
use, so that neither the size of the API nor the JSON module costs anything at import. A document in any other layout is
read as well.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Mapping

from ..errors import ManifestError
from . import _cache, _trust
from ._described import described
from ._entries import Entries, index
from ._files import UnsafeFileError, read_file
from ._operation import Operation, Paging, Polling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike
    from typing import Any

    from ..schema import Registry

__all__ = ["Manifest", "Models", "Operation", "Paging", "Polling", "bundled", "default", "load"]

FORMAT = _trust.FORMAT
PREFIX = _trust.PREFIX
_building = RLock()


def _decode(key: str, raw: Any) -> Any:
    if isinstance(raw, bytes):
        from json import loads

        try:
            return loads(raw)
        except (ValueError, RecursionError) as exc:
            raise ManifestError(f"the manifest's entry {key!r} is damaged: {exc}") from exc
    return raw


def _refuse(faults: Iterable[_trust.Fault], *before: str, what: str = "the manifest") -> None:
    for fault in faults:
        raise ManifestError(f"{what} cannot be used: {_trust.line(fault, *before)}")


def _checked_schema(key: str, raw: Any) -> Any:
    schema = _decode(key, raw)
    _refuse(_trust.schema_faults(schema), "schemas", key)
    return schema


def _checked_docs(key: str, raw: Any) -> Any:
    entry = _decode(key, raw)
    _refuse(_trust.doc_faults(entry), "docs", key)
    return entry


class Manifest:
    """The operations of one version of the API, and the schemas of what they take and return.

    Attributes:
        api_version: The version of the API.
        base_url: Where it is served.
        path: The path of an operation, with ``{operation_id}`` in it.
        operations: `Operation` by id.
        schemas: JSON Schema by key, without descriptions.
        docs: The descriptions of schemas: by ``schemas/<key>`` or ``operations/<id>/input``, then by JSON pointer.
        described: `schemas` with those descriptions in them.
        models: The pydantic classes made from the schemas, at first use (``manifest.models.CatalogSearchInput``).
    """

    __slots__ = (
        "__weakref__",
        "_entries",
        "_previous",
        "_registry",
        "_tree",
        "api_version",
        "base_url",
        "compiled",
        "described",
        "docs",
        "operations",
        "path",
        "schemas",
        "source",
    )

    operations: Mapping[str, Operation]
    schemas: Mapping[str, Any]
    docs: Mapping[str, Any]

    def __init__(
        self,
        head: Mapping[str, Any],
        operations: Mapping[str, Any],
        schemas: Mapping[str, Any],
        docs: Mapping[str, Any],
        source: str = "",
    ) -> None:
        _refuse(_trust.faults(head, operations, schemas, docs), what=source or "the manifest")
        self.api_version: str = head.get("api_version", "")
        self.base_url: str = head.get("base_url", "https://api.geopera.com")
        self.path: str = head.get("path", "/v1/op/{operation_id}")
        self._entries = Entries(operations, self._checked_entry)
        self.operations = Entries(self._entries, Operation.from_entry)
        self.schemas = Entries(schemas, _checked_schema)
        self.docs = Entries(docs, _checked_docs)
        self.described = self.schemas if not docs else Entries(self.schemas, self._with_docs)
        self.source = source
        self.compiled: dict[str, Any] = {}  # compiled operations by id, made at first call
        self._previous: Manifest | None = None
        self._tree: dict[str, Any] | None = None
        self._registry: Registry | None = None

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "") -> Manifest:
        """Read a manifest from its bytes.

        Args:
            data: The JSON document.
            source: Where it is from, for messages.

        Returns:
            The manifest.

        Raises:
            ManifestError: If it is not a manifest, or is not safe to use.
        """
        if len(data) > _trust.MAX_BYTES:
            raise ManifestError(f"{source or 'the manifest'} is larger than {_trust.MAX_BYTES >> 20} MiB")
        indexed = index(data)
        if indexed is not None:
            return cls(*indexed, source=source)
        from json import loads

        try:
            document = loads(data)
        except (ValueError, RecursionError) as exc:
            raise ManifestError(f"{source or 'the manifest'} is not JSON: {exc}") from exc
        return cls.from_dict(document, source=source)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], source: str = "") -> Manifest:
        """Read a manifest from the document as Python objects.

        Args:
            document: The document.
            source: Where it is from, for messages.

        Returns:
            The manifest.

        Raises:
            ManifestError: If it is not a manifest, or is not safe to use.
        """
        if not isinstance(document, Mapping):
            raise ManifestError(f"{source or 'the manifest'} is not a JSON object")
        parts: list[Any] = [document.get("operations"), document.get("schemas"), document.get("docs", {})]
        for part in parts:
            if isinstance(part, Mapping) and any(isinstance(raw, bytes) for raw in part.values()):
                raise ManifestError(f"{source or 'the manifest'} has an entry of bytes, which are not JSON")
        operations, schemas, docs = parts
        return cls(document, operations, schemas, docs, source=source)

    def to_dict(self) -> dict[str, Any]:
        """The whole document as plain Python objects, a copy."""
        from copy import deepcopy

        document = {
            "format": FORMAT,
            "api_version": self.api_version,
            "base_url": self.base_url,
            "path": self.path,
            "operations": {id: deepcopy(entry) for id, entry in self._entries.items()},
            "schemas": {key: deepcopy(schema) for key, schema in self.schemas.items()},
        }
        if self.docs:
            document["docs"] = {key: deepcopy(words) for key, words in self.docs.items()}
        return document

    def _checked_entry(self, id: str, raw: Any) -> Any:
        entry = _decode(id, raw)
        _refuse(_trust.entry_faults(entry, self.schemas), "operations", id)
        for field in ("input", "output"):
            _refuse(_trust.schema_faults(entry.get(field, {})), "operations", id, field)
        return entry

    def _with_docs(self, key: str, schema: Any) -> Any:
        return described(schema, self.docs.get(f"schemas/{key}"))

    def described_body(self, operation: Operation) -> dict[str, Any]:
        """The schema of an operation's body, with its descriptions."""
        body: dict[str, Any] = described(operation.input, self.docs.get(f"operations/{operation.id}/input"))
        return body

    @property
    def registry(self) -> Registry:
        """The registry that builds the models, each at first use and once."""
        if self._registry is None:
            from ..schema import Registry

            with _building:
                if self._registry is None:
                    self._registry = Registry(
                        self.schemas,
                        previous=self._previous.registry if self._previous is not None else None,
                        prefix=PREFIX,
                        module="geopera.models" if self is _default else None,
                        inline=_Bodies(self),
                    )
        return self._registry

    def succeed(self, previous: Manifest) -> Manifest:
        """Use the models of `previous` wherever the schema is the same. Returns this manifest."""
        self._previous = previous
        return self

    @property
    def models(self) -> Models:
        """The classes of this manifest, by attribute: ``manifest.models.CatalogSearchInput``."""
        return Models(self.registry)

    @property
    def tree(self) -> dict[str, Any]:
        """The operations as a tree of names: a dict for a resource, the id for an operation."""
        if self._tree is None:
            tree: dict[str, Any] = {}
            for id in self.operations:
                node = tree
                *resources, leaf = id.split(".")
                for name in resources:
                    node = node.setdefault(name, {})
                    if not isinstance(node, dict):
                        raise ManifestError(f"the operation {id!r} lies below another operation")
                if isinstance(node.setdefault(leaf, id), dict):
                    raise ManifestError(f"the operation {id!r} is also a resource")
            self._tree = tree
        return self._tree

    def node(self, path: str) -> Any:
        """The node at the dotted `path`: a dict of a resource's children, an operation's id, or None."""
        node: Any = self.tree
        for name in path.split(".") if path else ():
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def __repr__(self) -> str:
        from .._display.safe import one_line

        version, source = one_line(str(self.api_version), 60), one_line(str(self.source or "memory"), 200)
        return f"<Manifest of API {version}, {len(self.operations)} operations, from {source}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self is _default:
            return default, ()
        return Manifest.from_dict, (self.to_dict(), self.source)


class Models:
    """The classes built from a manifest's schemas, each at first use, each once.

    A class is an attribute (``models.CatalogSearchInput``); ``dir(models)`` lists them all.
    """

    __slots__ = ("_registry",)

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._registry.model(name)
        except KeyError:
            from .._names import did_you_mean

            hint = did_you_mean(name, self._registry.names())
            raise AttributeError(f"the manifest has no model {name!r}{hint}", name=name, obj=self) from None

    def __dir__(self) -> list[str]:
        return sorted(self._registry.names())

    def __repr__(self) -> str:
        return f"<models: {len(self._registry.names())} classes>"


class _Bodies(Mapping[str, "Any"]):
    """The inputs without a schema of their own, by class name; found when one is needed."""

    __slots__ = ("_found", "_manifest")

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._found: dict[str, str] | None = None

    def _ids(self) -> dict[str, str]:
        if self._found is None:
            from .._names import pascal

            self._found = {
                pascal(id.replace(".", "_")) + "Body": id
                for id, operation in self._manifest.operations.items()
                if "$ref" not in operation.input
            }
        return self._found

    def __getitem__(self, name: str) -> Any:
        if not name.endswith("Body"):
            raise KeyError(name)
        return self._manifest.operations[self._ids()[name]].input

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids())

    def __len__(self) -> int:
        return len(self._ids())


def load(path: str | PathLike[str]) -> Manifest:
    """Read a manifest from a file.

    Args:
        path: The file.

    Returns:
        The manifest.

    Raises:
        ManifestError: If it cannot be read, is not a manifest, or is not safe to use.
    """
    from os import fspath

    try:
        data = read_file(path := fspath(path))
    except UnsafeFileError as exc:
        raise ManifestError(f"the manifest cannot be read: {exc}") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ManifestError(f"the manifest {path!r} cannot be read: {reason}") from exc
    return Manifest.from_bytes(data, source=path)


def bundled_bytes(name: str = "manifest.json") -> bytes:
    """The bytes of a data file of the package: ``manifest.json``, ``overlay.json``, ``format.schema.json``.

    They are inside the package in a wheel or a zip, and beside it in a source tree.
    """
    import os

    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    beside = os.path.join(here, os.pardir, "manifest", "geopera.json" if name == "manifest.json" else name)
    get_data = getattr(__spec__.loader, "get_data", None)
    for path in (os.path.join(here, "_data", name), beside):
        try:
            if get_data is not None:
                data: bytes = get_data(path)
                return data
            with open(path, "rb") as file:
                return file.read()
        except OSError:
            continue
    raise ManifestError(f"the package's own file {name!r} is missing; reinstall geopera")


def bundled() -> Manifest:
    """A new copy of the manifest that this version of the package was built with."""
    return Manifest.from_bytes(bundled_bytes(), source="the package")


_default: Manifest | None = None


def default() -> Manifest:
    """The manifest of this process, fixed when the package is imported.

    In this order: the file that ``GEOPERA_MANIFEST`` names (`ManifestError` if it is unusable), the refreshed
    one in the user's cache folder when it is not older than the bundled one, the bundled one.
    """
    global _default
    if _default is None:
        _default = _choose()
    return _default


AUTO = "auto"


def named_file() -> str | None:
    """The file that ``GEOPERA_MANIFEST`` names; None if it names none, or is ``auto``."""
    import os

    name = os.environ.get("GEOPERA_MANIFEST")
    return name if name != AUTO else None


def _choose() -> Manifest:
    import os

    path = named_file()
    if path:
        return load(path)
    data = bundled_bytes()
    base_url = os.environ.get("GEOPERA_API_URL") or _cache.head_value(data, "base_url")
    return _refreshed(base_url, data) or Manifest.from_bytes(data, source="the package")


def _refreshed(base_url: str, data: bytes) -> Manifest | None:
    from .._version import __version__

    found = _cache.refreshed(base_url, data, __version__)
    if found is None:
        return None
    try:
        manifest = Manifest.from_bytes(found[0], source=found[1])
    except ManifestError as exc:  # a later release may write another format
        _cache.warn_unusable(str(exc))
        return None
    # A client without a URL uses that of its manifest, so a manifest of one API must not lead to another one.
    own = {_cache.public_url(url) for url in (base_url, _cache.head_value(data, "base_url"))}
    if _cache.public_url(manifest.base_url) not in own:
        _cache.warn_unusable(f"{found[1]} is of another API, {_trust.shown(manifest.base_url)}")
        return None
    return manifest


_by_url: dict[str, Manifest] = {}


def for_url(base_url: str) -> Manifest:
    """The manifest of a new client of the API at `base_url`.

    That is `default()`, unless the cache holds a refreshed manifest of that API. It is looked up once in a process; the
    file of ``GEOPERA_MANIFEST`` has precedence.
    """
    import os

    chosen = _by_url.get(base_url)
    if chosen is None:
        own = os.environ.get("GEOPERA_API_URL") or default().base_url
        alike = _cache.public_url(base_url) == _cache.public_url(own)
        other = None if alike or named_file() else _refreshed(base_url, bundled_bytes())
        chosen = _by_url.setdefault(base_url, other or default())
    return chosen
