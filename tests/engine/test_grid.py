import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.engine import BadGrid, BadParameters, Grid, get_strategy
from backtester.engine.strategy import Constraint, Parameter, Strategy, below

SMA = get_strategy("sma_cross")
DCA = get_strategy("grid_dca")


def three_tied(constraints):
    names = ("free", "a", "b", "c")
    parameters = tuple(
        Parameter(name, "int", 1, 0, 99, "", name, "", {"start": 1, "stop": 2, "step": 1}) for name in names
    )
    needed = lambda arguments: arguments["a"]  # noqa: E731
    return Strategy("t", "T", "", "", parameters, "signal", needed, constraints=constraints)


def test_indices_are_dense_and_count_symbols_then_coefficients_then_parameters():
    grid = Grid(SMA, ["A", "B"], {"slow": [10, 4], "fast": [5, 3]}, [1.0, 2.5])
    rows = [grid.decode(index) for index in range(grid.size)]
    expected = [
        (symbol, coefficient, {"fast": fast, "slow": slow})
        for symbol in "AB"
        for coefficient in (1.0, 2.5)
        for fast, slow in ((5, 10), (3, 10), (3, 4))
    ]
    assert [(row.symbol, row.coefficient, row.parameters) for row in rows] == expected
    assert [row.index for row in rows] == list(range(12))
    assert (grid.size_per_symbol, grid.excluded) == (6, 4)
    assert (grid.span(0), grid.span(1)) == ((0, 6), (6, 12))


def test_parameters_that_are_not_given_take_their_default():
    grid = Grid(DCA, ["A"], {"grid_interval": [0.1, 0.2]})
    assert grid.decode(1).parameters == {
        "grid_interval": 0.2, "profit_requirement": 0.1, "trailing_stop": 0.05, "max_lots": 10,
    }  # fmt: skip
    assert grid.axes["max_lots"] == (10,)
    assert grid.coefficients is None
    assert grid.decode(1).coefficient is None


def test_axes_that_constraints_tie_together_come_before_the_free_ones():
    strategy = three_tied((below("a", "c"), Constraint("a + b < c", ("a", "b", "c"), lambda a, b, c: a + b < c)))
    axes = {"free": [7, 8], "a": [2, 1], "b": [3, 1], "c": [4, 9]}
    grid = Grid(strategy, ["A"], axes)
    expected = [
        {"free": free, "a": a, "b": b, "c": c}
        for a, b, c, free in itertools.product(axes["a"], axes["b"], axes["c"], axes["free"])
        if a + b < c
    ]
    assert [grid.decode(index).parameters for index in range(grid.size)] == expected
    assert grid.excluded == 16 - len(expected)


@settings(max_examples=60, deadline=None)
@given(
    fast=st.lists(st.integers(1, 40), min_size=1, max_size=12, unique=True),
    slow=st.lists(st.integers(2, 40), min_size=1, max_size=12, unique=True),
    shuffle=st.randoms(use_true_random=False),
)
def test_any_order_of_indices_decodes_to_the_filtered_product(fast, slow, shuffle):
    expected = [(a, b) for a in fast for b in slow if a < b]
    if not expected:
        with pytest.raises(BadGrid, match="fast < slow"):
            Grid(SMA, ["A"], {"fast": fast, "slow": slow})
        return
    grid = Grid(SMA, ["A"], {"fast": fast, "slow": slow})
    indices = list(range(len(expected)))
    shuffle.shuffle(indices)
    columns = grid.decode_many(np.array(indices))
    pairs = zip(columns.parameters["fast"].tolist(), columns.parameters["slow"].tolist(), strict=True)
    assert list(pairs) == [expected[index] for index in indices]
    assert grid.size == len(expected)


