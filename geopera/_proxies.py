"""The attributes of a client: resources and operations.

Attribute access walks the manifest's tree of operations. Both kinds hold only their client and their path in the tree,
so they follow a refreshed manifest. A resource has no public attributes of its own, because resources are called
``items``, ``catalog`` or ``index``.
"""

from __future__ import annotations

from ._folding import folded
from ._forks import first_time
from ._loops.methods import Loops
from ._names import segment_name, segment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from inspect import Signature
    from typing import Any

    from .manifest import Manifest, Operation

__all__ = ["OperationCall", "Resource", "child"]


def child(client: Any, prefix: str, name: str) -> Resource | OperationCall:
    """The resource or operation `name` below `prefix`.

    Raises:
        AttributeError: If there is none; the message has the closest names.
    """
    inner = client._client
    found = _find(inner.manifest, prefix, name)
    if found is None and inner._auto:
        from .tracking.auto import lookup

        # An attribute cannot be awaited, so the async client does not wait for the API here.
        lookup(inner, lambda m: _find(m, prefix, name) is not None, wait=not client._asynchronous)
        found = _find(inner.manifest, prefix, name)
    if found is None:
        raise AttributeError(_missing(client, prefix, name), name=name, obj=client)
    path, node = found
    with first_time():
        return _resource(client, path) if isinstance(node, dict) else OperationCall(client, node)


def _find(manifest: Manifest, prefix: str, name: str) -> tuple[str, Any] | None:
    """(path, node) of the attribute `name` below `prefix`."""
    with first_time():
        siblings = manifest.node(prefix)
    if not isinstance(siblings, dict):
        return None
    segment = name if name in siblings else segment_of(name, siblings)
    node = siblings.get(segment)
    return None if node is None else (f"{prefix}.{segment}" if prefix else segment, node)


def _missing(client: Any, prefix: str, name: str) -> str:
    manifest, cls = client._client.manifest, type(client).__name__
    if not isinstance(manifest.node(prefix), dict):
        return f"{cls}{'.' + prefix if prefix else ''} is no longer a resource of the manifest"
    from ._repl.mistakes import no_child

    message = no_child(cls, prefix, name, manifest)
    if client._asynchronous and client._client._auto:
        path = f"{prefix}.{name}" if prefix else f"{name}.…"
        message += (
            f" (an attribute does not wait for the API; await client.invoke({path!r}, …) asks it first)"
        )
    return message


def at_path(client: Any, path: Any) -> Resource | OperationCall:
    """The resource or operation at a dotted path, also behind an attribute of the client. Raises ValueError if none."""
    if not isinstance(path, str):
        raise TypeError(f"resource() takes a dotted path such as 'orders.archive', not {path!r}")
    prefix, found = "", None
    for name in path.split("."):
        try:
            found = child(client, prefix, name)
        except AttributeError as exc:
            raise ValueError(str(exc)) from None
        prefix = found._prefix if isinstance(found, Resource) else found._id
    assert found is not None
    return found


class _Live:
    """An attribute that is computed when it is read from an instance, and fixed on the class."""

    __slots__ = ("_fixed", "_make")

    def __init__(self, make: Callable[[Any], Any], fixed: str | None = None) -> None:
        self._make = make
        self._fixed = fixed

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            return self._make(instance)
        if self._fixed is None:
            raise AttributeError("only instances have this attribute")
        return self._fixed


