"""Masks that a reference describes in a line of arithmetic over the indices of a weight.

``all ones``; or statements parted by ``;``: ``x=...`` and ``x^=...`` set a variable, and a
comparison, with or without ``keep if`` before it, says which weights are not zero. ``mod`` is the
remainder, ``^`` exclusive or, between two numbers a power; ``3r`` is a product. A remark
in brackets at the end may say what holds for depthwise layers instead.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stallscope.simcore.errors import Fault, SpecError

__all__ = ["described_mask"]

_DEPTHWISE = re.compile(r"\(\s*depthwise:(?P<instead>.*)\)\s*$")
_REMARK = re.compile(r"\(\s*c\s*=\s*0 for depthwise\s*\)\s*$")
_ASSIGNMENT = re.compile(r"^([a-z])\s*(\^?)=(?!=)(.*)$")
_OPERATORS: Mapping[type[ast.AST], Callable[..., object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: operator.mod,
    ast.BitXor: operator.xor, ast.BitAnd: operator.and_, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift, ast.Pow: operator.pow, ast.FloorDiv: operator.floordiv,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def described_mask(text: str, shape: Mapping[str, int]) -> NDArray[np.bool_]:
    """Evaluate a description.

    Args:
        text: The description.
        shape: Indices by name and how many there are of each, outermost first; a layer without
            an index ``c``, or with one value of it, is depthwise.

    Returns:
        True where a weight is not zero, in that shape.

    Raises:
        SpecError: If the description is of another form.
    """
    is_depthwise = shape.get("c", 1) == 1
    chosen = _REMARK.sub("", text)
    instead = _DEPTHWISE.search(chosen)
    if instead is not None:
        chosen = instead["instead"] if is_depthwise else chosen[: instead.start()]
    if chosen.strip().lower() == "all ones":
        return np.ones(tuple(shape.values()), dtype=np.bool_)
    # Exact integers of any size.
    grid = np.indices(tuple(shape.values())).astype(object)
    values: dict[str, object] = dict(zip(shape, grid, strict=True))
    values.setdefault("c", 0)
    try:
        return _kept(chosen.split(";"), values)
    except (SyntaxError, KeyError, TypeError) as error:
        fault = Fault(
            place="mask", value=text, rule="is not in a form that is known",
            remedy="write it as statements over r, s, c and m, such as (c+m) mod 5 == 0",
        )  # fmt: skip
        raise SpecError([fault]) from error


def _kept(statements: Sequence[str], values: dict[str, object]) -> NDArray[np.bool_]:
    for statement in statements[:-1]:
        match = _ASSIGNMENT.match(statement.strip())
        if match is None:
            raise SyntaxError(statement)
        name, is_updated, expression = match.groups()
        found = _value(_parsed(expression), values)
        values[name] = operator.xor(values[name], found) if is_updated else found
    tree = _parsed(statements[-1].strip().removeprefix("keep if"))
    if not isinstance(tree, ast.Compare):
        raise SyntaxError(statements[-1])
    kept: NDArray[np.bool_] = np.asarray(_value(tree, values)).astype(np.bool_)
    return kept


def _parsed(text: str) -> ast.expr:
    written = re.sub(r"\bmod\b", "%", text.strip())
    written = re.sub(r"(\d)\^(\d)", r"\1**\2", written)
    written = re.sub(r"(\d)\s*([a-z(])", r"\1*\2", written)
    return ast.parse(written.strip(), mode="eval").body


def _value(tree: ast.AST, values: Mapping[str, object]) -> object:
    match tree:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case _:
            raise SyntaxError(ast.dump(tree))
