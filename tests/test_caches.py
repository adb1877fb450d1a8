"""A cache that counts entries must hold small ones: what grows with bars or tests is in a cache that counts bytes."""

import ast
import re
from pathlib import Path

import pytest

from tests.batches.conftest import CACHED_BY_ID

ROOT = Path(__file__).parents[1]
ARRAYS = re.compile(r"NDArray|Floats|Ints|Bools|Prices|\bbytes\b")
# Why they may hold arrays all the same.
COUNTED = {
    "backtester/engine/statistics/bootstrap.py:draw_weights": "two of at most 128 x 2,000 numbers",
    "backtester/engine/statistics/overfitting.py:choose_splits": "four of at most 12,870 numbers",
    "batches/verdict/shuffles.py:_in_order": "two, of verdicts computed in turn; a worker's memory limit counts them",
}


def cached_functions():
    """Each function of the product that has functools' cache, with the decorator."""
    for path in [*ROOT.glob("backtester/**/*.py"), *ROOT.glob("batches/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if re.match(r"(functools\.)?(lru_cache|cache)\b", ast.unparse(decorator)):
                        yield f"{path.relative_to(ROOT)}:{node.name}", node, ast.unparse(decorator)


FUNCTIONS = list(cached_functions())


def test_there_are_cached_functions():
    assert set(COUNTED) < {name for name, _, _ in FUNCTIONS}


@pytest.mark.parametrize(("name", "function", "decorator"), FUNCTIONS, ids=[name for name, _, _ in FUNCTIONS])
def test_a_cache_has_a_bound_and_no_arrays(name, function, decorator):
    assert "maxsize=" in decorator
    assert "None" not in decorator
    assert bool(ARRAYS.search(ast.unparse(function.returns))) == (name in COUNTED)


def test_what_is_cached_by_id_is_cleared_between_tests():
    """A test that is rolled back gives its ids to the next one."""
    by_id = {
        name.split(":")[1]
        for name, function, _ in FUNCTIONS
        for argument in function.args.args
        if argument.arg.endswith("_id")
    }
    assert by_id == {function.__name__ for function in CACHED_BY_ID}