class Resource:
    __slots__ = ("_client", "_prefix")

    def _describe(self) -> str:
        from ._repl.operations import resource_doc

        return resource_doc(self._client.manifest, self._prefix)

    __doc__ = _Live(_describe, "A resource of the API: its attributes are operations and further resources.")

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return child(self._client, self._prefix, name)

    def __dir__(self) -> Iterator[str]:
        yield from sorted(map(segment_name, self._client.manifest.node(self._prefix) or ()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resource):
            return NotImplemented
        return self._client is other._client and self._prefix == other._prefix

    def __hash__(self) -> int:
        return hash((id(self._client), self._prefix))

    def __repr__(self) -> str:
        from ._repl.operations import resource_repr

        return resource_repr(self._client.manifest, self._prefix)

    def _repr_html_(self) -> str:
        from ._repl.operations import resource_html

        return resource_html(self._client.manifest, self._prefix)

    def __copy__(self) -> Resource:
        return self

    def __deepcopy__(self, memo: object) -> Resource:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _resource, (self._client, self._prefix)


# Python's message for a call of an uncallable object holds the name of its class. A `__call__` with a better message
# would make completion add a parenthesis after every resource.
_named: dict[str, type[Resource]] = {}


def _resource(client: Any, prefix: str) -> Resource:
    """A resource whose class has a message as its name: what it is, and what can be called."""
    cls = _named.get(prefix)
    if cls is None:
        from ._repl.mistakes import not_callable

        cls = type(
            not_callable(prefix, client._client.manifest),
            (Resource,),
            {"__slots__": (), "__doc__": Resource.__dict__["__doc__"]},
        )
        _named[prefix] = cls
    return cls(client, prefix)


class OperationCall(Loops):
    __slots__ = ("_client", "_id")

    _client: Any

    def _describe(self) -> str:
        from ._repl.operations import operation_doc

        return operation_doc(self.operation, self._client.manifest)

    def _parameters(self) -> Signature:
        from ._repl.operations import operation_signature

        return operation_signature(self.operation, self._client.manifest)

    __doc__ = _Live(
        _describe, "An operation of the API, ready to be called with a body or with keyword arguments."
    )
    __signature__ = _Live(_parameters)
    __name__ = _Live(lambda self: segment_name(self._id.rpartition(".")[2]))

    def __init__(self, client: Any, id: str) -> None:
        self._client = client
        self._id = id

    def __call__(
        self,
        body: Any = None,
        /,
        *,
        idempotency_key: str | None = None,
        detailed: bool = False,
        **fields: Any,
    ) -> Any:
        client = self._client
        try:
            endpoint = client._client._endpoint(self._id)
        except KeyError:
            self.operation  # noqa: B018 - raises if a refresh has removed it
            raise
        with folded:
            if body is None:
                endpoint.input.check_options(idempotency_key=idempotency_key, detailed=detailed)
            if endpoint.streams and not detailed:
                return client._stream(endpoint, body, fields, idempotency_key)
            made = client._perform(endpoint, body, fields, idempotency_key, detailed)
        if client._asynchronous:
            made.__qualname__ = self._id  # the name in Python's warning if it is never awaited
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "operation":  # the property found none
            raise AttributeError(f"{self._id} is no longer an operation of the manifest", name=name, obj=self)
        from ._repl.mistakes import no_attribute

        raise AttributeError(no_attribute(self._id, name), name=name, obj=self)

    def __getitem__(self, index: Any) -> Any:
        # Also called by a loop over the operation.
        from ._repl.mistakes import no_loop

        raise TypeError(no_loop(self._id))

    @property
    def operation(self) -> Operation:
        """The manifest's record of the operation.

        Raises:
            AttributeError: If a refresh has removed it.
        """
        found: Operation | None = self._client.manifest.operations.get(self._id)
        if found is None:
            raise AttributeError(f"{self._id} is no longer an operation of the manifest", name=self._id)
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OperationCall):
            return NotImplemented
        return self._client is other._client and self._id == other._id

    def __hash__(self) -> int:
        return hash((id(self._client), self._id))

    def _text(self, whole: bool) -> str:
        from ._repl.operations import operation_line, operation_text

        found = self._client.manifest.operations.get(self._id)
        if found is None:
            return f"<operation {self._id}, no longer in the manifest>"
        return (operation_text if whole else operation_line)(found, self._client.manifest)

    def __repr__(self) -> str:
        return self._text(whole=False)

    def __str__(self) -> str:
        return self._text(whole=True)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from ._display.terminal import pretty

        pretty(self, printer, cycle)

    def __dir__(self) -> Iterator[str]:
        from ._loops.offers import unable

        found = self._client.manifest.operations.get(self._id)
        hidden = unable(found) if found is not None else ()
        yield from (name for name in object.__dir__(self) if name not in hidden)

    def _repr_html_(self) -> str:
        from ._repl.operations import operation_html

        return operation_html(self.operation, self._client.manifest)

    def __copy__(self) -> OperationCall:
        return self

    def __deepcopy__(self, memo: object) -> OperationCall:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return OperationCall, (self._client, self._id)
