"""The changes: one mutated tree of a module after the other."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}


class Change(NamedTuple):
    """One change: where it is, what it does, and the module with it."""

    function: str
    before: str
    after: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.function}: {self.before}  ->  {self.after}"


def changes(source: str) -> Iterator[Change]:
    """Every change of the functions in a module. Docstrings, annotations and messages stay as they are."""
    tree = ast.parse(source)
    for path, function in _functions(tree, ""):
        places = list(_places(function))
        for number, node in enumerate(places):
            for choice in range(len(_choices(node))):
                copied = copy.deepcopy(tree)
                twin = next(found for where, found in _functions(copied, "") if where == path)
                target = list(_places(twin))[number]
                after = _choices(target)[choice]
                before = _shown(node)
                _replace(twin, target, after)
                yield Change(path, before, _shown(after), ast.fix_missing_locations(copied))


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Any]]:
    """The outermost functions, methods included; those inside of them belong to them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}", child


def _places(function: ast.AST) -> Iterator[ast.AST]:
    todo: list[ast.AST] = list(getattr(function, "body", []))
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Raise):
            yield node  # the statement, not the words of the message
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.AnnAssign):
            todo = ([node.value] if node.value is not None else []) + todo
            continue
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
            continue
        if _choices(node):
            yield node
        inner = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = list(node.body)
        todo = inner + todo


def _choices(node: ast.AST) -> list[ast.AST]:
    """What may stand in the place of a node."""
    made: list[ast.AST] = []
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for operator in _COMPARED[type(node.ops[0])]:
            made.append(ast.Compare(node.left, [operator()], node.comparators))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        made.append(ast.BoolOp(other, node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        made.append(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
        made.append(ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            made.append(ast.Constant(not node.value))
        elif isinstance(node.value, int | float):
            made.append(ast.Constant(node.value + 1))
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and isinstance(
        node.test, ast.Name | ast.Attribute | ast.Call
    ):
        other_node = copy.copy(node)
        other_node.test = ast.UnaryOp(ast.Not(), node.test)
        made.append(other_node)
    elif _can_go(node):
        made.append(ast.Pass())
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        made.append(ast.Return(ast.Constant(None)))
    for one in made:
        ast.copy_location(one, node)
    return made


def _can_go(node: ast.AST) -> bool:
    """Whether a statement can be left out, without a name that is missing then."""
    if isinstance(node, ast.Assign):
        return not isinstance(node.targets[0], ast.Name | ast.Tuple)
    return isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Break | ast.Continue)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _replace(root: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(root):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if one is old else one for one in value]


def _shown(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        return f"{'if' if isinstance(node, ast.If) else 'while'} {ast.unparse(node.test)}"
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
