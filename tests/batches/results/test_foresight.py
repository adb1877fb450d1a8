"""A measured beta is known only at the end of the tested dates: the rows and the results say so."""

import pytest

from batches.models import Instrument
from batches.results.query import ResultsQuery, page
from batches.sweep.plan import build_plan
from batches.sweep.start_request import StartRequest
from tests.support import jobs
from tests.support.page_reader import text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")


@pytest.fixture
def scaled(start):
    """ACME has a manual beta, BOLT a measured one."""
    Instrument.objects.filter(symbol="ACME").update(manual_beta=1.5)
    ranges = {"gridInterval": [0.02, 0.05]}
    body = start(strategy="grid_dca", symbols=["ACME", "BOLT"], parameterRanges=ranges, enableBetaScaling=True)
    return jobs.finish(jobs.submit(body))


def foresight(rows):
    return {row["symbol"]: row["betaLooksAhead"] for row in rows}


def test_each_row_says_whether_its_beta_looks_ahead(scaled):
    expected = {"ACME": False, "BOLT": True}
    assert foresight(page(scaled, ResultsQuery.parse(scaled, {})).rows) == expected
    assert foresight(scaled.results["results"]) == expected


def test_the_results_name_the_symbols_whose_beta_looks_ahead(scaled):
    (warning,) = [text for text in scaled.results["validation"]["warnings"] if "looks ahead" in text]
    assert warning.startswith("Beta looks ahead: that of BOLT is measured over the tested dates")


def test_the_page_and_the_answer_of_one_combination_say_so(scaled, client):
    words = "(over the tested dates, known only at their end)"
    for index, looks_ahead in ((0, False), (scaled.total - 1, True)):
        assert (words in text_of(client.get(url(scaled, "combination", index)))) is looks_ahead
        answer = client.get(f"/api/backtest/batch/{scaled.pk}/results/{index}").json()
        assert answer["betaLooksAhead"] is looks_ahead


def test_batches_without_scaling_and_older_ones_say_nothing(finished, scaled):
    assert "betaLooksAhead" not in finished.results["results"][0]
    older = [{name: value for name, value in fact.items() if name != "betaLooksAhead"} for fact in scaled.instruments]
    plan = build_plan(StartRequest.from_json(scaled.request), older)
    assert "betaLooksAhead" not in plan.identity(0)
