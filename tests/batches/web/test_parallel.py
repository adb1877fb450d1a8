"""Parallel coordinates: what is drawn is a fair sample, and the form below is the table's filters."""

import html
import re

import pytest
from django.urls import reverse

from batches.results.query import ResultsQuery, page
from batches.running import lifecycle
from batches.web.charts import parallel
from tests.support import jobs


def drawn(session, **query):
    return parallel.parallel(session, ResultsQuery.parse(session, query))


def lines(*paths):
    return sum(path.count("M") for path in paths)


def axis(picture, name):
    return next(axis for axis in picture.axes if axis.name == name)


@pytest.fixture(autouse=True)
def _quiet(queued, published):
    """Nothing is queued or announced."""


def test_each_test_with_values_has_a_line_and_failed_ones_have_none(finished):
    picture = drawn(finished)
    assert [axis.name for axis in picture.axes] == ["fast", "slow", "sharpe", "maxDrawdown", "trades"]
    assert lines(*picture.shades) == lines(picture.behind) == finished.successful == 24
    assert (picture.passing, picture.everything) == (27, 27)


def test_a_large_batch_is_drawn_as_its_best_and_a_sample_that_is_the_same_each_time(finished, monkeypatch):
    monkeypatch.setattr(parallel, "BEST", 3)
    monkeypatch.setattr(parallel, "OTHERS", 4)
    monkeypatch.setattr(parallel, "BEHIND", 5)
    picture = drawn(finished, symbol="ACME")
    assert picture.best == 3
    assert 3 <= lines(*picture.shades) <= 7
    assert lines(picture.behind) == 5
    assert drawn(finished, symbol="ACME") == picture


def test_a_test_that_never_held_a_position_is_not_among_the_best(start):
    ranges = {"exit_window": [3], "entry_window": [20, 30, 390]}
    body = {"strategy": "donchian_breakout", "parameterRanges": ranges, "sortBy": "maxDrawdown"}
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], **body)))
    assert [row["exposure"] > 0 for row in session.results["results"]] == [True, True, False]
    assert drawn(session).best == 2


def test_the_best_lie_at_the_end_of_their_axis(finished):
    best = page(finished, ResultsQuery.parse(finished, {"sort": "-sharpe"})).rows[0]
    assert axis(drawn(finished), "sharpe").high == best["sharpe"]


def test_filters_are_brushes_and_leave_the_axes_as_they_are(finished):
    free, narrowed = drawn(finished), drawn(finished, **{"min.fast": "5", "max.maxDrawdown": "-0.05"})
    assert [(axis.low, axis.high) for axis in narrowed.axes] == [(axis.low, axis.high) for axis in free.axes]
    fast, depth = axis(narrowed, "fast"), axis(narrowed, "maxDrawdown")
    assert (fast.at_least, fast.at_most, depth.at_least, depth.at_most) == ("5", "", "", "-5%")
    top, length = fast.brush
    assert top == parallel.TOP
    assert length == pytest.approx(parallel.LENGTH * 3 / 5, abs=0.1)
    assert axis(narrowed, "slow").brush is None
    assert narrowed.passing < free.passing == narrowed.everything


def test_words_say_where_the_best_lie(finished):
    assert drawn(finished, **{"max.fast": "3"}).best_ranges[0] == "Fast average 3 of 3 to 8"


def test_a_metric_that_is_better_low_is_shaded_the_other_way(start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], sortBy="annualizedVolatility")))
    picture = drawn(session)
    volatility = axis(picture, "annualizedVolatility")
    place = picture.axes.index(volatility)
    heights = [re.findall(r"[\d.]+ (\d+)", shade)[place :: len(picture.axes)] for shade in picture.shades]
    worst, best = (sum(map(int, some)) / len(some) for some in (heights[0], heights[-1]))
    assert worst < best  # higher up in the picture is more


def test_a_batch_without_results_is_drawn_empty(client, submitted):
    lifecycle.cancel(submitted.pk, submitted.created_at)
    response = client.get(reverse("batches:parallel", args=[submitted.pk]))
    assert "No finished test has values to draw." in response.content.decode()
    assert "<svg" not in response.content.decode().partition('id="parallel-title"')[2].partition("</section>")[0]


def test_the_form_carries_the_sort_and_reads_percentages(client, finished):
    address = reverse("batches:parallel", args=[finished.pk])
    body = client.get(f"{address}?min.exposure=&max.maxDrawdown=-5%25&sort=fast&show=trades&page=3").content.decode()
    assert 'name="max.maxDrawdown" value="-5%"' in body
    carried = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', body)
    assert carried == [("sort", "fast"), ("show", "trades")]
    assert "<html" in body
    assert "<html" not in client.get(address, headers={"HX-Request": "true"}).content.decode()


def test_a_wrong_range_is_told_on_a_page_that_still_comes(client, finished):
    response = client.get(reverse("batches:parallel", args=[finished.pk]), {"min.fast": "soon"})
    assert "must be a finite number" in html.unescape(response.content.decode())
