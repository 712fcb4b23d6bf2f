"""Pickling what was made at run time: by name where a module offers the class, by schema elsewhere."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

from ._adapter import Adapter
from ._document import Loc, Pointer, children
from ._model import ClassRef, ModelMeta, SchemaEnumMeta, importable
from ._registry import Registry
from ._unit import Unit

__all__ = ["reduce_adapter", "reduce_class", "reduce_reference"]

#: Registries by the content of what was pickled of them, so that a class comes back as itself.
_known: WeakValueDictionary[str, Registry] = WeakValueDictionary()
#: The last ones restored, so that classes of one pickle stay the same class while nobody holds a registry.
_kept: dict[str, Registry] = {}


def reduce_class(cls: Any) -> Any:
    unit: Unit | None = cls.__dict__.get("__origin_unit__")
    if unit is None or importable(cls):
        return cls.__qualname__  # by name, as any class
    return _restore_class, _address(unit)


def reduce_reference(reference: ClassRef) -> Any:
    """As the class itself: what is read back in its place is the class."""
    unit: Unit = reference.cls.__origin_unit__
    return _restore_class, _address(unit)


def reduce_adapter(adapter: Adapter) -> Any:
    return _restore_adapter, _address(adapter.type.unit)


def _reached(start: Loc) -> Iterator[tuple[Any, str]]:
    """(document, key) of every definition that `start` may lead to."""
    stack = [start]
    seen: set[Any] = set()
    while stack:
        loc = stack.pop()
        document = loc.doc
        if document.definitions is not None:
            key = loc.pointer[len(document.prefixes[0])]
            if (id(document), key) not in seen:
                seen.add((id(document), key))
                yield document, key
                stack.append(document.definition(key))
        if loc.key in seen or not isinstance(loc.schema, Mapping):
            continue
        seen.add(loc.key)
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in loc.schema:
                stack.append(loc.doc.resolve(loc.schema[keyword], loc))
        stack.extend(loc.sub(*parts) for parts, _ in children(loc.schema))


def _address(unit: Unit) -> tuple[Any, ...]:
    """What rebuilds the unit elsewhere: the registry's settings, the definitions it needs, root, pointer."""
    registry, loc = unit.registry, unit.loc
    shared = loc.doc is registry.document
    document = registry.document
    start = loc if shared else loc.doc.top
    keys = {key for owner, key in _reached(start) if owner is document}
    if document._anchors or len(document._resources or ()) > 2:
        keys = set(document.definitions or ())
    definitions = {key: value for key, value in (document.definitions or {}).items() if key in keys}
    name = registry._documents[id(loc.doc)][1] if not shared else ""
    names = {key: registry._class_name(key) for key in definitions}
    root = None if shared else loc.doc.root
    address = definitions, names, document.prefixes, registry.module, root, name, not shared, loc.pointer
    _known.setdefault(_digest(address[:-1]), registry)
    return address


def _digest(parts: tuple[Any, ...]) -> str:
    import json
    from hashlib import sha256

    return sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _restore_unit(
    definitions: dict[str, Any],
    names: dict[str, str],
    prefixes: tuple[Pointer, ...],
    module: str,
    root: Any,
    name: str,
    own: bool,
    pointer: Pointer,
) -> tuple[Registry, Loc]:
    digest = _digest((definitions, names, prefixes, module, root, name, own))
    registry = _known.get(digest)
    if registry is None:
        registry = Registry(definitions, module=module, _prefixes=prefixes, _names=names)
        _known[digest] = registry
    _kept[digest] = registry
    while len(_kept) > 100:
        del _kept[next(iter(_kept))]
    start = registry._root_of(root, name) if own else registry.document.top
    fragment = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in pointer)
    return registry, start.doc._descend(start, fragment) or start if fragment else start


def _restore_class(*address: Any) -> Any:
    registry, loc = _restore_unit(*address)
    return registry._class_at(loc, registry._name(loc))


def _restore_adapter(*address: Any) -> Any:
    registry, loc = _restore_unit(*address)
    return registry._adapter_at(loc, registry._name(loc))


copyreg.pickle(ModelMeta, reduce_class)
copyreg.pickle(SchemaEnumMeta, reduce_class)
copyreg.pickle(ClassRef, reduce_reference)
copyreg.pickle(Adapter, reduce_adapter)
