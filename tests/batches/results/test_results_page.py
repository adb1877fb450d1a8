"""Pages of results against brute force with pandas, over the same batch."""

import numpy as np
import pytest
from django.utils import timezone

from batches.errors import InvalidRequest
from batches.results.query import ResultsQuery, default_sort, page, sortable
from batches.running import lifecycle
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import JUDGED, METRICS_BY_WIRE_NAME
from tests.support import jobs

COLUMNS = ["index", "fast", "slow", *METRICS_BY_WIRE_NAME]
ROW = {"index", "symbol", "timeframe", "parameters", "beta", "coefficient", *METRICS_BY_WIRE_NAME, *JUDGED}


def shown(session, **given):
    return page(session, ResultsQuery.parse(session, {"pageSize": "1000"} | given))


def indices(session, **given):
    return [row["index"] for row in shown(session, **given).rows]


def expected(table, column, *, descending=False):
    """Undefined values last either way, equal ones by index."""
    ordered = table.sort_values([column, "index"], ascending=[not descending, True], na_position="last", kind="stable")
    return ordered["index"].tolist()


def problem(session, **given):
    with pytest.raises(InvalidRequest) as refused:
        shown(session, **given)
    (detail,) = refused.value.details
    return detail


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_sorts_both_ways_with_undefined_values_last(finished, column, descending):
    found = indices(finished, sort=("-" if descending else "") + column)
    assert found == expected(jobs.frame(finished), column, descending=descending)


def test_the_sortable_columns_are_those_that_are_tested_here(finished):
    expected = [*COLUMNS, "aheadOfHolding", *JUDGED]  # the last in tests/batches/web and verdict
    assert sortable(plan_of(finished)) == expected


def test_coefficients_are_a_column_of_a_scaled_batch(start):
    session = jobs.finish(jobs.submit(start(enableBetaScaling=True, coefficients=[1, 0.5])))
    table = jobs.frame(session)
    assert indices(session, sort="-coefficient") == expected(table, "coefficient", descending=True)
    half = table[table["coefficient"] < 0.7]
    assert indices(session, sort="index", **{"max.coefficient": "0.7"}) == half["index"].tolist()


@pytest.mark.parametrize(("metric", "order"), [("sharpe", "-sharpe"), ("annualizedVolatility", "annualizedVolatility")])
def test_without_a_sort_the_batch_shows_its_own_order_best_first(start, metric, order):
    session = jobs.finish(jobs.submit(start(sortBy=metric)))
    assert default_sort(session) == order
    assert indices(session) == indices(session, sort=order)
    assert shown(session).rows[:10] == session.leaders


def test_a_row_has_exactly_the_fields_of_the_contract_and_failed_ones_an_error_too(finished):
    rows = shown(finished, sort="index").rows
    table = jobs.frame(finished)
    for row, reason in zip(rows, table["error"], strict=True):
        if isinstance(reason, str):
            assert set(row) == ROW | {"error"}
            assert row["error"] == reason
            assert row["sharpe"] is None
        else:
            assert set(row) == ROW


def test_the_values_are_the_stored_ones_to_the_bit_and_trades_are_whole(finished):
    table = jobs.frame(finished)
    for row in shown(finished, sort="index").rows:
        for metric in METRICS_BY_WIRE_NAME:
            value = table.loc[row["index"], metric]
            assert row[metric] == (None if np.isnan(value) else value)
        assert row["trades"] is None or isinstance(row["trades"], int)


@pytest.mark.parametrize("spelled", ["min.sharpe", "minSharpe"])
def test_a_lower_bound_keeps_what_is_at_least_as_large(finished, spelled):
    table = jobs.frame(finished)
    middle = float(table["sharpe"].median())
    kept = table[table["sharpe"] >= middle]
    assert indices(finished, sort="index", **{spelled: repr(middle)}) == kept["index"].tolist()
    assert shown(finished, **{spelled: repr(middle)}).total == len(kept) < 27


@pytest.mark.parametrize("spelled", ["max.maxDrawdown", "maxMaxDrawdown"])
def test_an_upper_bound_keeps_what_is_at_most_as_large(finished, spelled):
    table = jobs.frame(finished)
    middle = float(table["maxDrawdown"].median())
    kept = table[table["maxDrawdown"] <= middle]
    assert indices(finished, sort="index", **{spelled: repr(middle)}) == kept["index"].tolist()


def test_bounds_on_parameters_metrics_and_symbol_work_together(finished):
    table = jobs.frame(finished)
    kept = table[(table["fast"] >= 5) & (table["slow"] <= 20) & (table["trades"] >= 1) & (table["symbol"] == "BOLT")]
    given = {"min.fast": "5", "maxSlow": "20", "minTrades": "1", "symbol": "bolt"}
    assert indices(finished, sort="index", **given) == kept["index"].tolist()


def test_an_undefined_value_passes_no_bound(finished):
    assert shown(finished, **{"min.sharpe": "-1e308"}).total == 24
    assert shown(finished).total == 27


def test_an_empty_bound_is_none(finished):
    assert shown(finished, **{"min.sharpe": "", "maxTrades": ""}).total == 27


def test_one_symbol_is_shown_alone(finished):
    assert {row["symbol"] for row in shown(finished, symbol="core").rows} == {"CORE"}
    assert shown(finished, symbol="CORE").total == 9


def test_pages_add_up_to_all_rows_in_order(finished):
    whole = indices(finished)
    pages = [indices(finished, page=str(number), pageSize="5") for number in range(1, 8)]
    assert [len(part) for part in pages] == [5, 5, 5, 5, 5, 2, 0]
    assert [index for part in pages for index in part] == whole
    assert shown(finished, pageSize="5").pages == 6


def test_no_rows_are_one_empty_page(submitted):
    nothing = shown(submitted)
    assert (nothing.rows, nothing.total, nothing.pages) == ([], 0, 1)


def test_a_running_and_a_cancelled_batch_show_what_is_finished(halfway):
    done = halfway.current
    assert shown(halfway).total == done
    lifecycle.cancel(halfway.pk, timezone.now())
    assert shown(jobs.reread(halfway)).total == done


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"sort": "sharp"}, "sort", "Did you mean sharpe?"),
        ({"sort": "--sharpe"}, "sort", "Unknown name"),
        ({"sort": "error"}, "sort", "Unknown name"),
        ({"sort": "coefficient"}, "sort", "Unknown name"),
        ({"symbol": "SP500"}, "symbol", "not among the symbols"),
        ({"page": "0"}, "page", "must be an integer between 1"),
        ({"page": "-1"}, "page", "must be an integer between 1"),
        ({"page": "1.5"}, "page", "must be an integer between 1"),
        ({"page": "9" * 400}, "page", "must be an integer between 1"),
        ({"page": "１"}, "page", "must be an integer between 1"),
        ({"pageSize": "1001"}, "pageSize", "1,000"),
        ({"min.sharp": "1"}, "min.sharp", "Did you mean sharpe?"),
        ({"min.sharpe": "x"}, "min.sharpe", "must be a finite number"),
        ({"minSharpe": "nan"}, "minSharpe", "must be a finite number"),
        ({"max.sharpe": "inf"}, "max.sharpe", "must be a finite number"),
        ({"min.": "1"}, "min.", "Unknown name"),
        ({"filter": "1"}, "filter", "Unknown name"),
        ({"pagesize": "5"}, "pagesize", "Did you mean pageSize?"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_under_the_name_that_was_given(finished, given, field, words):
    detail = problem(finished, **given)
    assert detail.field == field
    assert words in detail.message
    assert len(detail.message) < 1_000
