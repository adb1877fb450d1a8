"""No test depends on the speed of the machine: what is measured is held against `promised`, costs are counted, and a
test has more time than the longest of its waits."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LIMIT_S = 120  # of pyproject.toml, for a test that has none of its own
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time"}


def is_elapsed(node):
    """Whether it reads `time.monotonic() - began`, or the like."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Call)
        and isinstance(node.left.func, ast.Attribute)
        and node.left.func.attr in CLOCKS
    )


def fixed_limits(source):
    """The lines that assert that an elapsed time is below a limit other than `promised(...)`."""
    asserted = (part for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert) for part in ast.walk(node))
    return [
        node.lineno
        for node in asserted
        if isinstance(node, ast.Compare) and is_elapsed(node.left) and isinstance(node.ops[0], ast.Lt | ast.LtE)
        if not (isinstance(node.comparators[0], ast.Call) and ast.unparse(node.comparators[0].func) == "promised")
    ]


def test_fixed_limits_are_found():
    assert fixed_limits("assert time.monotonic() - began < 1") == [1]
    assert fixed_limits("assert time.perf_counter() - began <= LIMIT") == [1]
    assert fixed_limits("assert time.monotonic() - began < promised(1)") == []
    assert fixed_limits("assert time.monotonic() < deadline") == []
    assert fixed_limits("while time.monotonic() - began < 1: pass") == []


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_measured_times_are_held_against_promises(path):
    source = path.read_text()
    assert fixed_limits(source) == []
    assert path == Path(__file__) or "performance.now" not in source, "count what it costs; benchmarks/page.py measures"


def limits(source):
    """Return name, limit and longest single wait, in seconds, of each test."""
    tree = ast.parse(source)
    of_file = re.search(r"^pytestmark = .*?mark\.timeout\((\d+)\)", source, re.DOTALL | re.MULTILINE)
    for test in ast.walk(tree):
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_"):
            own = re.search(r"mark\.timeout\((\d+)\)", " ".join(ast.unparse(mark) for mark in test.decorator_list))
            limit = int(own[1]) if own else int(of_file[1]) if of_file else LIMIT_S
            waits = [
                keyword.value.value / (1000 if keyword.value.value >= 1000 else 1)  # Playwright's are milliseconds
                for call in ast.walk(test)
                if isinstance(call, ast.Call) and ast.unparse(call.func) != "timedelta"
                for keyword in call.keywords
                if keyword.arg in {"seconds", "timeout"}
                if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, int | float)
            ]
            yield test.name, limit, max(waits, default=0)


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_wait_is_as_long_as_the_limit_of_its_test(path):
    assert [name for name, limit, wait in limits(path.read_text()) if wait >= limit] == []
