"""Heatmaps against brute force with pandas, over the same batch."""

import itertools

import numpy as np
import pytest

from batches.errors import InvalidRequest
from batches.results.heatmap import heatmap
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from tests.support import jobs


def cells(session, **changes):
    return heatmap(session, **{"x": "", "y": "", "metric": "", "symbol": "", "aggregate": ""} | changes)


def values(found):
    """float64[y, x], NaN where a cell is empty."""
    return np.array([[np.nan if value is None else value for value in row] for row in found["values"]])


def brute_force(table, found):
    how = found["aggregate"]
    if how == "best":
        how = "min" if found["metric"] in jobs.LOWER_IS_BETTER else "max"
    grid = np.full((len(found["y"]["values"]), len(found["x"]["values"])), np.nan)
    for (row, y), (column, x) in itertools.product(enumerate(found["y"]["values"]), enumerate(found["x"]["values"])):
        cell = table[(table[found["x"]["name"]] == x) & (table[found["y"]["name"]] == y)]
        grid[row, column] = getattr(cell[found["metric"]], how)()
    return grid


@pytest.fixture
def mixed_up(start):
    """Axes in no order, one of them constrained, on three symbols."""
    return jobs.submit(start(parameterRanges={"fast": [12, 3, 7, 5], "slow": [70, 10, 30, 6]}))


@pytest.mark.parametrize("aggregate", ["best", "mean", "median"])
@pytest.mark.parametrize("metric", sorted(METRICS_BY_WIRE_NAME))
def test_each_cell_is_the_aggregate_of_its_tests(mixed_up, metric, aggregate):
    session = jobs.finish(mixed_up)
    found = cells(session, metric=metric, aggregate=aggregate)
    assert (found["x"]["values"], found["y"]["values"]) == ([12, 3, 7, 5], [70, 10, 30, 6])
    np.testing.assert_allclose(values(found), brute_force(jobs.frame(session), found), rtol=1e-12)


def test_one_symbol_alone(mixed_up):
    session = jobs.finish(mixed_up)
    table = jobs.frame(session)
    for symbol in ("ACME", "BOLT", "CORE"):
        found = cells(session, symbol=symbol, x="slow", y="fast")
        np.testing.assert_allclose(values(found), brute_force(table[table["symbol"] == symbol], found), rtol=1e-12)
        assert found["tests"] == 13


def test_while_a_batch_runs_the_finished_tests_are_shown(mixed_up):
    assert np.isnan(values(cells(mixed_up))).all()
    session = jobs.work_some(mixed_up, 5)
    table = jobs.frame(session)
    done = np.concatenate([np.arange(chunk.start, chunk.stop) for chunk in session.chunks.filter(status="done")])
    found = cells(session)
    assert found["tests"] == len(done) == session.current
    np.testing.assert_allclose(values(found), brute_force(table[table["index"].isin(done)], found), rtol=1e-12)


def test_names_that_are_left_out_mean_the_first_two_parameters_and_the_metric_of_the_batch(finished):
    found = cells(finished)
    assert (found["x"]["name"], found["y"]["name"]) == ("fast", "slow")
    assert (found["metric"], found["aggregate"], found["symbol"]) == ("sharpe", "best", None)


def test_a_parameter_against_itself_is_its_diagonal(finished):
    grid = values(cells(finished, x="fast", y="fast"))
    assert np.isnan(grid[~np.eye(3, dtype=bool)]).all()
    assert not np.isnan(np.diag(grid)).any()


def test_fractions_are_found_on_their_axis(start):
    ranges = {"gridInterval": {"start": 0.01, "stop": 0.05, "step": 0.01}, "trailingStop": [0.03, 0.0, 0.01]}
    session = jobs.finish(jobs.submit(start(strategy="grid_dca", parameterRanges=ranges, symbols=["ACME"])))
    found = cells(session, x="gridInterval", y="trailingStop", metric="totalReturn")
    np.testing.assert_allclose(values(found), brute_force(jobs.frame(session), found), rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"x": "sharpe"}, "x"),
        ({"y": "fats"}, "y"),
        ({"metric": "fast"}, "metric"),
        ({"metric": "max_drawdown"}, "metric"),
        ({"symbol": "NONE"}, "symbol"),
        ({"aggregate": "sum"}, "aggregate"),
    ],
)
def test_unknown_names_are_refused(finished, changes, field):
    with pytest.raises(InvalidRequest) as refused:
        cells(finished, **changes)
    assert [detail.field for detail in refused.value.details] == [field]


@pytest.mark.parametrize(
    ("given", "x", "y"),
    [
        ({}, "fast", "slow"),
        ({"x": "slow"}, "slow", "fast"),
        ({"y": "fast"}, "slow", "fast"),
        ({"x": "fast"}, "fast", "slow"),
    ],
)
def test_a_parameter_that_is_not_named_is_another_one_than_that_which_is(finished, given, x, y):
    found = cells(finished, **given)
    assert (found["x"]["name"], found["y"]["name"]) == (x, y)


@pytest.mark.parametrize("aggregate", ["best", "mean", "median"])
def test_a_map_of_fewer_cells_joins_neighboring_values(start, aggregate):
    fast, slow = list(range(3, 16)), list(range(20, 43))
    session = jobs.finish(jobs.submit(start(parameterRanges={"fast": fast, "slow": slow}, symbols=["ACME", "BOLT"])))
    found = cells(session, cells="100", aggregate=aggregate, metric="sharpe")
    x, y = found["x"], found["y"]
    assert len(x["values"]) * len(y["values"]) <= 100
    assert [value for cell in y.get("cellValues", [[v] for v in y["values"]]) for value in cell] == slow
    assert [cell[0] for cell in x["cellValues"]] == x["values"]
    table = jobs.frame(session)
    for row, slows in enumerate(y["cellValues"]):
        for column, fasts in enumerate(x.get("cellValues", [[v] for v in x["values"]])):
            joined = table[table["slow"].isin(slows) & table["fast"].isin(fasts)]["sharpe"]
            value = getattr(joined, "max" if aggregate == "best" else aggregate)()
            assert found["values"][row][column] == pytest.approx(value, rel=1e-3)
            assert found["counts"][row][column] == joined.count()


def test_a_map_that_is_small_enough_has_four_digits_and_no_groups(mixed_up):
    session = jobs.finish(mixed_up)
    small, full = cells(session, cells="100"), cells(session)
    assert "cellValues" not in small["x"]
    np.testing.assert_allclose(values(small), values(full), rtol=5e-4)
    assert all(value == float(f"{value:.4g}") for row in small["values"] for value in row if value)
    with pytest.raises(InvalidRequest, match="cells must be an integer between 100 and"):
        cells(session, cells="7")
