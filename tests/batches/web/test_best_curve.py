"""The curve of the best so far: recorded with the results, bounded, and drawn as the browser draws it."""

import json
from pathlib import Path

import pytest

from batches.models import BatchSession
from batches.running import retrying, tallying
from batches.web.charts.best_curve import curve_words, luck_path, step_path
from tests.support import jobs

CASES = json.loads((Path(__file__).parents[2] / "js" / "curve-cases.json").read_text())


@pytest.mark.parametrize("case", CASES["paths"])
def test_the_line_is_the_browsers(case):
    line = case["points"], case["current"], case["total"], case.get("newest")
    assert (step_path(*line), luck_path(*line)) == (case["path"], case.get("luck", ""))


@pytest.mark.parametrize("case", CASES["words"])
def test_the_words_are_the_browsers(case):
    assert curve_words(case["points"], case["unit"]) == case["words"]


def test_every_improvement_is_recorded_with_the_results(submitted, queued, published):
    best = []
    while submitted.current < submitted.total:
        submitted = jobs.work_some(submitted, 1)
        value = submitted.leaders[0]["sharpe"] if submitted.leaders else None
        if value is not None and (not best or best[-1][1] != value):
            best.append((submitted.current, value, submitted.luck and submitted.luck["sharpe"]))
    assert [tuple(point[1:]) for point in submitted.improvements] == best
    assert submitted.improvements[-1][2] == submitted.leaders[0]["sharpe"]
    seconds = [point[0] for point in submitted.improvements]
    assert seconds == sorted(seconds)


def test_the_curve_stays_short_however_often_the_best_gets_better(submitted):
    for step in range(1_000):
        submitted.successful = step + 1
        submitted.leaders = [{"sharpe": step / 100}]
        assert tallying.add_improvement(submitted, submitted.created_at)
    assert not tallying.add_improvement(submitted, submitted.created_at)
    assert len(submitted.improvements) <= tallying.IMPROVEMENTS
    assert submitted.improvements[0][1:] == [1, 0.0, None]
    assert submitted.improvements[-1][1:] == [1_000, 9.99, None]


def test_a_retry_begins_with_the_best_that_it_took_over(halfway, queued, published):
    BatchSession.objects.filter(pk=halfway.pk).update(status="cancelled")
    again = retrying.retry(jobs.reread(halfway), now=halfway.created_at)
    assert again.luck
    assert again.improvements == [[0.0, again.current, halfway.leaders[0]["sharpe"], again.luck["sharpe"]]]


def test_the_page_shows_the_curve(client, halfway, queued, published):
    body = client.get(f"/batches/{halfway.id}/").content.decode()
    line = halfway.improvements, halfway.current, halfway.total, halfway.luck["sharpe"]
    assert f'<path data-best d="{step_path(*line)}"/>' in body
    assert f'<path data-luck class="luck" d="{luck_path(*line)}"/>' in body
    assert luck_path(*line)
