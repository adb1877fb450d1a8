"""The heatmap as a table: the same numbers as the picture's, with what it says in words."""

import re

import numpy as np
import pytest

from batches.formatting import metric
from batches.results.heatmap import heatmap
from batches.web.heatmap_choice import HeatmapChoice
from batches.web.heatmap_table import MOST_COLUMNS, MOST_ROWS, heatmap_table, plateau
from tests.support import jobs
from tests.support.page_reader import HTMX, text_of, url

SQUARE = {"fast": [3, 5, 8], "slow": [10, 20, 30]}


@pytest.fixture(autouse=True)
def _quiet(queued, published):
    """Nothing is queued or announced: these tests look at pages."""


@pytest.fixture
def wide(start):
    """More values on each axis than a table holds."""
    ranges = {"fast": list(range(2, 42)), "slow": {"start": 42, "stop": 80, "step": 1}}
    return jobs.finish(jobs.submit(start(symbols=["ACME"], parameterRanges=ranges)))


def table(session, query="", **windows):
    fields = dict(pair.split("=") for pair in query.split("&") if pair)
    return heatmap_table(session, HeatmapChoice.parse(session, fields, prefix=""), **windows)


def texts(table):
    return [[text for text, _ in cells] for _, cells in table.rows]


def test_the_table_holds_the_numbers_of_the_picture(client, start):
    session = jobs.finish(jobs.submit(start(parameterRanges=SQUARE)))
    picture = heatmap(session, x="slow", y="fast", metric="sharpe", aggregate="median")
    assert texts(table(session)) == [[metric(value, "ratio") for value in line] for line in picture["values"]]
    picture = heatmap(session, x="fast", y="slow", metric="maxDrawdown", aggregate="best", symbol="BOLT")
    query = "x=fast&y=slow&metric=maxDrawdown&aggregate=best&symbol=BOLT"
    assert texts(table(session, query)) == [[metric(value, "fraction") for value in line] for line in picture["values"]]
    response = client.get(f"{url(session, 'heatmap')}?{query}")
    assert "Max drawdown, best per cell, BOLT" in text_of(response)
    assert re.findall(r'value="fast" selected', response.content.decode())


def test_htmx_gets_the_whole_page_of_the_heatmap(client, finished):
    response = client.get(url(finished, "heatmap"), headers=HTMX)
    assert response.status_code == 200
    assert "<html" in response.content.decode()


def test_the_words_name_the_range_the_best_cell_and_an_end_of_the_grid(start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], parameterRanges=SQUARE)))
    tests = jobs.frame(session)
    best = tests.loc[tests["sharpe"].idxmax()]
    words = table(session).words
    low, high = metric(tests["sharpe"].min(), "ratio"), metric(best["sharpe"], "ratio")
    assert words[0] == f"Sharpe ratio, median of 9 tests in 9 cells: {low} to {high}."
    assert f"Fast average {best['fast']:g}, Slow average {best['slow']:g}" in words[1]
    at_ends = [label for label, name in (("Fast", "fast"), ("Slow", "slow")) if best[name] != SQUARE[name][1]]
    assert ("values beyond were not tested" in words[-1]) == bool(at_ends)
    assert all(label in words[-1] for label in at_ends)


def test_the_best_is_the_lowest_where_less_is_better(start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], parameterRanges=SQUARE)))
    name = min(jobs.LOWER_IS_BETTER)
    lowest_best = table(session, f"metric={name}&aggregate=best")
    shades = [(shade, text) for _, cells in lowest_best.rows for text, shade in cells]
    lowest = jobs.frame(session)[name].min()
    assert any(shade == 5 and text in lowest_best.words[1] for shade, text in shades)
    assert metric(lowest, "fraction") in lowest_best.words[1] or metric(lowest, "ratio") in lowest_best.words[1]


def test_a_large_grid_opens_at_its_best_cell_and_is_read_window_by_window(client, wide):
    first = table(wide, "x=fast&y=slow")
    best = jobs.frame(wide).set_index("index")["sharpe"].max()
    assert metric(best, "ratio") in {text for line in texts(first) for text in line}
    assert len(first.x.texts) <= MOST_COLUMNS
    assert len(first.y.texts) <= MOST_ROWS
    seen = [
        sum(len(line) for line in texts(table(wide, "x=fast&y=slow", column=str(column), row=str(row))))
        for column in (1, 2, 3)
        for row in (1, 2)
    ]
    assert sum(seen) == 40 * 39
    page = client.get(f"{url(wide, 'heatmap')}?x=fast&y=slow&column=2&row=1")
    assert "Fast average 17 to 31: values 16–30 of 40" in text_of(page)
    assert re.search(r'href="\?x=fast&amp;y=slow&amp;column=3&amp;row=1">Right', page.content.decode())


@pytest.mark.parametrize("query", ["0", "-1", "x", "99", "9999999999999", "²"])
def test_a_window_that_is_none_is_another_one(wide, query):
    assert table(wide, "x=fast&y=slow", column=query).x.texts


def test_a_batch_without_results_says_so_and_a_failed_cell_is_empty(submitted, finished):
    assert table(submitted).words == ["No finished test has a value here."]
    assert {shade for _, cells in table(submitted).rows for _, shade in cells} == {0}
    failed = table(finished, "symbol=CORE&x=slow&y=fast")
    assert {cells[-1] for _, cells in failed.rows} == {("–", 0)}


def test_a_plateau_stays_and_a_lucky_spike_does_not():
    cells = np.ones((5, 5))
    cells[2, 2], cells[0, 0] = 9.0, np.nan
    smooth = plateau(cells)
    assert smooth[2, 2] == 1.0
    assert np.isnan(smooth[0, 0])
    np.testing.assert_array_equal(plateau(np.array([[1.0, 2.0]])), [[1.5, 1.5]])


def test_the_picture_leads_to_its_table_without_scripts(client, finished):
    body = client.get(url(finished)).content.decode()
    assert f'<form class="filters" method="get" action="{url(finished, "heatmap")}">' in body
    assert "needs scripts" not in body


def test_a_symbol_that_the_batch_does_not_have_is_told_with_the_one_that_was_meant(client, start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], parameterRanges=SQUARE)))
    page = url(session, "heatmap")
    assert "not among the symbols" not in client.get(f"{page}?symbol=acme").content.decode()
    answer = text_of(client.get(f"{page}?symbol=ACMW"))
    assert "'ACMW' is not among the symbols of this batch." in answer
    assert "ACME" in answer.partition("'ACMW'")[2][:120]


def test_a_cell_that_lacks_a_symbol_says_so(client, start):
    session = jobs.finish(jobs.submit(start(parameterRanges={"fast": [3, 5], "slow": [10, 70]})))
    picture = heatmap(session, x="slow", y="fast")
    assert picture["counts"] == [[3, 2], [3, 2]]  # CORE has too few bars for 70
    shown = table(session)
    assert [[text.endswith("(2 of 3)") for text in line] for line in texts(shown)] == [[False, True]] * 2
    assert "2 cells with fewer tests than the others." in shown.words
    one_symbol = table(session, "symbol=CORE")
    assert not any("of" in text for line in texts(one_symbol) for text in line)


def test_the_counts_of_a_batch_without_results_are_zero(start):
    assert heatmap(jobs.submit(start(parameterRanges=SQUARE)))["counts"] == [[0] * 3] * 3
