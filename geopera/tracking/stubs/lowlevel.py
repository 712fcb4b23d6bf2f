"""Stubs of ``geopera.api.operations``: a line for each operation, or a module for each."""

from __future__ import annotations

from collections.abc import Iterator

from .calls import Call, Calls, deprecation
from .types import Classes, module


def package_module(calls: Calls, classes: Classes) -> Iterator[str]:
    """The text of the package without modules: every operation is a value that has the four functions."""
    for call in calls.values():
        body, optional = _body(call)
        kind = "OptionalLowLevel" if optional else "LowLevel"
        yield f"{call.operation.module_name}: _h.{kind}[{body}, {_parsed(call, classes)}]"


def operation_module(call: Call, classes: Classes) -> str:
    """The text of one operation's module."""
    parsed = _parsed(call, classes)
    body, optional = _body(call)
    default = " | _ty.Unset = ..." if optional else ""
    arguments = (
        f"*, client: _c.Client, body: {body}{default}, idempotency_key: _h.Key = ..., x_api_key: _h.Key = ..."
    )
    either = parsed if parsed == "_t.Any" else f"{parsed} | None"
    lines: list[str] = []
    for start, end, returned in (
        ("", "", either),
        ("", "_detailed", f"_ty.Response[{parsed}]"),
        ("async ", "", either),
        ("async ", "_detailed", f"_ty.Response[{parsed}]"),
    ):
        name = "asyncio" if start else "sync"
        lines += [
            *deprecation(call.operation, ""),
            f"{start}def {name}{end}({arguments}) -> {returned}: ...",
        ]
    return module(lines)


def _parsed(call: Call, classes: Classes) -> str:
    """The type of `Response.parsed`: the result, or the body of a response with another status."""
    errors = [key for key in dict.fromkeys(call.operation.errors.values()) if key in classes.by_key]
    parts = [f"list[{call.result}]" if call.operation.streaming else call.result]
    parts += [f"_m.{classes.by_key[key]}" for key in errors]
    return "_t.Any" if "_t.Any" in parts else " | ".join(parts)


def _body(call: Call) -> tuple[str, bool]:
    """The type of a body, and whether it may be left out."""
    text = call.body or "_t.Mapping[str, object] | None"
    return text, not call.operation.body_required or call.optional
