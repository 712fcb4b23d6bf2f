"""The fluent clients: ``client.<resource>.<action>(body)``, blocking and for the event loop.

Attribute access walks the manifest's tree of operations: a `Resource` leads on, an operation is called.
Both own nothing but their client and their place in the tree, so they follow a refreshed manifest. A
resource has no public name of its own, because resources are called ``items``, ``catalog`` or ``index``.
"""

from __future__ import annotations

import os

from ._loops.methods import Loops, Many
from ._names import did_you_mean
from ._transport.checks import check_headers, check_limits, check_policy, check_timeout
from .client import DEFAULT_BASE_URL, AuthenticatedClient, Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from inspect import Signature
    from typing import Any, Self

    from ._call.context import Context
    from ._call.endpoint import Endpoint
    from .manifest import Manifest, Operation
    from .tracking.refresh import Refresh
    from .types import Response

__all__ = ["AsyncGeopera", "Geopera"]

_OPTIONS = (
    "timeout",
    "total_timeout",
    "max_response_size",
    "headers",
    "max_retries",
    "retry",
    "extra_fields",
    "strict_responses",
)


class _Fluent(Many):
    """What both clients share: settings, the tree of attributes, and how a call is put together."""

    _asynchronous = False

    def __init__(self, token: str | None = None, base_url: str | None = None, **options: Any) -> None:
        token = token if token is not None else os.environ.get("GEOPERA_API_TOKEN") or None
        base_url = base_url or os.environ.get("GEOPERA_API_URL") or DEFAULT_BASE_URL
        known = _known_options(AuthenticatedClient)
        for name in options:
            if name not in known:
                raise TypeError(f"{type(self).__name__}() has no option {name!r}{did_you_mean(name, known)}")
        if token is not None:
            client: Client = AuthenticatedClient(base_url, token, **options)
        else:
            # How a token is sent may be said where there is none: it comes from the environment, or not.
            for name in ("prefix", "auth_header_name"):
                options.pop(name, None)
            client = Client(base_url, **options)
        self._attach(client, {})

    def _attach(self, client: Client, overrides: dict[str, Any]) -> None:
        self._client = client
        self._overrides = overrides
        self._made: Context | None = None

    @property
    def client(self) -> Client:
        """The `AuthenticatedClient` underneath, or the `Client` where there is no token."""
        return self._client

    @property
    def manifest(self) -> Manifest:
        """The operations and models that this client knows."""
        return self._client.manifest

    # The tree.

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _child(self, "", name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"{name!r} cannot be set on a {type(self).__name__}; with_options() gives one with other settings",
                name=name,
                obj=self,
            )
        object.__setattr__(self, name, value)

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *self._client.manifest.tree})

    def __repr__(self) -> str:
        return f"{type(self).__name__}{repr(self._client).removeprefix(type(self._client).__name__)}"

    # Settings.

    def with_options(self, **options: Any) -> Self:
        """A client over the same connections with other settings for its calls.

        timeout: seconds or an ``httpx.Timeout``; total_timeout: seconds for a whole call; max_response_size: bytes; headers: sent in addition; max_retries; retry: a whole
        `RetryPolicy`; extra_fields; strict_responses: as on the client. Raises TypeError for any other.
        """
        for name in options:
            if name not in _OPTIONS:
                raise TypeError(f"with_options() has no option {name!r}{did_you_mean(name, _OPTIONS)}")
        check_timeout(options.get("timeout"))
        check_limits(options.get("total_timeout"), options.get("max_response_size", 1))
        check_policy(options.get("retry"))
        check_headers(options.get("headers"), "headers")
        overrides = {**self._overrides, **options}
        if "headers" in options:
            overrides["headers"] = {**self._overrides.get("headers", {}), **(options["headers"] or {})}
        new = object.__new__(type(self))
        new._attach(self._client, overrides)
        new._context()  # a value that cannot be used is refused here, where it was written
        return new

    def _context(self) -> Context:
        if not self._overrides:
            return self._client._defaults()
        made = self._made
        if made is None:
            made = self._made = self._client._defaults().replace(self._overrides)
        return made

    # Calls.

    def _steps(
        self,
        endpoint: Endpoint,
        body: Any,
        fields: dict[str, Any],
        key: str | None = None,
        *,
        context: Context | None = None,
        content: bytes | None = None,
        **how: Any,
    ) -> Any:
        """The steps of one call, its body checked and made bytes; `content` is one that was before."""
        from ._call.steps import call

        if context is None:
            context = self._context()
        if content is None:
            content = endpoint.input.encode(body, fields, allow_extra=context.extra_fields == "allow")
        return call(endpoint, context, content, key=key, **how)

    def _content(self, endpoint: Endpoint, body: Any, fields: dict[str, Any]) -> bytes:
        """A body, checked and made bytes, for a loop that sends it more than once."""
        allow_extra = self._context().extra_fields == "allow"
        return endpoint.input.encode(body, fields, allow_extra=allow_extra)

    def _perform(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        raise NotImplementedError

    def invoke(
        self,
        operation_id: str,
        body: Any = None,
        /,
        *,
        idempotency_key: str | None = None,
        detailed: bool = False,
        **fields: Any,
    ) -> Any:
        """Call an operation by its id, also one that the manifest does not know.

        An unknown one takes any JSON object, returns open JSON, and is never repeated once it was sent.
        Everything else is as in calling the operation by attribute. Raises ValueError where the id is none.
        """
        endpoint = self._any_endpoint(operation_id)
        if endpoint.streams and not detailed:
            return self._stream(endpoint, body, fields, idempotency_key)
        return self._perform(endpoint, body, fields, idempotency_key, detailed)

    def _stream(self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None) -> Any:
        """An iterator over the records, also on the async client: there is nothing to await yet."""
        from ._loops.streams import stream

        return stream(self, endpoint, body, fields, key)

    def _any_endpoint(self, id: str) -> Endpoint:
        if id in self._client.manifest.operations:
            return self._client._endpoint(id)
        from ._call.endpoint import unknown_endpoint

        return unknown_endpoint(self._client.manifest, id)

    # A client holds a token and sockets. It is copied as itself, and pickled without the token.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), self._client, self._overrides)


def _unpickle(cls: type[_Fluent], client: Client, overrides: dict[str, Any]) -> _Fluent:
    new = object.__new__(cls)
    new._attach(client, overrides)
    return new


class Geopera(_Fluent):
    """The client: ``Geopera(token=...).catalog.search({...})``.

    token: an API key or a session token; by default ``GEOPERA_API_TOKEN``, then none. base_url: by
    default ``GEOPERA_API_URL``, then ``https://api.geopera.com``. Options are those of `Client` and, with
    a token, `AuthenticatedClient`. Nothing is sent and nothing imported until the first call.

    A call takes a dict, a model or keyword arguments, and returns the parsed answer; it raises a
    `GeoperaError`. One client serves any number of threads; as a context manager it closes its connections.
    """

    def _perform(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        response: Response[Any] = self._client._sync().run(self._steps(endpoint, body, fields, key))
        return response if detailed else response.parsed

    def refresh_manifest(self, *, dry_run: bool = False) -> Refresh:
        """Read the API's live description; this client then knows what it says, new operations included.

        Returns a `Refresh`: ``str()`` of it lists the differences. The manifest is also kept in the user's
        cache folder for the next import; other clients of this process stay as they are. dry_run: compare
        only. Raises `ManifestError` where the description cannot be used, and `APIConnectionError` where
        none came; then nothing has changed.
        """
        from .tracking.refresh import refresh

        return refresh(self._client, dry_run=dry_run)

    def close(self) -> None:
        """Close the connections. Closing twice does nothing; a later call opens new ones."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncGeopera(_Fluent):
    """The client for the event loop: ``await AsyncGeopera(token=...).catalog.search({...})``.

    The same surface as `Geopera`, with calls awaited. One client serves any number of tasks.
    """

    _asynchronous = True

    async def _perform(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        response: Response[Any] = await self._client._async().run(self._steps(endpoint, body, fields, key))
        return response if detailed else response.parsed

    async def refresh_manifest(self, *, dry_run: bool = False) -> Refresh:
        """Read the API's live description, as `Geopera.refresh_manifest` does."""
        from .tracking.refresh import refresh_async

        return await refresh_async(self._client, dry_run=dry_run)

    async def aclose(self) -> None:
        """Close the connections. Closing twice does nothing; a later call opens new ones."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()


def _known_options(cls: type[Client]) -> list[str]:
    names: list[str] = []
    for base in cls.__mro__:
        code = getattr(base.__dict__.get("__init__"), "__code__", None)
        if code is not None:
            names += code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return [name for name in names if name not in ("token", "base_url")]


def _child(client: _Fluent, prefix: str, name: str) -> Resource | OperationCall:
    """What lies at `name` below `prefix`. Raises AttributeError, with the nearest names."""
    manifest = client._client.manifest
    siblings = manifest.node(prefix)
    node = siblings.get(name) if isinstance(siblings, dict) else None
    if node is None:
        place = f"{type(client).__name__}{'.' + prefix if prefix else ''}"
        if not isinstance(siblings, dict):
            raise AttributeError(f"{place} is no longer a resource of the manifest", name=name, obj=client)
        hint = did_you_mean(name, siblings) or f"; it has {', '.join(sorted(siblings)[:12])}"
        raise AttributeError(f"{place} has no operation or resource {name!r}{hint}", name=name, obj=client)
    if isinstance(node, dict):
        return Resource(client, f"{prefix}.{name}" if prefix else name)
    return OperationCall(client, node)


class _Live:
    """An attribute that is made when it is read of an instance, and is fixed on the class."""

    __slots__ = ("_fixed", "_make")

    def __init__(self, make: Callable[[Any], Any], fixed: str | None = None) -> None:
        self._make = make
        self._fixed = fixed

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            return self._make(instance)
        if self._fixed is None:
            raise AttributeError("only an instance has it")
        return self._fixed


class Resource:
    __slots__ = ("_client", "_prefix")

    def _describe(self) -> str:
        from ._repl.operations import resource_doc

        return resource_doc(self._client.manifest, self._prefix)

    __doc__ = _Live(_describe, "A resource of the API: its attributes are operations and further resources.")

    def __init__(self, client: _Fluent, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _child(self._client, self._prefix, name)

    def __dir__(self) -> Iterator[str]:
        yield from sorted(self._client.manifest.node(self._prefix) or ())

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
        return Resource, (self._client, self._prefix)


class OperationCall(Loops):
    __slots__ = ("_client", "_id")

    _client: _Fluent

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
    __name__ = _Live(lambda self: self._id.rpartition(".")[2])

    def __init__(self, client: _Fluent, id: str) -> None:
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
            self.operation  # noqa: B018 - says that a refresh has removed it
            raise
        if endpoint.streams and not detailed:
            return client._stream(endpoint, body, fields, idempotency_key)
        return client._perform(endpoint, body, fields, idempotency_key, detailed)

    @property
    def operation(self) -> Operation:
        """The manifest's record of the operation. Raises AttributeError where a refresh has removed it."""
        found = self._client.manifest.operations.get(self._id)
        if found is None:
            raise AttributeError(f"{self._id} is no longer an operation of the manifest", name=self._id)
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OperationCall):
            return NotImplemented
        return self._client is other._client and self._id == other._id

    def __hash__(self) -> int:
        return hash((id(self._client), self._id))

    def __repr__(self) -> str:
        from ._repl.operations import operation_repr

        found = self._client.manifest.operations.get(self._id)
        if found is None:
            return f"<operation {self._id}, no longer in the manifest>"
        return operation_repr(found, self._client.manifest)

    def _repr_html_(self) -> str:
        from ._repl.operations import operation_html

        return operation_html(self.operation, self._client.manifest)

    def __copy__(self) -> OperationCall:
        return self

    def __deepcopy__(self, memo: object) -> OperationCall:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return OperationCall, (self._client, self._id)
