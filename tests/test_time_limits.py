"""No test depends on the speed of the machine: what is measured is held against `promised`, and costs are counted."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
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