@pytest.mark.parametrize("coefficients", [None, [0.5, 1.0, 2.0]])
def test_many_indices_over_symbols_decode_as_one_by_one(coefficients):
    grid = Grid(SMA, ["A", "B", "C", "D"], {"fast": [3, 5, 9], "slow": [4, 8]}, coefficients)
    indices = np.random.default_rng(0).integers(0, grid.size, 5 * grid.size_per_symbol)
    columns = grid.decode_many(indices)
    for at, one in enumerate(grid.decode(int(index)) for index in indices):
        assert grid.symbols[columns.symbol_number[at]] == one.symbol
        assert {name: values[at] for name, values in columns.parameters.items()} == one.parameters
        assert (None if columns.coefficient is None else columns.coefficient[at]) == one.coefficient


@pytest.mark.parametrize("order", ["a < b", "b < a"])
def test_a_constraint_may_name_its_axes_in_either_order(order):
    strategy = three_tied((below("a", "b") if order == "a < b" else below("b", "a"),))
    first, second = [5, 2, 7, 3], [3, 5, 4, 7, 1]
    grid = Grid(strategy, ["A"], {"a": first, "b": second})
    expected = [(a, b) for a in first for b in second if (a < b if order == "a < b" else b < a)]
    combinations = [grid.decode(index).parameters for index in range(grid.size)]
    assert [(values["a"], values["b"]) for values in combinations] == expected


def test_ten_thousand_by_ten_thousand_values_are_counted_at_once():
    wide = three_tied((below("a", "b"),))
    wide = Strategy(
        "wide", "", "", "",
        tuple(Parameter(n, "int", 1, 0, 10**6, "", n, "", {"start": 1, "stop": 2, "step": 1}) for n in ("a", "b")),
        "signal", wide.bars_needed, constraints=wide.constraints,
    )  # fmt: skip
    tracemalloc.start()
    grid = Grid(wide, ["A"], {"a": list(range(10_000)), "b": list(range(9_999, -1, -1))})
    last = grid.decode(grid.size - 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20  # laid out it would take gigabytes
    assert grid.size == 10_000 * 9_999 // 2
    assert last.parameters == {"a": 9_998, "b": 9_999}


def test_an_axis_product_beyond_counting_is_refused():
    strategy = three_tied((Constraint("a + b < c", ("a", "b", "c"), lambda a, b, c: a + b < c),))
    values = list(range(100))
    wide = Strategy(
        "wide", "", "", "",
        tuple(Parameter(n, "int", 1, 0, 10**6, "", n, "", {"start": 1, "stop": 2, "step": 1}) for n in "abc"),
        "signal", strategy.bars_needed, constraints=strategy.constraints,
    )  # fmt: skip
    assert Grid(strategy, ["A"], {"a": values[:9], "b": values[:9], "c": values}).size > 0
    with pytest.raises(BadGrid, match="at most"):
        Grid(wide, ["A"], {key: list(range(5000)) for key in "abc"})


def test_a_misspelled_parameter_is_refused_with_the_near_name():
    with pytest.raises(BadParameters, match=r"no parameter 'fsat'\. Did you mean 'fast'\?") as caught:
        Grid(SMA, ["A"], {"fsat": [1]})
    assert caught.value.field == "fsat"


def test_a_grid_without_sense_names_the_constraint():
    with pytest.raises(BadGrid, match="fast < slow") as caught:
        Grid(SMA, ["A"], {"fast": [50], "slow": [20, 50]})
    assert caught.value.field == "fast"


@pytest.mark.parametrize("symbols", [[], "AAPL", ["A", "A"]])
def test_symbols_must_be_a_list_of_different_names(symbols):
    with pytest.raises(BadGrid) as caught:
        Grid(SMA, symbols, {})
    assert caught.value.field == "symbols"


@pytest.mark.parametrize("coefficients", [[], [0.0], [-1.0], [float("nan")], [True], ["1"]])
def test_coefficients_must_be_numbers_above_zero(coefficients):
    with pytest.raises(BadParameters) as caught:
        Grid(SMA, ["A"], {}, coefficients)
    assert caught.value.field == "coefficients"


@pytest.mark.parametrize("index", [-1, 10**9])
def test_an_index_outside_the_grid_is_refused(index):
    with pytest.raises(BadGrid, match="between 0 and"):
        Grid(SMA, ["A"], {}).decode(index)
