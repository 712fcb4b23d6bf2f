"""`Operation`: the manifest's entry of one operation, as a frozen record."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar

_STREAMS = ("text/event-stream", "application/x-ndjson", "application/jsonl")


class _Frozen:
    """A record whose attributes are set once; equal when they all are."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, values[name])

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set", name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(
            f"{type(self).__name__} is frozen: {name!r} cannot be deleted", name=name, obj=self
        )

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(repr(self._values()))

    def __repr__(self) -> str:
        from .._display.text import short

        inner = ", ".join(f"{name}={short(value, 200)}" for name, value in self._values().items())
        return f"{type(self).__name__}({inner})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._values())


def _restore(cls: type[_Frozen], values: dict[str, Any]) -> _Frozen:
    return cls(**values)


class Paging(_Frozen):
    """How a list operation is paged.

    Attributes:
        convention: ``token`` (limit and next), ``offset`` (limit and offset), ``page`` (page and size) or
            ``search_page`` (limit and page). Pages count from 0.
        records: The field of the response that holds the records. None if the response is an array, or an object
            with a single array in it.
    """

    __slots__ = ("convention", "records")
    convention: str
    records: str | None


class Polling(_Frozen):
    """How an operation reports a status.

    Attributes:
        state: The field of the response that holds the status.
        success: The final statuses that mean success.
        failure: The final statuses that mean failure or cancellation.
    """

    __slots__ = ("failure", "state", "success")
    state: str
    success: tuple[str, ...]
    failure: tuple[str, ...]


class Operation(_Frozen):
    """One operation of the API.

    Attributes:
        id: The dotted id, which is also the path of attributes (``orders.archive.place``).
        summary: One line on what it does.
        description: Its description by the API, or an empty text.
        deprecated: Whether the API's description marks it as deprecated.
        tags: The groups of the API's description that it is in, beyond its resource.
        scope: The scope that a token needs, or None.
        side_effect: ``read``, ``compute``, ``external_spend``, ``destructive`` or ``share_export``. None if nothing is
            known; a call is then never retried once it was sent.
        idempotent: Whether it honours an ``Idempotency-Key``.
        success_status: The HTTP status of a success: 200, 201 or 202.
        media_type: The media type of the response.
        request_media_type: The media type of the body. Only JSON can be sent, see `callable`.
        public: Whether it can be called without a token.
        body_required: Whether a body is required.
        input: The JSON Schema of the body. References point into the manifest's schemas (``#/schemas/<key>``).
        output: The JSON Schema of the response, or of one record of a stream.
        errors: Declared error statuses (``404``, ``4XX``, ``default``), each with the key of its schema.
        produces: The kinds of objects that a call creates.
        estimate: The operation that takes the same body and estimates its price, or None.
        paging: See `Paging`; None if it is not paged.
        polling: See `Polling`; None if it reports no status.
    """

    __slots__ = (
        "body_required",
        "deprecated",
        "description",
        "errors",
        "estimate",
        "id",
        "idempotent",
        "input",
        "media_type",
        "output",
        "paging",
        "polling",
        "produces",
        "public",
        "request_media_type",
        "scope",
        "side_effect",
        "success_status",
        "summary",
        "tags",
    )
    id: str
    summary: str
    description: str
    deprecated: bool
    tags: tuple[str, ...]
    request_media_type: str
    scope: str | None
    side_effect: str | None
    idempotent: bool
    success_status: int
    media_type: str
    public: bool
    body_required: bool
    input: dict[str, Any]
    output: dict[str, Any]
    errors: dict[str, str]
    estimate: str | None
    produces: tuple[str, ...]
    paging: Paging | None
    polling: Polling | None

    _OPTIONAL: ClassVar[dict[str, Any]] = {
        "summary": "",
        "description": "",
        "deprecated": False,
        "request_media_type": "application/json",
        "scope": None,
        "side_effect": None,
        "idempotent": False,
        "success_status": 200,
        "media_type": "application/json",
        "public": False,
        "body_required": True,
        "input": {},
        "output": {},
        "errors": {},
        "estimate": None,
    }

    @classmethod
    def from_entry(cls, id: str, entry: Mapping[str, Any]) -> Operation:
        """The operation of a manifest's entry."""
        values = {name: entry.get(name, default) for name, default in cls._OPTIONAL.items()}
        paging, polling = entry.get("paging"), entry.get("polling")
        return cls(
            id=id,
            produces=tuple(entry.get("produces") or ()),
            tags=tuple(entry.get("tags") or ()),
            paging=Paging(convention=paging["convention"], records=paging.get("records")) if paging else None,
            polling=Polling(
                state=polling["state"],
                success=tuple(polling.get("success", ())),
                failure=tuple(polling.get("failure", ())),
            )
            if polling
            else None,
            **values,
        )

    @property
    def module_name(self) -> str:
        """The name of its low-level module: ``orders_archive_place``."""
        from .._names import module_name

        return module_name(self.id)

    @property
    def callable(self) -> bool:
        """Whether this library can send its body, which must have a JSON form."""
        media_type = self.request_media_type
        return media_type == "application/json" or media_type.endswith("+json")

    def error_key(self, status: int) -> str | None:
        """The key of the schema of an error with this status: an exact status, then ``4XX``, then ``default``."""
        return (
            self.errors.get(str(status))
            or self.errors.get(f"{status // 100}XX")
            or self.errors.get("default")
        )

    @property
    def streaming(self) -> bool:
        """Whether the response is a stream of records; `output` then describes one record."""
        return self.media_type in _STREAMS

    @property
    def binary(self) -> bool:
        """Whether the response is neither JSON nor a stream: an image, XML, a file."""
        return not (
            self.streaming or self.media_type == "application/json" or self.media_type.endswith("+json")
        )

    @property
    def spends(self) -> bool:
        """Whether a call may cost credits or money."""
        return self.side_effect == "external_spend"

    @property
    def read_only(self) -> bool:
        """Whether a call changes nothing, so that it is safe to retry."""
        return self.side_effect == "read"
