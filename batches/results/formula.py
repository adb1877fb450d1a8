"""A formula of metrics and parameters to rank tests by: parsed into a tree, never run as code."""

import ast
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from backtester.engine.arrays import Floats
from batches.validators import nearest

MARK = "="  # in front of a formula, where a name could stand
MOST_CHARACTERS = 200
FUNCTIONS: dict[str, tuple[Callable[..., Floats], int]] = {
    "sqrt": (np.sqrt, 1),
    "log": (np.log, 1),
    "abs": (np.abs, 1),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
}
BINARY: dict[type[ast.operator], Callable[..., Floats]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
ALLOWED = f"+ - * / ** ( ), numbers, and {', '.join(f'{name}()' for name in FUNCTIONS)}"


class BadFormula(ValueError):
    """The message says what is wrong with it."""


def check(text: str, names: Iterable[str]) -> None:
    """Raise BadFormula unless the text is a formula of these names."""
    _check(_parsed(text), list(names))


def evaluate(text: str, column: Callable[[str], Floats]) -> Floats:
    """Return the value of a checked formula, NaN where it is undefined. column : name -> float64[n]"""
    with np.errstate(all="ignore"):
        values = np.asarray(_value(_parsed(text), column), dtype=np.float64)
    result: Floats = np.where(np.isfinite(values), values, np.nan)
    return result


@lru_cache(maxsize=100)
def _parsed(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise BadFormula(f"A formula has at most {MOST_CHARACTERS} characters, got {len(text):,}.")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise BadFormula(f"{text!r} is not a formula. Allowed are metrics and parameters, {ALLOWED}.") from None


def _check(node: ast.expr, names: list[str]) -> None:
    match node:
        case ast.Constant(value=int() | float() as value) if type(value) is not bool and abs(value) <= 1e100:
            return
        case ast.Name(id=name):
            if name not in names:
                raise BadFormula(f"Unknown name {name[:40]!r} in the formula.{nearest(name, names)}")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand, names)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in BINARY:
            _check(left, names)
            _check(right, names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if (
            name in FUNCTIONS and len(arguments) == FUNCTIONS[name][1]
        ):
            for argument in arguments:
                _check(argument, names)
        case _:
            raise BadFormula(f"{ast.unparse(node)[:40]!r} is not allowed in a formula. Allowed are {ALLOWED}.")


def _value(node: ast.expr, column: Callable[[str], Floats]) -> Floats:
    match node:
        case ast.Constant(value=value):
            return np.asarray(float(value))  # type: ignore[arg-type]
        case ast.Name(id=name):
            return column(name)
        case ast.UnaryOp(op=operator, operand=operand):
            inner = _value(operand, column)
            return -inner if isinstance(operator, ast.USub) else inner
        case ast.BinOp(left=left, op=operator, right=right):
            return BINARY[type(operator)](_value(left, column), _value(right, column))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name][0](*(_value(argument, column) for argument in arguments))
    raise BadFormula("The formula was not checked.")
