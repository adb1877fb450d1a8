"""Two batches compared by their tables of results."""

import io

import pandas as pd
import pytest
from rich.console import Console

from backtester.terminal.comparison import METRIC_NAMES, Side, compare
from backtester.terminal.comparison_tables import comparison_tables

from .events import event


def side(rows, *, names=("fast",), coefficient=None):
    """rows : (symbol, value of each parameter..., sharpe)"""
    table = pd.DataFrame([row[:-1] for row in rows], columns=["symbol", *names])
    table.insert(0, "index", range(len(rows)))
    table = table.assign(beta=None, coefficient=coefficient)
    for name in METRIC_NAMES:
        table[name] = [float("nan") if row[-1] is None else row[-1] for row in rows]
    return Side(event(), table.assign(coefficient=table["coefficient"].astype(float), error=None))


@pytest.fixture
def first():
    return side([("AAPL", 5, 1.0), ("AAPL", 6, 3.0), ("GE", 5, 2.0), ("GE", 6, None)])


@pytest.fixture
def second():
    return side([("AAPL", 5, 1.0), ("AAPL", 6, 2.5), ("KO", 5, 4.0), ("GE", 6, None)])


def test_the_best_the_averages_and_each_symbol(first, second):
    comparison = compare(first, second, "sharpe")
    assert [(row["symbol"], row["parameters"], row["sharpe"]) for row in comparison.best] == [
        ("AAPL", {"fast": 6}, 3.0),
        ("KO", {"fast": 5}, 4.0),
    ]
    assert comparison.averages["sharpe"] == (2.0, 2.5)
    by_symbol = {symbol: tuple(row and row["sharpe"] for row in pair) for symbol, pair in comparison.symbols.items()}
    assert by_symbol == {"AAPL": (3.0, 2.5), "GE": (2.0, None), "KO": (None, 4.0)}


def test_where_less_is_better_the_best_is_the_least(first, second):
    comparison = compare(first, second, "annualizedVolatility")
    assert [row["parameters"] for row in comparison.best] == [{"fast": 5}, {"fast": 5}]


def test_a_test_that_never_held_a_position_is_not_the_best(first):
    idle = Side(first.event, first.table.assign(totalReturn=[-0.1, 0.0, -0.2, None], exposure=[0.5, 0.0, 0.5, None]))
    comparison = compare(idle, idle, "totalReturn")
    assert [row["index"] for row in comparison.best] == [0, 0]
    assert [row and row["index"] for row in comparison.symbols["GE"]] == [2, 2]


def test_common_tests_are_those_of_the_same_symbol_and_parameters(first, second):
    assert compare(first, second, "sharpe").common == {
        "tests": 3,
        "same": 2,  # two undefined values are the same
        "different": 1,
        "largest": [{"symbol": "AAPL", "parameters": {"fast": 6}, "values": [3.0, 2.5], "difference": -0.5}],
    }


def test_equal_batches_have_no_differences(first):
    assert compare(first, first, "sharpe").common == {"tests": 4, "same": 4, "different": 0, "largest": []}


def test_other_parameters_have_nothing_in_common(first):
    other = side([("AAPL", 5, 7, 1.0)], names=("fast", "slow"))
    scaled = side([("AAPL", 5, 1.0)], coefficient=0.5)
    assert scaled.parameters == ["fast", "coefficient"]
    assert compare(first, other, "sharpe").common["tests"] == 0
    assert compare(first, scaled, "sharpe").common["tests"] == 0


def test_the_tables_show_both_and_the_difference(first, second):
    console = Console(file=io.StringIO(), width=100)
    console.print(comparison_tables(first, second, compare(first, second, "sharpe")))
    text = console.file.getvalue()
    for part in ("A: AAPL fast=6", "B: KO fast=5", "3 tests are in both; 2 have the same Sharpe ratio."):
        assert part in text
    difference = next(line for line in text.splitlines() if line.startswith("AAPL fast=6"))
    assert difference.split()[2:] == ["3.00", "2.50", "−0.50"]
